//! The programs of others that tests lean on, and how they come onto the machine.

use std::fs;

use portreeve_lab::tools::{Tool, missing};

use crate::shell::{self, Result, command, find_program, is_root};

/// What the chores need beside the lab's own tools. None of these packages starts a service either.
const OURS: [Tool; 1] = [Tool { program: "git", package: "git", why: "lists and patches the tree" }];

/// The witness that sees what the rest of the tests and even the installation of their tools leave behind.
const WITNESS: &str = "ss";

/// Installs the program that [`super::stillness`] needs, before anything else.
///
/// # Errors
///
/// As for [`install`].
pub(super) fn install_witness() -> Result {
    install_all(&missing().into_iter().filter(|tool| tool.program == WITNESS).collect::<Vec<_>>())
}

/// Installs what is missing where that is ours to do, and otherwise says what to type.
///
/// # Errors
///
/// Something is missing, and this is neither root on Debian or Ubuntu nor did apt bring it.
pub(crate) fn install() -> Result {
    let mut missing = missing();
    missing.extend(OURS.into_iter().filter(|tool| find_program(tool.program).is_none()));
    install_all(&missing)
}

fn install_all(missing: &[Tool]) -> Result {
    if missing.is_empty() {
        return Ok(());
    }
    for tool in missing {
        println!("missing: {} ({}) {}", tool.program, tool.package, tool.why);
    }
    let mut packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
    packages.sort_unstable();
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
