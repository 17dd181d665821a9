//! The protocols of which the gate judges no ports, and that a policy may close (IANA, Assigned Internet Protocol Numbers).

use core::fmt;

/// A protocol that is neither judged by its ports nor ICMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherProtocol(u8);

/// Those that have a name here: tunnels, and what routers say to each other. Linux calls 4 `ipip` (ip-tunnel(8)).
const NAMES: [(&str, u8); 14] = [
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipip", 4),
    ("ipv6", 41),
    ("vrrp", 112),
    ("ospf", 89),
    ("igmp", 2),
    ("pim", 103),
    ("eigrp", 88),
    ("l2tp", 115),
    ("etherip", 97),
    ("ipcomp", 108),
    ("dccp", 33),
];

impl OtherProtocol {
    /// Every one that has a name, the usual ones first.
    pub const ALL: [Self; NAMES.len()] = {
        let mut all = [Self(0); NAMES.len()];
        let mut at = 0;
        while at < NAMES.len() {
            all[at] = Self(NAMES[at].1);
            at += 1;
        }
        all
    };

    /// The one of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| Self(*number))
    }

    /// Its number in the headers of IP.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its name, as the policy writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = NAMES.iter().find(|(_, number)| *number == self.0);
        named.map(|(name, _)| *name).expect("each is made of a name")
    }
}

impl fmt::Display for OtherProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::JUDGED;

    #[test]
    fn each_has_one_name_and_is_judged_in_no_other_way() {
        for protocol in OtherProtocol::ALL {
            assert_eq!(OtherProtocol::of(protocol.name()), Some(protocol));
            let number = protocol.number();
            assert!(JUDGED.iter().all(|judged| judged.number() != number) && ![1, 58].contains(&number));
        }
        assert_eq!(OtherProtocol::of("tcp"), None);
        assert_eq!(OtherProtocol::of("GRE"), None);
    }
}
