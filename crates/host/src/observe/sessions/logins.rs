//! The first processes of people's logins, as systemd-logind and login programs keep them (sd-login(3), utmp(5)).

use std::fs;

use crate::proc;

/// A file each session: not for others to rely on, and the same since 2011 (systemd, src/login/logind-session.c).
const SESSIONS: &str = "/run/systemd/sessions";
const UTMP: [&str; 2] = ["/run/utmp", "/var/run/utmp"];
/// More people than this are not logged in.
const LOGINS_MAX: usize = 4_096;
/// glibc's struct utmp, which is longer where `long` in it is (bits/utmp.h).
const RECORD_BYTES: usize = if cfg!(target_arch = "x86_64") { 384 } else { 400 };
/// USER_PROCESS (utmp(5)).
const USER_PROCESS: i16 = 7;

/// Their numbers, of whom some may have ended.
pub(super) fn leaders() -> Vec<u32> {
    let entries = fs::read_dir(SESSIONS).into_iter().flatten().flatten().take(LOGINS_MAX);
    // Beside each stands a pipe, whose writer never comes.
    let sessions = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let kept = sessions.filter_map(|entry| leader(&proc::read_text(entry.path())?));
    let utmp = UTMP.into_iter().find_map(|path| proc::read(path, LOGINS_MAX * RECORD_BYTES).ok());
    let recorded = utmp.as_deref().map(users).unwrap_or_default();
    kept.chain(recorded).collect()
}

/// The line `LEADER=812`.
fn leader(session: &str) -> Option<u32> {
    session.lines().find_map(|line| line.strip_prefix("LEADER="))?.parse().ok()
}

/// The processes of those who are logged in.
fn users(records: &[u8]) -> Vec<u32> {
    let (records, _) = records.as_chunks::<RECORD_BYTES>();
    let user = |record: &[u8; RECORD_BYTES]| {
        let kind = i16::from_ne_bytes([record[0], record[1]]);
        let pid = i32::from_ne_bytes([record[4], record[5], record[6], record[7]]);
        u32::try_from(pid).ok().filter(|pid| kind == USER_PROCESS && *pid > 1)
    };
    records.iter().filter_map(user).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_names_its_leader() {
        assert_eq!(leader("UID=1000\nUSER=dev\nREMOTE=1\nLEADER=812\n"), Some(812));
        assert_eq!(leader("UID=1000\nLEADER=\n"), None);
    }

    #[test]
    fn only_those_who_are_logged_in_are_users() {
        let record = |kind: i16, pid: i32| {
            let mut record = [0; RECORD_BYTES];
            record[..2].copy_from_slice(&kind.to_ne_bytes());
            record[4..8].copy_from_slice(&pid.to_ne_bytes());
            record
        };
        let mut records =
            [record(2, 1), record(USER_PROCESS, 812), record(8, 900), record(USER_PROCESS, -1)].concat();
        records.extend_from_slice(&[7; 20]);
        assert_eq!(users(&records), [812]);
        assert!(users(&[]).is_empty());
    }
}
