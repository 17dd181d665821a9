//! The Debian root that every host of the lab starts from, made once by mmdebstrap below `target/lab`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::fs::{FlockOperation, flock};

use crate::{
    cgroup::{self, Group},
    error::LabError,
    folder::{self, Folder},
    output::{self, Output},
    tools,
};

/// The release that the hosts run.
const SUITE: &str = "bookworm";

/// What is in it: service manager, sessions and what people keep them in, servers, container engines, firewalls, and the witnesses that run inside.
const PACKAGES: &[&str] = &[
    "systemd",
    "systemd-sysv",
    "dbus",
    "dbus-user-session",
    "libpam-systemd",
    "openssh-server",
    "sudo",
    "tmux",
    "screen",
    "mosh",
    "nginx-light",
    "postfix",
    "dovecot-imapd",
    "dovecot-pop3d",
    "vsftpd",
    "redis-server",
    "dnsmasq-base",
    "chrony",
    "snmpd",
    "caddy",
    "strongswan-charon",
    "avahi-daemon",
    "miniupnpd-nftables",
    "etcd-server",
    "etcd-client",
    "docker.io",
    "podman",
    "uidmap",
    "slirp4netns",
    "nftables",
    "iptables",
    "ipset",
    "ufw",
    "firewalld",
    "fail2ban",
    "python3-pyinotify",
    "busybox-static",
    "cron",
    "python3",
    "python3-pytest",
    "make",
    "direnv",
    "dpkg-dev",
    "needrestart",
    "debian-goodies",
    "iproute2",
    "lsof",
    "netcat-openbsd",
    "jq",
    "procps",
];

/// What only takes time and room: nobody reads manuals in the lab, and a lost root is made again.
const OPTIONS: &[&str] = &[
    "--variant=minbase",
    "--mode=root",
    "--format=directory",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=force-unsafe-io",
    "--aptopt=Acquire::Languages \"none\"",
    "--aptopt=APT::Install-Recommends \"false\"",
];

/// The settings of the machine's apt that reaching its mirror may depend on.
const PASSED_ON: &[&str] = &[
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
    "Acquire::ForceIPv4",
    "Acquire::ForceIPv6",
    "Acquire::Retries",
    "Acquire::http",
    "Acquire::https",
];

/// The folder of the finished root, made on the first call; nobody ever writes to it.
///
/// # Errors
///
/// Without root or tools, or with the end of what mmdebstrap said.
pub fn ready() -> Result<PathBuf, LabError> {
    tools::check()?;
    let lab = folder::lab();
    fs::create_dir_all(&lab).map_err(LabError::file("make the folder", &lab))?;
    let root = lab.join(format!("root-{:016x}", hash(&recipe())));
    let _lock = lock(&lab.join("root.lock"))?;
    if !root.exists() {
        make(&root)?;
    }
    Ok(root)
}

/// Another runner may be making the same thing at this moment: whoever comes second waits and finds it.
pub(crate) fn lock(path: &Path) -> Result<File, LabError> {
    let file = File::create(path).map_err(LabError::file("open", path))?;
    flock(&file, FlockOperation::LockExclusive)
        .map_err(|errno| LabError::file("lock", path)(errno.into()))?;
    Ok(file)
}

/// Makes it elsewhere and renames it, so that a root that exists is whole.
///
/// mmdebstrap lives in a group and mounts where only it sees it: a killed runner leaves nothing that works on.
fn make(root: &Path) -> Result<(), LabError> {
    let group = Group::create()?;
    let folder = Folder::create(group.name())?;
    let half = folder.path().join("root");
    let output = cgroup::command(group.path(), "unshare")
        .args(["--mount", "--propagation", "private", "mmdebstrap"])
        .args(OPTIONS)
        .args(apt_options())
        .arg(format!("--include={}", PACKAGES.join(",")))
        .arg(SUITE)
        .arg(&half)
        .args(sources())
        .stdin(Stdio::null())
        .output()
        .map_err(|source| LabError::Start { program: "mmdebstrap".into(), source })?;
    Output::from(output).success("mmdebstrap")?;
    fs::rename(&half, root).map_err(LabError::file("put in place", root))
}

fn recipe() -> String {
    [SUITE, &PACKAGES.join(" "), &OPTIONS.join(" ")].join("\n")
}

/// The machine's own lists of this release, one-line or deb822 (sources.list(5)); none of them leaves the choice of
/// a mirror to mmdebstrap.
fn sources() -> Vec<PathBuf> {
    let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten();
    let mut files: Vec<PathBuf> = parts.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.push("/etc/apt/sources.list".into());
    files.sort_unstable();
    let is_list = |file: &PathBuf| file.extension().is_some_and(|end| end == "list" || end == "sources");
    files.retain(|file| is_list(file) && fs::read_to_string(file).is_ok_and(|text| speaks_of_suite(&text)));
    files
}

fn speaks_of_suite(text: &str) -> bool {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let words: Vec<_> = lines.flat_map(str::split_whitespace).collect();
    words.contains(&SUITE) && words.contains(&"main")
}

fn apt_options() -> Vec<String> {
    let dump = Command::new("apt-config").arg("dump").stdin(Stdio::null()).output();
    let dump = dump.map(|output| Output::from(output).stdout).unwrap_or_default();
    dump.lines().filter(|line| is_passed_on(line)).map(|line| format!("--aptopt={line}")).collect()
}

/// Whether a line such as `Acquire::Retries "3";` is one of [`PASSED_ON`] or below one, and says something.
fn is_passed_on(line: &str) -> bool {
    let Some((key, value)) = line.split_once(' ') else { return false };
    let is_named =
        |name: &&&str| key.strip_prefix(**name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    value != "\"\";" && PASSED_ON.iter().any(|name| is_named(&name))
}

/// FNV-1a: the same on every machine and under every compiler, which the standard hasher does not promise.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Where the console of a failed boot or build can be read.
pub(crate) fn last_words(log: &Path) -> String {
    fs::read(log).map(|bytes| output::tail(&String::from_utf8_lossy(&bytes))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // The test values of the FNV authors for the empty text and for "a".
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn only_settings_that_say_how_to_reach_a_mirror_are_passed_on() {
        assert!(is_passed_on("Acquire::Check-Valid-Until \"false\";"));
        assert!(is_passed_on("Acquire::http::Proxy \"http://proxy.example:3128/\";"));
        assert!(!is_passed_on("Acquire::http \"\";"));
        assert!(!is_passed_on("Acquire::httpx::Proxy \"x\";"));
        assert!(!is_passed_on("DPkg::Post-Invoke:: \"rm -f x\";"));
        assert!(!is_passed_on(""));
    }

    #[test]
    fn both_forms_of_a_source_are_read() {
        assert!(speaks_of_suite("deb http://mirror.example/debian bookworm main contrib\n"));
        assert!(speaks_of_suite("Types: deb\nSuites: bookworm bookworm-updates\nComponents: main\n"));
        assert!(!speaks_of_suite("# deb http://mirror.example/debian bookworm main\n"));
        assert!(!speaks_of_suite("deb http://mirror.example/node nodistro main\n"));
    }
}
