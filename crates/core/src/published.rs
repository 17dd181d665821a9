//! A port of the host that is one of a container inside: what the engine's forwarder says of itself, or where there is
//! none, the engine (A12).

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::{
    facts::{Listener, Process, Published, Snapshot},
    gate::Ports,
    owner::Identity,
    port::{PortRange, PortSpec, Protocol},
};

/// The program that docker starts for each published port (docker(1), `userland-proxy`).
const PROXY: &str = "docker-proxy";

/// Where a forwarder sends what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The address of the container.
    pub address: IpAddr,
    /// The port inside.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
}

/// Where `process` forwards to, where it is an engine's forwarder and its arguments say so.
#[must_use]
pub fn target(process: &Process) -> Option<Target> {
    let is_proxy = process.name == PROXY && Identity::of_process(process).forwards_for_containers();
    if !is_proxy {
        return None;
    }
    let argument = |name: &str| {
        let mut words = process.cmdline.iter();
        words.find(|word| word.trim_start_matches('-') == name && word.starts_with('-'))?;
        words.next()
    };
    Some(Target {
        address: argument("container-ip")?.parse().ok()?,
        port: argument("container-port")?.parse().ok()?,
        protocol: argument("proto").map_or(Ok(Protocol::Tcp), |name| name.parse()).ok()?,
    })
}

/// The listeners that `target` reaches: in the namespace with that address, on that number.
#[must_use]
pub fn behind(snapshot: &Snapshot, target: Target) -> Vec<&Listener> {
    let has_address = |netns: u64| {
        let namespace = snapshot.namespace(netns).filter(|namespace| !namespace.own);
        let mut interfaces = namespace.into_iter().flat_map(|namespace| &namespace.interfaces);
        interfaces.any(|interface| interface.addresses.iter().any(|address| address.ip == target.address))
    };
    let hears = |listener: &Listener| {
        let ip = listener.address.ip.to_canonical();
        let family = match target.address {
            IpAddr::V4(_) => listener.hears_ipv4(),
            IpAddr::V6(_) => listener.hears_ipv6(),
        };
        family && (ip.is_unspecified() || ip == target.address)
    };
    let on_number = |listener: &&Listener| {
        (listener.protocol, listener.port) == (target.protocol, target.port) && listener.hears()
    };
    let listeners = snapshot.listeners.iter().filter(on_number);
    listeners.filter(|listener| hears(listener) && has_address(listener.netns)).collect()
}

/// A port of the host that the kernel passes on to a container without any listener of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed<'a> {
    /// What the container's engine says of it.
    pub published: &'a Published,
    /// Where it leads to.
    pub target: Target,
    /// What takes it inside.
    pub listener: &'a Listener,
    /// The number of its process.
    pub pid: u32,
    /// The process.
    pub process: &'a Process,
}

/// Where the engines say that a port of the host is passed on to, where somebody listens behind it.
#[must_use]
pub fn passed(snapshot: &Snapshot, protocol: Option<Protocol>, ports: PortRange) -> Vec<Passed<'_>> {
    let is_asked = |published: &Published| {
        ports.contains(published.port) && protocol.is_none_or(|protocol| protocol == published.protocol)
    };
    let mut passed: Vec<Passed<'_>> = Vec::new();
    for listener in &snapshot.listeners {
        let is_abroad = snapshot.namespace(listener.netns).is_some_and(|namespace| !namespace.own);
        for (hold, process) in snapshot.holders(listener).filter(|_| is_abroad) {
            // What a user's own engine says binds nobody.
            let ports = process.host_container().into_iter().flat_map(|container| &container.published);
            for published in ports.filter(|published| is_asked(published)) {
                let is_known = passed.iter().any(|known| known.published == published);
                if let Some(target) = arrives(snapshot, listener, published).filter(|_| !is_known) {
                    passed.push(Passed { published, target, listener, pid: hold.pid, process });
                }
            }
        }
    }
    passed
}

/// The ports of the host beside `ports` that engines publish to others, and that lead to what one of `ports` leads to.
#[must_use]
pub fn beside(snapshot: &Snapshot, ports: &Ports) -> Ports {
    let all = passed(snapshot, None, PortRange::EVERY);
    let is_named = |it: &&Passed<'_>| ports.of(it.published.protocol).contains(it.published.port.into());
    let (named, others): (Vec<_>, Vec<_>) = all.iter().partition(is_named);
    let leads_there = |it: &&&Passed<'_>| {
        let is_same = |other: &&Passed<'_>| (other.pid, other.target) == (it.pid, it.target);
        !it.published.address.is_loopback() && named.iter().any(is_same)
    };
    let spec = |it: &Passed<'_>| PortSpec {
        range: PortRange::one(it.published.port),
        protocol: it.published.protocol,
    };
    others.iter().filter(leads_there).map(|it| spec(it)).collect()
}

/// What of `passed` goes past `listener`, which the container's engine holds outside only so that nobody else does.
#[must_use]
pub fn past<'p, 'a>(
    passed: &'p [Passed<'a>],
    listener: &Listener,
    holder: &Process,
) -> Option<&'p Passed<'a>> {
    let is_engines = Identity::of_process(holder).forwards_for_containers();
    let bound = listener.address.ip.to_canonical();
    passed.iter().filter(|_| is_engines).find(|passed| {
        let Published { protocol, address, port, .. } = *passed.published;
        (protocol, port) == (listener.protocol, listener.port)
            && hears(listener, address)
            && (bound.is_unspecified() || bound == address)
    })
}

/// Where packets to a published port arrive inside, if `listener` takes them there: the family stays the same.
fn arrives(snapshot: &Snapshot, listener: &Listener, published: &Published) -> Option<Target> {
    let is_meant = (published.protocol, published.inside) == (listener.protocol, listener.port);
    if !is_meant || !listener.hears() || !hears(listener, published.address) {
        return None;
    }
    let interfaces = snapshot.namespace(listener.netns)?.interfaces.iter();
    let addresses = interfaces.flat_map(|interface| &interface.addresses).map(|address| address.ip);
    let mut own = addresses.filter(|ip| !ip.is_loopback() && ip.is_ipv4() == published.address.is_ipv4());
    let bound = listener.address.ip.to_canonical();
    let address = own.find(|ip| bound.is_unspecified() || *ip == bound)?;
    Some(Target { address, port: published.inside, protocol: published.protocol })
}

fn hears(listener: &Listener, from: IpAddr) -> bool {
    if from.is_ipv4() { listener.hears_ipv4() } else { listener.hears_ipv6() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{
        Container, Hold,
        testing::{interface, listener, namespace, snapshot},
    };
    use alloc::string::ToString;
    use jiff::Timestamp;

    fn proxy(words: &str) -> Process {
        Process {
            name: PROXY.into(),
            exe: Some("/usr/bin/docker-proxy".into()),
            uid: Some(0),
            unit: Some("docker.service".into()),
            cmdline: words.split(' ').map(ToString::to_string).collect(),
            ..Process::default()
        }
    }

    const WORDS: &str = "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80";

    fn shop() -> Target {
        Target { address: "172.17.0.2".parse().unwrap(), port: 80, protocol: Protocol::Tcp }
    }

    #[test]
    fn dockers_forwarder_says_where_it_sends_to() {
        assert_eq!(target(&proxy(WORDS)), Some(shop()));
        assert_eq!(target(&proxy(&WORDS.replace(" -container-port 80", ""))), None);
        assert_eq!(target(&proxy(&WORDS.replace("172.17.0.2", "nowhere"))), None);
    }

    #[test]
    fn what_a_user_calls_docker_proxy_is_not_believed() {
        let fake = Process { uid: Some(1000), ..proxy(WORDS) };
        assert_eq!(target(&fake), None);
        let renamed = Process { name: "nginx".into(), ..proxy(WORDS) };
        assert_eq!(target(&renamed), None);
    }

    fn published(protocol: Protocol, address: &str, port: u16, inside: u16) -> Published {
        Published { protocol, address: address.parse().unwrap(), port, inside }
    }

    /// A host whose engine published these of a container at 172.17.0.2, in which somebody listens on 80.
    fn publishing(places: &[Published]) -> Snapshot {
        let mut host = snapshot(Timestamp::UNIX_EPOCH);
        let mut inside = namespace();
        (inside.id, inside.own) = (2, false);
        inside.interfaces = [interface("lo", &["127.0.0.1"]), interface("eth0", &["172.17.0.2"])].into();
        host.namespaces.push(inside);
        let container = Container {
            runtime: "docker".into(),
            id: "ab".into(),
            name: None,
            image: None,
            rootless: false,
            published: places.to_vec(),
        };
        host.processes.insert(7, Process { container: Some(container), ..Process::default() });
        for (netns, spot) in [(2, "0.0.0.0:80/tcp"), (1, "0.0.0.0:80/tcp")] {
            let mut socket = listener(spot);
            socket.netns = netns;
            socket.holders = [Hold { pid: 7, fd: 3 }].into();
            host.listeners.push(socket);
        }
        host
    }

    #[test]
    fn what_leads_to_the_same_by_another_number_is_found() {
        let places = [
            published(Protocol::Tcp, "0.0.0.0", 8080, 80),
            published(Protocol::Tcp, "0.0.0.0", 8081, 80),
            published(Protocol::Tcp, "127.0.0.1", 8082, 80),
            published(Protocol::Tcp, "0.0.0.0", 8083, 81),
        ];
        let beside = |ports: &str| {
            let ports: Ports = ports.split(' ').map(|spec| spec.parse().unwrap()).collect();
            let beside = beside(&publishing(&places), &ports);
            beside.specs().map(|spec| spec.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(beside("8080/tcp"), ["8081/tcp"]);
        assert_eq!(beside("8082/tcp"), ["8080-8081/tcp"], "of this host alone is nobody's way in");
        for ports in ["8080/tcp 8081/tcp", "8080/udp", "8083/tcp", "80/tcp"] {
            assert!(beside(ports).is_empty(), "{ports}");
        }
    }

    #[test]
    fn what_the_kernel_passes_on_is_told_by_the_containers_engine() {
        let places = [
            published(Protocol::Tcp, "0.0.0.0", 8080, 80),
            published(Protocol::Tcp, "::", 8080, 80),
            published(Protocol::Tcp, "0.0.0.0", 8081, 81),
            published(Protocol::Udp, "0.0.0.0", 8080, 80),
        ];
        let host = publishing(&places);
        let asked = |protocol, port| {
            let passed = passed(&host, protocol, PortRange { first: port, last: port });
            assert!(passed.iter().all(|it| it.target == shop()));
            passed.iter().map(|it| (it.published.clone(), it.listener.netns)).collect::<Vec<_>>()
        };
        // By nobody but who is inside, and of a family that the container has an address of.
        assert_eq!(asked(None, 8080), [(places[0].clone(), 2)]);
        assert_eq!(asked(Some(Protocol::Udp), 8080), [], "nobody listens there");
        assert_eq!(asked(None, 8081), [], "nor there");
        assert_eq!(asked(None, 80), [], "that is no port of the host");
    }

    #[test]
    fn packets_go_past_the_engines_own_listener_alone() {
        let mut host = snapshot(Timestamp::UNIX_EPOCH);
        let told = Published {
            protocol: Protocol::Tcp,
            address: "203.0.113.5".parse().unwrap(),
            port: 8080,
            inside: 80,
        };
        host.listeners.push(listener("0.0.0.0:80/tcp"));
        let (inside, process) = (&host.listeners[0], Process::default());
        let all = [Passed { published: &told, target: shop(), listener: inside, pid: 7, process: &process }];
        let engine =
            Process { name: "dockerd".into(), exe: Some("/usr/sbin/dockerd".into()), ..proxy("dockerd") };
        let stranger =
            Process { unit: None, uid: Some(1000), exe: Some("/usr/bin/node".into()), ..proxy("node") };
        let is_past = |spot: &str, holder: &Process| past(&all, &listener(spot), holder).is_some();
        assert!(is_past("203.0.113.5:8080/tcp", &engine) && is_past("0.0.0.0:8080/tcp", &engine));
        assert!(!is_past("0.0.0.0:8080/tcp", &stranger), "it may take what comes another way");
        assert!(!is_past("127.0.0.1:8080/tcp", &engine) && !is_past("[::1]:8080/tcp", &engine));
        assert!(!is_past("203.0.113.5:8081/tcp", &engine));
    }

    #[test]
    fn what_nobody_takes_inside_is_not_passed_on() {
        let published = |address: &str| Published {
            protocol: Protocol::Tcp,
            address: address.parse().unwrap(),
            port: 8080,
            inside: 80,
        };
        let target = |spot: &str, address: &str| {
            let mut host = snapshot(Timestamp::UNIX_EPOCH);
            host.namespaces[0].interfaces =
                [interface("lo", &["127.0.0.1"]), interface("eth0", &["172.17.0.2"])].into();
            arrives(&host, &listener(spot), &published(address)).map(|target| target.address.to_string())
        };
        assert_eq!(target("0.0.0.0:80/tcp", "0.0.0.0").as_deref(), Some("172.17.0.2"));
        assert_eq!(target("172.17.0.2:80/tcp", "203.0.113.5").as_deref(), Some("172.17.0.2"));
        assert_eq!(target("127.0.0.1:80/tcp", "0.0.0.0"), None, "nobody outside reaches its loopback");
        assert_eq!(target("[::]:80/tcp", "::"), None, "it has no address of IPv6");
        assert_eq!(target("0.0.0.0:81/tcp", "0.0.0.0"), None);
    }

    #[test]
    fn only_the_namespace_with_that_address_is_the_container() {
        let mut host = snapshot(Timestamp::UNIX_EPOCH);
        for (id, address) in [(2, "172.17.0.2"), (3, "172.17.0.3")] {
            let mut inside = namespace();
            (inside.id, inside.own) = (id, false);
            inside.interfaces = [interface("eth0", &[address])].into();
            host.namespaces.push(inside);
        }
        for (netns, spot) in
            [(2, "0.0.0.0:80/tcp"), (3, "0.0.0.0:80/tcp"), (2, "127.0.0.1:80/tcp"), (2, "0.0.0.0:81/tcp")]
        {
            let mut socket = listener(spot);
            socket.netns = netns;
            host.listeners.push(socket);
        }
        assert_eq!(behind(&host, shop()), [&host.listeners[0]]);
    }
}
