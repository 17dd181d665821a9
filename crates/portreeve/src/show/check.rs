//! What is wrong with a policy, as JSON.

use portreeve_core::{policy::Mistake, words::Lang};
use schemars::JsonSchema;
use serde::Serialize;

/// The layout of the JSON document.
const VERSION: u32 = 1;

/// What `check` says of a policy.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CheckView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// What is wrong, in order of place.
    mistakes: Vec<MistakeView<'a>>,
    /// What its writer may not have meant, or this host does not have.
    warnings: Vec<MistakeView<'a>>,
}

/// Something in a policy file.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MistakeView<'a> {
    /// The file; `<stdin>` is the standard input.
    file: &'a str,
    /// The line, from 1.
    line: u32,
    /// The column in characters, from 1.
    column: u32,
    /// The other place, where two contradict each other.
    also: Option<PlaceView<'a>>,
    /// What is wrong.
    text: &'a str,
    /// What to write instead.
    fix: &'a str,
}

/// A place in a policy file.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PlaceView<'a> {
    /// The file.
    file: &'a str,
    /// The line, from 1.
    line: u32,
    /// The column in characters, from 1.
    column: u32,
}

/// The document about `mistakes` and `warnings`.
pub(crate) fn document<'a>(mistakes: &'a [Mistake], warnings: &'a [Mistake], lang: Lang) -> CheckView<'a> {
    let view = |mistake: &'a Mistake| MistakeView {
        file: &mistake.place.file,
        line: mistake.place.line,
        column: mistake.place.column,
        also: mistake.also.as_ref().map(|place| PlaceView {
            file: &place.file,
            line: place.line,
            column: place.column,
        }),
        text: mistake.text.in_lang(lang),
        fix: mistake.fix.in_lang(lang),
    };
    CheckView {
        version: VERSION,
        mistakes: mistakes.iter().map(view).collect(),
        warnings: warnings.iter().map(view).collect(),
    }
}
