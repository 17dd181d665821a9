//! Why a command could not do what was asked: what was attempted, why it failed, and what to type next.

use std::io::{self, Write as _};

use portreeve_core::{
    text,
    words::{Lang, Text, Words},
};

use crate::{exit::Exit, show::escape::visible};

/// The end of a command that did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something that the person has to know.
    Said(Box<Sentence>),
    /// Whoever read the output has gone (`| head`): nothing is wrong, and nobody listens.
    ReaderGone,
}

/// What is printed as `error:`, `cause:` and `hint:`.
#[derive(Debug)]
pub(crate) struct Sentence {
    exit: Exit,
    what: Text,
    causes: Vec<Text>,
    detail: String,
    hint: Option<Text>,
}

impl Failure {
    /// A failure that ends with `exit`; `what` says what was attempted, on what.
    pub(crate) fn new(exit: Exit, what: impl Into<Text>) -> Self {
        let what = what.into();
        Self::Said(Box::new(Sentence { exit, what, causes: Vec::new(), detail: String::new(), hint: None }))
    }

    /// The command line, the policy or a file that was named is wrong.
    pub(crate) fn usage(what: impl Into<Text>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// What could not be written to the standard output.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        Self::new(
            Exit::Unreachable,
            Words { en: "cannot write to standard output", ja: "標準出力に書き込めません" },
        )
        .because(io_cause(error))
    }

    /// The same with one more cause, the nearest first.
    pub(crate) fn because(self, cause: impl Into<Text>) -> Self {
        self.edit(|sentence| sentence.causes.push(cause.into()))
    }

    /// The same with lines that are printed as they are below the error; already made visible.
    pub(crate) fn detail(self, lines: String) -> Self {
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
        lines.push_str(&self.detail);
        for cause in &self.causes {
            lines += &format!("cause: {}\n", visible(cause.in_lang(lang)));
        }
        if let Some(hint) = &self.hint {
            lines += &format!("hint: {}\n", visible(hint.in_lang(lang)));
        }
        lines
    }
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
        io::ErrorKind::IsADirectory => Words { en: "it is a directory", ja: "ディレクトリです" },
        io::ErrorKind::StorageFull => Words { en: "no space is left", ja: "空き容量がありません" },
        io::ErrorKind::InvalidData => {
            Words { en: "it is not text (UTF-8)", ja: "テキスト(UTF-8)ではありません" }
        }
        _ => return system_cause(error),
    };
    words.into()
}

fn system_cause(error: &io::Error) -> Text {
    let said = error.to_string();
    let said = said.split(" (os error").next().unwrap_or_default();
    text!("{said}", "{said}")
}

/// A panic is a bug of ours: it says so, and exits with 70 rather than a signal.
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let said = payload.downcast_ref::<&str>().copied();
        let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
        let lines = format!(
            "error: this is a bug in portreeve\ncause: {} ({place})\nhint: portreeve snapshot --redact > host.json, and report it with the command you typed\n",
            visible(said)
        );
        let _ = io::stderr().write_all(lines.as_bytes());
        std::process::exit(Exit::Bug.code().into());
    }));
}
