//! Whether anything of a log is understood: one that is not tells as little as one that is not there, and looks like one that is quiet
//! (A19).

/// So many lines begin a log that is not understood.
const FIRST: u16 = 20;
/// Where some were understood, so many in a row are not any more: a few may be of clients that the server calls by a name.
const LATER: u16 = 1_000;

/// How many lines of a log may follow that are not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Understanding {
    left: u16,
}

impl Default for Understanding {
    fn default() -> Self {
        Self { left: FIRST }
    }
}

impl Understanding {
    /// One more whole line was read.
    pub fn hears(&mut self, is_understood: bool) {
        self.left = if is_understood { LATER } else { self.left.saturating_sub(1) };
    }

    /// Whether too many were not understood.
    #[must_use]
    pub const fn is_lost(self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lines: &[(u16, bool)]) -> bool {
        let mut understanding = Understanding::default();
        let each = lines.iter().flat_map(|(count, is_understood)| (0..*count).map(|_| *is_understood));
        each.for_each(|is_understood| understanding.hears(is_understood));
        understanding.is_lost()
    }

    #[test]
    fn a_log_is_lost_after_twenty_lines_and_found_with_the_first_that_is_understood() {
        assert!(!after(&[]) && !after(&[(19, false)]) && after(&[(20, false)]));
        assert!(!after(&[(5_000, false), (1, true)]));
        assert!(
            !after(&[(1, true), (999, false)]) && after(&[(1, true), (1_000, false)]),
            "its form changed"
        );
    }
}
