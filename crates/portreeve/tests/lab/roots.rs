//! Roots that do not run here: images and mounted disks with the package databases of other makers (A18).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use portreeve_lab::{Output, folder::Folder, name, tools};
use serde_json::Value;

use super::{
    debian::{by_file, by_package, gaps, maps},
    site::{PORTREEVE, lab},
};

/// A folder with a root in it, and what it was made from beside it; it goes when this value does.
pub(super) struct Root {
    folder: Folder,
}

impl Root {
    /// An empty one.
    pub(super) fn create() -> Self {
        let root = Self { folder: lab(Folder::create(&name::fresh())) };
        root.run("mkdir root");
        root
    }

    /// Where it is.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// What a shell's command of the machine prints beside the root; it must end with 0.
    #[track_caller]
    pub(super) fn run(&self, command: &str) -> Output {
        let output = shell(self.folder.path(), command);
        assert_eq!(output.status, 0, "{command}: {output:#?}");
        output
    }

    /// Writes a file of the root.
    pub(super) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder is made");
        fs::write(path, text).expect("a file is written");
    }

    /// The command by which portreeve says of whom these files are.
    pub(super) fn question(&self, files: &[&str]) -> String {
        fs::write(self.folder.path().join("maps"), maps(files)).expect("a file is written");
        format!("{PORTREEVE} patches --root root --maps maps --policy none")
    }

    /// How portreeve ends where it is asked of these files with `options`, and what it says.
    pub(super) fn ask(&self, files: &[&str], options: &str) -> Output {
        shell(self.folder.path(), &format!("{} {options}", self.question(files)))
    }

    /// What portreeve says of these files.
    pub(super) fn patches(&self, files: &[&str]) -> Value {
        shell(self.folder.path(), &format!("{} -o json", self.question(files))).json()
    }
}

fn shell(folder: &Path, command: &str) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
    shell.output().expect("a shell can be started").into()
}

/// What is told of each package: its version, then what would be installed.
fn versions(answer: &Value) -> BTreeMap<String, (String, Option<String>)> {
    let of = |patch: &Value| {
        let text = |key: &str| patch[key].as_str().map(str::to_owned);
        (text("installed").expect("a package has a version"), text("candidate"))
    };
    by_package(answer).into_iter().map(|(name, patch)| (name, of(patch))).collect()
}

/// The packages of these files, in their order.
fn named<'a>(told: &'a BTreeMap<String, Option<String>>, files: &[&str]) -> Vec<Option<&'a str>> {
    files.iter().map(|file| told[*file].as_deref()).collect()
}

/// $1 is the package, $2 its version; the rest are its files.
const DEB: &str = r#"deb() { name=$1 version=$2; shift 2; rm -rf tree; mkdir -p tree/DEBIAN
printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: the lab <lab@example.org>\nDescription: of the lab\n' \
  $name $version >tree/DEBIAN/control
for file; do mkdir -p tree/$(dirname $file); echo $name >tree/$file; done
dpkg-deb --root-owner-group -Znone -b tree $name.deb && dpkg --root=root --log=/dev/null -i $name.deb; }"#;

/// A package of dpkg's database, as the status has it.
fn stanza(name: &str, version: &str, state: &str) -> String {
    format!(
        "Package: {name}\nStatus: install ok {state}\nArchitecture: all\nMaintainer: a\nVersion: {version}\nDescription: a\n\n"
    )
}

/// What dpkg has written down and not put into its status counts, as dpkg-query has it (A18).
#[test]
fn the_journal_of_dpkg_is_newer_than_its_status() {
    let root = Root::create();
    let info = |name: &str| format!("var/lib/dpkg/info/{name}.list");
    root.write("var/lib/dpkg/status", stanza("lab-a", "1", "installed") + &stanza("lab-b", "1", "installed"));
    root.write(&info("lab-a"), "/.\n/usr/bin/a\n");
    root.write(&info("lab-b"), "/.\n/usr/bin/b\n");
    root.write("var/lib/dpkg/updates/0000", stanza("lab-a", "2", "unpacked"));
    root.write("var/lib/dpkg/updates/0001", stanza("lab-a", "3", "installed"));
    root.write("var/lib/dpkg/updates/tmp.i", stanza("lab-a", "4", "installed"));
    let told = versions(&root.patches(&["/usr/bin/a", "/usr/bin/b"]));
    let asked = "dpkg-query --admindir=root/var/lib/dpkg -W -f '${Package} ${Version}\\n'";
    let lines = root.run(asked).stdout;
    let dpkg = lines.lines().filter_map(|line| line.split_once(' '));
    let dpkg: BTreeMap<_, _> = dpkg.map(|(name, version)| (name.into(), version.to_owned())).collect();
    let told: BTreeMap<String, String> =
        told.into_iter().map(|(name, (version, _))| (name, version)).collect();
    assert_eq!(told, dpkg);
    assert_eq!(told["lab-a"], "3");
}

/// Whose list of files is gone, his files may be: that is no file of no package (A18).
#[test]
fn a_list_of_files_that_is_missing_is_a_gap_where_it_may_tell() {
    let root = Root::create();
    root.write("var/lib/dpkg/status", stanza("lab-a", "1", "installed") + &stanza("lab-b", "1", "installed"));
    root.write("var/lib/dpkg/info/lab-a.list", "/.\n/usr/bin/a\n");
    let answer = root.patches(&["/usr/bin/a"]);
    assert!(!gaps(&answer).contains("unread-packages"), "whose it is, is known: {answer:#}");
    let answer = root.patches(&["/usr/bin/a", "/usr/bin/b"]);
    assert!(gaps(&answer).contains("unread-packages"), "{answer:#}");
    assert!(answer.to_string().contains("/var/lib/dpkg/info/lab-b.list"), "{answer:#}");
}

/// A Debian whose /usr is not merged, so that two packages have a file of the same name (A18).
#[test]
fn a_debian_is_told_as_dpkg_tells_it() {
    let root = Root::create();
    root.run(&format!(
        "set -e\n{DEB}\nmkdir -p root/var/lib/dpkg/info root/var/lib/dpkg/updates\n: >root/var/lib/dpkg/status\n\
         deb lab-a 1:2.0-3~lab bin/a usr/bin/twice usr/lib/a.so\n\
         deb lab-b 0.1 bin/twice usr/bin/b opt/b/[b]\n\
         deb lab-c 3 usr/lib/c.so\n\
         dpkg-divert --root root --local --rename --divert /usr/lib/a.so.kept --add /usr/lib/a.so"
    ));
    let files = [
        "/bin/a",
        "/usr/bin/twice",
        "/bin/twice",
        "/usr/bin/b",
        "/opt/b/[b]",
        "/usr/lib/a.so.kept",
        "/usr/lib/c.so",
    ];
    let searched = root.run("dpkg --root=root -S bin/ usr/lib/ '/opt/b/\\[b]'").stdout;
    let owned =
        searched.lines().filter(|line| !line.contains("diversion ")).filter_map(|line| line.split_once(": "));
    let mut expected: BTreeMap<_, _> = owned.map(|(package, file)| (file.to_owned(), package)).collect();
    let kept = root.run("dpkg-divert --root root --truename /usr/lib/a.so").stdout;
    expected.insert(kept.trim().into(), expected["/usr/lib/a.so"]);
    let answer = root.patches(&files);
    assert_eq!(named(&by_file(&answer), &files), files.map(|file| Some(expected[file])), "{answer:#}");
    assert_eq!(versions(&answer)["lab-a"].0, "1:2.0-3~lab");
    assert!(gaps(&answer).contains("missing-update-data"), "nothing is known of what waits: {answer:#}");
}

/// A package whose files stand in a folder that a link leads to, too.
const SPEC: &str = r#"
Name: tiny
Version: 1.2
Release: 3.lab9
Epoch: 2
Summary: a package of the lab
License: none
BuildArch: noarch
%description
a package of the lab
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/lib64 %{buildroot}/opt/lab
echo 1 >%{buildroot}/usr/bin/tiny
echo 1 >%{buildroot}/lib64/libtiny.so.1
echo 1 >"%{buildroot}/opt/lab/with a space"
%files
/usr/bin/tiny
/lib64/libtiny.so.1
"/opt/lab/with a space"
"#;

/// rpm's database, where it is and where it has been (A18).
#[test]
fn a_database_of_rpm_is_told_as_rpm_tells_it() {
    lab(tools::check_for(&["rpmlua"]));
    for place in ["/var/lib/rpm", "/usr/lib/sysimage/rpm"] {
        let root = Root::create();
        fs::write(root.folder.path().join("tiny.spec"), SPEC).expect("a file is written");
        let rpm = format!("rpm --root \"$PWD/root\" --dbpath {place}");
        root.run(&format!(
            "HOME=$PWD rpmbuild -bb --quiet --define \"_topdir $PWD/top\" tiny.spec && \
             mkdir -p root/usr/lib64 && ln -s usr/lib64 root/lib64 && \
             {rpm} -i --nodeps top/RPMS/noarch/tiny-1.2-3.lab9.noarch.rpm"
        ));
        let files = ["/usr/bin/tiny", "/usr/lib64/libtiny.so.1", "/opt/lab/with a space", "/usr/bin/dpkg"];
        let owner = |file: &&str| {
            let output = shell(root.folder.path(), &format!("{rpm} -qf --qf '%{{NAME}} %{{EVR}}' '{file}'"));
            (output.status == 0).then_some(output.stdout)
        };
        let expected: Vec<_> = files.iter().map(owner).collect();
        let tiny = || Some("tiny 2:1.2-3.lab9".to_owned());
        assert_eq!(expected, [tiny(), tiny(), tiny(), None], "by rpm, in {place}");
        let answer = root.patches(&files);
        let told = by_file(&answer);
        let version = &versions(&answer)["tiny"].0;
        let told = files.map(|file| told[file].as_ref().map(|package| format!("{package} {version}")));
        assert_eq!(told.to_vec(), expected, "{answer:#}");
        assert!(gaps(&answer).contains("missing-update-data"), "nothing is known of what waits: {answer:#}");
    }
}

/// A database that only rpm's older versions read is said to be one, and nothing is told of the files (A18).
#[test]
fn an_old_database_of_rpm_is_a_gap() {
    let root = Root::create();
    root.run(
        "mkdir -p root/var/lib/rpm root/usr/bin && echo 1 >root/usr/bin/tiny && \
         perl -MDB_File -e 'tie my %all, \"DB_File\", \"root/var/lib/rpm/Packages\", O_RDWR|O_CREAT, 0644, $DB_HASH \
         or die; $all{pack \"V\", $_} = \"a header\" for 0..9' && test -s root/var/lib/rpm/Packages",
    );
    let answer = root.patches(&["/usr/bin/tiny"]);
    assert_eq!(by_file(&answer)["/usr/bin/tiny"], None, "{answer:#}");
    assert!(gaps(&answer).contains("old-packages"), "{answer:#}");
}

/// As apk writes it: the folder of files before them, packages that share one, and one without files.
const APK: &str = "C:Q1rkZ4fm0SLrVxCrGTpyBvZpF1NmU=\nP:musl\nV:1.2.5-r0\nA:x86_64\nS:411163\nI:667648\n\
T:the musl c library\nU:https://musl.libc.org/\nL:MIT\no:musl\nm:Somebody <s@example.org>\nt:1\nc:8\n\
F:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1lB+MLUO5bhZ6MoAuFjwS7ib7wxM=\nR:libc.musl-x86_64.so.1\na:0:0:777\n\n\
P:alpine-keys\nV:2.5-r0\nA:x86_64\no:alpine-keys\n\n\
P:busybox\nV:1.37.0-r12\nA:x86_64\no:busybox\nF:bin\nR:busybox\na:0:0:755\nF:usr\nF:usr/sbin\nR:crond\n\n\
P:ssl_client\nV:1.37.0-r12\nA:x86_64\no:busybox\nF:usr\nF:usr/bin\nR:ssl_client\na:0:0:755\n";

/// Alpine's, where it has been and where it is since /usr is merged (A18).
#[test]
fn a_database_of_apk_is_read() {
    for place in ["lib/apk/db/installed", "usr/lib/apk/db/installed"] {
        let root = Root::create();
        root.write(place, APK);
        let files = [
            "/lib/ld-musl-x86_64.so.1",
            "/usr/bin/busybox",
            "/usr/sbin/crond",
            "/usr/bin/ssl_client",
            "/bin/crond",
        ];
        let answer = root.patches(&files);
        let expected = [Some("musl"), Some("busybox"), Some("busybox"), Some("ssl_client"), None];
        assert_eq!(named(&by_file(&answer), &files), expected, "{answer:#}");
        let told = versions(&answer);
        assert_eq!((told["musl"].0.as_str(), told["busybox"].0.as_str()), ("1.2.5-r0", "1.37.0-r12"));
        // Nothing here reads what apk could install, so nothing is said of it.
        assert!(told.values().all(|(_, candidate)| candidate.is_none()), "{answer:#}");
        assert_eq!(root.ask(&files, "").status, 3, "which is no all-clear");
    }
}

/// An image without a shell, which has a file for each package and another with the sums of its files (A18).
#[test]
fn an_image_without_dpkg_is_read_by_the_parts_of_its_status() {
    let root = Root::create();
    let part = |name: &str, version: &str| {
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nSource: of-{name}\nDescription: x\n y\n"
        )
    };
    root.write("var/lib/dpkg/status.d/libc6", part("libc6", "2.36-9+deb12u10"));
    root.write(
        "var/lib/dpkg/status.d/libc6.md5sums",
        "d41d8cd98f00b204e9800998ecf8427e  lib/x86_64-linux-gnu/libc.so.6\n\
         d41d8cd98f00b204e9800998ecf8427e  usr/share/doc/libc6/copyright\n",
    );
    root.write("var/lib/dpkg/status.d/base", part("base-files", "12.4+deb12u11"));
    let files = ["/usr/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6", "/app/server"];
    let answer = root.patches(&files);
    assert_eq!(named(&by_file(&answer), &files), [Some("libc6"), Some("libc6"), None], "{answer:#}");
    assert_eq!(versions(&answer)["libc6"].0, "2.36-9+deb12u10");
    assert!(gaps(&answer).contains("missing-update-data"), "nothing is known of what waits: {answer:#}");
}

/// A root without any database has nothing of the machine's, and a file that stands where it was mapped is the same (A18).
#[test]
fn a_root_without_packages_is_not_told_by_those_of_the_machine() {
    let root = Root::create();
    root.run("mkdir -p root/usr/bin && cp /bin/true root/usr/bin/true");
    assert_eq!(
        root.run("dpkg -S /bin/true").stdout,
        "coreutils: /bin/true\n",
        "the machine has a package for it"
    );
    let answer = root.patches(&["/usr/bin/true", "/usr/bin/dpkg"]);
    assert_eq!(named(&by_file(&answer), &["/usr/bin/true", "/usr/bin/dpkg"]), [None, None], "{answer:#}");
    let inode = root.run("stat -c %i root/usr/bin/true").stdout;
    let line = format!("1000-2000 r-xp 00000000 00:00 {} /usr/bin/true\n", inode.trim());
    fs::write(root.folder.path().join("maps"), line).expect("a file is written");
    let question = format!("{PORTREEVE} patches --root root --maps maps --policy none -o json");
    let patch = shell(root.folder.path(), &question).json()["patches"][0].clone();
    assert_eq!((&patch["running"], &patch["file"]), (&"same".into(), &"/usr/bin/true".into()), "{patch:#}");
}

/// A program of a package of Debian 12, for which a security archive has a newer version.
fn waiting() -> Root {
    let root = Root::create();
    root.write("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    root.write(
        "var/lib/dpkg/status",
        "Package: quay\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n",
    );
    root.write("var/lib/dpkg/info/quay.list", "/.\n/usr/bin/quay\n");
    root.write(&format!("{LISTS}_InRelease"), format!("Label: Debian-Security\nSuite: lab-security\n{SUMS}"));
    root.write(&format!("{LISTS}_main_binary-amd64_Packages"), offered("quay", "2"));
    root
}

const LISTS: &str = "var/lib/apt/lists/lab_dists_lab";
const SUMS: &str = "SHA256:\n 0a 12 main/binary-amd64/Packages\n 0a 12 main/binary-i386/Packages\n 0a 0 more/binary-all/Packages\n";

fn offered(name: &str, version: &str) -> String {
    format!("Package: {name}\nArchitecture: amd64\nVersion: {version}\n\n")
}

/// What an answer says of that package, and what it could not see.
fn said(answer: &Value) -> (String, Vec<String>) {
    let security = answer["patches"][0]["security"].as_str().expect("`security` is promised").to_owned();
    (security, gaps(answer).into_iter().collect())
}

/// A root that does not run ends as an audit of one that does, and nothing is claimed that was not compared (A18).
#[test]
fn an_update_that_waits_in_a_root_is_what_a_judgement_ends_with() {
    let (root, files) = (waiting(), ["/usr/bin/quay"]);
    let table = root.ask(&files, "--all");
    assert_eq!(table.status, 1, "{table:#?}");
    assert!(table.stdout.contains("1 package waits for a security update"), "{}", table.stdout);
    assert!(table.stdout.contains("what waits: by apt's lists"), "{}", table.stdout);
    assert_eq!(root.ask(&files, "--fail-on never").status, 0);
    assert_eq!(root.patches(&files)["data"]["source"], "apt");
    root.write(&format!("{LISTS}_main_binary-amd64_Packages"), offered("quay", "1"));
    let table = root.ask(&files, "--all");
    assert_eq!(table.status, 0, "{table:#?}");
    assert!(
        !table.stdout.contains("runs old code") && table.stdout.contains("1 is the newest"),
        "{table:#?}"
    );
    let csv = root.ask(&files, "--all -o csv").stdout;
    assert_eq!(root.patches(&files)["patches"][0]["candidate"], "1");
    let cells: Vec<Vec<&str>> = csv.lines().map(|line| line.trim_end().split(',').collect()).collect();
    let place = cells[0].iter().position(|head| *head == "candidate").expect("`candidate` is promised");
    assert_eq!(cells[1][place], "1", "as JSON has it: {csv}");
}

/// What names no mapping is refused, and where no package is to be found no all-clear is given (A18).
#[test]
fn what_are_no_mappings_and_what_has_no_packages_is_said() {
    let (root, files) = (waiting(), ["/usr/bin/quay"]);
    let question = root.question(&files);
    for wrong in ["", "no maps\n", "\u{7f}ELF\u{1}\n\n"] {
        root.write("../maps", wrong);
        let refused = shell(root.folder.path(), &question);
        assert_eq!(refused.status, 2, "{wrong:?}: {refused:#?}");
        assert!(refused.stderr.contains("is no list of mappings"), "{refused:#?}");
    }
    assert_eq!(root.ask(&files, "--netns all").status, 2, "no other namespace is in a root");
    root.run("rm -r root/var/lib/dpkg");
    let bare = root.ask(&files, "-o json");
    assert_eq!((bare.status, gaps(&bare.json()).contains("missing-packages")), (3, true), "{bare:#?}");
}

/// Advisories decide of the releases that they are about, and of no other (A18).
#[test]
fn advisories_about_something_else_take_back_no_update() {
    let (root, files) = (waiting(), ["/usr/bin/quay"]);
    let document = |ecosystem: &str, fixed: &str| {
        format!(
            "{{\"id\":\"CVE-2026-1\",\"affected\":[{{\"package\":{{\"ecosystem\":\"{ecosystem}\",\"name\":\"quay\"}},\
             \"ranges\":[{{\"type\":\"ECOSYSTEM\",\"events\":[{{\"introduced\":\"0\"}},{{\"fixed\":\"{fixed}\"}}]}}]}}]}}"
        )
    };
    root.run("mkdir -p osv empty/below");
    root.write("../osv/bullseye.json", document("Debian:11", "1"));
    root.write("../python.json", document("PyPI", "1"));
    let silent = || ("yes".to_owned(), vec!["silent-advisories".to_owned()]);
    for path in ["osv", "empty", "python.json"] {
        let answer = root.ask(&files, &format!("--fail-on never --advisories {path} -o json"));
        assert_eq!((answer.status, said(&answer.json())), (3, silent()), "{path}: {answer:#?}");
        assert_eq!(root.ask(&files, &format!("--advisories {path}")).status, 1, "{path}");
    }
    root.write("../osv/below/bookworm.json", document("Debian:12", "1"));
    let ask = |options: &str| root.ask(&files, &format!("--advisories osv {options}"));
    let answer = ask("-o json");
    assert_eq!((answer.status, said(&answer.json())), (1, ("yes".into(), Vec::new())), "{answer:#?}");
    root.run("rm root/etc/os-release");
    let answer = ask("--fail-on never -o json");
    let unknown = ("yes".into(), vec!["unknown-release".into()]);
    assert_eq!((answer.status, said(&answer.json())), (3, unknown), "{answer:#?}");
    root.write("etc/os-release", "ID=debian\nVERSION_ID=12\n");
    root.write("../osv/below/bookworm.json", document("Debian:12", "3"));
    root.write(&format!("{LISTS}_main_binary-amd64_Packages"), offered("quay", "1"));
    assert!(ask("").stdout.contains("– security (no fix known here) CVE-2026-1"), "{:#?}", ask(""));
}

/// Lists of apt's of which a part is missing, or is none (A18).
#[test]
fn a_part_of_apts_lists_that_is_missing_is_a_gap() {
    let files = ["/usr/bin/quay"];
    let list = format!("root/{LISTS}_main_binary-amd64_Packages");
    for (made, expected) in [
        ("true".to_owned(), &[][..]),
        (format!("rm root/{LISTS}_InRelease"), &["unnamed-archive"]),
        (format!("rm {list}"), &["missing-list", "missing-update-data"]),
        (format!("rm {list} && touch root/{LISTS}_main_source_Sources"), &["missing-update-data"]),
        // What it has for other machines, and what is empty, nobody here fetches.
        (format!("cp root/{LISTS}_InRelease root/{LISTS}2_InRelease"), &["missing-list"]),
        (format!("sed '/amd64/d' root/{LISTS}_InRelease >root/{LISTS}2_InRelease"), &[]),
        (format!("head -c 100000 /dev/urandom >{list}"), &["unread-update-data"]),
        (format!(": >{list}"), &[]),
        (
            "mkdir -p root/etc/apt/preferences.d && mkfifo root/etc/apt/preferences.d/lab".into(),
            // apt passes it over too.
            &[],
        ),
        (
            "mkdir -p root/etc/apt && printf 'Package: *\\nPin: release n=/x/\\nPin-Priority: 9\\n' \
             >root/etc/apt/preferences"
                .into(),
            &["unread-preferences"],
        ),
        (
            "mkdir -p root/etc/apt && printf 'Package: curl\\nPin: release n=/x/\\nPin-Priority: 9\\n' \
             >root/etc/apt/preferences"
                .into(),
            &[],
        ),
    ] {
        let root = waiting();
        root.run(&made);
        let answer = root.patches(&files);
        assert_eq!(said(&answer).1, expected, "{made}: {answer:#}");
    }
}
