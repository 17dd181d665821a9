//! A ledger that cannot be asked, as each command tells it (A25, A26).

use std::{ffi::OsStr, fs, net::TcpListener, path::PathBuf};

use serde_json::Value;

use crate::run::{Said, program};

/// The words of `line`, asked of `ledger`.
fn asking(ledger: impl AsRef<OsStr>, line: &str) -> Said {
    let mut program = program();
    program.env("PORTREEVE_LEDGER", ledger).args(line.split_whitespace());
    program.output().expect("the program starts").into()
}

/// A file that was a ledger and is none any more.
fn torn() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("portreeve-speak-torn-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a directory");
    fs::write(folder.join("ledger.db"), [7; 5000]).expect("written");
    fs::write(folder.join("ledger.db.made"), "a").expect("written");
    folder.join("ledger.db")
}

/// A number on which nobody listens, and one on which this test does.
#[test]
fn a_ledger_that_cannot_be_asked_is_not_seen() {
    let torn = torn();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let held = listener.local_addr().expect("an address").port();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    for line in [
        format!("ls {held}"),
        format!("who {held}"),
        format!("who {free}"),
        format!("why {held}"),
        format!("why {free}"),
        "audit --fail-on never".into(),
    ] {
        let said = asking(&torn, &line);
        assert_eq!(said.out.matches("not seen: the ledger: ").count(), 1, "{line}: {said:?}");
        assert_eq!(said.code, Some(3), "{line}: {said:?}");
        let gaps = asking(&torn, &format!("{line} -o json")).json()["gaps"].clone();
        let gaps = gaps.as_array().cloned().unwrap_or_default();
        let is_ledger = |gap: &&Value| gap["what"] == "unread-ledger";
        assert_eq!(gaps.iter().filter(is_ledger).count(), 1, "{line}: {gaps:?}");
    }
    for ledger in ["etcd+http://127.0.0.1:1/p", "http://127.0.0.1:1/no-ledger"] {
        let said = asking(ledger, &format!("who {free}"));
        assert!(said.out.contains("not seen: the ledger: ") && said.code == Some(3), "{said:?}");
    }
    fs::remove_dir_all(torn.parent().expect("a folder")).expect("removed");
}
