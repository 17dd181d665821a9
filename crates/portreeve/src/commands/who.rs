//! `portreeve who 443`: who holds this port (A5, A12)?

pub(super) mod answer;
pub(super) mod claimed;
mod kept;
pub(super) mod passed;
pub(super) mod steered;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    facts::{Connection, Gap, Listener},
    port::Protocol,
    published::Passed,
    steered::Steered,
    words::{Lang, Words},
    world::{Claimed, World},
};
use portreeve_host::{
    Wanted,
    observe::{Connections, Firewall, Holders, Namespaces, Way, sight},
};

use super::Command;
use crate::{
    asked::{self, Asked},
    exit::Exit,
    failure::Failure,
    ledger::kernel,
    look::{self, Look},
    settings::{Common, Format, Netns, Settings, Verbosity, options},
    show::{
        claim::ClaimView,
        escape::visible,
        gaps, listeners,
        occupants::{Occupant, occupants},
        out::Out,
        view::Viewer,
    },
    table_file::TableFile,
};

/// `who`.
pub(super) const COMMAND: Command = Command {
    name: "who",
    about: Words { en: "Who holds this port?", ja: "ポートを保持しているプロセスの特定" },
    examples: &[
        "portreeve who 443",
        "portreeve who https 3000",
        "portreeve who EADDRINUSE: address already in use :::3000",
    ],
    takes: Common::LISTING,
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let what = Words {
        en: "443, https, :3000, 443/udp, 30000-30099/tcp, several of them, a URL, or a pasted error",
        ja: "443、https、:3000、443/udp、30000-30099/tcp(複数可)、URL、または貼り付けたエラー",
    };
    let full = Words {
        en: "Look for holders everywhere, not only where the socket was made (so does -v)",
        ja: "ソケットが作られた cgroup に限らず、すべてのプロセスから保持者を探す(-v でも同じ)",
    };
    vec![asked::argument(what.in_lang(lang)), options::flag("full", full, lang)]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let questions = asked::questions(&asked::words(own), TableFile::load()?.registry())?;
    let mut holders = holders(own.get_flag("full"), settings);
    let ports = asked::span(&questions.concat());
    let mut wanted = Wanted { ports, holders, firewall: Firewall::Rules, ..Wanted::LISTENERS };
    let mut look = Look::take(settings, &wanted)?.beside_ledger(settings);
    if settings.snapshot.is_none() && is_any(is_steered, &look, &questions) {
        // Whoever gets its packets may be bound to any other number.
        wanted.ports = None;
        look = look.again(&wanted)?;
    }
    if settings.snapshot.is_none() && is_any(is_silent, &look, &questions) {
        (look, holders) = closer(&look, &wanted, &questions, settings)?;
    }
    let world = look.world();
    let mut answers: Vec<_> =
        questions.iter().map(|asked| Answer::of(&world, asked, holders, settings)).collect();
    for answer in answers.iter_mut().filter(|answer| is_unheld(&world, answer.asked)) {
        answer.passed = passed::among(&world, answer.asked);
    }
    if settings.verbosity == Verbosity::Quiet {
        let is_free = answers.iter().all(Answer::is_free);
        let is_hidden = answers.iter().any(|answer| steered::hidden(&world, answer.asked).is_some());
        return Ok(match gaps::exit(settings, is_free && is_hidden) {
            Exit::Fine if is_free => Exit::Found,
            exit => exit,
        });
    }
    print(&world, &answers, settings, out)?;
    let is_uncertain = answers.iter().any(|answer| answer.is_uncertain(&world, settings));
    Ok(gaps::exit(settings, is_uncertain))
}

fn is_any(is: fn(&World<'_>, &[Asked]) -> bool, look: &Look, questions: &[Vec<Asked>]) -> bool {
    questions.iter().any(|asked| is(&look.world(), asked))
}

/// What there is to see where nobody listens, and whose holders were looked for: who keeps the number all the same; and
/// where nobody does, where the descriptors of everybody lead.
fn closer(
    look: &Look,
    wanted: &Wanted,
    questions: &[Vec<Asked>],
    settings: &Settings,
) -> Result<(Look, Holders), Failure> {
    let is_unheld = |look: &Look| is_any(is_unheld, look, questions);
    let holders = if is_unheld(look) && may_see_more()? { Holders::All } else { wanted.holders };
    // A number is kept in the namespaces that are judged, and the kernel goes through the connections of all of them for
    // each one that is looked into.
    let is_near = settings.netns == Netns::Usual && look.snapshot.namespaces.len() > 1;
    let namespaces = if is_near { Namespaces::Own } else { wanted.namespaces };
    let near = look.again(&Wanted { holders, namespaces, connections: Connections::List, ..*wanted })?;
    let near = if is_near { look.with_connections_of(&near) } else { near };
    let is_alone = near.snapshot.namespaces.len() <= 1;
    if is_alone || settings.verbosity == Verbosity::Quiet || !is_unheld(&near) {
        return Ok((near, holders));
    }
    // Which ports lead to a container is known of its processes, and these listen on others.
    let all = Wanted { firewall: wanted.firewall, ..Wanted::LISTENERS };
    Ok((near.again(&all)?.with_connections_of(&near), Holders::All))
}

/// Who was found on what was asked for.
pub(super) struct Answer<'q, 'a> {
    asked: &'q [Asked],
    /// Everybody who listens on it, here and elsewhere.
    pub(super) found: Vec<&'a Listener>,
    /// Whether any of them is here.
    pub(super) is_heard: bool,
    /// Who keeps the number where nobody listens here.
    kept: Option<Vec<Occupant<'a>>>,
    /// Where packets to it go all the same, where no socket here takes them.
    pub(super) passed: Vec<Passed<'a>>,
    /// Where packets to it are led, whoever has bound it.
    pub(super) steered: Vec<Steered<'a>>,
    /// Who was asked for them.
    holders: Holders,
}

impl<'q, 'a> Answer<'q, 'a> {
    pub(super) fn of(world: &World<'a>, asked: &'q [Asked], holders: Holders, settings: &Settings) -> Self {
        let listeners = world.snapshot.listeners.iter();
        let found = listeners
            .filter(|listener| asked.iter().any(|asked| asked.means(listener)))
            .filter(|listener| settings.netns == Netns::Usual || world.judges(listener.netns));
        let found: Vec<_> = found.collect();
        let is_heard = found.iter().any(|listener| world.judges(listener.netns));
        let kept = is_silent(world, asked).then(|| occupants(world, asked));
        let steered = steered::among(world, asked);
        Self { asked, found, is_heard, kept, passed: Vec::new(), steered, holders }
    }

    /// Whether nobody keeps it, and nobody gets its packets.
    pub(super) fn is_free(&self) -> bool {
        !self.is_heard && self.steered.is_empty() && self.kept.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether who holds it, or who has claimed it, may be another.
    pub(super) fn is_uncertain(&self, world: &World<'a>, settings: &Settings) -> bool {
        self.may_be_held(world, settings)
            || world.snapshot.gaps.iter().any(Gap::hides_claims)
            || steered::hidden(world, self.asked).is_some()
    }

    /// Where somebody was found, only an unseen holder makes it uncertain; else whatever may hide listeners: of those in
    /// another namespace it is said too that they hold it.
    fn may_be_held(&self, world: &World<'a>, settings: &Settings) -> bool {
        let hides = match settings.netns {
            Netns::Usual if !self.found.is_empty() => gaps::hides_own_listeners,
            _ => Gap::hides_listeners,
        };
        match &self.kept {
            Some(kept) if kept.iter().any(|occupant| occupant.is_unseen(world)) => true,
            Some(_) if !self.is_heard => world.snapshot.gaps.iter().any(hides),
            _ => {
                let mut here = self.found.iter().filter(|listener| world.judges(listener.netns));
                here.any(|listener| listener.hides_every_holder())
            }
        }
    }

    /// The sockets that keep it where nobody listens here.
    pub(super) fn kept_sockets(&self) -> Vec<&'a Connection> {
        self.kept.iter().flatten().flat_map(Occupant::sockets).copied().collect()
    }

    /// The part of a question that nobody answers here: its TCP, where only UDP is heard.
    fn silent(&self, asked: Asked) -> Asked {
        let tcp = Some(Protocol::Tcp).filter(|_| self.is_heard);
        Asked { protocol: asked.protocol.or(tcp), ..asked }
    }

    /// The answer in sentences.
    pub(super) fn print(&self, world: &World<'a>, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
        self.print_held(world, settings, out)?;
        claimed::print(world, self.asked, out)?;
        self.print_passed(out)
    }

    /// Where packets go that no socket on that number takes.
    pub(super) fn print_passed(&self, out: &mut Out) -> Result<(), Failure> {
        self.steered.iter().try_for_each(|steered| {
            let text = steered::text(steered);
            out.line(&format!("  {}", visible(text.in_lang(out.lang))))
        })?;
        self.passed.iter().try_for_each(|passed| {
            let text = passed::text(passed);
            out.line(&format!("  {}", visible(text.in_lang(out.lang))))
        })
    }

    fn print_held(&self, world: &World<'a>, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
        let Self { asked, found, kept, holders, .. } = self;
        match kept.as_deref() {
            Some(kept) if !kept.is_empty() => {
                let silent: Vec<_> = asked.iter().map(|asked| self.silent(*asked)).collect();
                kept::print(world, &silent, kept, settings, out)?;
                if found.is_empty() {
                    return Ok(());
                }
                answer::held(world, asked, found, *holders, settings, out)
            }
            _ if found.is_empty() => answer::free(world, asked, out),
            _ => answer::held(world, asked, found, *holders, settings, out),
        }
    }
}

/// Whether nobody listens here: only then are the sockets worth their price that keep a number without listening.
///
/// A listener of UDP leaves the number of TCP to others, so it answers for TCP only who asks for UDP alone.
pub(super) fn is_silent(world: &World<'_>, asked: &[Asked]) -> bool {
    let answers = |listener: &Listener, asked: &Asked| {
        asked.means(listener) && (asked.protocol.is_some() || listener.protocol == Protocol::Tcp)
    };
    let mut listeners = world.snapshot.listeners.iter().filter(|listener| world.judges(listener.netns));
    !listeners.any(|listener| asked.iter().any(|asked| answers(listener, asked)))
}

/// Whether packets to it are led to somebody.
fn is_steered(world: &World<'_>, asked: &[Asked]) -> bool {
    !steered::among(world, asked).is_empty()
}

/// Whether nobody at all was seen on it, in any namespace.
fn is_unheld(world: &World<'_>, asked: &[Asked]) -> bool {
    let mut listeners = world.snapshot.listeners.iter();
    !listeners.any(|listener| asked.iter().any(|asked| asked.means(listener)))
        && occupants(world, asked).is_empty()
}

/// Whether the descriptors of all lead to namespaces that nothing else leads to, such as one that only a socket keeps.
fn may_see_more() -> Result<bool, Failure> {
    Ok(look::ways()?.allow(Way::Bpf) && sight::may_look())
}

/// The quick way looks no further than the socket's own cgroup; a saved look will not look again.
fn holders(full: bool, settings: &Settings) -> Holders {
    let is_whole = full || settings.verbosity == Verbosity::Verbose || settings.snapshot.is_some();
    if is_whole { Holders::All } else { Holders::Quick }
}

/// A table answers one question after the other, a document all of them at once.
fn print<'a>(
    world: &World<'a>,
    answers: &[Answer<'_, 'a>],
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    if !matches!(settings.format, Format::Json | Format::Ndjson | Format::Csv) {
        for (at, answer) in answers.iter().enumerate() {
            if at > 0 {
                out.line("")?;
            }
            answer.print(world, settings, out)?;
        }
        return Ok(());
    }
    let viewer = Viewer::new(world, settings.lang);
    let is_found = |listener: &&Listener| {
        answers.iter().any(|answer| answer.found.iter().any(|found| std::ptr::eq(*found, *listener)))
    };
    let found: Vec<&Listener> = world.snapshot.listeners.iter().filter(is_found).collect();
    match settings.format {
        Format::Json => document(world, answers, settings.lang, &found, out),
        Format::Ndjson => found.iter().try_for_each(|listener| out.ndjson(&viewer.listener(listener))),
        _ => out.csv(found.iter().map(|listener| listeners::record(world, listener, settings.lang))),
    }
}

fn document<'a>(
    world: &World<'a>,
    answers: &[Answer<'_, 'a>],
    lang: Lang,
    found: &[&'a Listener],
    out: &mut Out,
) -> Result<(), Failure> {
    let silent = answers.iter().filter(|answer| answer.kept.is_some());
    let asked: Vec<Asked> = silent.flat_map(|answer| answer.asked).copied().collect();
    let kept = occupants(world, &asked);
    let sockets: Vec<_> = kept.iter().flat_map(Occupant::sockets).copied().collect();
    let viewer = Viewer::new(world, lang);
    let mut document = if asked.is_empty() || world.snapshot.connections.is_none() {
        viewer.listeners(found)
    } else {
        viewer.occupied(found, &sockets)
    };
    let is_kept = world.kept_back();
    let asked: Vec<Asked> = answers.iter().flat_map(|answer| answer.asked).copied().collect();
    let claims = claimed::of(world, &asked).into_iter();
    let view = |Claimed { claim, state }| ClaimView::new(claim, kernel::token(is_kept(claim.ports)), state);
    document.claims = claims.map(view).collect();
    document.passed =
        answers.iter().flat_map(|answer| &answer.passed).map(|passed| viewer.passed(passed)).collect();
    document.steered =
        answers.iter().flat_map(|answer| &answer.steered).map(|steered| viewer.steered(steered)).collect();
    out.json(&document)
}

/// The protocols that a free port is spoken of.
pub(super) const SPOKEN: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];
