//! RPM's database: what a package of it is called, where it came from and which files it has (rpm, docs/manual/format_header.md
//! and lib/rpmtag.h; A18).

mod database;
mod header;

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

pub use self::database::{DatabaseError, owners};
use self::header::Header;
use super::{
    Installed, Paths,
    sought::{Folder, Found, Sought, text},
};

/// The tags that are read (lib/rpmtag.h).
mod tag {
    pub(super) const NAME: u32 = 1000;
    pub(super) const VERSION: u32 = 1001;
    pub(super) const RELEASE: u32 = 1002;
    pub(super) const EPOCH: u32 = 1003;
    pub(super) const ARCHITECTURE: u32 = 1022;
    pub(super) const OLD_FILE_NAMES: u32 = 1027;
    pub(super) const FILE_STATES: u32 = 1029;
    pub(super) const SOURCE_RPM: u32 = 1044;
    pub(super) const DIRECTORY_INDEXES: u32 = 1116;
    pub(super) const BASE_NAMES: u32 = 1117;
    pub(super) const DIRECTORY_NAMES: u32 = 1118;
}

/// States of a file that is not the package's own: another's is there, it was not installed, or the one for another processor
/// was (lib/rpmfiles.h, `rpmfileState`).
const NOT_ITS_OWN: [u8; 3] = [1, 2, 4];

/// What the name of a source package ends in.
const SOURCE_ENDS: [&str; 2] = [".src.rpm", ".nosrc.rpm"];

/// Why a header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenHeader {
    /// It is longer or shorter than it says, or than any may be.
    #[error("the header of a package has another size than it says")]
    Size,
    /// The value of a tag lies outside of it, or is none of its kind.
    #[error("the header of a package has no sound value of tag {0}")]
    Value(u32),
    /// It does not tell whose it is.
    #[error("the header of a package tells no name or no version")]
    Nameless,
}

/// The package of a header and the wanted paths that it has; `None` where it has none of them.
///
/// `blob` is one of the column `blob` of the table `Packages`: how many index entries and how many bytes of data, then both.
///
/// # Errors
///
/// The header is broken, as far as it had to be read.
pub fn read(blob: &[u8], wanted: &Paths) -> Result<Option<(Installed, Vec<String>)>, BrokenHeader> {
    let read = claim(blob, &Sought::new(wanted))?;
    Ok(read.map(|(package, found)| (package, found.into_keys().collect())))
}

/// The same, with how each path is spelled.
fn claim(blob: &[u8], sought: &Sought<'_>) -> Result<Option<(Installed, Found)>, BrokenHeader> {
    let header = Header::read(blob)?;
    let found = files(&header, sought)?;
    if found.is_empty() { Ok(None) } else { Ok(Some((package(&header)?, found))) }
}

fn package(header: &Header<'_>) -> Result<Installed, BrokenHeader> {
    let string = |tag| header.string(tag).map(|found| found.and_then(text));
    let told = (string(tag::NAME)?, string(tag::VERSION)?, string(tag::RELEASE)?);
    let (Some(name), Some(version), Some(release)) = told else { return Err(BrokenHeader::Nameless) };
    let bare = format!("{version}-{release}");
    let epoch = header.numbers(tag::EPOCH)?.and_then(|mut epochs| epochs.next());
    let version = epoch.map_or_else(|| bare.clone(), |epoch| format!("{epoch}:{bare}"));
    let source_rpm = string(tag::SOURCE_RPM)?;
    let source = source_rpm.as_deref().and_then(source);
    let (source, source_version) = source.unwrap_or((&name, &bare));
    // The name of a source tells no epoch; what has the version of its source has its epoch too.
    let source_version = if source_version == bare { version.clone() } else { source_version.to_owned() };
    Ok(Installed {
        source: source.to_owned(),
        source_version,
        architecture: string(tag::ARCHITECTURE)?,
        name,
        version,
        held: false,
    })
}

/// Name and version of a source package that is called `name-version-release.src.rpm`.
fn source(rpm: &str) -> Option<(&str, &str)> {
    let whole = SOURCE_ENDS.iter().find_map(|end| rpm.strip_suffix(end))?;
    let (before, _) = whole.rsplit_once('-')?;
    let (name, _) = before.rsplit_once('-')?;
    let version = whole.get(name.len()..)?.strip_prefix('-')?;
    (!name.is_empty()).then_some((name, version))
}

fn files(header: &Header<'_>, sought: &Sought<'_>) -> Result<Found, BrokenHeader> {
    let mut found = Found::new();
    let Some(names) = header.strings(tag::BASE_NAMES)? else { return old_files(header, sought) };
    let folders = folders(header, sought, names.len())?;
    if folders.iter().all(Option::is_none) {
        return Ok(found);
    }
    let indexes = header.numbers(tag::DIRECTORY_INDEXES)?.filter(|indexes| indexes.len() == names.len());
    let indexes = indexes.ok_or(BrokenHeader::Value(tag::DIRECTORY_INDEXES))?;
    let states = header.bytes(tag::FILE_STATES)?.unwrap_or_default();
    for (at, (name, index)) in names.zip(indexes).enumerate() {
        let name = name.ok_or(BrokenHeader::Value(tag::BASE_NAMES))?;
        let folder = usize::try_from(index).ok().and_then(|index| folders.get(index));
        let folder = folder.ok_or(BrokenHeader::Value(tag::DIRECTORY_INDEXES))?;
        let is_its_own = states.get(at).is_none_or(|state| !NOT_ITS_OWN.contains(state));
        if let Some(folder) = folder.filter(|_| is_its_own) {
            sought.find(folder, name, &mut found);
        }
    }
    Ok(found)
}

/// The folders of so many files, in the order in which these tell them; `None` in place of one of which nothing is wanted.
fn folders<'s>(
    header: &Header<'_>,
    sought: &'s Sought<'_>,
    files: usize,
) -> Result<Vec<Option<&'s Folder>>, BrokenHeader> {
    const BROKEN: BrokenHeader = BrokenHeader::Value(tag::DIRECTORY_NAMES);
    // None is listed without a file in it.
    let paths = header.strings(tag::DIRECTORY_NAMES)?.filter(|paths| paths.len() <= files).ok_or(BROKEN)?;
    paths.map(|path| path.map(|path| sought.folder(path)).ok_or(BROKEN)).collect()
}

/// Before rpm 4.0 paths were written whole.
fn old_files(header: &Header<'_>, sought: &Sought<'_>) -> Result<Found, BrokenHeader> {
    let mut found = Found::new();
    let Some(paths) = header.strings(tag::OLD_FILE_NAMES)? else { return Ok(found) };
    for path in paths {
        let path = path.ok_or(BrokenHeader::Value(tag::OLD_FILE_NAMES))?;
        let Some(slash) = path.iter().rposition(|&byte| byte == b'/') else { continue };
        let (folder, name) = path.split_at(slash.saturating_add(1));
        if let Some(folder) = sought.folder(folder) {
            sought.find(folder, name, &mut found);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
