//! Lists each file whose code runs once, however many processes run it (A18).

use std::collections::{BTreeMap, HashMap};

use portreeve_core::facts::{Code, CodeFile};

use super::code::{Mapped, Runs};

/// More files than this are not listed: a host runs a few thousand.
const FILES_MAX: usize = 100_000;

/// What several run.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    places: HashMap<(u64, Mapped), u32>,
    files: Vec<CodeFile>,
    processes: BTreeMap<u32, Vec<u32>>,
}

impl Catalogue {
    /// Adds what the process `pid` runs.
    pub(super) fn add(&mut self, pid: u32, runs: Runs) {
        let mut places = Vec::with_capacity(runs.files.len());
        for file in runs.files {
            places.extend(self.place((runs.mounts, file)));
        }
        self.processes.insert(pid, places);
    }

    fn place(&mut self, key: (u64, Mapped)) -> Option<u32> {
        if let Some(&place) = self.places.get(&key) {
            return Some(place);
        }
        let place = u32::try_from(self.files.len()).ok().filter(|_| self.files.len() < FILES_MAX)?;
        let Mapped { path, state, since } = key.1.clone();
        self.files.push(CodeFile {
            path: path.to_string(),
            state,
            since,
            root: None,
            package: None,
            build: None,
        });
        self.places.insert(key, place);
        Some(place)
    }

    /// All of it, whose packages nobody has looked for yet.
    pub(super) fn into_code(self) -> Code {
        Code { files: self.files, processes: self.processes, ..Code::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_core::facts::ExeState;

    fn runs(mounts: u64, paths: &[&str]) -> Runs {
        let file = |path: &&str| Mapped { path: (*path).into(), state: ExeState::Same, since: None };
        Runs { mounts, files: paths.iter().map(file).collect(), is_whole: true }
    }

    #[test]
    fn a_file_is_listed_once_for_each_mount_namespace() {
        let mut catalogue = Catalogue::default();
        catalogue.add(1, runs(7, &["/a", "/b"]));
        catalogue.add(2, runs(7, &["/b"]));
        catalogue.add(3, runs(8, &["/b"]));
        let code = catalogue.into_code();
        assert_eq!(code.files.len(), 3);
        assert_eq!(code.processes, [(1, vec![0, 1]), (2, vec![1]), (3, vec![2])].into());
    }
}
