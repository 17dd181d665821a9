//! `ledger`: what is wrong with the file of claims is told, with what mends it, and nothing is written to it (A25).

use std::{fs, path::PathBuf, process::Command};

use rusqlite::Connection;

use crate::program::{Place, Run};

/// A place with a ledger, and its file.
fn stand() -> (Place, PathBuf) {
    let place = Place::new();
    let path = place.path().join("ledger/ledger.db");
    let said = place.run("ledger init").ends(0);
    assert!(said.contains("ledger.db"), "{said}");
    write(
        &path,
        "INSERT INTO claim VALUES ('0000000000000000000000000000000b', 'web', 'host:4c1d', 'tcp', NULL, NULL,
         20500, 20500, '{\"uid\":1000}', '{\"kind\":\"permanent\"}', '2026-01-01T00:00:00Z', 1, 'a note');
         INSERT INTO history VALUES (NULL, '2026-01-01T00:00:00Z', 1, 4294967294, 'claimed',
         '0000000000000000000000000000000b', 'web', 'host:4c1d', 'tcp', 20500, 20500);
         UPDATE ledger SET revision = 1",
    );
    (place, path)
}

/// What anybody may do who may write the file; all of it is in the file then.
fn write(path: &std::path::Path, sql: &str) {
    let connection = Connection::open(path).expect("a file");
    connection.execute_batch(sql).expect("SQL");
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).expect("an answer");
}

/// What is exported by hand: one claim of a name and a number.
fn exported(name: &str, port: u16) -> String {
    format!(
        "{{\"portreeve_ledger\":1,\"revision\":1,\"claims\":1}}\n{{\"id\":\"{port:032x}\",\"name\":\"{name}\",\
         \"scope\":\"host:4c1d\",\"protocol\":\"tcp\",\"ports\":{{\"first\":{port},\"last\":{port}}},\
         \"claimant\":{{\"uid\":0}},\"lease\":{{\"kind\":\"permanent\"}},\"since\":\"2026-01-01T00:00:00Z\",\
         \"revision\":1}}\n"
    )
}

#[test]
fn a_ledger_that_is_whole_says_so() {
    let place = Place::new();
    assert!(place.run("ledger check").ends(0).contains("There is no ledger"));
    assert!(!place.path().join("ledger").exists(), "nobody makes one by looking for it");
    assert!(place.run("ledger restore").ends(0).contains("There is no copy"));
    let (place, _) = stand();
    let said = place.run("ledger").ends(0);
    assert!(said.contains("is whole: 1 claim, revision 1, copies of 0 days."), "{said}");
    assert_eq!(place.run("ledger check -q").ends(0), "");
    assert!(place.run("ledger check --lang ja").ends(0).contains("は正常です: 申請 1 件"));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_mends_it() {
    let (place, path) = stand();
    write(&path, "UPDATE claim SET lease = '{}'");
    let said = place.run("ledger check").ends(5);
    assert!(said.contains("ledger.db, table claim, row `0000000000000000000000000000000b`"), "{said}");
    assert!(said.contains("next: portreeve ledger init --new-ledger\n"), "there is no copy: {said}");
    let copy = path.with_file_name("ledger.db.2026-01-01");
    let (other, whole) = stand();
    fs::copy(whole, &copy).expect("copied");
    let said = place.run("ledger check").ends(5);
    assert!(said.contains("ledger init --new-ledger"), "a copy of another ledger is none: {said}");
    write(&path, "UPDATE claim SET lease = '{\"kind\":\"permanent\"}'");
    fs::copy(&path, &copy).expect("copied");
    fs::write(&path, [7; 5_000]).expect("written");
    let said = place.run("ledger check").ends(5);
    assert!(said.contains("next: portreeve ledger restore ledger.db.2026-01-01\n"), "{said}");
    let listed = place.run("ledger restore").ends(0);
    assert!(listed.contains("ledger.db.2026-01-01  1 "), "{listed}");
    let named = other.run(&format!("ledger check --ledger {}", path.display())).ends(5);
    let expected = format!("restore ledger.db.2026-01-01 --ledger {}\n", path.display());
    assert!(named.contains(&expected), "{named}");
    fs::write(&copy, [7; 5_000]).expect("written");
    let torn = format!("ledger restore {} --ledger {}", copy.display(), path.display());
    let list = format!("in each of them: portreeve ledger restore --ledger {}\n", path.display());
    let err = other.run(&torn).fails(5);
    assert!(err.contains(&list), "{err}");
    let err = other.run(&format!("ledger export --ledger {}", path.display())).fails(5);
    assert!(err.contains(&format!("portreeve ledger restore --ledger {} puts", path.display())), "{err}");
}

#[test]
fn two_who_hold_one_number_are_both_named() {
    let (place, path) = stand();
    write(
        &path,
        "INSERT INTO claim VALUES ('0000000000000000000000000000000c', 'later one', 'host:4c1d', 'tcp', NULL,
         NULL, 20500, 20509, '{\"uid\":0}', '{\"kind\":\"permanent\"}', '2026-01-02T00:00:00Z', 1, NULL)",
    );
    assert!(place.run("ledger check").ends(5).contains("row `0000000000000000000000000000000c`"), "its name");
    write(&path, "UPDATE claim SET name = 'later' WHERE name = 'later one'");
    let said = place.run("ledger check").ends(5);
    assert!(said.contains("web (20500/tcp, host:4c1d, uid 1000) and later (20500-20509/tcp"), "{said}");
    let release = "next: portreeve release later --protocol tcp --scope host:4c1d\n";
    assert!(said.contains(release), "{said}");
}

/// The table of failures of a file that is no ledger that can be used: every one is refused, and not a byte is changed.
#[test]
fn what_is_no_ledger_is_refused_and_left_as_it_is() {
    let (place, path) = stand();
    let good = fs::read(&path).expect("its bytes");
    let mut newer = good.clone();
    // The layout is at byte 60 of the file (https://www.sqlite.org/fileformat.html).
    newer[63] = 9;
    let cases: [(&str, &[u8], &str); 5] = [
        ("not a database", &[7; 5_000], "ledger restore"),
        ("truncated", &good[..good.len() / 2], "ledger restore"),
        ("empty", b"", "ledger init --new-ledger"),
        ("newer", &newer, "the portreeve that wrote it"),
        ("half a page", &good[..2_000], "ledger restore"),
    ];
    for (name, bytes, hint) in cases {
        for words in
            ["claims", "claim other 20600/tcp", "release web", "renew web --lease 1m", "ledger export"]
        {
            fs::write(&path, bytes).expect("written");
            let run = place.run(words);
            assert_eq!((run.code, run.out.as_str()), (5, ""), "{name}, {words}: {}", run.err);
            assert!(run.err.contains(hint), "{name}, {words}: {}", run.err);
            assert!(!run.err.contains("--ledger"), "it is asked without that: {}", run.err);
            assert_eq!(fs::read(&path).expect("its bytes"), bytes, "{name}, {words}");
        }
        assert_eq!(place.run("ledger check").code, 5, "{name}");
        assert_eq!(fs::read(&path).expect("its bytes"), bytes, "{name}");
    }
    fs::write(&path, &good).expect("written");
    place.run("ledger check").ends(0);
}

/// A system that fails is not the ledger's fault: what is there is as it was, and told apart from damage.
#[test]
fn a_system_that_fails_is_no_damage() {
    let (place, path) = stand();
    let good = fs::read(&path).expect("its bytes");
    let failed = |run: Run| {
        let err = run.fails(7);
        assert!(err.contains("portreeve ledger check"), "{err}");
        assert_eq!(fs::read(&path).expect("its bytes"), good);
    };
    // No file may grow (setrlimit(2)), which is an I/O error to whoever ignores the signal.
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" claim other 20600/tcp"])
        .arg(env!("CARGO_BIN_EXE_portreeve"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .env("PORTREEVE_STATE", place.path())
        .output()
        .expect("a shell");
    failed(Run {
        code: limited.status.code().expect("no signal ended it"),
        out: String::from_utf8(limited.stdout).expect("UTF-8"),
        err: String::from_utf8(limited.stderr).expect("UTF-8"),
    });
    let _ = fs::remove_file(path.with_file_name("ledger.db-shm"));
    let wal = path.with_file_name("ledger.db-wal");
    let _ = fs::remove_file(&wal);
    fs::create_dir(&wal).expect("in the way");
    failed(place.run("claim other 20600/tcp"));
    failed(place.run("ledger check"));
}

#[test]
fn an_import_names_both_who_clash_and_changes_nothing() {
    let (place, path) = stand();
    let before = fs::read(&path).expect("its bytes");
    let text = place.run("ledger export").ends(0);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("{\"portreeve_ledger\":1,\"revision\":1,\"claims\":1}"));
    assert!(lines.next().is_some_and(|line| line.contains("\"name\":\"web\"") && line.contains("a note")));
    let refused = |text: &str, code| place.run_with("ledger import -", text.as_bytes()).fails(code);
    let err = refused(&exported("other", 20_500), 4);
    let both = "web (20500/tcp, host:4c1d, uid 1000) and other (20500/tcp, host:4c1d, uid 0) overlap";
    assert!(err.contains(both), "{err}");
    assert!(refused(&exported("web", 20_501), 4).contains("have one name"));
    let err = refused("{\"portreeve_ledger\":2}\n", 5);
    assert!(err.contains("line 1: it has layout 2, and this program knows 1"), "{err}");
    assert!(refused(&text.replace("web", "a b"), 2).contains("line 2: it is no claim"));
    assert!(refused("", 2).contains("portreeve ledger export"));
    assert!(refused(text.lines().next().unwrap_or_default(), 2).contains("tells of 1 claims, and 0 follow"));
    let err = place.run("ledger import /nonexistent").fails(2);
    assert!(err.contains("cause: cannot read /nonexistent: there is no such file\nhint: "), "{err}");
    assert_eq!(fs::read(&path).expect("its bytes"), before);
}

#[test]
fn the_history_tells_who_did_what() {
    let (place, _) = stand();
    let said = place.run("ledger history").ends(0);
    assert!(said.contains("2026-01-01T00:00:00Z  claimed  web   20500/tcp  4294967294"), "{said}");
    assert_eq!(place.run("ledger history web").ends(0), said);
    assert!(place.run("ledger history other").ends(0).contains("Nothing is known."));
    assert!(place.run("ledger history --lang ja").ends(0).contains("申請"));
}

#[test]
fn a_word_too_many_is_a_mistake() {
    let (place, _) = stand();
    for words in [
        "ledger check x",
        "ledger export x",
        "ledger import",
        "ledger history a\u{a0}b",
        "ledger export --new-ledger",
        "ledger mend",
        "ledger restore --ledger etcd+http://192.0.2.1/p",
        "ledger init --ledger etcd+http://192.0.2.1/p",
    ] {
        assert_eq!(place.run(words).code, 2, "{words}");
    }
    let err = place.run("ledger init --new-ledger").fails(5);
    assert!(err.contains("is whole and has 1 claim\n"), "what is whole is not thrown away: {err}");
}
