//! Why numbers are kept back, and how that is written.

use portreeve_core::{fnv::fnv, port::PortRange};

use super::record::{line, of_line};

/// Why numbers are kept back: what is not wanted any more for one reason may still be for another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// They are claimed.
    Ledger,
    /// They are claimed in another ledger than the host's usual one.
    OtherLedger(OtherLedger),
    /// They are declared.
    Declared,
}

/// A ledger that the usual one knows nothing of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OtherLedger {
    /// Its path or address.
    place: Box<str>,
    /// Which of those it is that are, or were, at that place: another disk, or another mount namespace, may have one there too.
    identity: u32,
}

const LEDGER: &str = "ledger";
const OTHER_LEDGER: &str = "ledger-";
const DECLARED: &str = "declared";

impl OtherLedger {
    /// That at `place` which `identity` tells from others there, where anything does.
    #[must_use]
    pub fn new(place: &str, identity: Option<&str>) -> Self {
        let place: String =
            place.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect();
        Self { place: place.into(), identity: identity.map_or(0, |identity| fnv(identity.bytes())) }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What tells it from others at its place; 0 where nothing does.
    #[must_use]
    pub const fn identity(&self) -> u32 {
        self.identity
    }

    /// Whether it is told from others at its place.
    #[must_use]
    pub const fn is_identified(&self) -> bool {
        self.identity != 0
    }
}

impl Reason {
    /// The other ledger that it is.
    #[must_use]
    pub const fn other_ledger(&self) -> Option<&OtherLedger> {
        match self {
            Self::OtherLedger(other) => Some(other),
            Self::Ledger | Self::Declared => None,
        }
    }

    /// Where nothing is wanted for it any more, nothing of it is remembered.
    pub(super) const fn is_forgotten(&self) -> bool {
        self.other_ledger().is_some()
    }

    /// The lock of whoever pledges anything for it, which those at one place share: which one it is nobody knows before it is made.
    pub(super) fn lock(&self) -> String {
        match self {
            Self::Ledger => format!("{LEDGER}.lock"),
            Self::OtherLedger(OtherLedger { place, .. }) => {
                format!("{OTHER_LEDGER}{:08x}.lock", fnv(place.bytes()))
            }
            Self::Declared => format!("{DECLARED}.lock"),
        }
    }

    /// What is wanted for it, as a line.
    pub(super) fn line(&self, ranges: &[PortRange]) -> String {
        match self {
            Self::Ledger => line(LEDGER, ranges, None),
            Self::OtherLedger(OtherLedger { place, identity }) => {
                line(&format!("{OTHER_LEDGER}{identity:08x}"), ranges, Some(place))
            }
            Self::Declared => line(DECLARED, ranges, None),
        }
    }

    /// What [`Self::line`] wrote; `None` of any other text.
    pub(super) fn of_line(line: &str) -> Option<(Self, Vec<PortRange>)> {
        let (name, ranges, place) = of_line(line)?;
        let reason = match (name, place) {
            (LEDGER, None) => Self::Ledger,
            (DECLARED, None) => Self::Declared,
            (other, Some(place)) => {
                let identity = u32::from_str_radix(other.strip_prefix(OTHER_LEDGER)?, 16).ok()?;
                Self::OtherLedger(OtherLedger { place: place.into(), identity })
            }
            _ => return None,
        };
        Some((reason, ranges))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_which_ledger_it_is_of() {
        let ranges = [PortRange::one(20_500), PortRange { first: 20_510, last: 20_512 }];
        let of = |place, identity| Reason::OtherLedger(OtherLedger::new(place, identity));
        let all =
            [Reason::Ledger, Reason::Declared, of("/srv/a b.db", Some("4c1d")), of("/srv/台帳.db", None)];
        for reason in all {
            for ranges in [&ranges[..], &[]] {
                let line = reason.line(ranges);
                assert_eq!(
                    Reason::of_line(line.trim_end_matches('\n')),
                    Some((reason.clone(), ranges.to_vec())),
                    "{line:?}"
                );
            }
        }
        assert_ne!(of("/srv/a.db", Some("1")), of("/srv/a.db", Some("2")), "one place, two ledgers");
        assert_eq!(of("/srv/a.db", Some("1")).lock(), of("/srv/a.db", None).lock());
        assert_eq!(
            of("/srv/a\nours 1.db", None).line(&[]).lines().count(),
            1,
            "nobody writes a line of his own"
        );
    }
}
