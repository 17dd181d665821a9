//! Where a policy file is not TOML: what is wrong, in words for whoever wrote it.

mod words;

use alloc::vec::Vec;

use toml_parser::{ParseError, Span};

use super::{
    lines::{Mark, narrow},
    report::{Report, clip},
    tree::{self, Tree},
};
use crate::text;

/// Reads `text` as TOML as far as it can be read, into the memory of the `last` file's tree.
pub(super) fn read<'t>(text: &'t str, file: u32, last: Tree<'t>, report: &mut Report<'_>) -> Tree<'t> {
    let (tree, errors) = tree::read(text, file, last);
    report_errors(errors, file, report);
    tree
}

fn mark(file: u32, span: Span) -> Mark {
    Mark { file, start: narrow(span.start()), end: narrow(span.end()) }
}

fn report_errors(mut errors: Vec<ParseError>, file: u32, report: &mut Report<'_>) {
    let length = report.lines(file).text().len();
    let at = |error: &ParseError| error.unexpected().unwrap_or(Span::new_unchecked(length, length));
    errors.sort_by_key(|error| at(error).start());
    if let Some(unclosed) = unclosed(&errors) {
        report_unclosed(mark(file, at(unclosed)), report);
        let from = at(unclosed).start();
        errors.retain(|error| at(error).start() < from);
    }
    for error in errors {
        let at = mark(file, at(&error));
        match error.context().filter(|_| error.description() == tree::DUPLICATE) {
            Some(first) => report_twice(mark(file, first), at, report),
            None => {
                let (text, fix) = words::of(error.description(), report.written(at));
                report.syntax(at, None, text, fix);
            }
        }
    }
}

/// A list or table that is never closed swallows what follows: the first error in it is the place to look at.
fn unclosed(errors: &[ParseError]) -> Option<&ParseError> {
    errors.iter().find(|error| words::is_unclosed(error.description()))?;
    errors.iter().find(|error| words::is_swallowing(error.description()))
}

fn report_unclosed(at: Mark, report: &mut Report<'_>) {
    report.lose(at.file, at.start);
    let (text, fix) = words::UNCLOSED;
    report.syntax(at, None, text.into(), fix.into());
}

fn report_twice(first: Mark, again: Mark, report: &mut Report<'_>) {
    let key = clip(report.written(again));
    report.syntax(
        first,
        Some(again),
        text!("`{key}` is written twice", "`{key}` が 2 回書かれています"),
        text!("keep one of them, or rename one", "一方を残すか、名前を変えてください"),
    );
}
