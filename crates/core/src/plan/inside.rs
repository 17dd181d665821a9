//! The interfaces behind which this host's own containers and virtual machines are (A15).

use alloc::vec::Vec;

use ipnet::IpNet;
use serde_json::Value;

use crate::{
    address::{Breadth, Family},
    facts::{Listener, Listing},
    firewall::{Filter, Interface, Intervals, NewAddress, Ruleset, Step, numbers},
    gate::{InterfacePattern, JUDGED, Openings, Ports},
    policy::Zone,
    world::World,
};

/// The interfaces of containers and virtual machines, whose connections to published ports are nobody's from outside.
///
/// One is inside whose name is of the kind that an engine gives; or that leads into another namespace of this host, by
/// itself or as a bridge of nothing else, and to which a rule sends packets on. None is by which a default route goes,
/// nor one of which a zone of the policy speaks: what comes in there is judged like anything else.
pub(super) fn interfaces(world: &World<'_>, filter: &Filter) -> Vec<InterfacePattern> {
    let zones = world.policy.map(|policy| policy.zones.as_slice()).unwrap_or_default();
    let listing = world.snapshot.firewall.as_ref().and_then(|firewall| firewall.text(Listing::Addresses));
    let links = Links::read(listing.unwrap_or_default());
    let targets = targets(&filter.ruleset);
    let is_inside = |(number, interface): &(usize, &Interface)| {
        let is_known = is_of_engine(&interface.name)
            || (links.lead_inside(&interface.name) && leads_to(filter, *number, &targets));
        is_known && !leads_out(filter, *number) && !zones.iter().any(|zone| speaks_of(zone, interface))
    };
    let inside = filter.around.interfaces.iter().enumerate().filter(is_inside);
    inside.filter_map(|(_, interface)| InterfacePattern::of(&interface.name)).collect()
}

/// Where a forwarder of an engine takes connections for containers: at these addresses, as the same port of another one may
/// be somebody else's.
///
/// What a container sends to a port that its own network publishes comes there: no rule sends that on.
pub(super) fn forwarded(world: &World<'_>) -> Openings {
    listening(world).filter(|listener| world.stands_for_others(listener)).collect()
}

/// The ports at which somebody else listens than a forwarder, by whatever address of this host.
pub(super) fn of_the_host(world: &World<'_>) -> Ports {
    listening(world).filter(|listener| !world.stands_for_others(listener)).map(Listener::spec).collect()
}

/// Who listens here, and not to this host alone.
fn listening<'a>(world: &World<'a>) -> impl Iterator<Item = &'a Listener> {
    let own = world.own_namespace().map(|namespace| namespace.id);
    world.snapshot.listeners.iter().filter(move |listener| {
        Some(listener.netns) == own
            && JUDGED.contains(&listener.protocol)
            && listener.hears()
            && listener.breadth() != Breadth::Loopback
    })
}

/// The interfaces by which others come in whose connections are judged.
pub(crate) fn outer<'a>(world: &World<'_>, filter: &'a Filter) -> Vec<&'a Interface> {
    let inside = interfaces(world, filter);
    let is_inside = |name: &str| InterfacePattern::of(name).is_some_and(|name| inside.contains(&name));
    let is_outer = |interface: &&Interface| {
        let Interface { name, is_port, .. } = interface;
        name != "lo" && !is_port && !is_inside(name)
    };
    filter.around.interfaces.iter().filter(is_outer).collect()
}

/// How the names begin that engines give, before a number.
const ENGINES: [&str; 8] = ["docker", "podman", "cni-podman", "cni", "virbr", "lxcbr", "lxdbr", "incusbr"];

/// docker0, docker_gwbridge, br-0123456789ab, virbr0 and the like.
fn is_of_engine(name: &str) -> bool {
    let is_number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let is_identifier = |rest: &str| rest.len() == 12 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    name == "docker_gwbridge"
        || ENGINES.iter().any(|begin| name.strip_prefix(begin).is_some_and(is_number))
        || name.strip_prefix("br-").is_some_and(is_identifier)
}

/// What `ip -j addr` tells of links: whether each leads into another namespace, and whose port it is.
#[derive(Debug, Default)]
struct Links(Vec<Value>);

impl Links {
    fn read(listing: &str) -> Self {
        Self(serde_json::from_str(listing).unwrap_or_default())
    }

    fn lead_inside(&self, name: &str) -> bool {
        let is = |link: &&Value, key: &str| link.get(key).and_then(Value::as_str) == Some(name);
        let is_led = |link: &Value| link.get("link_netnsid").is_some();
        let mut ports = self.0.iter().filter(|link| is(link, "master")).peekable();
        if ports.peek().is_some() {
            return ports.all(is_led);
        }
        self.0.iter().any(|link| is(&link, "ifname") && is_led(link))
    }
}

/// The addresses to which rules send packets on, of each family.
fn targets(ruleset: &Ruleset) -> [Intervals; 2] {
    let mut targets = [Intervals::none(), Intervals::none()];
    let steps = ruleset.chains.iter().flat_map(|chain| &chain.rules).flat_map(|rule| &rule.steps);
    for step in steps {
        if let Step::Rewrite(target) = step
            && let Some(NewAddress::One(addresses)) = &target.address
        {
            let is_ipv4 = addresses.last().is_some_and(|last| last <= u32::MAX.into());
            let of_family = &mut targets[usize::from(!is_ipv4)];
            *of_family = of_family.or(addresses);
        }
    }
    targets
}

/// The networks behind an interface: its own, and those that routes lead to.
fn networks(filter: &Filter, number: usize) -> impl Iterator<Item = IpNet> {
    let own = filter.around.interfaces.get(number).into_iter().flat_map(|interface| &interface.networks);
    let routes = filter.around.routes.iter().filter(move |route| route.interface == Some(number));
    own.copied().chain(routes.map(|route| route.to))
}

fn leads_out(filter: &Filter, number: usize) -> bool {
    networks(filter, number).any(|network| network.prefix_len() == 0)
}

fn leads_to(filter: &Filter, number: usize, targets: &[Intervals; 2]) -> bool {
    networks(filter, number).any(|network| {
        let family = Family::of(network.addr());
        !numbers(network).and(&targets[family as usize]).is_empty()
    })
}

/// Whether a zone names the interface, or networks within those that it is in.
fn speaks_of(zone: &Zone, interface: &Interface) -> bool {
    let names = |pattern: &alloc::string::String| match pattern.strip_suffix('*') {
        Some(stem) => !stem.is_empty() && interface.name.starts_with(stem),
        None => *pattern == interface.name,
    };
    let within = |from: &IpNet| interface.networks.iter().any(|own| own.trunc().contains(from));
    zone.interfaces.iter().any(names) || zone.from.iter().any(within)
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use super::*;
    use crate::{
        facts::Firewall,
        rules::testing::{Scene, scene, zone},
    };

    /// What `ip -j addr` prints of an interface with one address of a network of 24 bits.
    fn link(name: &str, address: &str, more: &str) -> String {
        let prefix = format!(r#"{{"ifname":"{name}","addr_info":[{{"local":"{address}","prefixlen":24}}]"#);
        format!("{prefix}{more}}}")
    }

    /// A host by eth0 on the world's wire, which sends 8080/tcp on to an address.
    fn host(links: &[String], target: &str) -> Scene {
        let eth0 = link("eth0", "203.0.113.1", r#","link_netnsid":0"#);
        let addresses = format!("[{}]", [&[eth0], links].concat().join(","));
        let nat = format!(
            "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination {target}:80\nCOMMIT\n"
        );
        let listings = [
            (Listing::Addresses, addresses),
            (Listing::Routes, r#"[{"dst":"default","dev":"eth0"}]"#.into()),
            (Listing::IptablesLegacy, nat),
        ];
        scene().policy().filtered(Firewall { listings: listings.into() }, &[])
    }

    fn inside(scene: &Scene) -> Vec<String> {
        scene.with_world(|world| {
            let names = interfaces(world, world.filter().unwrap());
            names.iter().map(|name| format!("{name}")).collect()
        })
    }

    #[test]
    fn the_bridges_of_engines_are_inside_whether_or_not_anything_runs() {
        let links = ["docker0", "br-0123456789ab", "virbr0"].map(|name| link(name, "10.0.0.1", ""));
        assert_eq!(
            inside(&host(&links, "192.0.2.9")),
            [r#""docker0""#, r#""br-0123456789ab""#, r#""virbr0""#]
        );
        let links =
            ["docker", "br-lan", "br-0123456789", "dockerx", "eth1"].map(|name| link(name, "10.0.0.1", ""));
        assert!(inside(&host(&links, "10.0.0.2")).is_empty(), "nobody knows what is behind these");
    }

    #[test]
    fn a_bridge_with_another_name_is_inside_where_all_of_it_is_on_this_host() {
        let port = |name: &str, more: &str| link(name, "0.0.0.0", &format!(r#","master":"shop"{more}"#));
        let bridge = link("shop", "10.0.0.1", "");
        let led = r#","link_netnsid":3"#;
        let containers = [bridge.clone(), port("veth1", led), port("veth2", led)];
        assert_eq!(inside(&host(&containers, "10.0.0.2")), [r#""shop""#]);
        assert!(inside(&host(&containers, "10.9.9.9")).is_empty(), "nothing is sent on to it");
        let wired = [bridge, port("veth1", led), port("eth1", "")];
        assert!(inside(&host(&wired, "10.0.0.2")).is_empty(), "it is a network of others too");
    }

    #[test]
    fn the_way_to_the_world_is_never_inside() {
        // The host is a container itself, and sends on to its neighbour.
        assert!(inside(&host(&[], "203.0.113.9")).is_empty());
    }

    #[test]
    fn what_the_policy_speaks_of_is_judged_by_it() {
        let docker = link("docker0", "172.17.0.1", "");
        let with = |from: &[&str], interfaces: &[&str]| {
            let mut scene = host(core::slice::from_ref(&docker), "172.17.0.2");
            scene.policy.as_mut().unwrap().zones.push(zone("z", from, interfaces));
            !inside(&scene).is_empty()
        };
        assert!(with(&["10.0.0.0/8"], &["eth*"]));
        // Whoever means all private networks does not mean containers.
        assert!(with(&["172.16.0.0/12"], &[]));
        assert!(!with(&["172.17.0.0/24"], &[]));
        assert!(!with(&[], &["docker0"]));
        assert!(!with(&[], &["docker*"]));
    }
}
