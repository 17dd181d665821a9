//! Gives bytes to the readers of files that tell how a process came to run: units, crontabs, sessions.

use portreeve_core::{activation, facts::Line};
use portreeve_host::observe::origins::{
    crontab::{self, Table},
    session, unit_file,
};

/// What is read is no longer than what was there.
pub(crate) fn feed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let assignments = unit_file::assignments(&text);
    assert!(assignments.iter().map(|one| one.key.len() + one.value.len()).sum::<usize>() <= 2 * text.len());
    assert!(assignments.windows(2).all(|pair| pair[0].number < pair[1].number));
    for table in [Table::System, Table::User("dev")] {
        let jobs = crontab::read(&text, "/etc/crontab", table);
        assert!(jobs.iter().map(|job| job.command.len()).sum::<usize>() <= text.len());
    }
    let user = session::read(&text).user;
    assert!(user.is_none_or(|user| text.contains(&user)));
    for line in text.lines() {
        let line = Line { path: String::new(), number: 1, text: line.to_owned() };
        // Whatever it asks for, it must say so in digits.
        let port = activation::port_of(&line);
        assert!(port.is_none() || line.text.contains(|digit: char| digit.is_ascii_digit()));
    }
}
