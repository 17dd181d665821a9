//! Package databases that somebody wrote to stop, mislead or fool whoever reads them (A18).

use std::{
    collections::BTreeMap,
    process::Stdio,
    time::{Duration, Instant},
};

use portreeve_lab::{Output, tools};
use serde_json::Value;

use super::{
    debian::{by_file, gaps, maps},
    room::Room,
    roots::Root,
    site::{PORTREEVE, lab},
};

/// Ten times of what a debug build takes for the worst of them on a busy machine.
const SECONDS_MAX: u64 = 150;
/// What portreeve takes for a harmless root, and a few times of what its lists of packages may.
const PEAK_MIB_MAX: u64 = 160;

/// A program that the machine has of a package of its own.
const PROGRAM: &str = "/usr/bin/busybox";

/// Says what the largest of its children took at once.
const MEASURE: &str = "import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=sys.stderr)
sys.exit(status)";

/// A root with a program, of a package of its own.
fn harmless() -> Root {
    let root = Root::create();
    root.write("var/lib/dpkg/status", status("harbour", "1"));
    root.write("var/lib/dpkg/info/harbour.list", format!("/.\n{PROGRAM}\n"));
    root.run(&format!(
        "mkdir -p root/usr/bin root/var/lib/apt/lists && cp \"$(command -v busybox)\" root{PROGRAM}"
    ));
    root
}

fn status(name: &str, version: &str) -> String {
    format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
}

/// The version of the machine's own package of [`PROGRAM`].
fn machines_version(root: &Root) -> String {
    let version = "dpkg-query -W -f '${Version}' \"$(dpkg -S /bin/busybox | cut -d : -f 1)\"";
    let version = root.run(version).stdout;
    assert!(version.len() > 4, "it is one that is told from others: {version}");
    version
}

/// What portreeve says of the program, in bounded time and memory, and what it printed.
#[track_caller]
fn answer(root: &Root, what: &str) -> Value {
    let question = format!("{} -o json", root.question(&[PROGRAM]));
    let begun = Instant::now();
    let said = root.run(&format!("timeout {SECONDS_MAX} python3 -c '{MEASURE}' {question} || test $? -eq 3"));
    eprintln!("{what}: {:?}, {} MiB", begun.elapsed(), said.stderr.trim());
    let peak: u64 = said.stderr.trim().parse().unwrap_or_else(|_| panic!("{what}: {said:#?}"));
    assert!(peak < PEAK_MIB_MAX, "{what} takes {peak} MiB");
    assert!(!said.stdout.contains(&machines_version(root)), "{what} is told by the machine's: {said:#?}");
    said.json()
}

fn owner(answer: &Value) -> Option<String> {
    by_file(answer)[PROGRAM].clone()
}

/// What was made of a harmless root's status or lists of files, so that nobody can tell whose the program is.
const UNREADABLE: &[&str] = &[
    "mkfifo $dpkg/status",
    "ln -s /var/lib/dpkg/status $dpkg/status",
    "ln -s ../../../../../../../../../../../../var/lib/dpkg/status $dpkg/status",
    "truncate -s 10G $dpkg/status",
    "mknod $dpkg/status c 1 5",
    "mkdir $dpkg/status",
    "mv kept $dpkg/status && rm -r $dpkg/info && ln -s /var/lib/dpkg/info $dpkg/info",
    "mv kept $dpkg/status && rm -r $dpkg/info && mkfifo $dpkg/info",
    "mv kept $dpkg/status && mkfifo $dpkg/info/lab.list",
    "mv kept $dpkg/status && mknod $dpkg/info/zero.list c 1 5",
    "mv kept $dpkg/status && truncate -s 10G $dpkg/info/lab.list",
    "mv kept $dpkg/status && ln -s ../../../../../../../../../../../../var/lib/dpkg/info/dpkg.list $dpkg/info/dpkg.list",
    "mv kept $dpkg/status && mkfifo $dpkg/diversions",
];

/// Pipes, devices, links out of the root and files without an end are said to be unread, and nothing is told instead
/// (A18).
#[test]
fn what_no_database_consists_of_is_a_gap() {
    assert_eq!(owner(&answer(&harmless(), "harmless")).as_deref(), Some("harbour"));
    for made in UNREADABLE {
        let root = harmless();
        root.run(&format!("set -e; dpkg=root/var/lib/dpkg; mv $dpkg/status kept; {made}"));
        let answer = answer(&root, made);
        assert_eq!(owner(&answer), None, "{made}: {answer:#}");
        assert!(gaps(&answer).contains("unread-packages"), "{made}: {answer:#}");
    }
}

/// Neither a hundred thousand lists nor lines that lead elsewhere change whose the program is (A18).
#[test]
fn many_lists_and_lines_that_lead_out_are_read_past() {
    let root = harmless();
    root.run("cd root/var/lib/dpkg/info && seq 100000 | sed 's/$/.list/' | xargs touch");
    assert_eq!(owner(&answer(&root, "a hundred thousand lists")).as_deref(), Some("harbour"));
    let root = harmless();
    root.write(
        "var/lib/dpkg/info/lab.list",
        "/../../../../usr/bin/busybox\n../../usr/bin/busybox\n/usr/bin/../bin/busybox\nusr/bin/busybox\n//usr/bin/busybox\n\0\n",
    );
    root.write("var/lib/dpkg/info/..list", PROGRAM);
    root.write("var/lib/dpkg/status", status("lab", "2") + &status("harbour", "1") + &status(".", "3"));
    let told = answer(&root, "lines that lead out");
    assert_eq!(owner(&told).as_deref(), Some("harbour"), "{told:#}");
}

/// Lists of packages that are far longer than they look: without an end, of long lines, of long and of many names (A18).
const BOMBS: &[&str] = &[
    "head -c 2G /dev/zero | lz4 -q >$list.lz4",
    "yes \"Description: $(head -c 60000 /dev/zero | tr '\\0' a)\n\" | head -c 300M | xz -0 >$list.xz",
    "head -c 512M /dev/zero | xz -0 >$list.xz",
    "yes \"Package: $(head -c 60000 /dev/zero | tr '\\0' a)\nVersion: 1\nArchitecture: amd64\n\" | head -c 300M | lz4 -q >$list.lz4",
    "yes \"Package: $(head -c 1000 /dev/zero | tr '\\0' a)\nVersion: 1\nArchitecture: amd64\n\" | head -c 300M | lz4 -q >$list.lz4",
    "truncate -s 10G $list",
];

/// They are a gap, and whose the program is can be told all the same (A18).
#[test]
fn a_list_that_is_a_bomb_is_a_gap() {
    lab(tools::check_for(&["lz4", "xz"]));
    for made in BOMBS {
        let root = harmless();
        let list = "root/var/lib/apt/lists/lab_dists_lab_main_binary-amd64_Packages";
        root.run(&format!("list={list}; {made}"));
        let answer = answer(&root, made);
        assert_eq!(owner(&answer).as_deref(), Some("harbour"), "{made}: {answer:#}");
        assert!(gaps(&answer).contains("unread-update-data"), "{made}: {answer:#}");
        assert_eq!(answer["patches"][0]["newest"], Value::Null, "{made}");
    }
}

/// Names and versions that would act on a terminal, or hide.
const ESCAPES: [&str; 3] = ["\x1b]0;owned\x07\x1b[2J", "\u{9b}31m", "\u{202e}\u{200b}"];

/// Whoever looks at the answer, in any form and language, sees what is written (A18).
#[test]
fn names_that_act_on_a_terminal_are_shown_escaped() {
    let name = format!("evil{}", ESCAPES.concat());
    let root = harmless();
    let path = format!("/usr/bin/{name}");
    root.write("var/lib/dpkg/status", status(&name, &format!("1{}", ESCAPES.concat())));
    root.write(&format!("var/lib/dpkg/info/{name}.list"), format!("{path}\n{PROGRAM}\n"));
    root.write(&format!("var/lib/apt/lists/{name}_dists_x_binary-amd64_Packages.bz2"), "no list");
    root.write(
        "var/lib/apt/lists/lab_dists_lab_main_binary-amd64_Packages",
        format!("Package: {name}\nVersion: 2{}\nArchitecture: amd64\n", ESCAPES.concat()),
    );
    let question = root.question(&[&path, PROGRAM, &format!("/opt/{name}")]);
    for form in ["table", "csv", "ndjson", "json"] {
        for lang in ["en", "ja"] {
            let said =
                root.run(&format!("{question} --all --lang {lang} -o {form} 2>&1 || test $? -eq 3")).stdout;
            assert!(said.contains("evil"), "{form}: {said}");
            let acts = |character: &char| character.is_control() && *character != '\n' && *character != '\r';
            assert_eq!(said.chars().find(acts), None, "{form}: {said:?}");
            // JSON is for programs, which are given what stands there.
            let hides = |character: &char| matches!(character, '\u{200b}' | '\u{202e}');
            assert!(form.ends_with("json") || !said.chars().any(|it| hides(&it)), "{form}: {said:?}");
        }
    }
    let answer = root.run(&format!("{question} -o json || test $? -eq 3")).json();
    let patch = &answer["patches"][0];
    assert_eq!(
        (&patch["package"], patch["commands"].as_array().map(Vec::len)),
        (&name.into(), Some(0)),
        "{patch:#}"
    );
}

/// $1 is the root, which becomes that of a process in a mount namespace of its own, with a /proc in which the first process
/// is one of the machine's files.
const CONTAIN: &str = "mkdir -p $1/proc $1/old && exec unshare --mount --propagation private sh -c '
mount --bind $0 $0 && cd $0 && mount -t proc proc proc && pivot_root . old &&
exec /usr/bin/busybox chroot . /usr/bin/busybox sh -c \"/usr/bin/busybox umount -l /old;
exec /usr/bin/busybox httpd -f -p 7001\"' $1";

/// What the root of a container has instead of a database of its own.
const BORROWED: [&str; 3] = [
    "rm -r $dpkg && ln -s /proc/1/root/var/lib/dpkg $dpkg",
    "rm $dpkg/status && ln -s /proc/1/root/var/lib/dpkg/status $dpkg/status",
    "rm -r $dpkg/info && ln -s ../../../../../../../proc/1/root/var/lib/dpkg/info $dpkg/info",
];

/// The machine's database, which a container can name, is not read as the container's (A18).
#[test]
fn a_container_does_not_borrow_the_packages_of_the_host() {
    for (made, expected) in [("true", Some("harbour"))].into_iter().chain(BORROWED.map(|made| (made, None))) {
        let root = harmless();
        root.run(&format!("set -e; dpkg=root/var/lib/dpkg; {made}"));
        let room = Room::create();
        let path = root.path();
        room.run(&format!(
            "set -- {}; ({CONTAIN}) </dev/null >/run/said 2>&1 & \
             for i in $(seq 200); do ss -Hltn 'sport = :7001' | grep -q . && exit 0; sleep 0.05; done; cat /run/said; exit 1",
            path.display()
        ));
        let said = room.try_run("portreeve patches 7001 --policy none -o json");
        let answer = said.json();
        assert_eq!(owner(&answer).as_deref(), expected, "{made}: {answer:#}");
        assert!(!said.stdout.contains(&machines_version(&root)), "{made}: {answer:#}");
        let name = answer["patches"][0]["root"].as_str().expect("`root` is promised");
        assert!(name.starts_with("mnt:["), "{made}: {answer:#}");
    }
}

/// Maps and unmaps programs, and executes itself anew, by way of another program, for as long as it lives.
const RESTLESS: &str = "import mmap, os, socket, sys
if len(sys.argv) > 1:
    listener = int(sys.argv[1])
else:
    listener = socket.create_server((\"127.0.0.1\", 7002)).detach()
    os.set_inheritable(listener, True)
for path in [\"/bin/ls\", \"/bin/cat\", \"/usr/bin/dpkg\"] * 20:
    with open(path, \"rb\") as file:
        mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()
again = [\"/usr/bin/python3\", \"/run/restless\", str(listener)]
os.execv(\"/usr/bin/perl\", [\"perl\", \"-e\", \"exec @ARGV\", *again])";

/// How often it is looked at.
const LOOKS: usize = 20;

/// What it runs at that moment is told with the right package, nothing is called replaced, and each look ends (A18).
#[test]
fn a_process_that_never_stands_still_is_told_as_far_as_it_is_seen() {
    let room = Room::create();
    let script = room.file("/run/restless");
    std::fs::write(script, RESTLESS).expect("a file is written");
    let mut restless = room.shell("exec python3 /run/restless");
    let mut restless = restless.stdout(Stdio::null()).spawn().expect("a shell can be started");
    room.run(
        "for i in $(seq 200); do ss -Hltn 'sport = :7002' | grep -q . && exit 0; sleep 0.05; done; exit 1",
    );
    let mut seen: BTreeMap<String, Option<String>> = BTreeMap::new();
    for _ in 0..LOOKS {
        let begun = Instant::now();
        let said = room.try_run("portreeve patches 7002 --policy none --fail-on never -o json");
        assert!(begun.elapsed() < Duration::from_secs(SECONDS_MAX), "{:?}", begun.elapsed());
        assert!([0, 3].contains(&said.status), "{said:#?}");
        let answer = said.json();
        for patch in answer["patches"].as_array().expect("`patches` is promised") {
            let is_calm = patch["running"] == "same" || patch["running"] == "unknown";
            assert!(is_calm || patch["file"] == "/run/restless", "{patch:#}");
        }
        seen.extend(by_file(&answer));
    }
    assert!(restless.try_wait().expect("it can be asked").is_none(), "it still runs");
    assert!(seen.keys().any(|file| file.contains("/libc.so")), "{seen:#?}");
    for (file, package) in seen.iter().filter(|(file, _)| *file != "/run/restless") {
        assert_eq!(package.as_deref(), searched(&room, file).as_deref(), "{file}");
    }
    drop(room);
    restless.wait().expect("it went with the room");
}

/// The package of a file, as `dpkg -S` says, by either of its paths.
fn searched(room: &Room, file: &str) -> Option<String> {
    let before = file.strip_prefix("/usr").unwrap_or(file);
    let said: Output =
        room.try_run(&format!("dpkg -S '{file}' 2>/dev/null || dpkg -S '{before}' 2>/dev/null"));
    Some(said.stdout.lines().next()?.split(':').next()?.to_owned())
}

/// More than any process maps is not read to the end, or refused (A18).
#[test]
fn mappings_without_an_end_are_bounded() {
    let root = harmless();
    let many: Vec<_> = (0..100_000).map(|place| format!("/opt/{place}")).collect();
    let mut files: Vec<_> = many.iter().map(String::as_str).collect();
    files.insert(0, PROGRAM);
    root.write("../maps", maps(&files));
    let ask = format!(
        "timeout {SECONDS_MAX} python3 -c '{MEASURE}' {PORTREEVE} patches --root root --maps maps --policy none -o json || test $? -eq 3"
    );
    let said = root.run(&ask);
    let peak: u64 = said.stderr.trim().parse().expect("what it took");
    assert!(peak < PEAK_MIB_MAX, "{peak} MiB");
    assert_eq!(owner(&said.json()).as_deref(), Some("harbour"));
}
