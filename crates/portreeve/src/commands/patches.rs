//! `portreeve patches`: which open port runs code with a known security hole, or code older than its package (A18)?

mod elsewhere;

use std::path::PathBuf;

use clap::{Arg, ArgMatches, builder::PathBufValueParser};
use portreeve_core::{
    facts::{CodeRoot, Gap, GapKind, Listener},
    finding::Finding,
    patches::{Patch, patches, unlistening},
    port::PortSpec,
    rules,
    words::{Lang, Words},
    world::{World, gap_matters},
};
use portreeve_host::{
    Wanted,
    observe::{Connections, Files, Processes},
};

use super::Command;
use crate::{
    asked::{self, Asked},
    exit::Exit,
    failure::Failure,
    look::Look,
    settings::{Common, Format, Gaps, Netns, Settings, Verbosity, options},
    show::{out::Out, patches as show},
    table_file::TableFile,
};

/// `patches`.
pub(super) const COMMAND: Command = Command {
    name: "patches",
    about: Words {
        en: "Which port runs old code, or waits for an update?",
        ja: "更新前のコードや、更新待ちのパッケージを使うポート",
    },
    examples: &[
        "portreeve patches",
        "portreeve patches 22",
        "portreeve patches 22 --advisories osv",
        "portreeve patches -o json",
    ],
    takes: &[
        Common::Output(Format::LISTING),
        Common::Snapshot,
        Common::Policy,
        Common::Netns,
        Common::FailOn,
        Common::AllowGaps,
    ],
    arguments,
    run,
};

const PORT: &str = "port";
const ALL: &str = "all";
const ALL_PROCESSES: &str = "all-processes";
const ADVISORIES: &str = "advisories";

fn arguments(lang: Lang) -> Vec<Arg> {
    let port = Words {
        en: "443, https, 443/udp, 30000-30099/tcp, several of them; without it, every port that somebody listens on",
        ja: "443、https、443/udp、30000-30099/tcp(複数可)。省略すると、待ち受けのあるすべてのポート",
    };
    let all = Words {
        en: "Packages too that run as they are installed and for which nothing waits",
        ja: "最新で更新待ちのないパッケージも表示",
    };
    let advisories = Words {
        en: "Advisories to ask: OSV's JSON, a directory of it, or debsecan's data; nothing is fetched",
        ja: "照合するアドバイザリ: OSV 形式の JSON、そのディレクトリ、または debsecan のデータ(取得はしない)",
    };
    let processes = Words {
        en: "Processes too that listen nowhere", ja: "待ち受けのないプロセスも調べる"
    };
    [
        Arg::new(PORT).value_name("PORT").num_args(0..).help(port.in_lang(lang)),
        options::flag(ALL, all, lang).short('a'),
        options::value(ADVISORIES, "FILE|DIR", advisories, lang).value_parser(PathBufValueParser::new()),
        options::flag(ALL_PROCESSES, processes, lang).conflicts_with_all([options::SNAPSHOT, PORT]),
    ]
    .into_iter()
    .chain(elsewhere::arguments(lang))
    .collect()
}

/// Who listens, in every namespace, and what code they run.
const LOOK: Wanted = Wanted { files: Files::Mappings, connections: Connections::Skip, ..Wanted::JUDGEMENT };

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let questions = asked_for(own)?;
    let asked = questions.concat();
    let look = match elsewhere::read(own)? {
        Some(snapshot) => Look::of(settings, snapshot)?,
        None => live(own, settings)?,
    };
    if look.snapshot.code.is_none() {
        return Err(without_code());
    }
    let look = look.beside_advisories(own.get_one::<PathBuf>(ADVISORIES).map(PathBuf::as_path))?;
    let world = look.world();
    let is_everybody = own.get_flag(ALL_PROCESSES) || elsewhere::is_asked(own);
    let patches = told(&world, &asked, is_everybody);
    let sees_all = settings.netns != Netns::All && is_heard(&questions, &patches);
    let meant = Meant { world: &world, asked: &asked, patches: &patches, sees_all };
    let gaps: Vec<&Gap> = world.snapshot.gaps.iter().filter(|gap| meant.matters(gap)).collect();
    match settings.format {
        Format::Json => out.json(&show::document(&world, &patches, &gaps, settings.lang))?,
        Format::Ndjson => {
            show::views(&world, &patches).try_for_each(|view| out.ndjson(&view))?;
        }
        Format::Csv => out.csv(show::records(&patches))?,
        _ if settings.verbosity == Verbosity::Quiet => {}
        _ => {
            let is_all = own.get_flag(ALL) || !asked.is_empty() || settings.verbosity == Verbosity::Verbose;
            let unheard = unheard(&questions, &patches);
            show::print(&world, &show::Told { patches: &patches, is_all, unheard: &unheard }, out)?;
        }
    }
    show::tell_gaps(&gaps, settings, out)?;
    let elsewhere = if elsewhere::is_asked(own) { &patches[..] } else { &[] };
    Ok(exit(&meant, elsewhere, &gaps, settings))
}

/// This host, or a saved look at one.
fn live(own: &ArgMatches, settings: &Settings) -> Result<Look, Failure> {
    let everywhere = Settings { netns: netns(settings), ..settings.clone() };
    let processes = if own.get_flag(ALL_PROCESSES) { Processes::All } else { LOOK.processes };
    Look::take(&everywhere, &Wanted { processes, ..LOOK })
}

/// What the ports that were asked for run, and where `is_everybody`, what all others do.
fn told<'a>(world: &'a World<'a>, asked: &[Asked], is_everybody: bool) -> Vec<Patch<'a>> {
    let means = |patch: &Patch<'_>| asked.is_empty() || is_of(patch, asked);
    let others = if is_everybody && asked.is_empty() { unlistening(world) } else { Vec::new() };
    patches(world).into_iter().filter(means).chain(others).collect()
}

fn is_of(patch: &Patch<'_>, asked: &[Asked]) -> bool {
    let is_asked =
        |(spec, _): (PortSpec, u64)| asked.iter().any(|asked| asked.is(spec.protocol, spec.range.first));
    patch.place.is_some_and(is_asked)
}

/// Whether ports were asked for, and of each the code of somebody is known.
fn is_heard(questions: &[Vec<Asked>], patches: &[Patch<'_>]) -> bool {
    let is_heard = |asked: &Vec<Asked>| patches.iter().any(|patch| is_of(patch, asked));
    !questions.is_empty() && questions.iter().all(is_heard)
}

/// The questions that nothing answers, beside others that something does.
fn unheard(questions: &[Vec<Asked>], patches: &[Patch<'_>]) -> Vec<String> {
    let is_heard = |asked: &&Vec<Asked>| patches.iter().any(|patch| is_of(patch, asked));
    let unheard = questions.iter().filter(|asked| !patches.is_empty() && !is_heard(asked));
    unheard.flatten().map(ToString::to_string).collect()
}

/// Every namespace, unless one was named: whoever runs old code in a container is asked for by no name.
fn netns(settings: &Settings) -> Netns {
    match &settings.netns {
        Netns::Usual => Netns::All,
        named => named.clone(),
    }
}

fn asked_for(own: &ArgMatches) -> Result<Vec<Vec<Asked>>, Failure> {
    let words = asked::listed(own.get_many::<String>(PORT).into_iter().flatten());
    if words.is_empty() {
        return Ok(Vec::new());
    }
    asked::questions(&words, TableFile::load()?.registry())
}

/// What is answered, beside which a gap matters or does not.
struct Meant<'m> {
    world: &'m World<'m>,
    asked: &'m [Asked],
    patches: &'m [Patch<'m>],
    /// Whether nothing was asked for beyond what was found: as of `who`, whoever listens in a namespace that could not be
    /// entered is another question then.
    sees_all: bool,
}

impl Meant<'_> {
    /// Whether a gap may hide code that was asked for, its package, or what waits for it.
    fn matters(&self, gap: &Gap) -> bool {
        if gap.hides_packages() {
            return self.is_of_answer(gap);
        }
        let is_of_code =
            matches!(gap.what, GapKind::HiddenFiles | GapKind::UnsteadyRead | GapKind::ForeignNamespaces);
        if !is_of_code && !gap.hides_holders() || gap.what == GapKind::ForeignNamespaces && self.sees_all {
            return false;
        }
        self.asked.is_empty() || self.is_about_asked(gap)
    }

    /// Whether it is of what was asked for: a finding names one port of all those that its processes hold.
    fn is_concerned(&self, finding: &Finding) -> bool {
        let of_answer = self.patches.iter().flat_map(|patch| &patch.holders);
        let mut holders = of_answer.map(|(pid, _)| *pid);
        self.asked.is_empty() || finding.ports.is_none() || holders.any(|pid| finding.holders.contains(&pid))
    }

    /// Whether it is of a root below which something runs that is answered, or of none that is known.
    fn is_of_answer(&self, gap: &Gap) -> bool {
        let is_of = |root: &CodeRoot| root.is_hidden_by(gap);
        let mut known = self.world.snapshot.code.iter().flat_map(|code| &code.roots);
        self.patches.iter().any(|patch| patch.root.is_some_and(is_of)) || !known.any(is_of)
    }

    fn is_about_asked(&self, gap: &Gap) -> bool {
        let is_asked =
            |listener: &&Listener| self.asked.iter().any(|asked| asked.is(listener.protocol, listener.port));
        gap_matters(gap, self.world.snapshot, &self.world.scope, self.world.listeners().filter(is_asked))
    }
}

fn without_code() -> Failure {
    Failure::usage(Words {
        en: "this snapshot was taken without the code that processes run",
        ja: "このスナップショットには、プロセスが実行しているコードが保存されていません",
    })
    .hint(Words {
        en: "take it again: sudo portreeve snapshot > host.json",
        ja: "取り直してください: sudo portreeve snapshot > host.json",
    })
}

/// As of `audit`, by the rules about code alone; what runs `elsewhere` is behind no port.
fn exit(meant: &Meant<'_>, elsewhere: &[Patch<'_>], gaps: &[&Gap], settings: &Settings) -> Exit {
    let mut findings = rules::judge(meant.world);
    findings.extend(rules::judge_unlistening(meant.world, elsewhere));
    let of_code =
        findings.iter().filter(|finding| rules::code::is_one(finding.rule) && finding.waived.is_none());
    let worst = of_code.filter(|finding| meant.is_concerned(finding)).map(|finding| finding.severity).max();
    if worst.is_some_and(|worst| settings.fail_on.is_some_and(|least| worst >= least)) {
        Exit::Found
    } else if settings.gaps == Gaps::Matter && !gaps.is_empty() {
        Exit::Gaps
    } else {
        Exit::Fine
    }
}
