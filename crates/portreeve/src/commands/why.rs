//! `portreeve why 443`: how did this port come to be so (A5, A12, A20)?

mod held;
mod opened;
mod origin;
mod screen;
mod story;
mod suspect;
pub(crate) mod view;

use std::collections::BTreeSet;

use clap::{Arg, ArgMatches, builder::ValueParser};
use portreeve_core::{
    facts::Snapshot,
    finding::Finding,
    port::PortRange,
    rules, text,
    words::{Lang, Words},
    world::World,
};
use portreeve_host::{
    Wanted,
    observe::{Connections, Holders, Origins},
};

use self::story::{Compared, Evidence, Story};
use super::{
    Command,
    who::{Answer, is_silent, passed, steered},
};
use crate::{
    asked::{self, Asked},
    directories,
    exit::Exit,
    failure::Failure,
    guards,
    last_audit::{LastAudit, RECORD},
    look::{Look, read_snapshot},
    settings::{self, Common, Format, Input, PolicyChoice, Settings, Verbosity, options},
    show::{
        diff::Comparison,
        gaps,
        guard::refused::Refusal,
        out::Out,
        rows::{Folding, fold},
    },
    table_file::TableFile,
};

/// Each owner is a story of a dozen lines.
const OWNERS_MAX: usize = 256;
const BEFORE: &str = "before";
const FORMATS: &[Format] = &[Format::Table, Format::Json];

/// `why`.
pub(super) const COMMAND: Command = Command {
    name: "why",
    about: Words { en: "How did this port come to be so?", ja: "ポートがこの状態になった経緯" },
    examples: &[
        "portreeve why 443",
        "portreeve why https",
        "portreeve why 3000 --before monday.json",
        "portreeve why 8080 -o json",
        "portreeve why 203.0.113.7",
    ],
    takes: &[Common::Output(FORMATS), Common::Snapshot, Common::Policy, Common::Netns, Common::AllowGaps],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let what = Words {
        en: "443, https, :3000, 443/udp, several of them, a URL, or a pasted error; an address: what the watch knows of it",
        ja: "443、https、:3000、443/udp(複数可)、URL、または貼り付けたエラー。アドレスを指定すると、監視で分かったこと",
    };
    let before = Words {
        en: "A snapshot that was saved earlier: what was different then? (-: standard input)",
        ja: "以前に保存したスナップショットと比べる(- は標準入力)",
    };
    vec![
        asked::argument(what.in_lang(lang)),
        options::value(BEFORE, "FILE", before, lang).value_parser(ValueParser::os_string()),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let words = asked::words(own);
    if let Some(address) = suspect::named(&words) {
        return suspect::tell(address, settings, out);
    }
    let questions = asked::questions(&words, TableFile::load()?.registry())?;
    let span = asked::span(&questions.concat());
    let before = before(own, settings)?.map(|before| only(before, span));
    let look = Look::take(settings, &wanted(span))?.beside_ledger(settings);
    let world = look.world();
    let after = before.is_some().then(|| only(look.snapshot.clone(), span));
    let [was, is] =
        [&before, &after].map(|snapshot| snapshot.as_ref().map(|snapshot| look.world_of(snapshot)));
    let near = near(&look, &world, &questions, span, settings)?;
    let around = near.as_ref().unwrap_or(&look).world();
    let findings = rules::judge(&world);
    let last = before.is_none().then(|| last_audit(settings)).flatten();
    let refused = refused(&look, &questions, settings);
    let evidence = Evidence {
        world: &world,
        around: around.snapshot.connections.as_deref(),
        findings: &findings,
        compared: was.as_ref().zip(is.as_ref()).map(|(was, is)| Compared::of(was, is)),
        last: last.as_ref(),
        refused: &refused,
        settings,
    };
    let tellings = questions.iter().map(|asked| Telling::of(&evidence, &world, &around, asked));
    let tellings = tellings.collect::<Result<Vec<_>, _>>()?;
    let is_uncertain =
        tellings.iter().any(|telling| telling.answer.is_uncertain(telling.answered_by, settings));
    if settings.verbosity == Verbosity::Quiet {
        let is_free = tellings.iter().all(|telling| telling.answer.is_free());
        return Ok(if is_free { Exit::Found } else { Exit::Fine });
    }
    match settings.format {
        Format::Json => out.json(&view::document(&evidence, &tellings))?,
        _ => screen::print(&evidence, &tellings, out)?,
    }
    Ok(gaps::exit(settings, is_uncertain))
}

fn before(own: &ArgMatches, settings: &Settings) -> Result<Option<Snapshot>, Failure> {
    let input = own.get_one::<std::ffi::OsString>(BEFORE).map(settings::input);
    let is_read_already =
        settings.snapshot == Some(Input::Stdin) || settings.policy == PolicyChoice::Named(Input::Stdin);
    if input == Some(Input::Stdin) && is_read_already {
        return Err(Failure::usage(Words {
            en: "only one file can be read from standard input",
            ja: "標準入力から読めるファイルは 1 つだけです",
        }));
    }
    input.as_ref().map(read_snapshot).transpose()
}

/// The same look with the listeners on some numbers alone.
fn only(snapshot: Snapshot, span: Option<PortRange>) -> Snapshot {
    let mut snapshot = Snapshot { connections: None, ..snapshot };
    snapshot.listeners.retain(|listener| span.is_some_and(|span| span.contains(listener.port)));
    snapshot
}

/// What is wrong can only be judged by a look at everything.
fn wanted(span: Option<PortRange>) -> Wanted {
    Wanted { origins: span.map_or(Origins::Skip, Origins::Tell), ..Wanted::JUDGEMENT }
}

/// Who is connected to those ports alone; and where nobody listens, whose sockets they are.
fn near(
    look: &Look,
    world: &World<'_>,
    questions: &[Vec<Asked>],
    ports: Option<PortRange>,
    settings: &Settings,
) -> Result<Option<Look>, Failure> {
    if settings.snapshot.is_some() {
        return Ok(None);
    }
    let is_any_silent = questions.iter().any(|asked| is_silent(world, asked));
    let holders = if is_any_silent { Holders::Quick } else { Holders::Skip };
    let wanted = Wanted { ports, holders, connections: Connections::List, ..Wanted::LISTENERS };
    look.again(&wanted).map(Some)
}

/// Who tried here to bind what is asked about, without owning it; nobody where that cannot be told.
fn refused(look: &Look, questions: &[Vec<Asked>], settings: &Settings) -> Vec<Refusal> {
    if settings.snapshot.is_some() {
        return Vec::new();
    }
    let mut refused = guards::refused(look.policy.as_deref()).ok().flatten().unwrap_or_default();
    let is_asked = |refusal: &Refusal| questions.iter().any(|asked| story::is_meant(refusal.spec(), asked));
    refused.retain(|refusal| refusal.is_here && is_asked(refusal));
    refused
}

/// What `audit --since-last` kept of this host; a saved one was audited elsewhere, if at all.
fn last_audit(settings: &Settings) -> Option<LastAudit> {
    let path = directories::state().filter(|_| settings.snapshot.is_none())?.join(RECORD);
    LastAudit::read(&path).ok()
}

/// All that is told of one question.
struct Telling<'w, 'a> {
    asked: &'w [Asked],
    answer: Answer<'w, 'a>,
    /// The world that the answer is about.
    answered_by: &'w World<'a>,
    /// One for each owner; none where nobody listens.
    stories: Vec<Story<'w, 'a>>,
    /// What is wrong with the numbers that no story is about.
    findings: Vec<&'w Finding>,
    /// How the numbers that no story is about changed since an earlier snapshot.
    comparison: Option<Comparison<'w, 'w>>,
}

impl<'w, 'a> Telling<'w, 'a> {
    fn of(
        evidence: &Evidence<'w, 'a>,
        world: &'w World<'a>,
        around: &'w World<'a>,
        asked: &'w [Asked],
    ) -> Result<Self, Failure> {
        let heard = Answer::of(world, asked, Holders::All, evidence.settings);
        let silent = || Answer::of(around, asked, Holders::Quick, evidence.settings);
        let silent = heard.found.is_empty().then(silent);
        let rows = fold(world, &heard.found, Folding::Service, evidence.settings.lang);
        if rows.len() > OWNERS_MAX {
            return Err(too_many(rows.len()));
        }
        let stories: Vec<_> = rows.into_iter().map(|row| Story::of(evidence, asked, row)).collect();
        let told: BTreeSet<*const Finding> = stories
            .iter()
            .flat_map(|story| &story.findings)
            .map(|finding| std::ptr::from_ref(*finding))
            .collect();
        let findings = story::about(evidence.findings, asked)
            .filter(|finding| !told.contains(&std::ptr::from_ref(*finding)))
            .filter(|finding| finding.netns.is_none_or(|netns| world.judges(netns)))
            .collect();
        let (mut answer, answered_by) = match silent {
            Some(silent) => (silent, around),
            None => (heard, world),
        };
        // A look at these numbers alone does not see who is led to from them.
        answer.steered = steered::among(world, asked);
        answer.passed = passed::among(world, asked);
        answer.passed.retain(|passed| {
            let mut insides = stories.iter().filter_map(|story| story.inside.as_ref());
            !insides.any(|(target, _)| *target == passed.target)
        });
        let comparison = story::untold(evidence, asked, &stories);
        Ok(Self { asked, answer, answered_by, stories, findings, comparison })
    }
}

fn too_many(owners: usize) -> Failure {
    Failure::usage(text!(
        "{owners} owners hold these ports, and why tells the story of {OWNERS_MAX} at most",
        "指定したポートの所有者は {owners} 件あります。why で説明できるのは {OWNERS_MAX} 件までです"
    ))
    .hint(Words {
        en: "ask about one port; portreeve ls lists them",
        ja: "ポートを 1 つに絞ってください。一覧は portreeve ls で確認できます",
    })
}
