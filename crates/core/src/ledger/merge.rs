//! Claims that come from another ledger: all of them, or none where one would have a number that somebody else has (A24).

use alloc::{boxed::Box, collections::BTreeSet, format, string::String, sync::Arc, vec::Vec};

use super::{
    book::{Book, CLAIMS_MAX, Change},
    claim::{Claim, ClaimId, Scope},
    clients::left_for_clients,
    lapse::{Life, Now},
    refusal::Refusal,
    seen::Seen,
};
use crate::{text, words::Text};

/// What becomes of claims that come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// What makes them so.
    pub changes: Vec<Change>,
    /// Those that were there already, every bit the same.
    pub same: usize,
    /// Those that ended meanwhile: nobody brings them back.
    pub ended: Vec<Claim>,
}

/// Why none of them may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmergeable {
    /// Two claims want the same.
    Clash {
        /// The one that stands, or came before.
        standing: Box<Claim>,
        /// The one that comes.
        coming: Box<Claim>,
        /// What both want.
        over: Over,
    },
    /// The ledger refuses one of them, or all of them together.
    Refused(Box<Refusal>),
}

/// What two claims want, of which there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// A number.
    Number,
    /// A name.
    Name,
    /// An id.
    Id,
}

/// What of `coming` makes `book` whole, or why nothing does.
///
/// # Errors
///
/// Where two claims would have the same, or the book would be full.
pub fn merge(book: &Book, coming: Vec<Claim>, seen: &Seen<'_>, now: &Now) -> Result<Merge, Unmergeable> {
    let mut after = book.clone();
    let mut merge = Merge::default();
    for claim in coming {
        if claim.life(seen, now) == Life::Ended {
            merge.ended.push(claim);
            continue;
        }
        if after.claim(claim.id).is_some_and(|standing| is_same(standing, &claim)) {
            merge.same += 1;
            continue;
        }
        keep_out_of_other_ledgers(&claim, seen)?;
        let claim = Claim { revision: book.revision() + 1, ..claim };
        let gone = in_the_way(&after, &claim, seen, now)?;
        let add = Change::Add(Arc::new(claim));
        let changes: Vec<Change> = gone.into_iter().map(Change::Remove).chain([add]).collect();
        after.amend(changes.iter().cloned());
        if after.len() > CLAIMS_MAX {
            return Err(refused(Refusal::LedgerFull));
        }
        merge.changes.extend(changes);
    }
    leave_clients(&after, &merge.changes, seen)?;
    Ok(merge)
}

fn refused(refusal: Refusal) -> Unmergeable {
    Unmergeable::Refused(Box::new(refusal))
}

/// What another ledger claims on this host stays its own.
fn keep_out_of_other_ledgers(coming: &Claim, seen: &Seen<'_>) -> Result<(), Unmergeable> {
    let spec = coming.spec();
    if !coming.scope.meets(&seen.scope) {
        return Ok(());
    }
    match seen.other_claim(coming.ports) {
        Some(other) => Err(refused(Refusal::OfOthers { spec, ledger: other.ledger.clone() })),
        None if seen.has_elsewhere(coming.ports) => Err(refused(Refusal::KeptBack(spec))),
        None => Ok(()),
    }
}

/// Wherever something comes to what the kernel hands out, enough of it is left.
fn leave_clients(after: &Book, changes: &[Change], seen: &Seen<'_>) -> Result<(), Unmergeable> {
    let put = changes.iter().filter_map(Change::claim);
    let put = put.filter(|claim| claim.ports.overlaps(seen.client_range));
    let scopes: BTreeSet<&Scope> = put.map(|claim| &claim.scope).collect();
    scopes.into_iter().try_for_each(|scope| left_for_clients(after, scope, None, seen).map_err(refused))
}

/// Whether one is the other, whenever it was written.
fn is_same(standing: &Claim, coming: &Claim) -> bool {
    *standing == Claim { revision: standing.revision, ..coming.clone() }
}

/// Those that ended and make room; those that hold do not.
fn in_the_way(book: &Book, coming: &Claim, seen: &Seen<'_>, now: &Now) -> Result<Vec<ClaimId>, Unmergeable> {
    let same_id = book.claim(coming.id).map(|claim| (claim, Over::Id));
    let named = book.named(&coming.scope, coming.protocol, &coming.name).map(|claim| (claim, Over::Name));
    let beneath = book.at(&coming.scope, coming.stand()).map(|claim| (claim, Over::Number));
    let mut gone = Vec::new();
    for (standing, over) in same_id.into_iter().chain(named).chain(beneath) {
        if standing.holds(seen, now) {
            let (standing, coming) = (Box::new(standing.clone()), Box::new(coming.clone()));
            return Err(Unmergeable::Clash { standing, coming, over });
        }
        gone.push(standing.id);
    }
    Ok(gone)
}

impl Book {
    /// Live claims that have what another one has, two and two: there are none, whoever asks the ledger properly.
    #[must_use]
    pub fn clashes(&self, seen: &Seen<'_>, now: &Now, most: usize) -> Vec<(&Claim, &Claim)> {
        let live = self.claims().filter(|claim| claim.holds(seen, now));
        let clashes = live.flat_map(|claim| self.rivals(claim, seen, now).map(move |rival| (claim, rival)));
        clashes.take(most).collect()
    }

    /// Those of a higher id that hold what `claim` does, and whoever has its name.
    fn rivals<'b>(&'b self, claim: &'b Claim, seen: &Seen<'_>, now: &Now) -> impl Iterator<Item = &'b Claim> {
        let beneath = self.at(&claim.scope, claim.stand());
        let beneath = beneath.filter(|other| other.id > claim.id && other.holds(seen, now));
        let named =
            self.named(&claim.scope, claim.protocol, &claim.name).filter(|other| other.id != claim.id);
        beneath.chain(named)
    }
}

impl Unmergeable {
    /// Why, in a sentence.
    #[must_use]
    pub fn why(&self) -> Text {
        let (standing, coming, over) = match self {
            Self::Clash { standing, coming, over } => (standing, coming, over),
            Self::Refused(refusal) => return refusal.why(),
        };
        let (first, second) = (standing.told(), coming.told());
        match over {
            Over::Number => {
                text!("{first} and {second} overlap", "{first} と {second} の番号が重なっています")
            }
            Over::Name => {
                text!("{first} and {second} have one name", "{first} と {second} の名前が同じです")
            }
            Over::Id => text!("{first} and {second} have one id", "{first} と {second} の id が同じです"),
        }
    }
}

impl Claim {
    /// Everything that tells it from another one, in a few words.
    #[must_use]
    pub fn told(&self) -> String {
        let Self { name, scope, claimant, .. } = self;
        let place = self.address.as_ref().map(|address| format!(" {address}")).unwrap_or_default();
        format!("{name} ({}{place}, {scope}, uid {})", self.spec(), claimant.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{
        BootTime, Lease, ProcessId, Wish,
        testing::{Desk, at, lease, process, wish},
    };
    use alloc::vec;

    fn claims(wishes: impl IntoIterator<Item = Wish>) -> Vec<Claim> {
        let mut desk = Desk::new();
        wishes.into_iter().map(|wish| desk.granted(wish)).collect()
    }

    fn merged(desk: &Desk<'_>, coming: Vec<Claim>) -> Result<Merge, Unmergeable> {
        merge(&desk.book, coming, &desk.seen, &desk.now)
    }

    #[test]
    fn all_come_into_an_empty_book_and_none_comes_twice() {
        let coming = claims([wish(1000, 1, "web"), wish(1000, 2, "mail 25000-25009/udp")]);
        let mut desk = Desk::new();
        let first = merged(&desk, coming.clone()).expect("they go together");
        assert_eq!((first.changes.len(), first.same), (2, 0));
        desk.book.change(first.changes);
        let again = merged(&desk, coming).expect("they are there");
        assert_eq!((again.changes.len(), again.same), (0, 2));
        assert!(desk.book.claims().all(|claim| claim.revision == 1), "as the change that wrote them");
    }

    /// With whom, whatever it is that both want.
    #[test]
    fn one_that_clashes_keeps_all_of_them_out() {
        let mut desk = Desk::new();
        desk.granted(wish(1000, 1, "web 20500/tcp"));
        let over = |coming: Wish| {
            let coming = claims([wish(1000, 9, "free 20900/tcp"), coming]);
            match merged(&desk, coming).expect_err("they clash") {
                Unmergeable::Clash { standing, over, .. } if standing.name.as_str() == "web" => over,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(over(wish(1000, 2, "other 20490-20510/tcp")), Over::Number);
        assert_eq!(over(wish(1000, 2, "web 20501/tcp")), Over::Name);
        assert_eq!(over(wish(1000, 1, "other 20501/tcp")), Over::Id);
        let both = [claims([wish(1, 3, "a 20700/tcp")]), claims([wish(1, 4, "b 20700/tcp")])].concat();
        let error = merged(&desk, both).expect_err("they clash");
        let expected = "a (20700/tcp, host:4c1d, uid 1) and b (20700/tcp, host:4c1d, uid 1) overlap";
        assert_eq!(error.why().en, expected, "two of one text clash too");
    }

    /// A process of an earlier boot, or one that has ended, claims nothing; one of another host may live.
    #[test]
    fn what_ended_does_not_come_back() {
        let desk = Desk::new();
        let earlier = ProcessId { boot_id: "earlier".into(), ..process(7, 1) };
        let elsewhere = ProcessId { machine: "beef".into(), ..earlier.clone() };
        let over = Lease::Until { until: at(0).wall, boot: None };
        let leases = [
            Lease::While { process: earlier },
            Lease::While { process: process(8, 1) },
            over,
            Lease::While { process: elsewhere },
        ];
        let coming = claims([wish(1, 1, "a"), wish(1, 2, "b"), wish(1, 3, "c"), wish(1, 4, "d")]);
        let coming: Vec<Claim> =
            coming.into_iter().zip(leases).map(|(claim, lease)| Claim { lease, ..claim }).collect();
        let merge = merged(&desk, coming.clone()).expect("they go together");
        assert_eq!(merge.ended, coming[..3]);
        let kept = Claim { revision: 1, ..coming[3].clone() };
        assert_eq!(merge.changes, [Change::Add(Arc::new(kept))]);
    }

    #[test]
    fn what_ended_here_makes_room() {
        let mut desk = Desk::new();
        desk.granted(Wish { lease: lease(60, &at(0)), ..wish(1000, 1, "web 20500/tcp") });
        desk.now = at(61);
        let coming = claims([wish(1, 2, "other 20500/tcp")]);
        let merge = merged(&desk, coming.clone()).expect("there is room");
        let put = Change::Add(Arc::new(Claim { revision: 2, ..coming[0].clone() }));
        assert_eq!(merge.changes, vec![Change::Remove(ClaimId(1)), put]);
    }

    /// Whoever imports may not leave a host without a way out either.
    #[test]
    fn clients_keep_their_ports_whatever_comes() {
        let desk = Desk::new();
        let both = claims([wish(1, 1, "a 20500/tcp"), wish(1, 2, "b 20500/udp")]);
        let enough = Claim { ports: "32768-59975".parse().expect("a range"), ..both[0].clone() };
        merged(&desk, vec![enough.clone(), both[1].clone()]).expect("1,024 are left");
        let one = Claim { ports: "60999".parse().expect("a port"), ..both[1].clone() };
        let refused = merged(&desk, vec![enough, one]).expect_err("one number too many");
        let refusal = Refusal::NoClientPortsLeft { left: 1_023, needed: 1_024 };
        assert_eq!(refused, Unmergeable::Refused(Box::new(refusal)));
    }

    #[test]
    fn clashes_are_found_among_those_that_live() {
        let lapsing =
            Lease::Until { until: at(60).wall, boot: Some(BootTime { milliseconds: 60_000, ..at(0).boot }) };
        let one = |id, text| claims([wish(1000, id, text)]).remove(0);
        let ended = Claim { lease: lapsing, ..one(3, "gone 20500/tcp") };
        let all = [one(1, "web 20500/tcp"), one(2, "mail 20490-20510/tcp"), ended, one(4, "free 20600/tcp")];
        let desk = Desk { book: Book::new(9, all), now: at(61), ..Desk::new() };
        let clashes = desk.book.clashes(&desk.seen, &desk.now, 9);
        let names: Vec<_> =
            clashes.iter().map(|(one, other)| (one.name.as_str(), other.name.as_str())).collect();
        assert_eq!(names, [("web", "mail")]);
        assert_eq!(desk.book.clashes(&desk.seen, &at(0), 9).len(), 3, "before that one ended");
        assert_eq!(desk.book.clashes(&desk.seen, &at(0), 2).len(), 2);
        let twins = Book::new(9, [one(1, "web 20500/tcp"), one(2, "web 20501/tcp")]);
        assert_eq!(twins.clashes(&desk.seen, &at(0), 9).len(), 1, "one name is one claim");
    }
}
