//! Asks whether whoever applied a change is still here, until the kernel takes it back (A15).

use std::{
    io::{self, Read as _, Write as _},
    time::{Duration, Instant},
};

use portreeve_core::{
    text,
    words::{Lang, Words},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    termios::{QueueSelector, tcflush},
};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Somebody pressed Enter.
    Here,
    /// Nobody did.
    Silence,
}

/// Waits for a line of the terminal, and counts the seconds down.
///
/// # Errors
///
/// The terminal cannot be read.
pub(super) fn ask(length: Duration, lang: Lang) -> io::Result<Answer> {
    let mut stdin = io::stdin().lock();
    // What was typed before says nothing.
    tcflush(&stdin, QueueSelector::IFlush)?;
    let ends = Instant::now() + length;
    let answer = loop {
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break Answer::Silence;
        }
        tell(left, lang)?;
        if is_ready(&stdin, left.min(Duration::from_secs(1)))? {
            let mut typed = [0; 256];
            match stdin.read(&mut typed)? {
                // The terminal is gone, or was closed by hand.
                0 => break Answer::Silence,
                read if typed[..read].contains(&b'\n') => break Answer::Here,
                _ => {}
            }
        }
    };
    writeln!(io::stderr())?;
    Ok(answer)
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

fn is_ready(stdin: &io::StdinLock<'_>, wait: Duration) -> io::Result<bool> {
    let wait = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: wait.subsec_nanos().into() };
    match poll(&mut [PollFd::new(stdin, PollFlags::IN)], Some(&wait)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
