//! `portreeve help`: the overview, the page of a command, or the exit codes (A26).

use clap::{Arg, ArgMatches};
use portreeve_core::{
    text,
    words::{Lang, Words},
};

use super::Command;
use crate::{cli, exit::Exit, failure::Failure, settings::Settings, show::out::Out};

/// `help`.
pub(crate) const COMMAND: Command = Command {
    name: "help",
    about: Words {
        en: "How does a command work; what do the exit codes mean?",
        ja: "コマンドの使い方と終了コードの意味",
    },
    examples: &["portreeve help exit-codes", "portreeve help ls"],
    takes: &[],
    arguments,
    run,
};

const EXIT_CODES: &str = "exit-codes";

fn arguments(lang: Lang) -> Vec<Arg> {
    let help = Words { en: "A command, or exit-codes", ja: "コマンド名、または exit-codes" };
    vec![Arg::new("topic").value_name("TOPIC").num_args(1..).help(help.in_lang(lang))]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let lang = settings.lang;
    let topic: Vec<_> = own.get_many::<String>("topic").into_iter().flatten().map(String::as_str).collect();
    match topic[..] {
        [] => out.write(&cli::describe(lang).render_help().to_string())?,
        [EXIT_CODES] => out.write(&exit_codes(lang))?,
        // `help off pins`: the page of a command tells of its words too.
        [name, ..] => out.write(&page(name, lang)?)?,
    }
    Ok(Exit::Fine)
}

fn page(name: &str, lang: Lang) -> Result<String, Failure> {
    let mut whole = cli::describe(lang);
    whole.build();
    let page = whole.find_subcommand_mut(name).map(|command| command.render_help().to_string());
    page.ok_or_else(|| {
        Failure::usage(text!("there is no page `{name}`", "`{name}` というページはありません"))
            .hint(Words { en: "portreeve help", ja: "portreeve help" })
    })
}

fn exit_codes(lang: Lang) -> String {
    Exit::ALL.iter().map(|exit| format!("{:>3}  {}\n", exit.code(), exit.words().in_lang(lang))).collect()
}
