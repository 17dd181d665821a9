//! The journal, followed by way of a child `journalctl(1)`, which is started again when it ends.

pub mod line;

use std::{
    fs, io,
    io::Read as _,
    os::fd::{AsFd as _, BorrowedFd},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use jiff::Timestamp;
use portreeve_core::logs::journal::Entry;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use self::line::{Line, read};
use super::files::{Left, lines::Lines};
use crate::program::{find, search_path};

const PROGRAM: &str = "journalctl";
/// Where the journal is, on the disk or until the next boot (systemd-journald.service(8)).
const FOLDERS: [&str; 2] = ["/var/log/journal", "/run/log/journal"];
/// The file of the system's own lines, which users without leave cannot read.
const SYSTEM: &str = "system.journal";
/// Machines whose journals are here.
const MACHINES_MAX: usize = 256;
/// Fields that are printed; a cursor and times are printed in any case.
const FIELDS: &str = "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,_UID,_PID";
/// A line of JSON: without `--all` a field has 4 KiB, each byte of which six letters or four digits may stand for.
const LINE_BYTES_MAX: usize = 160 << 10;
/// What is read before others have their turn.
const TURN_BYTES: usize = 256 << 10;
const BUFFER_BYTES: usize = 64 << 10;
/// A cursor has some two hundred (sd_journal_get_cursor(3)).
pub const CURSOR_BYTES_MAX: usize = 1_024;
/// It is started again after so long, and after twice as long where it has read nothing meanwhile.
const PAUSE_SHORTEST: Duration = Duration::from_secs(1);
const PAUSE_LONGEST: Duration = Duration::from_secs(60);
/// By then it has ended three times without a line.
const PAUSE_HOPELESS: Duration = Duration::from_secs(4);

/// Something that became known of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'t> {
    /// A line.
    Line {
        /// It, and who wrote it.
        entry: Entry<'t>,
        /// When journald had it.
        at: Timestamp,
    },
    /// Nobody will read some of it.
    Lost,
}

/// Where reading goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// After the line with this cursor.
    Cursor(String),
    /// With the first line that journald had then or later.
    Moment(Timestamp),
}

/// A journal that is followed; its child ends with it.
#[derive(Debug)]
pub struct Journal {
    matches: Vec<String>,
    since: Since,
    running: Option<Running>,
    /// When it is started again, where it does not run.
    again: Instant,
    pause: Duration,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    output: ChildStdout,
    lines: Lines,
    has_told: bool,
}

/// Whether there is a journal, and this process may read what is the system's in it.
#[must_use]
pub fn is_readable() -> bool {
    let has_system = |machine: fs::DirEntry| fs::File::open(machine.path().join(SYSTEM)).is_ok();
    let machines = |folder: &str| fs::read_dir(folder).into_iter().flatten().take(MACHINES_MAX).flatten();
    find(PROGRAM).is_some() && FOLDERS.into_iter().any(|folder| machines(folder).any(has_system))
}

impl Journal {
    /// Follows what any of `matches` is true of: `_SYSTEMD_UNIT=ssh.service`.
    #[must_use]
    pub fn open(matches: Vec<String>, since: Since) -> Self {
        let now = Instant::now();
        let buffer = vec![0; BUFFER_BYTES];
        let mut own = Self { matches, since, running: None, again: now, pause: PAUSE_SHORTEST, buffer };
        own.start(now);
        own
    }

    /// Readable when something was written; `None` while its child does not run.
    #[must_use]
    pub fn source(&self) -> Option<BorrowedFd<'_>> {
        self.running.as_ref().map(|running| running.output.as_fd())
    }

    /// Whether its child runs, or has ended a moment ago and is started again.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.running.is_some() || self.pause <= PAUSE_HOPELESS
    }

    /// What is followed.
    #[must_use]
    pub fn matches(&self) -> &[String] {
        &self.matches
    }

    /// Where reading would go on after a restart.
    #[must_use]
    pub const fn since(&self) -> &Since {
        &self.since
    }

    /// Gives what is new to `each`; what is too much for once comes with the next call.
    pub fn read(&mut self, mut each: impl FnMut(Told<'_>)) -> Left {
        let now = Instant::now();
        if self.running.is_none() && now >= self.again {
            self.start(now);
        }
        let Some(running) = &mut self.running else { return Left::Nothing };
        let mut left = TURN_BYTES;
        while left > 0 {
            let count = match running.output.read(&mut self.buffer) {
                Ok(count) if count > 0 => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Left::Nothing,
                _ => {
                    self.ended(now, &mut each);
                    return Left::Nothing;
                }
            };
            left = left.saturating_sub(count);
            let (since, has_told) = (&mut self.since, &mut running.has_told);
            running.lines.take(&self.buffer[..count], |line, is_cut| {
                *has_told |= tell(line, is_cut, since, &mut each);
            });
        }
        Left::More
    }

    fn start(&mut self, now: Instant) {
        match Running::start(&self.matches, &self.since) {
            Ok(running) => self.running = Some(running),
            Err(_) => self.rest(now),
        }
    }

    /// It is started again later, from another place where this one is of no use.
    fn ended(&mut self, now: Instant, each: &mut impl FnMut(Told<'_>)) {
        let Some(mut running) = self.running.take() else { return };
        running.end();
        if running.has_told {
            self.pause = PAUSE_SHORTEST;
        } else if matches!(self.since, Since::Cursor(_)) && self.pause >= PAUSE_HOPELESS {
            // It cannot be read from there, since that journal is not there any more.
            self.since = Since::Moment(moment());
            each(Told::Lost);
        }
        self.rest(now);
    }

    fn rest(&mut self, now: Instant) {
        self.again = now + self.pause;
        self.pause = (self.pause * 2).min(PAUSE_LONGEST);
    }
}

impl Running {
    /// When we are gone, however that was, its output is closed, and it ends by that (journalctl.c, `wait_for_change`).
    fn start(matches: &[String], since: &Since) -> io::Result<Self> {
        let path = find(PROGRAM).ok_or(io::ErrorKind::NotFound)?;
        let mut command = Command::new(path);
        command.args([
            "--output=json",
            "--follow",
            "--no-tail",
            "--no-pager",
            "--quiet",
            "--boot=all",
            FIELDS,
        ]);
        command.arg(match since {
            Since::Cursor(cursor) => format!("--after-cursor={cursor}"),
            Since::Moment(moment) => format!("--since=@{}", moment.as_second()),
        });
        for (place, one) in matches.iter().enumerate() {
            // Matches of different fields are all to be true, unless it is said that one is enough.
            command.args((place > 0).then_some("+")).arg(one);
        }
        command.env_clear().env("LC_ALL", "C").env("PATH", search_path()).current_dir(Path::new("/"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let running = Self { child, output, lines: Lines::of(LINE_BYTES_MAX), has_told: false };
        let flags = fcntl_getfl(&running.output)?;
        fcntl_setfl(&running.output, flags | OFlags::NONBLOCK)?;
        Ok(running)
    }

    fn end(&mut self) {
        // Whoever has ended cannot be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The moment, as far as a journal is asked for it.
fn moment() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).ok();
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default()
}

/// Tells a line of JSON; whether it was one.
fn tell(text: &[u8], is_cut: bool, since: &mut Since, each: &mut impl FnMut(Told<'_>)) -> bool {
    let line: Option<Line<'_>> = if is_cut { None } else { read(text) };
    let Some(line) = line else {
        each(Told::Lost);
        return false;
    };
    if line.cursor.len() <= CURSOR_BYTES_MAX {
        *since = Since::Cursor(line.cursor.clone().into_owned());
    }
    each(Told::Line { entry: line.entry(), at: line.at });
    true
}

#[cfg(test)]
mod tests;
