//! Who runs this program: the user, who he was when he logged in, and who he was before sudo (proc_pid_loginuid(5)).

use portreeve_core::receipt::Who;
use rustix::process::getuid;

use crate::proc;

/// The number of nobody who logged in (kernel/audit.c, `AUDIT_UID_UNSET`).
const UNSET: u32 = u32::MAX;
/// Longer than the name of any user (useradd(8)).
const NAME_BYTES_MAX: usize = 256;

pub(super) fn who() -> Who {
    let login = proc::read_text("/proc/self/loginuid").as_deref().and_then(login);
    let sudo = std::env::var("SUDO_USER").ok().as_deref().and_then(name);
    Who { uid: getuid().as_raw(), login_uid: login, sudo_user: sudo }
}

fn login(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|uid| *uid != UNSET)
}

/// Anybody may set the variable to anything: what is no name is none, and cannot forge a line of the journal.
fn name(text: &str) -> Option<String> {
    let is_plain = |letter: char| !letter.is_control() && !letter.is_whitespace();
    (!text.is_empty() && text.len() <= NAME_BYTES_MAX && text.chars().all(is_plain)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_logged_in_is_nobody() {
        assert_eq!(
            ["1000", "0\n", "4294967295", "", "x"].map(login),
            [Some(1000), Some(0), None, None, None]
        );
    }

    #[test]
    fn a_name_is_a_word() {
        assert_eq!(name("alice").as_deref(), Some("alice"));
        assert_eq!(["", "a b", "a\nportreeve[1]: x", &"a".repeat(257)].map(name), [const { None }; 4]);
    }
}
