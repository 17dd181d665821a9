//! `portreeve registry`: which table of assigned numbers is in use, the table whole, and a newer one (A7).

use std::{io, path::Path};

use clap::{Arg, ArgMatches};
use portreeve_core::{
    registry::iana,
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::keep::{self, Readers};

use super::Command;
use crate::{
    directories,
    exit::Exit,
    failure::{Failure, keep_cause},
    read,
    settings::{Common, Format, Settings, Verbosity},
    show::{
        out::Out,
        registry::{self as show, AssignmentView, Record},
        table::pad,
    },
    table_file::{self, TableFile},
};

const ACTION: &str = "action";
const IMPORT: &str = "import";
const SHOW: &str = "show";
const LIST: &str = "list";
const FILE: &str = "file";

/// `registry`.
pub(super) const COMMAND: Command = Command {
    name: "registry",
    about: Words {
        en: "Which table of assigned numbers is in use?",
        ja: "使用中の割り当て表(IANA)の確認と更新",
    },
    examples: &[
        "portreeve registry show",
        "portreeve registry list -o ndjson",
        "portreeve registry import service-names-port-numbers.csv",
    ],
    takes: &[Common::Output(Format::LISTING)],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let action = Words {
        en: "show: where it is from; list: all of it; import: use IANA's list in FILE from now on",
        ja: "show: 出所を表示、list: 全件を表示、import: FILE(IANA の CSV)を今後使う",
    };
    let file = Words {
        en: "IANA's service-names-port-numbers.csv (-: standard input)",
        ja: "IANA の service-names-port-numbers.csv(- は標準入力)",
    };
    vec![
        Arg::new(ACTION)
            .value_name("show|list|import")
            .value_parser([SHOW, LIST, IMPORT])
            .hide_possible_values(true)
            .default_value(SHOW)
            .hide_default_value(true)
            .help(action.in_lang(lang)),
        Arg::new(FILE).value_name("FILE").required_if_eq(ACTION, IMPORT).help(file.in_lang(lang)),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let action = own.get_one::<String>(ACTION).map(String::as_str);
    let file = own.get_one::<String>(FILE).map(Path::new);
    match (action, file) {
        (Some(IMPORT), Some(file)) => import(file, settings, out)?,
        (_, Some(_)) => {
            return Err(Failure::usage(Words {
                en: "only import takes a FILE",
                ja: "FILE を指定できるのは import だけです",
            }));
        }
        (Some(LIST), None) => list(settings, out)?,
        _ => tell(settings, out)?,
    }
    Ok(Exit::Fine)
}

fn list(settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    let table = TableFile::load()?;
    let registry = table.registry();
    let mut rows = registry.assignments().map(AssignmentView::from);
    match settings.format {
        Format::Json => out.json(&show::document(registry)),
        Format::Ndjson => rows.try_for_each(|row| out.ndjson(&row)),
        Format::Csv => out.csv(rows.map(Record::from)),
        _ => registry.assignments().try_for_each(|assignment| {
            let [port, names, description] = show::cells(&assignment);
            out.line(format!("{}  {}  {description}", pad(&port, 15), pad(&names, 16)).trim_end())
        }),
    }
}

fn tell(settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    let table = TableFile::load()?;
    let view = show::about(&table);
    match settings.format {
        Format::Json => out.json(&view),
        Format::Ndjson => out.ndjson(&view),
        Format::Csv => out.csv([view]),
        _ => out.line(view.sentence().in_lang(settings.lang)),
    }
}

fn import(file: &Path, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    let is_stdin = file == Path::new("-");
    let name = if is_stdin { "<stdin>".into() } else { file.display().to_string() };
    let fail = |cause: Text| {
        Failure::usage(text!(
            "cannot import {name}; the table in use stays as it was",
            "{name} を取り込めません。使用中の表はそのままです"
        ))
        .because(cause)
    };
    let bytes = if is_stdin {
        read::bounded(io::stdin().lock(), iana::FILE_BYTES_MAX)
    } else {
        read::file(file, iana::FILE_BYTES_MAX)
    };
    let bytes = bytes.map_err(|error| fail(error.text()))?;
    let table = iana::read(&bytes).map_err(|mistake| fail(mistake.text()))?;
    let binary = table.build().map_err(|error| fail(error.text()))?;
    let directory = directories::data().ok_or_else(nowhere)?;
    let (path, content) = (directory.join(table_file::FILE), table_file::encode(&binary));
    keep::replace(&path, &content, Readers::Everybody).map_err(|error| {
        let path = error.path().display();
        Failure::new(Exit::Unreachable, text!("cannot write {path}", "{path} に書き込めません"))
            .because(keep_cause(&error))
    })?;
    if settings.verbosity == Verbosity::Quiet { Ok(()) } else { tell(settings, out) }
}

fn nowhere() -> Failure {
    Failure::new(
        Exit::Unreachable,
        Words {
            en: "nowhere to keep the table: neither HOME nor XDG_DATA_HOME is set",
            ja: "表の保存先がありません: HOME も XDG_DATA_HOME も設定されていません",
        },
    )
}
