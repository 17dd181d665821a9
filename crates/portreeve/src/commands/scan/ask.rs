//! What a scan asks, and by which means.

use std::{
    net::IpAddr,
    os::fd::{AsFd as _, BorrowedFd},
    time::Duration,
};

use clap::ArgMatches;
use portreeve_core::{
    outside::{Ended, Line, Outcome, Sweep},
    policy::{Policy, ScanChoice},
    port::Protocol,
    text,
    words::Words,
};
use portreeve_host::scan::{
    ScanError, Wanted, Warrant, by_connections, by_datagrams, by_packets, connections_a_second, may_send_raw,
    source,
};

use rustix::io::Errno;

use super::{CONNECT, RATE, against::Against, datagrams::Datagrams, ports, target::Target};
use crate::{
    exit::Exit,
    failure::{Failure, io_cause},
    stop::Until,
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
    warrant: Warrant,
    /// Those of TCP, in order, each once.
    pub(crate) ports: Vec<u16>,
    /// Those of UDP.
    pub(crate) datagrams: Datagrams,
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
    /// Where a word names no port of TCP or UDP, so many of UDP are asked that it has to be meant, or no route leads there.
    pub(super) fn read(
        own: &ArgMatches,
        target: &Target,
        policy: Option<&Policy>,
        against: &Against,
    ) -> Result<Self, Failure> {
        let named = ports::named(own)?;
        let datagrams = Datagrams::read(own, named.udp, policy, against.snapshot());
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
            warrant: target.hold(policy)?,
            ports: named.tcp,
            datagrams,
            rate_max: own.get_one(RATE).copied().unwrap_or(1).min(rate_max),
            means,
            source: target.ip(),
        };
        asked.datagrams.afford(own, asked.rate_max, asked.target)?;
        let stdin = std::io::stdin();
        let wanted = asked.wanted(&asked.ports, stdin.as_fd());
        asked.source = source(&wanted).map_err(|error| failed(&error))?;
        Ok(asked)
    }

    /// How long all of it may take.
    pub(crate) fn longest(&self) -> Duration {
        let [_, tcp] = if self.ports.is_empty() { [Duration::ZERO; 2] } else { self.lengths() };
        let udp = if self.datagrams.ports.is_empty() { Duration::ZERO } else { self.datagrams_long() };
        tcp.saturating_add(udp)
    }

    /// About how long it takes to ask those of TCP, where each answers and where most do not.
    pub(crate) fn lengths(&self) -> [Duration; 2] {
        let of = |rate_max| Sweep::lengths(self.ports.len(), rate_max);
        let silent_max = match self.means {
            Means::Packets => self.rate_max,
            Means::ForWant | Means::Connections => self.rate_max.min(connections_a_second()),
        };
        let ([short, _], [_, long]) = (of(self.rate_max), of(silent_max));
        [short, long]
    }

    /// How long it may take to ask those of UDP.
    pub(crate) fn datagrams_long(&self) -> Duration {
        self.datagrams.long(self.rate_max, self.target)
    }

    /// From where it asks.
    pub(super) fn line(&self, target: &Target) -> Line {
        Line { source: (!target.is_this_host()).then_some(self.source), target: self.target }
    }

    /// Asks those of TCP and then those of UDP, until there is nothing left to ask, somebody stops it or the consent is over.
    ///
    /// # Errors
    ///
    /// Nothing gets out.
    pub(super) fn ask(&self, until: &Until<'_>) -> Result<[(Protocol, Outcome); 2], Failure> {
        self.ask_both(until).map_err(|error| failed(&error))
    }

    fn ask_both(&self, until: &Until<'_>) -> Result<[(Protocol, Outcome); 2], ScanError> {
        let tcp = self.ask_tcp(until)?;
        let udp = match self.ask_udp(until, tcp.ended) {
            // What was seen before is told all the same.
            Err(ScanError::NoRoute(..)) if !tcp.glimpses.is_empty() => {
                Outcome::nothing(self.datagrams.ports.len(), Ended::Cut)
            }
            udp => udp?,
        };
        // Where nothing gets out, nothing was seen.
        if tcp.sent + udp.sent == 0 && tcp.kept_in.saturating_add(udp.kept_in) > 0 {
            return Err(ScanError::KeptIn(Errno::PERM));
        }
        Ok([(Protocol::Tcp, tcp), (Protocol::Udp, udp)])
    }

    fn ask_tcp(&self, until: &Until<'_>) -> Result<Outcome, ScanError> {
        if self.ports.is_empty() {
            return Ok(Outcome::nothing(0, Ended::Whole));
        }
        self.ask_those(&self.ports, until, |wanted| match self.means {
            Means::Packets => by_packets(wanted),
            Means::ForWant | Means::Connections => by_connections(wanted),
        })
    }

    /// Whoever was stopped or has lost the target asks no more.
    fn ask_udp(&self, until: &Until<'_>, ended: Ended) -> Result<Outcome, ScanError> {
        let Datagrams { ports, services } = &self.datagrams;
        if ports.is_empty() || ended != Ended::Whole {
            return Ok(Outcome::nothing(ports.len(), ended));
        }
        self.ask_those(ports, until, |wanted| by_datagrams(wanted, services.clone()))
    }

    /// Whoever asks sends before he looks whether he may still: with the consent over, nobody begins.
    fn ask_those(
        &self,
        ports: &[u16],
        until: &Until<'_>,
        ask: impl FnOnce(&Wanted<'_>) -> Result<Outcome, ScanError>,
    ) -> Result<Outcome, ScanError> {
        if until.is_over() {
            return Ok(Outcome::nothing(ports.len(), Ended::Expired));
        }
        let mut outcome = ask(&self.wanted(ports, until.either()))?;
        if outcome.ended == Ended::Stopped && until.is_over() {
            outcome.ended = Ended::Expired;
        }
        Ok(outcome)
    }

    fn wanted<'a>(&'a self, ports: &'a [u16], stop: BorrowedFd<'a>) -> Wanted<'a> {
        let Self { target, interface, warrant, rate_max, .. } = self;
        Wanted { target: *target, interface: *interface, warrant, ports, rate_max: *rate_max, stop }
    }
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
