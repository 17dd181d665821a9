//! Asks whether whoever applied a change is still here, until the kernel takes it back (A15).

use std::{
    io::{self, Write as _},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use portreeve_core::{
    text,
    words::{Lang, Words},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, read},
    termios::{QueueSelector, tcflush},
};
use signal_hook::{consts::SIGINT, low_level::pipe};

/// What takes the change back at once, typed in place of Enter.
const BACK: [&str; 4] = ["n", "no", "undo", "portreeve undo"];
/// Bytes of a line that are kept: more than any of those.
const LINE_BYTES_MAX: usize = 64;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Somebody pressed Enter, and nothing else.
    Here,
    /// Somebody wants it taken back at once.
    Back,
    /// Somebody stopped the countdown, or his terminal is gone, and the trial goes on.
    Stopped,
    /// Nobody said anything in time.
    Silence,
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Enter,
    Back,
    /// Something that was perhaps meant for a shell.
    Other,
}

/// The line that is being typed, as far as the terminal handed it over.
#[derive(Debug, Default)]
struct Line(Vec<u8>);

impl Line {
    /// What the first line says that ends in `typed`.
    fn heard(&mut self, typed: &[u8]) -> Option<Heard> {
        let end = typed.iter().position(|byte| *byte == b'\n');
        let room = LINE_BYTES_MAX - self.0.len();
        self.0.extend(typed[..end.unwrap_or(typed.len())].iter().take(room));
        end?;
        let line = std::mem::take(&mut self.0);
        Some(match line.trim_ascii() {
            _ if line.is_empty() => Heard::Enter,
            word if BACK.iter().any(|back| word.eq_ignore_ascii_case(back.as_bytes())) => Heard::Back,
            _ => Heard::Other,
        })
    }
}

/// What happened first.
enum Woken {
    Time,
    Signal,
    Typed,
}

/// Waits for a line of the terminal or for Ctrl-C, and counts the seconds down.
///
/// # Errors
///
/// The terminal cannot be read.
pub(super) fn ask(length: Duration, lang: Lang) -> io::Result<Answer> {
    let stdin = io::stdin().lock();
    let (signals, write) = UnixStream::pair()?;
    pipe::register(SIGINT, write)?;
    // What was typed before says nothing.
    tcflush(&stdin, QueueSelector::IFlush)?;
    let ends = Instant::now() + length;
    let mut line = Line::default();
    let answer = loop {
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break Answer::Silence;
        }
        tell(left, lang)?;
        match wait(&stdin, &signals, left.min(Duration::from_secs(1)))? {
            Woken::Time => continue,
            Woken::Signal => break Answer::Stopped,
            Woken::Typed => {}
        }
        // A terminal hands over one line at a time (termios(3), "Canonical and noncanonical mode").
        let mut typed = [0; 4096];
        let length = read(&stdin, &mut typed)?;
        match line.heard(&typed[..length]) {
            // The terminal is gone, or was closed by hand: the kernel waits all the same.
            None if length == 0 => break Answer::Stopped,
            Some(Heard::Enter) => break Answer::Here,
            Some(Heard::Back) => break Answer::Back,
            Some(Heard::Other) => tell_how(lang)?,
            None => {}
        }
    };
    writeln!(io::stderr())?;
    Ok(answer)
}

fn tell_how(lang: Lang) -> io::Result<()> {
    let how = Words {
        en: "only Enter alone keeps the change; n takes it back at once",
        ja: "何も入力せずに Enter キーを押した場合だけ確定します。直ちに元に戻すには n を入力してください",
    };
    writeln!(io::stderr(), "{}", how.in_lang(lang))
}

fn tell(left: Duration, lang: Lang) -> io::Result<()> {
    let seconds = left.as_secs_f64().ceil();
    let question = Words {
        en: "still here? press Enter to keep it; silence takes it back",
        ja: "接続は続いていますか? Enter キーで確定します。何もしなければ元に戻ります",
    };
    let question = question.in_lang(lang);
    let left = text!("{seconds:>3} s", "残り {seconds:>3} 秒");
    let mut err = io::stderr();
    write!(err, "\r{}  {question} ", left.in_lang(lang))?;
    err.flush()
}

fn wait(stdin: &io::StdinLock<'_>, signals: &UnixStream, time: Duration) -> io::Result<Woken> {
    let time = Timespec { tv_sec: time.as_secs().cast_signed(), tv_nsec: time.subsec_nanos().into() };
    let mut both = [PollFd::new(signals, PollFlags::IN), PollFd::new(stdin, PollFlags::IN)];
    match poll(&mut both, Some(&time)) {
        Ok(_) if !both[0].revents().is_empty() => Ok(Woken::Signal),
        Ok(_) if !both[1].revents().is_empty() => Ok(Woken::Typed),
        // The signal is in the pipe by the next time.
        Ok(_) | Err(Errno::INTR) => Ok(Woken::Time),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_empty_line_keeps_a_change() {
        for (typed, heard) in [
            ("\n", Some(Heard::Enter)),
            ("n\n", Some(Heard::Back)),
            (" No \n", Some(Heard::Back)),
            ("portreeve undo\n", Some(Heard::Back)),
            ("y\n", Some(Heard::Other)),
            (" \n", Some(Heard::Other)),
            ("reboot\n\n", Some(Heard::Other)),
            ("n", None),
            ("", None),
        ] {
            assert_eq!(Line::default().heard(typed.as_bytes()), heard, "{typed:?}");
        }
    }

    #[test]
    fn the_end_of_a_line_is_no_empty_line() {
        let mut line = Line::default();
        assert_eq!(line.heard(&[b'n'; 4096]), None);
        assert_eq!(line.heard(b"\n"), Some(Heard::Other));
        assert_eq!(line.heard(b"\n"), Some(Heard::Enter), "the next line is a new one");
    }
}
