//! `portreeve check`: is this policy right? Every mistake at once, with its line and a caret (A15, A24, A25).

mod doubt;

use std::io::{self, Write as _};

use clap::{Arg, ArgMatches};
use portreeve_core::{
    policy::{self, Mistake, Parsed, Policy},
    text,
    words::{Lang, Text, Words, inflect},
};

use self::doubt::Doubt;
pub(super) use self::doubt::aliases;
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
/// As many doubts as a person reads; JSON holds them all.
const SHOWN_MAX: usize = 20;

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
    let parsed = policy::parse(&policy_file::sources(&texts), table.registry());
    if settings.format == Format::Json {
        return tell_all(parsed, settings, out);
    }
    let parsed = parsed.map_err(|mistakes| policy_file::mistaken(&mistakes, &texts))?;
    if settings.verbosity != Verbosity::Quiet {
        warn(&doubt::doubts(&parsed), &texts, settings.lang);
        out.line(right(&texts, &parsed.policy).in_lang(settings.lang))?;
    }
    Ok(Exit::Fine)
}

fn tell_all(
    parsed: Result<Parsed, Vec<Mistake>>,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    match parsed {
        Ok(parsed) => {
            let warnings: Vec<_> = doubt::doubts(&parsed).iter().map(Doubt::told).collect();
            out.json(&document(&[], &warnings, settings.lang)).map(|()| Exit::Fine)
        }
        Err(mistakes) => out.json(&document(&mistakes, &[], settings.lang)).map(|()| Exit::Usage),
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
fn warn(doubts: &[Doubt<'_>], texts: &Texts, lang: Lang) {
    if doubts.is_empty() {
        return;
    }
    let count = doubts.len();
    let name = policy_file::name(texts);
    let en_points = inflect(count, "point", "points");
    let heading =
        text!("warning: {name}: {count} {en_points} to check", "warning: {name}: 要確認 {count} 件");
    let shown: Vec<_> = doubts.iter().take(SHOWN_MAX).map(Doubt::told).collect();
    let lines = caret::render(&shown, &policy_file::sources(texts), lang);
    let rest = unshown(count - shown.len());
    let (heading, rest) = (heading.in_lang(lang), rest.in_lang(lang));
    let _ = io::stderr().write_all(format!("{heading}\n{lines}{rest}").as_bytes());
}

/// A last line that says how many there are besides those shown; empty where there are none.
fn unshown(count: usize) -> Text {
    if count == 0 {
        return Text::default();
    }
    text!(
        "and {count} more; for all of them: portreeve check -o json\n",
        "ほかに {count} 件あります。すべてを見るには: portreeve check -o json\n"
    )
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
