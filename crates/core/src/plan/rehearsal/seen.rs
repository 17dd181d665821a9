//! What became of packets, as the table of the rehearsal lists it (libnftables-json(5)).

use alloc::collections::BTreeSet;

use serde_json::Value;

use super::{Fate, Probe};

/// The source ports of packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Of those that got to the gate.
    pub met: BTreeSet<u16>,
    /// Of those that it let in.
    pub passed: BTreeSet<u16>,
}

impl Seen {
    /// Reads what `nft -j list table inet portreeve_rehearsal` prints; `None` where it is something else.
    #[must_use]
    pub fn read(listing: &str) -> Option<Self> {
        let root: Value = serde_json::from_str(listing).ok()?;
        let sets = root.get("nftables")?.as_array()?.iter().filter_map(|object| object.get("set"));
        let mut seen = (None, None);
        for set in sets {
            match set.get("name").and_then(Value::as_str) {
                Some("met") => seen.0 = Some(ports(set)?),
                Some("passed") => seen.1 = Some(ports(set)?),
                _ => {}
            }
        }
        Some(Self { met: seen.0?, passed: seen.1? })
    }

    /// What became of a packet that got to the gate.
    pub(super) fn fate(&self, probe: &Probe) -> Fate {
        if self.passed.contains(&probe.source_port) { Fate::LetIn } else { Fate::Refused }
    }
}

/// An empty set is listed without elements.
fn ports(set: &Value) -> Option<BTreeSet<u16>> {
    let Some(elements) = set.get("elem") else { return Some(BTreeSet::new()) };
    let port = |element: &Value| {
        let bare = element.pointer("/elem/val").unwrap_or(element);
        u16::try_from(bare.as_u64()?).ok()
    };
    elements.as_array()?.iter().map(port).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_and_nothing_else_is_taken_for_one() {
        let listing = r#"{"nftables": [{"metainfo": {}}, {"table": {"name": "portreeve_rehearsal"}},
            {"set": {"name": "met", "elem": [20000, {"elem": {"val": 40001, "expires": 3}}]}}, {"set": {"name": "passed"}}]}"#;
        let seen = Seen::read(listing).unwrap();
        assert_eq!((seen.met, seen.passed), ([20_000, 40_001].into(), BTreeSet::new()));
        for other in ["", "{}", r#"{"nftables": []}"#, r#"{"nftables": [{"set": {"name": "met"}}]}"#] {
            assert_eq!(Seen::read(other), None, "{other}");
        }
        assert_eq!(Seen::read(&listing.replace("20000", "70000")), None);
    }
}
