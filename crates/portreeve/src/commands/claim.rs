//! `portreeve claim NAME`: a port that nobody else has (A23–A26).

mod batch;
mod here;
mod settle;
mod wish;

pub(super) use self::{
    settle::{Settled, settle},
    wish::{scope, until},
};

use clap::{Arg, ArgMatches};
use portreeve_core::{
    ledger::{Ask, Claim},
    port::PortRange,
    words::{Lang, Words},
};

use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    ledger::{
        home::{self, Home},
        sight,
    },
    settings::{Common, Format, Settings, Verbosity, options},
    show::{claim as show, escape::visible, out::Out},
};

const ENV: &str = "env";

/// `claim`.
pub(super) const COMMAND: Command = Command {
    name: "claim",
    about: Words { en: "A port that nobody else has", ja: "ほかと重ならないポートの申請" },
    examples: &[
        "portreeve claim web",
        "portreeve claim web 8443/tcp --note staging",
        "portreeve claim job --lease 10m",
        "portreeve claim --here --env",
        "portreeve claim --batch asks.ndjson",
    ],
    takes: &[Common::Output(&[Format::Table, Format::Json]), Common::Policy],
    arguments,
    run,
};

const FAILED: Words = Words { en: "no port was claimed", ja: "ポートを申請できません" };

fn arguments(lang: Lang) -> Vec<Arg> {
    let env = Words {
        en: "Print `export PORT=NUMBER` for a shell",
        ja: "シェル用に `export PORT=番号` の形で表示する",
    };
    let own = [options::flag(ENV, env, lang)].into_iter().chain(batch::arguments(lang));
    wish::arguments(lang).into_iter().chain(own).chain([home::argument(lang)]).collect()
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let home = Home::of(own, settings)?;
    if batch::is_asked(own) {
        return batch::run(own, &home, settings, out);
    }
    let wish = wish::read(own, &home, &sight::now()?)?;
    let is_for_shell = own.get_flag(ENV);
    settle(&Ask::Claim(wish), &home, FAILED, settings, out, |settled, out| {
        tell(settled, is_for_shell, settings, out)
    })
}

fn tell(settled: &Settled, is_for_shell: bool, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    let Settled { entry, kept, state } = settled;
    let notes = show::notes(entry, kept);
    if settings.format == Format::Json {
        return out.json(&show::document(entry, kept, *state, &notes, settings.lang));
    }
    out.line(&said(&entry.claim, is_for_shell))?;
    if settings.verbosity != Verbosity::Quiet {
        for note in &notes {
            eprintln!("{}", visible(note.in_lang(settings.lang)));
        }
    }
    Ok(())
}

/// The number alone, so that a script need not take it apart; for a shell, that of a range's first and last.
fn said(claim: &Claim, is_for_shell: bool) -> String {
    let PortRange { first, last } = claim.ports;
    match is_for_shell {
        true if claim.ports.is_one() => format!("export PORT={first}"),
        true => format!("export PORT={first} PORT_LAST={last}"),
        false => claim.ports.to_string(),
    }
}
