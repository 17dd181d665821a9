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
use serde_json::{Value, error::Category};

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

/// A question as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "in")]
    interface: Option<Value>,
    from: Value,
    to: Value,
    protocol: Value,
    port: Value,
}

impl Written {
    /// What it asks.
    fn question(&self) -> Result<Question, Text> {
        let interface = self.interface.as_ref().map(|it| it.as_str().ok_or_else(|| no_name(it)));
        Ok(Question {
            interface: interface.transpose()?.map(str::to_owned),
            from: address("from", &self.from)?,
            to: address("to", &self.to)?,
            protocol: protocol(&self.protocol)?,
            port: port(&self.port)?,
        })
    }
}

fn no_name(value: &Value) -> Text {
    text!(
        "`in` is the name of an interface, not {value}",
        "`in` はインターフェース名です({value} ではありません)"
    )
}

fn address(name: &str, value: &Value) -> Result<IpAddr, Text> {
    let address = value.as_str().and_then(|text| text.parse().ok());
    address.map(|address: IpAddr| address.to_canonical()).ok_or_else(|| {
        text!("`{name}` is an IP address, not {value}", "`{name}` は IP アドレスです({value} ではありません)")
    })
}

fn protocol(value: &Value) -> Result<Protocol, Text> {
    let protocol = value.as_str().and_then(|text| text.parse().ok());
    protocol.ok_or_else(|| {
        let known = Protocol::ALL.map(Protocol::name).join(", ");
        text!(
            "`protocol` is one of {known}, not {value}",
            "`protocol` は {known} のいずれかです({value} ではありません)"
        )
    })
}

fn port(value: &Value) -> Result<u16, Text> {
    let port = value.as_u64().and_then(|number| number.try_into().ok());
    port.ok_or_else(|| {
        text!(
            "`port` is a number up to 65535, not {value}",
            "`port` は 65535 以下の番号です({value} ではありません)"
        )
    })
}

/// One packet: what becomes of it?
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The interface that it comes in by; without it, the one that leads to where it comes from.
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
        let found = exposed(filter, &self.senders(), &to);
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
    pub(super) fn senders(&self) -> Senders<'_> {
        let from = self.from.into();
        match &self.interface {
            Some(interface) => Senders::Behind(interface, from),
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
    let written: Written = serde_json::from_str(line).map_err(|error| unlike(&error))?;
    let question = written.question()?;
    question.mistake(filter).map_or(Ok(question), Err)
}

/// Why a line is no question, whatever stands in its fields.
fn unlike(error: &serde_json::Error) -> Text {
    let (said, column) = (error.to_string(), error.column());
    let field = said.split('`').nth(1).unwrap_or_default();
    match error.classify() {
        Category::Data if said.starts_with("missing") => {
            text!("`{field}` is missing", "`{field}` がありません")
        }
        Category::Data if said.starts_with("unknown") => {
            text!("`{field}` is no part of a question", "`{field}` という項目はありません")
        }
        Category::Data if said.starts_with("duplicate") => {
            text!("`{field}` stands there twice", "`{field}` が重複しています")
        }
        _ => {
            text!("column {column}: it is no JSON object", "{column} 文字目: JSON オブジェクトではありません")
        }
    }
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
