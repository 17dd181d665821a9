//! What became of names in a directory, in order (inotify(7)), and which files bore one of them meanwhile.

use std::{
    ffi::{OsStr, OsString},
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
};

use rustix::{
    fs::inotify::{Event, ReadFlags, Reader},
    io::Errno,
};

/// Events that are taken at once; what is left comes with the next look.
const EVENTS_MAX: usize = 8_192;
const BUFFER_BYTES: usize = 32 << 10;

/// What became of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Something has it that was not here before.
    Came(OsString),
    /// What had the first name has the second.
    Renamed(OsString, OsString),
    /// Nothing has it any more.
    Gone(OsString),
}

/// What was told since the last look.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// What became of names, by the directory's watch.
    pub(super) names: Vec<(i32, Change)>,
    /// The watches of which something was told.
    pub(super) watches: Vec<i32>,
    /// Whether some of it was not told, or there is more.
    pub(super) is_partial: bool,
    /// Where in `names` something went, and by which cookie it may come again.
    went: Vec<(u32, usize)>,
}

impl Changes {
    /// All that is told until now.
    pub(super) fn read(inotify: &OwnedFd) -> Self {
        let mut changes = Self::default();
        let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
        let mut reader = Reader::new(inotify, &mut buffer);
        for count in 0.. {
            if count >= EVENTS_MAX && reader.is_buffer_empty() {
                changes.is_partial = true;
                break;
            }
            match reader.next() {
                Ok(event) => changes.add(&event),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => {
                    changes.is_partial = true;
                    break;
                }
            }
        }
        changes.watches.sort_unstable();
        changes.watches.dedup();
        changes
    }

    /// What became of names in the directory with this watch.
    pub(super) fn of(&self, watch: i32) -> impl Iterator<Item = &Change> {
        self.names.iter().filter(move |(of, _)| *of == watch).map(|(_, change)| change)
    }

    fn add(&mut self, event: &Event<'_>) {
        let told = event.events();
        if told.contains(ReadFlags::QUEUE_OVERFLOW) {
            self.is_partial = true;
            return;
        }
        // A file that is written to tells of it again and again.
        if self.watches.last() != Some(&event.wd()) {
            self.watches.push(event.wd());
        }
        let Some(name) = event.file_name() else { return };
        let name = OsStr::from_bytes(name.to_bytes()).to_owned();
        self.name(event.wd(), told, event.cookie(), name);
    }

    fn name(&mut self, watch: i32, told: ReadFlags, cookie: u32, name: OsString) {
        if told.contains(ReadFlags::MOVED_FROM) {
            self.went.push((cookie, self.names.len()));
            self.names.push((watch, Change::Gone(name)));
        } else if told.contains(ReadFlags::DELETE) {
            self.names.push((watch, Change::Gone(name)));
        } else if told.contains(ReadFlags::CREATE) {
            self.names.push((watch, Change::Came(name)));
        } else if told.contains(ReadFlags::MOVED_TO) {
            self.arrives(watch, cookie, name);
        }
    }

    fn arrives(&mut self, watch: i32, cookie: u32, name: OsString) {
        let went = self.went.iter().rev().find(|(of, _)| *of == cookie).map(|(_, at)| *at);
        let from = went.and_then(|at| self.names.get_mut(at)).filter(|(of, _)| *of == watch);
        match from {
            Some((_, change)) => {
                if let Change::Gone(from) = &*change {
                    *change = Change::Renamed(from.clone(), name);
                }
            }
            None => self.names.push((watch, Change::Came(name))),
        }
    }
}

/// What the files are called now that bore `name` while this became of names, the oldest first; what is gone is not among them.
pub(super) fn bearers<'c>(name: &OsStr, changes: impl Iterator<Item = &'c Change>) -> Vec<OsString> {
    let mut bearers: Vec<OsString> = Vec::new();
    for change in changes {
        match change {
            Change::Came(new) => {
                bearers.retain(|bearer| bearer != new);
                if new == name {
                    bearers.push(new.clone());
                }
            }
            Change::Gone(old) => bearers.retain(|bearer| bearer != old),
            Change::Renamed(old, new) => {
                bearers.retain(|bearer| bearer != new);
                match bearers.iter_mut().find(|bearer| *bearer == old) {
                    Some(bearer) => bearer.clone_from(new),
                    None if old == name || new == name => bearers.push(new.clone()),
                    None => {}
                }
            }
        }
    }
    bearers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(from: &str, to: &str) -> Change {
        Change::Renamed(from.into(), to.into())
    }

    fn came(name: &str) -> Change {
        Change::Came(name.into())
    }

    fn gone(name: &str) -> Change {
        Change::Gone(name.into())
    }

    fn told(changes: &[Change]) -> Vec<OsString> {
        bearers(OsStr::new("log"), changes.iter())
    }

    #[test]
    fn every_file_that_bore_the_name_is_known_by_its_last_one() {
        assert_eq!(told(&[renamed("log", "log.1"), came("log")]), ["log.1", "log"]);
        let twice = [
            renamed("log.1", "log.2"),
            renamed("log", "log.1"),
            came("log"),
            renamed("log.1", "log.2"),
            renamed("log", "log.1"),
            came("log"),
        ];
        assert_eq!(told(&twice), ["log.2", "log.1", "log"]);
        assert_eq!(told(&[renamed("new", "log")]), ["log"], "a file that was made ready elsewhere");
        assert_eq!(told(&[gone("log"), came("log"), came("other")]), ["log"]);
        assert_eq!(told(&[came("log"), gone("log")]), [""; 0]);
        assert_eq!(told(&[renamed("log", "log.1"), came("log"), renamed("log", "log.1")]), ["log.1"]);
    }

    #[test]
    fn what_went_and_came_by_one_cookie_was_renamed() {
        let mut changes = Changes::default();
        let (from, to) = (ReadFlags::MOVED_FROM, ReadFlags::MOVED_TO);
        changes.name(1, from, 7, "log".into());
        changes.name(1, ReadFlags::CREATE, 0, "log".into());
        changes.name(1, to, 7, "log.1".into());
        changes.name(1, to, 8, "log".into());
        changes.name(2, to, 7, "log".into());
        assert!(changes.of(1).eq(&[renamed("log", "log.1"), came("log"), came("log")]));
        assert!(changes.of(2).eq(&[came("log")]), "it came out of another directory");
    }
}
