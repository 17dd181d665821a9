//! Where a web server lately asked somebody for a user and his password (A19).
//!
//! A page that anybody may read is answered well whatever user is named. Were that a good login, whoever guesses passwords would
//! ask for one now and then, and have as many tries as he likes.

/// So many paths are remembered of a service.
const REMEMBERED: usize = 32;

/// The digests of the last ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Guarded {
    paths: [u64; REMEMBERED],
    next: usize,
}

impl Guarded {
    /// At this path a user was asked for.
    pub(super) fn keep(&mut self, path: u64) {
        if !self.has(path) {
            self.paths[self.next] = path;
            self.next = (self.next + 1) % REMEMBERED;
        }
    }

    /// Whether one was.
    pub(super) fn has(&self, path: u64) -> bool {
        self.paths.contains(&path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_paths_are_remembered_once_each() {
        let mut guarded = Guarded::default();
        [7; 100].into_iter().chain(8..39).for_each(|path| guarded.keep(path));
        assert!(guarded.has(7) && guarded.has(38));
        guarded.keep(39);
        assert!(!guarded.has(7) && guarded.has(8) && guarded.has(39));
    }
}
