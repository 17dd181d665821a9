//! `explain`: what a number, a name or a rule is; needs no host (A1–A3, A6, A7, A9, A10).

use clap::{Arg, ArgMatches};
use portreeve_core::{
    nearest::nearest,
    port::{PortError, PortRange, Protocol},
    registry::{Assignment, Practice, Registry, in_practice},
    rules::{self, Rule},
    text,
    words::{Lang, Text, Words},
};

use super::Command;
use crate::{
    asked::{self, Asked},
    exit::Exit,
    failure::Failure,
    settings::{Common, Format, Settings},
    show::{
        explain::{self, Topic},
        next,
        out::Out,
    },
    table_file::TableFile,
};

const WORD: &str = "word";

/// What a port number, a service name or a rule is.
pub(super) const COMMAND: Command = Command {
    name: "explain",
    about: Words { en: "What is this number, name or rule?", ja: "番号・名前・ルールの説明" },
    examples: &["portreeve explain 5432", "portreeve explain https", "portreeve explain stolen-port"],
    takes: &[Common::Output(&[Format::Table, Format::Json])],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let help = Words {
        en: "A number, a range (30000-30099/tcp), a service or the name of a rule; without it, every rule",
        ja: "番号、範囲(30000-30099/tcp)、サービス名、またはルール名。省略するとルールの一覧を表示",
    };
    vec![Arg::new(WORD).value_name("WORD").help(help.in_lang(lang))]
}

fn run(given: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let Some(word) = given.get_one::<String>(WORD) else { return list_rules(settings, out) };
    let table = TableFile::load()?;
    match subject(word, table.registry())? {
        Subject::Rule(rule) => match settings.format {
            Format::Json => out.json(&explain::rule_view(rule, settings.lang))?,
            _ => out.sentences(&explain::rule_page(rule, settings.lang))?,
        },
        Subject::Ports(topic) => match settings.format {
            Format::Json => out.json(&explain::ports_view(&topic, settings.lang))?,
            _ => {
                out.sentences(&explain::ports_page(&topic, settings.lang))?;
                next::print(&[format!("portreeve who {}", topic.range.first)], out)?;
            }
        },
    }
    Ok(Exit::Fine)
}

fn list_rules(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    match settings.format {
        Format::Json => out.json(&explain::rules_view(settings.lang))?,
        _ => {
            out.sentences(&explain::rules_page(settings.lang))?;
            let first = rules::all().next().map(|rule| format!("portreeve explain {}", rule.name));
            next::print(&Vec::from_iter(first), out)?;
        }
    }
    Ok(Exit::Fine)
}

/// What a word means.
enum Subject<'a> {
    Rule(&'static Rule),
    Ports(Topic<'a>),
}

fn subject<'a>(word: &'a str, registry: Registry<'a>) -> Result<Subject<'a>, Failure> {
    if let Some(rule) = rules::find(word) {
        return Ok(Subject::Rule(rule));
    }
    match asked::number(word) {
        Some(asked) if !is_name(word, registry) => {
            asked.map(|asked| Subject::Ports(numbers(asked, registry))).map_err(|error| no_port(word, &error))
        }
        _ => named(word, registry).map(Subject::Ports),
    }
}

/// A few names look like numbers.
fn is_name(word: &str, registry: Registry<'_>) -> bool {
    registry.find(word).next().is_some()
}

fn numbers<'a>(asked: Asked, registry: Registry<'a>) -> Topic<'a> {
    let Asked { range, protocol } = asked;
    let assignments = registry.assignments().filter(|assignment| {
        assignment.range.overlaps(range)
            && protocol.is_none_or(|protocol| protocol.assigned_as() == assignment.protocol)
    });
    Topic { name: None, range, assignments: assignments.collect(), in_practice: practice(range, protocol) }
}

/// `https`, or `https/tcp`.
fn named<'a>(word: &'a str, registry: Registry<'a>) -> Result<Topic<'a>, Failure> {
    let (name, protocol) = asked::service(word).map_err(|error| no_port(word, &error))?;
    let assignments: Vec<Assignment<'a>> = asked::assigned(name, protocol, registry).collect();
    match assignments.first() {
        Some(first) => Ok(Topic {
            name: Some(name),
            range: first.range,
            in_practice: practice(first.range, protocol),
            assignments,
        }),
        None => Err(unknown(word, registry)),
    }
}

/// What a single number is used for, whatever it is assigned to (A8).
fn practice(range: PortRange, protocol: Option<Protocol>) -> Option<Text> {
    let protocols = Protocol::ALL.into_iter().filter(|any| protocol.is_none_or(|protocol| protocol == *any));
    let mut found = protocols.filter_map(|protocol| in_practice(range.first, protocol));
    found.next().filter(|_| range.is_one()).map(Practice::text)
}

fn unknown(word: &str, registry: Registry<'_>) -> Failure {
    let failure = Failure::usage(text!(
        "`{word}` is neither a port, nor a registered name, nor a rule",
        "`{word}` はポート番号でも、登録済みの名前でも、ルール名でもありません"
    ));
    match meant(word, registry) {
        Some(near) => failure.hint(text!("did you mean {near}?", "{near} のことですか?")),
        None => failure.hint(text!(
            "portreeve explain lists the rules, portreeve registry list the names",
            "ルールの一覧は portreeve explain、名前の一覧は portreeve registry list で表示できます"
        )),
    }
}

/// Shorter words begin too many names.
const PREFIX_CHARS_MIN: usize = 3;

/// What somebody meant who wrote `word`: the rule or name that it is a slip of, else one that it begins.
fn meant<'a>(word: &str, registry: Registry<'a>) -> Option<&'a str> {
    let names = || registry.assignments().flat_map(|assignment| assignment.names().collect::<Vec<_>>());
    let rules = || rules::all().map(|rule| rule.name);
    let begins = |name: &&str| {
        let length = word.chars().count() >= PREFIX_CHARS_MIN;
        length && name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    rules()
        .find(begins)
        .or_else(|| nearest(word, rules().chain(names())))
        .or_else(|| names().filter(begins).min_by_key(|name| name.len()))
}

/// Why `word` is no port, with what could have been meant.
fn no_port(word: &str, error: &PortError) -> Failure {
    let failure =
        Failure::usage(text!("cannot explain `{word}`", "`{word}` を説明できません")).because(error.text());
    let PortError::Protocol(wrong) = error else { return failure };
    match (word.rsplit_once('/'), nearest(wrong, Protocol::ALL.map(Protocol::name))) {
        (Some((range, _)), Some(near)) => {
            failure.hint(text!("did you mean {range}/{near}?", "{range}/{near} のことですか?"))
        }
        _ => failure,
    }
}
