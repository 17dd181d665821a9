//! `portreeve completions SHELL`: what a shell needs to complete our words (A26).

use clap::{Arg, ArgMatches};
use clap_complete::{Shell, generate};
use portreeve_core::words::{Lang, Words};

use super::Command;
use crate::{
    cli,
    exit::Exit,
    failure::Failure,
    settings::{Settings, options},
    show::out::Out,
};

/// `completions`.
pub(crate) const COMMAND: Command = Command {
    name: "completions",
    about: Words {
        en: "Completions for bash, zsh or fish", ja: "bash、zsh、fish の補完スクリプト"
    },
    examples: &["portreeve completions bash > /etc/bash_completion.d/portreeve"],
    takes: &[],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let help = Words { en: "bash, zsh or fish", ja: "bash、zsh、fish のいずれか" };
    vec![options::choice("shell", "SHELL", ["bash", "zsh", "fish"], help, lang).long(None).required(true)]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let shell = match own.get_one::<String>("shell").map(String::as_str) {
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut script = Vec::new();
    generate(shell, &mut cli::describe(settings.lang), "portreeve", &mut script);
    out.write(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}
