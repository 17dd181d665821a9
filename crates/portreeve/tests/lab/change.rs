//! What changed between two moments, and the same judgement far from the host (A17, A20).

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use portreeve_lab::{Output, profile};
use serde_json::Value;

use super::site::{PORTREEVE, Site, lab};

/// `diff` names exactly what opened, closed, widened, narrowed and changed hands, and no restart (A17, A20).
#[test]
fn diff_names_exactly_what_changed() {
    let site = Site::boot(&profile::WEB);
    let hold = |user: &str, address: &str| lab(site.host.hold_as(user, &format!("listen {address}")));
    let closing = hold("dev", "0.0.0.0:7001");
    let widening = hold("dev", "127.0.0.1:7002");
    let narrowing = hold("dev", "0.0.0.0:7003");
    let handed = hold("dev", "0.0.0.0:7004");
    site.run("portreeve snapshot > /tmp/before");
    let same = site.ask("diff /tmp/before -o json");
    assert_eq!((same.status, changes(&same)), (0, BTreeSet::new()), "{same:#?}");

    drop((closing, widening, narrowing, handed));
    let _after = [
        hold("dev", "0.0.0.0:7002"),
        hold("dev", "127.0.0.1:7003"),
        hold("nobody", "0.0.0.0:7004"),
        hold("dev", "0.0.0.0:7005"),
    ];
    site.run("systemctl restart nginx");
    let different = site.ask("diff /tmp/before -o json");
    let expected =
        [("closed", 7001), ("widened", 7002), ("narrowed", 7003), ("changed-hands", 7004), ("opened", 7005)];
    let expected: BTreeSet<_> = expected.map(|(kind, port)| (kind.to_string(), port)).into();
    assert_eq!((different.status, changes(&different)), (1, expected), "{different:#?}");
    let saved =
        site.run("portreeve snapshot > /tmp/after; portreeve diff /tmp/before /tmp/after -o json || true");
    assert_eq!(changes(&saved), changes(&different));
}

fn changes(answer: &Output) -> BTreeSet<(String, u64)> {
    let answer = answer.json();
    let all = answer["changes"].as_array().expect("`changes` is promised");
    all.iter()
        .map(|change| {
            let kind = change["kind"].as_str().expect("`kind` is promised");
            (kind.to_string(), change["port"].as_u64().expect("`port` is promised"))
        })
        .collect()
}

/// A snapshot judged on another machine gives the findings that its own host gives (A20).
#[test]
fn a_snapshot_is_judged_elsewhere_as_at_home() {
    let site = Site::boot(&profile::MAIL_WEB_FTP);
    let home = site.ask("audit --policy none -o json").json();
    assert_ne!(home["findings"], serde_json::json!([]), "there is something to compare");
    let snapshot = site.run("portreeve snapshot").stdout;
    let file = Saved::write(&snapshot);
    let away = Command::new(PORTREEVE)
        .args(["audit", "--policy", "none", "-o", "json", "--snapshot"])
        .arg(&file.0)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .map(Output::from)
        .expect("portreeve runs");
    let there = away.json();
    assert_eq!(without_start_times(&there["findings"]), without_start_times(&home["findings"]));
    assert_eq!(there["counts"], home["counts"]);
}

/// Times since boot become times of day by a clock that is being set right meanwhile: they differ between two looks.
fn without_start_times(findings: &Value) -> Value {
    let mut findings = findings.clone();
    for finding in findings.as_array_mut().into_iter().flatten() {
        for holder in finding["holders"].as_array_mut().into_iter().flatten() {
            holder["started"] = Value::Null;
        }
    }
    findings
}

/// A file that goes with the test.
struct Saved(PathBuf);

impl Saved {
    fn write(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{}.json", portreeve_lab::name::fresh()));
        fs::write(&path, text).expect("the temporary folder can be written");
        Self(path)
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
