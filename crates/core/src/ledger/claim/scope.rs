//! Where a claim holds: a host, a network namespace of it, a user's own, or a fleet.

use alloc::{borrow::Cow, string::String, sync::Arc};
use core::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes of what stands behind the colon.
const VALUE_BYTES_MAX: usize = 255;

/// Within what no number has two owners.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A host, by its machine-id(5).
    Host(Arc<str>),
    /// A network namespace that is not the host's, by name (ip-netns(8)).
    Netns(Arc<str>),
    /// What a user promises himself, where he may not write the host's ledger.
    User(u32),
    /// Every host of the fleet.
    Fleet,
}

/// Why a text is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope: host:MACHINE-ID, netns:NAME, user:UID or fleet")]
pub struct ScopeError(pub String);

impl Scope {
    /// Whether a number of both would have two owners.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self == other || [self, other].contains(&&Self::Fleet)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(machine) => write!(f, "host:{machine}"),
            Self::Netns(name) => write!(f, "netns:{name}"),
            Self::User(uid) => write!(f, "user:{uid}"),
            Self::Fleet => f.write_str("fleet"),
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let is_value = |value: &str| {
            !value.is_empty()
                && value.len() <= VALUE_BYTES_MAX
                && value.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let scope = match text.split_once(':') {
            None if text == "fleet" => Some(Self::Fleet),
            Some(("host", machine)) if is_value(machine) => Some(Self::Host(machine.into())),
            Some(("netns", name)) if is_value(name) => Some(Self::Netns(name.into())),
            Some(("user", uid)) if is_value(uid) => uid.parse().ok().map(Self::User),
            _ => None,
        };
        scope.ok_or_else(|| ScopeError(text.into()))
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'_, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_scope_reads_back_as_it_is_written() {
        for text in ["host:4c1d", "netns:blue", "user:1000", "fleet"] {
            assert_eq!(text.parse::<Scope>().map(|scope| scope.to_string()), Ok(text.into()));
        }
        for text in ["", "host:", "host", "user:x", "user:-1", "netns:a b", "fleet:1", "all"] {
            assert_eq!(text.parse::<Scope>(), Err(ScopeError(text.into())));
        }
    }

    /// A fleet's claim is every host's; those of two hosts have nothing to do with each other.
    #[test]
    fn a_fleet_meets_every_scope() {
        let scope = |text: &str| text.parse::<Scope>().expect("a scope");
        assert!(scope("fleet").meets(&scope("host:a")) && scope("netns:a").meets(&scope("fleet")));
        assert!(scope("host:a").meets(&scope("host:a")));
        assert!(!scope("host:a").meets(&scope("host:b")) && !scope("host:a").meets(&scope("netns:a")));
    }
}
