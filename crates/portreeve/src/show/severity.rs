//! How a severity looks: a mark and a word, and colour only beside them.

use portreeve_core::finding::Severity;

use super::out::Paint;

/// The mark in front of a finding.
pub(crate) const fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "✗",
        Severity::Warning => "!",
        Severity::Notice => "·",
    }
}

/// Its paint.
pub(crate) const fn paint(severity: Severity) -> Paint {
    match severity {
        Severity::Critical | Severity::High => Paint::Red,
        Severity::Warning => Paint::Yellow,
        Severity::Notice => Paint::Dim,
    }
}
