//! The logs of the services that the policy declares, while they are written (A19).

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd as _, BorrowedFd},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::{
    logs::{Form, Header, header, journal::Accounts},
    policy::{LogPlace, Policy},
    watch::logs::{Here, Log, Logs, Understanding},
};
use portreeve_host::{
    events::{
        files::{self, Files, Left, Position, Refused},
        journal::{self, Journal, Since},
    },
    keep::KeepError,
    passwd,
};

use super::kept::{Kept, KeptError};

/// So often it is written down how far logs were read.
const KEEP_EACH: Duration = Duration::from_secs(1);
/// And so often that nothing was read meanwhile.
const KEEP_QUIET: Duration = Duration::from_secs(60);
/// A line that does not say when within this time it was written may as well be one of now: nobody has ten minutes to try in.
const SHORT: SignedDuration = SignedDuration::from_mins(10);
/// Whatever journald had before this was told before, where more is asked of it from now on.
const TOLD: SignedDuration = SignedDuration::from_secs(2);
/// By then all is told that was there before.
const CHANGING: Duration = Duration::from_secs(5);

/// A line of a service's log.
pub(super) struct Spoken<'l> {
    /// Whose.
    pub(super) service: &'l str,
    /// What.
    pub(super) header: Header<'l>,
    /// Whether some of it was cut off.
    pub(super) is_cut: bool,
    /// When it was written, where that was before anybody read here; else it is now.
    pub(super) at: Option<Timestamp>,
}

/// Something that became known.
pub(super) enum Told<'l> {
    /// A line.
    Spoken(Spoken<'l>),
    /// Nobody will read some of a log: so many bytes, as far as that is known.
    Lost(Lost),
}

/// What nobody will read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Of which file; `None` of the journal.
    pub(crate) file: Option<PathBuf>,
    /// Bytes.
    pub(crate) bytes: Option<u64>,
}

/// Why a service's log is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// None was found.
    NoLog,
    /// There is no journal, or it may not be read.
    NoJournal,
    /// The kernel tells of no files.
    Closed(io::ErrorKind),
    /// It is not read: this file.
    File(PathBuf, Refused),
    /// There are more logs than are followed.
    TooMany(PathBuf),
    /// nginx writes errors there, and whoever asks it whole lines with them: this file, or the journal's lines of a unit.
    Errors(Option<PathBuf>),
    /// No line of this file is understood.
    NotUnderstood(PathBuf),
}

/// How a service is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// By the journal.
    Journal,
    /// By a file.
    File,
    /// Not.
    Unread(Unread),
}

/// What is followed.
pub(super) struct Followed {
    logs: Logs,
    /// What the lines of each are.
    forms: Vec<Form>,
    /// Whether they are understood.
    understood: Vec<Understanding>,
    /// The files, each with its place among the logs.
    places: Vec<(PathBuf, usize)>,
    files: Result<Files, io::ErrorKind>,
    journal: Option<Journal>,
    has_journal: bool,
    accounts: Accounts,
    began: Timestamp,
    /// Since when more is asked of the journal than before.
    changed: Option<(Instant, Timestamp)>,
    kept: Keeping,
}

/// How far logs were read, and where that is written down.
struct Keeping {
    folder: Option<PathBuf>,
    before: Kept,
    written: Instant,
    /// What was written last.
    last: Option<Kept>,
    /// Why that is not known any more, or after this.
    trouble: Option<Trouble>,
}

/// Why reading does not go on where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// What was kept is broken.
    Broken(PathBuf),
    /// It cannot be kept there.
    Unkept(PathBuf),
}

impl Followed {
    /// Follows the logs of `policy`, from where they were read before as `folder` has it.
    ///
    /// # Errors
    ///
    /// A newer portreeve wrote what is there.
    pub(super) fn open(
        policy: Option<&Policy>,
        folder: Option<PathBuf>,
        now: Timestamp,
    ) -> Result<Self, (PathBuf, u32)> {
        let (before, trouble) = match folder.as_deref().map(|folder| Kept::read(folder, now)) {
            Some(Ok(Some(kept))) => (kept, None),
            Some(Err(KeptError::Newer(path, layout))) => return Err((path, layout)),
            Some(Err(KeptError::Broken(path))) => (at(now), Some(Trouble::Broken(path))),
            _ => (at(now), None),
        };
        let mut own = Self {
            logs: Logs::default(),
            forms: Vec::new(),
            understood: Vec::new(),
            places: Vec::new(),
            files: Files::open().map_err(|error| error.kind()),
            journal: None,
            has_journal: journal::is_readable(),
            accounts: Accounts { postfix: passwd::number("postfix") },
            began: now,
            changed: None,
            kept: Keeping { folder, before, written: Instant::now(), last: None, trouble },
        };
        own.change(policy, now);
        Ok(own)
    }

    /// When reading was interrupted: what was written since then is news.
    pub(super) fn since(&self) -> Timestamp {
        self.kept.before.at.min(self.began)
    }

    /// Follows the logs of `policy` from now on, as they are by now.
    pub(super) fn change(&mut self, policy: Option<&Policy>, now: Timestamp) {
        self.has_journal = self.has_journal || journal::is_readable();
        let here = Here { has_journal: self.has_journal, has: &|path| Path::new(path).exists() };
        let logs = policy.map(|policy| Logs::of(policy, here)).unwrap_or_default();
        if logs == self.logs {
            return;
        }
        self.logs = logs;
        self.forms = vec![Form::default(); self.logs.all.len()];
        self.understood = vec![Understanding::default(); self.logs.all.len()];
        let files = self.logs.all.iter().enumerate().filter_map(|(place, log)| match &log.place {
            LogPlace::File(path) => Some((PathBuf::from(path), place)),
            LogPlace::Unit(_) => None,
        });
        self.places = files.collect();
        if let Ok(files) = &mut self.files {
            let paths: Vec<_> = self.places.iter().map(|(path, _)| path.clone()).collect();
            files.follow(&paths, &self.kept.before.files);
            // What is added later begins at its end.
            self.kept.before.files.clear();
        }
        self.change_journal(now);
    }

    fn change_journal(&mut self, now: Timestamp) {
        let matches = self.logs.journal_matches();
        if matches.is_empty() || !self.has_journal {
            self.journal = None;
        } else if self.journal.as_ref().is_none_or(|journal| journal.matches() != matches) {
            let since = self.journal.take().map(|journal| journal.since().clone());
            self.changed = since.as_ref().map(|_| (Instant::now(), now - TOLD));
            self.journal = Some(Journal::open(matches, since.unwrap_or_else(|| self.kept.before.since())));
        }
    }

    /// Each is readable when something was written.
    pub(super) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let files = self.files.as_ref().ok().map(|files| files.as_fd());
        files.into_iter().chain(self.journal.as_ref().and_then(Journal::source))
    }

    /// Gives what is new to `each`; what is too much for once comes with the next call.
    pub(super) fn read(&mut self, mut each: impl FnMut(Told<'_>)) -> Left {
        let files = self.read_files(&mut each);
        let journal = self.read_journal(&mut each);
        if files == Left::More || journal == Left::More { Left::More } else { Left::Nothing }
    }

    fn read_files(&mut self, each: &mut impl FnMut(Told<'_>)) -> Left {
        let since = self.since();
        let (logs, places, began) = (&self.logs.all, &self.places, self.began);
        let (forms, understood) = (&mut self.forms, &mut self.understood);
        let Ok(files) = &mut self.files else { return Left::Nothing };
        files.read(|told| match told {
            files::Told::Line { log, text, is_cut, is_old } => {
                let Some(place) = places.get(log).map(|(_, place)| *place) else { return };
                let known = forms.get_mut(place).zip(understood.get_mut(place));
                if let Some((log, (form, understood))) = logs.get(place).zip(known) {
                    spoken_in((log, form, understood), text, is_cut, is_old.then_some((since, began)), each);
                }
            }
            files::Told::Lost { log, bytes } => {
                let file = places.get(log).map(|(path, _)| path.clone());
                each(Told::Lost(Lost { file, bytes }));
            }
        })
    }

    fn read_journal(&mut self, each: &mut impl FnMut(Told<'_>)) -> Left {
        let (logs, forms, accounts, began) = (&self.logs, &mut self.forms, self.accounts, self.began);
        let changed = self.changed.filter(|(at, _)| at.elapsed() < CHANGING).map(|(_, moment)| moment);
        let Some(journal) = &mut self.journal else { return Left::Nothing };
        journal.read(|told| match told {
            journal::Told::Line { at, .. } if changed.is_some_and(|changed| at < changed) => {}
            journal::Told::Line { entry, at } => {
                if let Some((service, header)) = logs.spoken(&entry, accounts, forms) {
                    let (is_cut, at) = (entry.message.is_none(), (at < began).then_some(at));
                    each(Told::Spoken(Spoken { service, header, is_cut, at }));
                }
            }
            journal::Told::Lost => each(Told::Lost(Lost { file: None, bytes: None })),
        })
    }

    /// How each service that writes logs is seen.
    pub(super) fn standing(&self) -> Vec<(&str, Standing)> {
        let all = self.logs.all.iter().enumerate();
        let read = all.flat_map(|(place, log)| {
            let standing = self.standing_of(place, log);
            log.services().map(move |service| (service, standing.clone()))
        });
        let without = self.logs.without.iter();
        read.chain(without.map(|service| (service.as_str(), Standing::Unread(Unread::NoLog)))).collect()
    }

    fn standing_of(&self, place: usize, log: &Log) -> Standing {
        match &log.place {
            LogPlace::Unit(_) if self.has_errors(place) => Standing::Unread(Unread::Errors(None)),
            LogPlace::Unit(_) if self.journal.as_ref().is_some_and(Journal::runs) => Standing::Journal,
            LogPlace::Unit(_) => Standing::Unread(Unread::NoJournal),
            LogPlace::File(path) => self.unread(place, path.into()).map_or(Standing::File, Standing::Unread),
        }
    }

    fn has_errors(&self, place: usize) -> bool {
        self.forms.get(place) == Some(&Form::Errors)
    }

    /// Why the file at this place is not read, where it is not.
    fn unread(&self, place: usize, path: PathBuf) -> Option<Unread> {
        let files = match &self.files {
            Ok(files) => files,
            Err(kind) => return Some(Unread::Closed(*kind)),
        };
        let number = self.places.iter().position(|(_, of)| *of == place);
        match number.and_then(|number| files.refused().nth(number)) {
            Some((_, None)) if self.has_errors(place) => Some(Unread::Errors(Some(path))),
            Some((_, None)) if self.understood.get(place).is_some_and(|own| own.is_lost()) => {
                Some(Unread::NotUnderstood(path))
            }
            Some((_, None)) => None,
            Some((_, Some(refused))) => Some(Unread::File(path, refused)),
            None => Some(Unread::TooMany(path)),
        }
    }

    /// Why reading does not go on where it was.
    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.kept.trouble.as_ref()
    }

    /// Writes down how far logs were read, where that was some time ago.
    pub(super) fn keep(&mut self, now: Timestamp) {
        if self.kept.written.elapsed() >= KEEP_EACH {
            self.keep_now(now);
        }
    }

    /// The same at once.
    pub(super) fn keep_now(&mut self, now: Timestamp) {
        self.kept.written = Instant::now();
        let cursor = match self.journal.as_ref().map(Journal::since) {
            Some(Since::Cursor(cursor)) => Some(cursor.clone()),
            _ => None,
        };
        let files: BTreeMap<PathBuf, Position> =
            self.files.as_ref().map(Files::positions).unwrap_or_default();
        let kept = Kept { at: now, cursor, files };
        if !self.logs.all.is_empty() {
            self.kept.write(kept);
        }
    }
}

impl Keeping {
    fn write(&mut self, kept: Kept) {
        let is_same = |last: &Kept| {
            (&last.cursor, &last.files) == (&kept.cursor, &kept.files)
                && kept.at.duration_since(last.at).unsigned_abs() < KEEP_QUIET
        };
        if self.last.as_ref().is_some_and(is_same) {
            return;
        }
        let Some(folder) = &self.folder else { return };
        match kept.write(folder) {
            Ok(()) => self.last = Some(kept),
            Err(error) => self.trouble = Some(Trouble::Unkept(KeepError::path(&error).to_owned())),
        }
    }
}

/// Nothing was read before.
fn at(now: Timestamp) -> Kept {
    Kept { at: now, ..Kept::default() }
}

/// Tells a line of a file; one that is `old` was written between these two moments.
fn spoken_in(
    (log, form, understood): (&Log, &mut Form, &mut Understanding),
    text: &[u8],
    is_cut: bool,
    old: Option<(Timestamp, Timestamp)>,
    each: &mut impl FnMut(Told<'_>),
) {
    let text = String::from_utf8_lossy(text);
    let header = header::split(&text);
    if let Some(is_understood) = log.understands(header.as_ref()).filter(|_| !is_cut) {
        understood.hears(is_understood);
    }
    let Some(header) = header else { return };
    let Some(service) = log.speaker(header.program, form) else { return };
    let at = match old.map(|old| moment(&header, old)) {
        None => None,
        Some(Some(at)) => Some(at),
        Some(None) => {
            let LogPlace::File(file) = &log.place else { return };
            return each(Told::Lost(Lost { file: Some(file.into()), bytes: None }));
        }
    };
    each(Told::Spoken(Spoken { service, header, is_cut, at }));
}

/// When a line was written between these two moments; `None` where nobody can tell and it matters: of a clock of which the line does
/// not say the zone.
fn moment(header: &Header<'_>, (since, until): (Timestamp, Timestamp)) -> Option<Timestamp> {
    const SECOND: SignedDuration = SignedDuration::from_secs(1);
    let stamp = header.stamp.and_then(|stamp| stamp.moment(until));
    let told = stamp.filter(|stamp| (since - SECOND..=until + SECOND).contains(stamp));
    told.or_else(|| (until.duration_since(since) <= SHORT).then_some(until))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str, since: &str) -> Option<String> {
        let until: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        moment(&header::split(line).unwrap(), (since.parse().unwrap(), until)).map(|at| at.to_string())
    }

    #[test]
    fn a_line_of_the_time_between_is_of_the_moment_that_it_says() {
        let line = "2026-11-29T09:00:00Z host sshd[1]: a";
        assert_eq!(told(line, "2026-11-29T06:00:00Z").as_deref(), Some("2026-11-29T09:00:00Z"));
        assert_eq!(
            told("Nov 29 09:00:00 h sshd[1]: a", "2026-11-29T06:00:00Z").as_deref(),
            Some("2026-11-29T09:00:00Z")
        );
        // Of a clock that is elsewhere nobody can tell, unless it makes no difference.
        assert_eq!(told("Nov 29 13:00:00 h sshd[1]: a", "2026-11-29T06:00:00Z"), None);
        assert_eq!(
            told("Nov 29 13:00:00 h sshd[1]: a", "2026-11-29T11:55:00Z").as_deref(),
            Some("2026-11-29T12:00:00Z")
        );
    }
}
