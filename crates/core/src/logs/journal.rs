//! A line of the journal, and whether whoever wrote it may speak for the program in whose name it is (A19).
//!
//! Anybody may write into the journal in any name (logger(1)). The kernel tells journald who he is: as which user he writes
//! (unix(7), SCM_CREDENTIALS) and in which cgroup he is, so of which unit (systemd.journal-fields(7)). What his process is called
//! and which program it runs he may have changed by the time that journald looks: that is no proof of anything.

use super::{Header, Program, header};

/// A line, and who wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry<'l> {
    /// The unit that he is of (`_SYSTEMD_UNIT`).
    pub unit: Option<&'l str>,
    /// As which user (`_UID`).
    pub uid: Option<u32>,
    /// As which process (`_PID`).
    pub pid: Option<u32>,
    /// In whose name, which is what he says himself (`SYSLOG_IDENTIFIER`).
    pub identifier: Option<&'l str>,
    /// What; `None` where it was too long to be told.
    pub message: Option<&'l str>,
}

/// The users, besides root, as whom programs write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Postfix's own: its daemons are not root.
    pub postfix: Option<u32>,
}

impl<'l> Entry<'l> {
    /// The line as one of the program in whose name it is, where it is of one that is known and its writer may speak for it.
    ///
    /// That he is of the program's unit must be known besides: here it is only asked who else is.
    #[must_use]
    pub fn header(&self, accounts: Accounts) -> Option<Header<'l>> {
        let identifier = self.identifier?;
        let message = self.message.unwrap_or_default().trim_end_matches(['\r', '\n']);
        let (program, message) = match header::program(identifier) {
            Some(program) => (program, message),
            None if ["nginx", "apache2", "httpd"].contains(&identifier) => of_web_server(message)?,
            None => return None,
        };
        let is_heard = may_speak(program, identifier, self.uid?, accounts);
        is_heard.then_some(Header { stamp: None, program, pid: self.pid, message })
    }
}

/// nginx and Apache write requests and errors in one name.
fn of_web_server(message: &str) -> Option<(Program, &str)> {
    let header = header::split(message)?;
    [Program::Nginx, Program::Access].contains(&header.program).then_some((header.program, header.message))
}

/// Whether a process of the program's unit that runs as this user may speak for it.
fn may_speak(program: Program, identifier: &str, uid: u32, accounts: Accounts) -> bool {
    match program {
        // Its processes before and after a login have root write for them; without PAM a person's shell is of its unit, too.
        Program::Sshd => uid == 0,
        // It has one process of root's write for all; scripts of users are of its unit.
        Program::Dovecot => uid == 0,
        // Whoever logs in is another process, as the user himself.
        Program::Vsftpd => uid == 0,
        // Its daemons are one user, and what `.forward` of a user starts is that user (local(8)).
        Program::Postfix => uid == 0 || accounts.postfix == Some(uid),
        // It starts nothing of users', and its workers write as whomever `user` names.
        Program::Nginx | Program::Access if identifier == "nginx" => true,
        // Apache's workers are whoever its scripts are: only what the server itself is told to write counts.
        Program::Nginx | Program::Access => uid == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNTS: Accounts = Accounts { postfix: Some(102) };

    fn told(identifier: &'static str, uid: u32, message: &'static str) -> Option<(Program, &'static str)> {
        let entry = Entry {
            unit: None,
            uid: Some(uid),
            pid: Some(7),
            identifier: Some(identifier),
            message: Some(message),
        };
        entry.header(ACCOUNTS).map(|header| (header.program, header.message))
    }

    #[test]
    fn a_line_in_a_programs_name_counts_by_whoever_wrote_it() {
        for (identifier, program, own) in [
            ("sshd", Program::Sshd, 0),
            ("sshd-session", Program::Sshd, 0),
            ("dovecot", Program::Dovecot, 0),
            ("vsftpd", Program::Vsftpd, 0),
            ("postfix/smtpd", Program::Postfix, 102),
            ("postfix/submission/smtpd", Program::Postfix, 0),
        ] {
            assert_eq!(told(identifier, own, "a"), Some((program, "a")), "{identifier}");
            assert_eq!(told(identifier, 1_000, "a"), None, "{identifier}");
        }
        assert_eq!(told("cron", 0, "a"), None);
        let postfix = Entry { identifier: Some("postfix/smtpd"), uid: Some(0), ..Entry::default() };
        assert!(postfix.header(Accounts::default()).is_some());
        assert!(Entry { uid: Some(102), ..postfix }.header(Accounts::default()).is_none());
        assert!(Entry { uid: None, ..postfix }.header(ACCOUNTS).is_none(), "nobody knows who wrote it");
    }

    #[test]
    fn what_a_web_server_writes_is_told_by_its_form() {
        const ACCESS: &str = "192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] \"GET / HTTP/1.1\" 200 1";
        const ERROR: &str = "2012/04/09 11:53:29 [error] 2865#0: *6 a";
        assert_eq!(told("nginx", 33, ACCESS), Some((Program::Access, ACCESS)));
        assert_eq!(told("nginx", 33, ERROR), Some((Program::Nginx, "*6 a")));
        assert_eq!(told("apache2", 0, ACCESS), Some((Program::Access, ACCESS)));
        assert_eq!(told("apache2", 33, ACCESS), None, "a script of a user may be that");
        assert_eq!(told("apache2", 0, "a"), None);
        assert_eq!(told("nginx", 33, "Jun 21 16:47:48 h sshd[1]: a"), None);
    }
}
