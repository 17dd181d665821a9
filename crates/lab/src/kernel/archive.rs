//! Writes the archive that a kernel unpacks as its first file system.
//!
//! The form is cpio's "newc" (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst).

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

/// A file of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A folder.
    Folder,
    /// A symbolic link to this path.
    Link(String),
    /// These bytes, with these permissions.
    Bytes(Vec<u8>, u32),
    /// What stands in this file of the machine, with its permissions.
    File(PathBuf, u32),
}

/// The kinds of a file (inode(7)).
const FOLDER: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// The name that ends an archive.
const TRAILER: &str = "TRAILER!!!";

/// The length of a header: six letters and thirteen numbers of eight digits.
const HEADER_BYTES: usize = 110;

/// Writes every entry, by its path without a leading slash; all belong to root.
///
/// A folder sorts before what stands in it, as the kernel needs it.
///
/// # Errors
///
/// Where a file cannot be read, is larger than the form allows or changes meanwhile, or `out` cannot be written.
pub(super) fn write(entries: &BTreeMap<String, Entry>, out: &mut impl Write) -> io::Result<()> {
    for (number, (path, entry)) in (1..).zip(entries) {
        match entry {
            Entry::Folder => member(out, number, path, FOLDER | 0o755, &[])?,
            Entry::Link(to) => member(out, number, path, LINK | 0o777, to.as_bytes())?,
            Entry::Bytes(bytes, mode) => member(out, number, path, REGULAR | mode, bytes)?,
            Entry::File(from, mode) => file(out, number, path, REGULAR | mode, from)?,
        }
    }
    member(out, 0, TRAILER, 0, &[])
}

fn member(out: &mut impl Write, number: u32, path: &str, mode: u32, bytes: &[u8]) -> io::Result<()> {
    header(out, number, path, mode, bytes.len() as u64)?;
    out.write_all(bytes)?;
    pad(out, bytes.len() as u64)
}

fn file(out: &mut impl Write, number: u32, path: &str, mode: u32, from: &PathBuf) -> io::Result<()> {
    let length = fs::metadata(from)?.len();
    header(out, number, path, mode, length)?;
    let copied = io::copy(&mut File::open(from)?, out)?;
    if copied != length {
        return Err(io::Error::other(format!("{} changed while it was read", from.display())));
    }
    pad(out, length)
}

/// Fields: number, mode, owner, group, links, time, length, four of devices, length of the name with its end, sum.
fn header(out: &mut impl Write, number: u32, path: &str, mode: u32, length: u64) -> io::Result<()> {
    let length = u32::try_from(length).map_err(io::Error::other)?;
    let name_length = path.len() + 1;
    write!(out, "070701{number:08x}{mode:08x}{0:08x}{0:08x}{1:08x}{0:08x}{length:08x}", 0, 1)?;
    write!(out, "{0:08x}{0:08x}{0:08x}{0:08x}{name_length:08x}{0:08x}{path}\0", 0)?;
    pad(out, (HEADER_BYTES + name_length) as u64)
}

/// Names and contents end on a multiple of four.
fn pad(out: &mut impl Write, length: u64) -> io::Result<()> {
    (length..length.next_multiple_of(4)).try_for_each(|_| out.write_all(&[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the form back: mode, path and content of each member.
    fn read(mut bytes: &[u8]) -> Vec<(u32, String, Vec<u8>)> {
        let mut members = Vec::new();
        while !bytes.is_empty() {
            let text = std::str::from_utf8(&bytes[..HEADER_BYTES]).unwrap();
            assert!(text.starts_with("070701"));
            let field = |at: usize| u32::from_str_radix(&text[6 + at * 8..14 + at * 8], 16).unwrap();
            let (mode, length, name_length) = (field(1), field(6) as usize, field(11) as usize);
            let name = &bytes[HEADER_BYTES..HEADER_BYTES + name_length];
            let content = (HEADER_BYTES + name_length).next_multiple_of(4);
            let path = std::str::from_utf8(name).unwrap().strip_suffix('\0').unwrap().to_owned();
            members.push((mode, path, bytes[content..content + length].to_vec()));
            bytes = &bytes[(content + length).next_multiple_of(4)..];
        }
        members
    }

    #[test]
    fn every_kind_of_file_is_read_back() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let entries = BTreeMap::from([
            ("usr".into(), Entry::Folder),
            ("usr/manifest".into(), Entry::File(manifest.into(), 0o600)),
            ("lib".into(), Entry::Link("usr/lib".into())),
            ("init".into(), Entry::Bytes(b"#!/bin/sh\n".to_vec(), 0o755)),
        ]);
        let mut bytes = Vec::new();
        write(&entries, &mut bytes).unwrap();
        let expected = [
            (0o100_755, "init".to_owned(), b"#!/bin/sh\n".to_vec()),
            (0o120_777, "lib".to_owned(), b"usr/lib".to_vec()),
            (0o040_755, "usr".to_owned(), Vec::new()),
            (0o100_600, "usr/manifest".to_owned(), fs::read(manifest).unwrap()),
            (0, TRAILER.to_owned(), Vec::new()),
        ];
        assert_eq!(read(&bytes), expected);
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        let entries = BTreeMap::from([("x".into(), Entry::File("/no/such/file".into(), 0o644))]);
        assert_eq!(write(&entries, &mut Vec::new()).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
