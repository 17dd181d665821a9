//! Which network namespace this process is in, told so that no later one is taken for it (network_namespaces(7)).

use std::{fs, os::unix::fs::MetadataExt as _, os::unix::net::UnixDatagram};

use crate::sys::netns;

/// The network namespace of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// The host's: that of its first process, or one that cannot be told from it.
    Host,
    /// Another one, by a name that no other one has until the next boot.
    Apart(String),
}

/// The network namespace that this process is in.
#[must_use]
pub fn network() -> Network {
    let inode = |pid: &str| Some(fs::metadata(format!("/proc/{pid}/ns/net")).ok()?.ino());
    match (inode("1"), inode("self")) {
        (Some(host), Some(own)) if host != own => Network::Apart(name(cookie(), own)),
        _ => Network::Host,
    }
}

fn cookie() -> Option<u64> {
    netns::cookie(UnixDatagram::unbound().ok()?).ok()
}

/// The kernel gives an inode to another namespace once its own is gone, and a cookie never.
fn name(cookie: Option<u64>, inode: u64) -> String {
    cookie.map_or_else(|| inode.to_string(), |cookie| format!("{cookie:x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_one_name() {
        assert_eq!(network(), network());
        assert_eq!(cookie(), cookie());
        assert!(cookie().is_some_and(|cookie| cookie != 0), "Linux 5.14 gives one to each");
        assert_eq!(name(Some(0x12), 4_026_531_840), "12");
        assert_eq!(name(None, 4_026_531_840), "4026531840", "an older kernel gives none");
    }
}
