//! `portreeve check`: is this policy right? Every mistake at once, with its line and a caret (A15, A24, A25).

use std::io::{self, Write as _};

use clap::{Arg, ArgMatches};
use portreeve_core::{
    owner::Owner,
    policy::{self, Mistake, Parsed, Policy, Service},
    text,
    words::{Lang, Text, Words, inflect},
};
use portreeve_host::present::{Presence, Tree};

use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    policy_file::{self, Texts},
    settings::{self, Common, Format, PolicyChoice, Settings, Verbosity},
    show::{caret, check::document, out::Out},
    table_file::TableFile,
};

const PATH: &str = "path";

/// `check`.
pub(super) const COMMAND: Command = Command {
    name: "check",
    about: Words { en: "Is this policy file right?", ja: "policy ファイルの検査" },
    examples: &["portreeve check", "portreeve check policy.toml", "portreeve init | portreeve check -"],
    takes: &[Common::Policy, Common::Output(&[Format::Table, Format::Json])],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let help = Words {
        en: "A policy file or directory, or - (default: /etc/portreeve)",
        ja: "policy のファイルかディレクトリ、または -(既定値: /etc/portreeve)",
    };
    vec![Arg::new(PATH).value_name("PATH").help(help.in_lang(lang))]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let choice = match own.get_one::<String>(PATH) {
        Some(path) => PolicyChoice::Named(settings::input(path)),
        None => settings.policy.clone(),
    };
    let texts = policy_file::read(&choice)?.ok_or_else(no_policy)?;
    let table = TableFile::load()?;
    let sources = policy_file::sources(&texts);
    let (parsed, mistakes) = match policy::parse(&sources, table.registry()) {
        Ok(parsed) => (Some(with_absent(parsed)), Vec::new()),
        Err(mistakes) => (None, mistakes),
    };
    let warnings = parsed.as_ref().map_or(&[][..], |parsed| &parsed.warnings);
    if settings.format == Format::Json {
        out.json(&document(&mistakes, warnings, settings.lang))?;
        return Ok(if mistakes.is_empty() { Exit::Fine } else { Exit::Usage });
    }
    warn(warnings, &texts, settings.lang);
    match parsed {
        Some(_) if settings.verbosity == Verbosity::Quiet => Ok(Exit::Fine),
        Some(parsed) => out.line(right(&texts, &parsed.policy).in_lang(settings.lang)).map(|()| Exit::Fine),
        None => Err(policy_file::mistaken(&mistakes, &texts)),
    }
}

fn no_policy() -> Failure {
    Failure::usage(Words {
        en: "there is no policy in /etc/portreeve",
        ja: "/etc/portreeve に policy がありません",
    })
    .hint(Words { en: "portreeve init > policy.toml", ja: "portreeve init > policy.toml" })
}

/// What is not wrong is told and changes nothing, so standard error going away changes nothing either.
fn warn(warnings: &[Mistake], texts: &Texts, lang: Lang) {
    if warnings.is_empty() {
        return;
    }
    let count = warnings.len();
    let name = policy_file::name(texts);
    let en_points = inflect(count, "point", "points");
    let heading =
        text!("warning: {name}: {count} {en_points} to check", "warning: {name}: 要確認 {count} 件");
    let lines = caret::render(warnings, &policy_file::sources(texts), lang);
    let _ = io::stderr().write_all(format!("{}\n{lines}", heading.in_lang(lang)).as_bytes());
}

fn right(texts: &Texts, policy: &Policy) -> Text {
    let name = policy_file::name(texts);
    let services = policy.services.len();
    let ports = policy.port_count();
    let en_services = inflect(services, "service", "services");
    let en_ports = inflect(usize::try_from(ports).unwrap_or(usize::MAX), "port", "ports");
    text!(
        "{name}: no mistakes · {services} {en_services} · {ports} {en_ports}",
        "{name}: 誤りはありません · サービス {services} 件 · ポート {ports} 個"
    )
}

/// Adds what the policy names and this host does not have: another host may, so it is no mistake.
fn with_absent(mut parsed: Parsed) -> Parsed {
    let tree = Tree::default();
    for service in &parsed.policy.services {
        let absent = service.owners.iter().filter(|owner| presence(owner, &tree) == Presence::Absent);
        parsed.warnings.extend(absent.map(|owner| absence(service, owner)));
    }
    parsed.warnings.sort_by(|a, b| a.place.cmp(&b.place));
    parsed
}

fn presence(owner: &Owner, tree: &Tree) -> Presence {
    match owner {
        Owner::Unit(unit) => tree.unit(unit),
        Owner::User(user) => tree.user(user),
        Owner::Exe(path) => tree.file(path),
        Owner::Cgroup(_) | Owner::Container(_) => Presence::Unknown,
    }
}

fn absence(service: &Service, owner: &Owner) -> Mistake {
    let (name, value) = (&service.name, owner.value());
    let text = match owner {
        Owner::Unit(_) => text!(
            "service.{name} belongs to the unit {value}, which this host does not have",
            "service.{name} の所有者であるユニット {value} がこのホストにありません"
        ),
        Owner::User(_) => text!(
            "service.{name} belongs to the user {value}, whom this host does not know",
            "service.{name} の所有者であるユーザー {value} がこのホストに存在しません"
        ),
        _ => text!(
            "service.{name} belongs to {value}, which does not exist on this host",
            "service.{name} の所有者である {value} がこのホストに存在しません"
        ),
    };
    Mistake {
        place: service.place.clone(),
        width: u32::try_from(name.chars().count()).unwrap_or(1),
        also: None,
        text,
        fix: text!(
            "install it, or correct the owner; on another host this may be right",
            "インストールするか、owner を直してください(別のホスト用の policy なら問題ありません)"
        ),
    }
}
