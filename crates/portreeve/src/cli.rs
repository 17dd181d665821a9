//! The command line, assembled from the descriptions that the commands give of themselves.

mod mistake;
mod page;

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgAction, ArgMatches, error::ErrorKind};
use portreeve_core::words::{Lang, Words};

use crate::{
    commands::{self, Command},
    failure::Failure,
    settings::options,
};

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// To run a command.
    Matches(ArgMatches),
    /// To print a page of help, or the version.
    Text(String),
}

/// Understands the command line.
///
/// # Errors
///
/// What is wrong with it, with the nearest thing that is right.
pub(crate) fn parse(arguments: Vec<OsString>, lang: Lang) -> Result<Parsed, Failure> {
    let named = arguments.iter().skip(1).find_map(|word| find(word.to_str()?)).map(|command| command.name);
    let description = describe(lang);
    let arguments: Vec<_> = match named.and_then(|name| description.find_subcommand(name)) {
        Some(command) if command.get_name() == "who" => arguments
            .into_iter()
            .map(|word| if is_pasted(&word, command) { spaced(&word) } else { word })
            .collect(),
        _ => arguments,
    };
    match description.try_get_matches_from(arguments) {
        Ok(matches) => Ok(Parsed::Matches(matches)),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Parsed::Text(error.render().to_string()))
        }
        Err(error) => Err(mistake::tell(&error, named)),
    }
}

/// Whether a word looks like an option only because a shell or a log wrote it so: `-bash:`.
fn is_pasted(word: &OsStr, command: &clap::Command) -> bool {
    let Some(first) =
        word.to_str().and_then(|word| word.strip_prefix('-')).and_then(|rest| rest.chars().next())
    else {
        return false;
    };
    let everywhere = ['q', 'v'];
    let is_known = everywhere.contains(&first)
        || command.get_arguments().any(|argument| argument.get_short() == Some(first));
    first.is_alphabetic() && word.len() > 2 && !is_known
}

/// The same word, which clap takes for no option; who reads words whatever is between them.
fn spaced(word: &OsStr) -> OsString {
    let mut spaced = OsString::from(" ");
    spaced.push(word);
    spaced
}

/// The command that was named, with its arguments; the status screen where none was.
pub(crate) fn chosen(matches: &ArgMatches) -> (&'static Command, &ArgMatches) {
    let named = matches.subcommand().and_then(|(name, own)| Some((find(name)?, own)));
    named.unwrap_or((commands::BARE, matches))
}

/// The command of this name.
pub(crate) fn find(name: &str) -> Option<&'static Command> {
    commands::all().find(|command| command.name == name)
}

/// The whole command line, for completions and manual pages too.
pub(crate) fn describe(lang: Lang) -> clap::Command {
    let bare = commands::BARE;
    clap::Command::new("portreeve")
        .bin_name("portreeve")
        .version(env!("CARGO_PKG_VERSION"))
        .about(bare.about.in_lang(lang))
        .override_help(page::overview(lang))
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(arguments(bare, lang))
        .args(options::everywhere(lang))
        .arg(help_flag(lang))
        .arg(version_flag(lang))
        .subcommands(commands::all().map(|command| describe_one(command, lang)))
}

fn describe_one(command: &'static Command, lang: Lang) -> clap::Command {
    clap::Command::new(command.name)
        .about(command.about.in_lang(lang))
        .help_template(page::template(lang))
        .after_help(page::examples(command, lang))
        .disable_help_flag(true)
        .args(arguments(command, lang))
        .arg(help_flag(lang))
}

/// What is a command's own comes first, then what it shares with others, in one order on every page.
fn arguments(command: &Command, lang: Lang) -> impl Iterator<Item = Arg> {
    let heading = options::OWN.in_lang(lang);
    let own = (command.arguments)(lang);
    let mut takes = command.takes.to_vec();
    takes.sort_by_key(|common| common.place());
    let shared = takes.into_iter().map(move |common| options::common(common, lang));
    let ordered = own.into_iter().chain(shared).enumerate();
    ordered.map(move |(place, arg)| arg.display_order(place).help_heading(heading))
}

fn help_flag(lang: Lang) -> Arg {
    Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::HelpShort)
        .display_order(options::HELP_PLACE)
        .help(Words { en: "This page", ja: "このページを表示" }.in_lang(lang))
        .help_heading(options::EVERYWHERE.in_lang(lang))
}

fn version_flag(lang: Lang) -> Arg {
    Arg::new("version")
        .short('V')
        .long("version")
        .action(ArgAction::Version)
        .display_order(options::HELP_PLACE + 1)
        .help(Words { en: "The version", ja: "バージョンを表示" }.in_lang(lang))
        .help_heading(options::EVERYWHERE.in_lang(lang))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_contradiction_in_either_language() {
        for lang in [Lang::En, Lang::Ja] {
            describe(lang).debug_assert();
        }
    }

    #[test]
    fn every_example_is_understood() {
        for command in commands::all() {
            assert!(!command.examples.is_empty(), "{} has no example", command.name);
            for example in command.examples {
                let words = example.split(" | ").find(|part| part.starts_with("portreeve")).unwrap();
                let words = words.split(" > ").next().unwrap().split(' ').map(OsString::from).collect();
                assert!(matches!(parse(words, Lang::En), Ok(Parsed::Matches(_))), "{example}");
            }
        }
    }
}
