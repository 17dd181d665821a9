//! `portreeve schema`: the JSON Schema of a document (A26).

use clap::{Arg, ArgMatches};
use portreeve_core::{
    nearest::nearest,
    text,
    words::{Lang, Words},
};

use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    schema::DOCUMENTS,
    settings::Settings,
    show::{out::Out, table::pad},
};

const NAME: &str = "name";

/// `schema`.
pub(super) const COMMAND: Command = Command {
    name: "schema",
    about: Words { en: "What do the JSON documents look like?", ja: "JSON 文書の形式(JSON Schema)" },
    examples: &["portreeve schema", "portreeve schema findings"],
    takes: &[],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let help = Words {
        en: "A document; without it, their names", ja: "文書の名前。省略すると一覧を表示"
    };
    vec![Arg::new(NAME).value_name("NAME").help(help.in_lang(lang))]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    match own.get_one::<String>(NAME) {
        Some(name) => {
            let document = DOCUMENTS.iter().find(|document| document.name == name);
            out.json(&(document.ok_or_else(|| unknown(name))?.schema)())?;
        }
        None => {
            for document in DOCUMENTS {
                let about = document.about.in_lang(settings.lang);
                out.line(&format!("{}  {about}", pad(document.name, 11)))?;
            }
        }
    }
    Ok(Exit::Fine)
}

fn unknown(name: &str) -> Failure {
    let failure = Failure::usage(text!("there is no document `{name}`", "`{name}` という文書はありません"));
    match nearest(name, DOCUMENTS.iter().map(|document| document.name)) {
        Some(near) => failure.hint(text!("did you mean {near}?", "{near} のことですか?")),
        None => failure.hint(text!("portreeve schema", "portreeve schema")),
    }
}
