//! What the next boot is to keep back from clients: written beside what was done, as a boot has neither a network nor a ledger
//! yet.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use portreeve_core::port::PortRange;

use super::{Reason, record::text_at};
use crate::keep::{KeepError, Readers, replace};

/// What lasts, by reason.
#[derive(Debug)]
pub(super) struct Lasting {
    path: PathBuf,
    wanted: BTreeMap<Reason, Vec<PortRange>>,
}

/// What was to be kept back at the next boot when that was written at `path` last; nothing where nobody wrote it.
///
/// # Errors
///
/// It cannot be read, or says anything else.
pub fn lasting(path: &Path) -> io::Result<BTreeMap<Reason, Vec<PortRange>>> {
    let Some(text) = text_at(path)? else { return Ok(BTreeMap::new()) };
    parse(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse(text: &str) -> Option<BTreeMap<Reason, Vec<PortRange>>> {
    text.lines().map(Reason::of_line).collect()
}

impl Lasting {
    /// What is there; what says anything else is written anew.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let wanted = match lasting(path) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => BTreeMap::new(),
            read => read?,
        };
        Ok(Self { path: path.into(), wanted })
    }

    /// What the next boot is to keep back for `reason`.
    pub(super) fn of(&self, reason: &Reason) -> Option<&[PortRange]> {
        self.wanted.get(reason).map(Vec::as_slice)
    }

    /// Has the next boot keep back `ranges` for `reason`; nothing of it is written where it finds all of that out by itself.
    pub(super) fn want(&mut self, reason: &Reason, ranges: Option<&[PortRange]>) -> Result<(), KeepError> {
        let ranges = ranges.or_else(|| reason.is_read_by_boot().then_some(&[]));
        self.change(|wanted| {
            // It may be known by another place.
            wanted.remove(reason);
            wanted.extend(ranges.map(|ranges| (reason.clone(), ranges.to_vec())));
            wanted.retain(|reason, ranges| !ranges.is_empty() || reason.is_remembered());
        })
    }

    pub(super) fn forget(&mut self, reason: &Reason) -> Result<(), KeepError> {
        self.change(|wanted| drop(wanted.remove(reason)))
    }

    fn change(
        &mut self,
        change: impl FnOnce(&mut BTreeMap<Reason, Vec<PortRange>>),
    ) -> Result<(), KeepError> {
        let before = self.text();
        change(&mut self.wanted);
        let text = self.text();
        if text == before { Ok(()) } else { replace(&self.path, text.as_bytes(), Readers::Everybody) }
    }

    fn text(&self) -> String {
        self.wanted.iter().map(|(reason, ranges)| reason.line(ranges)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<PortRange> {
        text.split(',').map(|range| range.parse().expect("a range")).collect()
    }

    #[test]
    fn what_lasts_is_read_as_it_was_written() {
        let wanted = [(Reason::LEDGER, of("20500-20501")), (Reason::Declared, of("33000"))];
        assert_eq!(parse("ledger 20500-20501\ndeclared 33000\n"), Some(wanted.into()));
        assert_eq!(parse("ledger \n"), Some([(Reason::LEDGER, Vec::new())].into()));
        for text in ["ledger 70000\n", "others 1\n", "ledger", "\0"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_wanted_for_one_reason_leaves_the_other() {
        let folder = std::env::temp_dir().join(format!("portreeve-lasting-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("reserved");
        assert_eq!(lasting(&path).expect("nothing yet"), BTreeMap::new());
        let want = |reason, ranges: &str| {
            let mut lasting = Lasting::read(&path).expect("it can be read");
            lasting.want(&reason, Some(&of(ranges))).expect("it can be written");
        };
        want(Reason::Declared, "33000");
        want(Reason::LEDGER, "20500");
        want(Reason::LEDGER, "20501");
        let both = [(Reason::LEDGER, of("20501")), (Reason::Declared, of("33000"))].into();
        assert_eq!(lasting(&path).expect("both"), both);
        std::fs::write(&path, "x").expect("ours");
        assert!(lasting(&path).is_err());
        want(Reason::LEDGER, "20502");
        assert_eq!(lasting(&path).expect("anew"), [(Reason::LEDGER, of("20502"))].into());
        let mut found = Lasting::read(&path).expect("it can be read");
        found.want(&Reason::LEDGER, None).expect("it can be written");
        assert_eq!(lasting(&path).expect("none"), BTreeMap::new());
        std::fs::remove_dir_all(folder).expect("ours");
    }
}
