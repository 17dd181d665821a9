//! Where receipts are kept, and the gate that the next boot begins with: on the disk before anything is changed (A15).

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use portreeve_core::{
    gate::Body,
    guard::Rules,
    port::PortSpec,
    programs::Programs,
    receipt::{History, Kept, LAYOUT, Receipt},
    steer::Routes,
    steered::hidden,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::headroom::Headroom;
use crate::boot_id::boot_id;
use crate::keep::{self, KeepError, Readers};
use crate::observe::clock;

/// The gate of the next boot.
const BOOT: &str = "boot.json";
/// What the programs in the kernel are told then; so called since before anything was steered.
const PROGRAMS: &str = "guard.json";
/// Which ports they steer then: what everybody may know of it.
const STEERED: &str = "steered.json";
/// The mode bits by which everybody reads a file (inode(7)).
const EVERYBODY_READS: u32 = 0o444;
/// How the name of a receipt ends, behind its number.
const ENDING: &str = ".receipt.json";
/// Receipts that are kept; older ones are forgotten.
const RECEIPTS_MAX: usize = 1_000;
/// Entries of the folder that are looked at.
const ENTRIES_MAX: usize = 100_000;
/// A gate of a million ports and the one before it.
const RECEIPT_BYTES_MAX: u64 = 64 << 20;
/// What is read of all receipts together.
const ALL_BYTES_MAX: u64 = 1 << 30;
/// What is kept of them: far less than what is read, so that nobody is locked out by what was written here.
const KEPT_BYTES_MAX: u64 = 256 << 20;

/// Why what is kept cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptsError {
    /// The system refused.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} is no receipt", path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
    },
    /// A newer portreeve wrote it.
    #[error("{} has layout {layout}, which is newer than this program", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its layout.
        layout: u32,
    },
    /// There is more than is read.
    #[error("{} holds too much", path.display())]
    TooMuch {
        /// The folder.
        path: PathBuf,
    },
    /// There is no number left for another one.
    #[error("there are too many receipts")]
    Full,
}

impl ReceiptsError {
    /// What is in the way, where it is a file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Read { path, .. }
            | Self::Garbled { path }
            | Self::Newer { path, .. }
            | Self::TooMuch { path } => Some(path),
            Self::Full => None,
        }
    }
}

/// The confirmed gate, as the next boot puts it in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// Its layout.
    pub layout: u32,
    /// Since when it is confirmed, or known to be.
    pub at: Timestamp,
    /// The gate.
    pub gate: Body,
}

/// Which ports are steered for good, and no word of whose they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SteeredPorts {
    /// Its layout.
    layout: u32,
    /// Each as it is written: `443/tcp`.
    ports: Vec<String>,
}

impl SteeredPorts {
    fn of(routes: &Routes) -> Self {
        Self { layout: LAYOUT, ports: hidden::ports(routes).iter().map(PortSpec::to_string).collect() }
    }
}

/// What the programs in the kernel are told for good, as the next boot tells them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BootPrograms {
    /// Its layout.
    layout: u32,
    /// What the guard keeps.
    rules: Rules,
    /// What is steered.
    #[serde(default)]
    routes: Routes,
}

/// The gate that the next boot begins with, for whoever only looks; `None` where there is none.
///
/// # Errors
///
/// There is one, and it cannot be told.
pub fn boot(folder: &Path) -> Result<Option<Boot>, ReceiptsError> {
    Receipts::in_folder(folder).boot()
}

/// What the programs in the kernel are told for good, as the next boot tells them; `None` where that is nothing.
///
/// # Errors
///
/// There is something, and it cannot be told.
pub fn programs(folder: &Path) -> Result<Option<Programs>, ReceiptsError> {
    Receipts::in_folder(folder).programs()
}

/// The ports that are steered with what is kept in `folder`, which everybody may know; `None` where that cannot be told.
#[must_use]
pub fn steered_ports(folder: &Path) -> Option<Vec<PortSpec>> {
    Receipts::in_folder(folder).steered_ports()
}

/// The same, as far as that is known.
#[must_use]
pub fn kept(folder: &Path) -> Kept {
    Receipts::in_folder(folder).kept()
}

/// What was done to the gate whose receipts are in `folder`.
///
/// # Errors
///
/// They cannot be read.
pub fn history(folder: &Path) -> Result<History, ReceiptsError> {
    Receipts::in_folder(folder).read()
}

/// The folder of receipts.
#[derive(Clone, Debug)]
pub(super) struct Receipts {
    folder: PathBuf,
}

impl Receipts {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.into() }
    }

    /// Every receipt; none where there is no folder.
    pub(super) fn read(&self) -> Result<History, ReceiptsError> {
        self.read_within(ENTRIES_MAX, ALL_BYTES_MAX)
    }

    /// Nobody is locked in or out by one that is broken; one of a newer program is not passed over.
    fn read_within(&self, entries_max: usize, mut bytes_left: u64) -> Result<History, ReceiptsError> {
        let fail = |source| ReceiptsError::Read { path: self.folder.clone(), source };
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(History::default()),
            Err(error) => return Err(fail(error)),
        };
        let too_much = || ReceiptsError::TooMuch { path: self.folder.clone() };
        let names = entries.take(entries_max + 1).map(|entry| Ok(entry?.file_name()));
        let names: Vec<_> = names.collect::<io::Result<_>>().map_err(fail)?;
        if names.len() > entries_max {
            return Err(too_much());
        }
        let (mut receipts, mut unread) = (Vec::new(), Vec::new());
        for number in names.iter().filter_map(|name| number(name.to_str()?)) {
            let (receipt, bytes) = self.receipt(number)?;
            bytes_left = bytes_left.checked_sub(bytes).ok_or_else(too_much)?;
            match receipt {
                Some(receipt) => receipts.push(receipt),
                None => unread.push(number),
            }
        }
        let mut history: History = receipts.into_iter().collect();
        unread.into_iter().for_each(|number| history.put_unread(number));
        Ok(history.at_boot(boot_id()).booted(clock::began()))
    }

    /// The receipt of this number, `None` where it is broken, and how many bytes it has.
    fn receipt(&self, number: u32) -> Result<(Option<Receipt>, u64), ReceiptsError> {
        let path = self.path(number);
        let text = match text(&path) {
            Ok(text) => text,
            Err(error)
                if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::IsADirectory) =>
            {
                return Ok((None, RECEIPT_BYTES_MAX));
            }
            Err(source) => return Err(ReceiptsError::Read { path, source }),
        };
        match layout(&text) {
            Some(layout) if layout > LAYOUT => return Err(ReceiptsError::Newer { path, layout }),
            _ => {}
        }
        let receipt = serde_json::from_str(&text).ok().filter(|receipt: &Receipt| receipt.number == number);
        Ok((receipt, text.len() as u64))
    }

    /// Writes a receipt, which is on the disk when this ends well.
    pub(super) fn keep(&self, receipt: &Receipt) -> Result<(), KeepError> {
        self.write(&self.path(receipt.number), receipt)
    }

    /// Room for so many bytes more.
    pub(super) fn headroom(&self, bytes: u64) -> Result<Headroom, KeepError> {
        self.folder.parent().map_or(Ok(()), keep::refuse_others)?;
        Headroom::take(&self.folder, bytes)
    }

    /// Writes the gate of the next boot, unless it is written already: the same one that is confirmed again is so since then.
    pub(super) fn keep_boot(&self, boot: &Boot) -> Result<(), KeepError> {
        let is_kept = self.boot().is_ok_and(|kept| kept.as_ref() == Some(boot));
        if is_kept { Ok(()) } else { self.write(&self.folder.join(BOOT), boot) }
    }

    /// What is known of the gate of the next boot.
    pub(super) fn kept(&self) -> Kept {
        match self.boot() {
            Ok(Some(boot)) => Kept::Since(boot.at),
            Ok(None) => Kept::Nothing,
            Err(_) => Kept::Unknown,
        }
    }

    /// The gate of the next boot; `None` where there is none.
    pub(super) fn boot(&self) -> Result<Option<Boot>, ReceiptsError> {
        self.read_one(BOOT)
    }

    /// What the programs in the kernel are told then; `None` where that is nothing.
    pub(super) fn programs(&self) -> Result<Option<Programs>, ReceiptsError> {
        let kept = self.read_one::<BootPrograms>(PROGRAMS)?;
        Ok(kept.map(|BootPrograms { rules, routes, .. }| Programs { rules, routes }))
    }

    /// Writes what they are told then.
    pub(super) fn keep_programs(&self, programs: &Programs) -> Result<(), KeepError> {
        let (path, steered) = (self.folder.join(PROGRAMS), self.folder.join(STEERED));
        if programs.are_idle() {
            return keep::remove(&path).and_then(|()| keep::remove(&steered));
        }
        let Programs { rules, routes } = programs.clone();
        self.write_for(&steered, &SteeredPorts::of(&routes), Readers::Everybody)?;
        self.write(&path, &BootPrograms { layout: LAYOUT, rules, routes })
    }

    /// Tells everybody again which ports are steered, where somebody has taken away what says so, or closed or broken it. What cannot
    /// be written is told by whoever comes next.
    pub(super) fn tell_steered(&self) {
        let path = self.folder.join(STEERED);
        let Ok(Some(Programs { routes, .. })) = self.programs() else { return };
        let told = SteeredPorts::of(&routes);
        let is_open =
            || fs::metadata(&path).is_ok_and(|about| about.mode() & EVERYBODY_READS == EVERYBODY_READS);
        if self.read_one(STEERED).ok().flatten().as_ref() != Some(&told) || !is_open() {
            let _ = self.write_for(&path, &told, Readers::Everybody);
        }
    }

    /// Which ports are steered, as far as whoever may not read more is told.
    fn steered_ports(&self) -> Option<Vec<PortSpec>> {
        match self.read_one::<SteeredPorts>(STEERED) {
            Ok(Some(SteeredPorts { ports, .. })) => ports.iter().map(|text| text.parse().ok()).collect(),
            // An earlier version told nobody of what it keeps.
            Ok(None) => (!self.folder.join(PROGRAMS).try_exists().unwrap_or(true)).then(Vec::new),
            Err(_) => None,
        }
    }

    fn read_one<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, ReceiptsError> {
        let path = self.folder.join(file);
        let text = match text(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ReceiptsError::Read { path, source }),
        };
        match layout(&text) {
            Some(layout) if layout > LAYOUT => Err(ReceiptsError::Newer { path, layout }),
            _ => serde_json::from_str(&text).map(Some).map_err(|_| ReceiptsError::Garbled { path }),
        }
    }

    pub(super) fn forget_boot(&self) -> Result<(), KeepError> {
        keep::remove(&self.folder.join(BOOT))
    }

    /// Takes the oldest receipts away where there are too many; one that stays does no harm.
    pub(super) fn forget(&self, history: &History) {
        for number in history.forgettable(self.newest_within(history, KEPT_BYTES_MAX)) {
            let _ = fs::remove_file(self.path(number));
        }
    }

    /// How many of the newest are kept: as many as there is room for, and the last one at least.
    fn newest_within(&self, history: &History, bytes_max: u64) -> usize {
        let bytes = |receipt: &Receipt| fs::metadata(self.path(receipt.number)).map_or(0, |file| file.len());
        let sums = history.newest_first().take(RECEIPTS_MAX).scan(0_u64, |sum, receipt| {
            *sum = sum.saturating_add(bytes(receipt));
            Some(*sum)
        });
        sums.take_while(|sum| *sum <= bytes_max).count().max(1)
    }

    fn write(&self, path: &Path, value: &impl Serialize) -> Result<(), KeepError> {
        self.write_for(path, value, Readers::Owner)
    }

    fn write_for(&self, path: &Path, value: &impl Serialize, readers: Readers) -> Result<(), KeepError> {
        let fail = |error: serde_json::Error| KeepError::Write { path: path.into(), source: error.into() };
        let mut bytes = serde_json::to_vec(value).map_err(fail)?;
        bytes.push(b'\n');
        // Whoever writes there could put a folder of his own in place of this one.
        self.folder.parent().map_or(Ok(()), keep::refuse_others)?;
        keep::replace(path, &bytes, readers)
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number:08}{ENDING}"))
    }
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(RECEIPT_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn number(name: &str) -> Option<u32> {
    name.strip_suffix(ENDING)?.parse().ok()
}

/// The layout alone, so that a newer file is told from a broken one.
fn layout(text: &str) -> Option<u32> {
    #[derive(Deserialize)]
    struct Head {
        layout: u32,
    }
    serde_json::from_str::<Head>(text).ok().map(|head| head.layout)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use portreeve_core::receipt::{Deed, Outcome, Who};

    /// A folder of the test's own, gone when dropped.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let name = format!("portreeve-receipts-{}-{name}", std::process::id());
            Self(std::env::temp_dir().join(name).join("gate"))
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = self.0.parent().map(fs::remove_dir_all);
        }
    }

    fn receipt(number: u32) -> Receipt {
        let (at, who, outcome) = (Timestamp::UNIX_EPOCH, Who::default(), Outcome::Done);
        Receipt {
            layout: LAYOUT,
            number,
            at,
            who,
            deed: Deed::Confirm { of: 1 },
            seen: None,
            made: None,
            outcome,
            gate: None,
            rehearsed: None,
            reserves: None,
            tells: None,
            boot_id: None,
            booted: None,
        }
    }

    #[test]
    fn what_was_kept_is_read_in_order() {
        let place = Place::new("order");
        let receipts = Receipts::in_folder(&place.0);
        assert_eq!(receipts.read().unwrap(), History::default());
        for number in [2, 10, 1] {
            receipts.keep(&receipt(number)).unwrap();
        }
        fs::write(place.0.join("notes.txt"), "not ours").unwrap();
        let history = receipts.read().unwrap();
        assert_eq!(history.newest_first().map(|receipt| receipt.number).collect::<Vec<_>>(), [10, 2, 1]);
        receipts.forget_boot().unwrap();
    }

    #[test]
    fn everybody_may_know_which_ports_are_steered() {
        let place = Place::new("steered");
        let receipts = Receipts::in_folder(&place.0);
        assert_eq!(receipts.steered_ports(), Some(Vec::new()), "nothing was ever");
        let route =
            r#"[{"service":"web","protocol":"tcp","ports":{"first":80,"last":81},"when_dead":"pass"}]"#;
        let routes: Routes = serde_json::from_str(route).unwrap();
        let programs = Programs { routes, ..Programs::default() };
        receipts.keep_programs(&programs).unwrap();
        assert_eq!(receipts.steered_ports(), Some(vec!["80-81/tcp".parse().unwrap()]));
        let readers = |file| fs::metadata(place.0.join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!((readers(STEERED), readers(PROGRAMS)), (0o644, 0o600));
        // An earlier version kept it to root.
        fs::remove_file(place.0.join(STEERED)).unwrap();
        assert_eq!(receipts.steered_ports(), None);
        let is_told = || receipts.steered_ports().is_some() && readers(STEERED) == 0o644;
        receipts.tell_steered();
        assert!(is_told());
        fs::write(place.0.join(STEERED), "{").unwrap();
        receipts.tell_steered();
        assert!(is_told());
        fs::set_permissions(place.0.join(STEERED), fs::Permissions::from_mode(0o600)).unwrap();
        receipts.tell_steered();
        assert!(is_told());
        receipts.keep_programs(&Programs::default()).unwrap();
        assert_eq!(receipts.steered_ports(), Some(Vec::new()));
        assert!(!place.0.join(STEERED).exists());
    }

    #[test]
    fn the_gate_of_the_next_boot_is_whole_or_none() {
        let place = Place::new("boot");
        let receipts = Receipts::in_folder(&place.0);
        assert_eq!(receipts.boot().unwrap(), None);
        let boot = Boot { layout: LAYOUT, at: Timestamp::UNIX_EPOCH, gate: Body::open() };
        receipts.keep_boot(&boot).unwrap();
        assert_eq!(receipts.boot().unwrap(), Some(boot));
        let path = place.0.join(BOOT);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert!(matches!(receipts.boot(), Err(ReceiptsError::Garbled { path: own }) if own == path));
        fs::write(&path, text.replace("\"layout\":1", "\"layout\":2")).unwrap();
        assert!(matches!(receipts.boot(), Err(ReceiptsError::Newer { layout: 2, .. })));
    }

    /// json.md promises it of all that is kept.
    #[test]
    fn nothing_is_kept_where_others_could_replace_the_folder() {
        let place = Place::new("shared");
        let receipts = Receipts::in_folder(&place.0);
        receipts.keep(&receipt(1)).unwrap();
        let state = place.0.parent().unwrap();
        fs::set_permissions(state, fs::Permissions::from_mode(0o777)).unwrap();
        let error = receipts.keep(&receipt(2)).unwrap_err();
        assert!(matches!(error, KeepError::Shared { path } if path == state));
        assert_eq!(receipts.read().unwrap().of(2), None);
    }

    #[test]
    fn only_so_many_are_kept() {
        let place = Place::new("many");
        let receipts = Receipts::in_folder(&place.0);
        for number in [1, 2] {
            receipts.keep(&receipt(number)).unwrap();
        }
        let last = u32::try_from(RECEIPTS_MAX).unwrap() + 2;
        let history: History = (1..=last).map(receipt).collect();
        receipts.forget(&history);
        let left = receipts.read().unwrap();
        assert_eq!(left.last(), Some(&receipt(1)), "each confirms the trial of the first one");
        assert_eq!(left.of(2), None);
    }

    #[test]
    fn only_so_much_is_kept() {
        let place = Place::new("much");
        let receipts = Receipts::in_folder(&place.0);
        let history: History = (1..=4).map(receipt).collect();
        history.newest_first().for_each(|receipt| receipts.keep(receipt).unwrap());
        let each = fs::metadata(receipts.path(1)).unwrap().len();
        for (bytes_max, count) in [(4 * each, 4), (4 * each - 1, 3), (each, 1), (0, 1)] {
            assert_eq!(receipts.newest_within(&history, bytes_max), count, "{bytes_max}");
        }
    }

    /// What is passed over would be written over.
    #[test]
    fn too_much_is_no_history() {
        let place = Place::new("too-much");
        let receipts = Receipts::in_folder(&place.0);
        for number in 1..=3 {
            receipts.keep(&receipt(number)).unwrap();
        }
        let all = 3 * fs::metadata(receipts.path(1)).unwrap().len();
        assert_eq!(receipts.read_within(3, all).unwrap().last(), Some(&receipt(3)));
        for (entries_max, bytes_max) in [(2, all), (3, all - 1)] {
            let error = receipts.read_within(entries_max, bytes_max).unwrap_err();
            assert!(matches!(error, ReceiptsError::TooMuch { path } if path == place.0));
        }
    }

    #[test]
    fn the_gate_of_the_next_boot_is_as_old_as_its_receipt() {
        let place = Place::new("age");
        let receipts = Receipts::in_folder(&place.0);
        assert_eq!(receipts.kept(), Kept::Nothing);
        for second in [1, 2, 2] {
            let at = Timestamp::from_second(second).unwrap();
            receipts.keep_boot(&Boot { layout: LAYOUT, at, gate: Body::open() }).unwrap();
            assert_eq!(receipts.kept(), Kept::Since(at));
        }
        fs::write(place.0.join(BOOT), "").unwrap();
        assert_eq!(receipts.kept(), Kept::Unknown);
        receipts.forget_boot().unwrap();
        assert_eq!(receipts.kept(), Kept::Nothing);
    }

    /// Nobody else gets its number, and the others are read.
    #[test]
    fn what_is_no_receipt_is_known_by_its_number() {
        let place = Place::new("garbled");
        let receipts = Receipts::in_folder(&place.0);
        for number in [2, 3] {
            receipts.keep(&receipt(number)).unwrap();
        }
        let path = receipts.path(3);
        let newer = fs::read_to_string(&path).unwrap().replace("\"layout\":1", "\"layout\":2");
        let of_another = serde_json::to_vec(&receipt(4)).unwrap();
        for text in [b"".as_slice(), b"{}", b"{\"layout\":1}", b"\xff", &of_another] {
            fs::write(&path, text).unwrap();
            let history = receipts.read().unwrap();
            assert_eq!(history.unread().collect::<Vec<_>>(), [3]);
            assert_eq!((history.of(2), history.next()), (Some(&receipt(2)), Some(4)));
        }
        let folder = receipts.path(9);
        fs::create_dir(&folder).unwrap();
        assert_eq!(receipts.read().unwrap().unread().collect::<Vec<_>>(), [3, 9]);
        fs::remove_dir(folder).unwrap();
        fs::write(&path, newer).unwrap();
        assert!(matches!(receipts.read(), Err(ReceiptsError::Newer { layout: 2, .. })));
    }
}
