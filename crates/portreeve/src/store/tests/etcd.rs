//! The same promises, kept by three members of a real etcd that are killed, cut off and not heard (A25, A26).
//!
//! It takes root and the lab's tools: `cargo test -p portreeve --features lab --bin portreeve etcd`. Without them it
//! fails and says what it needs.

mod relay;

use std::{
    collections::BTreeSet,
    fs::File,
    os::fd::AsFd as _,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use portreeve_core::{
    ledger::{Name, transfer},
    port::PortRange,
    registry::Registry,
};
use portreeve_lab::{LabError, Network, etcd, etcd::Door, namespace::Namespace};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use self::relay::Relay;
use super::*;
use crate::ledger::{
    ask,
    bring::{Brought, bring, take_back},
};

/// The clients that claim at the same time.
const CLIENTS: u128 = 8;
/// No claim is granted for at most as long after a leader is lost, with room for a busy machine.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Within what somebody is told that it does not go, with room for a busy machine.
const TOLD_MAX: Duration = Duration::from_secs(15);

/// An etcd, and a place beside it from which it is asked.
struct Fleet {
    etcd: etcd::Etcd,
    door: Door,
    place: Namespace,
    // It goes last.
    _network: Network,
}

fn lab<T>(result: Result<T, LabError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

impl Fleet {
    fn start(door: Door) -> Self {
        let network = lab(Network::create());
        let place = lab(Namespace::create());
        lab(network.plug(&place));
        Self { etcd: lab(etcd::Etcd::start(&network, door)), door, place, _network: network }
    }

    /// Makes this thread one of the place beside it.
    fn enter(&self) {
        lab(self.place.enter());
    }

    fn url(&self, prefix: &str) -> String {
        let scheme = if self.door == Door::Open { "http" } else { "https" };
        format!("etcd+{scheme}://{}/{prefix}", self.etcd.endpoints().join(","))
    }

    fn access(&self) -> Access {
        let file = |name| (self.door == Door::Certified).then(|| self.etcd.file(name));
        Access {
            ca: file("ca.pem"),
            certificate: file("client.pem"),
            key: file("client-key.pem"),
            ..Access::default()
        }
    }

    fn store(&self, prefix: &str, scope: &str) -> Etcd {
        open(&self.url(prefix), scope, self.access())
    }

    /// The keys below a prefix that `etcdctl` lists.
    fn witness(&self, prefix: &str) -> BTreeSet<String> {
        let output = lab(self.etcd.control(&format!("get --prefix /{prefix}/claim/ --keys-only")));
        let output = lab(output.success("etcdctl get"));
        output.stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

fn open(url: &str, scope: &str, access: Access) -> Etcd {
    let scope = scope.parse().expect("a scope");
    Etcd::open(url, Options { scope, machine: "4c1d".into(), access }).expect("an address")
}

fn seen() -> Seen<'static> {
    Seen::new("4c1d".into(), PortRange { first: 32_768, last: 60_999 }, Registry::builtin())
}

fn now() -> Now {
    Now { wall: jiff::Timestamp::now(), boot: BootTime { boot_id: "a".into(), milliseconds: 1 } }
}

fn wish(id: u128, name: &str) -> Wish {
    let Claim { name: _, scope, protocol, claimant, .. } = claim(1, "any", 20_500);
    Wish {
        id: ClaimId(id),
        name: name.parse::<Name>().expect("a name"),
        scope,
        protocol,
        address: None,
        device: None,
        ports: None,
        claimant,
        lease: Lease::Permanent,
        note: None,
        well_known: false,
        force_bound: false,
    }
}

fn granted(store: &mut dyn Store, wish: Wish) -> Claim {
    let answers =
        ask(store, &mut Book::default(), &[Ask::Claim(wish)], &mut seen(), &now()).expect("answered");
    answers.into_iter().next().expect("one").expect("granted").claim.as_ref().clone()
}

/// Claims one after the other while `is_over` is not set: what was acknowledged, and when.
fn claim_on(store: &mut Etcd, client: u128, is_over: &AtomicBool, got: &Mutex<Vec<(Instant, Claim)>>) {
    for number in 0.. {
        let id = (client << 64) | number;
        let wish = Ask::Claim(wish(id, &format!("w{client}-{number}")));
        // Who is not answered asks again with the same id.
        let claim = loop {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            match ask(store, &mut Book::default(), std::slice::from_ref(&wish), &mut seen(), &now()) {
                Ok(answers) => break answers.into_iter().next().expect("one").expect("granted").claim,
                Err(error) => eprintln!("client {client}: {error:?}"),
            }
        };
        got.lock().expect("nobody panics").push((Instant::now(), claim.as_ref().clone()));
    }
}

/// What came of a storm.
struct Storm {
    what: &'static str,
    acknowledged: usize,
    lost: usize,
    doubles: usize,
    silence: Duration,
}

impl Storm {
    /// Every acknowledged claim is there and no number is owned twice, and soon after it went on.
    fn is_weathered(&self) {
        let Self { what, acknowledged, lost, doubles, silence } = self;
        println!(
            "{what:14} {acknowledged:6} acknowledged {lost:6} lost {doubles:6} double   longest silence {:.1} s",
            silence.as_secs_f32()
        );
        assert!(*acknowledged > 0 && (*lost, *doubles) == (0, 0), "{what}");
        assert!(*silence < SILENCE_MAX, "{what}: {silence:?}");
    }
}

/// Lets eight clients claim, does `harm` to etcd, and lets them go on.
fn storm(fleet: &mut Fleet, what: &'static str, url: &str, harm: impl FnOnce(&mut etcd::Etcd)) -> Storm {
    let (is_over, got) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let mut stores: Vec<_> =
        (0..CLIENTS).map(|_| open(&format!("{url}/{what}"), "host:4c1d", Access::default())).collect();
    let namespace = fleet.place.path();
    thread::scope(|scope| {
        for (client, store) in (1..).zip(&mut stores) {
            let (namespace, is_over, got) = (&namespace, &is_over, &got);
            scope.spawn(move || {
                let file = File::open(namespace).expect("the place is there");
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("root may");
                claim_on(store, client, is_over, got);
            });
        }
        thread::sleep(Duration::from_secs(2));
        harm(&mut fleet.etcd);
        thread::sleep(Duration::from_secs(8));
        is_over.store(true, Ordering::Relaxed);
    });
    let got = got.into_inner().expect("nobody panics");
    let silence = got.windows(2).map(|pair| pair[1].0 - pair[0].0).max().expect("claims");
    let acknowledged: Vec<Claim> = got.into_iter().map(|(_, claim)| claim).collect();
    let (lost, doubles) = harmed(fleet, what, &acknowledged);
    Storm { what, acknowledged: acknowledged.len(), lost, doubles, silence }
}

/// How many of those that were acknowledged are not there as they were, and how many numbers have another owner too; `etcdctl`
/// lists what we list.
fn harmed(fleet: &Fleet, prefix: &str, acknowledged: &[Claim]) -> (usize, usize) {
    fleet.enter();
    let book = fleet.store(prefix, "host:4c1d").load().expect("a book");
    let ours = book.claims().map(|claim| format!("/{prefix}/claim/{}/{}", claim.scope, claim.id)).collect();
    assert_eq!(fleet.witness(prefix), ours, "the witness lists the same");
    let lost = acknowledged.iter().filter(|claim| book.claim(claim.id) != Some(claim)).count();
    let ports: BTreeSet<u16> = book.claims().map(|claim| claim.ports.first).collect();
    (lost, book.len() - ports.len())
}

#[test]
fn etcd_keeps_the_contract() {
    for door in [Door::Open, Door::Certified] {
        let fleet = Fleet::start(door);
        fleet.enter();
        for (name, promise) in CONTRACT {
            promise(&mut fleet.store(name, "host:4c1d"));
        }
        scopes_meet_only_in_the_fleet(&fleet);
        what_ends_by_itself_vanishes(&fleet);
        what_is_too_much_is_refused_whole(&fleet);
        who_watches_is_told_by_etcd(&fleet);
    }
}

/// Two hosts change their own claims without disturbing each other; a claim of the fleet is seen by all.
fn scopes_meet_only_in_the_fleet(fleet: &Fleet) {
    let [mut own, mut other] = ["host:4c1d", "host:beef"].map(|scope| fleet.store("scopes", scope));
    let mut all = fleet.store("scopes", "fleet");
    let of = |scope: &str, id, name, port| Claim {
        scope: scope.parse().expect("a scope"),
        ..claim(id, name, port)
    };
    let [web, mail, shop] = [
        of("host:4c1d", 1, "web", 20_500),
        of("host:beef", 2, "mail", 20_500),
        of("fleet", 3, "shop", 20_501),
    ];
    assert_eq!((own.load().expect("a book").len(), other.load().expect("a book").len()), (0, 0));
    assert_eq!(own.swap(0, &[add(&web)]).expect("an answer"), Swap::Swapped);
    assert_eq!(other.swap(0, &[add(&mail)]).expect("an answer"), Swap::Swapped, "it has not moved for him");
    assert_eq!(all.load().expect("a book"), Book::new(2, [web.clone(), mail.clone()]));
    assert_eq!(
        other.swap(1, &[replace(&Claim { note: None, ..mail.clone() })]).expect("an answer"),
        Swap::Swapped
    );
    let moved = all.swap(2, &[add(&shop)]).expect("an answer");
    assert!(matches!(moved, Swap::Moved(book) if book.revision() == 3), "any host is the fleet's");
    assert_eq!(all.swap(3, &[add(&shop)]).expect("an answer"), Swap::Swapped);
    let moved = own.swap(1, &[Change::Remove(web.id)]).expect("an answer");
    assert_eq!(moved, Swap::Moved(Book::new(4, [web, shop.clone()])), "the fleet is any host's");
    assert!(matches!(own.swap(4, &[add(&shop)]), Err(StoreError::Elsewhere { .. })));
    // What ended in the fleet makes room on a host.
    assert_eq!(own.swap(4, &[Change::Remove(shop.id)]).expect("an answer"), Swap::Swapped);
    assert_eq!(other.load().expect("a book").revision(), 5);
    assert_eq!(all.load().expect("a book").len(), 2);
}

fn what_ends_by_itself_vanishes(fleet: &Fleet) {
    let mut store = fleet.store("ends", "host:4c1d");
    let until = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(120);
    let brief = Claim { lease: Lease::Until { until, boot: None }, ..claim(1, "brief", 20_500) };
    let until = jiff::Timestamp::now();
    let longer = Claim { lease: Lease::Until { until, boot: None }, ..claim(2, "longer", 20_501) };
    let changes = [add(&brief), add(&longer), add(&claim(3, "stays", 20_502))];
    assert_eq!(store.swap(0, &changes).expect("an answer"), Swap::Swapped);
    let deadline = Instant::now() + TOLD_MAX;
    while fleet.witness("ends").len() == 3 {
        assert!(Instant::now() < deadline, "it does not vanish");
        thread::sleep(Duration::from_millis(200));
    }
    let names: Vec<_> = store.load().expect("a book").claims().map(|claim| claim.name.to_string()).collect();
    assert_eq!(names, ["longer", "stays"], "the store sees it too");
}

fn what_is_too_much_is_refused_whole(fleet: &Fleet) {
    let mut store = fleet.store("much", "host:4c1d");
    let many = |count: usize| -> Vec<Change> {
        (0..count).zip(20_000..).map(|(id, port)| add(&claim(id as u128, &format!("w{id}"), port))).collect()
    };
    let refused = store.swap(0, &many(CHANGES_MAX + 1));
    assert!(matches!(refused, Err(StoreError::TooMany { most: CHANGES_MAX, .. })), "{refused:?}");
    assert_eq!(store.load().expect("a book"), Book::default());
    assert_eq!(store.swap(0, &many(CHANGES_MAX)).expect("an answer"), Swap::Swapped);
    assert_eq!(fleet.witness("much").len(), CHANGES_MAX);
}

fn who_watches_is_told_by_etcd(fleet: &Fleet) {
    let (mut watcher, mut writer) = (fleet.store("told", "host:4c1d"), fleet.store("told", "host:4c1d"));
    let namespace = fleet.place.path();
    thread::scope(|scope| {
        let told = scope.spawn(|| {
            let file = File::open(&namespace).expect("the place is there");
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("root may");
            watcher.watch(0, Duration::from_secs(30)).expect("an answer")
        });
        thread::sleep(Duration::from_millis(500));
        let web = claim(1, "web", 20_500);
        assert_eq!(writer.swap(0, &[add(&web)]).expect("an answer"), Swap::Swapped);
        let start = Instant::now();
        assert_eq!(told.join().expect("no panic"), Some(Book::new(1, [web])));
        assert!(start.elapsed() < Duration::from_secs(4), "it was told, and did not only look again");
    });
    // What was compacted is read anew.
    let revision = lab(fleet.etcd.control("endpoint status -w json")).json();
    let revision = revision[0]["Status"]["header"]["revision"].as_u64().expect("a revision");
    lab(lab(fleet.etcd.control(&format!("compact {revision}"))).success("etcdctl compact"));
    assert_eq!(writer.swap(1, &[Change::Remove(ClaimId(1))]).expect("an answer"), Swap::Swapped);
    assert_eq!(watcher.watch(1, Duration::from_secs(5)).expect("an answer"), Some(Book::new(2, [])));
}

/// From another store and back, more of them than etcd takes at once; whoever comes again finds them there.
#[test]
fn claims_move_to_etcd_and_back() {
    let fleet = Fleet::start(Door::Open);
    fleet.enter();
    let (mut store, mut back) = (fleet.store("moved", "host:4c1d"), Memory::default());
    let coming: Vec<Claim> =
        (1..=130).zip(20_000..).map(|(id, port)| claim(id, &format!("n{id}"), port)).collect();
    let moved = |store: &mut dyn Store, claims: &[Claim]| {
        let mut brought = Brought::default();
        bring(store, claims, CHANGES_MAX / 2, (&mut seen(), &now()), &mut brought).expect("they come");
        (brought.ids.len(), brought.same)
    };
    assert_eq!(moved(&mut store, &coming), (130, 0));
    assert_eq!(fleet.witness("moved").len(), 130);
    let text = |store: &mut dyn Store| -> String {
        transfer::lines(&store.load().expect("a book")).map(|line| line + "\n").collect()
    };
    let exported = transfer::claims(text(&mut store).as_bytes()).expect("a ledger");
    assert_eq!(moved(&mut back, &exported), (130, 0));
    let unrevised = |claims: &mut dyn Iterator<Item = &Claim>| -> Vec<Claim> {
        claims.map(|claim| Claim { revision: 0, ..claim.clone() }).collect()
    };
    let there = back.load().expect("a book");
    assert_eq!(unrevised(&mut there.claims()), unrevised(&mut coming.iter()));
    assert_eq!(moved(&mut store, &exported), (0, 130));
    let ids: Vec<ClaimId> = coming.iter().map(|claim| claim.id).collect();
    take_back(&mut store, &ids, CHANGES_MAX / 2).expect("taken back");
    assert_eq!(fleet.witness("moved").len(), 0);
}

/// How often each is done: more often where `PORTREEVE_STORM` is `full`.
fn rounds() -> usize {
    if std::env::var("PORTREEVE_STORM").is_ok_and(|storm| storm == "full") { 5 } else { 1 }
}

#[test]
fn no_claim_is_lost_where_etcd_loses_its_leader() {
    for _ in 0..rounds() {
        let mut fleet = Fleet::start(Door::Open);
        let url = format!("etcd+http://{}", fleet.etcd.endpoints().join(","));
        storm(&mut fleet, "leader-killed", &url, |etcd| {
            let leader = lab(etcd.leader());
            lab(etcd.kill(leader));
            thread::sleep(Duration::from_secs(4));
            lab(etcd.run(leader));
        })
        .is_weathered();
        storm(&mut fleet, "leader-cut-off", &url, |etcd| {
            let leader = lab(etcd.leader());
            lab(etcd.connect(leader, false));
            thread::sleep(Duration::from_secs(6));
            lab(etcd.connect(leader, true));
        })
        .is_weathered();
    }
}

#[test]
fn no_claim_is_lost_or_made_twice_where_replies_are() {
    for _ in 0..rounds() {
        let mut fleet = Fleet::start(Door::Open);
        fleet.enter();
        let endpoints = fleet.etcd.endpoints();
        let relay = Relay::start(&fleet.place, &endpoints[0]);
        let url = format!("etcd+http://{},{}", relay.endpoint(), endpoints[1]);
        storm(&mut fleet, "replies-eaten", &url, |_| {
            for _ in 0..10 {
                relay.eat(true);
                thread::sleep(Duration::from_millis(100));
                relay.eat(false);
                thread::sleep(Duration::from_millis(300));
            }
        })
        .is_weathered();
        assert!(relay.eaten() > 0, "replies were lost");
    }
}

/// A reply that is lost is asked for again, and what was made is known by its own number.
#[test]
fn a_lost_reply_is_found_out_and_never_guessed() {
    let fleet = Fleet::start(Door::Open);
    fleet.enter();
    let relay = Relay::start(&fleet.place, &fleet.etcd.endpoints()[0]);
    let through = |more: &str| format!("etcd+http://{}{more}/relay", relay.endpoint());
    let other = format!(",{}", fleet.etcd.endpoints()[1]);
    let mut store = open(&through(&other), "host:4c1d", Access::default());
    store.load().expect("a book");
    relay.eat(true);
    let web = granted(&mut store, wish(1, "web"));
    assert!(relay.eaten() > 0, "a reply was lost");
    assert_eq!(store.swap(1, &[]).expect("an answer"), Swap::Swapped, "what was made was made once");
    // Who comes between, after ours was made, does not hide it.
    relay.eat(false);
    let mut alone = open(&through(""), "host:4c1d", Access::default());
    assert_eq!(alone.load().expect("a book").claim(web.id), Some(&web));
    relay.eat(true);
    let mail = claim(2, "mail", 20_500);
    assert_eq!(alone.swap(2, &[add(&mail)]).expect("an answer"), Swap::Undetermined, "nobody else to ask");
    relay.eat(false);
    let same = ask(&mut alone, &mut Book::default(), &[Ask::Claim(wish(1, "web"))], &mut seen(), &now())
        .expect("answered");
    let same = same[0].as_ref().expect("granted");
    assert!(same.fresh && *same.claim == web, "the own id is found: granted");
    assert_eq!(harmed(&fleet, "relay", &[web]), (0, 0));
}

#[test]
fn who_is_not_let_in_is_told_by_whom_and_why() {
    let mut fleet = Fleet::start(Door::Certified);
    fleet.enter();
    let told = |store: &mut Etcd| {
        let start = Instant::now();
        let error = store.load().expect_err("no ledger");
        assert!(start.elapsed() < TOLD_MAX, "{:?}", start.elapsed());
        eprintln!("{:?}: {error}", start.elapsed());
        error
    };
    let elsewhere = Fleet::start(Door::Certified);
    let wrong = Access { ca: Some(elsewhere.etcd.file("ca.pem")), ..fleet.access() };
    let error = told(&mut open(&fleet.url("p"), "host:4c1d", wrong));
    let StoreError::Unreachable { tried, .. } = &error else { panic!("{error}") };
    assert_eq!(tried.len(), 3);
    assert!(tried.iter().all(|tried| matches!(tried.said, Said::Unproven(_))), "{error}");
    drop(elsewhere);
    let error =
        told(&mut open(&fleet.url("p"), "host:4c1d", Access { ca: fleet.access().ca, ..Access::default() }));
    let StoreError::Unreachable { tried, .. } = &error else { panic!("{error}") };
    let is_told = |tried: &Tried| tried.said.lacks_certificate();
    assert!(tried.iter().all(is_told), "without a certificate: {error}");
    passwords(&fleet, told);
    let leader = lab(fleet.etcd.leader());
    for number in (0..3).filter(|number| *number != leader) {
        lab(fleet.etcd.kill(number));
    }
    let access =
        Access { user: Some("harbour".into()), password: Some(Secret::new("right")), ..fleet.access() };
    let error = told(&mut open(&fleet.url("p"), "host:4c1d", access));
    let StoreError::Unreachable { tried, .. } = &error else { panic!("{error}") };
    assert_eq!(tried.len(), 3, "{error}");
}

fn passwords(fleet: &Fleet, told: impl Fn(&mut Etcd) -> StoreError) {
    for words in [
        "user add root:root",
        "user grant-role root root",
        "role add ledger",
        "role grant-permission ledger --prefix=true readwrite /p/",
        "user add harbour:right",
        "user grant-role harbour ledger",
        "auth enable",
    ] {
        let output = lab(fleet.etcd.control(words));
        assert!(output.status == 0 || words.starts_with("role add"), "{words}: {output:#?}");
    }
    let by = |user: Option<&str>, password: &str| Access {
        user: user.map(str::to_owned),
        password: Some(Secret::new(password)),
        ..fleet.access()
    };
    let open_by = |prefix: &str, access| open(&fleet.url(prefix), "host:4c1d", access);
    for (access, prefix) in
        [(by(None, ""), "p"), (by(Some("harbour"), "wrong"), "p"), (by(Some("harbour"), "right"), "q")]
    {
        let error = told(&mut open_by(prefix, access));
        assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    }
    let mut store = open_by("p", by(Some("harbour"), "right"));
    assert_eq!(store.load().expect("a book"), Book::default());
    // Its token ends meanwhile.
    thread::sleep(Duration::from_secs(6));
    let web = granted(&mut store, wish(1, "web"));
    thread::sleep(Duration::from_secs(6));
    assert_eq!(store.swap(1, &[Change::Remove(web.id)]).expect("an answer"), Swap::Swapped);
}
