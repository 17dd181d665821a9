//! Units as they were before a change, to put them back where it fails.

use std::path::{Path, PathBuf};

use super::{State, UnitError, read, state_of};
use crate::keep::{self, Readers};

/// The files that were there, with their texts.
#[derive(Debug)]
pub(super) struct Before(Vec<(PathBuf, String)>);

impl Before {
    /// The files of ours that are there now.
    ///
    /// # Errors
    ///
    /// One is there and cannot be read.
    pub(super) fn of(files: &[PathBuf]) -> Result<Self, UnitError> {
        let there = files.iter().filter(|path| state_of(path, "") != State::Absent);
        let texts = there.map(|path| Ok((path.clone(), text(path)?)));
        texts.collect::<Result<_, UnitError>>().map(Self)
    }

    /// Writes those again that are not as they were; whether there were any. One that cannot be written stays as it is.
    pub(super) fn put_back(&self) -> bool {
        let changed = self.0.iter().filter(|(path, text)| state_of(path, text) != State::Same);
        let put = changed.map(|(path, text)| keep::replace(path, text.as_bytes(), Readers::Everybody));
        put.count() > 0
    }
}

fn text(path: &Path) -> Result<String, UnitError> {
    read(path).map_err(|_| UnitError::Foreign(path.into()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::OURS, *};

    #[test]
    fn a_unit_that_was_there_is_as_it_was() {
        let folder = std::env::temp_dir().join(format!("portreeve-before-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let [old, fresh] = ["old.service", "fresh.service"].map(|name| folder.join(name));
        let text = format!("{OURS}portreeve off gate\n[Unit]\n");
        fs::write(&old, &text).unwrap();
        let before = Before::of(&[old.clone(), fresh.clone()]).unwrap();
        assert!(!before.put_back(), "nothing has changed");
        for path in [&old, &fresh] {
            fs::write(path, format!("{OURS}portreeve off gate\n")).unwrap();
        }
        assert!(before.put_back());
        assert_eq!(fs::read_to_string(&old).unwrap(), text);
        assert_ne!(fs::read_to_string(&fresh).unwrap(), text, "of what was not there nothing is known");
        fs::remove_file(&old).unwrap();
        assert!(before.put_back());
        assert_eq!(fs::read_to_string(&old).unwrap(), text);
        fs::remove_dir_all(&folder).unwrap();
    }
}
