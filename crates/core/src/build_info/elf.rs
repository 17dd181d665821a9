//! Where the sections of an executable lie (elf(5); System V ABI, chapter 4).

use alloc::{vec, vec::Vec};

use super::{go, rust};

const MAGIC: &[u8] = b"\x7fELF";
/// The longest head, that of a file of 64 bits; one of 32 bits has some section behind it.
const HEAD_BYTES: usize = 64;
const CLASS_AT: usize = 4;
const ORDER_AT: usize = 5;
const LOW_BYTE_FIRST: u8 = 1;

/// More no linker of a program makes; from 0xff00 on the number would stand elsewhere.
const SECTIONS_MAX: u16 = 4096;
/// So long the names of all of them are together, at most.
const NAMES_BYTES_MAX: u64 = 1 << 20;
/// What takes no room in the file (`SHT_NOBITS`), and what is compressed as a whole (`SHF_COMPRESSED`).
const NO_BITS: u32 = 8;
const COMPRESSED: u64 = 1 << 11;

/// A piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it begins.
    pub offset: u64,
    /// How many bytes it has: as many as the file says, which may be more than there are.
    pub bytes: u64,
}

/// Where an executable carries what is read of its build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sections {
    /// What the Go linker wrote.
    pub go: Option<Place>,
    /// What `cargo auditable` wrote.
    pub rust: Option<Place>,
}

/// Finds the sections of an executable of which `read_at` fills a piece from an offset on, where it can; `None` where it is none of
/// 32 or 64 bits whose low bytes come first, or has no names of sections.
pub fn sections(mut read_at: impl FnMut(u64, &mut [u8]) -> Option<()>) -> Option<Sections> {
    let mut head = [0; HEAD_BYTES];
    read_at(0, &mut head)?;
    let class = Class::of(&head)?;
    let count = number::<2>(&head, class.count_at).and_then(|count| u16::try_from(count).ok())?;
    let size = number::<2>(&head, class.entry_bytes_at)?;
    if count > SECTIONS_MAX || usize::try_from(size).ok()? != class.entry_bytes {
        return None;
    }
    let mut table = vec![0; usize::from(count).checked_mul(class.entry_bytes)?];
    read_at(class.word(&head, class.table_at)?, &mut table)?;
    let entries: Vec<Entry> =
        table.chunks_exact(class.entry_bytes).map(|entry| class.entry(entry)).collect::<Option<_>>()?;
    let names = entries.get(usize::try_from(number::<2>(&head, class.names_at)?).ok()?)?.place;
    if names.bytes > NAMES_BYTES_MAX {
        return None;
    }
    let mut text = vec![0; usize::try_from(names.bytes).ok()?];
    read_at(names.offset, &mut text)?;
    let find =
        |name: &str| entries.iter().find(|entry| entry.is_called(name, &text)).map(|entry| entry.place);
    Some(Sections { go: find(go::SECTION), rust: find(rust::SECTION) })
}

/// Of how many bits a file is, and so where its head and its sections say what.
struct Class {
    word_bytes: usize,
    table_at: usize,
    entry_bytes_at: usize,
    count_at: usize,
    names_at: usize,
    entry_bytes: usize,
    flags_at: usize,
    offset_at: usize,
    size_at: usize,
}

const OF_32_BITS: Class = Class {
    word_bytes: 4,
    table_at: 32,
    entry_bytes_at: 46,
    count_at: 48,
    names_at: 50,
    entry_bytes: 40,
    flags_at: 8,
    offset_at: 16,
    size_at: 20,
};

const OF_64_BITS: Class = Class {
    word_bytes: 8,
    table_at: 40,
    entry_bytes_at: 58,
    count_at: 60,
    names_at: 62,
    entry_bytes: 64,
    flags_at: 8,
    offset_at: 24,
    size_at: 32,
};

/// Where the entry of a section says what it is, the same of either class.
const NAME_AT: usize = 0;
const KIND_AT: usize = 4;

/// A section.
struct Entry {
    /// Where its name begins among all names.
    name: usize,
    place: Place,
    /// Whether its bytes stand in the file as they are.
    is_plain: bool,
}

impl Entry {
    fn is_called(&self, name: &str, names: &[u8]) -> bool {
        let rest = names.get(self.name..).and_then(|names| names.strip_prefix(name.as_bytes()));
        self.is_plain && rest.is_some_and(|rest| rest.first() == Some(&0))
    }
}

impl Class {
    fn of(head: &[u8]) -> Option<Self> {
        let is_read = head.starts_with(MAGIC) && *head.get(ORDER_AT)? == LOW_BYTE_FIRST;
        match *head.get(CLASS_AT)? {
            1 if is_read => Some(OF_32_BITS),
            2 if is_read => Some(OF_64_BITS),
            _ => None,
        }
    }

    fn entry(&self, entry: &[u8]) -> Option<Entry> {
        let kind = number::<4>(entry, KIND_AT)?;
        let flags = self.word(entry, self.flags_at)?;
        Some(Entry {
            name: usize::try_from(number::<4>(entry, NAME_AT)?).ok()?,
            place: Place {
                offset: self.word(entry, self.offset_at)?,
                bytes: self.word(entry, self.size_at)?,
            },
            is_plain: kind != u64::from(NO_BITS) && flags & COMPRESSED == 0,
        })
    }

    /// A number as wide as an address.
    fn word(&self, bytes: &[u8], at: usize) -> Option<u64> {
        if self.word_bytes == 8 { number::<8>(bytes, at) } else { number::<4>(bytes, at) }
    }
}

/// A number of so many bytes.
fn number<const BYTES: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes: &[u8; BYTES] = bytes.get(at..)?.first_chunk()?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An executable of one class with these sections, of a kind and with flags, behind the one of their names.
    fn executable(class: &Class, sections: &[(&str, u32, u64, &[u8])]) -> Vec<u8> {
        let mut names = b"\0.shstrtab\0".to_vec();
        let mut bytes = vec![0; HEAD_BYTES];
        let mut entries = vec![vec![0; class.entry_bytes]];
        for (name, kind, flags, content) in sections {
            entries.push(entry(class, names.len(), *kind, *flags, bytes.len(), content.len()));
            names.extend(name.bytes().chain([0]));
            bytes.extend(*content);
        }
        entries.push(entry(class, 1, 3, 0, bytes.len(), names.len()));
        bytes.extend(&names);
        let table = bytes.len();
        bytes.extend(entries.concat());
        bytes[..6].copy_from_slice(b"\x7fELF\x00\x01");
        bytes[CLASS_AT] = if class.word_bytes == 4 { 1 } else { 2 };
        put(&mut bytes, class.table_at, class.word_bytes, table);
        put(&mut bytes, class.entry_bytes_at, 2, class.entry_bytes);
        put(&mut bytes, class.count_at, 2, entries.len());
        put(&mut bytes, class.names_at, 2, entries.len() - 1);
        bytes
    }

    fn entry(class: &Class, name: usize, kind: u32, flags: u64, offset: usize, size: usize) -> Vec<u8> {
        let mut entry = vec![0; class.entry_bytes];
        put(&mut entry, NAME_AT, 4, name);
        put(&mut entry, KIND_AT, 4, kind.try_into().unwrap());
        put(&mut entry, class.flags_at, class.word_bytes, flags.try_into().unwrap());
        put(&mut entry, class.offset_at, class.word_bytes, offset);
        put(&mut entry, class.size_at, class.word_bytes, size);
        entry
    }

    fn put(bytes: &mut [u8], at: usize, width: usize, number: usize) {
        bytes[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
    }

    fn found(bytes: &[u8]) -> Option<Sections> {
        sections(|offset, piece| {
            let offset = usize::try_from(offset).ok()?;
            piece.copy_from_slice(bytes.get(offset..offset.checked_add(piece.len())?)?);
            Some(())
        })
    }

    fn content(bytes: &[u8], place: Option<Place>) -> &[u8] {
        let place = place.unwrap();
        let [offset, length] = [place.offset, place.bytes].map(|number| usize::try_from(number).unwrap());
        &bytes[offset..offset + length]
    }

    const SECTIONS: &[(&str, u32, u64, &[u8])] = &[
        (".text", 1, 6, b"code"),
        (".go.buildinfo.x", 1, 0, b"no"),
        (".go.buildinfo", 1, 3, b"go"),
        (".dep-v0", 1, 2, b"rust"),
    ];

    #[test]
    fn sections_are_found_in_either_class() {
        for class in [OF_32_BITS, OF_64_BITS] {
            let bytes = executable(&class, SECTIONS);
            let sections = found(&bytes).unwrap();
            assert_eq!(
                (content(&bytes, sections.go), content(&bytes, sections.rust)),
                (&b"go"[..], &b"rust"[..])
            );
        }
    }

    #[test]
    fn what_stands_elsewhere_or_is_compressed_as_a_whole_is_not_found() {
        for class in [OF_32_BITS, OF_64_BITS] {
            let odd = [(".go.buildinfo", NO_BITS, 0, &b"go"[..]), (".dep-v0", 1, COMPRESSED, b"rust")];
            assert_eq!(found(&executable(&class, &odd)), Some(Sections::default()));
        }
    }

    #[test]
    fn what_is_no_such_executable_has_none() {
        let sound = executable(&OF_64_BITS, SECTIONS);
        let with = |at: usize, bytes: &[u8]| {
            let mut changed = sound.clone();
            changed[at..at + bytes.len()].copy_from_slice(bytes);
            changed
        };
        for bytes in [
            Vec::new(),
            b"#!/bin/sh\n".to_vec(),
            sound[..HEAD_BYTES].to_vec(),
            sound[..sound.len() - 1].to_vec(),
            with(0, b"MZ"),
            with(CLASS_AT, &[3]),
            with(ORDER_AT, &[2]),
            with(OF_64_BITS.entry_bytes_at, &[63]),
            with(OF_64_BITS.count_at, &[0, 0]),
            with(OF_64_BITS.count_at, &[0xff, 0xff]),
            with(OF_64_BITS.names_at, &[0xff, 0xff]),
            with(OF_64_BITS.table_at, &[0xff; 8]),
        ] {
            assert_eq!(found(&bytes), None);
        }
    }

    #[test]
    fn names_of_an_endless_length_are_not_read() {
        let mut bytes = executable(&OF_64_BITS, SECTIONS);
        let at = bytes.len() - OF_64_BITS.entry_bytes + OF_64_BITS.size_at;
        put(&mut bytes, at, 8, usize::MAX >> 1);
        assert_eq!(found(&bytes), None);
    }

    #[test]
    fn no_broken_byte_makes_it_panic() {
        for class in [OF_32_BITS, OF_64_BITS] {
            let sound = executable(&class, SECTIONS);
            for at in 0..sound.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut bytes = sound.clone();
                    bytes[at] = value;
                    let _ = found(&bytes);
                }
            }
        }
    }
}
