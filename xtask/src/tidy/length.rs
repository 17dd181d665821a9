//! A file fits a head, a function fits a screen.

use proc_macro2::{Delimiter, TokenTree};

use super::house::{House, Mistake, Source, inside, last_line, line};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
/// The usual function is far shorter than the longest one may be.
const FUNCTION_LINES_MEDIAN_MAX: usize = 10;

pub(super) fn check(house: &House) -> Vec<Mistake> {
    let mut mistakes: Vec<_> = house.sources.iter().filter_map(long_file).collect();
    let functions: Vec<_> = house.sources.iter().flat_map(functions).collect();
    mistakes.extend(functions.iter().filter_map(long_function));
    mistakes.extend(long_median(functions.iter().map(|function| function.lines).collect()));
    mistakes
}

struct Function<'a> {
    path: &'a str,
    name: String,
    line: usize,
    lines: usize,
}

fn long_file(source: &Source) -> Option<Mistake> {
    let lines = (1..=source.text.lines().count()).filter(|line| !source.is_test(*line)).count();
    (lines > FILE_LINES_MAX).then(|| {
        Mistake::at(&source.path, 0, format!("{lines} lines without tests; {FILE_LINES_MAX} is the most"))
    })
}

fn long_function(function: &Function<'_>) -> Option<Mistake> {
    (function.lines > FUNCTION_LINES_MAX).then(|| {
        let text =
            format!("`{}` has {} lines; {FUNCTION_LINES_MAX} is the most", function.name, function.lines);
        Mistake::at(function.path, function.line, text)
    })
}

fn long_median(mut lines: Vec<usize>) -> Option<Mistake> {
    lines.sort_unstable();
    let median = *lines.get(lines.len() / 2)?;
    (median > FUNCTION_LINES_MEDIAN_MAX).then(|| {
        let text = format!("the median function has {median} lines; {FUNCTION_LINES_MEDIAN_MAX} is the most");
        Mistake::at("crates", 0, text)
    })
}

/// The functions of a file that are no tests.
fn functions(source: &Source) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    collect(&source.path, &source.tokens, &mut found);
    found.retain(|function| !source.is_test(function.line));
    found
}

fn collect<'a>(path: &'a str, tokens: &[TokenTree], found: &mut Vec<Function<'a>>) {
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            collect(path, &inside(group), found);
        } else if let Some((name, last)) = function(&tokens[at..]) {
            let first = line(token);
            found.push(Function { path, name, line: first, lines: last - first + 1 });
        }
    }
}

/// The name and the last line of the function that starts here; a function pointer's type has no name.
fn function(tokens: &[TokenTree]) -> Option<(String, usize)> {
    let [TokenTree::Ident(keyword), TokenTree::Ident(name), rest @ ..] = tokens else { return None };
    let end = rest.iter().find(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    })?;
    (keyword == "fn").then(|| (name.to_string(), last_line(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function_of(lines: usize) -> String {
        format!("//! A.\nfn long() {{\n{}}}\n", "    a();\n".repeat(lines - 2))
    }

    fn said(text: &str) -> Vec<String> {
        check(&House::sample(&[("a.rs", text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_function_of_seventy_one_lines_is_too_long() {
        assert!(said(&function_of(70)).iter().all(|text| text.contains("median")));
        assert_eq!(said(&function_of(71))[0], "a.rs:2: `long` has 71 lines; 70 is the most");
    }

    #[test]
    fn a_file_is_measured_without_its_tests() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "//\n".repeat(400));
        assert!(said(&format!("{}{tests}", "//\n".repeat(500))).is_empty());
        assert_eq!(
            said(&format!("{}{tests}", "//\n".repeat(501))),
            ["a.rs: 501 lines without tests; 500 is the most"]
        );
    }

    #[test]
    fn the_usual_function_is_short() {
        let eleven = function_of(11);
        assert_eq!(said(&eleven), ["crates: the median function has 11 lines; 10 is the most"]);
    }
}
