//! What stands before a line's own words: when, who wrote it, and as which process (RFC 3164, RFC 5424, and what some programs write
//! into files of their own).

mod stamp;

pub use stamp::Stamp;

use super::{Program, access, place};

/// A line, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'l> {
    /// When it was written, as far as that can be read.
    pub stamp: Option<Stamp>,
    /// Who wrote it.
    pub program: Program,
    /// As which process.
    pub pid: Option<u32>,
    /// What.
    pub message: &'l str,
}

/// Takes a line apart; `None` where no program that is known wrote it.
#[must_use]
pub fn split(line: &str) -> Option<Header<'_>> {
    let line = line.trim_end_matches(['\r', '\n']);
    own_file(line).or_else(|| syslog(line)).or_else(|| access(line))
}

/// A file that vsftpd or nginx writes itself.
fn own_file(line: &str) -> Option<Header<'_>> {
    if let Some((stamp, rest)) = Stamp::with_weekday(line) {
        let pid = rest.strip_prefix("[pid ").and_then(|rest| rest.split_once(']')?.0.parse().ok());
        return Some(Header { stamp: Some(stamp), program: Program::Vsftpd, pid, message: rest });
    }
    let (stamp, rest) = Stamp::with_slashes(line)?;
    let (level, rest) = place::word(rest);
    let (process, message) = rest.split_once(": ")?;
    let pid = process.split_once('#')?.0.parse().ok();
    let is_level = level.starts_with('[') && level.ends_with(']');
    is_level.then_some(Header { stamp: Some(stamp), program: Program::Nginx, pid, message })
}

fn syslog(line: &str) -> Option<Header<'_>> {
    let line = line.strip_prefix('<').and_then(|rest| Some(rest.split_once('>')?.1)).unwrap_or(line);
    if let Some(rest) = line.strip_prefix("1 ") {
        return structured(rest);
    }
    let (stamp, rest) = Stamp::of_syslog(line)?;
    let (first, behind) = place::word(rest);
    let is_tag = first.ends_with(':') || first.starts_with('[');
    // A file that a program writes itself names no host.
    let (tag, message, from_tag) = if is_tag {
        (first, behind, rest)
    } else {
        let (second, message) = place::word(behind);
        (second, message, behind)
    };
    let (name, pid) = named(tag.strip_suffix(':').unwrap_or(tag));
    let program = program(name)?;
    let is_daemon = program == Program::Dovecot && name != "dovecot";
    let message = if is_daemon { from_tag } else { message };
    Some(Header { stamp: Some(stamp), program, pid, message: without_id(message) })
}

/// `TIMESTAMP HOST PROGRAM PID ID DATA message` (RFC 5424 §6).
fn structured(rest: &str) -> Option<Header<'_>> {
    let (when, rest) = place::word(rest);
    let (_, rest) = place::word(rest);
    let (name, rest) = place::word(rest);
    let (pid, rest) = place::word(rest);
    let (_, rest) = place::word(rest);
    let message = rest.strip_prefix("- ").or_else(|| behind_data(rest))?;
    let stamp = Stamp::of_syslog(when).map(|(stamp, _)| stamp);
    Some(Header { stamp, program: program(name)?, pid: pid.parse().ok(), message })
}

/// What stands behind `[id key="value"][…] `, in whose values a bracket, a quotation mark and a backslash are escaped.
fn behind_data(text: &str) -> Option<&str> {
    let (mut is_value, mut is_escaped, mut is_element) = (false, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_value => is_escaped = true,
            '"' if is_element => is_value = !is_value,
            '[' if !is_value => is_element = true,
            ']' if !is_value => is_element = false,
            ' ' if !is_element => return Some(&text[at + 1..]),
            _ if !is_element => return None,
            _ => {}
        }
    }
    None
}

/// `sshd[13709]`, `[sshd]` or `sshd`.
fn named(tag: &str) -> (&str, Option<u32>) {
    if let Some(inner) = tag.strip_prefix('[') {
        return (inner.trim_end_matches(']'), None);
    }
    match tag.split_once('[') {
        Some((name, pid)) => (name, pid.trim_end_matches(']').parse().ok()),
        None => (tag, None),
    }
}

/// Who calls himself so to syslog(3).
pub(super) fn program(name: &str) -> Option<Program> {
    match name {
        "sshd" | "sshd-session" | "sshd-auth" => Some(Program::Sshd),
        "vsftpd" => Some(Program::Vsftpd),
        "dovecot" | "dovecot-auth" | "auth" | "auth-worker" => Some(Program::Dovecot),
        _ if name.starts_with("auth-worker(") || name.ends_with("-login") => Some(Program::Dovecot),
        _ if name.starts_with("postfix") => Some(Program::Postfix),
        _ => None,
    }
}

/// Solaris puts `[ID 800047 auth.info] ` before a message.
fn without_id(message: &str) -> &str {
    message.strip_prefix("[ID ").and_then(|rest| Some(rest.split_once("] ")?.1)).unwrap_or(message)
}

fn access(line: &str) -> Option<Header<'_>> {
    let when = access::parts(line)?.when;
    let stamp = Stamp::of_access(when).map(|(stamp, _)| stamp)?;
    Some(Header { stamp: Some(stamp), program: Program::Access, pid: None, message: line })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Option<(Program, Option<u32>, &str)> {
        split(line).map(|header| (header.program, header.pid, header.message))
    }

    #[test]
    fn whoever_wrote_a_line_is_told_in_each_form() {
        use Program::{Access, Dovecot, Nginx, Postfix, Sshd, Vsftpd};
        let access = "192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] \"GET / HTTP/1.1\" 200 1";
        let odd_user = "192.0.2.1 - a [b [10/Oct/2026:13:55:36 +0000] \"GET / HTTP/1.1\" 401 1";
        let by_host = "www.example:443 192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] \"GET / HTTP/1.1\" 200 1";
        for (line, program, pid, message) in [
            ("Jun 21 16:47:48 host sshd[13709]: a b", Sshd, Some(13_709), "a b"),
            ("Jan 5 01:31:41 sshd[7]: a", Sshd, Some(7), "a"),
            ("2026-06-21T16:47:48.123456+02:00 host sshd-session[9]: a", Sshd, Some(9), "a"),
            ("Mar  3 00:17:22 [sshd]: a", Sshd, None, "a"),
            ("Jun 25 23:53:34 [sshd] a", Sshd, None, "a"),
            ("<38>1 2019-07-08T17:40:16.9-04:00 h sshd 57 - - a", Sshd, Some(57), "a"),
            ("<38>1 2019-07-08T17:40:16Z h sshd 57 - [x y=\"] \\\"\"][z] a b", Sshd, Some(57), "a b"),
            ("Apr 29 17:16:20 h sshd[6]: [ID 800047 auth.info] a", Sshd, Some(6), "a"),
            ("Dec  2 22:24:22 h postfix/submission/smtpd[7]: a", Postfix, Some(7), "a"),
            ("Jan 29 09:33:58 pop3-login: Info: a", Dovecot, None, "pop3-login: Info: a"),
            ("Jun 13 20:48:11 h dovecot: pop3-login: a", Dovecot, None, "pop3-login: a"),
            ("Fri Jan 19 12:20:33 2007 [pid 2] [x] FAIL", Vsftpd, Some(2), "[pid 2] [x] FAIL"),
            ("2012/04/09 11:53:29 [error] 2865#0: *6 a", Nginx, Some(2_865), "*6 a"),
            (access, Access, None, access),
            (odd_user, Access, None, odd_user),
            (by_host, Access, None, by_host),
        ] {
            assert_eq!(told(line), Some((program, pid, message)), "{line}");
        }
    }

    #[test]
    fn what_nobody_known_wrote_is_none() {
        let lines = [
            "",
            " ",
            "x",
            "Jun 21 16:47:48",
            "Jun 21 16:47:48 host cron[1]: a",
            "<38>1 2019 h sshd 5 - [x",
            "1.2.3.4 x",
            "Jun 41 16:47:48 host sshd[1]: a",
            "2012/04/09 11:53:29 [error] x",
            "Jun 21 16:47:48 host nginx: 2012/04/09 11:53:29 [error] 2865#0: *6 a",
        ];
        for line in lines {
            assert_eq!(told(line), None, "{line}");
        }
    }
}
