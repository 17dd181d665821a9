//! Asks in one line, for the tests of the ledger.

use alloc::{string::String, vec::Vec};

use super::{
    Ask, Book, BootTime, Change, Claim, ClaimId, Claimant, Entry, Lease, Now, ProcessId, Reference, Refusal,
    Seen, Wish, decide,
};
use crate::{facts::Listener, port::PortRange, registry::Registry};

/// The host of the tests.
pub(crate) const MACHINE: &str = "4c1d";

/// `web` or `web 443/tcp`, by the user `uid` on this host, for good.
pub(crate) fn wish(uid: u32, id: u128, text: &str) -> Wish {
    let (name, spec) = text.split_once(' ').map_or((text, None), |(name, spec)| (name, Some(spec)));
    let spec: Option<crate::port::PortSpec> = spec.map(|spec| spec.parse().expect("a port"));
    Wish {
        id: ClaimId(id),
        name: name.parse().expect("a name"),
        scope: super::Scope::Host(MACHINE.into()),
        protocol: spec.map_or(crate::port::Protocol::Tcp, |spec| spec.protocol),
        address: None,
        device: None,
        ports: spec.map(|spec| spec.range),
        claimant: Claimant { uid, process: None },
        lease: Lease::Permanent,
        note: None,
        well_known: false,
        force_bound: false,
    }
}

/// A second of the boot `a`.
pub(crate) fn at(seconds: u64) -> Now {
    let wall = jiff::Timestamp::from_second(1_800_000_000 + seconds.cast_signed()).expect("a time");
    Now { wall, boot: BootTime { boot_id: "a".into(), milliseconds: seconds * 1_000 } }
}

/// For some seconds from `now` on.
pub(crate) fn lease(seconds: u64, now: &Now) -> Lease {
    let until = now.wall + jiff::SignedDuration::from_secs(seconds.cast_signed());
    let milliseconds = now.boot.milliseconds + seconds * 1_000;
    Lease::Until { until, boot: Some(BootTime { milliseconds, ..now.boot.clone() }) }
}

/// A process of this host and boot.
pub(crate) fn process(pid: u32, started_ticks: u64) -> ProcessId {
    let (machine, boot_id) = (MACHINE.into(), "a".into());
    ProcessId { machine, boot_id, pid, started_ticks, inode: None, namespace: None }
}

/// A ledger on a host on which nobody listens.
pub(crate) struct Desk<'a> {
    pub(crate) book: Book,
    pub(crate) seen: Seen<'a>,
    pub(crate) now: Now,
}

impl<'a> Desk<'a> {
    pub(crate) fn new() -> Self {
        let range = PortRange { first: 32_768, last: 60_999 };
        Self {
            book: Book::default(),
            seen: Seen::new(MACHINE.into(), range, Registry::builtin()),
            now: at(0),
        }
    }

    pub(crate) fn bound(self, listeners: &'a [Listener]) -> Self {
        Self { seen: self.seen.with(listeners.iter(), Vec::new()), ..self }
    }

    /// Asks, and writes what is granted.
    pub(crate) fn ask(&mut self, ask: &Ask) -> Result<Entry, Refusal> {
        let entry = decide(&self.book, ask, &self.seen, &self.now)?;
        if !entry.changes.is_empty() {
            self.book.change(entry.changes.clone());
        }
        Ok(entry)
    }

    pub(crate) fn claim(&mut self, wish: Wish) -> Result<Entry, Refusal> {
        self.ask(&Ask::Claim(wish))
    }

    /// The claim of a wish that is granted.
    pub(crate) fn granted(&mut self, wish: Wish) -> Claim {
        self.claim(wish).expect("it is granted").claim.as_ref().clone()
    }

    /// The token of a refusal, which changes nothing.
    pub(crate) fn refused(&mut self, wish: Wish) -> &'static str {
        let before = self.book.clone();
        let token = self.claim(wish).expect_err("it is refused").token();
        assert_eq!(self.book, before);
        token
    }
}

/// Which claim is meant by its name.
pub(crate) fn reference(wish: &Wish) -> Reference {
    Reference { scope: wish.scope.clone(), protocol: wish.protocol, name: wish.name.clone(), revision: None }
}

/// What the changes of an entry are, in a word each.
pub(crate) fn words(entry: &Entry) -> Vec<String> {
    let word = |change: &Change| match change {
        Change::Add(claim) | Change::Replace(claim) => alloc::format!("put {}", claim.name),
        Change::Remove(id) => alloc::format!("remove {:x}", id.0),
    };
    entry.changes.iter().map(word).collect()
}
