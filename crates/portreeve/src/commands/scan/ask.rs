//! What a scan asks, and by which means.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use clap::ArgMatches;
use portreeve_core::{
    outside::{Line, Outcome},
    policy::{Policy, ScanChoice},
    port::{PortRange, Protocol},
    text,
    words::Words,
};
use portreeve_host::scan::{ScanError, Wanted, by_connections, by_packets, may_send_raw, source};

use super::{CONNECT, PORT, RATE, long, target::Target};
use crate::{
    asked,
    exit::Exit,
    failure::{Failure, io_cause},
    stop::Stop,
    table_file::TableFile,
};

/// How the ports are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// By the first packet of a connection, which is never made.
    Packets,
    /// By connections, as nobody here may send packets of that kind.
    ForWant,
    /// By connections, as it was asked for.
    Connections,
}

/// The ports, and how.
#[derive(Debug)]
pub(crate) struct Asked {
    target: IpAddr,
    interface: u32,
    /// In order, each once.
    pub(crate) ports: Vec<u16>,
    /// Packets a second, at most.
    pub(crate) rate_max: u32,
    /// How.
    pub(crate) means: Means,
    /// The address that packets come from.
    pub(crate) source: IpAddr,
}

impl Asked {
    /// What the command line asks of `target`.
    ///
    /// # Errors
    ///
    /// Where a word names no port of TCP, or no route leads there.
    pub(super) fn read(own: &ArgMatches, target: &Target, policy: Option<&Policy>) -> Result<Self, Failure> {
        let means = if own.get_flag(CONNECT) {
            Means::Connections
        } else if may_send_raw(target.ip()) {
            Means::Packets
        } else {
            Means::ForWant
        };
        let rate_max = policy.and_then(|policy| policy.scan.rate_max).unwrap_or(ScanChoice::RATE_MAX);
        let mut asked = Self {
            target: target.ip(),
            interface: target.interface,
            ports: ports(own)?,
            rate_max: own.get_one(RATE).copied().unwrap_or(1).min(rate_max),
            means,
            source: target.ip(),
        };
        let stdin = std::io::stdin();
        let wanted = asked.wanted(std::os::fd::AsFd::as_fd(&stdin));
        asked.source = source(&wanted).map_err(|error| failed(&error))?;
        Ok(asked)
    }

    /// About how long it takes.
    pub(crate) fn long(&self) -> Duration {
        long(self.ports.len(), self.rate_max)
    }

    /// From where it asks.
    pub(super) fn line(&self, target: &Target) -> Line {
        Line { source: (!target.is_this_host()).then_some(self.source), target: self.target }
    }

    /// Asks, until there is nothing left to ask or somebody stops it.
    ///
    /// # Errors
    ///
    /// Nothing gets out.
    pub(super) fn ask(&self, stop: &Stop) -> Result<Outcome, Failure> {
        let wanted = self.wanted(stop.signals());
        let outcome = match self.means {
            Means::Packets => by_packets(&wanted),
            Means::ForWant | Means::Connections => by_connections(&wanted),
        };
        outcome.map_err(|error| failed(&error))
    }

    fn wanted<'a>(&'a self, stop: std::os::fd::BorrowedFd<'a>) -> Wanted<'a> {
        let Self { target, interface, ports, rate_max, .. } = self;
        Wanted { target: *target, interface: *interface, ports, rate_max: *rate_max, stop }
    }
}

/// The numbers of the ports that were named; all but 0, which is no port's, where none was.
fn ports(own: &ArgMatches) -> Result<Vec<u16>, Failure> {
    let words = asked::listed(own.get_many::<String>(PORT).into_iter().flatten());
    if words.is_empty() {
        return Ok((1..=u16::MAX).collect());
    }
    let questions = asked::questions(&words, TableFile::load()?.registry())?.concat();
    if let Some(other) =
        questions.iter().find(|it| it.protocol.is_some_and(|protocol| protocol != Protocol::Tcp))
    {
        // A name may be of both; then the one that can be asked is meant.
        let is_alone =
            !questions.iter().any(|it| it.range == other.range && it.protocol == Some(Protocol::Tcp));
        if is_alone {
            return Err(Failure::usage(text!(
                "{other} is not of TCP, and nothing else is asked",
                "{other} は TCP ではありません。スキャンできるのは TCP だけです"
            )));
        }
    }
    let tcp = questions.iter().filter(|it| it.protocol.is_none_or(|protocol| protocol == Protocol::Tcp));
    let numbers = tcp.flat_map(|it| {
        let PortRange { first, last } = it.range;
        first.max(1)..=last
    });
    let numbers: BTreeSet<u16> = numbers.collect();
    if numbers.is_empty() {
        return Err(Failure::usage(Words {
            en: "0 is no port", ja: "0 はポート番号ではありません"
        }));
    }
    Ok(numbers.into_iter().collect())
}

pub(super) fn failed(error: &ScanError) -> Failure {
    let failure = |exit| Failure::new(exit, Words { en: "cannot scan", ja: "スキャンできません" });
    match error {
        ScanError::NotPermitted => failure(Exit::Gaps)
            .because(Words { en: "raw packets may not be sent here", ja: "raw パケットを送信する権限がありません" })
            .hint(Words { en: "run as root, or ask with --connect", ja: "root で実行するか、--connect を使ってください" }),
        ScanError::NoRoute(target, cause) => failure(Exit::Unreachable)
            .because(text!("no route leads to {target}", "{target} への経路がありません"))
            .because(io_cause(&(*cause).into()))
            .hint(text!("see which one is missing: ip route get {target}", "経路の確認: ip route get {target}")),
        ScanError::KeptIn(cause) => failure(Exit::Unreachable)
            .because(Words {
                en: "this host's own packet filter drops what is sent, or its table of connections is full",
                ja: "このホスト自身のパケットフィルターが送信を破棄しているか、接続追跡テーブルが満杯です",
            })
            .because(io_cause(&(*cause).into()))
            .hint(Words {
                en: "look at both: nft list ruleset; sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max",
                ja: "両方を確認してください: nft list ruleset; sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max",
            }),
        ScanError::NoPort(cause) => failure(Exit::Unreachable)
            .because(Words {
                en: "no port is free for the answers", ja: "応答を受け取るポートに空きがありません"
            })
            .because(io_cause(&(*cause).into())),
        ScanError::Call(_, cause) | ScanError::NoChance(cause) => failure(Exit::Unreachable)
            .because(text!("{error}", "ソケットの操作に失敗しました({error})"))
            .because(io_cause(cause)),
    }
}
