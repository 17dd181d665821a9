//! `--trace`: one packet, and each rule that it meets (A17, A20).

use std::net::IpAddr;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    address::Family,
    exposure::{destinations, traced},
    firewall::{Filter, Interval, Sender, address},
    text,
    words::{Lang, Text, Words},
};

use super::{PORT, ask::Question, listings::Sight};
use crate::{
    asked::{self, Asked},
    failure::Failure,
    settings::options,
    show::exposure::trace::Way,
    table_file::TableFile,
};

const TRACE: &str = "trace";
const IN: &str = "in";
const TO: &str = "to";

/// `--trace ADDRESS`, `--in INTERFACE` and `--to ADDRESS`.
pub(super) fn arguments(lang: Lang) -> [Arg; 3] {
    let trace = Words {
        en: "Follow a packet from this address to PORT/PROTO, rule by rule",
        ja: "このアドレスから PORT/PROTO へのパケットを、ルールごとに追跡する",
    };
    let interface = Words {
        en: "The interface that it comes in by; without it, the one that leads to ADDRESS",
        ja: "パケットが入ってくるインターフェース。省略すると、ADDRESS への経路にあるもの",
    };
    let to = Words {
        en: "Where it goes; without it, each of this host's own addresses",
        ja: "パケットの宛先。省略すると、このホストのそれぞれのアドレス",
    };
    [
        options::value(TRACE, "ADDRESS", trace, lang),
        options::value(IN, "INTERFACE", interface, lang).requires(TRACE),
        options::value(TO, "ADDRESS", to, lang).requires(TRACE),
    ]
}

/// The name of the option, for those that exclude it.
pub(super) const NAME: &str = TRACE;

/// The ways of the packets that are to be followed, if any are.
///
/// # Errors
///
/// Where an address, a port or an interface is none, or it is not known where packets go.
pub(super) fn ways<'a>(own: &'a ArgMatches, sight: &'a Sight) -> Result<Option<Vec<Way<'a>>>, Failure> {
    let Some(source) = own.get_one::<String>(TRACE) else { return Ok(None) };
    let source = ip(source)?;
    let interface = own.get_one::<String>(IN);
    let filter = &sight.filter;
    let to = match own.get_one::<String>(TO) {
        Some(to) => vec![ip(to)?],
        None => own_addresses(source, filter)?,
    };
    let mut ways = Vec::new();
    for asked in ports(own)? {
        for &to in &to {
            let protocols = asked.protocol.map_or_else(|| super::USUAL.to_vec(), |protocol| vec![protocol]);
            for protocol in protocols {
                let port = asked.range.first;
                let question = Question { interface: interface.cloned(), from: source, to, protocol, port };
                if let Some(why) = question.mistake(filter) {
                    return Err(no_packet(why).hint(instead(interface, filter)));
                }
                ways.push(way(&question, interface, filter));
            }
        }
    }
    Ok(Some(ways))
}

/// What to ask in place of what cannot be asked.
fn instead(interface: Option<&String>, filter: &Filter) -> Text {
    if interface.is_none_or(|name| filter.around.interface(name).is_some()) {
        return EXAMPLE.into();
    }
    let names: Vec<_> = filter.around.interfaces.iter().map(|known| known.name.as_str()).collect();
    let names = names.join(", ");
    text!("one of: {names}", "次のいずれかを指定してください: {names}")
}

fn way<'a>(question: &Question, interface: Option<&'a String>, filter: &'a Filter) -> Way<'a> {
    let (source, destination) = (question.from, question.to);
    let to = question.destination();
    let (exposures, traces) = traced(filter, &question.senders(), &to);
    Way {
        source,
        destination,
        interface: interface.map(String::as_str),
        to,
        exposure: exposures.into_iter().next(),
        traces,
    }
}

fn ip(text: &str) -> Result<IpAddr, Failure> {
    text.parse().map(|address: IpAddr| address.to_canonical()).map_err(|_| {
        no_packet(text!("`{text}` is no IP address", "`{text}` は IP アドレスではありません")).hint(EXAMPLE)
    })
}

const EXAMPLE: Words = Words {
    en: "portreeve exposure --trace 203.0.113.7 443/tcp",
    ja: "portreeve exposure --trace 203.0.113.7 443/tcp",
};

/// The addresses of this host to which a packet of `source` can go.
fn own_addresses(source: IpAddr, filter: &Filter) -> Result<Vec<IpAddr>, Failure> {
    let family = Family::of(source);
    let sender = if filter.around.is_own(source) { Sender::Host } else { Sender::Outside };
    let all = destinations(&filter.around, family, sender);
    let each = |span: Interval| span.first..=span.last;
    let all: Vec<_> = all.iter().flat_map(each).map(|number| address(number, family)).collect();
    if all.is_empty() {
        let name = if source.is_ipv4() { "IPv4" } else { "IPv6" };
        return Err(no_packet(text!(
            "this host has no address of {name} that could be its destination",
            "宛先となる {name} アドレスがこのホストにありません"
        ))
        .hint(Words {
            en: "name one with --to ADDRESS", ja: "--to ADDRESS で宛先を指定してください"
        }));
    }
    Ok(all)
}

/// The ports that are named, each a single one.
fn ports(own: &ArgMatches) -> Result<Vec<Asked>, Failure> {
    let words = asked::listed(own.get_many::<String>(PORT).into_iter().flatten());
    if words.is_empty() {
        return Err(no_packet(
            Words { en: "it is not said to which port", ja: "宛先ポートが指定されていません" }.into(),
        )
        .hint(EXAMPLE));
    }
    let all = asked::questions(&words, TableFile::load()?.registry())?.concat();
    match all.iter().find(|asked| !asked.range.is_one()) {
        None => Ok(all),
        Some(several) => {
            let first = several.range.first;
            Err(no_packet(text!(
                "{several} is several ports, and a packet goes to one",
                "{several} は複数のポートですが、パケットの宛先ポートは 1 つです"
            ))
            .hint(text!("such as: {first}/tcp", "例: {first}/tcp")))
        }
    }
}

fn no_packet(why: Text) -> Failure {
    Failure::usage(Words {
        en: "cannot follow such a packet", ja: "このパケットは追跡できません"
    })
    .because(why)
}
