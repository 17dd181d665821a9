//! Reads what `nft --debug=netlink list ruleset` prints beside: what nft 1.0.6 leaves out of its JSON (nft(8), A17).
//!
//! nft takes out of a rule what it asks of the family, the protocol or the kind of link where a later match seems to imply
//! it (src/payload.c, `payload_dependency_kill`), which not all of them do: of `ct l3proto ipv4 tcp dport 80` and of
//! `meta nfproto ipv4 ct protocol tcp` the second half is left.

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec, vec::Vec};

use super::{Scope, TableKey};
use crate::{
    address::Family,
    firewall::{
        intervals::Intervals,
        packets::{Field, State, family_number},
        ruleset::{Layer, Question},
    },
};

/// What rules ask and chains are for beside what the JSON says of them.
///
/// Ingress chains are listed without their devices.
#[derive(Debug, Default)]
pub struct Details<'a> {
    /// By table, chain and handle what a rule asks that may be hidden; nothing where the listing has two such rules.
    asked: BTreeMap<(TableKey<'a>, &'a str, u64), Option<Vec<Asked>>>,
    devices: BTreeMap<(TableKey<'a>, &'a str), Vec<String>>,
}

/// Something that a rule asks of a packet, by the instructions that the kernel has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Family(Family),
    FamilyOfConnection(Family),
    ProtocolOfConnection(u128),
    /// That it came in by a link of this kind (include/uapi/linux/if_arp.h).
    Link(u128),
}

/// ARPHRD_LOOPBACK.
const LOOPBACK: u128 = 772;

impl Asked {
    /// What must hold, all of it: whatever is invalid or not tracked has no connection (net/netfilter/nft_ct.c,
    /// `nft_ct_get_eval`).
    ///
    /// Before its connection is looked up nobody can tell whether a packet has one.
    pub(super) fn questions(self, scope: &Scope<'_>) -> Vec<Question> {
        let is = |field, number| Question::Is(field, Intervals::one(number));
        let of_connection = |question| match scope.is_before_conntrack {
            true => vec![Question::Unknown],
            false => vec![Question::Is(Field::State, State::tracked()), question],
        };
        match self {
            Self::Family(family) => vec![is(Field::Family, family_number(family))],
            Self::FamilyOfConnection(family) => of_connection(is(Field::Family, family_number(family))),
            Self::ProtocolOfConnection(number) => of_connection(is(Field::Protocol, number)),
            Self::Link(LOOPBACK) => vec![Question::Is(Field::InInterface, scope.around.named("lo"))],
            // Of the other kinds of link nothing here tells which interface has them.
            Self::Link(_) => vec![Question::Unknown],
        }
    }
}

impl<'a> Details<'a> {
    /// Those of a listing; lines that are not understood are passed over.
    #[must_use]
    pub fn read(text: &'a str) -> Self {
        let mut details = Self::default();
        let mut rule = None;
        let (mut table, mut chain) = (None, None);
        let mut loaded = None;
        for line in text.lines() {
            if let Some(instruction) = line.strip_prefix("  [ ") {
                let asked = loaded.and_then(|load: Load| load.compared(instruction));
                if let Some(Some(all)) = rule.and_then(|key| details.asked.get_mut(&key)) {
                    all.extend(asked);
                }
                loaded = Load::of(instruction);
            } else if let Some(key) = head(line).filter(|_| table.is_none()) {
                details.asked.entry(key).and_modify(|all| *all = None).or_insert_with(|| Some(Vec::new()));
                (rule, loaded) = (Some(key), None);
            } else if let Some(key) = opened_table(line) {
                table = Some(key);
            } else if let Some(name) = line.strip_prefix("\tchain ") {
                chain = name.strip_suffix(" {");
            } else if let Some((key, devices)) = table.zip(chain).zip(devices(line)) {
                details.devices.insert(key, devices);
            }
        }
        details
    }

    /// What a rule asks that the JSON may hide; `None` where that is not told.
    pub(super) fn asked<'b>(
        &'b self,
        table: TableKey<'b>,
        chain: &'b str,
        handle: Option<u64>,
    ) -> Option<&'b [Asked]> {
        self.asked.get(&(table, chain, handle?))?.as_deref()
    }

    /// The devices that a chain is for.
    pub(super) fn devices(&self, table: TableKey<'_>, chain: &str) -> Vec<String> {
        self.devices.get(&(table, chain)).cloned().unwrap_or_default()
    }
}

/// The same listing with nothing in it but what [`Details`] are read from: no comments, prefixes of logs and elements.
#[must_use]
pub fn essence(text: &str) -> String {
    let mut kept = String::new();
    // First come the instructions, below the name of each rule, then the rules as people write them.
    let mut is_written = false;
    let mut loaded = None;
    for line in text.lines() {
        is_written |= opened_table(line).is_some();
        let is_chain = || line.starts_with("\tchain ") || devices(line).is_some();
        let instruction = line.strip_prefix("  [ ");
        let is_asked =
            instruction.zip(loaded).is_some_and(|(it, load): (_, Load)| load.compared(it).is_some());
        loaded = instruction.and_then(Load::of);
        let line = match instruction {
            _ if is_written && (opened_table(line).is_some() || is_chain()) => line,
            _ if is_written => continue,
            None if head(line).is_some() => line,
            None => continue,
            Some(_) if loaded.is_some() || is_asked => line,
            // It stands between two others all the same: what is compared is what was loaded last.
            Some(_) => "  [ ]",
        };
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// `inet filter input 12`, and behind it perhaps the handle of the rule before.
fn head(line: &str) -> Option<(TableKey<'_>, &str, u64)> {
    let mut words = line.split(' ');
    let table = (Layer::named(words.next()?)?, words.next()?);
    Some((table, words.next()?, words.next()?.parse().ok()?))
}

/// `table inet filter {`.
fn opened_table(line: &str) -> Option<TableKey<'_>> {
    let (layer, name) = line.strip_prefix("table ")?.strip_suffix(" {")?.split_once(' ')?;
    Some((Layer::named(layer)?, name))
}

/// What is loaded to be compared.
#[derive(Clone, Copy)]
enum Load {
    Family,
    FamilyOfConnection,
    ProtocolOfConnection,
    Link,
}

impl Load {
    /// A family by netfilter's number, by that of Ethernet, or by the frame itself.
    fn of(instruction: &str) -> Option<Self> {
        let known = [
            ("meta load nfproto ", Self::Family),
            ("meta load protocol ", Self::Family),
            ("payload load 2b @ link header + 12 ", Self::Family),
            ("ct load l3protocol ", Self::FamilyOfConnection),
            ("ct load protocol ", Self::ProtocolOfConnection),
            ("meta load iiftype ", Self::Link),
        ];
        known.into_iter().find_map(|(begin, load)| instruction.starts_with(begin).then_some(load))
    }

    /// What `cmp eq reg 1 0x0000000a` asks of it; of Ethernet's number the bytes stand as in the frame.
    fn compared(self, instruction: &str) -> Option<Asked> {
        let number = instruction.strip_prefix("cmp eq reg ")?.split(' ').nth(1)?.strip_prefix("0x")?;
        let number = u128::from_str_radix(number, 16).ok()?;
        let family = match number {
            0x2 | 0x8 | 0x0800_0000 => Some(Family::Ipv4),
            0xa | 0xdd86 | 0x86dd_0000 => Some(Family::Ipv6),
            _ => None,
        };
        match self {
            Self::Family => family.map(Asked::Family),
            Self::FamilyOfConnection => family.map(Asked::FamilyOfConnection),
            Self::ProtocolOfConnection => Some(Asked::ProtocolOfConnection(number)),
            Self::Link => Some(Asked::Link(number)),
        }
    }
}

/// Those of `type filter hook ingress device "eth0" priority 0;`, or of `devices = { eth0, eth1 }`.
fn devices(line: &str) -> Option<Vec<String>> {
    let (_, behind) = line.strip_prefix("\t\ttype ")?.split_once(" hook ingress device")?;
    let names = match behind.strip_prefix("s = { ") {
        Some(list) => list.split_once(" }")?.0,
        None => behind.split_once(" priority ")?.0,
    };
    Some(names.split(", ").map(|name| name.trim().trim_matches('"').to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As nft 1.0.6 prints it, some instructions left out.
    const LISTING: &str = "inet t @__set0\n\telement 00003900  : 0 [end]\ninet t in 3\n  [ meta load nfproto => reg 1 ]\n  [ cmp eq reg 1 0x0000000a ]\n  [ meta load l4proto => reg 1 ]\n  [ cmp eq reg 1 0x00000006 ]\n  [ reject type 1 code 0 ]\n\ninet t in 4 3\n  [ meta load l4proto => reg 1 ]\n  [ cmp eq reg 1 0x00000002 ]\n  [ reject type 1 code 0 ]\n\nnetdev d in 2\n  [ meta load protocol => reg 1 ]\n  [ cmp eq reg 1 0x00000008 ]\n\nip twice in 2\nip twice in 2\n\ntable inet t {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n\n\tchain early {\n\t\ttype filter hook ingress device \"lo\" priority filter; policy accept;\n\t}\n}\ntable netdev d {\n\tchain in {\n\t\ttype filter hook ingress devices = { lo, wan0 } priority filter - 5; policy accept;\n\t}\n}\n";

    #[test]
    fn a_rule_is_for_the_family_that_its_instructions_ask_for() {
        let details = Details::read(LISTING);
        let asked = |table, handle| details.asked(table, "in", handle);
        let inet = (Layer::Inet, "t");
        assert_eq!(asked(inet, Some(3)), Some(&[Asked::Family(Family::Ipv6)][..]));
        assert_eq!(asked(inet, Some(4)), Some(&[][..]));
        assert_eq!(asked((Layer::Netdev, "d"), Some(2)), Some(&[Asked::Family(Family::Ipv4)][..]));
        assert_eq!([asked(inet, Some(5)), asked(inet, None)], [None, None]);
        assert_eq!(asked((Layer::Ip, "twice"), Some(2)), None);
    }

    #[test]
    fn what_is_asked_of_a_connection_or_a_link_is_told_too() {
        let text = "inet t in 3\n  [ ct load l3protocol => reg 1 , dir original ]\n  [ cmp eq reg 1 0x00000002 ]\n  [ ct load protocol => reg 1 ]\n  [ cmp eq reg 1 0x00000011 ]\n  [ meta load iiftype => reg 1 ]\n  [ cmp eq reg 1 0x00000304 ]\n  [ meta load iiftype => reg 1 ]\n  [ cmp neq reg 1 0x00000001 ]\n  [ meta load mark => reg 1 ]\n  [ cmp eq reg 1 0x00000005 ]\n";
        let all =
            [Asked::FamilyOfConnection(Family::Ipv4), Asked::ProtocolOfConnection(17), Asked::Link(LOOPBACK)];
        for text in [text, &essence(text)] {
            assert_eq!(Details::read(text).asked((Layer::Inet, "t"), "in", Some(3)), Some(&all[..]));
        }
        assert!(!essence(text).contains("0x00000005"));
    }

    #[test]
    fn the_essence_says_the_same() {
        // The mark of the connection is compared, and no family.
        let marked = "inet t in 9\n  [ meta load nfproto => reg 1 ]\n  [ lookup reg 1 set s ]\n  [ ct load mark => reg 1 ]\n  [ cmp eq reg 1 0x00000002 ]\n";
        let all = [marked, LISTING].concat();
        let (details, essence) = (Details::read(&all), essence(&all));
        let told = Details::read(&essence);
        assert_eq!(told.asked((Layer::Inet, "t"), "in", Some(9)), Some(&[][..]));
        assert_eq!((&told.asked, &told.devices), (&details.asked, &details.devices));
        let secret = "inet t in 3\n  [ log prefix s3cret ]\n\ntable inet t {\n\tcomment \"s3cret\"\n\tchain in {\n\t\tdrop comment \"s3cret\"\n";
        assert_eq!(super::essence(secret), "inet t in 3\n  [ ]\ntable inet t {\n\tchain in {\n");
    }

    #[test]
    fn an_ingress_chain_has_its_devices() {
        let details = Details::read(LISTING);
        assert_eq!(details.devices((Layer::Inet, "t"), "early"), ["lo"]);
        assert_eq!(details.devices((Layer::Netdev, "d"), "in"), ["lo", "wan0"]);
        assert_eq!(details.devices((Layer::Inet, "t"), "in"), [""; 0]);
    }
}
