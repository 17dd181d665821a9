//! Whether this process is root of the host: who is root of a user namespace of his own is nobody to files and to the kernel
//! (user_namespaces(7)).

use crate::proc;

/// What a process of the first user namespace reads: every number is itself.
const EVERYBODY: [&str; 3] = ["0", "0", "4294967295"];
const LINES_BYTES_MAX: usize = 64 << 10;

/// Whether it is.
#[must_use]
pub fn is_of_host() -> bool {
    rustix::process::geteuid().is_root()
        && !is_mapped(&proc::read("/proc/self/uid_map", LINES_BYTES_MAX).unwrap_or_default())
}

/// Whether numbers of users mean others outside; of what cannot be read, they do not.
fn is_mapped(map: &[u8]) -> bool {
    let text = String::from_utf8_lossy(map);
    !text.trim().is_empty() && !text.split_whitespace().eq(EVERYBODY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_namespace_maps_everybody_to_himself() {
        assert!(!is_mapped(b"         0          0 4294967295\n"));
        assert!(!is_mapped(b""), "a kernel without user namespaces");
        for map in [&b"0 1000 1\n"[..], b"0 100000 65536\n", b"0 0 4294967295\n1 1 1\n"] {
            assert!(is_mapped(map));
        }
    }
}
