//! Reads what an executable carries about its build, a few pages of it and never the whole (A18).

use std::{fs::File, io::Read as _, os::unix::fs::FileExt as _};

use flate2::read::ZlibDecoder;
use portreeve_core::build_info::{
    BuildInfo,
    elf::{self, Place},
    go, rust,
};

/// What is longer is none: the modules of the largest programs take a hundredth of it.
const SECTION_BYTES_MAX: u64 = 4 << 20;
/// So much comes out of what is compressed; the rest of more is not read.
const PLAIN_BYTES_MAX: u64 = 16 << 20;

/// What the executable tells; `None` where it is none, or tells nothing.
pub(super) fn read(file: &File) -> Option<BuildInfo> {
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let sections = elf::sections(|offset, piece| file.read_exact_at(piece, offset).ok())?;
    let from_go = || Some(BuildInfo::Go(go(&content(file, sections.go?)?)?));
    let from_rust = || Some(BuildInfo::Rust(rust(&inflated(&content(file, sections.rust?)?)?)?));
    from_go().or_else(from_rust)
}

fn content(file: &File, place: Place) -> Option<Vec<u8>> {
    if place.bytes > SECTION_BYTES_MAX {
        return None;
    }
    let mut content = vec![0; usize::try_from(place.bytes).ok()?];
    file.read_exact_at(&mut content, place.offset).ok()?;
    Some(content)
}

fn inflated(content: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    ZlibDecoder::new(content).take(PLAIN_BYTES_MAX).read_to_end(&mut plain).ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests;
