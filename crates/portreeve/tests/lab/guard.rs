//! The guard in the kernel before binds of plain Python, in a network and a cgroup of the test's own (A24).

mod oldest;
mod storm;
mod ways;

use std::{
    io::{ErrorKind, Write as _},
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use portreeve_core::{
    guard::{Badge, Entry, Mode, Rules},
    ledger::Stand,
    port::{PortRange, Protocol},
};
use portreeve_host::{
    enforce::guard::{Guard, Home},
    events::listening::now,
    network::cookie,
};
use portreeve_lab::namespace::Namespace;

use super::{chance::Chance, site::lab};

/// Binds, tells the number, and goes.
const BIND: &str = "import socket,sys
family = socket.AF_INET6 if ':' in sys.argv[2] else socket.AF_INET
kind = {'tcp': socket.SOCK_STREAM, 'udp': socket.SOCK_DGRAM}[sys.argv[1]]
s = socket.socket(family, kind)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(sys.argv[4]))
try: s.bind((sys.argv[2], int(sys.argv[3]))); print('bound')
except OSError as e: print(e.errno)
";
/// EPERM (errno(3)).
const REFUSED: &str = "1";

struct Scene {
    namespace: Namespace,
    guard: Guard,
    cookie: u64,
}

impl Scene {
    fn create() -> Self {
        let namespace = lab(Namespace::create());
        let group = namespace.group();
        let mount = group.path().parent().expect("it lies below the root of the hierarchy");
        let guard = Guard::load(Home { folder: mount.join(group.name()) }).expect("the kernel takes it");
        let cookie = thread::scope(|scope| {
            let inside = scope.spawn(|| {
                lab(namespace.enter());
                cookie().expect("the kernel tells it")
            });
            inside.join().expect("it ends")
        });
        Self { namespace, guard, cookie }
    }

    fn keep(&self, entries: &[(u16, Entry)]) {
        self.guard.keep(self.cookie, &rules(entries)).expect("the kernel takes them");
    }

    /// Has sockets that are made in cgroups of that name be marked so, for as long as the answer is kept.
    fn marks(&self) -> Vec<OwnedFd> {
        let mark = |name: &str| {
            let group = lab(self.namespace.group().below(&format!("marked/{name}")));
            self.guard.mark_at(name, &group).expect("the kernel takes it")
        };
        ["web", "db"].map(mark).into()
    }

    /// What comes of it when somebody in the cgroup `place` binds so.
    fn binds(&self, place: &str, user: &str, words: &str) -> String {
        let group = lab(self.namespace.group().below(place));
        let mut command = self.namespace.command_beside(&group, "setpriv");
        command
            .args(["--reuid", user, "--clear-groups", "/usr/bin/python3", "-c", BIND])
            .args(words.split_whitespace());
        let output = command.stdin(Stdio::null()).output().expect("it is started");
        String::from_utf8(output.stdout).expect("a word").trim().to_owned()
    }
}

impl Scene {
    /// What one process of Python tells of each of `lines`.
    fn binds_all(&self, lines: &str) -> String {
        let group = lab(self.namespace.group().below("first"));
        let mut command = self.namespace.command_beside(&group, "/usr/bin/python3");
        command.args(["-u", "-c", BINDS]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut python = command.spawn().expect("it is started");
        let mut stdin = python.stdin.take().expect("it is a pipe");
        thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(lines.as_bytes()).expect("it reads them"));
            let output = python.wait_with_output().expect("it ends");
            String::from_utf8(output.stdout).expect("words")
        })
    }
}

fn rules(entries: &[(u16, Entry)]) -> Rules {
    let mut rules = Rules::default();
    for (port, entry) in entries {
        rules.entries.entry((Protocol::Tcp, *port)).or_default().push(entry.clone());
    }
    rules
}

fn entry(owner: Badge) -> Entry {
    Entry { owner, address: None, mode: Mode::Enforce, service: 0 }
}

fn unit(name: &str) -> Badge {
    Badge::Unit(name.into())
}

/// Its owner binds it, also once it was started again; a stranger does not, whatever he calls himself.
#[test]
fn only_its_unit_binds_a_number() {
    let scene = Scene::create();
    let web = lab(scene.namespace.group().below("system.slice/web.service"));
    scene.keep(&[(8443, entry(unit("web.service"))), (9000, entry(unit("pool@*.service")))]);
    let binds = |place: &str, words: &str| scene.binds(place, "root", words);
    assert_eq!(binds("system.slice/web.service", "tcp 0.0.0.0 8443 0"), "bound", "it was there before");
    assert_eq!(binds("system.slice/web.service/below", "tcp :: 8443 0"), "bound");
    assert_eq!(binds("system.slice/web.socket", "tcp 0.0.0.0 8443 0"), "bound", "opened for it");
    assert_eq!(binds("system.slice/pool@a.service", "tcp 127.0.0.1 9000 0"), "bound");
    for place in [
        "system.slice/other.service",
        "user.slice/session-4.scope",
        "docker/0f/system.slice/web.service",
        "system.slice/other.service/web.service",
        "system.slice/web.service.slice",
        "system.slice/pool.service",
    ] {
        for words in
            ["tcp 0.0.0.0 8443 0", "tcp 127.0.0.1 8443 0", "tcp :: 8443 0", "tcp ::ffff:127.0.0.1 8443 0"]
        {
            assert_eq!(binds(place, words), REFUSED, "{place}: {words}");
        }
        assert_eq!(binds(place, "tcp 0.0.0.0 9000 0"), REFUSED, "{place}");
        assert_eq!(binds(place, "udp 0.0.0.0 8443 0"), "bound", "{place}: another protocol");
        assert_eq!(binds(place, "tcp 0.0.0.0 8444 0"), "bound", "{place}: another number");
    }
    let number = || {
        lab(scene.namespace.group().below("system.slice/web.service")).metadata().expect("it is there").ino()
    };
    let before = number();
    emptied(&web);
    assert_ne!(number(), before, "it is another cgroup of the same name");
    assert_eq!(binds("system.slice/web.service", "tcp 0.0.0.0 8443 0"), "bound", "it was started again");
}

/// Takes a cgroup away with those below it, once nobody is in them any more.
fn emptied(group: &std::path::Path) {
    let start = Instant::now();
    let gone = |path: &std::path::Path| loop {
        match std::fs::remove_dir(path) {
            Err(error)
                if error.kind() == ErrorKind::ResourceBusy && start.elapsed() < Duration::from_secs(10) =>
            {
                thread::sleep(Duration::from_millis(10));
            }
            gone => break gone.expect("it is empty"),
        }
    };
    gone(&group.join("below"));
    gone(group);
}

/// Each way in which the kernel knows an owner, and what becomes of who is none.
#[test]
fn an_owner_is_known_by_his_user_or_the_mark_of_his_socket() {
    let scene = Scene::create();
    let _marks = scene.marks();
    let observed = Entry { mode: Mode::Observe, ..entry(Badge::User(65_534)) };
    scene.keep(&[
        (8001, entry(Badge::User(65_534))),
        (8002, entry(Badge::Mark("web".into()))),
        (8003, observed),
    ]);
    assert_eq!(scene.binds("a", "nobody", "tcp 0.0.0.0 8001 0"), "bound");
    assert_eq!(scene.binds("a", "root", "tcp 0.0.0.0 8001 0"), REFUSED, "root is a stranger too");
    assert_eq!(scene.binds("marked/web", "root", "tcp 0.0.0.0 8002 0"), "bound");
    assert_eq!(scene.binds("marked/web", "root", "tcp :: 8002 1"), "bound");
    assert_eq!(scene.binds("marked/db", "root", "tcp 0.0.0.0 8002 0"), REFUSED);
    for _ in 0..3 {
        assert_eq!(scene.binds("a", "root", "tcp 0.0.0.0 8003 0"), "bound", "it is written down alone");
    }
    let mut tried: Vec<_> = scene.guard.tried().expect("it is told").into_iter().collect();
    tried.sort_by_key(|tried| tried.port);
    let told: Vec<_> =
        tried.iter().map(|it| (it.port, it.is_refused, it.count, it.uid, it.name.as_str())).collect();
    let wanted =
        [(8001, true, 1, 0, "python3"), (8002, true, 1, 0, "python3"), (8003, false, 3, 0, "python3")];
    assert_eq!(told, wanted);
}

/// Whoever takes every address takes the place of each service, and owns none of them for that.
#[test]
fn services_on_one_number_are_told_apart_by_address() {
    let scene = Scene::create();
    let at = |user: u32, address: &str, service: u8| {
        let address = Some(address.parse().expect("an address"));
        Entry { address, service, ..entry(Badge::User(user)) }
    };
    scene.keep(&[(8080, at(1, "127.0.0.2", 0)), (8080, at(2, "127.0.0.3", 1)), (8080, at(3, "::1", 2))]);
    let binds = |user: &str, words: &str| scene.binds("a", user, words);
    assert_eq!(
        (binds("1", "tcp 127.0.0.2 8080 0"), binds("2", "tcp 127.0.0.3 8080 0")),
        ("bound".into(), "bound".into())
    );
    assert_eq!(
        (binds("1", "tcp 127.0.0.3 8080 0"), binds("2", "tcp 127.0.0.2 8080 0")),
        (REFUSED.into(), REFUSED.into())
    );
    assert_eq!(binds("1", "tcp ::ffff:127.0.0.2 8080 0"), "bound");
    assert_eq!(binds("1", "tcp ::ffff:127.0.0.3 8080 0"), REFUSED);
    assert_eq!(binds("9", "tcp 127.0.0.4 8080 0"), "bound", "that address is nobody's");
    assert_eq!(
        (binds("3", "tcp ::1 8080 1"), binds("1", "tcp ::1 8080 1")),
        ("bound".into(), REFUSED.into())
    );
    for user in ["1", "2", "3", "9"] {
        assert_eq!(binds(user, "tcp 0.0.0.0 8080 0"), REFUSED, "{user}: both of IPv4");
        assert_eq!(binds(user, "tcp :: 8080 0"), REFUSED, "{user}: all of them");
    }
    assert_eq!((binds("3", "tcp :: 8080 1"), binds("1", "tcp :: 8080 1")), ("bound".into(), REFUSED.into()));
}

/// What is on trial falls back by itself; what is kept stays, and another network is not concerned.
#[test]
fn a_trial_ends_by_the_clock_of_the_kernel() {
    let scene = Scene::create();
    scene.keep(&[(8001, entry(Badge::User(1)))]);
    let trial = rules(&[(8001, entry(Badge::User(2)))]);
    let binds = |user: &str| scene.binds("a", user, "tcp 127.0.0.1 8001 0");
    // On an emulated machine who binds takes a while.
    let begun = now();
    assert_eq!(binds("1"), "bound");
    let until = now() + 10 * (now() - begun).max(300_000_000);
    scene.guard.try_keeping(scene.cookie, &trial, until).expect("the kernel takes them");
    assert_eq!((binds("1"), binds("2")), (REFUSED.into(), "bound".into()));
    assert!(now() < until, "it was tried within its time");
    while now() < until {
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!((binds("1"), binds("2")), ("bound".into(), REFUSED.into()));
    scene.guard.keep(scene.cookie, &trial).expect("the kernel takes them");
    assert_eq!((binds("1"), binds("2")), (REFUSED.into(), "bound".into()));
    assert_eq!(scene.guard.rules(scene.cookie).expect("it is told"), trial);
}

/// Each network has rules of its own, and what is kept in one is told again as it was said.
#[test]
fn each_network_has_its_own_rules() {
    let scene = Scene::create();
    let own = rules(&[(8001, entry(unit("web.service"))), (8002, entry(Badge::User(2)))]);
    let other = rules(&[(8003, entry(Badge::Cgroup("/a.slice".into()))), (8001, entry(unit("a@*.service")))]);
    scene.guard.keep(scene.cookie + 1, &other).expect("the kernel takes them");
    assert_eq!(scene.binds("a", "1", "tcp 127.0.0.1 8001 0"), "bound", "of another network");
    scene.guard.keep(scene.cookie, &own).expect("the kernel takes them");
    assert_eq!(scene.binds("a", "1", "tcp 127.0.0.1 8001 0"), REFUSED);
    let of = |cookie| scene.guard.rules(cookie).expect("it is told");
    assert_eq!(
        (of(scene.cookie), of(scene.cookie + 1), of(scene.cookie + 2)),
        (own, other, Rules::default())
    );
    scene.guard.keep(scene.cookie, &Rules::default()).expect("the kernel takes them");
    assert_eq!(scene.binds("a", "1", "tcp 127.0.0.1 8001 0"), "bound");
    assert!(!scene.guard.is_idle().expect("it is told"), "another network has some");
}

/// Binds as it is told, a line each: user, cgroup, address, number, whether it is IPv6 alone, the cgroup in which it makes the socket.
const BINDS: &str = "import socket,os,sys
for line in sys.stdin:
    user, group, address, port, alone, maker = line.split()
    os.seteuid(0)
    with open(maker + '/cgroup.procs', 'w') as f: f.write(str(os.getpid()))
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM)
    with open(group + '/cgroup.procs', 'w') as f: f.write(str(os.getpid()))
    if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(alone))
    os.seteuid(int(user))
    try: s.bind((address, int(port))); print('bound')
    except PermissionError: print('refused')
    except OSError as e: print(e)
    s.close()
";

/// By chance: numbers with up to six owners, and who binds them; the kernel judges each as core does.
#[test]
fn the_kernel_judges_as_core_does() {
    const ROUNDS: u32 = 40;
    const BINDS_EACH: u32 = 250;
    let scene = Scene::create();
    let _marks = scene.marks();
    let (mut chance, mut refused) = (Chance(0x706f_7274), 0);
    for round in 0..ROUNDS {
        let rules = chance.rules();
        scene.guard.keep(scene.cookie, &rules).expect("the kernel takes them");
        let asked: Vec<Asked> = (0..BINDS_EACH).map(|_| chance.asked()).collect();
        let lines: String = asked.iter().map(|asked| asked.line(&scene)).collect();
        let judged: Vec<&str> = asked.iter().map(|asked| asked.judged(&rules)).collect();
        let told = scene.binds_all(&lines);
        for ((asked, judged), told) in asked.iter().zip(&judged).zip(told.lines()) {
            assert_eq!(told, *judged, "round {round}: {asked:?} by {rules:#?}");
        }
        assert_eq!(told.lines().count(), asked.len(), "round {round}");
        refused += judged.iter().filter(|judged| **judged == "refused").count();
    }
    assert!((1_000..9_000).contains(&refused), "else little is shown: {refused}");
}

const USERS: [u32; 4] = [0, 1, 2, 3];
const GROUPS: [&str; 5] = [
    "system.slice/a.service",
    "system.slice/a.socket",
    "system.slice/b@1.service",
    "system.slice/b@1.socket",
    "c",
];
const ADDRESSES: [&str; 8] = [
    "0.0.0.0",
    "127.0.0.1",
    "127.0.0.2",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:127.0.0.2",
    "::ffff:0.0.0.0",
];
const PORTS: [u16; 3] = [8001, 8002, 8003];
const MARKS: [&str; 3] = ["web", "db", "none"];

/// Somebody who binds.
#[derive(Debug)]
struct Asked {
    user: u32,
    group: &'static str,
    address: &'static str,
    port: u16,
    v6only: bool,
    mark: &'static str,
}

impl Asked {
    fn line(&self, scene: &Scene) -> String {
        let Self { user, address, port, .. } = self;
        let below = |place: &str| lab(scene.namespace.group().below(place));
        let (group, maker) = (below(self.group), below(&format!("marked/{}", self.mark)));
        let alone = u8::from(self.v6only);
        format!("{user} {} {address} {port} {alone} {}\n", group.display(), maker.display())
    }

    fn judged(&self, rules: &Rules) -> &'static str {
        let address = self.address.parse().expect("an address");
        let stand = Stand {
            protocol: Protocol::Tcp,
            ports: PortRange::one(self.port),
            address: Some(&address),
            device: None,
            v6only: self.v6only,
        };
        let is = |badge: &Badge| match badge {
            Badge::User(uid) => *uid == self.user,
            // Nothing marks sockets that are made in the third.
            Badge::Mark(mark) => *mark == self.mark && mark != "none",
            Badge::Unit(unit) => {
                let own = self.group.trim_start_matches("system.slice/").replace("b@1", "b@*");
                let named = unit.replace("b@1", "b@*");
                own == named || own.replace(".socket", ".service") == named
            }
            Badge::Cgroup(path) => path.trim_start_matches('/') == self.group,
        };
        match rules.judge(&stand, is) {
            Some(Mode::Enforce) => "refused",
            Some(Mode::Observe) | None => "bound",
        }
    }
}

impl Chance {
    fn asked(&mut self) -> Asked {
        let address = self.of(&ADDRESSES);
        // Of the others the kernel refuses itself what is IPv4.
        let v6only = !address.contains("ffff") && self.of(&[false, true]);
        Asked {
            user: self.of(&USERS),
            group: self.of(&GROUPS),
            address,
            port: self.of(&PORTS),
            v6only,
            mark: self.of(&MARKS),
        }
    }

    fn rules(&mut self) -> Rules {
        let mut rules = Rules::default();
        for port in PORTS {
            let count = self.of(&[1, 2, 3, 6]);
            let entries = (0..count).map(|_| self.entry()).collect();
            rules.entries.insert((Protocol::Tcp, port), entries);
        }
        rules
    }

    fn entry(&mut self) -> Entry {
        let owner = match self.of(&[0, 1, 2, 3, 4]) {
            0 => Badge::User(self.of(&USERS)),
            1 => Badge::Mark(self.of(&MARKS).into()),
            2 => unit(self.of(&["a.service", "a.socket", "b@*.service"])),
            3 => unit(self.of(&["b@1.service", "b@*.socket"])),
            _ => Badge::Cgroup(format!("/{}", self.of(&GROUPS))),
        };
        let address = self.of(&[None, Some(())]).map(|()| self.of(&ADDRESSES).parse().expect("an address"));
        let (mode, service) = (self.of(&[Mode::Enforce, Mode::Enforce, Mode::Observe]), self.of(&[0, 1, 2]));
        Entry { owner, address, mode, service }
    }
}

/// The lab's own group, which the guard stands at, is the only thing that it leaves.
#[test]
fn it_goes_with_whoever_holds_it() {
    let scene = Scene::create();
    scene.keep(&[(8001, entry(Badge::User(1)))]);
    let Scene { namespace, guard, .. } = scene;
    let listed = || {
        let mut bpftool = Command::new("bpftool");
        let output = bpftool.args(["cgroup", "show"]).arg(namespace.group().path()).output();
        String::from_utf8(output.expect("bpftool is one of the lab's tools").stdout).expect("text")
    };
    assert!(listed().contains("asked4") && listed().contains("bound6"), "{}", listed());
    drop(guard);
    assert_eq!(listed().trim(), "");
}
