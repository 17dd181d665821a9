//! Why numbers are kept back, and how that is written.

use std::{cmp::Ordering, path::Path};

use portreeve_core::{fnv::fnv, port::PortRange};

use super::record::{line, of_line};

/// Why numbers are kept back: what is not wanted any more for one reason may still be for another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// They are claimed in the host's usual ledger.
    Ledger(Usual),
    /// They are claimed in another ledger than the host's usual one.
    OtherLedger(OtherLedger),
    /// They are declared.
    Declared,
}

/// The host's usual ledger, which is whatever is at its place; with which file that was when anything was kept for it.
#[derive(Clone, Debug, Default)]
pub struct Usual(pub Option<OtherLedger>);

/// A ledger that the usual one knows nothing of; one that is told from others is the same wherever it is.
#[derive(Clone, Debug)]
pub struct OtherLedger {
    /// Its path or address.
    place: Box<str>,
    /// Which of those it is that are, or were, at that place: another disk, or another mount namespace, may have one there too.
    identity: Identity,
    /// Which lock those have who pledge anything for it: that of the place where it was first.
    lock: u32,
}

/// What tells a ledger from others, as digests; 0 where nothing does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Identity {
    /// Which ledger it is; a copy is the same one.
    ledger: u32,
    /// Which of its copies.
    file: u32,
}

const LEDGER: &str = "ledger";
const USUAL: &str = "usual-";
const OTHER_LEDGER: &str = "ledger-";
const DECLARED: &str = "declared";

impl OtherLedger {
    /// That at `place` which is told from others there, where anything tells it: by the ledger that it is, and by its file, which no
    /// copy is.
    #[must_use]
    pub fn new(place: &str, identity: Option<(&str, &str)>) -> Self {
        let place: String =
            place.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect();
        let digest = |text: &str| fnv(text.bytes());
        let identity = identity.map(|(ledger, file)| Identity { ledger: digest(ledger), file: digest(file) });
        Self { lock: digest(&place), place: place.into(), identity: identity.unwrap_or_default() }
    }

    /// The same, found at another place.
    #[must_use]
    pub fn at(self, place: &Self) -> Self {
        Self { place: place.place.clone(), ..self }
    }

    /// The same, in the place of `former`: whoever still pledges anything for that one is waited for.
    #[must_use]
    pub fn in_place_of(self, former: &Self) -> Self {
        Self { lock: former.lock, ..self }
    }

    /// Whether both are the very same file.
    #[must_use]
    pub const fn is_file_of(&self, other: &Self) -> bool {
        self.identity.file != 0 && self.identity.file == other.identity.file
    }

    /// Whether it is this ledger, or a copy of it.
    #[must_use]
    pub fn is_of(&self, ledger: &str) -> bool {
        self.identity.ledger == fnv(ledger.bytes())
    }

    /// Whether another copy of it is at its place now.
    #[must_use]
    pub fn is_replaced_by(&self, other: &Self) -> bool {
        let is_copy = self.identity.ledger != 0 && self.identity.ledger == other.identity.ledger;
        is_copy && self.place == other.place
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether it is told from others at its place.
    #[must_use]
    pub const fn is_identified(&self) -> bool {
        self.identity.file != 0
    }

    /// What tells it from every other one.
    fn key(&self) -> (u32, &str) {
        if self.is_identified() { (self.identity.file, "") } else { (0, &self.place) }
    }

    /// The two digests and the lock, as a line has them.
    fn word(&self) -> String {
        let Identity { ledger, file } = self.identity;
        format!("{ledger:08x}{file:08x}{:08x}", self.lock)
    }

    /// What is wanted for it, as a line that begins with `kind`.
    fn line(&self, kind: &str, ranges: &[PortRange]) -> String {
        line(&format!("{kind}{}", self.word()), ranges, Some(&self.place))
    }

    /// What [`Self::word`] wrote of the one at `place`; `None` of any other text.
    fn of_word(word: &str, place: &str) -> Option<Self> {
        let digest = |at: usize| {
            let digits = word.get(at..at + 8)?;
            u32::from_str_radix(digits, 16).ok().filter(|_| word.len() == 24)
        };
        let identity = Identity { ledger: digest(0)?, file: digest(8)? };
        Some(Self { place: place.into(), identity, lock: digest(16)? })
    }
}

impl PartialEq for Usual {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Usual {}

impl PartialOrd for Usual {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Usual {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl PartialEq for OtherLedger {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for OtherLedger {}

impl PartialOrd for OtherLedger {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OtherLedger {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Reason {
    /// The host's usual ledger, whichever file it is.
    pub const LEDGER: Self = Self::Ledger(Usual(None));

    /// The other ledger that it is.
    #[must_use]
    pub const fn other_ledger(&self) -> Option<&OtherLedger> {
        match self {
            Self::OtherLedger(other) => Some(other),
            Self::Ledger(_) | Self::Declared => None,
        }
    }

    /// Whether it is remembered where nothing is wanted for it: a file that is another ledger may come to another place yet.
    pub(super) fn is_remembered(&self) -> bool {
        self.other_ledger().is_none_or(|other| Path::new(other.place()).exists())
    }

    /// Whether the next boot finds out by itself what is wanted for it, and has to know whose that was.
    pub(super) const fn is_read_by_boot(&self) -> bool {
        matches!(self, Self::Ledger(Usual(Some(_))))
    }

    /// The lock of whoever pledges anything for it, which those at one place share: which one it is nobody knows before it is made.
    pub(super) fn lock(&self) -> String {
        match self {
            Self::Ledger(_) => format!("{LEDGER}.lock"),
            Self::OtherLedger(other) => format!("{OTHER_LEDGER}{:08x}.lock", other.lock),
            Self::Declared => format!("{DECLARED}.lock"),
        }
    }

    /// What is wanted for it, as a line.
    pub(super) fn line(&self, ranges: &[PortRange]) -> String {
        match self {
            Self::Ledger(Usual(None)) => line(LEDGER, ranges, None),
            Self::Ledger(Usual(Some(usual))) => usual.line(USUAL, ranges),
            Self::OtherLedger(other) => other.line(OTHER_LEDGER, ranges),
            Self::Declared => line(DECLARED, ranges, None),
        }
    }

    /// What [`Self::line`] wrote; `None` of any other text.
    pub(super) fn of_line(line: &str) -> Option<(Self, Vec<PortRange>)> {
        let (name, ranges, place) = of_line(line)?;
        let reason = match (name, place) {
            (LEDGER, None) => Self::Ledger(Usual(None)),
            (DECLARED, None) => Self::Declared,
            (name, Some(place)) => match name.strip_prefix(USUAL) {
                Some(word) => Self::Ledger(Usual(Some(OtherLedger::of_word(word, place)?))),
                None => Self::OtherLedger(OtherLedger::of_word(name.strip_prefix(OTHER_LEDGER)?, place)?),
            },
            _ => return None,
        };
        Some((reason, ranges))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_the_same_wherever_its_file_is() {
        let of = |place, file| OtherLedger::new(place, Some(("4c1d", file)));
        let (here, there, copy) = (of("/srv/a.db", "7"), of("/mnt/a.db", "7"), of("/srv/a.db", "8"));
        assert!(here == there && here.is_file_of(&there) && here != copy);
        assert!(here.is_replaced_by(&copy) && !there.is_replaced_by(&copy) && !here.is_file_of(&copy));
        let moved = here.clone().at(&there);
        assert_eq!((moved.place(), moved.lock), ("/mnt/a.db", here.lock));
        assert_ne!(there.lock, here.lock);
        assert_eq!(of("/mnt/a.db", "9").in_place_of(&here).lock, here.lock);
    }

    #[test]
    fn a_line_tells_which_ledger_it_is_of() {
        let ranges = [PortRange::one(20_500), PortRange { first: 20_510, last: 20_512 }];
        let of = |place, identity| Reason::OtherLedger(OtherLedger::new(place, identity));
        let usual = OtherLedger::new("/srv/a.db", Some(("4c1d", "7")));
        let remembered = Reason::of_line(Reason::Ledger(Usual(Some(usual.clone()))).line(&[]).trim_end());
        let is_remembered =
            matches!(remembered, Some((Reason::Ledger(Usual(Some(read))), _)) if read == usual);
        assert!(is_remembered && Reason::LEDGER == Reason::Ledger(Usual(Some(usual))));
        let all = [
            Reason::LEDGER,
            Reason::Declared,
            of("/srv/a b.db", Some(("4c1d", "7"))),
            of("/srv/台帳.db", None),
        ];
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
        assert_ne!(
            of("/srv/a.db", Some(("1", "1"))),
            of("/srv/a.db", Some(("1", "2"))),
            "one place, two ledgers"
        );
        assert_eq!(of("/srv/a.db", Some(("1", "1"))).lock(), of("/srv/a.db", None).lock());
        assert_eq!(
            of("/srv/a\nours 1.db", None).line(&[]).lines().count(),
            1,
            "nobody writes a line of his own"
        );
    }
}
