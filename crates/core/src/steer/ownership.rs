//! By which packets are kept apart that are for services of one name and of different owners (A5, A13).

use core::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{fnv::fnv, owner::Owner};

/// Whose a service is: a digest of its owners, which the kernel keeps beside its name. No socket of one owner gets what is
/// for another, whatever is applied, taken back or over by itself.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Ownership(pub u32);

impl Ownership {
    /// That of a service of these owners.
    #[must_use]
    pub fn of(owners: &[Owner]) -> Self {
        let written = owners.iter().flat_map(|owner| [owner.key(), "=", owner.value(), "\n"]);
        Self(fnv(written.flat_map(str::bytes)))
    }

    /// Whether it was written before anybody kept it.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_owners_are_told_apart() {
        let of = |owners: &[Owner]| Ownership::of(owners);
        let unit = |name: &str| Owner::Unit(name.into());
        let all = [
            of(&[]),
            of(&[unit("a.service")]),
            of(&[unit("b.service")]),
            of(&[unit("a.service"), unit("b.service")]),
            of(&[Owner::User("a.service".into())]),
        ];
        for (nth, one) in all.iter().enumerate() {
            assert!(!one.is_untold());
            assert!(all.iter().skip(nth + 1).all(|other| other != one), "{one}");
        }
        assert_eq!(of(&[unit("a.service")]), all[1]);
    }
}
