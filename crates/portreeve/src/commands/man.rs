//! `portreeve man`: the manual page, of the whole or of a command (A26).

use clap::{Arg, ArgMatches};
use clap_mangen::Man;
use portreeve_core::{
    text,
    words::{Lang, Words},
};

use super::Command;
use crate::{cli, exit::Exit, failure::Failure, settings::Settings, show::out::Out};

/// `man`.
pub(crate) const COMMAND: Command = Command {
    name: "man",
    about: Words { en: "The manual page, for man -l -", ja: "マニュアルページ(man -l - で表示)" },
    examples: &["portreeve man | man -l -", "portreeve man ls | man -l -"],
    takes: &[],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let help = Words { en: "A command", ja: "コマンド名" };
    vec![Arg::new("command").value_name("COMMAND").help(help.in_lang(lang))]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let mut described = cli::describe(settings.lang);
    if let Some(name) = own.get_one::<String>("command") {
        described.build();
        described = described.find_subcommand(name).cloned().ok_or_else(|| {
            Failure::usage(text!("there is no command `{name}`", "`{name}` というコマンドはありません"))
                .hint(Words { en: "portreeve --help", ja: "portreeve --help" })
        })?;
    }
    let mut page = Vec::new();
    Man::new(described).render(&mut page).map_err(|error| Failure::output(&error))?;
    out.write(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Fine)
}
