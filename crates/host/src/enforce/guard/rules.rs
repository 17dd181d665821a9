//! The rules of the guard as its programs read them (`struct rule` of bpf/guard.bpf.c).

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use portreeve_core::{
    address::Address,
    guard::{Badge, ENTRIES_MAX, Entry, Mode, digest_of_mark},
    port::Protocol,
};

use super::names::{Owners, called};

/// All numbers of a protocol, 64 to a word.
const PORT_WORDS: u32 = 1_024;
const PLACE_BYTES: usize = 16;
const RULE_HEAD_BYTES: usize = 8;
const ENTRY_BYTES: usize = 32;
const RULE_BYTES: usize = RULE_HEAD_BYTES + ENTRIES_MAX * ENTRY_BYTES;

const IPV4: u8 = 1;
const IPV6: u8 = 2;
const USER: u8 = 1;
const CGROUP: u8 = 2;
const MARK: u8 = 3;
const OBSERVE: u8 = 1;
const ENFORCE: u8 = 2;

/// The numbers of IANA's registry of protocols (RFC 5237); `None` of one whose sockets run none of the programs.
const fn number(protocol: Protocol) -> Option<u8> {
    match protocol {
        Protocol::Tcp => Some(6),
        Protocol::Udp => Some(17),
        Protocol::Udplite | Protocol::Sctp | Protocol::Dccp => None,
    }
}

/// Where a number stands in the map: of the network namespace with this cookie; `None` of a protocol that is not guarded.
pub(super) fn place(cookie: u64, protocol: Protocol, port: u16) -> Option<[u8; PLACE_BYTES]> {
    let mut place = [0; PLACE_BYTES];
    place[..8].copy_from_slice(&cookie.to_ne_bytes());
    place[8..10].copy_from_slice(&port.to_ne_bytes());
    place[10] = number(protocol)?;
    Some(place)
}

/// Where a number has its bit (`ports` of bpf/guard.bpf.c).
pub(super) const fn port_bit(protocol: Protocol, port: u16) -> (u32, u64) {
    let first = if matches!(protocol, Protocol::Udp) { PORT_WORDS } else { 0 };
    (first + port as u32 / u64::BITS, 1 << (port as u32 % u64::BITS))
}

/// Who may bind it; `None` where that are more than the programs look at, or a name has no number.
pub(super) fn rule(entries: &[Entry], names: &BTreeMap<Vec<u8>, Owners>) -> Option<[u8; RULE_BYTES]> {
    let mut rule = [0; RULE_BYTES];
    let count = u32::try_from(entries.len()).ok().filter(|_| entries.len() <= ENTRIES_MAX)?;
    rule[..4].copy_from_slice(&count.to_ne_bytes());
    for (entry, bytes) in entries.iter().zip(rule[RULE_HEAD_BYTES..].chunks_exact_mut(ENTRY_BYTES)) {
        let (kind, owner) = owner(&entry.owner, names)?;
        let (address, families, is_one) = stand(entry.address.as_ref());
        bytes[..8].copy_from_slice(&owner.to_ne_bytes());
        bytes[8..24].copy_from_slice(&address);
        let mode = match entry.mode {
            Mode::Observe => OBSERVE,
            Mode::Enforce => ENFORCE,
        };
        bytes[24..29].copy_from_slice(&[families, u8::from(is_one), kind, mode, entry.service]);
    }
    Some(rule)
}

/// The namespace, the protocol and the number that a place is of.
pub(super) fn read_place(place: &[u8]) -> Option<(u64, Protocol, u16)> {
    let cookie = u64::from_ne_bytes(*place.first_chunk()?);
    let port = u16::from_ne_bytes(*place.get(8..)?.first_chunk()?);
    let protocol = [Protocol::Tcp, Protocol::Udp];
    let protocol = protocol.into_iter().find(|protocol| number(*protocol) == place.get(10).copied())?;
    Some((cookie, protocol, port))
}

/// Who may bind a number by its rule, where `badges` are those who have a number among names of cgroups; `None` of what nobody
/// of ours wrote.
pub(super) fn read_rule(rule: &[u8], badges: &BTreeMap<u32, Badge>) -> Option<Vec<Entry>> {
    let count = usize::try_from(u32::from_ne_bytes(*rule.first_chunk()?)).ok()?;
    let entries = rule.get(RULE_HEAD_BYTES..)?.chunks_exact(ENTRY_BYTES);
    let entries: Vec<Entry> =
        entries.take(count).map(|bytes| read_entry(bytes, badges)).collect::<Option<_>>()?;
    (entries.len() == count).then_some(entries)
}

fn read_entry(bytes: &[u8], badges: &BTreeMap<u32, Badge>) -> Option<Entry> {
    let owner = u64::from_ne_bytes(*bytes.first_chunk()?);
    let &[_, _, kind, mode, service] = bytes.get(24..)?.first_chunk()?;
    let number = || u32::try_from(owner).ok();
    let owner = match kind {
        USER => Badge::User(number()?),
        MARK => badges.values().find(|badge| is_of_mark(badge, owner))?.clone(),
        CGROUP => badges.get(&number()?)?.clone(),
        _ => return None,
    };
    let mode = match mode {
        OBSERVE => Mode::Observe,
        ENFORCE => Mode::Enforce,
        _ => return None,
    };
    Some(Entry { owner, address: read_stand(bytes.get(8..)?)?, mode, service })
}

/// The address of a stand (`struct stand`); none where that is every one of both families.
pub(super) fn read_stand(bytes: &[u8]) -> Option<Option<Address>> {
    let ip = Ipv6Addr::from(*bytes.first_chunk::<16>()?).to_canonical();
    let &[families, is_one] = bytes.get(16..)?.first_chunk()?;
    Some(match (is_one != 0, families) {
        (true, _) => Some(ip.into()),
        (false, IPV4) => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED).into()),
        (false, IPV6) => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED).into()),
        (false, _) => None,
    })
}

fn is_of_mark(badge: &Badge, digest: u64) -> bool {
    matches!(badge, Badge::Mark(mark) if digest_of_mark(mark) == digest)
}

fn owner(badge: &Badge, names: &BTreeMap<Vec<u8>, Owners>) -> Option<(u8, u64)> {
    Some(match badge {
        Badge::User(uid) => (USER, u64::from(*uid)),
        Badge::Mark(mark) => (MARK, digest_of_mark(mark)),
        Badge::Unit(_) | Badge::Cgroup(_) => (CGROUP, u64::from(names.get(&called(badge)?)?.own)),
    })
}

/// The address, IPv4 in its IPv6 form, which families are taken, and whether it is one and no wildcard.
fn stand(address: Option<&Address>) -> ([u8; 16], u8, bool) {
    let Some(address) = address else { return ([0; 16], IPV4 | IPV6, false) };
    let ip = address.ip.to_canonical();
    let octets = match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let families = match address.ip {
        IpAddr::V6(ip) if ip.is_unspecified() => IPV4 | IPV6,
        _ if ip.is_ipv4() => IPV4,
        _ => IPV6,
    };
    let is_one = !ip.is_unspecified();
    (if is_one { octets } else { Ipv6Addr::UNSPECIFIED }.octets(), families, is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(owner: Badge, address: Option<&str>) -> Entry {
        let address = address.map(|address| address.parse().expect("an address"));
        Entry { owner, address, mode: Mode::Enforce, service: 3 }
    }

    #[test]
    fn a_rule_is_as_the_programs_read_it() {
        let rule = rule(&[entry(Badge::User(33), Some("192.0.2.7"))], &BTreeMap::new()).expect("a rule");
        let mut wanted = vec![1, 0, 0, 0, 0, 0, 0, 0, 33, 0, 0, 0, 0, 0, 0, 0];
        wanted.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]);
        wanted.extend([IPV4, 1, USER, ENFORCE, 3, 0, 0, 0]);
        assert_eq!(rule[..wanted.len()], wanted);
        assert_eq!(rule.len(), 520);
        assert!(rule[wanted.len()..].iter().all(|&byte| byte == 0));
        assert_eq!(place(1, Protocol::Udp, 53), Some([1, 0, 0, 0, 0, 0, 0, 0, 53, 0, 17, 0, 0, 0, 0, 0]));
        assert_eq!(place(1, Protocol::Sctp, 53), None);
    }

    #[test]
    fn what_was_written_reads_back() {
        let names = BTreeMap::from([(
            called(&Badge::Unit("web.service".into())).expect("a name"),
            Owners { own: 7, service: 0 },
        )]);
        let badges = BTreeMap::from([(7, Badge::Unit("web.service".into())), (8, Badge::Mark("db".into()))]);
        let entries = [
            entry(Badge::User(33), Some("192.0.2.7")),
            entry(Badge::Mark("db".into()), Some("2001:db8::1")),
            Entry { mode: Mode::Observe, ..entry(Badge::Unit("web.service".into()), None) },
            entry(Badge::User(0), Some("0.0.0.0")),
        ];
        let bytes = rule(&entries, &names).expect("a rule");
        assert_eq!(read_rule(&bytes, &badges), Some(entries.to_vec()));
        assert_eq!(read_rule(&bytes, &BTreeMap::new()), None, "somebody whom nobody knows");
        assert_eq!(read_rule(&bytes[..100], &badges), None);
        let spot = place(9, Protocol::Udp, 53).expect("a place");
        assert_eq!(read_place(&spot), Some((9, Protocol::Udp, 53)));
        assert_eq!(read_place(&spot[..9]), None);
    }

    #[test]
    fn a_wildcard_takes_the_families_that_a_socket_takes_there() {
        let of = |text: &str| {
            let (_, families, is_one) = stand(Some(&text.parse().expect("an address")));
            (families, is_one)
        };
        assert_eq!((stand(None).1, stand(None).2), (IPV4 | IPV6, false));
        assert_eq!((of("0.0.0.0"), of("::")), ((IPV4, false), (IPV4 | IPV6, false)));
        assert_eq!((of("127.0.0.1"), of("::1")), ((IPV4, true), (IPV6, true)));
        assert_eq!((of("::ffff:127.0.0.1"), of("::ffff:0.0.0.0")), ((IPV4, true), (IPV4, false)));
    }

    #[test]
    fn more_owners_than_are_told_apart_are_no_rule() {
        let many: Vec<Entry> = (0..).take(ENTRIES_MAX + 1).map(|uid| entry(Badge::User(uid), None)).collect();
        assert!(rule(&many[1..], &BTreeMap::new()).is_some());
        assert!(rule(&many, &BTreeMap::new()).is_none());
        assert!(
            rule(&[entry(Badge::Unit("web.service".into()), None)], &BTreeMap::new()).is_none(),
            "no number"
        );
    }
}
