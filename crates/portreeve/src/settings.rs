//! What a run was asked for with the options that commands share.

pub(crate) mod locale;
pub(crate) mod options;

use std::{ffi::OsString, io::IsTerminal as _, path::PathBuf};

use clap::ArgMatches;
use portreeve_core::{
    facts::Snapshot,
    finding::Severity,
    text,
    words::{Lang, Words},
    world::Scope,
};
use portreeve_host::observe::Namespaces;

use crate::failure::Failure;

/// The options that several commands take; a command names those it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Common {
    /// `--snapshot FILE|-`.
    Snapshot,
    /// `--policy FILE|DIR|-|none`.
    Policy,
    /// `--netns all|NAME`.
    Netns,
    /// `--allow-gaps`.
    AllowGaps,
    /// `--fail-on SEVERITY`.
    FailOn,
    /// `-o FORMAT`, the first being the default.
    Output(&'static [Format]),
}

impl Common {
    /// What every command takes that lists listeners.
    pub(crate) const LISTING: &'static [Self] =
        &[Self::Output(Format::LISTING), Self::Snapshot, Self::Policy, Self::Netns, Self::AllowGaps];

    /// Where it stands among the others on a page of help.
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::Output(_) => 0,
            Self::Snapshot => 1,
            Self::Policy => 2,
            Self::Netns => 3,
            Self::FailOn => 4,
            Self::AllowGaps => 5,
        }
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For a person.
    Table,
    /// One document.
    Json,
    /// One object a line.
    Ndjson,
    /// RFC 4180.
    Csv,
    /// Static Analysis Results Interchange Format 2.1.0.
    Sarif,
    /// A monitoring plugin's line and exit code.
    Nagios,
    /// The text that nft is given.
    Nft,
}

impl Format {
    /// What every listing can be written as.
    pub(crate) const LISTING: &'static [Self] = &[Self::Table, Self::Json, Self::Ndjson, Self::Csv];
    const ALL: [Self; 7] =
        [Self::Table, Self::Json, Self::Ndjson, Self::Csv, Self::Sarif, Self::Nagios, Self::Nft];

    /// The word after `-o`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Sarif => "sarif",
            Self::Nagios => "nagios",
            Self::Nft => "nft",
        }
    }
}

/// Whether colour is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Escape sequences are written.
    On,
    /// Plain text.
    Off,
}

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// `-q`: the exit code alone, or the bare answer.
    Quiet,
    /// The usual.
    Normal,
    /// `-v`: everything known.
    Verbose,
}

/// Where something is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// `-`.
    Stdin,
    /// A path.
    File(PathBuf),
}

/// Which policy is judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PolicyChoice {
    /// `none`.
    Without,
    /// The one below /etc/portreeve, if there is one.
    Usual,
    /// One that was named: it must be there.
    Named(Input),
}

/// Which network namespaces are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Netns {
    /// What is usual for the command.
    Usual,
    /// `all`.
    All,
    /// A name below /run/netns, or an inode.
    Named(String),
}

/// Whether what could not be seen changes the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gaps {
    /// Where it matters to the answer.
    Matter,
    /// `--allow-gaps`.
    Allowed,
}

/// The answers to the options that commands share.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The language of every sentence.
    pub(crate) lang: Lang,
    /// Whether colour is used on standard output.
    pub(crate) colour: Colour,
    /// How much is said.
    pub(crate) verbosity: Verbosity,
    /// How the answer is written.
    pub(crate) format: Format,
    /// A saved snapshot instead of this host.
    pub(crate) snapshot: Option<Input>,
    /// Which policy.
    pub(crate) policy: PolicyChoice,
    /// Which namespaces.
    pub(crate) netns: Netns,
    /// Whether gaps change the exit code.
    pub(crate) gaps: Gaps,
    /// From which severity on findings change the exit code; `None` is never.
    pub(crate) fail_on: Option<Severity>,
}

impl Settings {
    /// The settings of a run; `own` are the arguments of its command, `root` those before the command's name.
    ///
    /// `formats` are what the command can be written as, the default first.
    ///
    /// # Errors
    ///
    /// Where two inputs both want the standard input.
    pub(crate) fn read(own: &ArgMatches, root: &ArgMatches, formats: &[Format]) -> Result<Self, Failure> {
        let given = Given { own, root };
        let settings = Self {
            lang: locale::chosen(given.text(options::LANG)),
            colour: colour(given.text(options::COLOUR)),
            verbosity: verbosity(&given),
            format: format(given.text(options::OUTPUT), formats),
            snapshot: given.path(options::SNAPSHOT).map(input),
            policy: policy_choice(given.path(options::POLICY)),
            netns: netns(given.text(options::NETNS)),
            gaps: if given.flag(options::ALLOW_GAPS) { Gaps::Allowed } else { Gaps::Matter },
            fail_on: fail_on(given.text(options::FAIL_ON)),
        };
        settings.check_stdin()?;
        Ok(settings)
    }

    fn check_stdin(&self) -> Result<(), Failure> {
        if self.snapshot == Some(Input::Stdin) && self.policy == PolicyChoice::Named(Input::Stdin) {
            return Err(Failure::usage(Words {
                en: "--snapshot - and --policy - cannot both be read from standard input",
                ja: "--snapshot - と --policy - の両方を標準入力から読むことはできません",
            }));
        }
        Ok(())
    }

    /// Whether something is read from standard input already.
    pub(crate) fn reads_stdin(&self) -> bool {
        self.snapshot == Some(Input::Stdin) || self.policy == PolicyChoice::Named(Input::Stdin)
    }

    /// Which namespaces a judgement looks into.
    pub(crate) fn namespaces(&self) -> Namespaces {
        if self.netns == Netns::Usual { Namespaces::Own } else { Namespaces::All }
    }

    /// Which namespaces of `snapshot` are judged.
    ///
    /// # Errors
    ///
    /// Where the one that was named is not there.
    pub(crate) fn scope(&self, snapshot: &Snapshot) -> Result<Scope, Failure> {
        let name = match &self.netns {
            Netns::Usual => return Ok(Scope::Own),
            Netns::All => return Ok(Scope::All),
            Netns::Named(name) => name,
        };
        let found = snapshot.namespaces.iter().find(|namespace| {
            namespace.name.as_deref() == Some(name) || name.parse().is_ok_and(|id: u64| id == namespace.id)
        });
        found.map(|namespace| Scope::One(namespace.id)).ok_or_else(|| no_namespace(name, snapshot))
    }
}

fn no_namespace(name: &str, snapshot: &Snapshot) -> Failure {
    let known = snapshot
        .namespaces
        .iter()
        .map(|namespace| namespace.name.clone().unwrap_or_else(|| namespace.id.to_string()))
        .collect::<Vec<_>>()
        .join(", ");
    Failure::usage(text!(
        "no network namespace `{name}` was seen",
        "ネットワーク名前空間 `{name}` は見つかりませんでした"
    ))
    .hint(text!("--netns all, or one of: {known}", "--netns all か、次のいずれかを指定してください: {known}"))
}

/// The arguments of a command and those before its name; the nearer ones count.
struct Given<'a> {
    own: &'a ArgMatches,
    root: &'a ArgMatches,
}

impl<'a> Given<'a> {
    fn text(&self, id: &str) -> Option<&'a str> {
        [self.own, self.root]
            .into_iter()
            .find_map(|matches| matches.try_get_one::<String>(id).ok().flatten())
            .map(String::as_str)
    }

    /// A path is bytes, not text.
    fn path(&self, id: &str) -> Option<&'a OsString> {
        [self.own, self.root]
            .into_iter()
            .find_map(|matches| matches.try_get_one::<OsString>(id).ok().flatten())
    }

    fn flag(&self, id: &str) -> bool {
        [self.own, self.root]
            .into_iter()
            .any(|matches| matches.try_get_one::<bool>(id).ok().flatten() == Some(&true))
    }
}

/// `-` or a path.
pub(crate) fn input(name: impl Into<OsString>) -> Input {
    let name = name.into();
    if name == "-" { Input::Stdin } else { Input::File(name.into()) }
}

fn verbosity(given: &Given<'_>) -> Verbosity {
    if given.flag(options::QUIET) {
        Verbosity::Quiet
    } else if given.flag(options::VERBOSE) {
        Verbosity::Verbose
    } else {
        Verbosity::Normal
    }
}

/// <https://no-color.org>: set and not empty means no colour, unless it is asked for.
fn colour(asked: Option<&str>) -> Colour {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let on = match asked {
        Some("always") => true,
        Some("never") => false,
        _ => !refused && std::io::stdout().is_terminal(),
    };
    if on { Colour::On } else { Colour::Off }
}

fn format(asked: Option<&str>, formats: &[Format]) -> Format {
    let named = asked.and_then(|name| Format::ALL.into_iter().find(|format| format.name() == name));
    named.or_else(|| formats.first().copied()).unwrap_or(Format::Table)
}

fn policy_choice(asked: Option<&OsString>) -> PolicyChoice {
    let environment = std::env::var_os("PORTREEVE_POLICY").filter(|value| !value.is_empty());
    let Some(name) = asked.cloned().or(environment) else { return PolicyChoice::Usual };
    if name == "none" { PolicyChoice::Without } else { PolicyChoice::Named(input(name)) }
}

fn netns(asked: Option<&str>) -> Netns {
    match asked {
        None => Netns::Usual,
        Some("all") => Netns::All,
        Some(name) => Netns::Named(name.into()),
    }
}

fn fail_on(asked: Option<&str>) -> Option<Severity> {
    match asked {
        None => Some(Severity::Warning),
        Some(name) => Severity::ALL.into_iter().find(|severity| severity.name() == name),
    }
}
