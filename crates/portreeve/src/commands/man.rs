//! `portreeve man`: the manual page, of the whole or of a command (A26).

use std::io;

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
    let lang = settings.lang;
    let mut whole = cli::describe(lang);
    whole.build();
    let page = match own.get_one::<String>("command") {
        None => page(&whole, super::BARE.examples, lang),
        Some(name) => {
            let described = whole.find_subcommand(name).ok_or_else(|| no_command(name))?;
            page(described, cli::find(name).map_or(&[], |command| command.examples), lang)
        }
    };
    out.write(&page.map_err(|error| Failure::output(&error))?)?;
    Ok(Exit::Fine)
}

fn no_command(name: &str) -> Failure {
    Failure::usage(text!("there is no command `{name}`", "`{name}` というコマンドはありません"))
        .hint(Words { en: "portreeve --help", ja: "portreeve --help" })
}

/// Title, name and options are clap's; what it would say of commands are pages that nobody has.
fn page(described: &clap::Command, examples: &[&str], lang: Lang) -> io::Result<String> {
    let man = Man::new(described.clone()).source(concat!("portreeve ", env!("CARGO_PKG_VERSION")));
    let mut bytes = Vec::new();
    man.render_title(&mut bytes)?;
    man.render_name_section(&mut bytes)?;
    bytes.extend(section("SYNOPSIS", &[synopsis(described)]).bytes());
    man.render_options_section(&mut bytes)?;
    if described.has_subcommands() {
        bytes.extend(commands(lang).bytes());
    }
    bytes.extend(section("EXAMPLES", examples).bytes());
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `portreeve ls [OPTIONS] [WHAT]...`.
fn synopsis(described: &clap::Command) -> String {
    let usage = described.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").trim_end().to_owned()
}

fn section<S: AsRef<str>>(heading: &str, lines: &[S]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| format!("{}\n", escaped(line.as_ref()))).collect();
    format!(".SH {heading}\n{}", lines.join(".br\n"))
}

fn commands(lang: Lang) -> String {
    let each = Words {
        en: "The page of a command: portreeve man COMMAND | man -l -",
        ja: "各コマンドのページ: portreeve man COMMAND | man -l -",
    };
    let listed = super::all().map(|command| {
        let about = escaped(command.about.in_lang(lang));
        format!(".TP\n\\fBportreeve {}\\fR\n{about}\n", escaped(command.name))
    });
    format!(".SH COMMANDS\n{}\n{}", escaped(each.in_lang(lang)), listed.collect::<String>())
}

/// Text that troff shows as it is (groff(7), escape sequences): a hyphen can be copied, and no line is a request.
fn escaped(line: &str) -> String {
    let text = line.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troff_takes_no_text_for_a_request() {
        assert_eq!(escaped("ls -a"), "ls \\-a");
        assert_eq!(escaped(".so /etc/passwd"), "\\&.so /etc/passwd");
        assert_eq!(escaped("a\\fB"), "a\\efB");
    }
}
