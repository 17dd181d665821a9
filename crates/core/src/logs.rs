//! What services write of whoever asks them: lines of their logs, which hold the words of strangers (A19).
//!
//! A reader takes the address that the program itself wrote, at its fixed place. Whoever may choose a user name may also write an
//! address into it: what could be read two ways is told as such, and is nobody's.

mod access;
mod dovecot;
mod form;
pub mod header;
pub mod journal;
mod nginx;
mod pam;
mod place;
mod postfix;
mod sshd;
mod vsftpd;

use core::net::IpAddr;

pub use self::{form::Form, header::Header};

/// A longer line was cut, and nobody knows what its end would have been.
pub const LINE_BYTES_MAX: usize = 8 << 10;

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// OpenSSH.
    Sshd,
    /// Postfix, each of its daemons.
    Postfix,
    /// Dovecot, likewise.
    Dovecot,
    /// vsftpd.
    Vsftpd,
    /// What nginx writes of errors, where strangers' words stand as they are.
    Nginx,
    /// What nginx and Apache write of each request.
    Access,
}

impl Program {
    /// Whether its lines are its own words: none of nginx's errors is, into which whoever asks it can write whole lines.
    #[must_use]
    pub const fn is_witness(self) -> bool {
        !matches!(self, Self::Nginx)
    }
}

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading<'l> {
    /// Somebody asked.
    Attempt(Attempt<'l>),
    /// It could be read two ways.
    Ambiguous,
    /// Nothing of anybody.
    Nothing,
}

/// What somebody did at a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt<'l> {
    /// From where.
    pub source: IpAddr,
    /// What.
    pub deed: Deed<'l>,
    /// As whom, where he said so.
    pub user: Option<&'l str>,
    /// The port that he came from.
    pub port: Option<u16>,
}

/// What it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed<'l> {
    /// He was not let in.
    Failed,
    /// He was let in.
    Welcome,
    /// The service refused what he asked for, and nothing is said of who he is.
    Refused,
    /// He went before anything was decided.
    Left,
    /// He asked a web server for something, as a user where one is named.
    Asked(Asked<'l>),
}

/// A request to a web server, and the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'l> {
    /// Which of several hosts, where the line begins with that.
    pub host: Option<&'l str>,
    /// What he sent, or whatever it was that was no request: `GET /x?y HTTP/1.1`.
    pub request: &'l str,
    /// The answer (RFC 9110 §15).
    pub status: u16,
    /// Whether a page led him there, as he says himself.
    pub is_led: bool,
}

impl<'l> Asked<'l> {
    /// What for, with whatever stands before and behind the path (RFC 9112 §3).
    #[must_use]
    pub fn target(&self) -> &'l str {
        self.parts().1
    }

    /// How: `GET`.
    #[must_use]
    pub fn method(&self) -> &'l str {
        self.parts().0
    }

    /// nginx takes any number of spaces between them, and writes them all.
    fn parts(&self) -> (&'l str, &'l str) {
        let request = self.request.trim_start_matches(' ');
        let Some((method, rest)) = request.split_once(' ') else { return ("", request) };
        let rest = rest.trim_start_matches(' ');
        let target = rest.rsplit_once(" HTTP/").map_or(rest, |(target, _)| target);
        (method, target.trim_end_matches(' '))
    }
}

/// Reads what `program` wrote, without its header.
#[must_use]
pub fn read(program: Program, message: &str) -> Reading<'_> {
    if message.len() > LINE_BYTES_MAX {
        return Reading::Ambiguous;
    }
    match program {
        Program::Sshd => sshd::read(message),
        Program::Postfix => postfix::read(message),
        Program::Dovecot => dovecot::read(message),
        Program::Vsftpd => vsftpd::read(message),
        Program::Nginx => nginx::read(message),
        Program::Access => access::read(message),
    }
}

/// Reads the beginning of a longer line, whose end a stranger chose: what web servers write of a request stands before whatever else he
/// sent, and of any other line it could be read two ways.
#[must_use]
pub fn read_beginning(program: Program, beginning: &str) -> Reading<'_> {
    match program {
        Program::Access => match access::read(beginning) {
            Reading::Nothing => Reading::Ambiguous,
            reading => reading,
        },
        _ => Reading::Ambiguous,
    }
}

impl<'l> Reading<'l> {
    /// Of somebody at a place that was read once.
    const fn of(source: IpAddr, deed: Deed<'l>, user: Option<&'l str>, port: Option<u16>) -> Self {
        Self::Attempt(Attempt { source, deed, user, port })
    }
}

#[cfg(test)]
mod tests;
