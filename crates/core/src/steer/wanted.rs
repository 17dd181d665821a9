//! What the policy steers, and why it may not (A5, A12).

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};
use core::net::IpAddr;

use super::{
    NAME_BYTES_MAX, OWNERS_BYTES_MAX, PLACES_MAX, Route, Routes, SERVICES_MAX, Steering, Tenancy, written,
};
use crate::{
    address::Address,
    policy::{Policy, Service},
    port::Protocol,
    text,
    words::Text,
};

/// Why a service cannot be steered, or all of them together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SteerMistake {
    /// The kernel leads nothing of this protocol.
    Protocol(Protocol),
    /// It is tied to an interface, of which the kernel is told nothing.
    Device,
    /// So is its address.
    OnLink(Address),
    /// It would take every port of every address, whoever's they are.
    Everything,
    /// Its datagrams come in on more than one number, and its answers leave from one.
    ManyUdp,
    /// Two services would get all ports of one address.
    Twice(Box<[String; 2]>, Address),
    /// It names no address that the host could take in, or one that is no host's.
    Local(Option<Address>),
    /// It has no port of TCP, and of no other protocol another port may be meant.
    Target,
    /// The kernel keeps no such long name.
    Name,
    /// Its owners are longer than the kernel keeps.
    Owners,
    /// More services than have slots.
    Services(usize),
    /// More addresses with their ports than the kernel holds.
    Places(u64),
}

impl SteerMistake {
    /// What is wrong, in a sentence.
    #[must_use]
    pub fn words(&self) -> Text {
        match self {
            Self::Protocol(protocol) => text!(
                "{protocol} cannot be steered: the kernel leads tcp and udp only",
                "{protocol} は誘導できません(カーネルが対応するのは tcp と udp だけです)"
            ),
            Self::Device => text!(
                "a service that is tied to an interface cannot be steered",
                "device を指定したサービスは誘導できません"
            ),
            Self::OnLink(address) => text!(
                "{address} cannot be steered: it is another one on each link",
                "{address} はリンクごとに異なるため、誘導できません"
            ),
            Self::Everything => text!(
                "every port of every address would be steered, also where people manage this host",
                "すべてのアドレスの全ポートを誘導すると、管理用の接続まで奪われます"
            ),
            Self::ManyUdp => text!(
                "a service that is steered has one port of udp: its answers leave from the number that its socket listens on",
                "誘導するサービスの udp ポートは 1 つだけです(応答は待ち受けポートから送られます)"
            ),
            Self::Twice(services, address) => {
                let [one, other] = services.as_ref();
                text!(
                    "{one} and {other} would each get all ports of {address}",
                    "{one} と {other} の両方が {address} の全ポートを対象にしています"
                )
            }
            Self::Local(Some(address)) => text!(
                "{address} cannot be made local: it is no address of a single host",
                "{address} は単一のホストのアドレスではないため、local にできません"
            ),
            Self::Local(None) => text!(
                "local says which addresses the host takes in, and this service names none",
                "local はアドレスを受け持つ指定ですが、address がありません"
            ),
            Self::Target => text!(
                "target_port is for tcp, and this service has no port of it",
                "target_port は tcp 用の指定ですが、tcp のポートがありません"
            ),
            Self::Name => text!(
                "a service that is steered has a name of {NAME_BYTES_MAX} bytes at most",
                "誘導するサービスの名前は {NAME_BYTES_MAX} バイトまでです"
            ),
            Self::Owners => text!(
                "the owners of a service that is steered have {OWNERS_BYTES_MAX} bytes at most together",
                "誘導するサービスの owner は、合わせて {OWNERS_BYTES_MAX} バイトまでです"
            ),
            Self::Services(count) => text!(
                "{count} services are to be steered, and {SERVICES_MAX} can be",
                "誘導するサービスが {count} 個あり、上限の {SERVICES_MAX} 個を超えています"
            ),
            Self::Places(count) => text!(
                "{count} addresses with their ports are to be steered, and {PLACES_MAX} can be",
                "誘導するアドレスとポートの組が {count} 個あり、上限の {PLACES_MAX} 個を超えています"
            ),
        }
    }

    /// What to write instead.
    #[must_use]
    pub fn fix(&self) -> Text {
        match self {
            Self::Protocol(_) => text!(
                "declare these ports as a service of their own, without steer",
                "そのポートは steer のない別のサービスとして宣言してください"
            ),
            Self::Device => {
                text!("write address instead of device", "device の代わりに address を書いてください")
            }
            Self::OnLink(_) => {
                text!("write an address that is routed", "リンクローカル以外のアドレスを書いてください")
            }
            Self::Everything => text!(
                "name the addresses: address = [\"192.0.2.1\"]",
                "address = [\"192.0.2.1\"] のように、アドレスを書いてください"
            ),
            Self::ManyUdp => text!(
                "declare each port of udp as a service of its own, or redirect in the packet filter",
                "udp のポートごとに別のサービスとして宣言するか、パケットフィルターの redirect を使ってください"
            ),
            Self::Twice(..) => text!(
                "leave them to one of the two; the other one may have single ports of it",
                "どちらか一方だけにしてください。もう一方には個別のポートを指定できます"
            ),
            Self::Local(_) => text!(
                "name them: address = [\"192.0.2.7\"]",
                "address = [\"192.0.2.7\"] のように、アドレスを書いてください"
            ),
            Self::Target => text!(
                "leave target_port out: an answer of udp leaves from the port that its socket listens on",
                "target_port を外してください(udp の応答は待ち受けポートから送られます)"
            ),
            Self::Name => text!("give it a shorter name", "短い名前を付けてください"),
            Self::Owners => text!("name fewer", "owner を減らしてください"),
            Self::Services(_) | Self::Places(_) => text!(
                "take steer away from some; all ports of one address (1-65535) count once",
                "一部のサービスの steer を外してください。1 つのアドレスの全ポート(1-65535)は 1 個と数えます"
            ),
        }
    }
}

/// What is wrong with steering `service`; `None` where it can be.
#[must_use]
pub fn mistake(service: &Service) -> Option<SteerMistake> {
    let odd = service.ports.iter().find(|spec| !matches!(spec.protocol, Protocol::Tcp | Protocol::Udp));
    if let Some(odd) = odd {
        return Some(SteerMistake::Protocol(odd.protocol));
    }
    if service.device.is_some() {
        return Some(SteerMistake::Device);
    }
    if has_many_udp(service) {
        return Some(SteerMistake::ManyUdp);
    }
    if service.name.len() > NAME_BYTES_MAX {
        return Some(SteerMistake::Name);
    }
    if service.owners.iter().map(|owner| written::text(owner).len() + 1).sum::<usize>() > OWNERS_BYTES_MAX {
        return Some(SteerMistake::Owners);
    }
    if let Some(address) = service.addresses.iter().find(|address| is_on_link(address)) {
        return Some(SteerMistake::OnLink(address.clone()));
    }
    let is_aimed = service.steer.is_some_and(|steering| steering.target_port.is_some());
    if is_aimed && service.ports.iter().all(|spec| spec.protocol != Protocol::Tcp) {
        return Some(SteerMistake::Target);
    }
    if service.steer.is_some_and(|steering| steering.local)
        && let Some(mistake) = not_local(service)
    {
        return Some(mistake);
    }
    let is_everything =
        |route: &Route| route.is_anywhere() && route.ports.first <= 1 && route.ports.last == u16::MAX;
    routes(service).iter().any(is_everything).then_some(SteerMistake::Everything)
}

fn not_local(service: &Service) -> Option<SteerMistake> {
    let is_no_hosts = |address: &&Address| match address.ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_broadcast() || ip.is_multicast() || ip.octets()[0] == 0,
        IpAddr::V6(ip) => ip.is_unspecified() || ip.is_multicast(),
    };
    if service.addresses.is_empty() {
        return Some(SteerMistake::Local(None));
    }
    service.addresses.iter().find(is_no_hosts).map(|address| SteerMistake::Local(Some(address.clone())))
}

fn has_many_udp(service: &Service) -> bool {
    let mut udp = service.ports.iter().filter(|spec| spec.protocol == Protocol::Udp).map(|spec| spec.range);
    udp.next().is_some_and(|first| first.count() > 1 || udp.any(|other| other != first))
}

/// Whether it is another one on each link (RFC 4291, 2.5.6, and RFC 3927).
fn is_on_link(address: &Address) -> bool {
    let is_link_local = match address.ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
    };
    is_link_local || address.interface.is_some()
}

/// What is to be steered for `policy`.
///
/// # Errors
///
/// It asks for more than the kernel holds or can lead.
pub fn wanted(policy: &Policy) -> Result<Routes, SteerMistake> {
    let mut all = Vec::new();
    let mut services = 0;
    for service in policy.services.iter().filter(|service| service.steer.is_some()) {
        if let Some(mistake) = mistake(service) {
            return Err(mistake);
        }
        all.extend(routes(service));
        services += 1;
    }
    let places = all.iter().map(Route::places).sum();
    if services > SERVICES_MAX {
        return Err(SteerMistake::Services(services));
    }
    if places > PLACES_MAX as u64 {
        return Err(SteerMistake::Places(places));
    }
    let routes = all.into_iter().collect();
    whole_twice(&routes).map_or(Ok(routes), Err)
}

/// Of an address with all its ports, which several services would get: written in pieces, each looks like a part of the other's.
fn whole_twice(routes: &Routes) -> Option<SteerMistake> {
    let mut whole: BTreeMap<(Protocol, IpAddr), &Route> = BTreeMap::new();
    for route in routes.0.iter().filter(|route| route.takes_every_port()) {
        let address = route.address.as_ref()?;
        if let Some(other) = whole.insert((route.protocol, address.ip), route) {
            let services = Box::new([other.service.clone(), route.service.clone()]);
            return Some(SteerMistake::Twice(services, address.clone()));
        }
    }
    None
}

/// Its ports at each of its addresses.
fn routes(service: &Service) -> Vec<Route> {
    let Some(Steering { when_dead, local, target_port }) = service.steer else { return Vec::new() };
    let addresses: Vec<Option<Address>> = match service.addresses.as_slice() {
        [] => [None].into(),
        addresses => addresses.iter().map(canonical).collect(),
    };
    let tenancy = Tenancy::of(service);
    let at = |address: &Option<Address>, spec: &crate::port::PortSpec| Route {
        service: String::clone(&service.name),
        tenancy,
        owners: service.owners.clone(),
        protocol: spec.protocol,
        address: address.clone(),
        ports: spec.range,
        when_dead,
        local,
        // Answers of UDP leave from the port that its socket listens on.
        target_port: target_port.filter(|_| spec.protocol == Protocol::Tcp),
    };
    service.ports.iter().flat_map(|spec| addresses.iter().map(move |address| at(address, spec))).collect()
}

/// IPv4 in its IPv6 form is IPv4 (RFC 4291, 2.5.5.2), and `::` takes every address of both families.
fn canonical(address: &Address) -> Option<Address> {
    match address.ip.to_canonical() {
        IpAddr::V6(ip) if ip.is_unspecified() => None,
        ip => Some(Address { ip, interface: address.interface.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::{
        rules::testing::{Scene, scene},
        steer::WhenDead,
    };

    fn steered(ports: &str, change: impl Fn(&mut Service)) -> Scene {
        scene().service("web", ports, "web.service").declared(move |service| {
            service.steer = Some(WhenDead::Pass.into());
            change(service);
        })
    }

    fn at(addresses: &'static [&'static str]) -> impl Fn(&mut Service) {
        move |service| {
            service.addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        }
    }

    fn of(scene: &Scene) -> Result<Routes, SteerMistake> {
        wanted(scene.policy.as_ref().expect("a policy"))
    }

    #[test]
    fn every_port_of_a_service_is_steered_at_every_address() {
        let scene = steered("443/tcp", at(&["::ffff:192.0.2.1", "2001:db8::1"])).service(
            "own",
            "22/tcp",
            "ssh.service",
        );
        let routes = of(&scene).expect("routes");
        let places: Vec<_> = routes.0.iter().map(|route| route.address.clone().expect("one").ip).collect();
        assert_eq!(places.iter().map(ToString::to_string).collect::<Vec<_>>(), ["192.0.2.1", "2001:db8::1"]);
        assert!(routes.0.iter().all(|route| route.service == "web" && route.when_dead == WhenDead::Pass));
        assert_eq!(of(&scene_without()).expect("routes"), Routes::default());
    }

    fn scene_without() -> Scene {
        scene().service("web", "443/tcp", "web.service")
    }

    #[test]
    fn what_the_kernel_cannot_lead_is_a_mistake() {
        let no_change = |_: &mut Service| {};
        let wrong = |scene: Scene| of(&scene).expect_err("a mistake");
        assert_eq!(wrong(steered("443/sctp", no_change)), SteerMistake::Protocol(Protocol::Sctp));
        assert_eq!(wrong(steered("1-65535/tcp", no_change)), SteerMistake::Everything);
        assert_eq!(wrong(steered("1-65535/tcp", at(&["::"]))), SteerMistake::Everything);
        assert!(of(&steered("1-65535/tcp", at(&["192.0.2.1"]))).is_ok());
        let tied = |service: &mut Service| service.device = Some("eth1".into());
        assert_eq!(wrong(steered("443/tcp", tied)), SteerMistake::Device);
        let long = |service: &mut Service| service.name = "x".repeat(NAME_BYTES_MAX + 1);
        assert_eq!(wrong(steered("443/tcp", long)), SteerMistake::Name);
        for address in [&["fe80::1%eth0"], &["fe80::1"], &["169.254.1.1"]] {
            let on_link = wrong(steered("443/tcp", at(address)));
            assert!(matches!(on_link, SteerMistake::OnLink(_)), "{on_link:?}");
        }
        assert_eq!(wrong(steered("1-65534/tcp", at(&["::", "::1"]))), SteerMistake::Places(196_602));
        assert_eq!(wrong(steered("53-54/udp", no_change)), SteerMistake::ManyUdp);
        assert!(of(&steered("53/udp", no_change)).is_ok());
    }

    #[test]
    fn a_host_takes_in_what_is_for_single_hosts() {
        let local = |addresses: &'static [&'static str]| {
            let change = move |service: &mut Service| {
                at(addresses)(service);
                service.steer = Some(Steering { local: true, ..WhenDead::Refuse.into() });
            };
            of(&steered("443/tcp", change))
        };
        let routes = local(&["192.0.2.9", "::ffff:192.0.2.7", "2001:db8::7"]).expect("routes");
        assert_eq!(
            routes.local().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["192.0.2.7", "192.0.2.9", "2001:db8::7"]
        );
        assert_eq!(local(&[]), Err(SteerMistake::Local(None)));
        for odd in [&["0.0.0.0"], &["::"], &["224.0.0.1"], &["255.255.255.255"], &["ff02::1"]] {
            assert!(matches!(local(odd), Err(SteerMistake::Local(Some(_)))), "{odd:?}");
        }
        assert_eq!(of(&steered("443/tcp", at(&["192.0.2.7"]))).expect("routes").local(), [].into());
    }

    #[test]
    fn another_port_is_meant_of_tcp_alone() {
        let aimed = |ports| {
            of(&steered(ports, |service| {
                service.steer = Some(Steering { target_port: Some(8_080), ..WhenDead::Refuse.into() });
            }))
        };
        let routes = aimed("443/tcp").expect("routes");
        assert_eq!(routes.0.iter().map(|route| route.target_port).collect::<Vec<_>>(), [Some(8_080)]);
        assert_eq!(aimed("53/udp"), Err(SteerMistake::Target));
    }

    /// In pieces they are still all ports of it.
    #[test]
    fn all_ports_of_an_address_are_one_services() {
        let piece = |scene: Scene, ports: &str| {
            scene.service("other", ports, "other.service").declared(|service| {
                service.steer = Some(WhenDead::Refuse.into());
                service.ports.push("9001-65535/tcp".parse().expect("ports"));
                at(&["192.0.2.1"])(service);
            })
        };
        let whole = || steered("1-65535/tcp", at(&["192.0.2.1"]));
        let Err(SteerMistake::Twice(services, address)) = of(&piece(whole(), "1-9000/tcp")) else {
            panic!("a mistake")
        };
        assert_eq!(
            (services.as_ref(), address.to_string().as_str()),
            (&["other".into(), "web".into()], "192.0.2.1")
        );
        assert!(of(&piece(whole(), "2-9000/tcp")).is_ok(), "the rest is the other one's");
    }
}
