//! Reads a list of packages as apt keeps it, plain or compressed (apt.conf(5), Acquire::GzipIndexes, A18).

use std::{
    fs::File,
    io::{self, Read},
};

use flate2::read::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;

/// As much memory as `xz -9` takes to read back (xz(1)), and as much again.
const XZ_KIB_MAX: u32 = 128 * 1024;

/// The content of a list whose name has this `ending`; `None` where nobody here knows how that is compressed.
pub(super) fn reader(ending: Option<&str>, file: File) -> io::Result<Option<Box<dyn Read>>> {
    Ok(Some(match ending {
        None => Box::new(file),
        Some("lz4") => Box::new(FrameDecoder::new(file)),
        Some("gz") => Box::new(MultiGzDecoder::new(file)),
        Some("xz") => Box::new(XzReader::new_mem_limit(file, true, XZ_KIB_MAX)),
        Some("zst") => Box::new(StreamingDecoder::new(file).map_err(io::Error::other)?),
        Some(_) => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use portreeve_core::packages::release::LIST_COMPRESSIONS;

    use super::*;

    #[test]
    fn what_is_said_to_be_read_is_read_and_nothing_else() {
        let is_known = |ending| {
            let file = File::open("/dev/null").unwrap();
            !matches!(reader(Some(ending), file), Ok(None))
        };
        for ending in LIST_COMPRESSIONS {
            assert!(is_known(ending), "{ending}");
        }
        assert!(!is_known("bz2") && !is_known("lzma"));
    }
}
