//! `patches` of a saved look: the table in both languages, what programs read, and how it ends (A18).

mod root;

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    run::{Said, assert_harmless, on_web, web_with, with_input},
    terminal::{assert_fits, on_terminal_of},
};

/// The main process of nginx, which serves 80 and 443.
const NGINX: &str = "812";

/// A package of which that version is installed, and what lists say waits: candidate, newest, from a security archive.
fn package(name: &str, version: &str, offer: [Option<&str>; 3]) -> Value {
    let [candidate, newest, security] = offer;
    json!({
        "name": name, "version": version, "architecture": "amd64",
        "offer": {"candidate": candidate, "newest": newest, "security": security},
    })
}

/// nginx was replaced three days ago, its libssl waits for security, its zlib is the newest, and of its libcrypt no list knows.
fn code() -> Value {
    let same =
        |path: &str, package: u32| json!({"path": path, "state": "same", "root": 0, "package": package});
    json!({
        "files": [
            {"path": "/usr/sbin/nginx", "state": "replaced", "since": "2026-11-22T12:00:00Z", "root": 0, "package": 0},
            same("/usr/lib/libssl.so.3", 1),
            same("/usr/lib/libz.so.1", 2),
            same("/usr/lib/libcrypt.so.1", 3),
        ],
        "processes": {NGINX: [0, 1, 2, 3]},
        "roots": [{
            "database": "dpkg", "release": "Debian:12",
            "lists_made": "2026-11-25T08:00:00Z", "lists_fetched": "2026-11-25T10:00:00Z",
            "packages": [
                package("nginx", "1.22-2", [Some("1.22-2"), Some("1.22-2"), None]),
                package("libssl3", "3.0-1", [Some("3.0-2"), Some("3.0-2"), Some("3.0-2")]),
                package("zlib1g", "1.2-1", [Some("1.2-1"), Some("1.2-1"), None]),
                package("libcrypt1", "4.4-1", [Some("4.4-1"), None, None]),
            ],
        }],
    })
}

/// The host with that code, after `change`.
fn host(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    web_with(|snapshot| {
        snapshot["gaps"] = json!([]);
        snapshot["code"] = code();
        change(&mut snapshot["code"]);
    })
}

/// How `patches` answers of it.
fn patches(words: &str, change: impl FnOnce(&mut Value)) -> Said {
    with_input(&format!("patches {words} --snapshot -"), &host(change))
}

fn as_it_is(_: &mut Value) {}

/// The columns of the line of a package.
fn row(said: &Said, package: &str) -> Vec<String> {
    let line = said.out.lines().find(|line| line.contains(package));
    let line = line.unwrap_or_else(|| panic!("no line of {package}: {said:?}"));
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

#[test]
fn what_to_type_stands_beside_what_is_old_and_what_waits() {
    let said = patches("", as_it_is);
    let ports = "80,443/tcp";
    let restart = "systemctl restart nginx.service";
    let replaced = [ports, "nginx.service", "nginx", "replaced 3 days ago", "1.22-2", "–", restart];
    assert_eq!(row(&said, "  nginx  "), replaced);
    let install = format!("apt-get install --only-upgrade libssl3; {restart}");
    let waits = [ports, "nginx.service", "libssl3", "same", "3.0-1", "3.0-2 security", &install];
    assert_eq!(row(&said, "libssl3"), waits);
    assert!(
        !said.out.contains("zlib1g") && !said.out.contains("libcrypt1"),
        "nothing to say of them: {}",
        said.out
    );
    assert_eq!(said.code, Some(1));
    let of_port = patches("443", as_it_is);
    assert_eq!(row(&of_port, "zlib1g")[2..], ["zlib1g", "same", "1.2-1", "–", "–"]);
}

/// It waits for nothing, and is no less a hole.
#[test]
fn a_hole_that_no_version_mends_is_told() {
    let affected = json!({"package": {"ecosystem": "Debian:12", "name": "zlib1g"}, "versions": ["1.2-1"]});
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-fix.json");
    std::fs::write(&file, json!({"id": "CVE-2026-1", "affected": [affected]}).to_string())
        .expect("it can be written");
    let by = format!("--advisories {}", file.display());
    let said = patches(&by, as_it_is);
    assert_eq!(row(&said, "zlib1g")[4..], ["1.2-1", "– (no fix known here) CVE-2026-1", "–"]);
    let hole = "; 1 package has a known hole that no version mends yet\n";
    assert!(said.out.contains(hole) && !said.out.contains("libcrypt1"), "{}", said.out);
    let said = patches(&format!("{by} --lang ja"), as_it_is);
    assert!(said.out.contains("、修正版のない脆弱性あり: 1 パッケージ\n"), "{}", said.out);
}

/// Versions as long as Debian's are.
fn debian(code: &mut Value) {
    let waits = Some("3.0.17-1~deb12u3");
    code["roots"][0]["packages"][1] = package("libssl3", "3.0.17-1~deb12u2", [waits; 3]);
    code["roots"][0]["packages"][2] = package("zlib1g", "1:1.2.13.dfsg-1", [Some("1:1.2.13.dfsg-2"); 3]);
}

#[test]
fn a_narrow_terminal_tells_what_waits_and_what_to_type() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("narrow-patches.json");
    std::fs::write(&file, host(debian)).expect("it can be written");
    let said = on_terminal_of("patches", &file, 80);
    assert_fits(&said, 80);
    let waits = "  nginx.serv…  libssl3  same                 3.0.17-1~deb12u3 security\n";
    assert!(!said.contains("DO") && said.contains(waits), "{said}");
    let next = "next: apt-get install --only-upgrade libssl3\n      \
                apt-get install --only-upgrade zlib1g · systemctl restart nginx.service\n";
    assert!(said.ends_with(next), "what starts it again stands behind all that is installed: {said}");
    let said = on_terminal_of("patches --lang ja", &file, 80);
    assert_fits(&said, 80);
    assert!(said.contains("3.0.17-1~deb12u3 セキュリティ\n"), "{said}");
    assert!(said.contains("\n次: apt-get install --only-upgrade libssl3"), "{said}");
    let wide = on_terminal_of("patches", &file, 250);
    assert!(wide.contains("DO") && !wide.contains("next: "), "{wide}");
}

#[test]
fn whose_a_package_is_stands_beside_it() {
    let said = patches("", |code| code["roots"][0]["name"] = json!("chroot /srv/x"));
    let row = row(&said, "libssl3");
    assert_eq!((row[2].as_str(), row[6].as_str()), ("libssl3 (chroot /srv/x)", "–"));
}

#[test]
fn the_last_lines_count_what_is_known_and_what_is_not() {
    let said = patches("", as_it_is);
    let summary = "2 ports run old code, 1 package waits for a security update, 1 package runs as installed and newest, \
                   and of 1 it is not known what waits\n";
    assert!(said.out.contains(summary), "{}", said.out);
    assert!(
        said.out.contains("by apt's lists, fetched 2 h ago; portreeve fetches nothing\n"),
        "{}",
        said.out
    );
    let calm = patches("", |code| {
        code["processes"] = json!({NGINX: [2]});
    });
    let summary = "no port runs old code, and no security update is known to wait for one; 1 package runs as installed \
                   and newest\n";
    assert!(calm.out.contains(summary), "{}", calm.out);
    assert_eq!(calm.code, Some(0));
}

#[test]
fn lists_of_the_host_are_not_those_of_a_container() {
    let said = patches("", |code| {
        let packages = json!([{"name": "musl", "version": "1.2.5-r0"}]);
        let container = json!({"name": "container web", "database": "apk", "packages": packages});
        code["roots"].as_array_mut().expect("a list").push(container);
    });
    assert!(
        said.out.contains("what waits on the host itself: by apt's lists, fetched 2 h ago;"),
        "{}",
        said.out
    );
}

#[test]
fn lists_are_not_asked_where_no_package_is_known() {
    let ask = |words: &str| {
        patches(words, |code| {
            code["files"] = json!([{"path": "/opt/shop", "state": "same", "root": 0}]);
            code["processes"] = json!({NGINX: [0]});
            code["roots"] = json!([{"database": "dpkg"}]);
        })
    };
    assert!(
        ask("").out.ends_with("what waits: not asked, as no package of what runs is known\n"),
        "{:?}",
        ask("")
    );
    assert_eq!(ask("-o json").json()["data"], json!({"source": null, "taken": null}));
}

#[test]
fn japanese_says_the_same() {
    let said = patches("--lang ja", as_it_is);
    assert!(said.out.starts_with("ポート"), "{}", said.out);
    assert_eq!(row(&said, "  nginx  ")[3], "更新前(3 日前に置き換え)");
    assert_eq!(row(&said, "libssl3")[3..6], ["同一", "3.0-1", "3.0-2 セキュリティ"]);
    let summary = "更新前のコードで動作中: 2 ポート、セキュリティ更新待ち: 1 パッケージ、最新: 1 パッケージ、\
                   更新の有無が不明: 1 パッケージ\n";
    assert!(said.out.contains(summary), "{}", said.out);
}

#[test]
fn programs_read_the_fields_of_the_contract() {
    let answer = patches("443 -o json", as_it_is).json();
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let mut document = keys(&answer);
    document.sort_unstable();
    assert_eq!(document, ["data", "gaps", "kernel", "patches", "taken", "version"]);
    assert_eq!((&answer["version"], &answer["data"]["source"]), (&json!(1), &json!("apt")));
    assert_eq!(answer["data"]["taken"], "2026-11-25T10:00:00Z");
    let mut patches_told = answer["patches"].as_array().expect("a list").iter();
    let old = patches_told.find(|patch| patch["package"] == "nginx").expect("it is told");
    let expected = json!({
        "protocol": "tcp", "port": 443, "package": "nginx", "file": "/usr/sbin/nginx", "running": "replaced",
        "since": "2026-11-22T12:00:00Z", "installed": "1.22-2", "candidate": "1.22-2", "security": "no",
        "advisories": [], "root": "host", "held": false, "commands": ["systemctl restart nginx.service"],
    });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&old[key], value, "{key}");
    }
    assert_eq!(old["holder"]["name"], "nginx");
    assert_eq!(patches("443 -o ndjson", as_it_is).out.lines().count(), 4);
    let records = patches("443 -o csv", as_it_is).out;
    assert!(
        records.starts_with("port,protocol,netns,pid,package,file,running,installed,candidate,security,"),
        "{records}"
    );
}

#[test]
fn what_fails_it_may_be_chosen() {
    assert_eq!(patches("--fail-on never", as_it_is).code, Some(0));
    assert_eq!(patches("443 -o json", as_it_is).code, Some(1));
    assert_eq!(patches("22", as_it_is).code, Some(0), "nothing is known to be wrong with the code behind 22");
}

/// Whoever looks without being root never knows whether others share a socket of his.
#[test]
fn whom_another_port_hides_changes_nothing_about_an_own_one() {
    let host = web_with(|snapshot| {
        snapshot["gaps"] = json!([{"what": "hidden-owners", "count": 1}]);
        snapshot["code"] = code();
        snapshot["code"]["processes"] = json!({NGINX: [2]});
        for listener in snapshot["listeners"].as_array_mut().expect("a list") {
            listener["holders_complete"] = json!(false);
            if listener["port"] == 22 {
                listener["holders"] = json!([]);
                listener["gap"] = json!("other-user");
            }
        }
    });
    let ask = |port: u16| with_input(&format!("patches {port} --snapshot -"), &host).code;
    assert_eq!([443, 22].map(ask), [Some(0), Some(3)]);
}

/// Whoever looks without being root can enter no other network namespace, and asks about his own port.
#[test]
fn a_namespace_that_was_not_entered_changes_nothing_about_a_port_that_was_found() {
    let host = web_with(|snapshot| {
        snapshot["gaps"] = json!([{"what": "foreign-namespaces", "count": 7}]);
        snapshot["code"] = code();
        snapshot["code"]["processes"] = json!({NGINX: [2]});
    });
    let ask = |words: &str| with_input(&format!("patches {words} --snapshot -"), &host);
    let found = ask("443");
    assert_eq!((found.code, found.err.as_str()), (Some(0), ""), "{found:?}");
    for open in ["", "9999", "443 9999", "443 --netns all"] {
        assert_eq!(ask(open).code, Some(3), "{open}: somebody may listen there");
    }
}

#[test]
fn a_port_that_nobody_holds_tells_of_the_kernel_by_which_it_ends() {
    let old = |code: &mut Value| {
        let newest =
            json!({"release": "6.1.0-30", "package": "linux-image-6.1.0-30", "version": "6.1.124-1"});
        code["kernel"] =
            json!({"running": "6.1.0-27", "running_version": "6.1.115-1", "installed": [newest]});
    };
    let said = patches("9999", old);
    let told = "nobody whose code can be seen listens there\n\
                kernel: 6.1.0-27 runs, 6.1.0-30 (6.1.124-1) is installed: reboot\n";
    assert_eq!((said.out.as_str(), said.code), (told, Some(1)));
}

#[test]
fn a_kernel_of_no_package_here_is_not_called_the_newest() {
    let own = |code: &mut Value| {
        let newest = json!({"release": "6.99.0-1", "package": "linux-image-6.99.0-1", "version": "6.99.1-1"});
        code["kernel"] = json!({"running": "6.18.5", "installed": [newest]});
        code["processes"] = json!({NGINX: [2]});
    };
    let said = patches("443", own);
    let told = "kernel: 6.18.5 runs, which is of no package here, so not compared with 6.99.0-1 (6.99.1-1), which is installed\n";
    assert!(said.out.contains(told) && said.code == Some(0), "{said:?}");
    assert_eq!(patches("443 -o json", own).json()["kernel"]["reboot"], Value::Null);
}

#[test]
fn a_port_that_nobody_holds_is_told_beside_one_that_somebody_does() {
    let said = patches("443 9999 8000-8010/udp", as_it_is);
    assert!(
        said.out.contains("\n9999 8000-8010/udp: nobody whose code can be seen listens there\n"),
        "{said:?}"
    );
    let said = patches("80 443 https", as_it_is);
    assert!(!said.out.contains("nobody"), "the same port by its name: {said:?}");
}

#[test]
fn a_snapshot_that_knows_no_code_is_refused() {
    let said = on_web("patches");
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said:?}");
    assert!(said.err.contains("snapshot") && said.err.contains("hint: "), "{}", said.err);
}

#[test]
fn names_that_others_chose_act_on_no_terminal() {
    let said = patches("443", |code| {
        code["roots"][0]["packages"][1]["name"] = json!("lib\u{1b}[31mssl\n3\u{202e}");
        code["roots"][0]["packages"][1]["offer"]["candidate"] = json!("9\u{1b}]0;x\u{7}");
        code["files"][0]["path"] = json!("/usr/sbin/\u{9b}nginx");
    });
    assert_harmless(&said.out);
    assert!(
        !said.out.contains("apt-get install --only-upgrade lib"),
        "such a name is not put into a command: {}",
        said.out
    );
}
