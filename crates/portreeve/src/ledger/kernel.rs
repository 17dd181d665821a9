//! Makes the kernel keep from clients what is claimed (A9, A24).

use std::{cell::LazyCell, time::Duration};

use jiff::Timestamp;
use portreeve_core::{
    ledger::{Book, Claim, Now, Scope, Seen},
    plan::united,
    port::PortRange,
    text,
    words::{Text, Words},
};
use portreeve_host::enforce::reserved::{
    OtherLedger, Pledges, Reason, Reserved, ReservedError, Wanted, lasting as kept_at_boot,
    refuse_unwritable as unwritable, wanted_for,
};

use super::{
    Opened, failure,
    home::{Home, Obeyed},
    know_processes,
};
use crate::{
    clients, directories,
    store::{Store, StoreError},
};

/// Whether the kernel keeps a number from clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It does.
    Reserved,
    /// It does not, and why.
    Unreserved(Text),
}

impl Kept {
    /// The token of machine output.
    pub(crate) const fn token(&self) -> &'static str {
        token(matches!(self, Self::Reserved))
    }

    /// The same of a claim of `scope`.
    pub(crate) fn within(self, scope: &Scope, home: &Home) -> Self {
        Self::unkept(scope, home).unwrap_or(self)
    }

    /// That nobody keeps a claim of `scope`, where the kernel of `home` has nothing to do with it.
    fn unkept(scope: &Scope, home: &Home) -> Option<Self> {
        let own = &home.scope;
        let why = match home.obeyed {
            Obeyed::ByUser => Words {
                en: "this is a ledger of your own, which nobody else obeys",
                ja: "ユーザー自身の台帳のため、ほかのプロセスには適用されません",
            }
            .into(),
            Obeyed::ByHost if scope.meets(own) => return None,
            Obeyed::ByHost => text!(
                "it holds in {scope}, and this is {own}, so nobody looked at who listens there; `portreeve claims --repair` there reserves it",
                "有効範囲は {scope} で、ここ({own})ではないため、待ち受けの有無は確認していません。該当の環境で `portreeve claims --repair` を実行すると予約されます"
            ),
        };
        Some(Self::Unreserved(why))
    }
}

/// The token of what the kernel keeps, or does not.
pub(crate) const fn token(is_reserved: bool) -> &'static str {
    if is_reserved { "reserved" } else { "unreserved" }
}

/// Has the kernel keep back what is claimed here, and give back what is not any more, after a change of `scope`; `book` was read
/// a moment ago. Where that is elsewhere nothing has changed here, and a fleet's store that was opened for it knows nothing of
/// what is claimed here.
pub(crate) fn keep(
    scope: &Scope,
    ledger: &mut Opened,
    book: &Book,
    home: &Home,
    seen: &mut Seen<'_>,
    now: &Now,
) -> Kept {
    let kept = || match keep_all(ledger, book, home, seen, now) {
        Ok(()) => Kept::Reserved,
        Err(error) => Kept::Unreserved(why(&error)),
    };
    Kept::unkept(scope, home).unwrap_or_else(kept)
}

/// Why the kernel does not keep it back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    /// It refuses, or what is kept for it cannot be written.
    #[error(transparent)]
    Kernel(#[from] ReservedError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn keep_all(
    ledger: &mut Opened,
    book: &Book,
    home: &Home,
    seen: &mut Seen<'_>,
    now: &Now,
) -> Result<(), KeepError> {
    if ledger.pledges().is_none() {
        let reserved = Reserved::open(directories::reserved().as_deref())?;
        // What somebody else claimed while this waited for its turn is not given back.
        let moved = ledger.watch(book.revision(), Duration::ZERO)?;
        let wanted = claimed(moved.as_ref().unwrap_or(book), home, seen, now);
        apply(reserved, &wanted, home)?;
        return forget(home.known_beside());
    }
    if !keep_beside(ledger, book, home, seen, now)? && ledger.pledges().is_some_and(Pledges::begin_again) {
        // Those who claimed meanwhile have gone, and left it to whoever is the last; what is kept too long harms nobody.
        let Ok(book) = ledger.load() else { return Ok(()) };
        keep_beside(ledger, &book, home, seen, now)?;
    }
    forget(home.replaced())
}

/// The same in another ledger than the host's usual one, and waits for no network: what others claim in it meanwhile stays kept,
/// and whether nobody does.
fn keep_beside(
    ledger: &mut Opened,
    book: &Book,
    home: &Home,
    seen: &mut Seen<'_>,
    now: &Now,
) -> Result<bool, KeepError> {
    let reserved = Reserved::open(directories::reserved().as_deref())?;
    let is_whole = ledger.pledges().is_some_and(|pledges| pledges.are_all(&reserved));
    let mut wanted = claimed(book, home, seen, now);
    if !is_whole {
        let reason = home.reason();
        wanted.now = clients::beside(reserved.wanted(&reason), wanted.now.into_iter());
        let at_boot = |ranges: Vec<_>| clients::beside(reserved.lasting(&reason), ranges.into_iter());
        wanted.at_boot = wanted.at_boot.map(at_boot);
    }
    apply(reserved, &wanted, home)?;
    Ok(is_whole)
}

/// Has the kernel keep back again what other ledgers of root's have beyond this boot, where this is the host's usual one: who asks it
/// means the whole host.
///
/// # Errors
///
/// What they have cannot be read, or the kernel refuses.
pub(crate) fn keep_others(home: &Home) -> Result<(), KeepError> {
    if home.is_read_by_boot() { clients::boot::reserve_others_again() } else { Ok(()) }
}

fn apply(reserved: Reserved, wanted: &Wanted, home: &Home) -> Result<(), KeepError> {
    let reason = home.reason();
    let change = clients::reservation(&reserved, &reason, &wanted.now);
    Ok(reserved.apply(&reason, wanted, &change)?)
}

/// For which ledgers the kernel keeps what another file in the place of `home` would not claim: for every one there was, where
/// nothing tells which it was.
pub(crate) fn former(home: &Home) -> Vec<OtherLedger> {
    match home.reason() {
        Reason::OtherLedger(known) if known.is_identified() => vec![known],
        Reason::OtherLedger(_) => home.kept_at_place().into_iter().map(|(ledger, _)| ledger).collect(),
        Reason::Ledger(_) | Reason::Declared => Vec::new(),
    }
}

/// What is kept for these reasons.
pub(crate) fn kept_of(reasons: impl Iterator<Item = Reason>) -> Vec<PortRange> {
    // Where there are none nothing is read.
    let at_boot = LazyCell::new(|| {
        directories::reserved().and_then(|path| kept_at_boot(&path).ok()).unwrap_or_default()
    });
    let kept = reasons.flat_map(|reason| {
        let then = at_boot.get(&reason).cloned().unwrap_or_default();
        wanted_for(&reason).into_iter().chain(then)
    });
    united(kept)
}

/// Refuses where nothing could be given back.
///
/// # Errors
///
/// The kernel's list or what is kept beside it cannot be written.
pub(crate) fn refuse_unwritable() -> Result<(), KeepError> {
    Ok(unwritable(directories::reserved().as_deref())?)
}

/// Gives back what was kept for `former` ledgers.
pub(crate) fn forget(former: Vec<OtherLedger>) -> Result<(), KeepError> {
    for reason in former.into_iter().map(Reason::OtherLedger) {
        let reserved = Reserved::open(directories::reserved().as_deref())?;
        let change = clients::reservation(&reserved, &reason, &[]);
        reserved.forget(&reason, &change)?;
    }
    Ok(())
}

/// What is claimed in the network namespace of this process.
fn claimed(book: &Book, home: &Home, seen: &mut Seen<'_>, now: &Now) -> Wanted {
    know_processes(seen, book);
    let live = here(book, home).filter(|claim| claim.holds(seen, now));
    Wanted {
        now: live.map(|claim| claim.ports).collect(),
        at_boot: (!home.is_read_by_boot()).then(|| lasting(book, home, now.wall)),
    }
}

/// What the host's own ledger has beyond this boot, which the next one reserves again; nothing where there is no such ledger.
///
/// # Errors
///
/// It cannot be read.
pub(crate) fn claimed_beyond_boot() -> Result<Vec<PortRange>, StoreError> {
    let Some(home) = Home::of_boot() else { return Ok(Vec::new()) };
    Ok(home.look()?.map(|book| lasting(&book, &home, Timestamp::now())).unwrap_or_default())
}

/// Why the kernel keeps what the host's own ledger claims.
pub(crate) fn usual() -> Reason {
    Home::of_boot().map_or_else(|| Reason::LEDGER, |home| home.reason())
}

/// What does not end with this boot.
fn lasting(book: &Book, home: &Home, wall: Timestamp) -> Vec<PortRange> {
    let lasting = here(book, home).filter(|claim| claim.lease.outlasts_boot(wall));
    lasting.map(|claim| claim.ports).collect()
}

fn here<'b>(book: &'b Book, home: &Home) -> impl Iterator<Item = &'b Claim> {
    book.claims().filter(|claim| claim.scope.meets(&home.scope))
}

/// The same in a sentence.
pub(crate) fn why(error: &KeepError) -> Text {
    match error {
        KeepError::Kernel(error) => clients::why(error),
        KeepError::Store(error) => {
            let Text { en, ja } = failure::told(error).1;
            text!("the kernel does not reserve it: {en}", "カーネルに予約できませんでした: {ja}")
        }
    }
}
