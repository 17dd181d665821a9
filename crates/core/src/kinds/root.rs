//! Programs that cannot do their work without root (A20).

/// Programs whose work is root's: they become other users, set up the network, or hand clients to unprivileged children.
const NEEDS_ROOT: [&str; 33] = [
    "sshd",
    "dropbear",
    "systemd",
    "systemd-networkd",
    "inetd",
    "xinetd",
    "master",
    "dovecot",
    "vsftpd",
    "smbd",
    "nmbd",
    "winbindd",
    "samba",
    "rsync",
    "rpc.mountd",
    "rpc.statd",
    "dhclient",
    "dhcpcd",
    "udhcpc",
    "NetworkManager",
    "dockerd",
    "docker-proxy",
    "containerd",
    "kubelet",
    "kube-proxy",
    "k3s-server",
    "k3s",
    "libvirtd",
    "charon",
    "pluto",
    "tailscaled",
    "cockpit-tls",
    "miniserv.pl",
];

/// Whether this program's work is root's; of one that is absent it is not assumed.
#[must_use]
pub fn needs_root(program: &str) -> bool {
    NEEDS_ROOT.iter().any(|known| super::is_same_program(known, program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_whole_name_or_by_what_the_kernel_keeps_of_it() {
        assert!(needs_root("sshd") && needs_root("systemd-networkd") && needs_root("systemd-network"));
        assert!(!needs_root("ssh") && !needs_root("nginx") && !needs_root(""));
    }
}
