//! `portreeve exposure`: who reaches which port, whoever wrote the rules (A15, A17, A20).

mod ask;
mod from;
mod listings;
mod trace;

use std::collections::BTreeSet;

use clap::{Arg, ArgAction, ArgMatches};
use portreeve_core::{
    address::Family,
    exposure::{From, Row, Senders, To, leading_to, rows, rows_to, unheard},
    facts::{Gap, Listener},
    firewall::Filter,
    policy::{HOST, Policy, WORLD},
    port::{PortRange, PortSpec, Protocol},
    steered::{is_deprived, leads},
    words::{Lang, Words},
};
use portreeve_host::{
    Wanted,
    observe::{Firewall, Holders, Namespaces},
};

pub(super) use self::listings::Sight;
use super::Command;
use crate::{
    asked::{self, Asked},
    exit::Exit,
    failure::Failure,
    look::Look,
    settings::{Common, Format, Settings, options},
    show::{
        exposure::{self as show, trace::Way},
        gaps,
        out::Out,
    },
    table_file::TableFile,
};

const PORT: &str = "port";
const ALL: &str = "all";
const FROM: &str = "from";
const FROM_FILES: &str = "from-files";
const ASK: &str = "ask";

/// `exposure`.
pub(super) const COMMAND: Command = Command {
    name: "exposure",
    about: Words { en: "Who can reach which port?", ja: "どこからどのポートに届くか" },
    examples: &[
        "portreeve exposure",
        "portreeve exposure 8080 --from 203.0.113.7",
        "portreeve exposure --trace 203.0.113.7 443/tcp",
        "portreeve exposure --all -o json",
        "echo '{\"from\":\"203.0.113.7\",\"to\":\"192.0.2.1\",\"protocol\":\"tcp\",\"port\":22}' | portreeve exposure --ask -",
    ],
    takes: &[
        Common::Output(&[Format::Table, Format::Json]),
        Common::Snapshot,
        Common::Policy,
        Common::AllowGaps,
    ],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let port = Words {
        en: "443, https, 443/udp, 30000-30099/tcp, several of them; without it, every port that somebody listens on",
        ja: "443、https、443/udp、30000-30099/tcp(複数可)。省略すると、待ち受けのあるすべてのポート",
    };
    let every = Words {
        en: "Every number, by ranges of which the same holds",
        ja: "すべての番号を、結果が同じ範囲ごとに表示",
    };
    let from = Words {
        en: "Only packets from here: a zone, an address, a network or an interface",
        ja: "送信元を絞る: ゾーン、アドレス、ネットワーク、またはインターフェース",
    };
    let files = Words {
        en: "Judge the listings saved in this folder (nft.json, iptables-save.txt, addr.json, …)",
        ja: "このホストの代わりに、フォルダに保存した一覧(nft.json、iptables-save.txt、addr.json など)を判定する",
    };
    let ask = Words {
        en: "Answer the questions of a file, one JSON object a line (-: standard input)",
        ja: "ファイルの質問(1 行に 1 つの JSON オブジェクト、- は標準入力)に順に答える",
    };
    let mut all = vec![
        Arg::new(PORT).value_name("PORT").num_args(0..).action(ArgAction::Append).help(port.in_lang(lang)),
        options::flag(ALL, every, lang).conflicts_with_all([PORT, ASK, trace::NAME]),
        options::value(FROM, "WHERE", from, lang).conflicts_with_all([ASK, trace::NAME]),
        listings::argument(FROM_FILES, files, lang).conflicts_with(options::SNAPSHOT),
        ask::argument(ASK, ask, lang).conflicts_with(PORT),
    ];
    all.extend(trace::arguments(lang));
    all
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    ask::check_stdin(own, ASK, settings)?;
    let folder = listings::folder(own, FROM_FILES);
    let is_live = folder.is_none() && settings.snapshot.is_none();
    let look = match folder {
        Some(folder) => Look::of(settings, listings::snapshot(folder)?)?,
        None => Look::take(settings, &LOOK)?,
    };
    let sight = Sight::of(&look.snapshot, is_live)?;
    if let Some(questions) = ask::questions(own, ASK, &sight.filter)? {
        questions.iter().try_for_each(|question| out.ndjson(&question.answer(&sight)))?;
        sight.tell_aside(settings);
        return Ok(gaps::exit(settings, sight.is_grave()));
    }
    match trace::ways(own, &sight)? {
        Some(ways) => follow(&ways, &sight, settings, out),
        None => list(own, &look, &sight, settings, out),
    }?;
    sight.tell(settings, out)?;
    Ok(gaps::exit(settings, sight.is_grave()))
}

fn follow(ways: &[Way<'_>], sight: &Sight, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    let Sight { filter, gaps } = sight;
    match settings.format {
        Format::Json => out.json_rows(&show::trace::document(ways, filter, sight.basis(), gaps, out.lang)),
        _ => show::trace::print(ways, filter, settings.verbosity, out),
    }
}

fn list(
    own: &ArgMatches,
    look: &Look,
    sight: &Sight,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let Sight { filter, gaps } = sight;
    let places = from::places(own.get_one::<String>(FROM), look.policy.as_deref(), filter)?;
    let asked = asked_for(own)?;
    let rows = told(own, look, sight, &places, &asked);
    let silent = silent(look, filter, &asked, &rows);
    match settings.format {
        Format::Json => {
            let document = show::document(&rows, filter, sight.basis(), gaps, out.lang);
            out.json_rows(&document.with_unheard(silent.as_ref()))
        }
        _ => {
            show::print(&rows, filter, sight.basis(), out)?;
            show::print_unheard(&silent.unwrap_or_default(), out)?;
            show::print_leading(&leading_to(filter, &asked), out)
        }
    }
}

/// Which sockets there are, and the whole packet filter; who holds them is another question.
pub(super) const LOOK: Wanted = Wanted {
    firewall: Firewall::Whole,
    namespaces: Namespaces::Own,
    holders: Holders::Skip,
    ..Wanted::LISTENERS
};

/// Those of the ports that were named to which packets get while nobody listens there for others; `None` where not all who
/// listen are known.
fn silent(look: &Look, filter: &Filter, asked: &[To], rows: &[Row<'_>]) -> Option<BTreeSet<PortSpec>> {
    let snapshot = &look.snapshot;
    let is_known = !asked.is_empty() && !snapshot.gaps.iter().any(Gap::hides_listeners);
    let own = snapshot.own_namespace().filter(|_| is_known)?.id;
    // Whoever chose the number.
    let hears = |listener: &&Listener| listener.netns == own && listener.hears();
    let heard = || snapshot.listeners.iter().filter(hears);
    Some(unheard(rows, &filter.around, heard(), &leads(snapshot).live))
}

/// The protocols that a port is meant of which names none.
const USUAL: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];

/// The ports that were named.
fn asked_for(own: &ArgMatches) -> Result<Vec<To>, Failure> {
    let words = asked::listed(own.get_many::<String>(PORT).into_iter().flatten());
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let questions = asked::questions(&words, TableFile::load()?.registry())?;
    Ok(questions.concat().iter().flat_map(to).collect())
}

/// What becomes of packets to the ports that were asked for, or to all that there are.
fn told<'a>(own: &ArgMatches, look: &Look, sight: &Sight, places: &[From<'a>], asked: &[To]) -> Vec<Row<'a>> {
    if !asked.is_empty() {
        return rows_to(&sight.filter, places, asked);
    }
    let is_without_sockets = own.contains_id(FROM_FILES);
    if own.get_flag(ALL) || is_without_sockets {
        let every = Asked { range: PortRange::EVERY, protocol: None };
        return rows_to(&sight.filter, places, &to(&every));
    }
    let world = look.world();
    let snapshot = world.snapshot;
    let hears = |listener: &&Listener| listener.hears() && !is_deprived(snapshot, listener);
    let listeners: Vec<&Listener> = world.listeners().filter(hears).collect();
    rows(&sight.filter, places, &listeners, &leads(snapshot))
}

/// The ports of a question, of the protocols that it means, in both families.
fn to(asked: &Asked) -> Vec<To> {
    let protocols = asked.protocol.map_or_else(|| USUAL.to_vec(), |protocol| vec![protocol]);
    let both =
        |protocol| Family::ALL.map(|family| To { family, protocol, addresses: None, ports: asked.range });
    protocols.into_iter().flat_map(both).collect()
}

/// Every zone by its name: the world, those of the policy, and the host itself.
fn zones(policy: Option<&Policy>) -> Vec<From<'_>> {
    let world = From { zone: Some(WORLD), senders: Senders::World };
    let host = From { zone: Some(HOST), senders: Senders::Host };
    let named = policy.into_iter().flat_map(|policy| &policy.zones);
    let named = named.map(|zone| From { zone: Some(&zone.name), senders: Senders::Zone(zone) });
    std::iter::once(world).chain(named).chain([host]).collect()
}
