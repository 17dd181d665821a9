//! `portreeve diff`: what opened, closed, changed hands between two moments (A17, A20).

use clap::{Arg, ArgMatches};
use portreeve_core::{
    diff::diff,
    words::{Lang, Words},
    world::World,
};
use portreeve_host::Wanted;

use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    look,
    settings::{self, Common, Format, Input, Settings, Verbosity},
    show::{diff::Comparison, gaps, out::Out},
    table_file::TableFile,
};

const BEFORE: &str = "before";
const AFTER: &str = "after";

/// `diff`.
pub(super) const COMMAND: Command = Command {
    name: "diff",
    about: Words {
        en: "What opened, closed or changed hands since?",
        ja: "開いた・閉じた・所有者が変わったポート",
    },
    examples: &["portreeve diff monday.json", "portreeve diff monday.json tuesday.json -o json"],
    takes: &[Common::Netns, Common::AllowGaps, Common::Output(Format::LISTING)],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let before = Words {
        en: "A saved snapshot (-: standard input)",
        ja: "保存したスナップショット(- は標準入力)",
    };
    let after = Words {
        en: "A later one (default: this host now)",
        ja: "比較先のスナップショット(省略時: このホストの現在の状態)",
    };
    vec![
        Arg::new(BEFORE).value_name("A").required(true).help(before.in_lang(lang)),
        Arg::new(AFTER).value_name("B").help(after.in_lang(lang)),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let input = |name| own.get_one::<String>(name).map(settings::input);
    let (before, after) = (input(BEFORE).expect("clap requires it"), input(AFTER));
    if before == Input::Stdin && after == Some(Input::Stdin) {
        return Err(Failure::usage(Words {
            en: "only one of the two can be read from standard input",
            ja: "標準入力から読めるのは片方だけです",
        }));
    }
    let before = look::read_snapshot(&before)?;
    let after = match &after {
        Some(input) => look::read_snapshot(input)?,
        None => {
            look::take_snapshot(settings, &Wanted { namespaces: settings.namespaces(), ..Wanted::LISTENERS })?
        }
    };
    let scope = settings.scope(&after)?;
    let table = TableFile::load()?;
    let [was, is] = [&before, &after]
        .map(|snapshot| World::new(snapshot, None, table.registry(), snapshot.taken, scope.clone()));
    let comparison = Comparison { before: &was, after: &is, difference: diff(&before, &after, &scope) };
    show(&comparison, settings, out)?;
    Ok(exit(&comparison, settings))
}

fn show(comparison: &Comparison<'_, '_>, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    let lang = settings.lang;
    match settings.format {
        _ if settings.verbosity == Verbosity::Quiet => Ok(()),
        Format::Json => out.json(&comparison.document(lang)),
        Format::Ndjson => comparison.changes(lang).try_for_each(|change| out.ndjson(&change)),
        Format::Csv => out.csv(comparison.records(lang)),
        _ => print(comparison, out, lang),
    }
}

fn print(comparison: &Comparison<'_, '_>, out: &mut Out, lang: Lang) -> Result<(), Failure> {
    if let Some(hosts) = comparison.hosts() {
        out.line(hosts.in_lang(lang))?;
    }
    if !comparison.difference.changes.is_empty() {
        out.table(&comparison.table(lang))?;
    }
    out.line(comparison.summary().in_lang(lang))?;
    if let Some(unknown) = comparison.unknown() {
        out.line(unknown.in_lang(lang))?;
    }
    comparison.gaps().iter().try_for_each(|gap| out.sentences(&gaps::line(gap, lang)))
}

fn exit(comparison: &Comparison<'_, '_>, settings: &Settings) -> Exit {
    if !comparison.difference.changes.is_empty() {
        return Exit::Found;
    }
    let hidden = comparison.difference.unknown > 0
        || comparison.gaps().iter().any(|gap| match settings.netns {
            settings::Netns::Usual => gaps::hides_own_listeners(gap),
            _ => gap.hides_listeners(),
        });
    gaps::exit(settings, hidden)
}
