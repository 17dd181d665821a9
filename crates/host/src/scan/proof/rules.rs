//! Whether rules lead packets of some ports elsewhere than others, by IPv6 (rtnetlink(7), RTM_GETRULE; ip-rule(8)).

use crate::sys::netlink::{Family, Netlink, NetlinkError, attributes, bytes_at};

const GET_RULE: u16 = 34;
const IPV6: u8 = 10;
/// struct fib_rule_hdr (include/uapi/linux/fib_rules.h), and the places of its lengths, table and action.
const HEADER_BYTES: usize = 12;
const TABLE_AT: usize = 4;
const ACTION_AT: usize = 7;
/// RT_TABLE_LOCAL, FR_ACT_TO_TBL.
const LOCAL: u8 = 255;
const TO_TABLE: u8 = 1;
/// FRA_PRIORITY, FRA_SUPPRESS_PREFIXLEN, FRA_TABLE, FRA_PAD, FRA_PROTOCOL: what every rule has.
const OF_EVERY_RULE: [u16; 5] = [6, 14, 15, 18, 21];
/// FRA_SPORT_RANGE, FRA_DPORT_RANGE.
const OF_PORTS: [u16; 2] = [23, 24];

/// Whether a rule by ports is asked for packets to others, or, where `is_own`, for those to addresses of this host.
pub(super) fn choose_by_port(is_own: bool) -> Result<bool, NetlinkError> {
    let mut request = [0; HEADER_BYTES];
    request[0] = IPV6;
    // They come in the order in which they are asked.
    let mut first = None;
    Netlink::open(Family::Route)?.dump(GET_RULE, &request, |bytes| {
        let decides = is_by_port(bytes) || is_own && is_all_local(bytes);
        first = first.or(decides.then(|| is_by_port(bytes)));
    })?;
    Ok(first == Some(true))
}

fn kinds(bytes: &[u8]) -> impl Iterator<Item = u16> {
    attributes(bytes.get(HEADER_BYTES..).unwrap_or_default()).map(|(kind, _)| kind)
}

fn is_by_port(bytes: &[u8]) -> bool {
    kinds(bytes).any(|kind| OF_PORTS.contains(&kind))
}

/// Whether it has all packets look for addresses of this host.
fn is_all_local(bytes: &[u8]) -> bool {
    let all = bytes_at(bytes, 1).is_some_and(|chosen: [u8; 3]| chosen == [0; 3]);
    let looks = (bytes.get(TABLE_AT), bytes.get(ACTION_AT)) == (Some(&LOCAL), Some(&TO_TABLE));
    all && looks && kinds(bytes).all(|kind| OF_EVERY_RULE.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::netlink::attribute;

    fn rule(table: u8, kinds: &[u16]) -> Vec<u8> {
        let mut bytes = vec![IPV6, 0, 0, 0, table, 0, 0, TO_TABLE, 0, 0, 0, 0];
        bytes.extend(kinds.iter().flat_map(|kind| attribute(*kind, &[0; 4])));
        bytes
    }

    #[test]
    fn a_rule_is_by_port_whichever_end_of_packets_has_it() {
        assert!(is_by_port(&rule(100, &[15, 6, 23])) && is_by_port(&rule(100, &[24])));
        assert!(!is_by_port(&rule(100, &[15, 6, 22])) && !is_by_port(&[IPV6]));
    }

    #[test]
    fn the_own_addresses_come_first_only_by_a_rule_for_all() {
        assert!(is_all_local(&rule(LOCAL, &[15, 6, 14, 21])));
        for other in [rule(254, &[15]), rule(LOCAL, &[15, 10]), rule(LOCAL, &[22]), vec![IPV6, 128]] {
            assert!(!is_all_local(&other));
        }
        let mut from = rule(LOCAL, &[15]);
        from[2] = 128;
        assert!(!is_all_local(&from));
    }

    #[test]
    fn this_host_is_asked() {
        assert!(choose_by_port(true).is_ok());
    }
}
