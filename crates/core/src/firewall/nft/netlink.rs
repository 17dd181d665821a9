//! Reads what `nft --debug=netlink list ruleset` prints beside: what nft 1.0.6 leaves out of its JSON (nft(8), A17).

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};

use super::TableKey;
use crate::{address::Family, firewall::ruleset::Layer};

/// What rules ask and chains are for beside what the JSON says of them.
///
/// `reject with tcp reset` is listed without the family that was asked before it, and ingress chains without their
/// devices.
#[derive(Debug, Default)]
pub struct Details<'a> {
    /// By table, chain and handle which family a rule asks for; nothing where the listing has two such rules.
    families: BTreeMap<(TableKey<'a>, &'a str, u64), Option<Asked>>,
    devices: BTreeMap<(TableKey<'a>, &'a str), Vec<String>>,
}

/// Which packets a rule is for, by the instructions that the kernel has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Those of every family.
    Any,
    /// Those of one.
    Only(Family),
}

impl<'a> Details<'a> {
    /// Those of a listing; lines that are not understood are passed over.
    #[must_use]
    pub fn read(text: &'a str) -> Self {
        let mut details = Self::default();
        let mut rule = None;
        let (mut table, mut chain) = (None, None);
        let mut is_family_loaded = false;
        for line in text.lines() {
            if let Some(instruction) = line.strip_prefix("  [ ") {
                if let Some(asked) = rule.and_then(|key| details.families.get_mut(&key)) {
                    if is_family_loaded && *asked == Some(Asked::Any) {
                        *asked = compared(instruction).or(*asked);
                    }
                    is_family_loaded = loads_family(instruction);
                }
            } else if let Some(key) = head(line).filter(|_| table.is_none()) {
                details.families.entry(key).and_modify(|asked| *asked = None).or_insert(Some(Asked::Any));
                (rule, is_family_loaded) = (Some(key), false);
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

    /// Which family a rule asks for; `None` where that is not told.
    pub(super) fn family(&self, table: TableKey<'_>, chain: &str, handle: Option<u64>) -> Option<Asked> {
        self.families.get(&(table, chain, handle?)).copied().flatten()
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
    for line in text.lines() {
        is_written |= opened_table(line).is_some();
        let is_chain = || line.starts_with("\tchain ") || devices(line).is_some();
        let line = match line.strip_prefix("  [ ") {
            _ if is_written && (opened_table(line).is_some() || is_chain()) => line,
            _ if is_written => continue,
            None if head(line).is_some() => line,
            None => continue,
            Some(instruction) if loads_family(instruction) || compared(instruction).is_some() => line,
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

/// By netfilter's number, by that of Ethernet, or by the frame itself.
fn loads_family(instruction: &str) -> bool {
    ["meta load nfproto ", "meta load protocol ", "payload load 2b @ link header + 12 "]
        .iter()
        .any(|load| instruction.starts_with(load))
}

/// The family of `cmp eq reg 1 0x0000000a`; of Ethernet's number the bytes stand as in the frame.
fn compared(instruction: &str) -> Option<Asked> {
    let number = instruction.strip_prefix("cmp eq reg ")?.split(' ').nth(1)?;
    Some(Asked::Only(match number {
        "0x00000002" | "0x00000008" | "0x08000000" => Family::Ipv4,
        "0x0000000a" | "0x0000dd86" | "0x86dd0000" => Family::Ipv6,
        _ => return None,
    }))
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
        let asked = |table, handle| details.family(table, "in", handle);
        let inet = (Layer::Inet, "t");
        assert_eq!(asked(inet, Some(3)), Some(Asked::Only(Family::Ipv6)));
        assert_eq!(asked(inet, Some(4)), Some(Asked::Any));
        assert_eq!(asked((Layer::Netdev, "d"), Some(2)), Some(Asked::Only(Family::Ipv4)));
        assert_eq!([asked(inet, Some(5)), asked(inet, None)], [None, None]);
        assert_eq!(asked((Layer::Ip, "twice"), Some(2)), None);
    }

    #[test]
    fn the_essence_says_the_same() {
        // The mark of the connection is compared, and no family.
        let marked = "inet t in 9\n  [ meta load nfproto => reg 1 ]\n  [ lookup reg 1 set s ]\n  [ ct load mark => reg 1 ]\n  [ cmp eq reg 1 0x00000002 ]\n";
        let all = [marked, LISTING].concat();
        let (details, essence) = (Details::read(&all), essence(&all));
        let told = Details::read(&essence);
        assert_eq!(told.family((Layer::Inet, "t"), "in", Some(9)), Some(Asked::Any));
        assert_eq!((&told.families, &told.devices), (&details.families, &details.devices));
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
