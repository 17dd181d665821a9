//! Where a web server lately asked somebody for a user and his password (A19).
//!
//! A page that anybody may read is answered well whatever user is named. Were that a good login, whoever guesses passwords would
//! ask for one now and then, and have as many tries as he likes. Where two hosts write one log, one may ask at a path that anybody may
//! read at the other.

/// So many paths are remembered of a service.
const REMEMBERED: usize = 32;

/// A path at which a user was asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Path {
    digest: u64,
    /// Somebody was given it without.
    is_open: bool,
}

/// The last ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Guarded {
    paths: [Path; REMEMBERED],
    next: usize,
}

impl Guarded {
    /// At this path a user was asked for.
    pub(super) fn keep(&mut self, digest: u64) {
        if !self.paths.iter().any(|path| path.digest == digest) {
            self.paths[self.next] = Path { digest, is_open: false };
            self.next = (self.next + 1) % REMEMBERED;
        }
    }

    /// Somebody was given this path who named no user.
    pub(super) fn open(&mut self, digest: u64) {
        let own = self.paths.iter_mut().filter(|path| path.digest == digest);
        own.for_each(|path| path.is_open = true);
    }

    /// Whether a user was asked for at this path, and it was given to nobody without.
    pub(super) fn has(&self, digest: u64) -> bool {
        self.paths.iter().any(|path| path.digest == digest && !path.is_open)
    }

    /// Whether nobody was asked anywhere.
    pub(super) const fn is_empty(&self) -> bool {
        self.paths[0].digest == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_paths_are_remembered_once_each() {
        let mut guarded = Guarded::default();
        assert!(guarded.is_empty());
        [7; 100].into_iter().chain(8..39).for_each(|path| guarded.keep(path));
        assert!(guarded.has(7) && guarded.has(38) && !guarded.is_empty());
        guarded.keep(39);
        assert!(!guarded.has(7) && guarded.has(8) && guarded.has(39));
    }

    #[test]
    fn what_was_given_to_somebody_without_a_user_is_guarded_no_more() {
        let mut guarded = Guarded::default();
        guarded.keep(7);
        guarded.open(7);
        guarded.keep(7);
        guarded.keep(8);
        assert!(!guarded.has(7) && guarded.has(8));
    }
}
