//! `patches` of a root that does not run here (A18).

use std::{
    fmt::Write as _,
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};

use crate::run::{Said, program};

/// A folder with a root in it, and mappings beside it; it goes when this value does.
struct Root(PathBuf);

impl Root {
    fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("portreeve-root-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("root")).unwrap();
        Self(folder)
    }

    fn with(self, path: &str, text: &str) -> Self {
        let path = self.0.join("root").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// What is said where processes map `files`.
    fn ask(&self, files: &[&str], words: &str) -> Said {
        self.question(files, words).output().unwrap().into()
    }

    fn question(&self, files: &[&str], words: &str) -> Command {
        let mut maps = String::new();
        for (place, file) in files.iter().enumerate() {
            writeln!(maps, "{0:x}000-{0:x}fff r-xp 00000000 00:00 {1} {file}", place + 1, place + 1_000_000)
                .unwrap();
        }
        fs::write(self.0.join("maps"), maps).unwrap();
        let line = format!("patches --root root --maps maps {words}");
        let mut program = program();
        program.current_dir(&self.0).args(line.split_whitespace());
        program
    }

    /// The gaps that are told, and how it ends.
    fn gaps(&self, files: &[&str], words: &str) -> (Vec<(String, String)>, Option<i32>) {
        let said = self.ask(files, &format!("{words} -o json"));
        let text = |gap: &Value, key: &str| gap[key].as_str().unwrap().to_owned();
        let told = said.json()["gaps"].as_array().unwrap().clone();
        (told.iter().map(|gap| (text(gap, "what"), text(gap, "detail"))).collect(), said.code)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One gap of that kind, which is all that keeps the answer from being an all-clear.
fn one(what: &str, detail: &str) -> (Vec<(String, String)>, Option<i32>) {
    (vec![(what.into(), detail.into())], Some(3))
}

const APK: &str = "lib/apk/db/installed";

fn alpine() -> Root {
    let root = Root::create().with(APK, "P:busybox\nV:1.37.0-r12\nA:x86_64\no:busybox\nF:bin\nR:busybox\n\n");
    root.with("etc/os-release", "ID=alpine\nVERSION_ID=3.20.1\n")
}

#[test]
fn nothing_tells_what_waits_where_apt_has_no_lists_of_a_root() {
    assert_eq!(alpine().gaps(&["/bin/busybox"], ""), one("missing-update-data", &format!("root: /{APK}")));
    let parts = "var/lib/dpkg/status.d";
    let distroless = Root::create()
        .with(&format!("{parts}/libc6"), "Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\n")
        .with(&format!("{parts}/libc6.md5sums"), "d41d8cd98f00b204e9800998ecf8427e  lib/libc.so.6\n");
    let missing = one("missing-update-data", &format!("root: /{parts}"));
    assert_eq!(distroless.gaps(&["/lib/libc.so.6"], ""), missing);
    let said = alpine().ask(&["/bin/busybox"], "");
    assert!(said.out.contains("what waits: nothing tells\n"), "{}", said.out);
    assert!(!said.out.contains("apt-get"), "nobody there has it: {}", said.out);
    assert!(alpine().ask(&["/bin/busybox"], "--lang ja").out.contains("未適用の更新(root: /lib/apk"));
}

#[test]
fn advisories_of_its_release_decide_what_no_list_tells() {
    let root = alpine();
    let affected = |ecosystem: &str, fixed: &str| {
        let events = json!([{"introduced": "0"}, {"fixed": fixed}]);
        let package = json!({"ecosystem": ecosystem, "name": "busybox"});
        let ranges = json!([{"type": "ECOSYSTEM", "events": events}]);
        json!({"id": "CVE-2026-1", "affected": [{"package": package, "ranges": ranges}]}).to_string()
    };
    let ask = |document: String| {
        fs::write(root.0.join("osv.json"), document).unwrap();
        root.gaps(&["/bin/busybox"], "--advisories osv.json")
    };
    assert_eq!(ask(affected("Alpine:v3.20", "1.37.0-r12")), (Vec::new(), Some(0)));
    let table = root.ask(&["/bin/busybox"], "--advisories osv.json").out;
    assert!(table.contains("what waits: by the advisories alone; portreeve fetches nothing\n"), "{table}");
    assert_eq!(ask(affected("Alpine:v3.20", "1.37.0-r13")), (Vec::new(), Some(1)));
    let (gaps, code) = ask(affected("Alpine:v3.19", "1.37.0-r12"));
    assert_eq!((gaps.len(), code), (2, Some(3)), "they are of another release: {gaps:?}");
}

const STATUS: &str = "var/lib/dpkg/status";
const PROGRAM: &str = "/usr/bin/quay";

/// A Debian with a package, its list of files and apt's lists, of which nothing is missing.
fn debian() -> Root {
    let lists = "var/lib/apt/lists/lab_dists_lab";
    let quay = "Package: quay\nArchitecture: amd64\nVersion: 1\n";
    let buoy = "Package: buoy\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n";
    Root::create()
        .with(STATUS, &format!("{buoy}{quay}Status: install ok installed\n\n"))
        .with("var/lib/dpkg/info/buoy.list", "/.\n/usr/bin/buoy\n")
        .with("var/lib/dpkg/info/quay.list", &format!("/.\n{PROGRAM}\n"))
        .with(&format!("{lists}_InRelease"), "Label: Debian-Security\nSuite: lab-security\n")
        .with(&format!("{lists}_main_binary-amd64_Packages"), &format!("{quay}\n"))
}

#[test]
fn a_database_of_dpkg_that_was_lost_is_no_all_clear() {
    assert_eq!(debian().gaps(&[PROGRAM], ""), (Vec::new(), Some(0)), "nothing is lost");
    let whole = fs::read_to_string(debian().0.join("root").join(STATUS)).unwrap();
    let lost = |flaw: &str| one("unread-packages", &format!("root: /{STATUS} ({flaw})"));
    let first = whole.find("Package: quay").unwrap();
    let cut = |to: usize| &whole[..first + to];
    for (cut, flaw) in [
        ("", "empty"),
        (cut(0), "incomplete"),
        (cut("Package: quay\nArch".len()), "incomplete"),
        (whole.trim_end(), "incomplete"),
    ] {
        assert_eq!(debian().with(STATUS, cut).gaps(&[PROGRAM, "/opt/own"], ""), lost(flaw), "{cut:?}");
    }
    let said = debian().with(STATUS, cut(0)).ask(&[PROGRAM], "").out;
    assert!(said.contains(&format!("root: /{STATUS} is cut off, or leaves packages out;")), "{said}");
    let gone = debian();
    fs::remove_file(gone.0.join("root").join(STATUS)).unwrap();
    assert_eq!(gone.gaps(&[PROGRAM], ""), lost("empty"));
    let removed = debian().with(STATUS, &whole.replace("install ok installed", "deinstall ok config-files"));
    assert_eq!(removed.gaps(&[PROGRAM], ""), (Vec::new(), Some(0)), "it tells that they are gone");
}

#[test]
fn a_list_of_files_that_is_empty_is_one_that_is_missing() {
    let root = debian().with("var/lib/dpkg/info/quay.list", "");
    let missing = one("unread-packages", "root: /var/lib/dpkg/info/quay.list (missing)");
    assert_eq!(root.gaps(&[PROGRAM], ""), missing);
}

const RELEASE: &str = "var/lib/apt/lists/lab_dists_lab_InRelease";
const LIST: &str = "var/lib/apt/lists/lab_dists_lab_main_binary-amd64_Packages";

/// What is said of the package: what would be installed, and whether a security update waits.
fn told(root: &Root, words: &str) -> Value {
    let answer = root.ask(&[PROGRAM], &format!("{words} -o json")).json();
    let patch = &answer["patches"][0];
    json!([patch["candidate"], patch["security"]])
}

#[test]
fn lists_of_which_none_is_of_security_updates_are_no_all_clear() {
    let of = |release: &str| {
        debian().with(RELEASE, "Label: Debian\nSuite: stable\n").with("etc/os-release", release)
    };
    let (followed, derived) = (of("ID=debian\nVERSION_ID=12\n"), of("ID=kali\nVERSION_ID=2026.4\n"));
    assert_eq!(followed.gaps(&[PROGRAM], ""), one("missing-security-archive", "root"));
    assert_eq!(derived.gaps(&[PROGRAM], ""), (Vec::new(), Some(0)), "it may have no such archive");
    for root in [&followed, &derived] {
        assert_eq!(told(root, ""), json!(["1", "unknown"]));
        let table = root.ask(&[PROGRAM], "").out;
        assert!(
            table.contains(", none of them of an archive of security updates; portreeve fetches"),
            "{table}"
        );
    }
    let other = json!([{"package": {"ecosystem": "Debian:12", "name": "other"}, "versions": ["1"]}]);
    let advisory = json!({"id": "CVE-2026-1", "affected": other}).to_string();
    fs::write(followed.0.join("osv.json"), advisory).unwrap();
    assert_eq!(followed.gaps(&[PROGRAM], "--advisories osv.json"), (Vec::new(), Some(0)), "they decide");
    assert_eq!(told(&followed, "--advisories osv.json"), json!(["1", "no"]));
}

#[test]
fn a_list_that_is_not_read_leaves_open_what_waits() {
    let safe = "var/lib/apt/lists/safe_dists_lab";
    let sums = "Label: Debian-Security\nSHA256:\n 0a 12 main/binary-amd64/Packages\n";
    let with = || debian().with(&format!("{safe}_InRelease"), sums);
    let list = |ending: &str| format!("{safe}_main_binary-amd64_Packages{ending}");
    let unread = |ending: &str| one("unread-update-data", &format!("root: /{}", list(ending)));
    for (root, gaps) in [
        (with(), one("missing-list", "root: safe_dists_lab_InRelease")),
        (with().with(&list(".gz"), "\u{1f}cut"), unread(".gz")),
        (with().with(&list(".bz2"), "BZh9"), unread(".bz2")),
    ] {
        assert_eq!(root.gaps(&[PROGRAM], ""), gaps);
        assert_eq!(told(&root, ""), json!([null, "unknown"]), "{gaps:?}");
        let table = root.ask(&[PROGRAM], "--all").out;
        assert!(table.contains(", 0 are the newest;"), "{gaps:?}: {table}");
    }
}

#[test]
fn what_is_not_there_was_not_fetched_and_what_is_broken_is_there() {
    let root = debian();
    for path in [RELEASE, LIST] {
        fs::remove_file(root.0.join("root").join(path)).unwrap();
    }
    assert_eq!(root.gaps(&[PROGRAM], ""), one("missing-update-data", "root"));
    assert_eq!(root.ask(&[PROGRAM], "-o json").json()["data"], json!({"source": null, "taken": null}));
    assert!(root.ask(&[PROGRAM], "").out.contains("what waits: nothing tells\n"));
    let broken = debian().with(LIST, "\u{1}\u{2}: no list\n");
    assert_eq!(broken.gaps(&[PROGRAM], ""), one("unread-update-data", &format!("root: /{LIST}")));
}

#[test]
fn a_package_whose_version_is_none_is_not_called_the_newest() {
    let status = fs::read_to_string(debian().0.join("root").join(STATUS)).unwrap();
    let strange = debian().with(STATUS, &status.replace("Version: 1\nStatus", "Version: a b:c\nStatus"));
    let left_out = one("unread-packages", &format!("root: /{STATUS} (incomplete)"));
    assert_eq!(strange.gaps(&[PROGRAM], ""), left_out);
}

#[test]
fn whatever_stands_among_advisories_must_be_read() {
    let root = debian();
    let folder = root.0.join("osv");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("gone.json")).unwrap();
    let said = root.ask(&[PROGRAM], "--advisories osv");
    assert!(said.code == Some(2) && said.err.contains("osv/gone.json"), "{said:?}");
    fs::remove_file(folder.join("gone.json")).unwrap();
    let pipe = folder.join("pipe.json");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let said = root.ask(&[PROGRAM], "--advisories osv");
    assert!(said.code == Some(2) && said.err.contains("it is no file"), "{said:?}");
}

/// What of each other database is lost, so that nobody can tell whose a program is.
#[test]
fn what_is_lost_of_apks_database_or_of_an_images_is_no_all_clear() {
    for (lost, flaw) in [("", "empty"), ("P:busybox\nV:1\n\nP:quay\nV:2\nF:usr/b\0junk\n\n?\n", "incomplete")]
    {
        let expected = one("unread-packages", &format!("root: /{APK} ({flaw})"));
        assert_eq!(alpine().with(APK, lost).gaps(&[PROGRAM], ""), expected, "{lost:?}");
    }
    let parts = "var/lib/dpkg/status.d";
    let quay = Root::create().with(&format!("{parts}/quay"), "Package: quay\nVersion: 2\n");
    let lost = |path: &str, flaw: &str| one("unread-packages", &format!("root: /{parts}{path} ({flaw})"));
    assert_eq!(quay.gaps(&[PROGRAM], ""), lost("/quay.md5sums", "missing"));
    let quay = quay.with(&format!("{parts}/quay.md5sums"), "");
    assert_eq!(quay.gaps(&[PROGRAM], ""), (Vec::new(), Some(0)), "it has no files");
    assert_eq!(quay.with(&format!("{parts}/buoy"), "").gaps(&[PROGRAM], ""), lost("/buoy", "incomplete"));
    let bare = Root::create().with(&format!("{parts}/quay.md5sums"), "");
    assert_eq!(bare.gaps(&[PROGRAM], ""), lost("", "empty"));
}

/// Whatever stands where the status should, it is said what that is.
#[test]
fn what_is_no_database_is_called_what_it_is() {
    for (made, flaw) in [
        ("mkfifo status", "no-file"),
        ("truncate -s 5G status", "too-large"),
        ("ln -s status status", "link"),
    ] {
        let root = debian();
        let folder = root.0.join("root/var/lib/dpkg");
        let made =
            Command::new("sh").args(["-c", &format!("rm status && {made}")]).current_dir(folder).status();
        assert!(made.unwrap().success());
        let expected = one("unread-packages", &format!("root: /{STATUS} ({flaw})"));
        assert_eq!(root.gaps(&[PROGRAM], ""), expected);
    }
}

#[test]
fn nobody_listens_in_a_root_that_does_not_run() {
    for lang in ["en", "ja"] {
        let said = debian().ask(&[PROGRAM], &format!("443 --lang {lang}"));
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said:?}");
        assert!(said.err.contains("--root"), "{}", said.err);
    }
}

/// Another user than root, as which the program is started.
const NOBODY: u32 = 65534;

#[test]
fn what_may_not_be_read_is_not_called_missing() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    let copy = Root::create();
    // The folder in which it was built may be one of root's.
    fs::copy(env!("CARGO_BIN_EXE_portreeve"), copy.0.join("portreeve")).unwrap();
    let apt = "var/lib/apt/lists";
    for (path, mode) in [
        (STATUS.to_owned(), 0o600),
        ("var/lib/dpkg/info".into(), 0o700),
        ("var/lib/dpkg/info/quay.list".into(), 0o600),
        (apt.into(), 0o700),
        (format!("{apt}/lab_dists_lab_InRelease"), 0o600),
        (format!("{apt}/lab_dists_lab_main_binary-amd64_Packages"), 0o600),
    ] {
        let root = debian();
        fs::set_permissions(root.0.join("root").join(&path), Permissions::from_mode(mode)).unwrap();
        assert_eq!(root.gaps(&[PROGRAM], ""), (Vec::new(), Some(0)), "{path}: root may");
        let question = root.question(&[PROGRAM], "");
        let mut unprivileged = Command::new(copy.0.join("portreeve"));
        unprivileged.args(question.get_args()).current_dir(&root.0).env("LC_ALL", "C.UTF-8");
        let said: Said = unprivileged.env("PORTREEVE_POLICY", "none").uid(NOBODY).output().unwrap().into();
        let hidden = format!("root: /{path} may not be read by this user; run as root, or: sudo portreeve\n");
        assert!(said.out.contains(&hidden), "{path}: {said:?}");
        assert_eq!((said.out.matches("not seen: ").count(), said.code), (1, Some(3)), "{path}: {said:?}");
    }
}
