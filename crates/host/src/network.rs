//! Which network namespace this process is in, told so that no later one is taken for it (network_namespaces(7)).

use std::{
    fs::{self, DirEntry},
    io,
    os::unix::{fs::MetadataExt as _, net::UnixDatagram},
    path::Path,
};

use crate::sys::netns;

/// Where namespaces have names (ip-netns(8)).
pub(crate) const NAMED: &str = "/run/netns";
/// More than any host has.
const NAMED_MAX: usize = 65_536;

/// The network namespace of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// The host's: that of its first process, or one that cannot be told from it.
    Host,
    /// Another one, by a name that no other one has until the next boot.
    Apart(String),
}

/// The inode of the network namespace of the calling thread, as sockets and snapshots are told apart by it; 0 where /proc does not say.
#[must_use]
pub fn inode() -> u64 {
    fs::metadata("/proc/thread-self/ns/net").map_or(0, |it| it.ino())
}

/// The network namespace that this process is in.
#[must_use]
pub fn network() -> Network {
    let inode = |pid: &str| Some(fs::metadata(format!("/proc/{pid}/ns/net")).ok()?.ino());
    match (inode("1"), inode("self")) {
        (Some(host), Some(own)) if host != own => Network::Apart(name(cookie().ok(), own)),
        _ => Network::Host,
    }
}

/// What ip-netns(8) calls the network namespace of this process, as long as it has a name there.
#[must_use]
pub fn called() -> Option<String> {
    let place = |path: &Path| fs::metadata(path).map(|it| (it.dev(), it.ino())).ok();
    let own = place(Path::new("/proc/self/ns/net"))?;
    let named = fs::read_dir(NAMED).ok()?.take(NAMED_MAX).flatten();
    let is_own = |entry: &DirEntry| place(&entry.path()) == Some(own);
    named.filter(is_own).filter_map(|entry| entry.file_name().into_string().ok()).min()
}

/// The cookie of the network namespace of the calling thread, which no other one has until the next boot.
///
/// # Errors
///
/// Before Linux 5.14, or where no socket can be made.
pub fn cookie() -> io::Result<u64> {
    // Whatever it is a socket of, it is in that namespace.
    Ok(netns::cookie(UnixDatagram::unbound()?)?)
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
        let cookies = [(); 2].map(|()| cookie().ok());
        assert_eq!(cookies[0], cookies[1]);
        assert!(cookies[0].is_some_and(|cookie| cookie != 0), "Linux 5.14 gives one to each");
        assert_eq!(name(Some(0x12), 4_026_531_840), "12");
        assert_eq!(name(None, 4_026_531_840), "4026531840", "an older kernel gives none");
    }
}
