//! Whose numbers nobody else may bind: what the guard in the kernel is told (A24).

mod contained;
mod kept;
mod wanted;

pub use contained::Containers;
pub use kept::{Kept, TooMany};
pub use wanted::{GuardMistake, Named, Unguardable, Unguarded, Wanted, guardable, unguarded, wanted};

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    address::Address,
    fnv::fnv64,
    ledger::Stand,
    port::{PortRange, Protocol},
};

/// So many owners of one number the kernel tells apart.
pub const ENTRIES_MAX: usize = 16;
/// So many numbers the kernel holds (`struct rules` of host/bpf/guard.bpf.c).
pub const NUMBERS_MAX: usize = 131_072;

/// What becomes of whoever binds a number that is not his.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is written down, and he has it.
    Observe,
    /// He is refused.
    Enforce,
}

/// By what the kernel knows an owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Badge {
    /// The user whose rights a process has.
    User(u32),
    /// A unit of the host's service manager, with everything below its cgroup; `*` stands for any instance.
    Unit(String),
    /// A cgroup by path, with everything below it.
    Cgroup(String),
    /// What the socket was marked with as it was made, by the program of that name which its unit asked for.
    Mark(String),
}

/// By what the kernel knows a mark of this name; never 0.
#[must_use]
pub fn digest_of_mark(name: &str) -> u64 {
    fnv64(name.bytes()).max(1)
}

/// One who may bind a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Who.
    pub owner: Badge,
    /// Where; `None` is every address of both families.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// What becomes of others.
    pub mode: Mode,
    /// Of which service of this number, from 0 on: whoever takes the place of several has to own each of them.
    pub service: u8,
}

/// What is kept, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<Kept>", try_from = "Vec<Kept>")]
pub struct Rules {
    /// For each number who may bind it: at most [`ENTRIES_MAX`].
    pub entries: BTreeMap<(Protocol, u16), Vec<Entry>>,
}

impl Entry {
    /// Where its owner stands on `port`.
    fn stand(&self, protocol: Protocol, port: u16) -> Stand<'_> {
        let ports = PortRange::one(port);
        Stand { protocol, ports, address: self.address.as_ref(), device: None, v6only: false }
    }
}

impl Rules {
    /// Whether anybody is known by a mark.
    #[must_use]
    pub fn have_marks(&self) -> bool {
        self.entries.values().flatten().any(|entry| matches!(entry.owner, Badge::Mark(_)))
    }

    /// What becomes of somebody who binds a number at `stand`, and of whom `is` tells whether he is an owner: nothing, where he
    /// owns every service whose place he takes. The program in the kernel judges alike (host/bpf/guard.bpf.c, `wronged`).
    pub fn judge(&self, stand: &Stand<'_>, is: impl Fn(&Badge) -> bool) -> Option<Mode> {
        let (protocol, port) = (stand.protocol, stand.ports.first);
        let mut wronged: BTreeMap<u8, Mode> = BTreeMap::new();
        let mut owned = Vec::new();
        let entries = self.entries.get(&(protocol, port)).into_iter().flatten();
        for entry in entries.filter(|entry| entry.stand(protocol, port).meets(stand)) {
            let mode = wronged.entry(entry.service).or_insert(entry.mode);
            *mode = entry.mode.max(*mode);
            if is(&entry.owner) {
                owned.push(entry.service);
            }
        }
        wronged.into_iter().filter(|(service, _)| !owned.contains(service)).map(|(_, mode)| mode).max()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn rules(entries: &[(u32, Option<&str>, Mode, u8)]) -> Rules {
        let entry = |&(uid, address, mode, service): &(u32, Option<&str>, Mode, u8)| Entry {
            owner: Badge::User(uid),
            address: address.map(|address| address.parse().expect("an address")),
            mode,
            service,
        };
        let entries = entries.iter().map(entry).collect();
        Rules { entries: [((Protocol::Tcp, 443), entries)].into() }
    }

    /// What becomes of the user `uid` who binds 443/tcp at `address`.
    fn judged(rules: &Rules, uid: u32, address: &str) -> Option<Mode> {
        let address: Address = address.parse().expect("an address");
        let ports = PortRange::one(443);
        let stand =
            Stand { protocol: Protocol::Tcp, ports, address: Some(&address), device: None, v6only: false };
        rules.judge(&stand, |badge| *badge == Badge::User(uid))
    }

    #[test]
    fn a_number_is_its_owners() {
        let rules = rules(&[(33, None, Mode::Enforce, 0), (34, None, Mode::Enforce, 0)]);
        assert_eq!([33, 34, 0].map(|uid| judged(&rules, uid, "0.0.0.0")), [None, None, Some(Mode::Enforce)]);
        let other = Stand {
            ports: PortRange::one(444),
            ..rules.entries[&(Protocol::Tcp, 443)][0].stand(Protocol::Tcp, 443)
        };
        assert_eq!(rules.judge(&other, |_| false), None, "nobody's");
    }

    #[test]
    fn whoever_takes_every_address_owns_every_service_there() {
        let rules = rules(&[
            (1, Some("192.0.2.1"), Mode::Enforce, 0),
            (2, Some("192.0.2.2"), Mode::Observe, 1),
            (3, Some("::1"), Mode::Enforce, 2),
        ]);
        let of = |uid, address| judged(&rules, uid, address);
        assert_eq!((of(1, "192.0.2.1"), of(2, "192.0.2.1")), (None, Some(Mode::Enforce)));
        assert_eq!((of(1, "192.0.2.2"), of(9, "192.0.2.3")), (Some(Mode::Observe), None));
        assert_eq!((of(1, "0.0.0.0"), of(2, "0.0.0.0")), (Some(Mode::Observe), Some(Mode::Enforce)));
        assert_eq!((of(3, "::1"), of(3, "::")), (None, Some(Mode::Enforce)));
        assert_eq!(rules.entries.values().map(Vec::len).collect::<Vec<_>>(), vec![3]);
    }
}
