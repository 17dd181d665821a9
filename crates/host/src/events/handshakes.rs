//! Handshakes that strangers have finished with this host, for where the kernel runs no programs of ours (A19).
//!
//! Conntrack tells when a connection opens, and is too easily led astray to be believed ([`Tracked`]): a moment later the kernel is asked
//! whether there is a socket. Of one that has ended by then it tells by itself. Of a source one connection at a time is asked for, and
//! none for minutes after a proof, so that a busy host asks little.

mod opened;
mod socket;

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::IpAddr,
    os::fd::{AsFd as _, BorrowedFd},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use portreeve_core::{
    port::Protocol,
    watch::{Event, Happening, Known, Tracked},
};

pub use self::opened::read as read_opened;
use crate::{
    proc,
    sys::netlink::{Family, Netlink, NetlinkError, Overrun},
};

/// Whether conntrack tells at all: 0 is never, 2 where somebody listens (Documentation/networking/nf_conntrack-sysctl.rst).
const EVENTS: &str = "/proc/sys/net/netfilter/nf_conntrack_events";
/// Conntrack tells of the packet that finishes a handshake before TCP has it: by then there is a socket.
pub const PATIENCE: Duration = Duration::from_millis(100);
/// Sources that wait for that; of more the proof is lost until their connection ends.
const WAITING_MAX: usize = 4_096;
/// A proof holds for an hour (core's `watch/proof.rs`), so it is news often enough.
const PROVEN_FOR: Duration = Duration::from_secs(10 * 60);
/// Sources of which that is remembered.
const PROVEN_MAX: usize = 16_384;

/// Why conntrack does not tell.
#[derive(Debug, thiserror::Error)]
pub enum OpenedError {
    /// It is told to be silent.
    #[error("nf_conntrack_events is 0")]
    Silent,
    /// The kernel was built without its events, or tracks no connections here.
    #[error("cannot read {EVENTS}")]
    Missing(#[source] io::Error),
    /// It cannot be listened to.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// What tells of connections of this network namespace.
#[derive(Debug)]
pub struct Handshakes {
    opened: Result<Netlink, OpenedError>,
    ended: Netlink,
    asked: Netlink,
    waiting: VecDeque<Waiting>,
    proven: HashMap<IpAddr, Instant>,
}

/// A connection that has opened, as conntrack says.
#[derive(Debug)]
struct Waiting {
    tracked: Tracked,
    at: Timestamp,
    due: Instant,
}

impl Handshakes {
    /// Begins to hear of them.
    ///
    /// # Errors
    ///
    /// The kernel does not list its sockets (CONFIG_INET_DIAG), or tells nobody of those that end.
    pub fn open() -> Result<Self, NetlinkError> {
        let ended = Netlink::hearing(Family::SockDiag, socket::ENDED)?;
        let asked = Netlink::open(Family::SockDiag)?;
        let (waiting, proven) = (VecDeque::new(), HashMap::new());
        Ok(Self { opened: open_conntrack(), ended, asked, waiting, proven })
    }

    /// Tries again what could not be: conntrack may tell since.
    pub fn retry(&mut self) {
        if self.opened.is_err() {
            self.opened = open_conntrack();
        }
    }

    /// Why only those of connections that have ended are told.
    #[must_use]
    pub fn missed(&self) -> Option<&OpenedError> {
        self.opened.as_ref().err()
    }

    /// Each is readable when something was told.
    pub fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.opened.iter().chain([&self.ended]).map(|netlink| netlink.as_fd())
    }

    /// Gives each handshake to `each` that a stranger has finished on a port that is `known`, of a connection that goes on once
    /// [`PATIENCE`] is over, as heard of `at` this time, which is `now`; tells how many events there were, at least, for which there was
    /// no room.
    ///
    /// # Errors
    ///
    /// Where the kernel cannot be listened to, or asked, any more.
    pub fn read(
        &mut self,
        (at, now): (Timestamp, Instant),
        known: &Known,
        mut each: impl FnMut(Event<'static>),
    ) -> Result<u64, NetlinkError> {
        let mut handshake = |from, at| each(Event { at, what: Happening::Handshake { from } });
        let mut lost = self.read_opened((at, now), known)?;
        let Self { ended, waiting, proven, .. } = self;
        let overrun = ended.hear(|message| {
            let Some(from) = socket::ended(message, known) else { return };
            if !is_proven(proven, from, now) {
                waiting.retain(|waiting| waiting.tracked.from.0 != from);
                remember(proven, from, now);
                handshake(from, at);
            }
        })?;
        lost += u64::from(overrun == Overrun::Some);
        while self.waiting.front().is_some_and(|first| first.due <= now) {
            let Some(first) = self.waiting.pop_front() else { break };
            let from = first.tracked.from.0;
            if socket::is_there(&mut self.asked, &first.tracked)? {
                remember(&mut self.proven, from, now);
                handshake(from, first.at);
            }
        }
        Ok(lost)
    }

    /// How long nobody needs to read, where some connection waits to be asked for.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.waiting.front().map(|first| first.due.saturating_duration_since(Instant::now()))
    }

    /// Has the next handshake of this source be news.
    pub fn forget(&mut self, source: IpAddr) {
        self.proven.remove(&source);
    }

    /// What conntrack told waits for its time.
    fn read_opened(&mut self, (at, now): (Timestamp, Instant), known: &Known) -> Result<u64, NetlinkError> {
        let Self { opened: Ok(opened), waiting, proven, .. } = self else { return Ok(0) };
        let mut lost = 0;
        let overrun = opened.hear(|message| {
            let Some(tracked) =
                opened::told(message).filter(|it| it.opens() && known.has(Protocol::Tcp, it.to.1))
            else {
                return;
            };
            let from = tracked.from.0;
            if is_proven(proven, from, now) || waiting.iter().any(|waiting| waiting.tracked.from.0 == from) {
                return;
            }
            if waiting.len() < WAITING_MAX {
                waiting.push_back(Waiting { tracked, at, due: now + PATIENCE });
            } else {
                lost += 1;
            }
        })?;
        Ok(if overrun == Overrun::Some { lost.max(1) } else { lost })
    }
}

fn open_conntrack() -> Result<Netlink, OpenedError> {
    let opened = opened::open()?;
    let events = proc::read(EVENTS, proc::SMALL_BYTES).map_err(OpenedError::Missing)?;
    if events.trim_ascii() == b"0" { Err(OpenedError::Silent) } else { Ok(opened) }
}

fn is_proven(proven: &HashMap<IpAddr, Instant>, from: IpAddr, now: Instant) -> bool {
    proven.get(&from).is_some_and(|proven| now.duration_since(*proven) < PROVEN_FOR)
}

fn remember(proven: &mut HashMap<IpAddr, Instant>, from: IpAddr, now: Instant) {
    if proven.len() >= PROVEN_MAX {
        proven.retain(|_, proven| now.duration_since(*proven) < PROVEN_FOR);
    }
    // That of others is told once more than it has to be.
    if proven.len() >= PROVEN_MAX {
        proven.clear();
    }
    proven.insert(from, now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_news_again_after_a_while_and_no_more_are_remembered_than_that() {
        let (mut proven, now) = (HashMap::new(), Instant::now());
        let source = |number: u32| IpAddr::from(number.to_be_bytes());
        (0..20_000).for_each(|number| remember(&mut proven, source(number), now));
        assert!(proven.len() <= PROVEN_MAX);
        assert!(is_proven(&proven, source(19_999), now) && !is_proven(&proven, source(20_000), now));
        assert!(!is_proven(&proven, source(19_999), now + PROVEN_FOR));
    }
}
