//! `portreeve ls`: what is open, whose is it, and who can reach it (A4, A5, A12)?

mod connections;
mod filter;
pub(crate) mod follow;

use clap::{Arg, ArgAction, ArgMatches};
use portreeve_core::{
    facts::Listener,
    text,
    words::{Lang, Words},
    world::World,
};
use portreeve_host::{
    Wanted,
    observe::{Connections, Firewall, Holders},
};

use self::filter::Filter;
use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    look::Look,
    settings::{Common, Format, Input, Settings, Verbosity, options},
    show::{
        gaps::{self, Unseen},
        listeners::{self, Names},
        out::Out,
        rows::{Folding, fold},
        view::Viewer,
    },
};

/// `ls`.
pub(super) const COMMAND: Command = Command {
    name: "ls",
    about: Words {
        en: "What is open, whose is it, who can reach it?",
        ja: "開いているポートと、その所有者・到達範囲の一覧",
    },
    examples: &[
        "portreeve ls",
        "portreeve ls nginx",
        "portreeve ls --reach world",
        "portreeve ls 443 -o json",
    ],
    takes: Common::LISTING,
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let what = Words {
        en: "Ports, or a part of a name: process, unit, user, container, service",
        ja: "ポート、またはプロセス・ユニット・ユーザー・コンテナ・サービスの名前の一部",
    };
    let reach = Words {
        en: "Only what can be reached from this zone: world, host, or one of the policy",
        ja: "このゾーン(world、host、または policy のゾーン)から到達できるものだけ",
    };
    let undeclared =
        Words { en: "Only what the policy does not declare", ja: "policy に宣言のないものだけ" };
    let each = Words { en: "A row for each socket", ja: "ソケットごとに 1 行" };
    let full = Words {
        en: "Ask every process also where the guard kept who opened each socket (so do -a and -v)",
        ja: "ソケットを開いたプロセスをガードが記録していても、すべてのプロセスを調べる(-a と -v でも同じ)",
    };
    let follow =
        Words { en: "Go on, and tell what opens and closes", ja: "監視を続け、開閉を知らせる" };
    let mut arguments = vec![
        Arg::new("what").value_name("WHAT").num_args(0..).help(what.in_lang(lang)),
        options::value("reach", "ZONE", reach, lang),
        options::flag("undeclared", undeclared, lang),
        options::flag("each", each, lang),
        options::flag("full", full, lang),
        options::flag("follow", follow, lang),
    ];
    arguments.extend(habits(lang));
    arguments
}

/// The letters of `ss`.
fn habits(lang: Lang) -> impl Iterator<Item = Arg> {
    [
        (
            "all",
            'a',
            Words {
                en: "Connections and sockets without ports too", ja: "接続とポートのないソケットも表示"
            },
        ),
        ("tcp", 't', Words { en: "Only TCP", ja: "TCP だけ" }),
        ("udp", 'u', Words { en: "Only UDP", ja: "UDP だけ" }),
        ("ipv4", '4', Words { en: "Only IPv4 sockets", ja: "IPv4 ソケットだけ" }),
        ("ipv6", '6', Words { en: "Only IPv6 sockets", ja: "IPv6 ソケットだけ" }),
        ("numeric", 'n', Words { en: "No names of IANA", ja: "IANA の名前を表示しない" }),
        ("listening", 'l', Words { en: "As ss has it; always so", ja: "ss と同じ。常に有効" }),
        ("processes", 'p', Words { en: "As ss has it; always so", ja: "ss と同じ。常に有効" }),
    ]
    .into_iter()
    .map(move |(name, letter, help)| {
        Arg::new(name).short(letter).long(name).action(ArgAction::SetTrue).help(help.in_lang(lang))
    })
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let filter = Filter::read(own)?;
    let all = own.get_flag("all");
    if own.get_flag("follow") {
        return if all { Err(follow::without_connections()) } else { follow::run(&filter, settings, out) };
    }
    if all && matches!(settings.format, Format::Csv | Format::Ndjson) {
        return Err(Failure::usage(Words {
            en: "-a lists three kinds of sockets, and csv and ndjson hold one",
            ja: "-a は 3 種類のソケットを表示しますが、csv と ndjson は 1 種類しか表せません",
        })
        .hint(Words {
            en: "portreeve ls -a -o json, or the table: portreeve ls -a",
            ja: "portreeve ls -a -o json、または表形式の portreeve ls -a を使ってください",
        }));
    }
    let is_full = own.get_flag("full") || all || settings.verbosity == Verbosity::Verbose;
    let look = Look::take(settings, &wanted(&filter, all, is_full))?.beside_ledger(settings);
    if all && look.snapshot.connections.is_none() {
        return Err(without_connections(settings));
    }
    let world = look.world();
    filter.check(&world)?;
    let shown: Vec<_> = filter.listeners(&world, settings).collect();
    let connections = if all { filter.connections(&world, settings) } else { Vec::new() };
    let others = if all { filter.others(&world, settings) } else { Vec::new() };
    match settings.format {
        Format::Json if all => {
            out.json_rows(&Viewer::new(&world, settings.lang).everything(&shown, &connections, &others))?;
        }
        Format::Json => out.json(&Viewer::new(&world, settings.lang).listeners(&shown))?,
        Format::Ndjson => {
            let viewer = Viewer::new(&world, settings.lang);
            shown.iter().try_for_each(|listener| out.ndjson(&viewer.listener(listener)))?;
        }
        Format::Csv => {
            out.csv(shown.iter().map(|listener| listeners::record(&world, listener, settings.lang)))?;
        }
        _ => {
            if !shown.is_empty() || (connections.is_empty() && others.is_empty()) {
                print_table(&world, (&shown, &filter), own, settings, out)?;
            }
            connections::print(&world, &connections, &others, out)?;
        }
    }
    tell_gaps(&world, &shown, &filter, settings, out)
}

/// A connection may be asked for by its peer's port, so all of them are looked at. Who is asked for by name may hold what
/// another opened.
fn wanted(filter: &Filter, all: bool, is_full: bool) -> Wanted {
    let holders = if is_full || filter.asks_for_owner() { Holders::All } else { Holders::Recorded };
    let wanted = Wanted { firewall: Firewall::Rules, holders, ..filter.wanted() };
    if all { Wanted { connections: Connections::List, ports: None, ..wanted } } else { wanted }
}

fn print_table(
    world: &World<'_>,
    (shown, filter): (&[&Listener], &Filter),
    own: &ArgMatches,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    if shown.is_empty() && filter.asks_for_all() {
        return out.say(Words { en: "no port is open", ja: "開いているポートはありません" });
    }
    if shown.is_empty() {
        return out.say(Words { en: "nothing matches", ja: "該当するものはありません" });
    }
    let folding = if own.get_flag("each") { Folding::Socket } else { Folding::Service };
    let names = if own.get_flag("numeric") { Names::Numeric } else { Names::Shown };
    let rows = fold(world, shown, folding, out.lang);
    let table = listeners::table(world, &rows, names, settings);
    out.table(&table)
}

/// Says what could have changed the answer, below a table or beside a document.
fn tell_gaps(
    world: &World<'_>,
    shown: &[&Listener],
    filter: &Filter,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let unseen = Unseen::of(&world.snapshot.gaps, shown, filter.asks_for_owner());
    unseen.tell(settings, out)?;
    Ok(gaps::exit(settings, unseen.is_grave()))
}

fn without_connections(settings: &Settings) -> Failure {
    let name = match &settings.snapshot {
        Some(Input::File(path)) => path.display().to_string(),
        _ => "<stdin>".into(),
    };
    Failure::usage(text!(
        "the snapshot {name} holds no connections",
        "スナップショット {name} には接続が含まれていません"
    ))
    .hint(Words {
        en: "portreeve snapshot -a > host.json keeps them",
        ja: "portreeve snapshot -a > host.json で接続も保存されます",
    })
}
