//! Where a policy file is not TOML: what is wrong, in words for whoever wrote it.

mod words;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::ops::Range;

use toml::de::{DeTable, Error};
use toml_parser::lexer::TokenKind;

use super::{
    lines::{Lines, Mark, narrow},
    report::Report,
};
use crate::text;

/// Above this size only the first error of a broken file is looked for: a table of errors can outgrow its file.
const RECOVERED_BYTES_MAX: usize = 1 << 20;
/// A policy's longest dotted key is `service.web.owner.unit`; each dot nests a table in a table.
const DOTS_MAX: usize = 8;
/// How far above a doubled key its first appearance is looked for.
const LINES_ABOVE_MAX: u32 = 200;

/// Reads `text` as TOML as far as it can be read; `None` where nothing of it can be used.
pub(super) fn read<'t>(text: &'t str, file: u32, report: &mut Report<'_>) -> Option<DeTable<'t>> {
    if let Some(span) = deep_key(text) {
        report.syntax(
            mark(file, span),
            None,
            text!("this key has too many parts", "キーの階層が深すぎます"),
            text!(
                "no key of a policy has more than four, as service.web.owner.unit",
                "policy のキーは service.web.owner.unit のように 4 階層までです"
            ),
        );
        return None;
    }
    let first = match DeTable::parse(text) {
        Ok(table) => return Some(table.into_inner()),
        Err(error) => error,
    };
    if text.len() > RECOVERED_BYTES_MAX {
        report_errors(&[first], file, report);
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    report_errors(&errors, file, report);
    Some(table.into_inner())
}

/// A dotted key that nests deeper than any policy: dropping the tables it makes would exhaust the stack.
fn deep_key(text: &str) -> Option<Range<usize>> {
    let (mut dots, mut last) = (0, 0);
    let is_one_too_many = |(at, _)| {
        dots = if text[last..at].contains('\n') { 1 } else { dots + 1 };
        last = at;
        dots > DOTS_MAX
    };
    if !text.match_indices('.').any(is_one_too_many) {
        return None;
    }
    let mut dots = 0;
    for token in toml_parser::Source::new(text).lex() {
        match token.kind() {
            TokenKind::Dot => dots += 1,
            TokenKind::Atom
            | TokenKind::Whitespace
            | TokenKind::BasicString
            | TokenKind::LiteralString
            | TokenKind::MlBasicString
            | TokenKind::MlLiteralString => {}
            _ => dots = 0,
        }
        if dots > DOTS_MAX {
            return Some(token.span().start()..token.span().end());
        }
    }
    None
}

fn mark(file: u32, span: Range<usize>) -> Mark {
    Mark { file, start: narrow(span.start), end: narrow(span.end) }
}

fn report_errors(errors: &[Error], file: u32, report: &mut Report<'_>) {
    let length = report.lines(file).text().len();
    let mut errors: Vec<_> =
        errors.iter().map(|error| (error.span().unwrap_or(length..length), error.message())).collect();
    errors.sort_by_key(|(span, _)| span.start);
    let errors = until_lost(errors, file, report);
    let doubled = Doubled::of(report.lines(file), &errors);
    for (span, message) in errors {
        let at = mark(file, span.clone());
        if words::is_open_header(message) {
            report.lose(file, at.start);
        }
        if message != words::DUPLICATE {
            let (text, fix) = words::of(message, report.written(at));
            report.syntax(at, None, text, fix);
        } else if let Some(first) = doubled.first(report.lines(file), &span) {
            let key = super::report::clip(report.written(at));
            let first = first.map(|first| mark(file, first));
            let (earlier, later) = first.map_or((at, None), |first| (first, Some(at)));
            report.syntax(
                earlier,
                later,
                text!("`{key}` is written twice", "`{key}` が 2 回書かれています"),
                text!("keep one of them, or rename one", "一方を残すか、名前を変えてください"),
            );
        }
    }
}

/// A list or table that is never closed swallows what follows: the first error in it is the place to look at.
fn until_lost<'e>(
    mut errors: Vec<(Range<usize>, &'e str)>,
    file: u32,
    report: &mut Report<'_>,
) -> Vec<(Range<usize>, &'e str)> {
    if errors.iter().any(|(_, message)| words::is_unclosed(message)) {
        let first = errors.iter().position(|(_, message)| words::is_swallowing(message)).unwrap_or(0);
        errors.truncate(first + 1);
        report.lose(file, narrow(errors[first].0.start));
        errors[first].1 = words::UNCLOSED;
    }
    errors
}

/// Where the headers of a file stand, to find the first of two that are the same.
struct Doubled<'a> {
    headers: Vec<u32>,
    first_by_text: BTreeMap<&'a str, u32>,
    doubled: BTreeSet<u32>,
}

impl<'a> Doubled<'a> {
    fn of(lines: &Lines<'a>, errors: &[(Range<usize>, &str)]) -> Self {
        let mut found =
            Self { headers: Vec::new(), first_by_text: BTreeMap::new(), doubled: BTreeSet::new() };
        let duplicates: Vec<_> = errors.iter().filter(|(_, message)| *message == words::DUPLICATE).collect();
        if duplicates.is_empty() {
            return found;
        }
        for line in 1..=lines.count() {
            if let Some(header) = header(lines.line_text(line)) {
                found.headers.push(line);
                found.first_by_text.entry(header).or_insert(line);
            }
        }
        for (span, _) in duplicates {
            let line = lines.line(span.start);
            if header(lines.line_text(line)).is_some() {
                found.doubled.insert(line);
            }
        }
        found
    }

    /// Where the doubled key at `span` was written first, if that can be told; `None` where the error is only a
    /// consequence of a doubled header above it.
    fn first(&self, lines: &Lines<'a>, span: &Range<usize>) -> Option<Option<Range<usize>>> {
        let line = lines.line(span.start);
        let key = lines.text().get(span.clone()).unwrap_or("");
        if let Some(header) = header(lines.line_text(line)) {
            let first = self.first_by_text.get(header).copied().filter(|first| *first < line);
            return Some(first.and_then(|first| key_in(lines, first, key)));
        }
        let above = self.headers.partition_point(|header| *header < line);
        let above = above.checked_sub(1).map_or(0, |index| self.headers[index]);
        if self.doubled.contains(&above) {
            return None;
        }
        let nearest = above.max(line.saturating_sub(LINES_ABOVE_MAX)) + 1;
        let first = (nearest..line).find(|&line| is_assignment(lines.line_text(line), key));
        Some(first.and_then(|first| key_in(lines, first, key)))
    }
}

fn header(line: &str) -> Option<&str> {
    let line = line.trim();
    (line.starts_with('[') && line.contains(']')).then(|| line.split('#').next().unwrap_or(line).trim_end())
}

fn is_assignment(line: &str, key: &str) -> bool {
    line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
}

fn key_in(lines: &Lines<'_>, line: u32, key: &str) -> Option<Range<usize>> {
    let text = lines.line_text(line);
    let start = lines.start(line) + text.rfind(key).filter(|_| !key.is_empty())?;
    Some(start..start + key.len())
}
