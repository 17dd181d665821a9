//! What the login manager keeps of a session: /run/systemd/sessions/N (systemd-logind.service(8)).

use std::path::Path;

use portreeve_core::facts::Session;

use super::text;
use crate::observe::clock;

/// The session whose processes are in `scope` (`session-4.scope`, pam_systemd(8)), below `root`.
#[must_use]
pub fn of(root: &Path, scope: &str) -> Option<Session> {
    let id = scope.strip_prefix("session-")?.strip_suffix(".scope")?;
    let is_plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let file = is_plain.then(|| root.join("run/systemd/sessions").join(id))?;
    Some(read(&text(&file)?))
}

/// Reads the file of a session: a key and a value a line, the first of each counts.
#[must_use]
pub fn read(text: &str) -> Session {
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        let (_, value) = lines.find(|(name, _)| *name == key)?;
        let value = value.trim().trim_matches('"');
        (!value.is_empty()).then(|| value.to_owned())
    };
    let microseconds: Option<i128> = value("REALTIME").and_then(|text| text.parse().ok());
    Session {
        user: value("USER"),
        remote_host: value("REMOTE_HOST"),
        service: value("SERVICE"),
        tty: value("TTY"),
        since: microseconds.map(|since| clock::timestamp(since.saturating_mul(1000))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_tells_who_came_from_where() {
        let text = "# This is private data. Do not parse.\nUID=1000\nUSER=dev\nACTIVE=1\nREMOTE=1\nTYPE=tty\n\
                    REMOTE_HOST=198.51.100.9\nSERVICE=sshd\nTTY=pts/0\nREALTIME=1767225600000000\nUSER=root\n";
        let session = read(text);
        assert_eq!(session.user.as_deref(), Some("dev"), "the first counts");
        assert_eq!(session.remote_host.as_deref(), Some("198.51.100.9"));
        assert_eq!((session.service.as_deref(), session.tty.as_deref()), (Some("sshd"), Some("pts/0")));
        assert_eq!(session.since.unwrap().to_string(), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_missing_or_odd_stays_unknown() {
        assert_eq!(read("USER=\nREALTIME=-\nno line"), Session::default());
        let far = format!("REALTIME={}", i128::MAX);
        assert!(read(&far).since.is_some(), "no overflow");
        for scope in ["session-../../x.scope", "session-.scope", "session-4.service", "x.scope"] {
            assert_eq!(of(Path::new("/"), scope), None, "{scope}");
        }
    }
}
