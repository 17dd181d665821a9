//! `portreeve who 443`: who holds this port (A5, A12)?

mod answer;
mod kept;

use clap::{Arg, ArgAction, ArgMatches};
use portreeve_core::{
    facts::{Listener, Snapshot},
    port::Protocol,
    words::{Lang, Words},
    world::World,
};
use portreeve_host::{
    Wanted,
    observe::{Connections, Holders},
};

use super::Command;
use crate::{
    asked::{self, Asked},
    exit::Exit,
    failure::Failure,
    look::Look,
    settings::{Common, Format, Netns, Settings, Verbosity},
    show::{
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
        "portreeve who https",
        "portreeve who EADDRINUSE: address already in use :::3000",
    ],
    takes: Common::LISTING,
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let what = Words {
        en: "443, https, :3000, 443/udp, 30000-30099/tcp, a URL, or a pasted error",
        ja: "443、https、:3000、443/udp、30000-30099/tcp、URL、または貼り付けたエラー",
    };
    vec![
        Arg::new("what")
            .value_name("PORT")
            .num_args(1..)
            .required(true)
            .action(ArgAction::Append)
            .help(what.in_lang(lang)),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let words: Vec<String> = own.get_many::<String>("what").into_iter().flatten().cloned().collect();
    let asked = asked::ports(&words, TableFile::load()?.registry())?;
    let wanted = wanted(&asked, settings);
    let mut look = Look::take(settings, &wanted)?;
    if is_silent(&look.world(), &asked) && settings.snapshot.is_none() {
        look = look.again(&Wanted { connections: Connections::List, ..wanted })?;
    }
    let world = look.world();
    let found: Vec<&Listener> = world
        .snapshot
        .listeners
        .iter()
        .filter(|listener| asked.iter().any(|asked| asked.means(listener)))
        .filter(|listener| settings.netns == Netns::Usual || world.judges(listener.netns))
        .collect();
    let here: Vec<&Listener> =
        found.iter().copied().filter(|listener| world.judges(listener.netns)).collect();
    let kept = here.is_empty().then(|| occupants(&world, &asked));
    if settings.verbosity == Verbosity::Quiet {
        let is_free = kept.is_some_and(|kept| kept.is_empty());
        return Ok(if is_free { Exit::Found } else { Exit::Fine });
    }
    print(&world, &asked, &found, kept.as_deref(), settings, out)?;
    let is_unseen = kept.iter().flatten().any(|occupant| occupant.is_unseen(&world));
    Ok(gaps::exit(settings, is_unseen || is_uncertain(world.snapshot, &here, settings)))
}

/// Whether nobody listens here: only then are the sockets worth their price that keep a number without listening.
fn is_silent(world: &World<'_>, asked: &[Asked]) -> bool {
    let mut listeners = world.snapshot.listeners.iter();
    !listeners.any(|listener| world.judges(listener.netns) && asked.iter().any(|asked| asked.means(listener)))
}

/// The quick way looks no further than the socket's own cgroup; `-v` looks everywhere.
fn wanted(asked: &[Asked], settings: &Settings) -> Wanted {
    let holders = if settings.verbosity == Verbosity::Verbose { Holders::All } else { Holders::Quick };
    Wanted { ports: asked::span(asked), holders, ..Wanted::LISTENERS }
}

/// Where somebody was found, only an unseen holder makes the answer uncertain; else whatever may hide listeners there.
fn is_uncertain(snapshot: &Snapshot, here: &[&Listener], settings: &Settings) -> bool {
    let hides = match settings.netns {
        Netns::Usual => gaps::hides_own_listeners,
        _ => gaps::hides_listeners,
    };
    if here.is_empty() {
        snapshot.gaps.iter().any(hides)
    } else {
        here.iter().any(|listener| gaps::hides_holder(listener))
    }
}

/// `kept` is who keeps the number where nobody listens here.
fn print<'a>(
    world: &World<'a>,
    asked: &[Asked],
    found: &[&'a Listener],
    kept: Option<&[Occupant<'a>]>,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let viewer = Viewer::new(world, settings.lang);
    match settings.format {
        Format::Json => match kept.filter(|_| world.snapshot.connections.is_some()) {
            Some(kept) => {
                let sockets: Vec<_> = kept.iter().flat_map(Occupant::sockets).copied().collect();
                out.json(&viewer.occupied(found, &sockets))
            }
            None => out.json(&viewer.listeners(found)),
        },
        Format::Ndjson => found.iter().try_for_each(|listener| out.ndjson(&viewer.listener(listener))),
        Format::Csv => {
            out.csv(found.iter().map(|listener| listeners::record(world, listener, settings.lang)))
        }
        _ => match kept {
            Some(kept) if !kept.is_empty() => {
                kept::print(world, asked, kept, settings, out)?;
                if found.is_empty() { Ok(()) } else { answer::held(world, asked, found, settings, out) }
            }
            _ if found.is_empty() => answer::free(world, asked, out),
            _ => answer::held(world, asked, found, settings, out),
        },
    }
}

/// The protocols that a free port is spoken of.
pub(super) const SPOKEN: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];
