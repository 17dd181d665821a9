//! `portreeve claims`: which ports are claimed, by whom, and what became of each (A25).

use clap::{Arg, ArgMatches};
use portreeve_core::{
    desired::DesiredPort,
    ledger::{Book, Claim, State},
    words::{Lang, Words},
};
use std::time::Duration;

use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    ledger::{
        failure,
        home::{self, Home},
        kernel::{self, Kept},
        sight,
    },
    settings::{Common, Format, Settings, options},
    show::{
        claim::{self as show, ClaimView, ClaimsView, DeclaredView},
        out::Out,
        view::gap_view,
    },
    store::Store,
};

const STATE: &str = "state";
const REPAIR: &str = "repair";
const WATCH: &str = "watch";
/// As long as one waits at a time for somebody to change it.
const PATIENCE: Duration = Duration::from_secs(60);

/// `claims`.
pub(super) const COMMAND: Command = Command {
    name: "claims",
    about: Words {
        en: "Which ports are claimed, and by whom?", ja: "申請済みのポートと申請者の一覧"
    },
    examples: &["portreeve claims", "portreeve claims --state stale", "portreeve claims -o json"],
    takes: &[Common::Output(&[Format::Table, Format::Json, Format::Ndjson]), Common::Policy],
    arguments,
    run,
};

const UNREPAIRED: Words = Words {
    en: "the kernel does not reserve what is claimed",
    ja: "申請済みの番号をカーネルに予約できません",
};
const FAILED: Words = Words { en: "cannot list the claims", ja: "申請を一覧できません" };

fn arguments(lang: Lang) -> Vec<Arg> {
    let state = Words {
        en: "Only these: held, unbound, stolen or stale",
        ja: "held(使用中)、unbound(未使用)、stolen(他者が使用)、stale(期限切れ)だけを表示する",
    };
    let repair = Words {
        en: "Have the kernel reserve again what is claimed and is not reserved",
        ja: "予約されていない申請済みの番号を、カーネルに再び予約させる",
    };
    let watch = Words {
        en: "Go on, and tell each change", ja: "終了せず、変更があるたびに表示する"
    };
    vec![
        options::choice(STATE, "STATE", State::ALL.map(State::token), state, lang),
        options::flag(REPAIR, repair, lang),
        options::flag(WATCH, watch, lang).conflicts_with(REPAIR),
        home::argument(lang),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let home = Home::of(own, settings)?;
    let store = home.open_standing().map_err(|error| failure::store(&error, FAILED))?;
    let wanted = own.get_one::<String>(STATE).map(String::as_str);
    let Some(mut store) = store else {
        list(&Book::default(), &home, wanted, settings, out)?;
        return Ok(Exit::Fine);
    };
    let mut book = store.load().map_err(|error| failure::store(&error, FAILED))?;
    if own.get_flag(REPAIR) {
        repair(&mut *store, &book, &home, settings)?;
    }
    list(&book, &home, wanted, settings, out)?;
    while own.get_flag(WATCH) {
        out.finish()?;
        book = next(&mut *store, &book)?;
        list(&book, &home, wanted, settings, out)?;
    }
    Ok(Exit::Fine)
}

/// Has the kernel reserve what is claimed.
fn repair(store: &mut dyn Store, book: &Book, home: &Home, settings: &Settings) -> Result<(), Failure> {
    let now = sight::now()?;
    let look = sight::look(settings)?;
    let world = look.world();
    let mut seen = sight::seen(&world, home, book);
    match kernel::keep(store, book, home, &mut seen, &now) {
        Kept::Reserved => Ok(()),
        Kept::Unreserved(why) => Err(Failure::new(Exit::Unreachable, UNREPAIRED).because(why)),
    }
}

/// The book once somebody has changed it.
fn next(store: &mut dyn Store, book: &Book) -> Result<Book, Failure> {
    loop {
        let watched = store.watch(book.revision(), PATIENCE);
        if let Some(book) = watched.map_err(|error| failure::store(&error, FAILED))? {
            return Ok(book);
        }
    }
}

fn list(
    book: &Book,
    home: &Home,
    wanted: Option<&str>,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let now = sight::now()?;
    let look = sight::look_at_holders(settings)?;
    let world = look.world();
    let seen = sight::seen(&world, home, book);
    let is_kept = world.kept_back();
    let mut claims: Vec<(&Claim, State)> =
        book.claims().map(|claim| (claim, claim.state(&seen, &now))).collect();
    claims.retain(|(_, state)| wanted.is_none_or(|wanted| wanted == state.token()));
    claims.sort_by_key(|(claim, _)| (claim.ports.first, claim.protocol, &claim.name));
    let mut declared: Vec<_> = world.declared_claims().collect();
    declared.retain(|(_, state)| wanted.is_none_or(|wanted| wanted == state.token()));
    let kernel = |claim: &Claim| kernel::token(is_kept(claim.ports));
    let views = || claims.iter().map(|(claim, state)| ClaimView::new(claim, kernel(claim), *state));
    match settings.format {
        Format::Json => {
            let gaps = world.snapshot.gaps.iter().map(|gap| gap_view(gap, settings.lang)).collect();
            let kernel = |port: &DesiredPort<'_>| kernel::token(is_kept(port.spec.range));
            let declared = declared.iter().map(|(port, state)| DeclaredView::new(port, kernel(port), *state));
            out.json_rows(&ClaimsView::new(book.revision(), views().collect(), declared.collect(), gaps))?;
        }
        Format::Ndjson => views().try_for_each(|view| out.ndjson(&view))?,
        _ if claims.is_empty() && declared.is_empty() => out.say(NOTHING)?,
        _ => out.table(&show::table(&claims, &declared, now.wall, settings.lang))?,
    }
    Ok(())
}

const NOTHING: Words =
    Words { en: "No port is claimed.", ja: "申請済みのポートはありません。" };
