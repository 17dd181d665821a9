//! `portreeve claim NAME`: a port that nobody else has (A23–A26).

mod here;
mod wish;

pub(super) use self::wish::{scope, until};

use clap::{Arg, ArgMatches};
use portreeve_core::{
    ledger::{Ask, Claim, Refusal},
    words::{Lang, Words},
};

use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    ledger::{
        ask, failure,
        home::{self, Home},
        kernel, sight,
    },
    settings::{Common, Format, Settings, Verbosity, options},
    show::{
        claim::{self as show, RefusalView},
        escape::visible,
        out::Out,
    },
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
    let own = [options::flag(ENV, env, lang), home::argument(lang)];
    wish::arguments(lang).into_iter().chain(own).collect()
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let home = Home::of(own)?;
    let now = sight::now()?;
    let wish = wish::read(own, &home, &now)?;
    let look = sight::look(wish.ports, settings)?;
    let world = look.world();
    let mut store = home.open().map_err(|error| failure::store(&error, FAILED))?;
    let book = store.load().map_err(|error| failure::store(&error, FAILED))?;
    let mut seen = sight::seen(&world, &home, &book);
    let asked = ask(&mut *store, &[Ask::Claim(wish)], &mut seen, &now);
    let answers = asked.map_err(|error| failure::unanswered(&error, FAILED))?;
    let answer = answers.into_iter().next().expect("one answer an ask");
    let entry = match answer {
        Ok(entry) => entry,
        Err(refusal) => return refuse(&refusal, FAILED, settings, out),
    };
    out.changed();
    let kept = kernel::keep(&mut *store, &home, &mut seen, &now);
    let notes = show::notes(&entry, &kept);
    if settings.format == Format::Json {
        let state = entry.claim.state(&seen, &now);
        out.json(&show::document(&entry, &kept, state, &notes, settings.lang))?;
        return Ok(Exit::Fine);
    }
    out.line(&said(&entry.claim, own.get_flag(ENV)))?;
    if settings.verbosity != Verbosity::Quiet {
        for note in &notes {
            eprintln!("{}", visible(note.in_lang(settings.lang)));
        }
    }
    Ok(Exit::Fine)
}

/// The number alone, so that a script need not take it apart.
fn said(claim: &Claim, is_for_shell: bool) -> String {
    if is_for_shell { format!("export PORT={}", claim.ports) } else { claim.ports.to_string() }
}

/// Says what the ledger refuses.
///
/// # Errors
///
/// Always, but in a document.
pub(super) fn refuse(
    refusal: &Refusal,
    what: Words,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    if settings.format == Format::Json {
        out.json(&RefusalView::new(refusal, settings.lang))?;
        return Ok(Exit::Taken);
    }
    Err(failure::refused(refusal, what))
}
