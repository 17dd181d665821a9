//! Crowds of threads, before stores that work, that fail, and that others write too.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use portreeve_core::{
    ledger::{Book, BootTime, Change, ClaimId, Claimant, Lease, OtherClaim, Scope, Wish},
    port::{PortRange, Protocol},
    registry::Registry,
};

use super::*;
use crate::store::{Memory, Sqlite, StoreError, Swap};

const MACHINE: &str = "4c1d";

fn seen() -> Seen<'static> {
    Seen::new(MACHINE.into(), PortRange { first: 32_768, last: 60_999 }, Registry::builtin())
}

fn now() -> Now {
    Now {
        wall: "2026-01-01T00:00:00Z".parse().expect("a time"),
        boot: BootTime { boot_id: "a".into(), milliseconds: 1 },
    }
}

fn claim(id: u128, name: &str, ports: Option<u16>) -> Ask {
    Ask::Claim(Wish {
        id: ClaimId(id),
        name: name.parse().expect("a name"),
        scope: Scope::Host(MACHINE.into()),
        protocol: Protocol::Tcp,
        address: None,
        device: None,
        ports: ports.map(PortRange::one),
        claimant: Claimant { uid: 1000, process: None },
        lease: Lease::Permanent,
        note: None,
        well_known: false,
        force_bound: false,
    })
}

/// A memory whose changes are counted, that takes a few at once, and that has a fault.
#[derive(Debug, Default)]
struct Odd {
    kept: Memory,
    swaps: usize,
    loads: usize,
    changes_max: Option<usize>,
    /// From this change on none is made.
    full_after: Option<usize>,
    /// What other ledgers have of it, until that is told.
    taken: Vec<OtherClaim>,
}

impl Store for Odd {
    fn load(&mut self) -> Result<Book, StoreError> {
        self.loads += 1;
        self.kept.load()
    }

    fn swap(&mut self, expected: u64, changes: &[Change]) -> Result<Swap, StoreError> {
        if self.full_after.is_some_and(|most| self.swaps >= most) {
            return Err(StoreError::Failed { path: PathBuf::from("ledger.db"), source: "full".into() });
        }
        if !self.taken.is_empty() {
            return Ok(Swap::Taken(mem::take(&mut self.taken)));
        }
        assert!(changes.len() <= self.changes_max());
        self.swaps += 1;
        self.kept.swap(expected, changes)
    }

    fn watch(&mut self, known: u64, patience: Duration) -> Result<Option<Book>, StoreError> {
        self.kept.watch(known, patience)
    }

    fn changes_max(&self) -> usize {
        self.changes_max.unwrap_or(usize::MAX)
    }
}

/// Lets `askers` ask for any port, `each` times one after another; what they were told.
fn storm<S: Store + Send>(store: &mut S, askers: u128, each: u128) -> Vec<Told> {
    let mut seen = seen();
    let book = store.load().expect("a book");
    let crowd = Crowd::new(store, book, &mut seen);
    let ask = |asker: u128| {
        let ask = |turn: u128| {
            let id = asker * each + turn;
            crowd.ask(vec![claim(id, &format!("n{id}"), None)], &now())
        };
        (0..each).flat_map(ask).collect::<Vec<Told>>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..askers).map(|asker| scope.spawn(move || ask(asker))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("it ends")).collect()
    })
}

/// Each is told of a port of his own, and what each was told is in the file when another opens it.
#[test]
fn no_two_of_a_crowd_get_the_same_port_and_all_of_it_lasts() {
    let folder = std::env::temp_dir().join(format!("portreeve-crowd-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a directory");
    let path = folder.join("ledger.db");
    let told = storm(&mut Sqlite::open(&path).expect("a ledger"), 64, 4);
    let granted: Vec<_> =
        told.into_iter().map(|told| told.expect("answered").expect("granted").claim).collect();
    assert_eq!(granted.iter().map(|claim| claim.ports.first).collect::<BTreeSet<_>>().len(), 256);
    let book = Sqlite::open(&path).and_then(|mut store| store.load()).expect("a book");
    assert_eq!(book.len(), 256);
    assert!(granted.iter().all(|claim| book.claim(claim.id) == Some(claim)));
    std::fs::remove_dir_all(folder).expect("ours");
}

/// One of them writes for all who wait meanwhile.
#[test]
fn many_are_written_at_once() {
    let mut store = Odd::default();
    let asks: Vec<Ask> = (0..2_000).map(|id| claim(id, &format!("n{id}"), None)).collect();
    let told = Crowd::new(&mut store, Book::default(), &mut seen()).ask(asks, &now());
    assert!(told.iter().all(|told| matches!(told, Ok(Ok(_)))));
    assert_eq!((store.swaps, store.loads), (2, 0), "1,024 and the rest, and the book is remembered");
}

/// Whoever could not be written is told so, and not one of his commit is there; reads go on.
#[test]
fn nobody_is_acknowledged_whom_the_store_did_not_take() {
    let mut store = Odd { full_after: Some(3), ..Odd::default() };
    let told = storm(&mut store, 64, 8);
    let granted: BTreeSet<ClaimId> =
        told.iter().filter_map(|told| Some(told.as_ref().ok()?.as_ref().ok()?.claim.id)).collect();
    let failed = told.iter().filter(|told| told.is_err()).count();
    assert_eq!(granted.len() + failed, 512, "each is told one or the other");
    assert_eq!(store.swaps, 3);
    let book = store.load().expect("it is still read");
    assert_eq!(book.claims().map(|claim| claim.id).collect::<BTreeSet<_>>(), granted);
    store.full_after = None;
    let again = storm(&mut store, 64, 8);
    assert!(again.iter().all(|told| matches!(told, Ok(Ok(_)))), "the same ids are safe to repeat");
    assert_eq!(store.load().expect("a book").len(), 512);
}

/// A store that takes few changes at once gets them in parts, each of which is acknowledged by itself.
#[test]
fn what_is_too_much_for_one_change_is_written_in_parts() {
    let mut store = Odd { changes_max: Some(120), full_after: Some(2), ..Odd::default() };
    let asks: Vec<Ask> = (0..300).map(|id| claim(id, &format!("n{id}"), None)).collect();
    let told = Crowd::new(&mut store, Book::default(), &mut seen()).ask(asks, &now());
    let granted = told.iter().take_while(|told| told.is_ok()).count();
    assert_eq!((granted, told.iter().filter(|told| told.is_ok()).count()), (240, 240));
    assert_eq!(store.load().expect("a book").len(), 240);
}

/// What is remembered is not believed where somebody else wrote meanwhile, neither to grant nor to refuse.
#[test]
fn what_another_wrote_meanwhile_counts() {
    let folder = std::env::temp_dir().join(format!("portreeve-crowd-two-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a directory");
    let path = folder.join("ledger.db");
    let [mut one, mut other] = [(); 2].map(|()| Sqlite::open(&path).expect("a ledger"));
    let (mut seen_by_one, mut seen_by_other) = (seen(), seen());
    let one = Crowd::new(&mut one, Book::default(), &mut seen_by_one);
    let other = Crowd::new(&mut other, Book::default(), &mut seen_by_other);
    let ask = |crowd: &Crowd<'_, '_, Sqlite>, ask: Ask| {
        crowd.ask(vec![ask], &now()).remove(0).expect("answered").map(|entry| entry.claim.ports.first)
    };
    assert_eq!(ask(&one, claim(1, "web", Some(20_500))), Ok(20_500));
    assert!(ask(&other, claim(2, "mail", Some(20_500))).is_err(), "it is read before it is written");
    let of = portreeve_core::ledger::Reference {
        scope: Scope::Host(MACHINE.into()),
        protocol: Protocol::Tcp,
        name: "web".parse().expect("a name"),
        revision: None,
    };
    assert_eq!(ask(&one, Ask::Release { of, uid: 1000 }), Ok(20_500));
    assert_eq!(ask(&other, claim(2, "mail", Some(20_500))), Ok(20_500), "the refusal is not remembered");
    assert!(ask(&one, claim(3, "news", Some(20_500))).is_err());
    std::fs::remove_dir_all(folder).expect("ours");
}

/// Whoever asks for any number gets another one, and who asks for that one is refused, however he insists.
#[test]
fn what_another_ledger_has_meanwhile_counts() {
    let any = claim(1, "web", None);
    let asked = |taken: &[PortRange], ask: &Ask| {
        let of_other = |ports: &PortRange| OtherClaim { ports: *ports, ledger: "/srv/b.db".into() };
        let mut store = Odd { taken: taken.iter().map(of_other).collect(), ..Odd::default() };
        Crowd::new(&mut store, Book::default(), &mut seen()).ask(vec![ask.clone()], &now()).remove(0)
    };
    let port = |told: Told| {
        told.expect("answered").map(|entry| entry.claim.ports).map_err(|refusal| refusal.token())
    };
    let first = port(asked(&[], &any)).expect("granted");
    assert_ne!(port(asked(&[first], &any)).expect("granted"), first);
    let named = claim(2, "mail", Some(first.first));
    assert_eq!(port(asked(&[first], &named)), Err("port-reserved"));
    let Ask::Claim(wish) = named else { panic!("a claim") };
    let insisting = Ask::Claim(Wish { force_bound: true, ..wish });
    assert_eq!(port(asked(&[first], &insisting)), Err("port-reserved"));
}

/// A claim that lasts while a process lives holds already for the next ask of the same change.
#[test]
fn a_process_that_was_just_named_is_known_to_live() {
    let process = portreeve_host::claimant::process(MACHINE, std::process::id()).expect("it lives");
    let now = portreeve_host::claimant::now().expect("a boot");
    let Ask::Claim(wish) = claim(1, "job", Some(20_500)) else { unreachable!("it is a claim") };
    let job = Ask::Claim(Wish { lease: Lease::While { process }, ..wish });
    let mut store = Odd::default();
    let told = Crowd::new(&mut store, Book::default(), &mut seen())
        .ask(vec![job, claim(2, "other", Some(20_500))], &now);
    assert!(matches!(told[..], [Ok(Ok(_)), Ok(Err(portreeve_core::ledger::Refusal::Held(..)))]), "{told:?}");
}

/// Whoever waits is never left behind, however many come and go.
#[test]
fn everybody_is_answered() {
    static ANSWERED: AtomicUsize = AtomicUsize::new(0);
    let (mut store, mut seen) = (Odd::default(), seen());
    let crowd = Crowd::new(&mut store, Book::default(), &mut seen);
    thread::scope(|scope| {
        for asker in 0..16_u128 {
            let crowd = &crowd;
            scope.spawn(move || {
                for turn in 0..50 {
                    let name = format!("n{asker}-{}", turn % 5);
                    let told = crowd.ask(vec![claim(asker * 50 + turn, &name, None)], &now());
                    ANSWERED.fetch_add(told.len(), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(ANSWERED.load(Ordering::Relaxed), 800);
    assert_eq!(store.load().expect("a book").len(), 80);
}
