//! Bare `portreeve`: how are my ports, on one screen (A26)?

use std::collections::BTreeSet;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    address::Breadth,
    facts::{Gap, Listener},
    finding::{Finding, Severity},
    reach::Verdict,
    rules, text,
    words::{Lang, Text, Words, inflect},
    world::World,
};
use portreeve_host::Wanted;

use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    look::Look,
    settings::{Common, Settings, Verbosity},
    show::{
        escape::visible,
        gaps,
        listeners::{self, BOUND, Names, OWNER, PORT, SERVICE, service},
        next,
        out::Out,
        owner, reach,
        rows::{Folding, Row, fold},
        severity,
        table::{Cell, Column, Fit, Table},
    },
};

/// No word at all.
pub(super) const COMMAND: Command = Command {
    name: "",
    about: Words {
        en: "What is on that port, and should it be?",
        ja: "そのポートを使っているのは何か。それは正しい状態か。",
    },
    examples: &["portreeve"],
    takes: &[Common::Snapshot, Common::Policy, Common::Netns],
    arguments: no_arguments,
    run,
};

/// One screen of a phone holds this many rows beside the rest.
const ROWS_MAX: usize = 12;
const FINDINGS_MAX: usize = 3;
const WORST: Column = Column { head: Words { en: "", ja: "" }, fit: Fit::Cut };

fn no_arguments(_: Lang) -> Vec<Arg> {
    Vec::new()
}

fn run(_: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let look = Look::take(
        settings,
        &Wanted { namespaces: settings.namespaces().for_judgement(), ..Wanted::JUDGEMENT },
    )?
    .beside_ledger(settings);
    let world = look.world();
    let listeners: Vec<&Listener> = world.listeners().collect();
    let findings: Vec<Finding> =
        rules::judge(&world).into_iter().filter(|finding| finding.waived.is_none()).collect();
    out.sentences(&visible(summary(&world, &listeners, &findings).in_lang(out.lang)))?;
    if settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    print_rows(&world, &listeners, &findings, out)?;
    print_findings(&findings, out)?;
    print_gaps(&world, out)?;
    out.line("")?;
    next::print(&next_commands(&findings), out)?;
    Ok(Exit::Fine)
}

fn summary(world: &World<'_>, listeners: &[&Listener], findings: &[Finding]) -> Text {
    let host = &world.snapshot.host.name;
    let open = count(listeners.iter().copied());
    let en = inflect(open, "port is", "ports are");
    let ports = match open {
        0 => text!("No port is open on {host}", "{host} で開いているポートはありません"),
        _ => text!("{open} {en} open on {host}", "{host} で開いているポートは {open} 個です"),
    };
    let reach = if open == 0 { Text::default() } else { reach(world, listeners) };
    let urgent = findings.iter().filter(|finding| finding.severity >= Severity::Warning).count();
    let en = inflect(urgent, "finding needs", "findings need");
    let needs = match urgent {
        0 => text!(" Nothing needs you.", "。対処が必要な指摘はありません。"),
        _ => text!(" {urgent} {en} you.", "。対処が必要な指摘が {urgent} 件あります。"),
    };
    Text {
        en: format!("{}{}.{}", ports.en, reach.en, needs.en),
        ja: format!("{}{}{}", ports.ja, reach.ja, needs.ja),
    }
}

/// How many ports the world can reach, else whether some of it can: nothing more is said than the addresses tell.
fn reach(world: &World<'_>, listeners: &[&Listener]) -> Text {
    let reached = |verdict| {
        let of = |listener: &&&Listener| reach::from_world(world, listener) == verdict;
        count(listeners.iter().filter(of).copied())
    };
    let [wide, partly, unknown] = [Verdict::Reachable, Verdict::Partly, Verdict::Unknown].map(reached);
    let en_wide =
        inflect(wide, "is bound where anybody may reach it", "are bound where anybody may reach them");
    let en_partly = inflect(
        partly,
        "is bound where the network nearby may reach it",
        "are bound where the network nearby may reach them",
    );
    match (wide, partly, unknown) {
        (0, 0, 0) => text!("; none can be reached from outside", "。外部から到達できるものはありません"),
        (0, 0, _) => text!(
            "; none is known to be reachable from outside",
            "。外部から到達できると分かっているものはありません"
        ),
        (0, ..) => text!(
            "; {partly} {en_partly}",
            "。うち {partly} 個は一部のネットワークから到達できるアドレスで待ち受けています"
        ),
        _ => text!("; {wide} {en_wide}", "。うち {wide} 個は外部から到達できるアドレスで待ち受けています"),
    }
}

fn count<'a>(listeners: impl Iterator<Item = &'a Listener>) -> usize {
    let ports: BTreeSet<_> = listeners.map(|listener| (listener.protocol, listener.port)).collect();
    ports.len()
}

fn print_rows(
    world: &World<'_>,
    listeners: &[&Listener],
    findings: &[Finding],
    out: &mut Out,
) -> Result<(), Failure> {
    let rows = fold(world, listeners, Folding::Service, out.lang);
    if rows.is_empty() {
        return Ok(());
    }
    let shown = choose(&rows, findings);
    let mut table = Table::new(&[PORT, SERVICE, OWNER, BOUND, listeners::reach(world), WORST], 2);
    for (row, first) in shown.iter().filter_map(|row| Some((row, row.first()?))) {
        table.push([
            row.ports().into(),
            service(world, row, Names::Shown, out.lang).into(),
            owner::owner(world, first, out.lang).into(),
            row.bound_to().into(),
            row.reach.clone().into(),
            worst(row, findings).map_or_else(Cell::default, |finding| {
                let text = format!("{} {}", severity::mark(finding.severity), finding.rule);
                Cell::painted(&text, severity::paint(finding.severity))
            }),
        ]);
    }
    let more = rows.len() - shown.len();
    if more > 0 {
        let sentence = text!("{more} more: portreeve ls", "ほか {more} 行: portreeve ls");
        table.note("…", sentence.in_lang(out.lang));
    }
    out.line("")?;
    out.table(&table)
}

/// The rows that fit on the screen: those with findings first, then those that can be reached, in order of port.
fn choose<'r, 'a>(rows: &'r [Row<'a>], findings: &[Finding]) -> Vec<&'r Row<'a>> {
    let mut ranked: Vec<(usize, &Row<'_>)> = rows.iter().enumerate().collect();
    ranked.sort_by_cached_key(|(place, row)| {
        let severity = worst(row, findings).map(|finding| finding.severity);
        let is_wide = row.first().is_some_and(|first| first.breadth() != Breadth::Loopback);
        (std::cmp::Reverse(severity), !is_wide, *place)
    });
    ranked.truncate(ROWS_MAX);
    ranked.sort_by_key(|(place, _)| *place);
    ranked.into_iter().map(|(_, row)| row).collect()
}

/// The worst finding about a row; findings come sorted.
fn worst<'f>(row: &Row<'_>, findings: &'f [Finding]) -> Option<&'f Finding> {
    findings.iter().find(|finding| {
        let ports = finding.ports;
        row.listeners.iter().any(|listener| {
            ports.is_some_and(|ports| {
                ports.protocol == listener.protocol && ports.range.contains(listener.port)
            }) && finding.netns.is_none_or(|netns| netns == listener.netns)
        })
    })
}

fn print_findings(findings: &[Finding], out: &mut Out) -> Result<(), Failure> {
    let urgent: Vec<_> =
        findings.iter().filter(|finding| finding.severity >= Severity::Warning).take(FINDINGS_MAX).collect();
    if urgent.is_empty() {
        return Ok(());
    }
    let untitled = |fit| Column { head: Words { en: "", ja: "" }, fit };
    let columns = [Fit::Whole, Fit::Whole, Fit::Whole, Fit::Cut].map(untitled);
    let mut table = Table::headless(&columns, 0);
    for finding in urgent {
        let word = finding.severity.words().in_lang(out.lang);
        let head = format!("{} {word}", severity::mark(finding.severity));
        table.push([
            Cell::painted(&head, severity::paint(finding.severity)),
            finding.ports.map(|ports| ports.to_string()).unwrap_or_default().into(),
            finding.rule.into(),
            finding.text.in_lang(out.lang).into(),
        ]);
    }
    out.line("")?;
    out.table(&table)
}

/// What may hide listeners, and what hides holders of those that are shown.
fn print_gaps(world: &World<'_>, out: &mut Out) -> Result<(), Failure> {
    let listeners = world.snapshot.gaps.iter().filter(|gap| gap.hides_listeners());
    let holders = world.gaps_that_matter().filter(|gap| gap.hides_holders());
    let gaps: Vec<&Gap> = listeners.chain(holders).collect();
    if !gaps.is_empty() {
        out.line("")?;
    }
    gaps.iter().try_for_each(|gap| out.sentences(&gaps::line(gap, out.lang)))
}

fn next_commands(findings: &[Finding]) -> Vec<String> {
    let explain = findings.first().map(|worst| format!("portreeve explain {}", worst.rule));
    ["portreeve audit".into()].into_iter().chain(explain).chain(["portreeve ls".into()]).collect()
}
