//! What is told of a file that is damaged, and what is put in its place.

use std::{fs, path::Path};

use portreeve_core::ledger::{Claim, ClaimId};

use super::*;
use crate::store::tests::{Folder, add, claim};

/// A folder with a ledger of two claims, of which the copy of the day has the first.
fn stand(name: &str) -> (Folder, PathBuf, PathBuf) {
    let folder = Folder::new(name);
    let path = folder.ledger();
    let mut store = open(&path);
    swapped(&mut store, &[add(&claim(1, "web", 20_500))]);
    swapped(&mut store, &[add(&claim(2, "mail", 20_501))]);
    let copy = copies(&path).expect("listed").remove(0).path;
    (folder, path, copy)
}

/// Every file of a folder with what is in it.
fn files(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(path.parent().expect("a folder")).expect("listed");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(&path).expect("its bytes"))).collect()
}

fn faults(path: &Path) -> Vec<Fault> {
    check(path).expect("it can be looked at").faults
}

/// Writes into a page of the table of claims, which nothing but a look at all of them finds.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).expect("its bytes");
    let at = bytes.windows(3).position(|three| three == b"web").expect("the claim is in it");
    let page = at / 4096 * 4096;
    bytes[page..page + 200].fill(0xff);
    fs::write(path, bytes).expect("written");
}

#[test]
fn a_ledger_that_is_whole_has_no_faults_and_is_not_touched() {
    let (_folder, path, _) = stand("whole");
    let _others = open(&path);
    let before = files(&path);
    let checked = check(&path).expect("it can be looked at");
    assert!(checked.faults.is_empty(), "{:?}", checked.faults);
    assert_eq!((checked.book.revision(), checked.book.len()), (2, 2));
    let of_ledger = |files: Vec<(PathBuf, Vec<u8>)>| -> Vec<(PathBuf, Vec<u8>)> {
        // What readers tell each other is no part of what is kept (https://www.sqlite.org/walformat.html#shm).
        files.into_iter().filter(|(path, _)| !path.display().to_string().ends_with("-shm")).collect()
    };
    assert_eq!(of_ledger(files(&path)), of_ledger(before));
}

#[test]
fn everything_that_is_wrong_is_told() {
    let (_folder, path, _) = stand("wrong");
    let write =
        |sql: &str| Connection::open(&path).and_then(|it| it.execute_batch(sql)).expect("anybody's SQL");
    write("UPDATE claim SET lease = '{}' WHERE name = 'web'; UPDATE ledger SET revision = 0");
    let found = faults(&path);
    let [Fault::Row { id, why }, Fault::Ahead(ahead)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((id.as_str(), ahead.name.as_str()), (&*ClaimId(1).to_string(), "mail"));
    assert!(why.contains("kind"), "{why}");
    write("DELETE FROM ledger");
    assert!(matches!(faults(&path)[..], [Fault::Whole(StoreError::Damaged { .. })]));
    write("PRAGMA user_version = 9; INSERT INTO ledger VALUES ('x', 9)");
    assert!(matches!(faults(&path)[..], [Fault::Whole(StoreError::Newer { found: 9, .. })]));
    write("PRAGMA user_version = 2");
    assert!(matches!(faults(&path)[..], [Fault::Whole(StoreError::Another { .. }), Fault::Row { .. }]));
    fs::remove_file(access::beside(&path, ".made")).expect("removed");
    assert!(matches!(faults(&path)[..], [Fault::Unmarked, Fault::Row { .. }]));
    fs::write(&path, [7; 5_000]).expect("written");
    assert!(
        matches!(faults(&path)[..], [Fault::Whole(StoreError::Damaged { .. })]),
        "there are copies of it"
    );
    fs::write(&path, b"").expect("written");
    assert!(matches!(faults(&path)[..], [Fault::Whole(StoreError::Missing { .. })]));
}

#[test]
fn a_name_that_has_two_claims_is_found() {
    let (_folder, path, _) = stand("twice");
    let other = "INSERT INTO claim SELECT '00000000000000000000000000000009', name, scope, protocol, address, device, 20509, 20509,
        claimant, lease, since, revision, note FROM claim WHERE name = 'web'";
    Connection::open(&path).and_then(|it| it.execute_batch(other)).expect("anybody's SQL");
    let found = faults(&path);
    let [Fault::Twice(name)] = found.as_slice() else { panic!("{found:?}") };
    assert!(name.starts_with("web (host:"), "{name}");
}

#[test]
fn a_part_that_does_not_fit_the_rest_is_found() {
    let (_folder, path, _) = stand("part");
    damage(&path);
    let before = fs::read(&path).expect("its bytes");
    let found = faults(&path);
    let is_part = |fault: &Fault| matches!(fault, Fault::Part(_) | Fault::Whole(StoreError::Damaged { .. }));
    assert!(!found.is_empty() && found.iter().all(is_part), "{found:?}");
    let error = Sqlite::open(&path).and_then(|mut store| store.swap(2, &[add(&claim(3, "third", 20_502))]));
    assert!(matches!(error, Err(StoreError::Damaged { .. })), "{error:?}");
    assert_eq!(fs::read(&path).expect("its bytes"), before, "nothing is written to it");
}

/// What was there is kept aside, and told as far as it can be read; nobody gets a revision that somebody has seen.
#[test]
fn a_copy_takes_the_place_of_what_is_kept_aside() {
    let (_folder, path, copy) = stand("restored");
    let book = open(&path).load().expect("a book");
    let restored = restore(&path, &copy).expect("restored");
    assert_eq!(restored.missing, [book.claim(ClaimId(2)).expect("mail").clone()]);
    let aside = restored.aside.expect("a file was there");
    assert_eq!(open(&aside).load().expect("a book"), book, "it is there whole");
    let mut store = open(&path);
    let web = book.claim(ClaimId(1)).expect("web").clone();
    assert_eq!(store.load().expect("a book"), Book::new(3, [web]));
    assert_eq!(restored.book, store.load().expect("a book"));
    swapped(&mut store, &[add(&claim(3, "third", 20_502))]);
}

type Harm = fn(&Path);

#[test]
fn what_is_damaged_gone_or_empty_is_put_back() {
    let harms: [(&str, Harm); 4] = [
        ("damaged", damage),
        ("noise", |path| fs::write(path, [7; 5_000]).expect("written")),
        ("gone", |path| fs::remove_file(path).expect("removed")),
        ("empty", |path| fs::write(path, b"").expect("written")),
    ];
    for (name, harm) in harms {
        let (_folder, path, copy) = stand(name);
        harm(&path);
        let harmed = fs::read(&path).ok();
        let restored = restore(&path, &copy).expect("restored");
        assert_eq!(restored.aside.map(|aside| fs::read(aside).expect("its bytes")), harmed, "{name}");
        assert!(!restored.was_readable && restored.missing.is_empty(), "{name}");
        assert_eq!(open(&path).load().expect("a book").len(), 1, "{name}");
        assert!(faults(&path).is_empty(), "{name}");
    }
}

#[test]
fn what_is_no_copy_of_this_ledger_is_not_put_in_its_place() {
    let (_folder, path, copy) = stand("not-restored");
    let (_other, elsewhere, _) = stand("elsewhere");
    let before = fs::read(&path).expect("its bytes");
    let refused = |copy: &Path| {
        let error = restore(&path, copy).expect_err("refused");
        assert_eq!(fs::read(&path).expect("its bytes"), before, "{error}");
        error
    };
    assert!(matches!(refused(&elsewhere), StoreError::Another { .. }));
    let none = refused(&path.with_file_name("none"));
    assert!(matches!(none, StoreError::NoCopy { .. }));
    // Who mistyped a name must not be told to begin a new ledger.
    let (_, cause, hint) = crate::ledger::failure::told(&none);
    assert!(cause.en.contains("none") && !hint.en.contains("init"), "{cause:?} {hint:?}");
    damage(&copy);
    assert!(matches!(refused(&copy), StoreError::Damaged { .. }));
    assert_eq!(open(&path).load().expect("a book").len(), 2, "it is as it was");
}

/// Else whoever has it open would write to what is kept aside, and be told that it lasts.
#[test]
fn nobody_uses_the_file_while_another_takes_its_place() {
    let (_folder, path, copy) = stand("in-use");
    let mut user = open(&path);
    thread::scope(|scope| {
        let restored = scope.spawn(|| restore(&path, &copy).expect("restored"));
        thread::sleep(PAUSE);
        swapped(&mut user, &[add(&claim(3, "third", 20_502))]);
        drop(user);
        let restored = restored.join().expect("no panic");
        let missing: Vec<&str> = restored.missing.iter().map(|claim| claim.name.as_str()).collect();
        assert_eq!(missing, ["mail", "third"], "what was acknowledged meanwhile is in what is kept aside");
    });
}

#[test]
fn a_new_ledger_is_made_only_where_none_can_be_used() {
    let (_folder, path, copy) = stand("anew");
    let book = open(&path).load().expect("a book");
    assert!(matches!(begin_anew(&path), Ok(Anew::Stands(standing)) if standing == book));
    fs::remove_file(&path).expect("removed");
    assert!(matches!(Sqlite::open(&path), Err(StoreError::Missing { .. })), "by this word alone");
    assert!(matches!(begin_anew(&path), Ok(Anew::Made(None))));
    let mut store = open(&path);
    assert_eq!(store.load().expect("a book"), Book::default());
    assert_eq!(copies(&path).expect("listed"), [], "those of the one before are not its own");
    swapped(&mut store, &[add(&Claim { revision: 1, ..claim(9, "other", 20_900) })]);
    drop(store);
    let kept = files(&path)
        .into_iter()
        .map(|(path, _)| path)
        .find(|path| path.display().to_string().starts_with(&format!("{}.aside-", copy.display())));
    assert!(matches!(restore(&path, &kept.expect("it is kept")), Err(StoreError::Another { .. })));
    fs::write(&path, [7; 5_000]).expect("written");
    let Ok(Anew::Made(Some(aside))) = begin_anew(&path) else { panic!("a new one") };
    assert_eq!(fs::read(aside).expect("its bytes"), [7; 5_000]);
}

/// Whoever mistypes a path loses no file of his.
#[test]
fn what_never_was_a_ledger_is_not_replaced() {
    let folder = Folder::new("foreign");
    let path = folder.ledger();
    for content in [&b"root:x:0:0::/root:/bin/sh\n"[..], &[7; 5_000]] {
        fs::write(&path, content).expect("written");
        assert!(matches!(Sqlite::open(&path), Err(StoreError::NoLedger { .. })));
        assert!(matches!(begin_anew(&path), Err(StoreError::NoLedger { .. })));
        assert!(matches!(faults(&path)[..], [Fault::Whole(StoreError::NoLedger { .. })]));
        assert_eq!(fs::read(&path).expect("it is there"), content);
    }
    // Of another program that keeps its own in the same way, and may not say whose it is.
    let copy = path.with_file_name("copy.db");
    drop(Sqlite::open(&copy).expect("a ledger"));
    for number in [7, 0] {
        fs::remove_file(&path).expect("ours");
        let other = Connection::open(&path).expect("a file");
        other.execute_batch(&format!("CREATE TABLE t (x); PRAGMA application_id = {number}")).expect("SQL");
        drop(other);
        let content = fs::read(&path).expect("its bytes");
        assert!(matches!(Sqlite::open(&path), Err(StoreError::NoLedger { .. })), "{number}");
        assert!(matches!(begin_anew(&path), Err(StoreError::NoLedger { .. })), "{number}");
        assert!(matches!(restore(&path, &copy), Err(StoreError::NoLedger { .. })), "{number}");
        assert!(matches!(faults(&path)[..], [Fault::Whole(StoreError::NoLedger { .. })]), "{number}");
        assert_eq!(fs::read(&path).expect("it is there"), content);
    }
    let beside = |file: &String| file.starts_with("ledger.db") && file != "ledger.db";
    let names = fs::read_dir(path.parent().expect("a folder")).expect("a folder");
    let made: Vec<String> =
        names.map(|file| file.expect("a file").file_name().to_string_lossy().into()).collect();
    assert!(!made.iter().any(beside), "nothing is made beside it: {made:?}");
}

/// By another name it would have another journal and other locks.
#[test]
fn a_file_with_another_name_is_not_used() {
    let (_folder, path, _) = stand("linked-hard");
    let other = path.with_file_name("other.db");
    fs::hard_link(&path, &other).expect("a link");
    for name in [&path, &other] {
        assert!(matches!(Sqlite::open(name), Err(StoreError::OtherNames { .. })), "{}", name.display());
    }
    assert!(matches!(Sqlite::look(&path), Err(StoreError::OtherNames { .. })));
    fs::remove_file(&other).expect("ours");
    assert!(Sqlite::open(&path).is_ok());
}

/// Of two that are called alike but for what follows the dot, each has its own mark, lock and copies.
#[test]
fn no_two_ledgers_of_a_folder_share_anything() {
    let folder = Folder::new("alike");
    let path = folder.ledger();
    drop(open(&path));
    let other = path.with_extension("txt");
    drop(Sqlite::open(&other).expect("it is another one"));
    assert!(Sqlite::open(&path).is_ok() && Sqlite::open(&other).is_ok());
}
