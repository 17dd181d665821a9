//! What the lines of one log are, so that a line that looks like another program's is none of its (A19).
//!
//! nginx writes into its errors what it was asked for as it is, also the end of a line: so anybody writes whole lines there, in
//! whatever form. In its log of requests, as in Apache's, what others sent is escaped.

use super::Program;

/// What the lines of a log are, by those that were understood so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Nobody knows yet.
    #[default]
    Open,
    /// Of each request one, in the format called combined.
    Requests,
    /// What nginx writes of errors.
    Errors,
    /// What other programs write, by themselves or by syslog.
    Others,
}

impl Form {
    const fn of(program: Program) -> Self {
        match program {
            Program::Access => Self::Requests,
            Program::Nginx => Self::Errors,
            Program::Sshd | Program::Postfix | Program::Dovecot | Program::Vsftpd => Self::Others,
        }
    }

    /// Whether the next line of the log, which looks like one of `program`, is one of its lines: the first that is understood
    /// decides, and one of errors from then on, as what follows it may be a stranger's.
    pub fn admits(&mut self, program: Program) -> bool {
        let of = Self::of(program);
        if *self == Self::Open || of == Self::Errors {
            *self = of;
        }
        *self == of
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that count.
    fn admitted(programs: &[Program]) -> alloc::vec::Vec<Program> {
        let mut form = Form::default();
        programs.iter().copied().filter(|program| form.admits(*program)).collect()
    }

    #[test]
    fn lines_of_another_form_than_the_first_are_nobodys() {
        use Program::{Access, Dovecot, Nginx, Sshd};
        assert_eq!(admitted(&[Access, Access, Sshd]), [Access, Access]);
        assert_eq!(admitted(&[Sshd, Access, Dovecot]), [Sshd, Dovecot]);
        assert_eq!(admitted(&[Nginx, Access, Sshd, Nginx]), [Nginx, Nginx]);
    }

    #[test]
    fn where_nginx_writes_errors_no_line_is_of_another_program_any_more() {
        use Program::{Access, Nginx, Sshd};
        assert_eq!(admitted(&[Access, Nginx, Access]), [Access, Nginx]);
        assert_eq!(admitted(&[Sshd, Nginx, Sshd]), [Sshd, Nginx]);
    }
}
