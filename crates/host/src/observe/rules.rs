//! The rules by which the kernel looks for routes (rtnetlink(7), RTM_GETRULE; ip-rule(8)).

use crate::sys::netlink::{Family, Netlink, NetlinkError, attributes, bytes_at};

const GET_RULE: u16 = 34;
/// RT_TABLE_LOCAL.
pub(crate) const LOCAL: u32 = 255;

/// The size of struct fib_rule_hdr, and FR_ACT_TO_TBL (include/uapi/linux/fib_rules.h).
const HEADER_BYTES: usize = 12;
const TO_TABLE: u8 = 1;
/// FRA_PRIORITY, FRA_SUPPRESS_PREFIXLEN, FRA_TABLE, FRA_PAD, FRA_PROTOCOL: what every rule has; any other one chooses packets.
const PRIORITY: u16 = 6;
const SUPPRESSED: u16 = 14;
const TABLE: u16 = 15;
const OF_EVERY_RULE: [u16; 5] = [PRIORITY, SUPPRESSED, TABLE, 18, 21];
/// FRA_SPORT_RANGE, FRA_DPORT_RANGE.
const OF_PORTS: [u16; 2] = [23, 24];

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// AF_INET or AF_INET6.
    pub(crate) family: u8,
    pub(crate) priority: u32,
    /// Where a route is looked for.
    pub(crate) table: u32,
    /// Whether it is asked for every packet, and has any route of the table that fits.
    pub(crate) is_for_all: bool,
    /// Whether it is for packets of some ports.
    pub(crate) is_by_port: bool,
}

/// Those of both families, of each in the order in which they are asked.
pub(crate) fn list() -> Result<Vec<Rule>, NetlinkError> {
    let mut rules = Vec::new();
    Netlink::open(Family::Route)?.dump(GET_RULE, &[0; HEADER_BYTES], |bytes| rules.extend(rule(bytes)))?;
    Ok(rules)
}

fn rule(bytes: &[u8]) -> Option<Rule> {
    let [family, to, from, service, table, _, _, action] = bytes_at::<8>(bytes, 0)?;
    let flags = bytes_at(bytes, 8).map(u32::from_ne_bytes)?;
    let is_for_all = [to, from, service] == [0; 3] && action == TO_TABLE && flags == 0;
    let mut rule = Rule { family, priority: 0, table: table.into(), is_for_all, is_by_port: false };
    for (name, value) in attributes(bytes.get(HEADER_BYTES..)?) {
        let number = bytes_at(value, 0).map(u32::from_ne_bytes);
        rule.is_by_port |= OF_PORTS.contains(&name);
        match name {
            PRIORITY => rule.priority = number?,
            TABLE => rule.table = number?,
            SUPPRESSED => rule.is_for_all &= number == Some(u32::MAX),
            other => rule.is_for_all &= OF_EVERY_RULE.contains(&other),
        }
    }
    Some(rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::netlink::attribute;

    /// struct fib_rule_hdr of IPv4 and a table, and attributes of four bytes.
    fn told(source_bits: u8, table: u8, attributes: &[(u16, u32)]) -> Rule {
        let mut bytes = vec![2, 0, source_bits, 0, table, 0, 0, TO_TABLE, 0, 0, 0, 0];
        bytes.extend(attributes.iter().flat_map(|(name, value)| attribute(*name, &value.to_ne_bytes())));
        rule(&bytes).unwrap()
    }

    #[test]
    fn a_rule_for_all_packets_is_told_from_one_for_some() {
        let every = [(PRIORITY, 32766), (SUPPRESSED, u32::MAX), (TABLE, 254), (21, 0)];
        let main = Rule { family: 2, priority: 32766, table: 254, is_for_all: true, is_by_port: false };
        assert_eq!(told(0, 254, &every), main);
        let some = Rule { priority: 0, table: 7, is_for_all: false, ..main };
        assert_eq!(told(8, 7, &[]), some);
        assert_eq!(told(0, 0, &[(TABLE, 7), (10, 1)]), some);
        assert_eq!(told(0, 7, &[(22, 6)]), some);
        assert_eq!(told(0, 7, &[(SUPPRESSED, 0)]), some);
        assert_eq!((rule(&[2, 0]), rule(&[10, 128])), (None, None));
    }

    #[test]
    fn a_rule_is_by_port_whichever_end_of_packets_has_it() {
        assert!(told(0, 100, &[(TABLE, 7), (23, 0)]).is_by_port && told(0, 100, &[(24, 0)]).is_by_port);
        assert!(!told(0, 100, &[(TABLE, 7), (22, 0)]).is_by_port);
    }

    #[test]
    fn both_families_have_their_rules() {
        let listed = list().unwrap();
        for family in [2, 10] {
            let first = listed.iter().find(|rule| rule.family == family).unwrap();
            assert_eq!((first.table, first.is_for_all), (LOCAL, true));
        }
    }
}
