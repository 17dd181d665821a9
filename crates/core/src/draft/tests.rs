//! A draft can be read, declares what was seen with its owner, and says what to ask (A15, A26).

use alloc::{format, string::String, vec, vec::Vec};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    address::Breadth,
    desired::desire,
    facts::{
        Container, Gap, GapKind, Hold, HostFacts, Listener, Listing, Namespace, Process, Snapshot,
        SocketState, testing,
    },
    owner::{Match, Owner},
    policy::{Policy, Source, Zone, parse},
    port::Protocol,
    registry::Registry,
    rules::testing::{filtering, published, translated},
    world::Scope,
};

fn listener(address: &str, port: u16, pid: u32) -> Listener {
    Listener { holders: vec![Hold { pid, fd: 3 }], ..testing::listener_at(address, port, Protocol::Tcp) }
}

/// A process of root's in this unit.
fn process(name: &str, unit: &str) -> Process {
    Process {
        name: name.into(),
        exe: Some(format!("/usr/bin/{name}")),
        user: Some("root".into()),
        uid: Some(0),
        unit: Some(unit.into()),
        cgroup: Some(format!("/system.slice/{unit}")),
        ..Process::default()
    }
}

fn snapshot(listeners: Vec<Listener>, processes: Vec<(u32, Process)>) -> Snapshot {
    let foreign = Namespace { id: 2, own: false, ..testing::namespace() };
    Snapshot {
        host: HostFacts { name: "web-1".into(), ..HostFacts::default() },
        namespaces: vec![testing::namespace(), foreign],
        listeners,
        processes: processes.into_iter().collect(),
        ..testing::snapshot(Timestamp::UNIX_EPOCH)
    }
}

fn drafted(snapshot: &Snapshot, lang: Lang) -> String {
    let world = World::new(snapshot, None, Registry::builtin(), Timestamp::UNIX_EPOCH, Scope::Own);
    draft(&world, lang)
}

fn read(text: &str) -> Policy {
    let source = Source { name: "<stdin>".into(), text };
    match parse(&[source], Registry::builtin()) {
        Ok(parsed) => parsed.policy,
        Err(mistakes) => panic!("{mistakes:#?}\n{text}"),
    }
}

/// The services without the head and without comments.
fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).skip(1).collect()
}

#[test]
fn a_web_server_is_one_service_for_both_families_and_ports() {
    let sockets = ["0.0.0.0", "::"].map(|address| [80, 443].map(|port| listener(address, port, 7)));
    let text = drafted(&snapshot(sockets.concat(), vec![(7, process("nginx", "nginx.service"))]), Lang::En);
    let service = lines(&text);
    assert_eq!(service[0], "[service.nginx]");
    assert!(service[1].starts_with("ports = [\"80/tcp\", \"443/tcp\"]"), "{text}");
    assert_eq!(service[2..], ["owner = { unit = \"nginx.service\" }", "reach = \"world\""]);
    insta::assert_snapshot!(text.lines().take(9).collect::<Vec<_>>().join("\n"), @r"
    # The ports of web-1 as they were on 1970-01-01T00:00:00Z: 4 listening sockets, 1 service.
    # A first draft by `portreeve init`: keep what you need, delete what you do not, narrow what is too wide.
    # Then:
    #     portreeve check policy.toml
    #     portreeve audit --policy policy.toml
    version = 1

    # Seen: nginx on 0.0.0.0, ::.
    [service.nginx]
    ");
}

#[test]
fn a_datastore_on_every_address_is_declared_for_this_host_with_the_wide_line_beside() {
    let sockets = vec![listener("0.0.0.0", 6379, 7), listener("::", 6379, 7)];
    let text =
        drafted(&snapshot(sockets, vec![(7, process("redis-server", "redis-server.service"))]), Lang::En);
    let service = &read(&text).services[0];
    assert!(service.addresses.iter().all(|address| address.breadth() == Breadth::Loopback));
    assert_eq!((service.addresses.len(), service.reach.as_slice()), (2, &["host".into()][..]));
    assert!(text.contains("\n# reach = \"world\"    # as it was seen"), "{text}");
    assert!(text.contains("# a datastore or control interface: whoever reaches it can use it"), "{text}");
}

#[test]
fn a_datastore_on_one_address_keeps_it_and_loses_its_reach() {
    let text = drafted(
        &snapshot(
            vec![listener("203.0.113.5", 6379, 7)],
            vec![(7, process("redis-server", "redis.service"))],
        ),
        Lang::En,
    );
    assert_eq!(lines(&text)[2], "address = [\"203.0.113.5\"]");
    assert_eq!(read(&text).services[0].reach, ["host"]);
}

#[test]
fn the_owner_is_the_narrowest_that_lasts() {
    let owner = |process: Process| {
        let text = drafted(&snapshot(vec![listener("::1", 3000, 7)], vec![(7, process)]), Lang::En);
        read(&text).services[0].owners.clone()
    };
    let unit = |unit: &str| process("named", unit);
    let by_dev = |unit: &str| Process { user: Some("dev".into()), uid: Some(1000), ..process("named", unit) };
    assert_eq!(owner(unit("shop.service")), [Owner::Unit("shop.service".into())]);
    assert_eq!(owner(unit("ssh.socket")), [Owner::Unit("ssh.service".into())]);
    for passing in ["session-4.scope", "user@1000.service", "run-u12.service", "run-r0a1.service"] {
        assert_eq!(owner(by_dev(passing)), [Owner::User("dev".into())], "{passing}");
        assert_eq!(owner(unit(passing)), [Owner::Exe("/usr/bin/named".into())], "{passing}");
    }
    let container = Container {
        runtime: "docker".into(),
        id: "ab".repeat(32),
        name: Some("web".into()),
        image: None,
        rootless: false,
        published: Vec::new(),
    };
    let contained = Process { container: Some(container), ..unit("docker-abab.scope") };
    assert_eq!(owner(contained), [Owner::Container("web".into())]);
    assert_eq!(owner(Process { exe: None, ..unit("session-4.scope") }), []);
}

/// Anybody may run the interpreter, and any script of it may call itself like another.
#[test]
fn an_interpreter_is_its_unit_or_its_user_and_never_its_script() {
    let owner = |name: &str, unit: &str| {
        let script = Some("/srv/app.py".into()).filter(|_| name != "node");
        let process = Process { script, ..process(name, unit) };
        let text = drafted(&snapshot(vec![listener("::1", 3000, 7)], vec![(7, process)]), Lang::En);
        read(&text).services[0].owners.clone()
    };
    assert_eq!(owner("python3.11", "shop.service"), [Owner::Unit("shop.service".into())]);
    assert_eq!(owner("python3.11", "session-4.scope"), [Owner::User("root".into())]);
    assert_eq!(owner("node", "session-4.scope"), [Owner::User("root".into())]);
}

/// Where systemd could not open the socket in its unit's cgroup it is in pid 1's own, and tells nothing.
#[test]
fn a_socket_that_the_service_manager_keeps_is_its_services() {
    let owner = |socket_unit: &str, pids: &[u32]| {
        let manager = Process { cgroup: Some("/init.scope".into()), ..process("systemd", "init.scope") };
        let socket = Listener {
            holders: pids.iter().map(|&pid| Hold { pid, fd: 3 }).collect(),
            socket_unit: Some(socket_unit.into()),
            socket_cgroup: Some(format!("/system.slice/{socket_unit}")),
            ..listener("::", 22, 1)
        };
        let processes = vec![(1, manager), (7, process("sshd", "ssh.service"))];
        let text = drafted(&snapshot(vec![socket], processes), Lang::En);
        read(&text).services[0].owners.clone()
    };
    let ssh = [Owner::Unit("ssh.service".into())];
    for socket_unit in ["ssh.socket", "init.scope"] {
        assert_eq!(owner(socket_unit, &[1, 7]), ssh, "{socket_unit}");
        assert_eq!(owner(socket_unit, &[7, 1]), ssh, "{socket_unit}");
    }
    assert_eq!(owner("ssh.socket", &[1]), ssh);
    assert_eq!(owner("init.scope", &[1]), []);
}

#[test]
fn two_owners_of_one_port_share_a_service_only_where_their_sockets_meet() {
    let processes = || vec![(7, process("a", "a.service")), (8, process("b", "b.service"))];
    let apart = vec![listener("127.0.0.53", 53, 7), listener("192.168.1.1", 53, 8)];
    let text = drafted(&snapshot(apart, processes()), Lang::En);
    assert_eq!(read(&text).services.len(), 2);
    let shadowed = vec![listener("127.0.0.53", 53, 7), listener("0.0.0.0", 53, 8)];
    let text = drafted(&snapshot(shadowed, processes()), Lang::En);
    assert_eq!(read(&text).services.len(), 1);
    assert!(text.contains("owner = [{ unit = \"a.service\" }, { unit = \"b.service\" }]"), "{text}");
    assert!(text.contains("# Ask: several owners hold this port together"), "{text}");
}

#[test]
fn sockets_tied_to_interfaces_stay_tied() {
    let tied = |address: &str, device: Option<&str>| Listener {
        device: device.map(String::from),
        ..listener(address, 8000, 7)
    };
    let text = |sockets: &[Listener]| {
        drafted(&snapshot(sockets.to_vec(), vec![(7, process("web", "web.service"))]), Lang::En)
    };
    let apart = read(&text(&[tied("0.0.0.0", Some("lo")), tied("0.0.0.0", Some("d0"))]));
    let declared: Vec<_> = apart
        .services
        .iter()
        .map(|service| (service.device.as_deref(), service.reach.iter().map(String::as_str).collect()))
        .collect::<Vec<(_, Vec<_>)>>();
    assert_eq!(declared, [(Some("d0"), vec!["world"]), (Some("lo"), vec!["host"])]);

    let everywhere = text(&[tied("0.0.0.0", None), tied("0.0.0.0", Some("d0"))]);
    assert!(!everywhere.contains("device") && !everywhere.contains("tied to"), "{everywhere}");
    let beside = text(&[tied("10.0.0.1", None), tied("0.0.0.0", Some("lo"))]);
    assert!(beside.contains("address = [\"10.0.0.1\", \"127.0.0.1\"]"), "{beside}");
    let lost = text(&[tied("10.0.0.1", None), tied("0.0.0.0", Some("d0"))]);
    assert!(lost.contains("# Ask: some of its sockets are tied to an interface"), "{lost}");
}

#[test]
fn many_consecutive_ports_are_a_range() {
    let sockets = (30_000..30_100).map(|port| listener("::", port, 7)).collect();
    let text = drafted(&snapshot(sockets, vec![(7, process("vsftpd", "vsftpd.service"))]), Lang::En);
    assert!(lines(&text)[1].starts_with("ports = [\"30000-30099/tcp\"]"), "{text}");
}

#[test]
fn only_the_own_namespace_and_chosen_numbers_are_declared() {
    let foreign = Listener { netns: 2, ..listener("::", 80, 7) };
    let passing = Listener {
        protocol: Protocol::Udp,
        state: SocketState::Unconnected,
        ephemeral: true,
        ..listener("0.0.0.0", 40_000, 7)
    };
    let text = drafted(&snapshot(vec![foreign, passing], vec![(7, process("a", "a.service"))]), Lang::En);
    assert!(read(&text).services.is_empty(), "{text}");
}

#[test]
fn a_draft_speaks_the_readers_language() {
    let mut seen = snapshot(vec![listener("::", 6379, 7)], vec![(7, process("x", "session-1.scope"))]);
    seen.gaps.push(Gap::new(GapKind::HiddenOwners, 12));
    let (english, japanese) = (drafted(&seen, Lang::En), drafted(&seen, Lang::Ja));
    assert!(english.is_ascii(), "{english}");
    assert!(english.lines().next().unwrap().ends_with(": 1 listening socket, 1 service."), "{english}");
    assert!(japanese.contains("下書きです") && japanese.contains("12 個のソケット"), "{japanese}");
    assert_eq!(lines(&english), lines(&japanese));
}

#[test]
fn a_host_of_ten_thousand_listeners_is_drafted_and_read() {
    let processes =
        (0..100).map(|pid| (pid, process("p", &format!("{}{pid}.service", "x".repeat(200))))).collect();
    let sockets = (0..10_000_u16).map(|n| listener("0.0.0.0", 1 + n * 3, u32::from(n) % 100)).collect();
    let policy = read(&drafted(&snapshot(sockets, processes), Lang::En));
    assert_eq!(policy.services.iter().map(|service| service.ports.len()).sum::<usize>(), 10_000);
}

/// The zones and the reach that a draft declares for 5433/tcp of an unknown service, under these rules of IPv4.
fn reached(rules: &str, address: &str) -> (Vec<(String, String)>, Vec<String>, String) {
    let mut seen = snapshot(vec![listener(address, 5433, 7)], vec![(7, process("shop", "shop.service"))]);
    seen.firewall = Some(filtering(rules));
    let text = drafted(&seen, Lang::En);
    let policy = read(&text);
    let zone =
        |zone: &Zone| (zone.interfaces.join(" "), zone.from.iter().map(|net| format!("{net} ")).collect());
    (policy.zones.iter().map(zone).collect(), policy.services[0].reach.clone(), text)
}

#[test]
fn a_service_is_declared_for_those_whom_the_firewall_lets_in() {
    let accept = |which: &str| format!("-A INPUT {which} -p tcp -m tcp --dport 5433 -j ACCEPT\n");
    let zoned = |which: &str, address: &str| {
        let (zones, reach, text) = reached(&accept(which), address);
        assert_eq!(zones.len(), 1, "{text}");
        (zones[0].0.clone(), zones[0].1.clone(), reach)
    };
    let (any, v4) = ("", "0.0.0.0");
    assert_eq!(zoned("-i docker0", v4), ("docker0".into(), any.into(), vec!["by-docker0".into()]));
    let office = ("".into(), "192.0.2.0/24 ".into(), vec!["from-192-0-2-0-24".into()]);
    assert_eq!(zoned("-s 192.0.2.0/24", v4), office);
    // This host is in its own network, and does not divide it.
    assert_eq!(zoned("-s 203.0.113.0/24", v4).1, "203.0.113.0/24 ");
    // Nothing filters IPv6.
    assert_eq!(zoned("-s 192.0.2.0/24", "::").1, "192.0.2.0/24 ::/0 ");
    assert_eq!(reached("", v4).1, ["host"]);
    assert_eq!(reached(&accept(""), v4).1, ["world"]);
    let banned = format!("-A INPUT -s 192.0.2.9/32 -j DROP\n{}", accept(""));
    let (_, reach, text) = reached(&banned, v4);
    assert_eq!(reach, ["world"]);
    assert!(text.contains("\n# Ask: the firewall keeps 192.0.2.9/32 out today"), "{text}");
    let (_, reach, text) = reached(&accept("! -s 192.0.2.0/24 -i eth0"), v4);
    assert_eq!(reach, ["by-eth0"]);
    assert!(text.contains("\n# Ask: the firewall keeps 192.0.2.0/24 out today"), "{text}");
    // What other ports ask makes no ban.
    let other = "-A INPUT -s 198.51.100.0/24 -i eth0 -p tcp -m tcp --dport 9090 -j ACCEPT\n";
    let (_, reach, text) = reached(&format!("{other}{}", accept("! -s 198.51.100.66")), v4);
    assert_eq!(reach, ["world"]);
    assert!(text.contains("\n# Ask: the firewall keeps 198.51.100.66/32 out today"), "{text}");
    let limited = accept("-m limit --limit 10/second");
    assert_eq!(reached(&limited, v4).1, ["world"]);
}

/// A listener of `shop` at `address:5433/tcp`, beside rules that send packets on.
fn beside(address: &str, rules: &str, sent_on: &str) -> String {
    let mut seen = snapshot(vec![listener(address, 5433, 7)], vec![(7, process("shop", "shop.service"))]);
    seen.firewall = Some(translated(rules, sent_on));
    drafted(&seen, Lang::En)
}

#[test]
fn whom_a_redirect_leads_to_a_service_is_asked_about_and_not_declared() {
    let to_5433 = "-A PREROUTING -i eth0 -p tcp -m tcp --dport 7000 -j REDIRECT --to-ports 5433";
    let asked = "# Ask: a rule leads from 7000/tcp to here as well";
    let shut = "-A INPUT -m conntrack --ctstate DNAT -j ACCEPT\n";
    let text = beside("0.0.0.0", shut, to_5433);
    assert_eq!(read(&text).services[0].reach, ["host"], "{text}");
    assert!(text.contains(asked), "{text}");
    let by_docker0 = format!("{shut}-A INPUT -i docker0 -p tcp -m tcp --dport 5433 -j ACCEPT\n");
    let text = beside("0.0.0.0", &by_docker0, to_5433);
    assert_eq!(read(&text).services[0].reach, ["by-docker0"], "{text}");
    assert!(text.contains(asked), "{text}");
    // Whoever gets in anyway needs no other way.
    let text = beside("0.0.0.0", "-A INPUT -j ACCEPT\n", to_5433);
    assert_eq!(read(&text).services[0].reach, ["world"], "{text}");
    assert!(!text.contains(asked), "{text}");
}

#[test]
fn an_address_of_somebody_else_locks_nobody_out() {
    let one_to_one = "-A PREROUTING -d 172.17.0.1/32 -j DNAT --to-destination 172.17.0.2";
    let reach = |rule: &str| {
        let text = beside("0.0.0.0", &format!("-A INPUT {rule} -j ACCEPT\n"), one_to_one);
        let policy = read(&text);
        (
            policy.services[0].reach.clone(),
            policy.zones.into_iter().flat_map(|zone| zone.from).collect::<Vec<_>>(),
        )
    };
    assert_eq!(reach(""), (vec!["world".into()], vec![]));
    let office = "192.0.2.0/24".parse().unwrap();
    assert_eq!(reach("-s 192.0.2.0/24"), (vec!["from-192-0-2-0-24".into()], vec![office]));
}

#[test]
fn what_gets_to_the_loopback_by_mistake_is_not_declared() {
    let mut seen = snapshot(vec![listener("127.0.0.1", 5433, 7)], vec![(7, process("shop", "shop.service"))]);
    let mut firewall = filtering("-A INPUT -j ACCEPT\n");
    firewall.listings.insert(Listing::Settings, "net.ipv4.conf.all.route_localnet = 1\n".into());
    seen.firewall = Some(firewall);
    assert_eq!(read(&drafted(&seen, Lang::En)).services[0].reach, ["host"]);
}

#[test]
fn a_published_port_is_a_comment_that_can_be_made_a_service() {
    let to_container = |which: &str| {
        format!(
            "-A PREROUTING ! -i docker0 {which} -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80"
        )
    };
    let lines = |text: &str| {
        let from = text.find("# Sent on to 172.17.0.2:80 by a rule").unwrap_or_else(|| panic!("{text}"));
        text[from..].lines().skip(1).map(String::from).collect::<Vec<_>>()
    };
    let text = beside("127.0.0.1", "", &to_container(""));
    assert_eq!(
        lines(&text),
        ["# [service.published]", "# ports = [\"8080/tcp\"]", "# reach = \"world\""],
        "{text}"
    );
    let text = beside("127.0.0.1", "", &to_container("-s 192.0.2.0/24"));
    assert_eq!(lines(&text)[2..], ["# reach = [\"by-eth0\"]"], "{text}");
    let uncommented = text.replace("\n# [service", "\n[service").replace("\n# ports", "\nports");
    let policy = read(&uncommented.replace("\n# reach", "\nreach"));
    let service = policy.services.iter().find(|service| service.name == "published").unwrap();
    assert_eq!((service.reach.as_slice(), service.ports.len()), (&["by-eth0".into()][..], 1));
}

#[test]
fn what_an_engine_keeps_for_a_container_is_drafted_once() {
    let mut proxy = process("docker-proxy", "docker.service");
    proxy.exe = Some("/usr/bin/docker-proxy".into());
    let mut seen = snapshot(vec![listener("0.0.0.0", 8080, 7)], vec![(7, proxy)]);
    seen.firewall = Some(published(""));
    let text = drafted(&seen, Lang::En);
    assert!(!text.contains("# Sent on to"), "{text}");
    assert_eq!(read(&text).services.len(), 1, "{text}");
}

#[test]
fn whom_no_zone_can_name_is_asked_about_and_not_declared() {
    for rule in [
        "-A INPUT -m string --string x --algo bm -j ACCEPT\n",
        "-A INPUT -d 203.0.113.1/32 -j ACCEPT\n",
        "-A INPUT -p tcp -m tcp --sport 5555 -j ACCEPT\n",
        "-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --sport 5555 -j ACCEPT\n",
        "-A INPUT -i eth0 -p tcp -m tcp --sport 5555 -j ACCEPT\n",
        "-A INPUT -s 192.0.2.9/32 -j DROP\n-A INPUT -p tcp -m tcp --sport 5555 -j ACCEPT\n",
    ] {
        let (zones, reach, text) = reached(rule, "0.0.0.0");
        assert_eq!((zones.len(), reach), (0, vec!["host".into()]), "{text}");
        assert!(text.contains("# Ask: some may get in today of whom no zone can be made"), "{text}");
    }
}

#[test]
fn whom_a_zone_can_name_is_declared_beside_those_of_whom_nobody_can_tell() {
    let rules = "-A INPUT -s 192.0.2.0/24 -j ACCEPT\n-A INPUT -m string --string x --algo bm -j ACCEPT\n";
    let (zones, reach, text) = reached(rules, "0.0.0.0");
    assert_eq!((zones.len(), reach), (1, vec!["from-192-0-2-0-24".into()]), "{text}");
    assert!(text.contains("# Ask: some may get in today of whom no zone can be made"), "{text}");
}

#[test]
fn what_is_dangerous_keeps_the_reach_that_was_seen_as_a_comment() {
    let mut seen =
        snapshot(vec![listener("0.0.0.0", 6379, 7)], vec![(7, process("redis-server", "redis.service"))]);
    seen.firewall = Some(filtering("-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 6379 -j ACCEPT\n"));
    let text = drafted(&seen, Lang::En);
    assert_eq!(read(&text).services[0].reach, ["host"]);
    assert!(text.contains("\n# reach = [\"from-192-0-2-0-24\"]    # as it was seen"), "{text}");
    assert!(text.contains("\n[zone.from-192-0-2-0-24]\nfrom = [\"192.0.2.0/24\"]\n"), "{text}");
}

/// Names as people and as mischief write them.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "nginx",
            "redis-server",
            "a\"b\\",
            "x\ny",
            "\u{1b}[31mred",
            "\u{202e}gnp.exe",
            "",
            "..",
            "受付",
            "a\0b",
            "]\n[service.evil]\nports = [\"1/tcp\"]",
        ])
        .prop_map(String::from),
        any::<String>(),
        (900..1_100_usize).prop_map(|length| "u".repeat(length)),
    ]
}

fn unit() -> impl Strategy<Value = String> {
    (name(), prop::sample::select(vec!["", ".service", ".socket", ".scope", "@*.service", "@-.service"]))
        .prop_map(|(stem, suffix)| format!("{stem}{suffix}"))
}

fn some_process() -> impl Strategy<Value = Process> {
    let container = prop::option::of((name(), prop::option::of(name())));
    let place = (prop::option::of(unit()), any::<bool>());
    (name(), prop::option::of(name()), prop::option::of(name()), prop::option::of(0..3_u32), place, container)
        .prop_map(|(name, exe, user, uid, (unit, has_cgroup), container)| Process {
            exe: exe.map(|exe| format!("/usr/{exe}")),
            cgroup: has_cgroup.then(|| format!("/{name}")),
            container: container.map(|(id, name)| Container {
                rootless: false,
                published: Vec::new(),
                runtime: "docker".into(),
                id,
                name,
                image: None,
            }),
            name,
            user,
            uid,
            unit,
            ..Process::default()
        })
}

fn some_listener() -> impl Strategy<Value = Listener> {
    let address = prop::sample::select(vec![
        "0.0.0.0",
        "::",
        "127.0.0.1",
        "::1",
        "127.0.0.53",
        "10.0.0.1",
        "::ffff:10.0.0.1",
        "fe80::1%eth0",
        "fe80::1%eth1",
        "fe80::1%a b\"",
        "::ffff:0.0.0.0",
        "2001:db8::1",
    ]);
    let device = prop::option::of(prop::sample::select(vec!["eth0", "eth1", "bad name", "\u{202e}"]));
    let port = prop_oneof![Just(53_u16), Just(6379), 1..12_u16, any::<u16>()];
    let holders = prop::collection::vec(0..6_u32, 0..3);
    let rest = (prop::sample::select(Protocol::ALL.to_vec()), prop::option::of(unit()), any::<[bool; 3]>());
    (address, port, holders, device, rest).prop_map(
        |(address, port, holders, device, (protocol, unit, flags))| Listener {
            protocol,
            device: device.map(String::from),
            netns: if flags[0] { 1 } else { 2 },
            ephemeral: flags[1],
            v6only: flags[2],
            holders: holders.into_iter().map(|pid| Hold { pid, fd: 3 }).collect(),
            socket_cgroup: unit.as_ref().map(|unit| format!("/{unit}")),
            socket_unit: unit,
            uid: flags[2].then_some(1_000),
            ..listener(address, port, 0)
        },
    )
}

fn some_snapshot() -> impl Strategy<Value = Snapshot> {
    let processes = prop::collection::vec(some_process(), 0..5);
    (prop::collection::vec(some_listener(), 0..40), processes, name()).prop_map(
        |(listeners, processes, name)| {
            let processes = (0..).zip(processes).collect();
            Snapshot { host: HostFacts { name, ..HostFacts::default() }, ..snapshot(listeners, processes) }
        },
    )
}

proptest! {
    #[test]
    fn every_draft_is_read_and_declares_every_listener_with_its_owner(seen in some_snapshot(), japanese in any::<bool>()) {
        let text = drafted(&seen, if japanese { Lang::Ja } else { Lang::En });
        let policy = read(&text);
        let desired = desire(&policy);
        let world = World::new(&seen, None, Registry::builtin(), Timestamp::UNIX_EPOCH, Scope::Own);
        let possible = |listener: &&Listener| listener.port != 0 && listener.protocol != Protocol::Dccp;
        for listener in world.listeners().filter(possible) {
            let declared = desired.of(listener);
            prop_assert!(declared.is_some(), "{listener:?}\n{text}");
            let owners = declared.map(|port| port.service.owners.clone()).unwrap_or_default();
            for identity in world.identities(listener) {
                prop_assert_ne!(identity.matches_any(&owners), Match::No, "{:?}\n{}", identity, text);
            }
        }
    }

    #[test]
    fn a_strangers_name_writes_nothing_into_the_policy(name in name()) {
        let text = drafted(&snapshot(vec![listener("::", 80, 7)], vec![(7, process(&name, &name))]), Lang::En);
        prop_assert_eq!(read(&text).services.len(), 1);
        prop_assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'));
    }
}
