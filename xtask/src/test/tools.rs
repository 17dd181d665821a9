//! The programs of others that tests lean on, and how they come onto the machine.

use std::fs;

use crate::shell::{self, Result, command, find_program, is_root};

/// A program that some test runs, and the Debian package that brings it.
struct Tool {
    program: &'static str,
    package: &'static str,
    why: &'static str,
}

/// None of these packages starts a service.
const TOOLS: &[Tool] = &[
    Tool {
        program: "mmdebstrap",
        package: "mmdebstrap",
        why: "makes the Debian root that lab hosts boot from",
    },
    Tool { program: "systemd-nspawn", package: "systemd-container", why: "boots a lab host" },
    Tool { program: "ip", package: "iproute2", why: "lays the lab's networks" },
    Tool { program: "ss", package: "iproute2", why: "is a witness of sockets" },
    Tool { program: "lsof", package: "lsof", why: "is a witness of who holds them" },
    Tool { program: "nft", package: "nftables", why: "is a witness of the firewall" },
    Tool { program: "curl", package: "curl", why: "is a client of the lab's servers" },
    Tool { program: "git", package: "git", why: "lists and patches the tree" },
    Tool { program: "cc", package: "gcc", why: "links programs, and builds the benchmark's stopwatch" },
];

/// Installs what is missing where that is ours to do, and otherwise says what to type.
///
/// # Errors
///
/// Something is missing, and this is neither root on Debian or Ubuntu nor did apt bring it.
pub(crate) fn install() -> Result {
    let missing: Vec<_> = TOOLS.iter().filter(|tool| find_program(tool.program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for tool in &missing {
        println!("missing: {} ({}) {}", tool.program, tool.package, tool.why);
    }
    let mut packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
    packages.dedup();
    let install = format!("apt-get install --yes --no-install-recommends {}", packages.join(" "));
    let debian = fs::read_to_string("/etc/os-release").is_ok_and(|release| is_debian(&release));
    if !debian || !is_root() {
        return Err(format!("tests need these programs; type: sudo {install}").into());
    }
    apt("apt-get update")?;
    apt(&install)
}

fn apt(line: &str) -> Result {
    let words: Vec<_> = line.split(' ').collect();
    shell::run(command(&words).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Debian, or something that descends from it (os-release(5)).
fn is_debian(release: &str) -> bool {
    let family =
        release.lines().filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")));
    family.flat_map(|value| value.trim_matches('"').split(' ')).any(|id| id == "debian")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_its_children_are_known() {
        assert!(is_debian("NAME=\"Debian GNU/Linux\"\nID=debian\n"));
        assert!(is_debian("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_debian("ID=fedora\nVERSION_ID=42\n"));
    }
}
