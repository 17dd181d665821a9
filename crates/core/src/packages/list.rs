//! What an archive offers of each package, as lines that are found by name: its own list is far longer (A18).

use alloc::{string::String, vec::Vec};

use super::control::Stanza;

/// A version that an archive offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The version.
    pub version: &'a str,
    /// The architecture: `all` fits every one.
    pub architecture: &'a str,
    /// Whether only some machines are given it yet (`Phased-Update-Percentage`).
    pub rollout: Rollout,
}

/// How many machines a version is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// Every one.
    Everybody,
    /// As many as a share, by chance.
    Some,
}

/// The lines of a list that is being made.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    lines: Vec<u8>,
    /// Where each line begins and ends.
    places: Vec<(usize, usize)>,
}

/// More packages than any archive has; further ones are left out.
const ENTRIES_MAX: usize = 1_000_000;
/// More bytes than their lines take.
const LINES_BYTES_MAX: usize = 256 * 1024 * 1024;

impl Draft {
    /// Adds the package of a stanza; whether there was room for it.
    pub fn add(&mut self, stanza: Stanza<'_>) -> bool {
        let (mut name, mut version, mut architecture, mut phased) = ("", "", "", "");
        for (field, value) in stanza.fields() {
            match field {
                "Package" => name = value,
                "Version" => version = value,
                "Architecture" => architecture = value,
                "Phased-Update-Percentage" if value != "100" => phased = "phased",
                _ => {}
            }
        }
        if name.is_empty() || [name, version, architecture].iter().any(|value| value.contains('\t')) {
            return true;
        }
        self.push(&[name, version, architecture, phased])
    }

    fn push(&mut self, columns: &[&str]) -> bool {
        let begin = self.lines.len();
        if self.places.len() >= ENTRIES_MAX || begin >= LINES_BYTES_MAX {
            return false;
        }
        for column in columns {
            self.lines.extend_from_slice(column.as_bytes());
            self.lines.push(b'\t');
        }
        self.places.push((begin, self.lines.len()));
        true
    }

    /// The lines in their order.
    #[must_use]
    pub fn into_list(mut self) -> Vec<u8> {
        let Self { lines, places } = &mut self;
        places.sort_unstable_by(|a, b| lines[a.0..a.1].cmp(&lines[b.0..b.1]));
        let mut list = Vec::with_capacity(lines.len() + places.len());
        for &(begin, end) in &*places {
            list.extend_from_slice(&lines[begin..end]);
            list.push(b'\n');
        }
        list
    }
}

/// What the lines of such a list say of the package `name`.
#[must_use]
pub fn find<'a>(list: &'a [u8], name: &str) -> Vec<Entry<'a>> {
    let mut key = String::from(name);
    key.push('\t');
    let mut rest = &list[first(list, key.as_bytes())..];
    let mut found = Vec::new();
    while rest.starts_with(key.as_bytes()) {
        let end = line_end(rest, 0);
        found.extend(entry(&rest[key.len()..end]));
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    found
}

fn entry(columns: &[u8]) -> Option<Entry<'_>> {
    let mut columns = core::str::from_utf8(columns).ok()?.split('\t');
    let (version, architecture) = (columns.next()?, columns.next()?);
    let rollout = if columns.next()? == "phased" { Rollout::Some } else { Rollout::Everybody };
    Some(Entry { version, architecture, rollout })
}

/// Where the first line begins that is not less than `key`: halves of the bytes, not of the lines.
fn first(list: &[u8], key: &[u8]) -> usize {
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let begin = line_begin(list, low + (high - low) / 2);
        let end = line_end(list, begin);
        if &list[begin..end] < key {
            low = end + 1;
        } else {
            high = begin;
        }
    }
    low.min(list.len())
}

fn line_begin(list: &[u8], place: usize) -> usize {
    list[..place].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1)
}

fn line_end(list: &[u8], place: usize) -> usize {
    list[place..].iter().position(|&byte| byte == b'\n').map_or(list.len(), |length| place + length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::control;
    use alloc::format;

    fn list(stanzas: &str) -> Vec<u8> {
        let mut draft = Draft::default();
        control::every(stanzas.as_bytes(), |stanza| assert!(draft.add(stanza)));
        draft.into_list()
    }

    fn package(name: &str, version: &str) -> String {
        format!("Package: {name}\nArchitecture: amd64\nVersion: {version}\n\n")
    }

    #[test]
    fn every_version_of_a_package_is_found_and_of_no_other() {
        let names = ["zsh", "libc6", "libc6-dev", "libc", "a"];
        let text: String = names.iter().map(|name| package(name, "1") + &package(name, "2:1~rc")).collect();
        let list = list(&text);
        for name in names {
            let versions: Vec<_> = find(&list, name).iter().map(|entry| entry.version).collect();
            assert_eq!(versions, ["1", "2:1~rc"], "{name}");
        }
        for none in ["", "libc6-", "zz", "0", "lib"] {
            assert_eq!(find(&list, none), [], "{none}");
        }
        assert_eq!(find(b"", "a"), []);
    }

    #[test]
    fn a_rollout_is_told_unless_it_is_over() {
        let phased = |share: &str| {
            format!("Package: a\nArchitecture: amd64\nVersion: 1\nPhased-Update-Percentage: {share}\n")
        };
        let rollout = |share: &str| find(&list(&phased(share)), "a")[0].rollout;
        assert_eq!(
            [rollout("30"), rollout("0"), rollout("100")],
            [Rollout::Some, Rollout::Some, Rollout::Everybody]
        );
    }

    #[test]
    fn what_could_be_taken_for_another_column_is_left_out() {
        assert_eq!(list("Package: a\tb\nVersion: 1\n\nVersion: 2\n"), b"");
    }
}
