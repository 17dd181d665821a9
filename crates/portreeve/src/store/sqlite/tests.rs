//! What only a ledger in a file does: older layouts, history, copies, and a disk that fails.

mod mending;

use std::{fs, path::Path};

use jiff::{ToSpan as _, civil::Date};
use portreeve_core::ledger::{Claim, ClaimId};

use super::*;
use crate::store::tests::{Folder, add, claim, replace};

/// The tables of the first layout, as its programs made them.
const FIRST_LAYOUT: &str = "
    CREATE TABLE ledger (identity TEXT NOT NULL, revision INTEGER NOT NULL) STRICT;
    CREATE TABLE claim (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, scope TEXT NOT NULL, protocol TEXT NOT NULL,
        address TEXT, device TEXT, port INTEGER NOT NULL, port_last INTEGER NOT NULL,
        claimant TEXT NOT NULL, lease TEXT NOT NULL, since TEXT NOT NULL, revision INTEGER NOT NULL, note TEXT,
        UNIQUE (scope, protocol, name)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO ledger VALUES ('00000000000000000000000000000abc', 7);
    INSERT INTO claim VALUES ('0000000000000000000000000000000b', 'web', 'host:4c1d', 'tcp', NULL, NULL, 20500,
        20500, '{\"uid\":1000}', '{\"kind\":\"permanent\"}', '2026-01-01T00:00:00Z', 7, NULL);
    PRAGMA application_id = 0x506f7274;
    PRAGMA user_version = 1;
";

fn open(path: &Path) -> Sqlite {
    Sqlite::open(path).expect("a ledger")
}

fn swapped(store: &mut Sqlite, changes: &[Change]) {
    let revision = store.load().expect("a book").revision();
    assert_eq!(store.swap(revision, changes).expect("an answer"), Swap::Swapped);
}

/// What happened, in a few words each.
fn told(store: &Sqlite, name: Option<&str>) -> Vec<String> {
    let name = name.map(|name| name.parse().expect("a name"));
    let happened = store.history(name.as_ref()).expect("a history");
    happened.iter().map(|it| format!("{} {} {} {}", it.revision, it.what, it.name, it.spec)).collect()
}

#[test]
fn whoever_keeps_the_file_locked_is_waited_for_and_then_told_of() {
    let folder = Folder::new("locked");
    let path = folder.ledger();
    let mut store = open(&path);
    store.connection.busy_timeout(Duration::ZERO).expect("no patience");
    let other = Connection::open(&path).expect("a connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let error = store.swap(0, &[add(&claim(1, "web", 20_500))]).expect_err("locked");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    let hint = crate::ledger::failure::told(&error).2;
    assert!(hint.en.contains(&format!("fuser -v {}", path.display())), "{hint:?}");
}

/// The second one had a history, and claims by id as well.
#[test]
fn a_ledger_of_an_older_layout_keeps_its_claims_and_has_a_history() {
    keeps_its_claims("first-layout", FIRST_LAYOUT);
    let second = format!("{FIRST_LAYOUT}; {}; PRAGMA user_version = 2;", layout::HISTORY);
    keeps_its_claims("second-layout", &second);
}

fn keeps_its_claims(name: &str, layout: &str) {
    let folder = Folder::new(name);
    let path = folder.ledger();
    let older = Connection::open(&path).expect("a file");
    older.execute_batch(layout).expect("the old SQL");
    drop(older);
    fs::write(access::beside(&path, ".made"), "00000000000000000000000000000abc\n").expect("written");
    for _ in 0..2 {
        let mut store = open(&path);
        let book = store.load().expect("a book");
        assert_eq!((book.revision(), book.len()), (7, 1));
        assert_eq!(book.claims().next().map(|claim| claim.spec().to_string()).as_deref(), Some("20500/tcp"));
        assert_eq!(told(&store, None), ["7 claimed web 20500/tcp"]);
    }
    let mut store = open(&path);
    swapped(&mut store, &[Change::Remove(ClaimId(11))]);
    let removed = ["7 claimed web 20500/tcp", "8 removed web 20500/tcp"];
    assert_eq!(told(&store, None), removed, "of what was there before, too");
}

/// Whoever would only like to know makes nothing, mends nothing and waits for nobody.
#[test]
fn a_look_writes_nothing() {
    let folder = Folder::new("look");
    let path = folder.ledger();
    assert!(Sqlite::look(&path).expect("nothing is there").is_none());
    assert!(!path.exists(), "and it stays so");
    let mut store = open(&path);
    swapped(&mut store, &[add(&claim(1, "web", 20_500))]);
    let book = store.load().expect("a book");
    let seen = Sqlite::look(&path).expect("it can be read").expect("it is there");
    assert_eq!((seen.revision(), seen.len()), (book.revision(), 1));
    let writer = Connection::open(&path).expect("another program");
    writer.execute_batch("BEGIN EXCLUSIVE; DELETE FROM claim;").expect("a change that is not over");
    let begun = Instant::now();
    assert_eq!(Sqlite::look(&path).expect("what was there before").map(|book| book.len()), Some(1));
    assert!(begun.elapsed() < PATIENCE);
    drop((writer, store));
    fs::write(&path, "").expect("emptied");
    assert!(matches!(Sqlite::look(&path), Err(StoreError::Missing { .. })));
}

#[test]
fn what_was_done_is_told_with_who_did_it_and_when() {
    let folder = Folder::new("history");
    let mut store = open(&folder.ledger());
    let (web, mail) = (claim(1, "web", 20_500), claim(2, "mail", 20_501));
    let before = jiff::Timestamp::now();
    swapped(&mut store, &[add(&mail), add(&web)]);
    swapped(&mut store, &[replace(&web), Change::Remove(ClaimId(3))]);
    swapped(&mut store, &[Change::Remove(web.id)]);
    let expected = [
        "1 claimed web 20500/tcp",
        "1 claimed mail 20501/tcp",
        "2 changed web 20500/tcp",
        "3 removed web 20500/tcp",
    ];
    assert_eq!(told(&store, None), expected, "who was never there was not removed");
    assert_eq!(told(&store, Some("mail")), expected[1..2]);
    let all = store.history(None).expect("a history");
    let own = rustix::process::getuid().as_raw();
    let (claimed, after): (Vec<_>, Vec<_>) = all.iter().partition(|it| it.what == CLAIMED);
    assert!(claimed.iter().all(|it| it.uid == web.claimant.uid && it.at == web.since), "{claimed:?}");
    assert!(after.iter().all(|it| it.uid == own && before <= it.at && it.scope == web.scope), "{after:?}");
    // As an import does, which brings back ids.
    swapped(&mut store, &[add(&Claim { revision: 4, ..web.clone() })]);
    assert_eq!(told(&store, Some("web"))[3..], ["4 claimed web 20500/tcp"]);
    swapped(&mut store, &[Change::Remove(web.id)]);
    assert_eq!(told(&store, Some("web"))[3..], ["4 claimed web 20500/tcp", "5 removed web 20500/tcp"]);
    // Of a name that is claimed anew as it ended, the end comes first.
    let again = Claim { id: ClaimId(9), revision: 6, ..mail.clone() };
    swapped(&mut store, &[Change::Remove(mail.id), add(&again)]);
    assert_eq!(told(&store, Some("mail"))[1..], ["6 removed mail 20501/tcp", "6 claimed mail 20501/tcp"]);
    assert_eq!(store.swap(1, &[add(&web)]).expect("an answer"), Swap::Moved(store.load().expect("a book")));
    assert_eq!(told(&store, None).len(), 8, "what was not made is not told");
}

#[test]
fn the_oldest_of_the_history_go() {
    let folder = Folder::new("bounded");
    let mut store = open(&folder.ledger());
    let (web, most) = (claim(0, "web", 20_500), usize::try_from(history::ROWS_MAX).expect("a few"));
    let many: Vec<Claim> = (0..).take(most).map(|id| Claim { id: ClaimId(id), ..web.clone() }).collect();
    let all = |change: fn(&Claim) -> Change| many.iter().map(change).collect::<Vec<_>>();
    swapped(&mut store, &all(add));
    swapped(&mut store, &all(replace));
    swapped(&mut store, &[Change::Remove(web.id)]);
    let happened = store.history(None).expect("a history");
    assert_eq!(happened.len(), most);
    assert_eq!((&*happened[0].what, &*happened[most - 1].what), (CHANGED, REMOVED), "the first have gone");
}

#[test]
fn the_first_change_of_a_day_leaves_a_copy_as_private_as_the_ledger() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("copy");
    let path = folder.ledger();
    let mut store = open(&path);
    assert_eq!(copies(&path).expect("listed"), [], "there is nothing to copy yet");
    let (web, mail) = (claim(1, "web", 20_500), claim(2, "mail", 20_501));
    swapped(&mut store, &[add(&web)]);
    swapped(&mut store, &[add(&mail)]);
    let copies = copies(&path).expect("listed");
    let [copy] = copies.as_slice() else { panic!("{copies:?}") };
    assert_eq!(copy.day, copies::today());
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode();
    assert_eq!(mode(&copy.path), mode(&path));
    let connection = Connection::open(&copy.path).expect("a file");
    assert_eq!(rows::book(&connection).expect("a book"), Book::new(1, [web]), "as the first change left it");
    assert!(store.uncopied().is_none());
}

/// Whoever looks while another makes it takes it for nobody else's.
#[test]
fn of_many_who_make_a_new_ledger_nobody_takes_it_for_another_programs() {
    let folder = Folder::new("made-at-once");
    for round in 0..30 {
        let path = folder.ledger().with_file_name(format!("{round}.db"));
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| drop(open(&path)));
            }
        });
    }
}

/// The first claims of a day may be many at once, each of a process of its own.
#[test]
fn of_many_who_would_make_the_copy_of_a_day_nobody_fails() {
    let folder = Folder::new("copies-at-once");
    let path = folder.ledger();
    let mut store = Sqlite::open(&path).expect("a ledger");
    assert_eq!(store.swap(0, &[add(&claim(1, "web", 20_500))]).expect("an answer"), Swap::Swapped);
    let first: Date = "2030-01-01".parse().expect("a day");
    for day in 0..20 {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let store = Sqlite::open(&path).expect("a ledger");
                    copies::keep(&store.connection, &path, first + day.days()).expect("nothing fails");
                });
            }
        });
        let newest = copies(&path).expect("listed").pop().expect("a copy");
        assert_eq!(newest.day, first + day.days());
    }
}

#[test]
fn seven_copies_are_kept_whatever_the_clock_once_said() {
    let folder = Folder::new("seven");
    let path = folder.ledger();
    let store = open(&path);
    let first: Date = "2026-01-01".parse().expect("a day");
    for day in 0..9 {
        copies::keep(&store.connection, &path, first + day.days()).expect("a copy");
    }
    let days =
        || copies(&path).expect("listed").into_iter().map(|copy| copy.day.to_string()).collect::<Vec<_>>();
    assert_eq!(days().len(), copies::COPIES_MAX);
    assert_eq!((&*days()[0], &*days()[6]), ("2026-01-03", "2026-01-09"));
    let earlier = "2025-05-05".parse().expect("a day");
    copies::keep(&store.connection, &path, earlier).expect("a copy");
    assert_eq!((days().len(), &*days()[0], &*days()[1]), (7, "2025-05-05", "2026-01-04"), "the newest stays");
    fs::write(path.with_file_name("ledger.db.notes"), "mine").expect("written");
    fs::write(path.with_file_name("ledger.db.2026-1-1"), "mine").expect("written");
    assert_eq!(days().len(), 7, "what is no copy is nobody's business");
}

/// The port was promised, and is, whatever becomes of the copy.
#[test]
fn a_copy_that_fails_is_a_note_and_no_refusal() {
    let folder = Folder::new("uncopied");
    let path = folder.ledger();
    let mut store = open(&path);
    fs::create_dir(path.with_file_name(".ledger.db.copy")).expect("in the way");
    swapped(&mut store, &[add(&claim(1, "web", 20_500))]);
    assert!(matches!(store.uncopied(), Some(StoreError::Beside { .. })));
    assert!(store.uncopied().is_none(), "it is told once");
    swapped(&mut store, &[add(&claim(2, "mail", 20_501))]);
    assert!(store.uncopied().is_none() && store.load().expect("a book").len() == 2);
}

/// A change that the disk does not take is not made, and what was there is as it was, for whoever reads it.
#[test]
fn a_disk_that_fails_changes_nothing() {
    let folder = Folder::new("full");
    let path = folder.ledger();
    let mut store = open(&path);
    swapped(&mut store, &[add(&claim(1, "web", 20_500))]);
    let checkpoint = |store: &Sqlite| {
        let done =
            store.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, i64>(0));
        assert_eq!(done.expect("an answer"), 0);
    };
    checkpoint(&store);
    let (before, book) = (fs::read(&path).expect("its bytes"), store.load().expect("a book"));
    let long = Claim { note: Some("x".repeat(1 << 20)), ..claim(2, "mail", 20_501) };
    // SQLITE_FULL and SQLITE_READONLY, as of a disk that is full and of one that may not be written.
    for pragma in ["max_page_count = 1", "query_only = 1"] {
        store
            .connection
            .execute_batch(&format!("PRAGMA {pragma}"))
            .or_else(|error| match error {
                rusqlite::Error::ExecuteReturnedResults => Ok(()),
                other => Err(other),
            })
            .expect("a pragma");
        let refused = store.swap(1, &[add(&claim(3, "third", 20_502)), add(&long)]);
        assert!(matches!(refused, Err(StoreError::Failed { .. })), "{pragma}: {refused:?}");
        assert_eq!(store.load().expect("a book"), book, "{pragma}: reads go on");
        assert_eq!(told(&store, None).len(), 1, "{pragma}: nobody is told of it");
    }
    drop(store);
    assert_eq!(fs::read(&path).expect("its bytes"), before, "the file is as it was");
}

/// A row that was tampered with is damage, and no claim.
#[test]
fn a_row_that_is_no_claim_is_damage() {
    for (tampered, why) in [
        ("UPDATE claim SET port = 20501", "20501-20500"),
        ("UPDATE claim SET port = 70000", "70000"),
        ("UPDATE claim SET name = 'a b'", "blank"),
        ("UPDATE claim SET lease = '{}'", "kind"),
        ("UPDATE claim SET id = 'x'", "`x`"),
        ("ALTER TABLE claim DROP COLUMN note", "note"),
        ("DROP TABLE claim", "claim"),
    ] {
        let folder = Folder::new("tampered");
        let mut store = open(&folder.ledger());
        swapped(&mut store, &[add(&claim(1, "web", 20_500))]);
        store.connection.execute_batch(tampered).expect("anybody's SQL");
        let error = store.load().expect_err("damage");
        let StoreError::Damaged { source, .. } = &error else { panic!("{tampered}: {error:?}") };
        assert!(source.to_string().contains(why), "{tampered}: {source}");
    }
}
