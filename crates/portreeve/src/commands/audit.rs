//! `portreeve audit`: what is wrong with the ports of this host (A15–A18, A20).

mod since;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    rules,
    words::{Lang, Words},
};
use portreeve_host::Wanted;

use self::since::Since;
use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    judgement::Judgement,
    look::Look,
    settings::{Colour, Common, Format, Gaps, Settings, Verbosity, options},
    show::{audit, diff::Comparison, nagios, next, out::Out, sarif},
};

const SINCE_LAST: &str = "since-last";
const TELL: &str = "tell";
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
        en: "Only what changed since the last run with this option; nothing where nothing did (-v: the summary)",
        ja: "前回このオプションで実行した後の変化だけを表示し、なければ何も表示しない(-v で要約を表示)",
    };
    let tell = Words {
        en: "Hand what changed to the command that the policy names: [audit] command",
        ja: "変化を policy の [audit] command に渡す",
    };
    vec![options::flag(SINCE_LAST, since_last, lang), options::flag(TELL, tell, lang).requires(SINCE_LAST)]
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
    let mut since = own.get_flag(SINCE_LAST).then(|| Since::read(settings)).transpose()?;
    let wanted = Wanted { namespaces: settings.namespaces().for_judgement(), ..Wanted::JUDGEMENT };
    let look = Look::take(settings, &wanted)?.beside_ledger(settings).beside_advisories(None)?;
    let world = look.world();
    let mut judgement = Judgement::new(&world, rules::judge(&world));
    if let Some(since) = &mut since {
        since.audit.keep_news(&mut judgement, &settings.netns);
    }
    let was = since.as_ref().map_or(Ok(None), |since| since.was(&look, settings))?;
    let changes = was.as_ref().map(|was| since::compare(was, &world, settings)).transpose()?;
    let exit = show(&judgement, changes.as_ref(), settings, out)?;
    // What was not seen by anybody is still news next time.
    out.finish()?;
    if own.get_flag(TELL) && since::is_news(&judgement, changes.as_ref()) {
        let text = since::report(&judgement, changes.as_ref(), settings.lang, Colour::Off, None);
        since::hand_over(look.policy.as_deref(), &text, settings)?;
    }
    drop(changes);
    drop(was);
    if let Some(since) = &mut since {
        since.save(&look)?;
    }
    Ok(exit)
}

fn show(
    judgement: &Judgement<'_>,
    changes: Option<&Comparison<'_, '_>>,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let lang = settings.lang;
    if settings.format == Format::Nagios {
        let state = nagios::State::of(judgement, settings.fail_on, settings.gaps);
        out.write(&nagios::report(judgement, state, lang))?;
        return Ok(Exit::Plugin(state));
    }
    match settings.format {
        _ if settings.verbosity == Verbosity::Quiet => {}
        Format::Json => out.json(&audit::document(judgement, changes, lang))?,
        Format::Ndjson => {
            for finding in audit::findings(judgement, lang) {
                out.ndjson(&finding)?;
            }
        }
        Format::Csv => out.csv(audit::records(judgement, lang))?,
        Format::Sarif => out.json(&sarif::log(judgement, lang))?,
        Format::Table | Format::Nagios | Format::Nft => {
            if settings.verbosity == Verbosity::Verbose || since::is_news(judgement, changes) {
                out.write(&since::report(judgement, changes, lang, out.colour, out.width))?;
                next::print(&next(judgement), out)?;
            }
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
