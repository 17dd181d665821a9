//! Gives bytes to the reader of rpm's database, which walks over the trees of a file of SQLite: a container's may lead anywhere.

use std::convert::Infallible;

use portreeve_core::packages::{Paths, rpm};

const WANTED: [&str; 3] = ["/bin/tiny", "/usr/lib64/libtiny.so.1", "/usr/lib/old.so"];
/// Over the table of tables, over the names and over the packages.
const WALKS: usize = 3;

/// It ends before more was read than any sound file makes it read.
pub(crate) fn feed(bytes: &[u8]) {
    let wanted: Paths = WANTED.map(str::to_owned).into();
    let mut read_bytes = 0;
    let read_at = |offset: u64, piece: &mut [u8]| {
        let offset = usize::try_from(offset).expect("it is within the file");
        piece.copy_from_slice(&bytes[offset..offset + piece.len()]);
        read_bytes += piece.len();
        Ok::<_, Infallible>(())
    };
    if let Ok(owners) = rpm::owners(bytes.len() as u64, read_at, &wanted) {
        assert!(WANTED.iter().filter_map(|path| owners.of(path)).all(|package| !package.name.is_empty()));
    }
    assert!(read_bytes <= 100 + WALKS * 2 * bytes.len(), "{read_bytes} of {}", bytes.len());
}
