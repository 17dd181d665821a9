//! Finds and reads the files of a policy (A15).

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use portreeve_core::{
    policy::{self, Mistake, Parsed, Source},
    registry::Registry,
    text,
    words::{Lang, Text, Words, inflect},
};

use crate::{
    failure::{Failure, io_cause},
    settings::{Input, PolicyChoice},
    show::caret,
};

/// Where the policy of a host lives.
const USUAL: &str = "/etc/portreeve";
const POLICY_BYTES_MAX: u64 = 16 * 1024 * 1024;
const POLICY_FILES_MAX: usize = 10_000;

/// The text of a policy: the name and the content of each file, in order.
pub(crate) type Texts = Vec<(Arc<str>, String)>;

/// The policy that `choice` means, read whole; `None` where there is none.
///
/// # Errors
///
/// Where a file that was named cannot be read, or a mistake stands in it.
pub(crate) fn load(choice: &PolicyChoice, registry: Registry<'_>) -> Result<Option<Parsed>, Failure> {
    let Some(texts) = read(choice)? else { return Ok(None) };
    policy::parse(&sources(&texts), registry).map(Some).map_err(|mistakes| mistaken(&mistakes, &texts))
}

/// The texts as the parser takes them.
pub(crate) fn sources(texts: &Texts) -> Vec<Source<'_>> {
    texts.iter().map(|(name, text)| Source { name: name.clone(), text }).collect()
}

/// The text of the policy that `choice` means; `None` where there is none.
///
/// # Errors
///
/// Where a file that was named cannot be read.
pub(crate) fn read(choice: &PolicyChoice) -> Result<Option<Texts>, Failure> {
    match choice {
        PolicyChoice::Without => Ok(None),
        PolicyChoice::Named(Input::Stdin) => {
            let text = bounded(io::stdin()).map_err(|cause| unreadable("<stdin>", cause))?;
            Ok(Some(vec![("<stdin>".into(), text)]))
        }
        PolicyChoice::Named(Input::File(path)) => files(path).map(Some),
        PolicyChoice::Usual => {
            let paths = files_of_directory(Path::new(USUAL))?;
            if paths.is_empty() { Ok(None) } else { read_all(&paths).map(Some) }
        }
    }
}

fn files(path: &Path) -> Result<Texts, Failure> {
    if !path.is_dir() {
        return read_all(&[path.into()]);
    }
    let paths = files_of_directory(path)?;
    if paths.is_empty() {
        let cause = Words { en: "it holds no *.toml", ja: "*.toml がありません" };
        return Err(unreadable(&path.display().to_string(), cause.into()));
    }
    read_all(&paths)
}

/// `policy.toml` and then `policy.d/*.toml`; where there is neither, every `*.toml`.
fn files_of_directory(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let main = directory.join("policy.toml");
    let mut paths = if main.exists() { vec![main] } else { Vec::new() };
    paths.extend(tomls(&directory.join("policy.d"))?);
    if paths.is_empty() { tomls(directory) } else { Ok(paths) }
}

/// Every `*.toml` of a directory, in order of name; none where there is no such directory.
fn tomls(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |error: &io::Error| unreadable(&directory.display().to_string(), io_cause(error));
    let entries = match directory.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(&error)),
    };
    let mut paths = Vec::new();
    for entry in entries.take(POLICY_FILES_MAX) {
        let path = entry.map_err(|error| fail(&error))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read_all(paths: &[PathBuf]) -> Result<Texts, Failure> {
    let read_one = |path: &PathBuf| {
        let name = path.display().to_string();
        let text = File::open(path).map_err(|error| io_cause(&error)).and_then(bounded);
        text.map(|text| (name.as_str().into(), text)).map_err(|cause| unreadable(&name, cause))
    };
    paths.iter().map(read_one).collect()
}

fn bounded(reader: impl Read) -> Result<String, Text> {
    let mut text = String::new();
    let read = reader.take(POLICY_BYTES_MAX + 1).read_to_string(&mut text);
    let bytes = read.map_err(|error| io_cause(&error))?;
    if bytes as u64 > POLICY_BYTES_MAX {
        let mebibytes = POLICY_BYTES_MAX / 1024 / 1024;
        return Err(text!("it is larger than {mebibytes} MiB", "{mebibytes} MiB を超えています"));
    }
    Ok(text)
}

fn unreadable(name: &str, cause: Text) -> Failure {
    Failure::usage(text!("cannot read the policy {name}", "policy {name} を読めません")).because(cause).hint(
        Words {
            en: "portreeve init > policy.toml, or judge without one: --policy none",
            ja: "portreeve init > policy.toml で作るか、--policy none で policy なしにしてください",
        },
    )
}

/// What to call a policy in a sentence: its file, or how many there are.
pub(crate) fn name(texts: &Texts) -> String {
    match &texts[..] {
        [(name, _)] => name.to_string(),
        [(name, _), rest @ ..] => format!("{name} + {}", rest.len()),
        [] => String::new(),
    }
}

/// A policy that cannot be used, every mistake with its line.
pub(crate) fn mistaken(mistakes: &[Mistake], texts: &Texts) -> Failure {
    let name = name(texts);
    let count = mistakes.len();
    let en_mistakes = inflect(count, "mistake", "mistakes");
    let what = text!("{name}: {count} {en_mistakes}", "{name}: {count} 件の誤り");
    let sources = sources(texts);
    let shown = |lang| caret::render(mistakes, &sources, lang);
    Failure::usage(what).detail(Text { en: shown(Lang::En), ja: shown(Lang::Ja) })
}
