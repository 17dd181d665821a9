//! Which programs write logs that can be read, and where each does unless it is told otherwise.

use alloc::{borrow::ToOwned as _, string::String, vec, vec::Vec};

use crate::logs::Program;

/// A program that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    Sshd,
    Postfix,
    Dovecot,
    Vsftpd,
    Nginx,
    Apache,
}

/// By the name of a unit without what follows `@` or the dot.
const UNITS: [(&str, Writer); 8] = [
    ("ssh", Writer::Sshd),
    ("sshd", Writer::Sshd),
    ("postfix", Writer::Postfix),
    ("dovecot", Writer::Dovecot),
    ("vsftpd", Writer::Vsftpd),
    ("nginx", Writer::Nginx),
    ("apache2", Writer::Apache),
    ("httpd", Writer::Apache),
];

/// The files of syslog in which Debian and Red Hat have what people and mail programs do.
const AUTHENTICATION: [&str; 2] = ["/var/log/auth.log", "/var/log/secure"];
const MAIL: [&str; 2] = ["/var/log/mail.log", "/var/log/maillog"];
const FTP: [&str; 1] = ["/var/log/vsftpd.log"];
/// A folder of a program's own, and its files there, which may come later: those of requests. Into nginx's errors anybody writes.
const NGINX: [(&str, &[&str]); 1] = [("/var/log/nginx", &["/var/log/nginx/access.log"])];
const OTHER_HOSTS: &str = "/var/log/apache2/other_vhosts_access.log";
const APACHE: [(&str, &[&str]); 2] = [
    ("/var/log/apache2", &["/var/log/apache2/access.log"]),
    ("/var/log/httpd", &["/var/log/httpd/access_log"]),
];

impl Writer {
    /// The one whose unit is called so.
    pub(super) fn of_unit(name: &str) -> Option<Self> {
        UNITS.iter().find(|(of, _)| *of == name).map(|(_, writer)| *writer)
    }

    /// The one that this executable is; those of Postfix have a folder of their own.
    pub(super) fn of_program(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        if path.contains("/postfix/") { Some(Self::Postfix) } else { Self::of_unit(name) }
    }

    /// Whether it writes lines of this kind.
    pub(super) fn writes_as(self, program: Program) -> bool {
        match self {
            Self::Sshd => program == Program::Sshd,
            Self::Postfix => program == Program::Postfix,
            Self::Dovecot => program == Program::Dovecot,
            Self::Vsftpd => program == Program::Vsftpd,
            Self::Nginx | Self::Apache => program == Program::Access,
        }
    }

    /// Whether all that it writes into its log is a line of each request.
    pub(super) fn writes_requests(self) -> bool {
        self.writes_as(Program::Access)
    }

    /// The units that are usually it.
    pub(super) const fn units(self) -> &'static [&'static str] {
        match self {
            Self::Sshd => &["ssh.service", "sshd.service"],
            Self::Postfix => &["postfix.service", "postfix@-.service"],
            Self::Dovecot => &["dovecot.service"],
            Self::Vsftpd => &["vsftpd.service"],
            Self::Nginx => &["nginx.service"],
            Self::Apache => &["apache2.service", "httpd.service"],
        }
    }

    /// Whether it writes files of its own, and into the journal no more than that it has begun.
    pub(super) const fn prefers_files(self) -> bool {
        matches!(self, Self::Vsftpd | Self::Nginx | Self::Apache)
    }

    /// Its usual files on a host that `has` paths.
    pub(super) fn files(self, has: &dyn Fn(&str) -> bool) -> Vec<String> {
        let first = |files: &[&'static str]| files.iter().find(|file| has(file)).map(|file| vec![*file]);
        let within = |folders: &[(&str, &[&'static str])]| {
            folders.iter().find(|(folder, _)| has(folder)).map(|(_, files)| files.to_vec())
        };
        // Debian's for the hosts that name none, where Apache has any.
        let has_others = self == Self::Apache && has(OTHER_HOSTS);
        let found = match self {
            Self::Sshd => first(&AUTHENTICATION),
            Self::Postfix | Self::Dovecot => first(&MAIL),
            Self::Vsftpd => first(&FTP),
            Self::Nginx => within(&NGINX),
            Self::Apache => within(&APACHE),
        };
        let others = has_others.then_some(OTHER_HOSTS);
        found.unwrap_or_default().into_iter().chain(others).map(str::to_owned).collect()
    }
}
