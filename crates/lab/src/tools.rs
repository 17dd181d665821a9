//! The programs of the machine that the lab is built with.

use std::{env, path::Path};

use crate::error::LabError;

/// A program, and the Debian package that brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    /// What must be there: a program on the path, or a file by its absolute path.
    pub program: &'static str,
    /// The package.
    pub package: &'static str,
    /// What the lab needs it for.
    pub why: &'static str,
}

const fn tool(program: &'static str, package: &'static str, why: &'static str) -> Tool {
    Tool { program, package, why }
}

/// All of them. None of these packages starts a service.
pub const TOOLS: &[Tool] = &[
    tool("mmdebstrap", "mmdebstrap", "makes the Debian root"),
    tool("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring", "vouches for that root"),
    tool("systemd-nspawn", "systemd-container", "boots that root"),
    tool("unshare", "util-linux", "makes namespaces"),
    tool("nsenter", "util-linux", "enters them"),
    tool("ip", "iproute2", "lays the network between hosts"),
    tool("ss", "iproute2", "is a witness of sockets"),
    tool("nft", "nftables", "puts filters between hosts"),
    tool("ip6tables", "iptables", "puts there what it alone can say"),
    tool("cc", "gcc", "links programs, and builds those that are written in C"),
    tool("lsof", "lsof", "is another witness of sockets"),
    tool("curl", "curl", "is the client of web, mail and file servers"),
    tool("nmap", "nmap", "looks for ports as whoever probes does"),
    tool("masscan", "masscan", "looks for ports as fast as whoever probes many hosts"),
    tool("hping3", "hping3", "writes the addresses of others on what it sends"),
    tool("hydra", "hydra", "tries passwords as whoever guesses does"),
    tool("tcpdump", "tcpdump", "writes down what passes"),
    tool("openssl", "openssl", "is the client of encrypted ports"),
    tool("qemu-system-x86_64", "qemu-system-x86", "boots another kernel"),
    tool("busybox", "busybox-static", "is all that kernel's system"),
    tool("bpftool", "bpftool", "is a witness of what a kernel lets BPF do"),
    tool("rpmlua", "rpm", "is a witness of how versions of rpm are ordered"),
    tool("dpkg-scanpackages", "dpkg-dev", "makes the list of an archive"),
    tool("lz4", "lz4", "makes a list that is longer than it looks"),
    tool("xz", "xz-utils", "makes another"),
    tool("/usr/bin/python3", "python3", "binds ports as anybody's program does"),
];

/// The tools that are not there.
#[must_use]
pub fn missing() -> Vec<Tool> {
    TOOLS.iter().copied().filter(|tool| !is_there(tool.program)).collect()
}

/// Says whether the lab can be built here.
///
/// # Errors
///
/// Without root, and where tools are missing, with the command that brings them.
pub fn check() -> Result<(), LabError> {
    need(&missing())
}

/// Says whether a part of the lab that only takes some of the tools can be built here.
///
/// # Errors
///
/// As for [`check`].
pub fn check_for(programs: &[&str]) -> Result<(), LabError> {
    let missing = missing().into_iter().filter(|tool| programs.contains(&tool.program));
    need(&missing.collect::<Vec<_>>())
}

fn need(missing: &[Tool]) -> Result<(), LabError> {
    if !rustix::process::geteuid().is_root() {
        return Err(LabError::NotRoot);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let programs: Vec<_> = missing.iter().map(|tool| tool.program).collect();
    let mut packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
    packages.sort_unstable();
    packages.dedup();
    Err(LabError::MissingTools { programs: programs.join(", "), packages: packages.join(" ") })
}

fn is_there(program: &str) -> bool {
    if program.starts_with('/') {
        return Path::new(program).exists();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_looked_for_on_the_path_and_a_file_where_it_is_said_to_be() {
        assert!(is_there("sh"));
        assert!(is_there("/etc/passwd"));
        assert!(!is_there("no-such-program-of-the-lab"));
        assert!(!is_there("/no/such/file"));
    }
}
