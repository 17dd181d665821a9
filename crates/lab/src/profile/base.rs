//! What every host of the lab has in common: a name, a user, and peace.

use super::File;

/// The servers that are in the root; a profile wakes those it names.
pub(super) const SERVERS: &[&str] = &[
    "ssh.service",
    "nginx.service",
    "postfix.service",
    "dovecot.service",
    "vsftpd.service",
    "redis-server.service",
    "chrony.service",
    "snmpd.service",
    "caddy.service",
    "strongswan-starter.service",
    "avahi-daemon.service",
    "avahi-daemon.socket",
    "miniupnpd.service",
    "etcd.service",
    "cron.service",
    "ufw.service",
    "firewalld.service",
    "fail2ban.service",
];

/// `dev` is an ordinary user, whose password is `harbour`.
const DEV_PASSWD: &str = "dev:x:1000:1000:A developer:/home/dev:/bin/bash\n";
const DEV_SHADOW: &str = "dev:$6$portreeve$EaclqCf84dKDT/rh9rDkStQX95kvEwCed.K2VmxujaKbe6zdpqE0LxmT/7Jh8c3vGWiedN7TuU4ZTBWAhueL3/:19000:0:99999:7:::\n";

/// Masked: what would reach for the machine's kernel, or work on its own while a test looks; engines are started by
/// the tests that want them ([`crate::engine`]).
pub(super) const FILES: &[File] = &[
    // A machine with an id is one that has booted before: systemd does not preset its units again.
    File::text("etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    File::text("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    File::append("etc/passwd", DEV_PASSWD),
    File::append("etc/group", "dev:x:1000:\n"),
    File::append("etc/shadow", DEV_SHADOW).mode(0o640),
    File::folder("home/dev").owner(1000),
    mask("etc/systemd/system/modprobe@.service"),
    mask("etc/systemd/system/systemd-modules-load.service"),
    mask("etc/systemd/system/systemd-udevd.service"),
    mask("etc/systemd/system/systemd-sysctl.service"),
    mask("etc/systemd/system/systemd-pstore.service"),
    mask("etc/systemd/system/sys-kernel-debug.mount"),
    mask("etc/systemd/system/sys-kernel-tracing.mount"),
    mask("etc/systemd/system/sys-kernel-config.mount"),
    mask("etc/systemd/system/sys-fs-fuse-connections.mount"),
    mask("etc/systemd/system/dev-hugepages.mount"),
    mask("etc/systemd/system/e2scrub_reap.service"),
    mask("etc/systemd/system/e2scrub_all.timer"),
    mask("etc/systemd/system/fstrim.timer"),
    mask("etc/systemd/system/apt-daily.timer"),
    mask("etc/systemd/system/apt-daily-upgrade.timer"),
    mask("etc/systemd/system/dpkg-db-backup.timer"),
    mask("etc/systemd/system/docker.service"),
    mask("etc/systemd/system/docker.socket"),
    mask("etc/systemd/system/containerd.service"),
    mask("etc/systemd/system/podman.service"),
    mask("etc/systemd/system/podman.socket"),
    mask("etc/systemd/system/podman-restart.service"),
    mask("etc/systemd/system/podman-auto-update.service"),
    mask("etc/systemd/system/podman-auto-update.timer"),
    mask("etc/systemd/system/console-getty.service"),
    mask("etc/systemd/system/getty@.service"),
];

const fn mask(path: &'static str) -> File {
    File::link(path, "/dev/null")
}
