//! Finds the packages of files in dpkg's database (dpkg(1), A18).

use portreeve_core::packages::{
    Installed, Owners, Paths, control,
    dpkg::{Diversions, Name, Search, installed, is_named, listed, summed},
    sought::{Claims, Found},
};

use super::tree::{Folder, Tree, Unread};

/// Where it is.
pub(super) const STATUS: &str = "/var/lib/dpkg/status";
/// Where a distroless image has a file a package instead.
pub(super) const STATUS_PARTS: &str = "/var/lib/dpkg/status.d";
const INFO: &str = "/var/lib/dpkg/info";
const DIVERSIONS: &str = "/var/lib/dpkg/diversions";

/// A host with ten thousand packages has 20 MB.
const STATUS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The longest list of files of Debian 12 has 4 MB.
const LIST_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// All lists of a host with ten thousand packages have 100 MB.
const LISTS_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// What decides whose a file is.
pub(super) const SOURCES: [&str; 4] = [STATUS, STATUS_PARTS, INFO, DIVERSIONS];

/// The packages of the files `wanted`.
pub(super) fn read(tree: Tree<'_>, wanted: &Paths) -> Result<Owners, Unread> {
    let diversions = tree.read(DIVERSIONS, STATUS_BYTES_MAX)?.unwrap_or_default();
    let search = Search::new(wanted, Diversions::read(&String::from_utf8_lossy(&diversions)));
    let Some(info) = tree.folder(INFO)? else { return Ok(Owners::default()) };
    let mut owning = Vec::new();
    let mut left = LISTS_BYTES_MAX;
    for file in info.names()? {
        let Some(name) = listed(&file) else { continue };
        let Some(list) = info.read(&file, LIST_BYTES_MAX.min(left))? else { continue };
        left = left.saturating_sub(list.len() as u64);
        let found = search.find(&name.0, &list);
        if !found.is_empty() {
            owning.push((name, found));
        }
    }
    let status = tree.read(STATUS, STATUS_BYTES_MAX)?.unwrap_or_default();
    Ok(joined(owning, &status))
}

fn joined(mut owning: Vec<(Name, Found)>, status: &[u8]) -> Owners {
    let mut claims = Claims::default();
    owning.sort_unstable();
    let mut join = |package: Installed| {
        let first = owning.partition_point(|((name, _), _)| *name < package.name);
        let named = owning[first..].iter().take_while(|((name, _), _)| *name == package.name);
        let lists = named.filter(|(name, _)| is_named(&package, name));
        let found: Found = lists.flat_map(|(_, found)| found.clone()).collect();
        claims.add(package, found);
    };
    control::every(status, |stanza| installed(stanza).into_iter().for_each(&mut join));
    claims.owners()
}

/// The same of a distroless image, whose packages have a file of their own each, and another with the sums of its files.
pub(super) fn read_parts(tree: Tree<'_>, wanted: &Paths) -> Result<Owners, Unread> {
    let Some(parts) = tree.folder(STATUS_PARTS)? else { return Ok(Owners::default()) };
    let mut claims = Claims::default();
    let search = Search::new(wanted, Diversions::default());
    let mut left = LISTS_BYTES_MAX;
    for file in parts.names()?.iter().filter(|name| !name.ends_with(".md5sums")) {
        let (package, bytes) = part(&parts, file, left)?;
        left = left.saturating_sub(bytes.len() as u64);
        let Some(package) = package else { continue };
        let found = search.find(&package.name, &bytes);
        claims.add(package, found);
    }
    Ok(claims.owners())
}

fn part(parts: &Folder, file: &str, left: u64) -> Result<(Option<Installed>, Vec<u8>), Unread> {
    let stanza = parts.read(file, LIST_BYTES_MAX.min(left))?.unwrap_or_default();
    let sums = parts.read(&format!("{file}.md5sums"), LIST_BYTES_MAX.min(left))?.unwrap_or_default();
    Ok((installed(control::Stanza::whole(&stanza)), summed(&sums)))
}
