//! Who was told of lately, kept so that `why`, `audit` and `watch status` can say so (A19, A20).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use portreeve_core::{
    text,
    watch::{Kind, Suspicion, Watch},
    words::Words,
};
use portreeve_host::keep::{KeepError, Readers, replace_soon};
use serde::{Deserialize, Serialize};

use super::{pulse::Pulse, react::Reacted};
use crate::{
    exit::Exit,
    failure::Failure,
    read::{self, ReadError},
    show::escape::visible,
};

/// The file's name in the folder of the watch.
const NAME: &str = "told.json";
/// The layout that is written and read.
const LAYOUT: u32 = 1;
/// So many are kept, the newest.
const MAX: usize = 512;
/// Bytes of the file: of each there are some numbers and 16 lines of 200 bytes, each of which may be six as JSON.
const BYTES_MAX: usize = 16 << 20;

/// Who was told of, the one of longest ago first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Told {
    /// When that was written.
    pub(crate) at: Timestamp,
    /// Each of them.
    pub(crate) all: Vec<Reacted>,
    /// The services of which no log is read, though they write one.
    #[serde(default)]
    pub(crate) unread: Vec<String>,
    /// Of those that have a log of which no line is understood: its file.
    #[serde(default)]
    pub(crate) not_understood: BTreeMap<String, String>,
    /// How the watch was then.
    #[serde(default)]
    pub(crate) pulse: Pulse,
}

#[derive(Serialize, Deserialize)]
struct Record {
    layout: u32,
    #[serde(flatten)]
    told: Told,
}

/// Why it is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToldError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ReadError,
    },
    /// It holds something else, or a newer portreeve wrote it.
    #[error("{} is not of this portreeve", path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
    },
}

impl Told {
    /// What is kept in `folder`; nobody where nothing is.
    ///
    /// # Errors
    ///
    /// Something is, and cannot be told.
    pub(crate) fn read(folder: &Path) -> Result<Self, ToldError> {
        let path = folder.join(NAME);
        let bytes = match read::file(&path, BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(Self::default()),
            Err(source) => return Err(ToldError::Read { path, source }),
        };
        match serde_json::from_slice(&bytes) {
            Ok(Record { layout: LAYOUT, told }) if told.all.len() <= MAX => Ok(told),
            _ => Err(ToldError::Garbled { path }),
        }
    }

    /// Whether anybody ever watched here.
    pub(crate) fn is_of_somebody(&self) -> bool {
        self.at != Timestamp::default()
    }

    /// Those whom another watch told of come in, in the order in which all were.
    pub(super) fn take_in(&mut self, theirs: Self) {
        let is_there = |one: &Reacted, all: &[Reacted]| all.iter().any(|other| is_same(one, other));
        let new: Vec<_> = theirs.all.into_iter().filter(|one| !is_there(one, &self.all)).collect();
        self.all.extend(new);
        self.all.sort_by_key(|told| told.suspicion.at);
        self.all.drain(..self.all.len().saturating_sub(MAX));
    }

    /// One more was told of.
    pub(super) fn add(&mut self, reacted: Reacted) {
        if self.all.len() >= MAX {
            self.all.remove(0);
        }
        self.all.push(reacted);
    }

    /// Keeps it in `folder`, each as `watch` knows him by now.
    pub(super) fn write(&mut self, folder: &Path, watch: &Watch, now: Timestamp) -> Result<(), KeepError> {
        self.at = now;
        self.all.iter_mut().for_each(|told| goes_on(told, watch));
        let path = folder.join(NAME);
        let record = Record { layout: LAYOUT, told: self.clone() };
        let bytes = serde_json::to_vec(&record)
            .map_err(|error| KeepError::Write { path: path.clone(), source: error.into() })?;
        replace_soon(&path, &bytes, Readers::Owner)
    }
}

/// Whether both are the same line.
fn is_same(one: &Reacted, other: &Reacted) -> bool {
    let line = |Reacted { suspicion, .. }: &Reacted| (suspicion.source, suspicion.kind, suspicion.at);
    line(one) == line(other)
}

/// He may have touched more since.
fn goes_on(told: &mut Reacted, watch: &Watch) {
    let own = &mut told.suspicion;
    let by_now = watch.suspect(own.source, own.at).filter(|_| own.kind == Kind::PortScan);
    if let Some(by_now) = by_now.filter(|by_now| by_now.first == own.first) {
        // What was done about him was for what was known of him then.
        *own = Suspicion { confidence: own.confidence, ..by_now };
    }
}

/// The same as the end of a command.
pub(crate) fn failure(error: &ToldError, what: Words) -> Failure {
    let path = |path: &Path| visible(&path.display().to_string()).into_owned();
    let failure = Failure::new(Exit::Unreachable, what);
    match error {
        ToldError::Read { path: file, source } => {
            let path = path(file);
            let because = text!("{path} cannot be read", "{path} を読み取れません");
            failure.because(because).because(source.text())
        }
        ToldError::Garbled { path: file } => {
            let path = path(file);
            let because = text!(
                "{path} is not of this portreeve",
                "{path} は、この portreeve が書いたものではありません"
            );
            failure
                .because(because)
                .hint(text!("have it begun anew: rm {path}", "破棄してください: rm {path}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use portreeve_core::watch::{Confidence, Mercy, Reaction, Source};

    use super::*;

    fn one(last: u8, second: i64) -> Reacted {
        let at = Timestamp::from_second(second).unwrap();
        let suspicion = Suspicion {
            at,
            source: Source::of([203, 0, 113, last].into()),
            kind: Kind::PortScan,
            confidence: Confidence::Unproven,
            score: 0,
            first: at,
            last: at,
            contacts: 4,
            ports: Vec::new(),
            service: None,
            users: 0,
            welcomed: 0,
            group: None,
        };
        let reaction = Reaction::Spare(Mercy::Unproven);
        Reacted { suspicion, reaction, sessions_ended: 0, traces: Vec::new() }
    }

    #[test]
    fn whom_another_watch_told_of_is_kept_once_and_in_order() {
        let mut own = Told { all: vec![one(1, 1), one(2, 5)], ..Told::default() };
        own.take_in(Told { all: vec![one(1, 1), one(3, 3), one(1, 9)], ..Told::default() });
        let seconds: Vec<_> = own.all.iter().map(|told| told.suspicion.at.as_second()).collect();
        assert_eq!(seconds, [1, 3, 5, 9]);
        own.take_in(Told { all: (10..).map(|second| one(4, second)).take(MAX).collect(), ..Told::default() });
        assert_eq!((own.all.len(), own.all[0].suspicion.at.as_second()), (MAX, 10), "the newest");
    }
}
