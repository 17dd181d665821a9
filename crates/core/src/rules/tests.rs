//! What holds for every rule, and what whole hosts look like to them.

extern crate std;

use alloc::{format, string::String, vec, vec::Vec};
use std::time::Duration;

use proptest::prelude::*;

use super::{
    testing::{Scene, scene},
    *,
};
use crate::facts::testing::interface;
use crate::{
    facts::{Backlog, DestinationCount, ExeState, Gap, GapKind, HolderGap, Privilege, SocketState},
    owner::Owner,
    port::Protocol,
    words::Lang,
};

/// The rules that a user may rely on, in reading order.
const PROMISED: [(&str, &str); 51] = [
    ("stolen-port", "critical"),
    ("bound-wider-than-declared", "high"),
    ("unneeded-open-port", "warning"),
    ("moved-from-declared-port", "warning"),
    ("declared-but-silent", "warning"),
    ("declared-but-blocked", "warning"),
    ("says-closed-is-open", "critical"),
    ("open-through-forward", "high"),
    ("container-port-by-route", "warning"),
    ("datastore-open-to-world", "high"),
    ("cleartext-service", "warning"),
    ("wider-on-ipv6", "warning"),
    ("firewall-absent", "notice"),
    ("seen-open-said-closed", "critical"),
    ("seen-closed-said-open", "warning"),
    ("gate-removed", "critical"),
    ("gate-drifted", "high"),
    ("gate-not-at-boot", "warning"),
    ("guard-missing", "high"),
    ("guard-owner-never-seen", "warning"),
    ("port-without-guard", "notice"),
    ("opened-before-guard", "notice"),
    ("raw-or-packet-socket", "notice"),
    ("ineffective-socket-bind-deny", "warning"),
    ("steered-to-nobody", "high"),
    ("foreign-steering", "notice"),
    ("brute-forced-now", "warning"),
    ("probed-now", "notice"),
    ("watch-not-running", "warning"),
    ("watch-blind", "warning"),
    ("watch-cannot-block", "notice"),
    ("shared-by-strangers", "critical"),
    ("anyone-may-take-well-known", "high"),
    ("service-in-dynamic-range", "warning"),
    ("number-of-another-service", "notice"),
    ("claimed-and-declared", "warning"),
    ("claim-in-dynamic-range", "warning"),
    ("unreserved-claim", "warning"),
    ("unclaimed-port", "notice"),
    ("stale-claim", "notice"),
    ("stale-executable", "warning"),
    ("runs-as-root", "notice"),
    ("opener-gone", "notice"),
    ("security-update-waiting", "high"),
    ("kernel-not-rebooted", "warning"),
    ("code-of-no-package", "notice"),
    ("update-data-old", "notice"),
    ("dynamic-range-exhausted", "high"),
    ("backlog-full", "warning"),
    ("waiver-ended", "warning"),
    ("policy-too-open", "notice"),
];

#[test]
fn names_and_severities_are_as_promised() {
    let rules: Vec<_> = all().map(|rule| (rule.name, rule.severity.name())).collect();
    assert_eq!(rules, PROMISED);
}

#[test]
fn every_page_is_written_in_both_languages() {
    for rule in all() {
        for words in [rule.page.what, rule.page.why, rule.page.fix] {
            assert!(words.en.ends_with('.'), "{}: {}", rule.name, words.en);
            assert!(words.in_lang(Lang::Ja).ends_with('。'), "{}: {}", rule.name, words.ja);
        }
        assert!(!rule.article.is_empty(), "{}", rule.name);
        assert!(rule.outranks.iter().all(|name| find(name).is_some()), "{}", rule.name);
    }
}

/// Debian as it is installed, with openssh-server: dual-stack sshd, DHCP client, resolver, time.
fn fresh_debian() -> Scene {
    scene()
        .interface(interface("lo", &["127.0.0.1", "::1"]))
        .interface(interface("ens3", &["192.0.2.10", "2001:db8::10", "fe80::1%ens3"]))
        .listens("ssh.service", "0.0.0.0:22/tcp")
        .program("sshd", "root")
        .again("[::]:22/tcp")
        .v6only()
        .listens("networking.service", "0.0.0.0:68/udp")
        .program("dhclient", "root")
        .listens("systemd-resolved.service", "127.0.0.53:53/udp")
        .again("127.0.0.53:53/tcp")
        .again("0.0.0.0:5355/udp")
        .again("[::]:5355/udp")
        .again("0.0.0.0:39817/udp")
        .ephemeral()
        .listens("systemd-networkd.service", "[fe80::1%ens3]:546/udp")
        .listens("chrony.service", "127.0.0.1:323/udp")
        .program("chronyd", "_chrony")
        .again("[::1]:323/udp")
        .listens("exim4.service", "127.0.0.1:25/tcp")
        .again("[::1]:25/tcp")
}

#[test]
fn a_fresh_debian_gives_nothing() {
    assert_eq!(fresh_debian().rules(), [""; 0]);
}

#[test]
fn web_mail_and_ftp_at_once_give_what_they_should_and_no_more() {
    let host = fresh_debian()
        .listens("nginx.service", "0.0.0.0:80/tcp")
        .program("nginx", "root")
        .worker("www-data")
        .listens("nginx.service", "[::]:443/tcp")
        .program("nginx", "root")
        .worker("www-data")
        .listens("postfix@-.service", "0.0.0.0:25/tcp")
        .program("master", "root")
        .again("0.0.0.0:465/tcp")
        .again("0.0.0.0:587/tcp")
        .listens("dovecot.service", "0.0.0.0:143/tcp")
        .program("dovecot", "root")
        .again("0.0.0.0:993/tcp")
        .listens("vsftpd.service", "[::]:21/tcp")
        .program("vsftpd", "root")
        .listens("redis-server.service", "0.0.0.0:6379/tcp");
    let found: Vec<_> = host
        .judge()
        .iter()
        .map(|finding| format!("{} {}", finding.rule, finding.ports.expect("a port")))
        // Exim on 127.0.0.1:25 stands under Postfix's wildcard: the two do not run on one host.
        .filter(|found| !found.starts_with("shared-by-strangers 25/tcp"))
        .collect();
    assert_eq!(
        found,
        ["datastore-open-to-world 6379/tcp", "cleartext-service 21/tcp", "cleartext-service 143/tcp"]
    );
}

#[test]
fn a_gap_matters_where_the_findings_could_change_with_it() {
    let with = |scene: &Scene, kind| {
        let mut scene = scene.clone();
        scene.snapshot.gaps.push(Gap::new(kind, 1));
        scene.with_world(|world| world.gaps_that_matter().count()) == 1
    };
    let seen = scene().listens("nginx.service", "0.0.0.0:80/tcp");
    for kind in
        [GapKind::HiddenOwners, GapKind::VanishedProcesses, GapKind::HiddenFiles, GapKind::ForeignNamespaces]
    {
        assert!(!with(&seen, kind), "{kind:?}");
    }
    let incomplete = seen.clone().socket(|socket| socket.holders_complete = false);
    assert!(!with(&incomplete, GapKind::HiddenOwners), "it is of another socket");
    assert!(with(&incomplete, GapKind::HiddenProcesses));
    let hidden = seen.clone().hidden();
    assert!(with(&hidden, GapKind::HiddenOwners));
    assert!(with(&hidden, GapKind::HiddenFiles));
    assert!(with(&seen, GapKind::UnsteadyRead));
    let elsewhere = hidden.clone().socket(|socket| socket.netns = 99);
    assert!(!with(&elsewhere, GapKind::HiddenOwners));
    let vanished = hidden.socket(|socket| socket.gap = Some(HolderGap::Vanished));
    assert!(with(&vanished, GapKind::VanishedProcesses));
    let unread = seen.process(|process| process.exe_state = ExeState::Unknown);
    assert!(with(&unread, GapKind::HiddenFiles));
}

/// A host with `count` listeners, each of which has left its declared port, and as many pools.
fn crowd(count: u32) -> Scene {
    (1..=count).fold(scene().policy(), |host, number| {
        let unit = format!("s{number}.service");
        let (declared, pool) = (20_000 + number, number * 4);
        host.listens(&unit, &format!("0.0.0.0:{number}/tcp"))
            .service(&format!("s{number}"), &format!("{declared}/tcp"), &unit)
            .service(&format!("pool{number}"), &format!("{pool}-{}/udp", pool + 2), &unit)
    })
}

/// How long this thread has been on a processor (Documentation/scheduler/sched-stats.rst): whatever else the machine does takes none
/// of it.
fn time_on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn time_to_judge(host: &Scene) -> Duration {
    let runs = (0..3).map(|_| {
        let start = time_on_processor();
        assert!(!host.judge().is_empty());
        time_on_processor() - start
    });
    runs.min().unwrap()
}

#[test]
fn four_times_the_listeners_and_services_take_no_sixteen_times_as_long() {
    let (few, many) = (time_to_judge(&crowd(1_000)), time_to_judge(&crowd(4_000)));
    // In proportion it is four times as long; where each looks at all others, sixteen.
    assert!(many < few * 12, "{few:?} for 1,000 and {many:?} for 4,000");
}

const UNITS: [&str; 8] = [
    "nginx.service",
    "redis-server.service",
    "ssh.service",
    "ssh.socket",
    "init.scope",
    "session-4.scope",
    "user@1000.service",
    "docker.service",
];
const ADDRESSES: [&str; 9] = [
    "0.0.0.0",
    "[::]",
    "127.0.0.1",
    "[::1]",
    "192.168.1.5",
    "203.0.113.5",
    "[fe80::1%eth0]",
    "[::ffff:0.0.0.0]",
    "[2001:db8::1]",
];
const PORTS: [u16; 10] = [0, 21, 22, 53, 443, 546, 6379, 8080, 51820, 65535];
const STATES: [ExeState; 5] =
    [ExeState::Same, ExeState::Replaced, ExeState::Deleted, ExeState::Memfd, ExeState::Unknown];

/// A socket: unit, address and number by position, and a bit for each oddity.
type Socket = (usize, usize, usize, u16);

fn sockets() -> impl Strategy<Value = Vec<Socket>> {
    prop::collection::vec((0..UNITS.len(), 0..ADDRESSES.len(), 0..PORTS.len(), any::<u16>()), 0..14)
}

fn add_socket(scene: Scene, (unit, address, port, odd): Socket) -> Scene {
    let has = |bit: u16| odd & (1 << bit) != 0;
    let protocol = if has(0) { "udp" } else { "tcp" };
    let spot = format!("{}:{}/{protocol}", ADDRESSES[address], PORTS[port]);
    let mut scene = scene.listens(UNITS[unit], &spot).socket(|socket| {
        socket.v6only = has(1);
        socket.ephemeral = has(2);
        socket.device = has(3).then(|| "eth0".into());
        socket.holders_complete = !has(4);
        socket.backlog = has(5).then_some(Backlog { used: 1, limit: 1 });
        if has(6) {
            socket.state = SocketState::Bound;
        }
    });
    scene = scene.process(|process| {
        process.exe_state = STATES[usize::from(odd) % STATES.len()];
        process.privilege = if has(7) { Privilege::Full } else { Privilege::None };
        process.name = if has(8) { "a;$(reboot)\u{202e}\n".into() } else { process.name.clone() };
        process.exe = if has(9) { None } else { process.exe.clone() };
    });
    if has(10) {
        scene = scene.guest("session-9.scope", "tap", "eve");
    }
    if has(11) && has(12) {
        scene = scene.hidden();
    }
    scene
}

/// A service: owner, number, address and reach by position.
type Declared = (usize, usize, usize, usize);

fn services() -> impl Strategy<Value = Vec<Declared>> {
    prop::collection::vec((0..UNITS.len() + 2, 0..PORTS.len(), 0..ADDRESSES.len() * 2, 0..3_usize), 0..8)
}

fn add_service(scene: Scene, name: &str, (owner, port, address, reach): Declared) -> Scene {
    let first = PORTS[port];
    let ports = format!("{first}/tcp {first}-{}/udp", first.saturating_add(3));
    let owner = match UNITS.get(owner) {
        Some(unit) => Owner::Unit((*unit).into()),
        None => Owner::User("nginx".into()),
    };
    let scene = scene.service_of(name, &ports, owner).reach(["host", "world", "lan"][reach]);
    match ADDRESSES.get(address) {
        Some(address) => scene.at(address.trim_matches(['[', ']'])),
        None => scene,
    }
}

prop_compose! {
    fn scenes()(
        sockets in sockets(),
        services in prop::option::of(services()),
        start in 0..2_u32,
        count in any::<u32>(),
        waives in any::<bool>(),
    ) -> Scene {
        let destination = DestinationCount {
            protocol: Protocol::Tcp,
            source: None,
            address: "192.0.2.7".parse().unwrap(),
            port: 80,
            count,
        };
        let scene = scene().namespace(|namespace| {
            namespace.unprivileged_port_start = start * 1024;
            namespace.connections_by_destination.push(destination);
        });
        let scene = sockets.into_iter().fold(scene, add_socket);
        let Some(services) = services else {
            return scene;
        };
        let names = (0..).map(|number: u32| format!("s{number}"));
        let scene = services.into_iter().zip(names).fold(scene.policy(), |scene, (service, name)| {
            add_service(scene, &name, service)
        });
        if waives { scene.waives("stolen-port", "443/tcp", "2025-01-01").waives("runs-as-root", "", "2027-01-01") } else { scene }
    }
}

/// What a person may paste into a shell: one of our commands, a unit to restart, or a sysctl, of harmless bytes.
fn is_safe(command: &str) -> bool {
    let starts = [
        "portreeve who ",
        "portreeve explain ",
        "systemctl restart ",
        "systemctl daemon-reexec",
        "sysctl -w ",
    ];
    starts.iter().any(|start| command.starts_with(start))
        && command.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -_.:@=,/".contains(&byte))
}

proptest! {
    #[test]
    fn the_order_of_sockets_and_namespaces_changes_nothing(scene in scenes(), seed in any::<usize>()) {
        let mut shuffled = scene.clone();
        let count = shuffled.snapshot.listeners.len();
        shuffled.snapshot.listeners.reverse();
        shuffled.snapshot.listeners.rotate_left(if count == 0 { 0 } else { seed % count });
        prop_assert_eq!(scene.judge(), shuffled.judge());
    }

    #[test]
    fn every_finding_can_be_told_and_typed(scene in scenes()) {
        for finding in scene.judge() {
            prop_assert!(!finding.text.en.is_empty() && !finding.text.ja.is_empty());
            prop_assert!(!finding.fix.en.is_empty() && !finding.fix.ja.is_empty());
            prop_assert!(finding.commands.iter().all(|command| is_safe(command)), "{:?}", finding.commands);
        }
    }

    #[test]
    fn one_owner_on_one_number_is_found_once_a_rule(scene in scenes()) {
        let mut spots: Vec<_> = scene
            .judge()
            .into_iter()
            .filter(|finding| finding.address.is_some())
            .map(|finding| (finding.rule, finding.service.clone(), finding.spot(), finding.text.en))
            .collect();
        spots.sort();
        for pair in spots.windows(2) {
            prop_assert!(pair[0] != pair[1], "twice: {:?}", pair[0]);
        }
    }

    #[test]
    fn nothing_differs_from_itself(scene in scenes()) {
        let changes = crate::diff::diff(&scene.snapshot, &scene.snapshot, &crate::world::Scope::All).changes;
        prop_assert_eq!(changes, vec![]);
    }

    #[test]
    fn what_opened_one_way_closed_the_other(before in scenes(), after in scenes()) {
        use crate::diff::{ChangeKind, diff};
        let kinds = |one: &Scene, other: &Scene, map: fn(ChangeKind) -> ChangeKind| {
            let difference = diff(&one.snapshot, &other.snapshot, &crate::world::Scope::Own);
            let mut kinds: Vec<_> = difference.changes.iter().map(|change| (change.port, map(change.kind))).collect();
            kinds.sort_unstable();
            kinds
        };
        let opposite = |kind| match kind {
            ChangeKind::Opened => ChangeKind::Closed,
            ChangeKind::Closed => ChangeKind::Opened,
            ChangeKind::Widened => ChangeKind::Narrowed,
            ChangeKind::Narrowed => ChangeKind::Widened,
            ChangeKind::Outdated => ChangeKind::Renewed,
            ChangeKind::Renewed => ChangeKind::Outdated,
            ChangeKind::ChangedHands => ChangeKind::ChangedHands,
        };
        prop_assert_eq!(kinds(&before, &after, |kind| kind), kinds(&after, &before, opposite));
    }
}

#[test]
fn no_two_rules_have_one_name() {
    let mut names: Vec<String> = all().map(|rule| rule.name.into()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all().count());
}
