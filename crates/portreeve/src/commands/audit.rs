//! `portreeve audit`: what is wrong with the ports of this host (A15–A18, A20).

use clap::{Arg, ArgMatches};
use portreeve_core::{
    rules, text,
    words::{Lang, Text, Words},
};
use portreeve_host::{Wanted, keep::KeepError};

use super::Command;
use crate::{
    directories,
    exit::Exit,
    failure::{Failure, keep_cause},
    judgement::Judgement,
    last_audit::{LastAudit, LastAuditError, RECORD},
    look::Look,
    settings::{Common, Format, Gaps, Settings, Verbosity, options},
    show::{audit, findings, nagios, next, out::Out, sarif},
};

const SINCE_LAST: &str = "since-last";
const FORMATS: &[Format] =
    &[Format::Table, Format::Json, Format::Ndjson, Format::Csv, Format::Sarif, Format::Nagios];

/// `audit`.
pub(super) const COMMAND: Command = Command {
    name: "audit",
    about: Words { en: "What is wrong?", ja: "ポートに関する問題点の一覧" },
    examples: &[
        "portreeve audit",
        "portreeve audit --since-last",
        "portreeve audit --policy none --fail-on high",
        "portreeve audit -o nagios",
    ],
    takes: &[
        Common::Policy,
        Common::Snapshot,
        Common::Netns,
        Common::FailOn,
        Common::AllowGaps,
        Common::Output(FORMATS),
    ],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let since_last = Words {
        en: "Only what is new since the last run with this option",
        ja: "前回このオプションで実行した後に増えたものだけを表示",
    };
    vec![options::flag(SINCE_LAST, since_last, lang)]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let judged = judge_and_show(own, settings, out);
    match judged {
        // Nagios reads 2 as critical, and a monitor that cannot look knows nothing.
        Err(failure @ Failure::Said(_)) if settings.format == Format::Nagios => {
            let unknown = nagios::unknown(failure.what(settings.lang));
            failure.print(settings.lang);
            out.write(&unknown)?;
            Ok(Exit::Plugin(nagios::State::Unknown))
        }
        other => other,
    }
}

fn judge_and_show(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let mut last = own.get_flag(SINCE_LAST).then(last_audit).transpose()?;
    let look = Look::take(
        settings,
        &Wanted { namespaces: settings.namespaces().for_judgement(), ..Wanted::JUDGEMENT },
    )?;
    let world = look.world();
    let mut judgement = Judgement::new(&world, rules::judge(&world));
    if let Some(last) = &mut last {
        last.keep_news(&mut judgement, &settings.netns);
    }
    let exit = show(&judgement, settings, out)?;
    if let Some(last) = &mut last {
        // What was not seen by anybody is still news next time.
        out.finish()?;
        last.save().map_err(|error| not_kept(&error))?;
    }
    Ok(exit)
}

fn show(judgement: &Judgement<'_>, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let lang = settings.lang;
    if settings.format == Format::Nagios {
        let state = nagios::State::of(judgement, settings.fail_on, settings.gaps);
        out.write(&nagios::report(judgement, state, lang))?;
        return Ok(Exit::Plugin(state));
    }
    match settings.format {
        _ if settings.verbosity == Verbosity::Quiet => {}
        Format::Json => out.json(&audit::document(judgement, lang))?,
        Format::Ndjson => {
            for finding in audit::findings(judgement, lang) {
                out.ndjson(&finding)?;
            }
        }
        Format::Csv => out.csv(audit::records(judgement, lang))?,
        Format::Sarif => out.json(&sarif::log(judgement, lang))?,
        Format::Table | Format::Nagios | Format::Nft => {
            let report = findings::report(judgement, lang, out.colour, out.width);
            out.write(&report)?;
            next::print(&next(judgement), out)?;
        }
    }
    Ok(exit(judgement, settings))
}

fn next(judgement: &Judgement<'_>) -> Vec<String> {
    let worst = judgement.counted().next().map(|finding| format!("portreeve explain {}", finding.rule));
    let policy = judgement.policy.is_none().then(|| "portreeve init > policy.toml".into());
    worst.into_iter().chain(policy).collect()
}

fn exit(judgement: &Judgement<'_>, settings: &Settings) -> Exit {
    let found = judgement.worst().is_some_and(|worst| settings.fail_on.is_some_and(|least| worst >= least));
    if found {
        Exit::Found
    } else if settings.gaps == Gaps::Matter && !judgement.gaps.is_empty() {
        Exit::Gaps
    } else {
        Exit::Fine
    }
}

fn last_audit() -> Result<LastAudit, Failure> {
    let directory = directories::state().ok_or_else(|| {
        Failure::new(
            Exit::Unreachable,
            Words {
                en: "nowhere to keep what was found: neither HOME nor XDG_STATE_HOME is set",
                ja: "結果の保存先がありません: HOME も XDG_STATE_HOME も設定されていません",
            },
        )
    })?;
    LastAudit::read(&directory.join(RECORD)).map_err(|error| not_told(&error))
}

fn not_told(error: &LastAuditError) -> Failure {
    let failure = Failure::new(
        Exit::Unreachable,
        Words { en: "cannot tell what is new", ja: "前回との違いを判定できません" },
    );
    let (cause, path) = match error {
        LastAuditError::Read { path, source } => {
            let path = path.display();
            let Text { en, ja } = source.text();
            (text!("{path}: {en}", "{path}: {ja}"), path)
        }
        LastAuditError::Garbled { path } => {
            let path = path.display();
            (text!("{path} is not a record of an audit", "{path} は audit の記録ではありません"), path)
        }
        LastAuditError::Newer { path, layout } => {
            let path = path.display();
            let cause = text!(
                "{path} has layout {layout}: a newer portreeve wrote it",
                "{path} の形式は {layout} で、より新しい portreeve で作られています"
            );
            (cause, path)
        }
    };
    failure
        .because(cause)
        .hint(text!("remove it to begin anew: rm {path}", "最初からやり直すには: rm {path}"))
}

fn not_kept(error: &KeepError) -> Failure {
    let path = error.path().display();
    Failure::new(
        Exit::Unreachable,
        text!("cannot remember this audit in {path}", "今回の結果を {path} に保存できません"),
    )
    .because(keep_cause(error))
}
