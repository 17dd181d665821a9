//! The rules of the guard as files and JSON have them: numbers that have the same owners are one range (A24).

use alloc::vec::Vec;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Entry, NUMBERS_MAX, Rules};
use crate::port::{PortRange, Protocol};

/// Numbers that have the same owners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    /// The protocol.
    pub protocol: Protocol,
    /// The numbers.
    pub ports: PortRange,
    /// Who may bind them.
    pub entries: Vec<Entry>,
}

/// More numbers than the kernel holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {NUMBERS_MAX} numbers")]
pub struct TooMany;

impl From<Rules> for Vec<Kept> {
    fn from(rules: Rules) -> Self {
        let mut ranges: Self = Self::new();
        for ((protocol, port), entries) in rules.entries {
            match ranges.last_mut() {
                Some(Kept { protocol: own, ports, entries: theirs })
                    if *own == protocol && ports.last.checked_add(1) == Some(port) && *theirs == entries =>
                {
                    ports.last = port;
                }
                _ => ranges.push(Kept { protocol, ports: PortRange::one(port), entries }),
            }
        }
        ranges
    }
}

impl TryFrom<Vec<Kept>> for Rules {
    type Error = TooMany;

    fn try_from(ranges: Vec<Kept>) -> Result<Self, TooMany> {
        let count: u64 = ranges.iter().map(|kept| u64::from(kept.ports.count())).sum();
        if count > NUMBERS_MAX as u64 {
            return Err(TooMany);
        }
        let mut rules = Self::default();
        for Kept { protocol, ports, entries } in ranges {
            let numbers = ports.first..=ports.last;
            rules.entries.extend(numbers.map(|port| ((protocol, port), entries.clone())));
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::guard::{Badge, Mode};

    fn entry(uid: u32) -> Entry {
        Entry { owner: Badge::User(uid), address: None, mode: Mode::Observe, service: 0 }
    }

    #[test]
    fn neighbours_with_the_same_owners_are_one_range() {
        let of = |port, uid| ((Protocol::Tcp, port), vec![entry(uid)]);
        let rules = Rules { entries: [of(80, 1), of(81, 1), of(82, 2), of(84, 2), of(u16::MAX, 2)].into() };
        let kept: Vec<Kept> = rules.clone().into();
        let ranges: Vec<_> = kept.iter().map(|kept| (kept.ports.first, kept.ports.last)).collect();
        assert_eq!(ranges, [(80, 81), (82, 82), (84, 84), (u16::MAX, u16::MAX)]);
        assert_eq!(Rules::try_from(kept), Ok(rules));
    }

    #[test]
    fn more_than_the_kernel_holds_is_refused() {
        let all = Kept {
            protocol: Protocol::Tcp,
            ports: "0-65535".parse().expect("a range"),
            entries: vec![entry(1)],
        };
        assert!(Rules::try_from(vec![all.clone(), all.clone()]).is_ok());
        assert_eq!(Rules::try_from(vec![all.clone(), all.clone(), all]), Err(TooMany));
    }

    #[test]
    fn an_owner_is_written_by_what_he_is_known_by() {
        let at = Entry {
            owner: Badge::Unit("web.service".into()),
            address: Some("192.0.2.1".parse().expect("an address")),
            mode: Mode::Enforce,
            service: 1,
        };
        let rules = Rules { entries: [((Protocol::Udp, 53), vec![at, entry(7)])].into() };
        let text = serde_json::to_string(&rules).expect("text");
        assert_eq!(
            text,
            concat!(
                r#"[{"protocol":"udp","ports":{"first":53,"last":53},"entries":["#,
                r#"{"owner":{"unit":"web.service"},"address":"192.0.2.1","mode":"enforce","service":1},"#,
                r#"{"owner":{"user":7},"mode":"observe","service":0}]}]"#
            )
        );
        assert_eq!(serde_json::from_str::<Rules>(&text).expect("rules"), rules);
    }
}
