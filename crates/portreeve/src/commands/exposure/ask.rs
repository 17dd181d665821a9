//! `--ask`: questions in bulk, so that people can keep the tests of their packet filter beside it.

use std::{io, net::IpAddr, path::PathBuf};

use clap::{Arg, ArgMatches, builder::ValueParser};
use portreeve_core::{
    address::Family,
    exposure::{Senders, To, exposed},
    firewall::{Filter, Intervals, number},
    port::{PortRange, Protocol},
    text,
    words::{Lang, Text, Words},
};
use serde::Deserialize;

use super::listings::Sight;
use crate::{
    failure::Failure,
    read::{self, ReadError},
    settings::{Input, Settings, input, options},
    show::exposure::{RowView, answer},
};

/// A million questions fit.
const QUESTIONS_BYTES_MAX: usize = 256 << 20;

/// `--ask FILE|-`.
pub(super) fn argument(name: &'static str, help: Words, lang: Lang) -> Arg {
    options::value(name, "FILE", help, lang).value_parser(ValueParser::path_buf())
}

/// Refuses to read the questions from where something else is read from.
///
/// # Errors
///
/// Where both are standard input.
pub(super) fn check_stdin(own: &ArgMatches, name: &str, settings: &Settings) -> Result<(), Failure> {
    let is_stdin = own.get_one::<PathBuf>(name).is_some_and(|path| input(path) == Input::Stdin);
    if !is_stdin || !settings.reads_stdin() {
        return Ok(());
    }
    Err(Failure::usage(Words {
        en: "standard input cannot be both the questions and something else",
        ja: "質問とほかの入力の両方を標準入力から読むことはできません",
    })
    .hint(Words {
        en: "write the questions to a file: --ask FILE",
        ja: "質問をファイルに保存してください: --ask FILE",
    }))
}

/// One packet: what becomes of it?
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// The interface that it comes in by; without it, the one that leads to where it comes from.
    #[serde(rename = "in")]
    pub(super) interface: Option<String>,
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    pub(super) protocol: Protocol,
    pub(super) port: u16,
}

impl Question {
    /// Its answer.
    pub(super) fn answer<'a>(&self, sight: &'a Sight) -> RowView<'a> {
        let filter = &sight.filter;
        let to = self.destination();
        let found = exposed(filter, &self.senders(filter), &to);
        answer(found.into_iter().next(), &to, (self.from.into(), self.to.into()), filter, sight.basis())
    }

    /// Where its packet goes.
    pub(super) fn destination(&self) -> To {
        To {
            family: Family::of(self.from),
            protocol: self.protocol,
            addresses: Some(Intervals::one(number(self.to))),
            ports: PortRange::one(self.port),
        }
    }

    /// Who sends its packet.
    pub(super) fn senders(&self, filter: &Filter) -> Senders<'_> {
        let from = self.from.into();
        match &self.interface {
            Some(interface) => Senders::Behind(interface, from),
            None if filter.around.is_own(self.from) => Senders::Host,
            None => Senders::Network(from),
        }
    }

    /// What about it cannot be asked.
    pub(super) fn mistake(&self, filter: &Filter) -> Option<Text> {
        let Self { from, to, .. } = self;
        if Family::of(*from) != Family::of(*to) {
            return Some(text!(
                "{from} and {to} are not of the same family",
                "{from} と {to} のアドレスファミリーが異なります"
            ));
        }
        let interface = self.interface.as_ref()?;
        filter.around.interface(interface).is_none().then(|| {
            text!("there is no interface `{interface}`", "`{interface}` というインターフェースはありません")
        })
    }
}

/// The questions that were named, if any were.
///
/// # Errors
///
/// Where they cannot be read, or the first of them that is none.
pub(super) fn questions(
    own: &ArgMatches,
    name: &str,
    filter: &Filter,
) -> Result<Option<Vec<Question>>, Failure> {
    let Some(path) = own.get_one::<PathBuf>(name) else { return Ok(None) };
    let called = if path.as_os_str() == "-" { "<stdin>".into() } else { path.display().to_string() };
    let bytes = match input(path) {
        Input::Stdin => read::bounded(io::stdin(), QUESTIONS_BYTES_MAX),
        Input::File(path) => read::file(&path, QUESTIONS_BYTES_MAX),
    };
    let text = bytes.map_err(|error| unread(&called, &error))?;
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let questions =
        lines.map(|(line, at)| question(line, filter).map_err(|why| no_question(&called, at, why)));
    questions.collect::<Result<_, _>>().map(Some)
}

fn question(line: &str, filter: &Filter) -> Result<Question, Text> {
    let question: Question = serde_json::from_str(line).map_err(|error| {
        let (why, column) = (error.to_string(), error.column());
        // It knows of one line only.
        let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
        text!("column {column}: {why}", "{column} 文字目が質問の形式に合いません: {why}")
    })?;
    question.mistake(filter).map_or(Ok(question), Err)
}

fn unread(name: &str, error: &ReadError) -> Failure {
    Failure::usage(text!("cannot read the questions of {name}", "{name} の質問を読めません"))
        .because(error.text())
        .hint(such_as())
}

fn no_question(name: &str, line: u32, why: Text) -> Failure {
    Failure::usage(text!("{name}:{line} is no question", "{name}:{line} は質問として読めません"))
        .because(why)
        .hint(such_as())
}

fn such_as() -> Text {
    let example = r#"{"in":"wan0","from":"203.0.113.7","to":"192.0.2.1","protocol":"tcp","port":22}"#;
    text!("one a line, such as: {example}", "1 行に 1 つ。例: {example}")
}
