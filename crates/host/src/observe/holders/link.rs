//! Where a descriptor leads, as its link in /proc has it (proc_pid_fd(5)).

use crate::proc;

/// The inode of the socket to which a descriptor of a process or thread leads; `None` where it leads to none, or is not shown.
pub(super) fn leads_to(pid: u32, fd: u32) -> Option<u64> {
    socket_inode(proc::read_link(format!("/proc/{pid}/fd/{fd}"))?.as_bytes())
}

/// `socket:[4711]`.
pub(super) fn socket_inode(link: &[u8]) -> Option<u64> {
    number(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

pub(super) fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_link_has_an_inode() {
        assert_eq!(socket_inode(b"socket:[4711]"), Some(4711));
        assert_eq!(socket_inode(b"pipe:[4711]"), None);
        assert_eq!(socket_inode(b"socket:[471"), None);
    }
}
