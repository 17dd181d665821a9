//! Gives bytes to the readers of what an executable says of its build: whoever made it chose every one.

use portreeve_core::build_info::{elf, go, rust};

/// What is told of modules and crates was in the bytes, and no section makes anybody read what is not there.
pub(crate) fn feed(bytes: &[u8]) {
    if let Some(build) = go(bytes) {
        assert!(build.toolchain.len() <= bytes.len() && build.dependencies.len() <= 10_000);
    }
    if let Some(build) = rust(bytes) {
        assert!(build.dependencies.len() <= 10_000);
    }
    let read_at = |offset: u64, piece: &mut [u8]| {
        let offset = usize::try_from(offset).ok()?;
        piece.copy_from_slice(bytes.get(offset..offset.checked_add(piece.len())?)?);
        Some(())
    };
    let Some(sections) = elf::sections(read_at) else { return };
    for place in [sections.go, sections.rust].into_iter().flatten() {
        let whole = usize::try_from(place.offset).ok().zip(usize::try_from(place.bytes).ok());
        let content = whole.and_then(|(offset, length)| bytes.get(offset..offset.checked_add(length)?));
        let _ = content.map(go);
    }
}
