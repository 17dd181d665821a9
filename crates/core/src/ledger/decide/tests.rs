//! Each line of what the ledger refuses and grants, and that no number ever has two owners.

use alloc::{format, vec, vec::Vec};

use proptest::prelude::*;

use super::super::{
    Ask, Book, BootTime, Claim, ClaimId, Claimant, Lease, Note, Now, ProcessId, Reference, Refusal, Scope,
    Wish,
    testing::{Desk, at, lease, process, reference, wish, words},
};
use crate::{facts::testing::listener, port::PortRange, rules::testing::scene, words::Text};

#[test]
fn the_same_name_is_the_same_entry() {
    let mut desk = Desk::new();
    let first = desk.claim(wish(1000, 1, "web")).expect("granted");
    let again = desk.claim(wish(1000, 2, "web")).expect("granted");
    assert!(first.fresh && !again.fresh && again.changes.is_empty());
    assert_eq!(first.claim, again.claim);
}

/// A reply that was lost is asked for again with the same id, and is the same reply.
#[test]
fn a_lost_reply_is_safe_to_ask_for_again() {
    let mut desk = Desk::new();
    let first = desk.claim(wish(1000, 1, "web")).expect("granted");
    let again = desk.claim(wish(1000, 1, "web")).expect("granted");
    assert!(again.fresh && again.changes.is_empty());
    assert_eq!(first.claim, again.claim);
}

#[test]
fn an_id_is_of_one_ask() {
    let mut desk = Desk::new();
    desk.granted(wish(1000, 1, "web"));
    assert_eq!(desk.refused(wish(1000, 1, "mail")), "id-taken");
}

#[test]
fn the_same_name_gets_the_same_number_anywhere() {
    let mut other = Desk::new();
    let taken = [listener("0.0.0.0:8080/tcp")];
    let number = |desk: &mut Desk<'_>| desk.granted(wish(1000, 1, "web")).ports;
    assert_eq!(number(&mut Desk::new()), number(&mut other));
    assert_eq!(number(&mut Desk::new().bound(&taken)), number(&mut Desk::new()));
}

/// Whoever was there before is told by name, whatever the addresses are called.
#[test]
fn a_held_number_is_refused_by_whom_it_overlaps() {
    let mut desk = Desk::new();
    desk.granted(wish(1000, 1, "web 8080/tcp"));
    assert_eq!(desk.refused(wish(1000, 2, "other 8080/tcp")), "port-held");
    assert_eq!(desk.refused(wish(1000, 2, "range 8000-8100/tcp")), "port-held");
    let one = Wish { address: "192.0.2.1".parse().ok(), ..wish(1000, 2, "one 8080/tcp") };
    assert_eq!(desk.refused(one), "port-held");
    desk.granted(wish(1000, 3, "other 8080/udp"));
    desk.granted(wish(1000, 4, "next 8081/tcp"));
}

#[test]
fn one_number_at_two_addresses_has_two_owners() {
    let mut desk = Desk::new();
    for (id, address) in [(1, "192.0.2.1"), (2, "192.0.2.2"), (3, "2001:db8::1")] {
        let name = format!("web{id} 8080/tcp");
        desk.granted(Wish { address: address.parse().ok(), ..wish(1000, id, &name) });
    }
    assert_eq!(desk.refused(wish(1000, 4, "all 8080/tcp")), "port-held");
}

/// Two hosts have nothing to do with each other; a fleet has with both.
#[test]
fn a_scope_is_where_a_number_has_one_owner() {
    let mut desk = Desk::new();
    let of = |id, name: &str, scope: &str| {
        let scope: Scope = scope.parse().expect("a scope");
        Wish { scope, ..wish(1000, id, name) }
    };
    desk.granted(of(1, "web 8080/tcp", "host:a"));
    desk.granted(of(2, "web 8080/tcp", "host:b"));
    desk.granted(of(3, "web 8080/tcp", "netns:blue"));
    assert_eq!(desk.refused(of(4, "web 8080/tcp", "fleet")), "port-held");
    desk.granted(of(5, "mail 2525/tcp", "fleet"));
    assert_eq!(desk.refused(of(6, "mail 2525/tcp", "host:a")), "port-held");
}

#[test]
fn a_name_holds_one_place() {
    let mut desk = Desk::new();
    desk.granted(wish(1000, 1, "web 8080/tcp"));
    assert_eq!(desk.refused(wish(1000, 2, "web 8081/tcp")), "name-held");
    let elsewhere = Wish { address: "192.0.2.1".parse().ok(), ..wish(1000, 2, "web 8080/tcp") };
    assert_eq!(desk.refused(elsewhere), "name-held");
}

/// Root is answered about anybody's claim, and nobody else is.
#[test]
fn a_claim_is_of_whoever_made_it() {
    let mut desk = Desk::new();
    let claim = desk.granted(wish(1000, 1, "web"));
    assert_eq!(desk.refused(wish(1001, 2, "web")), "not-yours");
    assert_eq!(desk.granted(wish(0, 2, "web")), claim);
    let of = reference(&wish(1000, 1, "web"));
    let release = |uid| Ask::Release { of: of.clone(), uid };
    assert_eq!(desk.ask(&release(1001)).expect_err("refused").token(), "not-yours");
    assert_eq!(desk.ask(&release(1000)).map(|entry| words(&entry)), Ok(vec!["remove 1".into()]));
    assert_eq!(desk.ask(&release(1000)).expect_err("refused").token(), "no-such-claim");
    desk.granted(wish(1000, 3, "web 8443/udp"));
    let fix = desk.ask(&release(1000)).expect_err("refused").fix().en;
    assert_eq!(fix, "if that one is meant: --protocol udp --scope host:4c1d");
}

#[test]
fn who_knows_another_revision_is_told() {
    let mut desk = Desk::new();
    let claim = desk.granted(wish(1000, 1, "web"));
    let of = |revision| Reference { revision: Some(revision), ..reference(&wish(1000, 1, "web")) };
    let renew = |revision| Ask::Renew { of: of(revision), lease: Lease::Permanent, uid: 1000 };
    assert_eq!(desk.ask(&renew(claim.revision + 1)).expect_err("refused").token(), "claim-moved");
    let renewed = desk.ask(&renew(claim.revision)).expect("renewed").claim;
    assert!(renewed.revision > claim.revision);
    assert_eq!(desk.ask(&renew(claim.revision)).expect_err("refused").token(), "claim-moved");
}

#[test]
fn a_well_known_number_is_for_what_it_is_known_for() {
    let mut desk = Desk::new();
    assert_eq!(desk.refused(wish(0, 1, "web 25/tcp")), "well-known");
    desk.granted(wish(0, 1, "smtp 25/tcp"));
    assert_eq!(desk.refused(wish(0, 2, "web 443/tcp")), "well-known");
    desk.granted(Wish { well_known: true, ..wish(0, 2, "web 443/tcp") });
    let noted = desk.claim(wish(0, 3, "w2 5432/tcp")).expect("granted").notes;
    assert_eq!(noted, [Note::AssignedTo("postgresql".into())]);
}

#[test]
fn who_listens_there_stands_in_the_way_and_a_client_does_not() {
    let mut client = listener("0.0.0.0:40001/udp");
    client.ephemeral = true;
    let bound = [listener("[::]:20500/tcp"), client];
    let mut desk = Desk::new().bound(&bound);
    assert_eq!(desk.refused(wish(1000, 1, "web 20500/tcp")), "port-bound");
    assert_eq!(desk.refused(wish(1000, 1, "range 20400-20600/tcp")), "port-bound");
    let forced = |uid| Wish { force_bound: true, ..wish(uid, 1, "web 20500/tcp") };
    assert_eq!(desk.refused(forced(1000)), "port-bound", "only root claims it for another user");
    assert_eq!(desk.claim(forced(0)).expect("granted").notes, [Note::Bound]);
    let notes = desk.claim(wish(1000, 2, "ask 40001/udp")).expect("granted").notes;
    assert_eq!(notes, [Note::InClientRange, Note::Bound]);
}

/// A ledger beside the host's knows no claim of it: that the kernel keeps a number for somebody is all that is seen of it.
#[test]
fn what_the_kernel_keeps_for_somebody_is_not_claimed_in_another_ledger() {
    let of_own = |text| Wish { scope: Scope::User(1000), ..wish(1000, 1, text) };
    let mut desk = Desk::new();
    desk.seen.foreign = vec![PortRange::one(20_500)];
    desk.granted(wish(1000, 2, "host 20500/tcp"));
    desk.seen.elsewhere = vec![PortRange::one(20_500)];
    desk.seen.scope = Scope::User(1000);
    assert_eq!(desk.refused(of_own("web 20500/tcp")), "port-reserved");
    assert_eq!(desk.refused(of_own("web 20499-20501/udp")), "port-reserved", "the list is of no protocol");
    desk.granted(Wish { force_bound: true, ..of_own("web 20500/tcp") });
}

/// That somebody listens there, or a number is kept for whoever asks, is no reason to give it to two.
#[test]
fn what_another_ledger_claims_is_not_had_by_force() {
    let mut desk = Desk::new();
    let others = crate::ledger::OtherClaim { ports: PortRange::one(20_500), ledger: "/srv/b.db".into() };
    desk.seen.others = vec![others];
    for force_bound in [false, true] {
        assert_eq!(desk.refused(Wish { force_bound, ..wish(0, 1, "web 20499-20501/tcp") }), "port-reserved");
    }
    desk.granted(wish(0, 2, "web 20501/tcp"));
}

/// What number it has there, and whether it lives, only whoever is there knows.
#[test]
fn a_process_of_another_namespace_has_not_gone() {
    let far = ProcessId { namespace: Some(2), ..process(700, 1) };
    let mut desk = Desk::new();
    desk.seen.namespace = Some(2);
    desk.seen.processes = [(700, Some(far.clone()))].into();
    desk.granted(Wish { lease: Lease::While { process: far }, ..wish(1000, 1, "job 20500/tcp") });
    desk.seen.processes.clear();
    desk.seen.namespace = Some(1);
    assert_eq!(desk.refused(wish(1000, 2, "thief 20500/tcp")), "port-held");
    desk.seen.namespace = Some(2);
    desk.granted(wish(1000, 2, "heir 20500/tcp"));
}

/// In a namespace of time a process has begun at another one.
#[test]
fn a_process_with_an_inode_of_its_own_is_known_by_that() {
    let own = ProcessId { inode: Some(9), ..process(700, 1) };
    assert!(own.is(&ProcessId { inode: Some(9), ..process(700, 2) }));
    assert!(!own.is(&ProcessId { inode: Some(8), ..process(700, 1) }));
    assert!(!process(700, 1).is(&process(700, 2)) && process(700, 1).is(&own));
}

#[test]
fn what_is_so_here_keeps_nobody_from_a_number_elsewhere() {
    let listeners = [listener("0.0.0.0:20500/tcp")];
    let mut desk = Desk::new().bound(&listeners);
    desk.seen.elsewhere = vec![PortRange::one(20_501)];
    let there = |id, text| Wish { scope: Scope::Netns("blue".into()), ..wish(1000, id, text) };
    assert_eq!(desk.refused(wish(1000, 1, "web 20500/tcp")), "port-bound");
    desk.granted(there(2, "web 20500/tcp"));
    desk.granted(there(3, "mail 20501/tcp"));
    assert_eq!(desk.refused(there(4, "news 20500/tcp")), "port-held", "its own claims are known");
}

#[test]
fn what_the_policy_declares_is_claimed_already() {
    let scene =
        scene().service("web", "8080/tcp", "web.service").service("pool", "9000-9010/udp", "p.service");
    scene.with_world(|world| {
        let mut desk = Desk::new();
        desk.seen.declared = world.desired.clone();
        assert_eq!(desk.refused(wish(1000, 1, "other 8080/tcp")), "port-declared");
        assert_eq!(desk.refused(wish(1000, 1, "other 9005-9100/udp")), "port-declared");
        desk.granted(wish(1000, 1, "other 8081/tcp"));
        assert_eq!(desk.refused(wish(1000, 2, "web")), "name-declared", "one name has no two ports");
        desk.granted(wish(1000, 2, "web 8081/udp"));
    });
}

/// Whoever asks for a name that is claimed has it at least as long as he asked for, or is told that he has not.
#[test]
fn who_asks_again_has_it_as_long_as_he_asked_for() {
    let mut desk = Desk::new();
    let (one, other) = (process(7, 700), process(8, 800));
    desk.seen.processes = [(7, Some(one.clone())), (8, Some(other.clone()))].into();
    let during = |process: &ProcessId| Lease::While { process: process.clone() };
    let job = |lease| Wish { lease, ..wish(1000, 9, "job 20500/tcp") };
    let port = desk.granted(Wish { id: ClaimId(1), ..job(during(&one)) }).ports;
    assert_eq!(desk.granted(job(during(&one))).ports, port);
    assert_eq!(desk.refused(job(during(&other))), "ends-otherwise");
    assert_eq!(desk.refused(job(lease(60, &at(0)))), "ends-otherwise");
    let renew = Ask::Renew { of: reference(&wish(1000, 1, "job")), lease: lease(60, &at(0)), uid: 1000 };
    assert_eq!(desk.ask(&renew).expect_err("refused").token(), "ends-otherwise");
    let noted = desk.granted(Wish { note: Some("staging".into()), ..job(during(&one)) });
    assert_eq!((noted.note.as_deref(), noted.ports), (Some("staging"), port));
    let mut told = |lease| {
        let entry = desk.claim(job(lease)).expect("granted");
        (entry.claim.lease.clone(), entry.notes)
    };
    let permanent = || Lease::Permanent;
    assert_eq!(told(permanent()), (permanent(), vec![Note::EndsNoMore(during(&one))]));
    assert_eq!(told(permanent()), (permanent(), Vec::new()));
    let ends_not = vec![Note::EndsNot(during(&other))];
    assert_eq!(told(during(&other)), (permanent(), ends_not), "for good is long enough");
    assert_eq!(desk.ask(&renew).expect_err("refused").token(), "claimed-for-good");
}

#[test]
fn a_full_pool_says_with_what() {
    let bound = [listener("0.0.0.0:20501/tcp")];
    let mut desk = Desk::new().bound(&bound);
    desk.seen.pool = PortRange { first: 20_499, last: 20_503 };
    desk.seen.foreign = vec![PortRange::one(20_500), PortRange::one(20_502)];
    desk.granted(wish(1000, 1, "one 20499/tcp"));
    desk.granted(wish(1000, 2, "two 20503/tcp"));
    let Err(Refusal::PoolFull(full)) = desk.claim(wish(1000, 3, "three")) else {
        panic!("it is full");
    };
    // 8080/tcp and 20503/tcp are assigned by IANA.
    assert_eq!((full.claimed, full.bound, full.reserved), (2, 1, 2));
}

#[test]
fn clients_keep_numbers() {
    let mut desk = Desk::new();
    desk.seen.client_range = PortRange { first: 40_000, last: 41_023 };
    desk.granted(wish(1000, 1, "half 40000-40511/tcp"));
    assert_eq!(desk.refused(wish(1000, 2, "more 40512/udp")), "no-client-ports-left");
    desk.granted(wish(1000, 3, "same 40000-40511/udp"));
    desk.granted(wish(1000, 4, "beside 39000-39999/udp"));
}

/// The clock of the wall may be set: within a boot, only the boot's own counts.
#[test]
fn a_lease_ends_by_the_clock_of_its_boot() {
    let mut desk = Desk::new();
    let short = Wish { lease: lease(10, &desk.now), ..wish(1000, 1, "web 8080/tcp") };
    desk.granted(short);
    desk.now = Now { wall: at(5_000).wall, ..at(9) };
    assert_eq!(desk.refused(wish(1001, 2, "other 8080/tcp")), "port-held");
    desk.now = Now { wall: at(0).wall, ..at(10) };
    let entry = desk.claim(wish(1001, 2, "other 8080/tcp")).expect("granted");
    assert_eq!(words(&entry), ["remove 1", "put other"]);
}

#[test]
fn after_a_boot_a_lease_ends_by_the_wall() {
    let mut desk = Desk::new();
    let short = Wish { lease: lease(10, &desk.now), ..wish(1000, 1, "web 8080/tcp") };
    desk.granted(short);
    let boot = |seconds| Now { boot: BootTime { boot_id: "b".into(), milliseconds: 1 }, ..at(seconds) };
    desk.now = boot(9);
    assert_eq!(desk.refused(wish(1001, 2, "other 8080/tcp")), "port-held");
    desk.now = boot(10);
    desk.granted(wish(1001, 2, "other 8080/tcp"));
}

/// Asking again for some time renews; asking for less takes nothing away.
#[test]
fn who_asks_again_for_longer_has_it_longer() {
    let mut desk = Desk::new();
    let for_seconds = |seconds, now: &Now| Wish { lease: lease(seconds, now), ..wish(1000, 2, "web") };
    desk.granted(Wish { id: ClaimId(1), ..for_seconds(10, &at(0)) });
    let longer = desk.granted(for_seconds(60, &at(0)));
    assert_eq!((longer.id, longer.lease), (ClaimId(1), lease(60, &at(0))));
    assert_eq!(desk.granted(for_seconds(5, &at(0))).lease, lease(60, &at(0)));
}

/// A number that another process has by now is not that process.
#[test]
fn a_reused_pid_is_somebody_else() {
    let mut desk = Desk::new();
    let own = process(700, 1);
    let wish_while = Wish {
        claimant: Claimant { uid: 1000, process: Some(own.clone()) },
        lease: Lease::While { process: own.clone() },
        ..wish(1000, 1, "web 8080/tcp")
    };
    desk.seen.processes.insert(700, Some(own.clone()));
    desk.granted(wish_while);
    assert_eq!(desk.refused(wish(1001, 2, "other 8080/tcp")), "port-held");
    desk.seen.processes.insert(700, None);
    assert_eq!(desk.refused(wish(1001, 2, "other 8080/tcp")), "port-held");
    desk.seen.processes.insert(700, Some(process(700, 2)));
    let held_by_itself = desk.book.clone();
    desk.granted(wish(1001, 2, "other 8080/tcp"));
    desk.book = held_by_itself;
    desk.seen.processes.clear();
    desk.granted(wish(1001, 2, "other 8080/tcp"));
}

/// Of a process of another host nobody here can tell.
#[test]
fn a_process_of_another_host_is_not_taken_for_dead() {
    let mut desk = Desk::new();
    let far = ProcessId { machine: "other".into(), ..process(700, 1) };
    let lease = Lease::While { process: far };
    desk.granted(Wish { lease, scope: Scope::Fleet, ..wish(1000, 1, "web 8080/tcp") });
    assert_eq!(desk.refused(wish(1001, 2, "other 8080/tcp")), "port-held");
}

/// Whoever comes back gets the number that he had.
#[test]
fn an_ended_claim_leaves_its_number_to_its_name() {
    let mut desk = Desk::new();
    let first = desk.granted(wish(1000, 1, "web"));
    let short = Wish { lease: lease(10, &desk.now), ..wish(1000, 2, "mail 20500/tcp") };
    desk.granted(short);
    desk.now = at(20);
    let entry = desk.claim(wish(1001, 3, "mail")).expect("granted");
    assert_eq!(
        (entry.claim.ports, words(&entry)),
        (PortRange::one(20_500), vec!["remove 2".into(), "put mail".into()])
    );
    assert_eq!(desk.granted(wish(1000, 1, "web")), first);
}

/// Of a number outside the pool the name alone would get another one.
#[test]
fn who_claims_again_as_he_is_told_gets_the_same_number() {
    let mut desk = Desk::new();
    let asked = wish(1000, 1, "mail 50005/tcp");
    let first = desk.granted(Wish { lease: lease(10, &desk.now), ..asked.clone() });
    desk.now = at(20);
    let renew = Ask::Renew { of: reference(&asked), lease: lease(60, &desk.now), uid: 1000 };
    let refusal = desk.ask(&renew).expect_err("it has ended");
    assert_eq!(refusal.token(), "claim-ended");
    let Text { en, ja } = refusal.fix();
    let again = "portreeve claim mail 50005/tcp --lease 10s";
    assert!(en.contains(again) && ja.contains(again), "{en} {ja}");
    assert_eq!(desk.granted(Wish { id: ClaimId(2), ..asked }).ports, first.ports);
    // Wherever it was, and for whomever.
    let narrow = Wish {
        scope: Scope::Fleet,
        address: "192.0.2.1".parse().ok(),
        device: Some("eth0".into()),
        lease: lease(10, &desk.now),
        ..wish(1000, 3, "news 50006/udp")
    };
    desk.granted(narrow.clone());
    desk.now = at(40);
    let renew = Ask::Renew { of: reference(&narrow), lease: lease(60, &desk.now), uid: 1000 };
    let again = "portreeve claim news 50006/udp --scope fleet --address 192.0.2.1 --device eth0 --lease 10s";
    assert_eq!(desk.ask(&renew).expect_err("it has ended").commands()[0], again);
}

#[derive(Clone, Debug)]
struct Step {
    seconds: u64,
    ask: Ask,
}

fn any_step() -> impl Strategy<Value = Step> {
    let names = prop::sample::select(vec!["a", "b", "c", "d", "e"]);
    let addresses = prop::sample::select(vec!["*", "0.0.0.0", "::", "192.0.2.1", "192.0.2.2", "2001:db8::1"]);
    let scopes = prop::sample::select(vec!["host:4c1d", "host:b", "fleet"]);
    let ports = prop::option::of((8_000_u16..8_006, 0_u16..3));
    let parts = (names, addresses, scopes, ports, 0_u32..3, any::<u128>(), prop::option::of(1_u64..30));
    let kinds = 0_u8..6;
    (parts, kinds, 0_u64..10).prop_map(|((name, address, scope, ports, uid, id, term), kind, seconds)| {
        let ports = ports.map(|(first, more)| PortRange { first, last: first + more });
        let scope: Scope = scope.parse().expect("a scope");
        let base = wish(1000 + uid, id, name);
        let of = Reference { scope: scope.clone(), ..reference(&base) };
        let lease = |now: &Now| term.map_or(Lease::Permanent, |term| lease(term, now));
        let ask = match kind {
            0 => Ask::Release { of, uid: 1000 + uid },
            1 => Ask::Renew { of, lease: lease(&at(0)), uid: 1000 + uid },
            _ => {
                Ask::Claim(Wish { ports, scope, address: address.parse().ok(), lease: lease(&at(0)), ..base })
            }
        };
        Step { seconds, ask }
    })
}

/// No two claims that hold overlap (P5).
fn has_one_owner_each(book: &Book, desk: &Desk<'_>) -> bool {
    let living: Vec<&Claim> = book.claims().filter(|claim| claim.holds(&desk.seen, &desk.now)).collect();
    let pairs =
        living.iter().enumerate().flat_map(|(at, one)| living[..at].iter().map(move |other| (one, other)));
    pairs.into_iter().all(|(one, other)| !one.overlaps(other))
}

proptest! {
    /// P5, and what is refused changes nothing.
    #[test]
    fn no_number_has_two_owners(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut desk = Desk::new();
        desk.seen.pool = PortRange { first: 8_000, last: 8_019 };
        let mut seconds = 0;
        for step in steps {
            seconds += step.seconds;
            desk.now = at(seconds);
            let before = desk.book.clone();
            let answer = desk.ask(&step.ask);
            prop_assert!(has_one_owner_each(&desk.book, &desk), "{step:?} {answer:?}");
            match answer {
                Err(_) => prop_assert_eq!(&desk.book, &before),
                Ok(entry) if !matches!(step.ask, Ask::Release { .. }) => {
                    prop_assert_eq!(desk.book.claim(entry.claim.id), Some(&*entry.claim));
                }
                Ok(entry) => prop_assert_eq!(desk.book.claim(entry.claim.id), None),
            }
            let rebuilt = Book::new(desk.book.revision(), desk.book.claims().cloned());
            prop_assert_eq!(rebuilt.len(), desk.book.len());
        }
    }
}
