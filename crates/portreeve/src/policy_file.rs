//! Finds and reads the files of a policy (A15).

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use portreeve_core::{
    policy::{self, Mistake, Parsed, Source, limits},
    registry::Registry,
    text,
    words::{Lang, Text, Words, inflect},
};

use crate::{
    failure::{Failure, io_cause},
    read,
    settings::{Input, PolicyChoice},
    show::caret,
};

/// Where the policy of a host lives.
const USUAL: &str = "/etc/portreeve";
/// Bytes of all files together: four times what as many services as a policy may hold take.
const BYTES_MAX: usize = 32 << 20;

/// The text of a policy: the name and the content of each file, in order.
pub(crate) type Texts = Vec<(Arc<str>, String)>;

/// The policy that `choice` means, read whole; `None` where there is none.
///
/// # Errors
///
/// Where a file that was named cannot be read, or a mistake stands in it.
pub(crate) fn load(choice: &PolicyChoice, registry: Registry<'_>) -> Result<Option<Parsed>, Failure> {
    let Some(texts) = read(choice)? else { return Ok(None) };
    policy::parse(&sources(&texts), registry).map(Some).map_err(|mistakes| {
        let failure = mistaken(&mistakes, &texts);
        // Whoever named it wants to hear of it.
        if *choice == PolicyChoice::Usual { failure.hint(WITHOUT_IT) } else { failure }
    })
}

const WITHOUT_IT: Words = Words {
    en: "correct it (portreeve check); what only looks goes on without it: --policy none",
    ja: "修正してください(portreeve check)。参照するだけのコマンドは --policy none を付けると実行できます",
};

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
            let text = given().map_err(|cause| unreadable("<stdin>", cause))?;
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
        // Whoever names one thing may well mean a pipe.
        let name = path.display().to_string();
        let text = named(path).map_err(|cause| unreadable(&name, cause))?;
        return Ok(vec![(name.into(), text)]);
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
    let mut paths = if is_there(&main)? { vec![main] } else { Vec::new() };
    paths.extend(tomls(&directory.join("policy.d"))?);
    let paths = if paths.is_empty() { tomls(directory)? } else { paths };
    if paths.len() > limits::FILES_MAX {
        let most = limits::FILES_MAX;
        let cause = text!("it holds more than {most} *.toml", "*.toml が {most} 個を超えています");
        return Err(unreadable(&directory.display().to_string(), cause));
    }
    Ok(paths)
}

/// Whether anything has this name; a link whose target is gone is there, and must not pass for no policy.
fn is_there(path: &Path) -> Result<bool, Failure> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable(&path.display().to_string(), io_cause(&error))),
    }
}

/// Every `*.toml` of a directory, in order of name, up to one too many; none where there is no such directory.
fn tomls(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !is_there(directory)? {
        return Ok(Vec::new());
    }
    let fail = |error: io::Error| unreadable(&directory.display().to_string(), io_cause(&error));
    let mut paths = Vec::new();
    for entry in directory.read_dir().map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
        if paths.len() > limits::FILES_MAX {
            break;
        }
    }
    paths.sort();
    Ok(paths)
}

fn read_all(paths: &[PathBuf]) -> Result<Texts, Failure> {
    let mut texts = Texts::new();
    let mut bytes = 0;
    for path in paths {
        let name = path.display().to_string();
        let text = found(path).map_err(|cause| unreadable(&name, cause))?;
        bytes += text.len();
        if bytes > BYTES_MAX {
            let mebibytes = BYTES_MAX >> 20;
            let cause = text!(
                "with the files before it, it is larger than {mebibytes} MiB",
                "これより前のファイルとの合計が {mebibytes} MiB を超えています"
            );
            return Err(unreadable(&name, cause));
        }
        texts.push((name.into(), text));
    }
    Ok(texts)
}

/// The text of a file that was found in a directory.
fn found(path: &Path) -> Result<String, Text> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Words { en: "it is a link to nothing", ja: "リンク先が存在しません" }.into()
        }
        _ => io_cause(&error),
    })?;
    // A FIFO would be waited for without end.
    if !metadata.is_file() {
        return Err(Words {
            en: "it is not a regular file", ja: "通常のファイルではありません"
        }
        .into());
    }
    named(path)
}

/// The text on standard input, which is there once, whoever asks again.
fn given() -> Result<String, Text> {
    static GIVEN: OnceLock<Result<String, Text>> = OnceLock::new();
    GIVEN.get_or_init(|| text(io::stdin())).clone()
}

fn named(path: &Path) -> Result<String, Text> {
    read::open(path).map_err(|error| error.text()).and_then(text)
}

fn text(reader: impl Read) -> Result<String, Text> {
    let bytes = read::bounded(reader, limits::FILE_BYTES_MAX).map_err(|error| error.text())?;
    let text = String::from_utf8(bytes).map_err(|_| io_cause(&io::ErrorKind::InvalidData.into()))?;
    // No TOML begins so, and each line of JSON would be a mistake.
    if text.trim_start().starts_with('{') {
        return Err(Words {
            en: "it is JSON, and a policy is TOML; a saved plan is given without --policy: portreeve apply PLAN",
            ja: "JSON ですが、policy は TOML で記述します。保存した計画は --policy を付けずに指定してください: portreeve apply PLAN",
        }
        .into());
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
