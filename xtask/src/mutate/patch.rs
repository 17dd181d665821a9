//! A mutation: a patch, and above it which duty it breaks, where, and the test that must notice.

use crate::shell::Result;

/// What a file below `mutations/` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Patch {
    /// The name of the file.
    pub(super) file: String,
    /// The duty of the article.
    pub(super) duty: String,
    /// The function that keeps the duty.
    pub(super) breaks: String,
    /// What to give to `cargo test`: package, target, filter.
    pub(super) test: Vec<String>,
    /// The whole file: whoever applies it skips the head.
    pub(super) text: String,
}

impl Patch {
    /// Reads the head (`Duty:`, `Breaks:`, `Test:`), which ends where the patch begins.
    ///
    /// # Errors
    ///
    /// A line of the head is missing, or no patch follows.
    pub(super) fn read(file: &str, text: &str) -> Result<Self> {
        let (head, _) = text.split_once("\n--- ").ok_or_else(|| format!("{file} holds no patch"))?;
        let field = |name: &str| {
            let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.map(str::to_owned).ok_or_else(|| format!("{file} has no `{name}:` in its head"))
        };
        let test = field("Test")?.split_whitespace().map(str::to_owned).collect();
        Ok(Self {
            file: file.into(),
            duty: field("Duty")?,
            breaks: field("Breaks")?,
            test,
            text: text.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Duty: A3\nBreaks: Class::of\nTest: -p portreeve-core borders\n\n--- a/x\n+++ b/x\n";

    #[test]
    fn the_head_says_what_must_notice() {
        let patch = Patch::read("a03.patch", TEXT).unwrap();
        assert_eq!((patch.duty.as_str(), patch.breaks.as_str()), ("A3", "Class::of"));
        assert_eq!(patch.test, ["-p", "portreeve-core", "borders"]);
    }

    #[test]
    fn an_incomplete_head_is_refused() {
        let error = |text: &str| Patch::read("a.patch", text).unwrap_err().to_string();
        assert_eq!(error(&TEXT.replace("Test: ", "")), "a.patch has no `Test:` in its head");
        assert_eq!(error("Duty: A3\n"), "a.patch holds no patch");
    }
}
