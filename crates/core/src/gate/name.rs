//! Names and interfaces as they may stand in a text for nft, whoever chose them (nft(8), "INPUT FILE FORMATS").

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use crate::policy::is_interface;

/// Names of nftables have 255 bytes at most (include/uapi/linux/netfilter/nf_tables.h, `NFT_NAME_MAXLEN`), of which what
/// stands before and behind a zone's name needs some.
const ZONE_BYTES_MAX: usize = 200;
/// IFNAMSIZ with its final zero (include/uapi/linux/if.h).
const INTERFACE_BYTES_MAX: usize = 15;

/// The name of a zone, as part of the names of chains and sets: `zone_my_2dlan` for `my-lan`.
///
/// Letters and digits of ASCII stand for themselves, every other byte is `_` and two digits: no two zones have the same
/// one, and with what stands before it no word of nft can be meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneName(String);

impl ZoneName {
    /// The name of the zone that the policy calls `zone`; `None` where it is empty or too long.
    #[must_use]
    pub fn of(zone: &str) -> Option<Self> {
        let mut name = String::from("zone_");
        for byte in zone.bytes() {
            if byte.is_ascii_alphanumeric() {
                name.push(char::from(byte));
            } else {
                name.push_str(&format!("_{byte:02x}"));
            }
        }
        (!zone.is_empty() && name.len() <= ZONE_BYTES_MAX).then_some(Self(name))
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the policy calls the zone of this `name`; `None` where it is none that stands for one.
pub(super) fn zone(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix("zone_")?.bytes();
    let mut zone = Vec::new();
    while let Some(byte) = rest.next() {
        if byte != b'_' {
            zone.push(byte);
            continue;
        }
        let [high, low] = [rest.next()?, rest.next()?].map(|digit| char::from(digit).to_digit(16));
        zone.push(u8::try_from(high? * 16 + low?).ok()?);
    }
    String::from_utf8(zone).ok()
}

/// A chain or a set that stands in the table, and whose name can be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name(String);

impl Name {
    /// `text`, where it is a name that this program could have given.
    pub(super) fn of(text: &str) -> Option<Self> {
        let is_own = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let begins = ["a_", "b_", "open_zone_"].iter().any(|begin| text.starts_with(begin));
        (begins && text.len() < 256 && text.bytes().all(is_own)).then(|| Self(text.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// An interface, or with `*` at the end all whose names begin so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfacePattern(String);

impl InterfacePattern {
    /// `text`, where an interface can have that name.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let stem = text.strip_suffix('*').unwrap_or(text);
        let is_whole = stem.len() == text.len() || stem.len() == INTERFACE_BYTES_MAX;
        let is_valid = is_interface(stem) || (stem.is_empty() && !text.is_empty());
        is_valid.then(|| Self(if is_whole { stem } else { text }.into()))
    }

    /// The same without quotes.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether every interface is meant that `other` means.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match self.0.strip_suffix('*') {
            Some(stem) => other.0.starts_with(stem),
            None => self == other,
        }
    }

    /// Whether every interface is meant.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0 == "*"
    }
}

/// In quotes, within which nft takes all but the quotes as it is.
impl fmt::Display for InterfacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn what_a_zone_is_called_is_told_apart() {
        let name = |zone: &str| ZoneName::of(zone).unwrap().to_string();
        assert_eq!(name("office"), "zone_office");
        assert_eq!(name("fwd"), "zone_fwd");
        assert_eq!(name("my-lan"), "zone_my_2dlan");
        assert_eq!(name("my_2dlan"), "zone_my_5f2dlan");
        assert_eq!(name("本"), "zone__e6_9c_ac");
        assert_eq!(name("a\"; flush ruleset;\n"), "zone_a_22_3b_20flush_20ruleset_3b_0a");
        assert_eq!(ZoneName::of(&"x".repeat(196)), None);
        assert_eq!(ZoneName::of(""), None);
    }

    #[test]
    fn an_interface_is_what_the_kernel_takes_for_one() {
        let pattern = |text: &str| InterfacePattern::of(text).map(|pattern| pattern.to_string());
        assert_eq!(pattern("eth0").unwrap(), "\"eth0\"");
        assert_eq!(pattern("br-*").unwrap(), "\"br-*\"");
        assert_eq!(pattern("*").unwrap(), "\"*\"");
        // No name is longer, so that nothing else begins so.
        assert_eq!(pattern("abcdefghijklmno*").unwrap(), "\"abcdefghijklmno\"");
        for hostile in ["", "a\"b", "a b", "a\nb", "a*b", "..", "abcdefghijklmnop", "a\\"] {
            assert_eq!(pattern(hostile), None, "{hostile:?}");
        }
    }

    proptest! {
        #[test]
        fn no_two_zones_have_one_name(one in ".{1,9}", two in ".{1,9}") {
            let [left, right] = [&one, &two].map(|zone| ZoneName::of(zone).unwrap());
            prop_assert_eq!(left == right, one == two);
            prop_assert!(left.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        }
    }
}
