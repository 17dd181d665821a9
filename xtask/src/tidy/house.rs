//! The files of the project as the checks see them: texts by path, and for Rust its tokens.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    ops::RangeInclusive,
    path::Path,
};

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

use crate::shell::Result;

/// Folders that hold nothing a person wrote by hand as text.
const SKIPPED: &[&str] = &["target", ".git", "corpus", "artifacts"];

/// What is kept of a file for the checks; other files are data.
const READ: &[&str] = &["rs", "toml", "md", "txt", "patch"];

/// Every text of the project.
pub(super) struct House {
    /// The texts by path from the workspace's folder.
    pub(super) texts: BTreeMap<String, String>,
    /// The Rust among them.
    pub(super) sources: Vec<Source>,
    /// Every file, text or not.
    files: BTreeSet<String>,
}

/// A Rust file.
pub(super) struct Source {
    /// Its path from the workspace's folder.
    pub(super) path: String,
    /// What stands in it.
    pub(super) text: String,
    /// The same as the compiler reads it, without plain comments.
    pub(super) tokens: Vec<TokenTree>,
    /// The lines of its `#[cfg(test)]` items.
    tests: Vec<RangeInclusive<usize>>,
}

/// Something untidy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    path: String,
    line: usize,
    text: String,
}

impl Mistake {
    /// A mistake at a line of a file; line 0 means the file as a whole.
    pub(super) fn at(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.into(), line, text: text.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.text),
            line => write!(f, "{}:{line}: {}", self.path, self.text),
        }
    }
}

impl House {
    /// Reads the project in `root`.
    ///
    /// # Errors
    ///
    /// A file cannot be read, is not UTF-8, or is not Rust though it is called so.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut files = BTreeSet::new();
        list_folder(root, "", &mut files)?;
        let mut texts = BTreeMap::new();
        for path in files.iter().filter(|path| READ.iter().any(|extension| is(path, extension))) {
            let text = fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))?;
            texts.insert(path.clone(), text);
        }
        Self::of(texts, files)
    }

    /// The house that these texts make.
    fn of(texts: BTreeMap<String, String>, files: BTreeSet<String>) -> Result<Self> {
        let rust = texts.iter().filter(|(path, _)| is(path, "rs"));
        let sources = rust.map(|(path, text)| Source::read(path, text)).collect::<Result<_>>()?;
        Ok(Self { texts, sources, files })
    }

    /// A house of a few files, for the tests of the checks.
    #[cfg(test)]
    pub(super) fn sample(files: &[(&str, &str)]) -> Self {
        let texts: BTreeMap<_, _> =
            files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
        let files = texts.keys().cloned().collect();
        Self::of(texts, files).unwrap()
    }

    /// Whether there is a file or a folder at `path`.
    pub(super) fn has(&self, path: &str) -> bool {
        let below = |file: &String| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        self.files.contains(path) || self.files.iter().any(below)
    }

    /// The text at `path`, empty where there is none.
    pub(super) fn text(&self, path: &str) -> &str {
        self.texts.get(path).map_or("", String::as_str)
    }

    /// The texts whose name ends in `.extension`.
    pub(super) fn with_extension(&self, extension: &'static str) -> impl Iterator<Item = (&str, &str)> {
        let found = self.texts.iter().filter(move |(path, _)| is(path, extension));
        found.map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

fn is(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn list_folder(folder: &Path, prefix: &str, files: &mut BTreeSet<String>) -> Result {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name =
            entry.file_name().into_string().map_err(|name| format!("{} is not UTF-8", name.display()))?;
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            list_folder(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            files.insert(path);
        }
    }
    Ok(())
}

impl Source {
    fn read(path: &str, text: &str) -> Result<Self> {
        let stream: TokenStream = text.parse().map_err(|error| format!("{path} is not Rust: {error}"))?;
        let tokens: Vec<_> = stream.into_iter().collect();
        let tests = test_items(&tokens);
        Ok(Self { path: path.into(), text: text.into(), tokens, tests })
    }

    /// Whether a line (from 1) belongs to a test.
    pub(super) fn is_test(&self, line: usize) -> bool {
        is_test_file(&self.path) || self.tests.iter().any(|lines| lines.contains(&line))
    }

    /// Every identifier with the tokens around it flattened away, in order.
    pub(super) fn identifiers(&self) -> Vec<Ident> {
        flatten(&self.tokens)
            .into_iter()
            .filter_map(|token| if let TokenTree::Ident(ident) = token { Some(ident) } else { None })
            .collect()
    }
}

/// Integration tests, unit tests that have a file of their own, and what they share.
fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "testing.rs"))
}

/// The lines from each `#[cfg(test)]` to the end of what it stands before.
fn test_items(tokens: &[TokenTree]) -> Vec<RangeInclusive<usize>> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(attribute) = token else { continue };
        if attribute.to_string().replace(' ', "") == "[cfg(test)]" {
            let end = tokens[at + 1..].iter().find(|token| ends_item(token));
            let last = end.map_or(usize::MAX, last_line);
            found.push(line(token)..=last);
        } else {
            found.extend(test_items(&inside(attribute)));
        }
    }
    found
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    }
}

/// The line (from 1) on which a token starts.
pub(super) fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

/// The line (from 1) on which a token ends.
pub(super) fn last_line(token: &TokenTree) -> usize {
    token.span().end().line
}

/// What stands between the brackets of a group.
pub(super) fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

/// The tokens with those of every group after it, in order.
pub(super) fn flatten(tokens: &[TokenTree]) -> Vec<TokenTree> {
    let mut flat = Vec::new();
    for token in tokens {
        flat.push(token.clone());
        if let TokenTree::Group(group) = token {
            flat.extend(flatten(&inside(group)));
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "//! A.\nfn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";

    #[test]
    fn the_lines_of_tests_are_told_from_the_others() {
        let house = House::sample(&[("a.rs", SAMPLE), ("crates/x/tests/lab.rs", "//! B.\n")]);
        let tests: Vec<_> = (1..=8).filter(|line| house.sources[0].is_test(*line)).collect();
        assert_eq!(tests, [4, 5, 6, 7]);
        assert!(house.sources[1].is_test(1));
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_ends_with_its_line() {
        let house = House::sample(&[("a.rs", "#[cfg(test)]\nmod tests;\nfn c() {}\n")]);
        assert!(house.sources[0].is_test(2) && !house.sources[0].is_test(3));
    }
}
