//! What every store promises, tried with each of them.

#[cfg(feature = "lab")]
mod etcd;

use std::{fs, path::PathBuf, sync::Arc};

use portreeve_core::ledger::{
    Ask, Book, BootTime, Change, Claim, ClaimId, Claimant, Lease, Now, Scope, Seen, Wish, decide,
};

use super::*;

/// A directory that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("portreeve-store-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.0.join("ledger.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn claim(id: u128, name: &str, port: u16) -> Claim {
    let wish = Wish {
        id: ClaimId(id),
        name: name.parse().expect("a name"),
        scope: Scope::Host("4c1d".into()),
        protocol: portreeve_core::port::Protocol::Tcp,
        address: None,
        device: Some("eth0".into()),
        ports: Some(PortRange::one(port)),
        claimant: Claimant { uid: 1000, process: None },
        lease: Lease::Permanent,
        note: Some("日本語 'quoted'".into()),
        well_known: false,
        force_bound: false,
    };
    let range = PortRange { first: 32_768, last: 60_999 };
    let seen = Seen::new("4c1d".into(), range, portreeve_core::registry::Registry::builtin());
    let now = Now {
        wall: "2026-01-01T00:00:00Z".parse().expect("a time"),
        boot: BootTime { boot_id: "a".into(), milliseconds: 1 },
    };
    decide(&Book::default(), &Ask::Claim(wish), &seen, &now).expect("granted").claim.as_ref().clone()
}

pub(super) fn add(claim: &Claim) -> Change {
    Change::Add(Arc::new(claim.clone()))
}

pub(super) fn replace(claim: &Claim) -> Change {
    Change::Replace(Arc::new(claim.clone()))
}

/// A promise that a new store must keep, by its name.
type Promise = (&'static str, fn(&mut dyn Store));

/// What each kind of store promises; etcd's part is in `etcd`, since it takes a lab.
const CONTRACT: &[Promise] = &[
    ("swapped", what_was_swapped_is_loaded),
    ("again", what_is_changed_twice_at_once_is_as_it_was_changed_last),
    ("moved", who_knows_an_older_book_changes_nothing_and_is_told_the_newer),
    ("watched", whoever_watches_is_told_what_others_wrote),
];

#[test]
fn memory_keeps_the_contract() {
    for (_, promise) in CONTRACT {
        promise(&mut Memory::default());
    }
}

#[test]
fn sqlite_keeps_the_contract() {
    for (name, promise) in CONTRACT {
        let folder = Folder::new(name);
        promise(&mut Sqlite::open(&folder.ledger()).expect("a ledger"));
    }
}

fn what_was_swapped_is_loaded(store: &mut dyn Store) {
    assert_eq!(store.load().expect("a book"), Book::default());
    let (web, mail) = (claim(1, "web", 20_500), claim(2, "mail", 20_501));
    assert_eq!(store.swap(0, &[add(&web), add(&mail)]).expect("an answer"), Swap::Swapped);
    assert_eq!(store.load().expect("a book"), Book::new(1, [web.clone(), mail]));
    assert_eq!(store.swap(1, &[Change::Remove(ClaimId(2))]).expect("an answer"), Swap::Swapped);
    assert_eq!(store.load().expect("a book"), Book::new(2, [web]));
}

fn what_is_changed_twice_at_once_is_as_it_was_changed_last(store: &mut dyn Store) {
    let (web, mail) = (claim(1, "web", 20_500), claim(2, "mail", 20_501));
    let later = Claim { note: None, ..web.clone() };
    let changes =
        [add(&web), add(&mail), replace(&later), Change::Remove(ClaimId(2)), Change::Remove(ClaimId(3))];
    assert_eq!(store.swap(0, &changes).expect("an answer"), Swap::Swapped);
    assert_eq!(store.load().expect("a book"), Book::new(1, [later]));
}

fn who_knows_an_older_book_changes_nothing_and_is_told_the_newer(store: &mut dyn Store) {
    let (web, mail) = (claim(1, "web", 20_500), claim(2, "mail", 20_501));
    assert_eq!(store.swap(0, &[add(&web)]).expect("an answer"), Swap::Swapped);
    assert_eq!(store.swap(0, &[add(&mail)]).expect("an answer"), Swap::Moved(Book::new(1, [web])));
}

fn whoever_watches_is_told_what_others_wrote(store: &mut dyn Store) {
    let web = claim(1, "web", 20_500);
    assert_eq!(store.watch(0, Duration::ZERO).expect("an answer"), None);
    assert_eq!(store.swap(0, &[add(&web)]).expect("an answer"), Swap::Swapped);
    assert_eq!(store.watch(0, Duration::from_secs(5)).expect("an answer"), Some(Book::new(1, [web])));
}

#[test]
fn two_who_write_one_file_see_each_other() {
    let folder = Folder::new("two");
    let [mut one, mut other] = [(); 2].map(|()| Sqlite::open(&folder.ledger()).expect("a ledger"));
    let web = claim(1, "web", 20_500);
    assert_eq!(one.swap(0, &[add(&web)]).expect("an answer"), Swap::Swapped);
    assert_eq!(other.load().expect("a book"), Book::new(1, [web]));
}

/// A ledger that is gone, empty, another one, newer or none at all is never taken for a new one, and stays as it is.
#[test]
fn what_is_not_the_ledger_that_was_here_is_refused() {
    let folder = Folder::new("refused");
    let path = folder.ledger();
    drop(Sqlite::open(&path).expect("a ledger"));
    let good = fs::read(&path).expect("its bytes");
    let refusal = |bytes: Option<&[u8]>| {
        for name in ["ledger.db-wal", "ledger.db-shm"] {
            let _ = fs::remove_file(folder.0.join(name));
        }
        match bytes {
            Some(bytes) => fs::write(&path, bytes).expect("written"),
            None => fs::remove_file(&path).expect("removed"),
        }
        let error = Sqlite::open(&path).and_then(|mut store| store.load()).expect_err("refused");
        assert_eq!(fs::read(&path).ok().as_deref(), bytes, "it stays as it is: {error}");
        error
    };
    assert!(matches!(refusal(None), StoreError::Missing { .. }));
    assert!(matches!(refusal(Some(b"")), StoreError::Missing { .. }));
    assert!(matches!(refusal(Some(&[7; 5000])), StoreError::Damaged { .. }));
    assert!(matches!(refusal(Some(&good[..good.len() / 2])), StoreError::Damaged { .. }));
    // The layout is at byte 60 of the file (https://www.sqlite.org/fileformat.html).
    let mut newer = good.clone();
    newer[63] = 9;
    assert!(matches!(refusal(Some(&newer)), StoreError::Newer { found: 9, known: 3, .. }));
    let elsewhere = Folder::new("elsewhere");
    drop(Sqlite::open(&elsewhere.ledger()).expect("a ledger"));
    let another = fs::read(elsewhere.ledger()).expect("its bytes");
    assert!(matches!(refusal(Some(&another)), StoreError::Another { .. }));
    fs::write(&path, good).expect("written");
    assert!(Sqlite::open(&path).is_ok(), "the right one is taken again");
}
