//! Whether this watch is the one that writes down what is found: of several that run one does (A19, A20).

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use portreeve_host::watching::writer::{Writer, WriterError};

/// So soon somebody takes the place of one that has ended.
const TRY_EACH: Duration = Duration::from_secs(1);

/// Whoever has it writes.
pub(super) struct Pen {
    folder: Option<PathBuf>,
    hold: Hold,
    tried: Instant,
}

enum Hold {
    Own(#[expect(dead_code, reason = "it is held")] Writer),
    Another(Another),
    /// Nobody can have it here.
    None,
}

/// The watch that writes instead: the number of its process, where the kernel tells that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Another(pub(crate) Option<u32>);

/// Whether this watch writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Own,
    /// From now on: another wrote before.
    Taken,
    Another,
}

impl Pen {
    /// Of what is written in `folder`.
    pub(super) fn of(folder: Option<PathBuf>) -> Self {
        let hold = hold(folder.as_ref());
        Self { folder, hold, tried: Instant::now() }
    }

    /// Whether it is this watch's turn.
    pub(super) fn turn(&mut self) -> Turn {
        let Hold::Another(_) = self.hold else { return Turn::Own };
        if self.tried.elapsed() < TRY_EACH {
            return Turn::Another;
        }
        self.tried = Instant::now();
        self.hold = hold(self.folder.as_ref());
        if self.another().is_some() { Turn::Another } else { Turn::Taken }
    }

    /// The watch that writes instead.
    pub(super) const fn another(&self) -> Option<Another> {
        match self.hold {
            Hold::Another(another) => Some(another),
            Hold::Own(_) | Hold::None => None,
        }
    }
}

fn hold(folder: Option<&PathBuf>) -> Hold {
    match folder.map(|folder| Writer::take(folder)) {
        Some(Ok(writer)) => Hold::Own(writer),
        Some(Err(WriterError::Another(pid))) => Hold::Another(Another(pid)),
        // Where it cannot be locked it may be written all the same.
        Some(Err(WriterError::Lock(_) | WriterError::Folder(_))) | None => Hold::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_second_writes_when_the_first_has_ended() {
        let folder = std::env::temp_dir().join(format!("portreeve-pen-{}", std::process::id()));
        let mut first = Pen::of(Some(folder.clone()));
        let mut second = Pen::of(Some(folder.clone()));
        let own = Some(Another(Some(std::process::id())));
        assert_eq!((first.turn(), second.turn(), second.another()), (Turn::Own, Turn::Another, own));
        drop(first);
        assert_eq!(second.turn(), Turn::Another, "it is not tried all the time");
        second.tried -= TRY_EACH;
        assert_eq!((second.turn(), second.turn(), second.another()), (Turn::Taken, Turn::Own, None));
        assert_eq!(Pen::of(None).turn(), Turn::Own);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
