//! Which ports the words of a command line ask: of TCP where they do not say, and of UDP where they do.

use std::collections::BTreeSet;

use clap::ArgMatches;
use portreeve_core::{
    outside::is_of_datagrams,
    port::{PortRange, Protocol},
    text,
    words::Words,
};

use super::PORT;
use crate::{
    asked::{self, Asked},
    failure::Failure,
    table_file::TableFile,
};

/// The numbers of each protocol, in order, each once.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) tcp: Vec<u16>,
    pub(super) udp: BTreeSet<u16>,
}

/// What was named; of TCP all but 0, which is no port's, where nothing was.
pub(super) fn named(own: &ArgMatches) -> Result<Named, Failure> {
    let words = asked::listed(own.get_many::<String>(PORT).into_iter().flatten());
    if words.is_empty() {
        return Ok(Named { tcp: (1..=u16::MAX).collect(), udp: BTreeSet::new() });
    }
    refuse_of_datagrams(&words)?;
    let (mut tcp, mut udp) = (BTreeSet::new(), BTreeSet::new());
    for question in asked::questions(&words, TableFile::load()?.registry())? {
        match protocol(&question)? {
            Protocol::Udp => udp.extend(numbers(&question, Protocol::Udp)),
            _ => tcp.extend(numbers(&question, Protocol::Tcp)),
        }
    }
    if tcp.is_empty() && udp.is_empty() {
        return Err(Failure::usage(Words {
            en: "0 is no port", ja: "0 はポート番号ではありません"
        }));
    }
    Ok(Named { tcp: tcp.into_iter().collect(), udp })
}

/// Whoever names such a service means UDP, and would take what is said of TCP for it.
fn refuse_of_datagrams(words: &[String]) -> Result<(), Failure> {
    let Some(word) = words.iter().find(|word| is_of_datagrams(&word.to_ascii_lowercase())) else {
        return Ok(());
    };
    Err(Failure::usage(text!(
        "{word} is spoken over UDP, and a name alone means TCP",
        "{word} は UDP のプロトコルですが、名前だけの指定は TCP を意味します"
    ))
    .hint(text!(
        "write {word}/udp; or {word}/tcp, where that is meant",
        "{word}/udp と指定してください(TCP を調べる場合は {word}/tcp)"
    )))
}

/// A name may be of both; then TCP is meant.
fn protocol(question: &[Asked]) -> Result<Protocol, Failure> {
    let is_of = |wanted: Protocol| question.iter().any(|it| it.protocol.is_none_or(|own| own == wanted));
    if is_of(Protocol::Tcp) {
        return Ok(Protocol::Tcp);
    }
    if is_of(Protocol::Udp) {
        return Ok(Protocol::Udp);
    }
    let ports = asked::spoken(question);
    let (en, ja) = (ports.en, ports.ja);
    Err(Failure::usage(text!(
        "{en} is neither of TCP nor of UDP, and nothing else is asked",
        "{ja}は TCP でも UDP でもありません。スキャンできるのは TCP と UDP だけです"
    )))
}

fn numbers(question: &[Asked], protocol: Protocol) -> impl Iterator<Item = u16> {
    let meant = question.iter().filter(move |it| it.protocol.is_none_or(|own| own == protocol));
    meant.flat_map(|it| {
        let PortRange { first, last } = it.range;
        first.max(1)..=last
    })
}
