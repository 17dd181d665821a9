//! Asks the ports of a host that is ours from outside, as the one who decides it says (A20).

mod connect;
pub mod consent;
mod datagrams;
mod ends;
mod losses;
mod proof;
mod proven;
mod raw;
mod renewal;
mod wait;
mod warrant;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    os::fd::BorrowedFd,
};

pub use losses::Losses;
pub use proof::{Missing, Proof, is_unanswered, proof};
pub use proven::Proven;
pub use renewal::Renewal;
pub use warrant::Warrant;

use portreeve_core::outside::Outcome;
use rustix::io::Errno;

/// What is asked of whom.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Whose ports.
    pub target: IpAddr,
    /// The index of the interface, where the address alone does not say which network is meant (RFC 4007 §6); or 0.
    pub interface: u32,
    /// By what right: nothing is sent without it.
    pub warrant: &'a Warrant,
    /// Which ports.
    pub ports: &'a [u16],
    /// Packets a second, at most.
    pub rate_max: u32,
    /// It ends, with what is known, as soon as this can be read.
    pub stop: BorrowedFd<'a>,
}

impl Wanted<'_> {
    /// The address at one of its ports.
    fn at(&self, port: u16) -> SocketAddr {
        match self.target {
            IpAddr::V4(_) => SocketAddr::new(self.target, port),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, self.interface).into(),
        }
    }
}

/// Why nothing was asked, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// It takes CAP_NET_RAW.
    #[error("raw packets may not be sent here")]
    NotPermitted,
    /// No route leads there, or its interface is down.
    #[error("no route leads to {0}")]
    NoRoute(IpAddr, #[source] Errno),
    /// The host's own filter drops what is sent, or its table of connections is full.
    #[error("this host does not let its own packets out")]
    KeptIn(#[source] Errno),
    /// No port of ours is free for the answers.
    #[error("no port can be kept for the answers")]
    NoPort(#[source] Errno),
    /// A socket failed.
    #[error("cannot {0}")]
    Call(&'static str, #[source] io::Error),
    /// No chance is to be had.
    #[error("cannot read /dev/urandom")]
    NoChance(#[source] io::Error),
}

/// The address of this host by which packets to `wanted` leave. Nothing is sent.
///
/// # Errors
///
/// No route leads there.
pub fn source(wanted: &Wanted<'_>) -> Result<IpAddr, ScanError> {
    ends::source(wanted)
}

/// Whether the calling thread may send raw packets.
#[must_use]
pub fn may_send_raw(target: IpAddr) -> bool {
    raw::open(target).is_ok()
}

/// How many ports that say nothing are given up in a second by whoever asks by connections.
#[must_use]
pub fn connections_a_second() -> u32 {
    u32::try_from(connect::connections_max()).unwrap_or(u32::MAX)
}

/// Asks by raw packets of TCP.
///
/// # Errors
///
/// Without the right to, or where nothing gets out.
pub fn by_packets(wanted: &Wanted<'_>) -> Result<Outcome, ScanError> {
    raw::run(wanted)
}

/// Asks by connections, of which each port of the target that is open hears.
///
/// # Errors
///
/// Where no route leads there, or no connection can be made.
pub fn by_connections(wanted: &Wanted<'_>) -> Result<Outcome, ScanError> {
    connect::run(wanted)
}

/// Asks ports of UDP by datagrams, as the services that are declared there by these names understand them.
///
/// # Errors
///
/// Where no route leads there, or nothing gets out.
pub fn by_datagrams(wanted: &Wanted<'_>, services: BTreeMap<u16, String>) -> Result<Outcome, ScanError> {
    datagrams::run(wanted, services)
}
