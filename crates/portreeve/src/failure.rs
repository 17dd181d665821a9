//! Why a command could not do what was asked: what was attempted, why it failed, and what to type next.

use std::{
    io::{self, Write as _},
    path::Path,
};

use portreeve_core::{
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::keep::KeepError;

use crate::{exit::Exit, show::escape::visible};

/// The end of a command that did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something that the person has to know.
    Said(Box<Sentence>),
    /// Whoever read the output has gone (`| head`): nothing is wrong, and nobody listens.
    ReaderGone,
}

const UNWRITTEN: Words =
    Words { en: "cannot write to standard output", ja: "標準出力に書き込めません" };

/// What is printed as `error:`, `cause:` and `hint:`.
#[derive(Debug)]
pub(crate) struct Sentence {
    exit: Exit,
    what: Text,
    causes: Vec<Text>,
    detail: Text,
    hint: Option<Text>,
}

impl Failure {
    /// A failure that ends with `exit`; `what` says what was attempted, on what.
    pub(crate) fn new(exit: Exit, what: impl Into<Text>) -> Self {
        let what = what.into();
        Self::Said(Box::new(Sentence { exit, what, causes: Vec::new(), detail: Text::default(), hint: None }))
    }

    /// The command line, the policy or a file that was named is wrong.
    pub(crate) fn usage(what: impl Into<Text>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// How it ends.
    pub(crate) const fn exit(&self) -> Option<Exit> {
        match self {
            Self::Said(sentence) => Some(sentence.exit),
            _ => None,
        }
    }

    /// What could not be written to the standard output.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        Self::new(Exit::Unreachable, UNWRITTEN).because(io_cause(error))
    }

    /// The same for whoever has more to say than that it cannot be written.
    pub(crate) fn unwritten(what: Words, error: &io::Error) -> Self {
        Self::new(Exit::Unreachable, what).because(UNWRITTEN).because(io_cause(error))
    }

    /// The same with one more cause, the nearest first.
    pub(crate) fn because(self, cause: impl Into<Text>) -> Self {
        self.edit(|sentence| sentence.causes.push(cause.into()))
    }

    /// The same with lines that are printed as they are below the error; already made visible.
    pub(crate) fn detail(self, lines: Text) -> Self {
        self.edit(|sentence| sentence.detail = lines)
    }

    /// The same with what to type next.
    pub(crate) fn hint(self, hint: impl Into<Text>) -> Self {
        self.edit(|sentence| sentence.hint = Some(hint.into()))
    }

    fn edit(mut self, change: impl FnOnce(&mut Sentence)) -> Self {
        if let Self::Said(sentence) = &mut self {
            change(sentence);
        }
        self
    }

    /// What was attempted, in a line: for those who have one line only.
    pub(crate) fn what(&self, lang: Lang) -> &str {
        match self {
            Self::ReaderGone => "",
            Self::Said(sentence) => sentence.what.in_lang(lang),
        }
    }

    /// The same with every cause, in a line, and what to type next: for those who tell it in a document.
    pub(crate) fn whole(&self, lang: Lang) -> (String, Option<&str>) {
        match self {
            Self::ReaderGone => Default::default(),
            Self::Said(sentence) => {
                let said = std::iter::once(&sentence.what).chain(&sentence.causes);
                let said: Vec<&str> = said.map(|text| text.in_lang(lang)).collect();
                (said.join(": "), sentence.hint.as_ref().map(|hint| hint.in_lang(lang)))
            }
        }
    }

    /// Prints it to standard error and says how to exit.
    pub(crate) fn print(&self, lang: Lang) -> Exit {
        match self {
            Self::ReaderGone => Exit::Fine,
            Self::Said(sentence) => {
                // Nobody is left to be told when standard error is gone too.
                let _ = io::stderr().write_all(sentence.render(lang).as_bytes());
                sentence.exit
            }
        }
    }
}

impl Sentence {
    fn render(&self, lang: Lang) -> String {
        let mut lines = format!("error: {}\n", visible(self.what.in_lang(lang)));
        lines.push_str(self.detail.in_lang(lang));
        for cause in &self.causes {
            lines += &format!("cause: {}\n", visible(cause.in_lang(lang)));
        }
        if let Some(hint) = &self.hint {
            lines += &format!("hint: {}\n", visible(hint.in_lang(lang)));
        }
        lines
    }
}

/// Says a line on standard error; where nobody reads it, that is no reason to stop.
pub(crate) fn warn(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// What the system said, in words and without its number.
pub(crate) fn io_cause(error: &io::Error) -> Text {
    let words = match error.kind() {
        io::ErrorKind::NotFound => {
            Words { en: "there is no such file", ja: "ファイルが存在しません" }
        }
        io::ErrorKind::PermissionDenied => {
            Words { en: "permission denied", ja: "アクセスが許可されていません" }
        }
        io::ErrorKind::AlreadyExists => Words { en: "it exists already", ja: "既に存在します" },
        io::ErrorKind::NotADirectory => {
            Words { en: "it is not a directory", ja: "ディレクトリではありません" }
        }
        io::ErrorKind::ReadOnlyFilesystem => Words {
            en: "the file system is read-only",
            ja: "ファイルシステムが読み取り専用です",
        },
        io::ErrorKind::QuotaExceeded => {
            Words { en: "the quota is used up", ja: "ディスククォータを超えています" }
        }
        io::ErrorKind::FileTooLarge => Words { en: "it would be too large", ja: "大きすぎます" },
        io::ErrorKind::IsADirectory => Words { en: "it is a directory", ja: "ディレクトリです" },
        io::ErrorKind::StorageFull => Words { en: "no space is left", ja: "空き容量がありません" },
        io::ErrorKind::InvalidData => {
            Words { en: "it is not text (UTF-8)", ja: "テキスト(UTF-8)ではありません" }
        }
        _ => return system_cause(error),
    };
    words.into()
}

/// Why a file of ours could not be replaced.
pub(crate) fn keep_cause(error: &KeepError) -> Text {
    match error {
        KeepError::Write { source, .. } => io_cause(source),
        KeepError::Unsynced { path, source } => {
            let path = path.display();
            let Text { en, ja } = io_cause(source);
            text!(
                "it is done, but may be undone by a power failure, as {path} cannot be synced: {en}",
                "書き込みは完了しましたが、{path} を同期できないため、電源断で失われるおそれがあります({ja})"
            )
        }
        KeepError::Shared { path } => {
            let path = path.display();
            text!(
                "{path} belongs to another user, or others may write to it; nothing is kept there",
                "{path} は別のユーザーの所有か、ほかのユーザーも書き込めるため、保存先に使えません"
            )
        }
    }
}

/// What to do where a file of ours could not be replaced.
pub(crate) fn keep_hint(error: &KeepError) -> Text {
    let folder = error.path().ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/")).display();
    match error {
        KeepError::Shared { .. } => text!(
            "let nobody else write to it: ls -ld {folder}",
            "ほかのユーザーが書き込めないようにしてください: ls -ld {folder}"
        ),
        KeepError::Write { source, .. } | KeepError::Unsynced { source, .. } => match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                text!("free some space: df -h {folder}", "空き容量を増やしてください: df -h {folder}")
            }
            io::ErrorKind::ReadOnlyFilesystem => text!(
                "make it writable: findmnt -T {folder}",
                "書き込めるようにしてください: findmnt -T {folder}"
            ),
            _ => text!("look at it: ls -ld {folder}", "確認してください: ls -ld {folder}"),
        },
    }
}

fn system_cause(error: &io::Error) -> Text {
    let said = error.to_string();
    let said = said.split(" (os error").next().unwrap_or_default();
    text!("{said}", "システムのエラー「{said}」")
}

/// A panic is a bug of ours: it says so, and exits with 70 rather than a signal.
pub(crate) fn report_panics(lang: Lang) {
    std::panic::set_hook(Box::new(move |panic| {
        let payload = panic.payload();
        let said = payload.downcast_ref::<&str>().copied();
        let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let exit = bug(said, &place).print(lang);
        std::process::exit(exit.code().into());
    }));
}

fn bug(said: &str, place: &str) -> Failure {
    Failure::new(Exit::Bug, Words { en: "this is a bug in portreeve", ja: "portreeve の不具合です" })
        .because(text!("{said} ({place})", "{said}({place})"))
        .hint(Words {
            en: "report it with the command you typed and: portreeve snapshot --redact > host.json",
            ja: "入力したコマンドと portreeve snapshot --redact > host.json の結果を添えて報告してください",
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(failure: &Failure, lang: Lang) -> (String, Exit) {
        match failure {
            Failure::Said(sentence) => (sentence.render(lang), sentence.exit),
            Failure::ReaderGone => (String::new(), Exit::Fine),
        }
    }

    #[test]
    fn a_bug_says_that_it_is_one_and_exits_with_70() {
        let (text, exit) = rendered(&bug("index out of bounds", "src/x.rs:1:2"), Lang::En);
        assert!(text.starts_with(
            "error: this is a bug in portreeve\ncause: index out of bounds (src/x.rs:1:2)\nhint: "
        ));
        assert_eq!(exit.code(), 70);
    }

    #[test]
    fn the_system_is_quoted_without_its_number() {
        let cause = io_cause(&io::Error::from_raw_os_error(5));
        assert_eq!(cause.en, "Input/output error");
        assert_eq!(cause.ja, "システムのエラー「Input/output error」");
    }
}
