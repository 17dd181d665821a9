//! Somebody who asks the ledger, in the steps between which all else may happen.

use portreeve_core::{
    ledger::{Ask, Book, BootTime, ClaimId, Claimant, Entry, Lease, Reference, Scope, Wish},
    port::{PortRange, Protocol},
};

use super::{
    chance::Chance,
    host::{Host, POOL},
};

/// Where an asker stands.
pub(crate) enum Asker {
    /// He wants nothing.
    Idle,
    /// He has his ask, with its id, and has read nothing.
    Asking { host: usize, ask: Ask },
    /// He has read the book.
    Knows { host: usize, ask: Ask, book: Book },
    /// He has decided, and has sent nothing.
    Decided { host: usize, ask: Ask, expected: u64, entry: Box<Entry> },
}

impl Asker {
    /// The place of the host that he asks from.
    pub(crate) fn host(&self) -> Option<usize> {
        match self {
            Self::Idle => None,
            Self::Asking { host, .. } | Self::Knows { host, .. } | Self::Decided { host, .. } => Some(*host),
        }
    }
}

/// Who asks; the first is root.
const UIDS: [u32; 3] = [0, 1_000, 1_001];
const NAMES: u64 = 24;
const ADDRESSES: [&str; 4] = ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1"];

/// Something to ask for, on the host of this place, as it is `milliseconds` after all began.
pub(crate) fn ask(chance: &mut Chance, hosts: &[Host], place: usize, milliseconds: u64, book: &Book) -> Ask {
    let host = &hosts[place];
    let lease = lease(chance, host, milliseconds);
    if chance.percent(60) || book.is_empty() {
        return Ask::Claim(wish(chance, host, lease));
    }
    let uid = *chance.one(&UIDS);
    let claims: Vec<_> = book.claims().collect();
    let claim = *chance.one(&claims);
    let revision = chance.percent(50).then_some(claim.revision);
    let of = Reference {
        scope: claim.scope.clone(),
        protocol: claim.protocol,
        name: claim.name.clone(),
        revision,
    };
    if chance.percent(40) { Ask::Renew { of, lease, uid } } else { Ask::Release { of, uid } }
}

fn wish(chance: &mut Chance, host: &Host, lease: Lease) -> Wish {
    let scope = if chance.percent(30) { Scope::Fleet } else { Scope::Host(host.machine.as_str().into()) };
    let first = POOL.first + u16::try_from(chance.below(44)).expect("a small number");
    let ports = match chance.below(10) {
        0..=4 => None,
        5..=8 => Some(PortRange::one(first)),
        _ => Some(PortRange { first, last: first + 3 }),
    };
    let address = chance.percent(30).then(|| *chance.one(&ADDRESSES));
    Wish {
        id: ClaimId(u128::from(chance.next()) << 64 | u128::from(chance.next())),
        name: format!("n{}", chance.below(NAMES)).parse().expect("a name"),
        scope,
        protocol: *chance.one(&[Protocol::Tcp, Protocol::Udp]),
        address: address.map(|address| address.parse().expect("an address")),
        device: chance.percent(10).then(|| (*chance.one(&["eth0", "eth1"])).into()),
        ports,
        claimant: Claimant { uid: *chance.one(&UIDS), process: None },
        lease,
        note: None,
        well_known: false,
        force_bound: false,
    }
}

fn lease(chance: &mut Chance, host: &Host, milliseconds: u64) -> Lease {
    let process = host.some_process(chance);
    match (chance.below(3), process) {
        (0, Some(process)) => Lease::While { process },
        (1, _) => {
            let (now, length) = (host.now(milliseconds), 1 + chance.below(600_000));
            let until = now.wall + jiff::SignedDuration::from_millis(length.cast_signed());
            let milliseconds = now.boot.milliseconds + length;
            Lease::Until { until, boot: Some(BootTime { milliseconds, ..now.boot }) }
        }
        _ => Lease::Permanent,
    }
}
