//! Whether there is a cron that would read a crontab: its folder alone says nothing, as packages bring it along (cron(8)).

use crate::{proc, program::Program};

/// What it is called: of Debian, and of Fedora and Arch Linux (cronie).
const NAMES: [&str; 2] = ["cron", "crond"];

/// Whether one is installed, or runs.
pub(super) fn is_there() -> bool {
    NAMES.into_iter().any(Program::exists) || runs()
}

fn runs() -> bool {
    let comm = |pid: u32| proc::read_text(format!("/proc/{pid}/comm"));
    proc::pids().unwrap_or_default().into_iter().filter_map(comm).any(|comm| is_name(&comm))
}

fn is_name(comm: &str) -> bool {
    NAMES.contains(&comm.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cron_is_told_by_its_name() {
        assert_eq!(
            ["cron\n", "crond\n", "crontab\n", "anacron\n", ""].map(is_name),
            [true, true, false, false, false]
        );
    }
}
