//! `portreeve claims`: which ports are claimed, by whom, and what became of each (A25).

use clap::{Arg, ArgMatches};
use portreeve_core::{
    desired::DesiredPort,
    ledger::{Book, ClaimId, Now, Seen, State},
    text,
    words::{Lang, Text, Words},
    world::World,
};
use rustix::process::geteuid;
use std::{thread, time::Duration};

use super::Command;
use crate::{
    door::WITH_SUDO,
    exit::Exit,
    failure::Failure,
    ledger::{
        Held, failure,
        home::{self, Home},
        kernel::{self, Kept},
        sight, twice,
    },
    reader,
    settings::{Common, Format, Settings, options},
    show::{
        claim::{self as show, AgainView, ClaimsView, DeclaredView, Listed},
        out::Out,
        view::gap_view,
    },
    store::Store,
};

const STATE: &str = "state";
const REPAIR: &str = "repair";
const WATCH: &str = "watch";
/// Until the host is looked at again: a claim ends, and somebody else listens, without a change of the ledger.
const PAUSE: Duration = Duration::from_secs(2);

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
        en: "Only these: held, unbound, stolen, stale or elsewhere",
        ja: "held(使用中)、unbound(未使用)、stolen(他者が使用)、stale(期限切れ)、elsewhere(別の環境)だけを表示する",
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
        if own.get_flag(REPAIR) {
            repair_others(&home)?;
        }
        let told = list(&Book::default(), &home, wanted, None, settings, out)?;
        if !own.get_flag(WATCH) {
            return Ok(Exit::Fine);
        }
        out.finish()?;
        let Some(store) = first(&home)? else { return Ok(Exit::Fine) };
        return watch(store, Book::default(), told, &home, wanted, settings, out);
    };
    let book = store.load().map_err(|error| failure::store(&error, FAILED))?;
    if own.get_flag(REPAIR) {
        let held = Held::of_replaced(&home);
        repair(&home, settings)?;
        if settings.format != Format::Json {
            held.tell_given(out)?;
        }
    }
    let told = list(&book, &home, wanted, None, settings, out)?;
    if own.get_flag(WATCH) { watch(store, book, told, &home, wanted, settings, out) } else { Ok(Exit::Fine) }
}

/// The ledger, once somebody has made it; `None` where nobody reads any more.
fn first(home: &Home) -> Result<Option<Box<dyn Store>>, Failure> {
    while !reader::has_gone() {
        if let Some(store) = home.open_standing().map_err(|error| failure::store(&error, FAILED))? {
            return Ok(Some(store));
        }
        thread::sleep(PAUSE);
    }
    Ok(None)
}

/// Tells each change after what was `told` of `book`, until nobody reads it.
fn watch(
    mut store: Box<dyn Store>,
    mut book: Book,
    mut told: Told,
    home: &Home,
    wanted: Option<&str>,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    loop {
        out.finish()?;
        if reader::has_gone() {
            return Ok(Exit::Fine);
        }
        let moved = store.watch(book.revision(), PAUSE).map_err(|error| failure::store(&error, FAILED))?;
        book = moved.unwrap_or(book);
        told = list(&book, home, wanted, Some(&told), settings, out)?;
    }
}

/// Has the kernel reserve what is claimed.
fn repair(home: &Home, settings: &Settings) -> Result<(), Failure> {
    let now = sight::now()?;
    let look = sight::look(settings)?;
    let world = look.world();
    let fail = |error| failure::store(&error, UNREPAIRED);
    let mut ledger = home.open().map_err(fail)?;
    let book = ledger.load().map_err(fail)?;
    let mut seen = sight::seen(&world, home, &book);
    match kernel::keep(&home.scope, &mut ledger, &book, home, &mut seen, &now) {
        Kept::Reserved => repair_others(home),
        Kept::Unreserved(why) => {
            let failure = Failure::new(Exit::Unreachable, UNREPAIRED).because(why);
            Err(if geteuid().is_root() { failure } else { failure.hint(WITH_SUDO) })
        }
    }
}

/// The same of what other ledgers of root's have, where `home` is the host's usual one.
fn repair_others(home: &Home) -> Result<(), Failure> {
    kernel::keep_others(home)
        .map_err(|error| Failure::new(Exit::Unreachable, UNREPAIRED).because(kernel::why(&error)))
}

/// What of a list makes it another one: the time that is left does not.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    claims: Vec<(ClaimId, u64, State, bool)>,
    declared: Vec<State>,
}

/// Lists what the ledger and the host say now, where that is not what was `told` last.
fn list(
    book: &Book,
    home: &Home,
    wanted: Option<&str>,
    told: Option<&Told>,
    settings: &Settings,
    out: &mut Out,
) -> Result<Told, Failure> {
    let now = sight::now()?;
    let look = sight::look_at_holders(settings)?;
    let world = look.world();
    let seen = sight::seen(&world, home, book);
    let listing = Listing::of(book, home, wanted, &world, &seen, &now);
    let tells = listing.told();
    match told {
        Some(told) if *told == tells => {}
        Some(_) => listing.tell_again(settings, out)?,
        None => {
            listing.tell(settings, out)?;
            twice::tell(book, home, &seen, &now, settings.lang);
        }
    }
    Ok(tells)
}

/// What is claimed, and what is declared, in the order of their numbers.
struct Listing<'a> {
    revision: u64,
    claims: Vec<Listed<'a>>,
    declared: Vec<(DesiredPort<'a>, State)>,
    /// The state that was asked for.
    wanted: Option<&'a str>,
    world: &'a World<'a>,
    now: &'a Now,
}

impl<'a> Listing<'a> {
    /// What of `book` and of what `world` declares is in the state that is `wanted`.
    fn of(
        book: &'a Book,
        home: &Home,
        wanted: Option<&'a str>,
        world: &'a World<'a>,
        seen: &Seen<'_>,
        now: &'a Now,
    ) -> Self {
        let is_kept = world.kept_back();
        let is_wanted = |state: State| wanted.is_none_or(|wanted| wanted == state.token());
        let listed = |claim| Listed::new(claim, home, seen, now, &is_kept);
        let mut claims: Vec<_> = book.claims().map(listed).filter(|it| is_wanted(it.state)).collect();
        claims.sort_by_key(|it| (it.claim.ports.first, it.claim.protocol, &it.claim.name));
        let declared = world.declared_claims().filter(|(_, state)| is_wanted(*state)).collect();
        Self { revision: book.revision(), claims, declared, wanted, world, now }
    }

    fn told(&self) -> Told {
        let claims = self.claims.iter();
        Told {
            claims: claims.map(|it| (it.claim.id, it.claim.revision, it.state, it.is_kept)).collect(),
            declared: self.declared.iter().map(|(_, state)| *state).collect(),
        }
    }

    /// The same after another one.
    fn tell_again(&self, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
        match settings.format {
            Format::Json => {}
            Format::Ndjson => out.ndjson(&AgainView::new(self.revision, self.claims.len()))?,
            _ if self.is_empty() => {}
            _ => out.line("")?,
        }
        self.tell(settings, out)
    }

    fn tell(&self, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
        match settings.format {
            Format::Json => out.json_rows(&self.document(settings.lang)),
            Format::Ndjson => self.claims.iter().try_for_each(|it| out.ndjson(&it.view())),
            _ if self.is_empty() => out.sentences(nothing(self.wanted).in_lang(out.lang)),
            _ => out.table(&show::table(&self.claims, &self.declared, self.now.wall, settings.lang)),
        }
    }

    const fn is_empty(&self) -> bool {
        self.claims.is_empty() && self.declared.is_empty()
    }

    fn document(&self, lang: Lang) -> ClaimsView<'_> {
        let is_kept = self.world.kept_back();
        let kernel = |port: &DesiredPort<'_>| kernel::token(is_kept(port.spec.range));
        let declared =
            self.declared.iter().map(|(port, state)| DeclaredView::new(port, kernel(port), *state));
        let gaps = self.world.snapshot.gaps.iter().map(|gap| gap_view(gap, lang)).collect();
        ClaimsView::new(
            self.revision,
            self.claims.iter().map(Listed::view).collect(),
            declared.collect(),
            gaps,
        )
    }
}

fn nothing(wanted: Option<&str>) -> Text {
    match wanted {
        Some(state) => text!("No claim is {state}.", "{state} の申請はありません。"),
        None => text!("No port is claimed.", "申請済みのポートはありません。"),
    }
}
