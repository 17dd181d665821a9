//! Gives lines to the readers of what services write: whoever asks them chooses much of it.

use portreeve_core::logs::{Attempt, LINE_BYTES_MAX, Program, Reading, header, read};

const PROGRAMS: [Program; 6] =
    [Program::Sshd, Program::Postfix, Program::Dovecot, Program::Vsftpd, Program::Nginx, Program::Access];

/// Whatever is told of stands in the line.
pub(crate) fn feed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        if let Some(header) = header::split(line) {
            assert!(line.contains(header.message));
            assert!(header.stamp.is_none_or(|stamp| stamp.moment(Default::default()).is_none_or(|_| true)));
        }
        for program in PROGRAMS {
            match read(program, line) {
                Reading::Attempt(Attempt { user, .. }) => {
                    assert!(line.len() <= LINE_BYTES_MAX && user.is_none_or(|user| line.contains(user)));
                }
                Reading::Ambiguous | Reading::Nothing => {}
            }
        }
    }
}
