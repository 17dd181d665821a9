//! What each zone gains and loses by a change: by what packets do before and after it (A15, A20).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use crate::{
    address::{Breadth, Family},
    exposure::{Exposure, How, Passing, Reached, Senders, To, Way, at, bound, exposed, families, only_by},
    firewall::{Filter, Intervals},
    gate::{JUDGED, Open},
    policy::WORLD,
    port::{PortRange, PortSpec, Protocol},
    steer::Route,
    steered::is_deprived,
    words::Text,
    world::{Holding, Passage, World},
};

/// What becomes another for a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneChange {
    /// The zone.
    pub zone: String,
    /// The ports that more of its packets get to than before, in order.
    pub gains: Vec<PortChange>,
    /// The ports that fewer of them get to, or none any more, in order.
    pub loses: Vec<PortChange>,
}

/// A run of ports of which the same becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortChange {
    /// The ports.
    pub ports: PortSpec,
    /// The families of packets of which it holds.
    pub families: Vec<Family>,
    /// What became of packets to them.
    pub before: Reached,
    /// What will.
    pub after: Reached,
    /// Where packets are sent on, else the services that they are led to and who listens there for others than the host itself (of
    /// what is lost: to whom fewer get where he listens), else the services that declare the ports; empty where it matters to nobody.
    pub names: Vec<Text>,
}

/// What each zone of the policy gains and loses, the world first, where `after` takes the place of `before`.
pub(super) fn changes(world: &World<'_>, before: &Filter, after: &Filter) -> Vec<ZoneChange> {
    let known = Known::of(world);
    let named = world.policy.into_iter().flat_map(|policy| &policy.zones);
    let named = named.map(|zone| (zone.name.as_str(), Senders::Zone(zone)));
    let change = |(zone, senders): (&str, Senders<'_>)| {
        let mut change = ZoneChange { zone: zone.into(), gains: Vec::new(), loses: Vec::new() };
        for protocol in JUDGED {
            let spec = PortSpec { range: PortRange::EVERY, protocol };
            let asked = Asked { before, after, senders: &senders, spec, answers: BTreeMap::new() };
            compare(asked, &known, &mut change);
        }
        (!change.gains.is_empty() || !change.loses.is_empty()).then_some(change)
    };
    [(WORLD, Senders::World)].into_iter().chain(named).filter_map(change).collect()
}

/// What zones lose that the policy has no more: the ports that are `open` to them for a while, whose sets go with them.
pub(super) fn gone(world: &World<'_>, open: &[Open], before: &Filter, after: &Filter) -> Vec<ZoneChange> {
    let declared: BTreeSet<&str> =
        world.policy.into_iter().flat_map(|policy| &policy.zones).map(|zone| zone.name.as_str()).collect();
    let known = Known::of(world);
    let mut all: BTreeMap<&str, ZoneChange> = BTreeMap::new();
    for Open { zone, port, .. } in open.iter().filter(|open| !declared.contains(open.zone.as_str())) {
        let none = || ZoneChange { zone: zone.clone(), gains: Vec::new(), loses: Vec::new() };
        let senders = &Senders::World;
        let asked = Asked { before, after, senders, spec: port.what, answers: BTreeMap::new() };
        compare(asked, &known, all.entry(zone).or_insert_with(none));
    }
    // What everybody gains is no such zone's.
    let lost = all.into_values().map(|change| ZoneChange { gains: Vec::new(), ..change });
    lost.filter(|change| !change.loses.is_empty()).collect()
}

/// What becomes of packets before a change and after it.
type Runs = [Vec<Exposure>; 2];

/// What is asked of the packets that somebody sends to these ports, and what was answered so far: by where they go.
struct Asked<'a> {
    before: &'a Filter,
    after: &'a Filter,
    senders: &'a Senders<'a>,
    spec: PortSpec,
    answers: BTreeMap<(Family, [Option<Intervals>; 2]), Runs>,
}

impl Asked<'_> {
    /// What becomes of packets to these addresses of the host, or to all of them, by this interface or by any.
    fn runs(&mut self, family: Family, spot: [Option<Intervals>; 2]) -> &Runs {
        let Self { before, after, senders, spec, answers } = self;
        answers.entry((family, spot)).or_insert_with_key(|(_, [to, by])| {
            let to = To { family, protocol: spec.protocol, addresses: to.clone(), ports: spec.range };
            let through = by.as_ref().map(|interface| Senders::Through(senders, interface));
            let senders = through.as_ref().unwrap_or(senders);
            [*before, *after].map(|filter| exposed(filter, senders, &to))
        })
    }

    /// Whether fewer packets of `family` to `port` are led elsewhere; of some who lose it is not told by which way they came.
    fn leads_less(&mut self, family: Family, port: u16) -> bool {
        let [before, after] = self.runs(family, [None, None]);
        let Some((before, after)) = at(before, port).zip(at(after, port)) else { return false };
        let is_known = |way: &Way| after.ways.contains(way) && after.reached != Reached::Partly;
        before.ways.iter().any(|way| way.how != How::Local && !is_known(way))
    }

    /// Whether fewer packets of `family` get to where `holding` listens.
    fn loses(&mut self, holding: &Holding<'_>, family: Family) -> bool {
        let mut listeners = holding.listeners.iter().filter(|it| families(it).contains(&family));
        listeners.any(|listener| {
            let spot = [bound(listener, family), only_by(listener, &self.before.around)];
            let [before, after] = self.runs(family, spot);
            let heard =
                |runs| at(runs, listener.port).map(|run| Exposure { reached: run.heard, ..run.clone() });
            let runs = heard(before).zip(heard(after));
            runs.is_some_and(|(before, after)| gets_more(&after, &before))
        })
    }
}

fn compare(mut asked: Asked<'_>, known: &Known<'_>, into: &mut ZoneChange) {
    let protocol = asked.spec.protocol;
    let all = Family::ALL.map(|family| asked.runs(family, [None, None]).clone());
    let runs = all.iter().flatten().flatten();
    let mut edges: BTreeSet<u32> = runs.map(|run| run.range().first.into()).collect();
    edges.extend(known.edges(protocol));
    edges.insert(1 << 16);
    let edges: Vec<u32> = edges.into_iter().collect();
    for pair in edges.windows(2) {
        let (Ok(first), Ok(last)) = (u16::try_from(pair[0]), u16::try_from(pair[1] - 1)) else { continue };
        let ports = PortSpec { range: PortRange { first, last }, protocol };
        let (mut gains, mut loses) = (Vec::new(), Vec::new());
        for (family, [before, after]) in Family::ALL.into_iter().zip(&all) {
            let (Some(before), Some(after)) = (at(before, first), at(after, first)) else { continue };
            let change = |names| PortChange {
                ports,
                families: [family].into(),
                before: before.reached,
                after: after.reached,
                names,
            };
            if gets_more(before, after) {
                add(change(known.gaining(protocol, first)), &mut gains);
            }
            if gets_more(after, before) {
                add(change(known.losing(family, first, &mut asked)), &mut loses);
            }
        }
        gains.into_iter().for_each(|change| join(change, &mut into.gains));
        loses.into_iter().for_each(|change| join(change, &mut into.loses));
    }
}

/// Appends what becomes of packets of one family, or makes it one with the same of the other.
fn add(next: PortChange, list: &mut Vec<PortChange>) {
    let is_same =
        |known: &&mut PortChange| PortChange { families: known.families.clone(), ..next.clone() } == **known;
    match list.iter_mut().find(is_same) {
        Some(known) => known.families.extend(next.families),
        None => list.push(next),
    }
}

/// Whether packets arrive after a change that did not before it: more, or of some senders others, or perhaps others.
fn gets_more(before: &Exposure, after: &Exposure) -> bool {
    match (before.reached, after.reached) {
        (Reached::Partly, Reached::Partly) => {
            let is_known = |new: &Passing| before.passing.iter().any(|old| is_among(new, old));
            !after.passing.iter().all(is_known) || after.is_open && !before.is_open
        }
        (before, after) => rank(after) > rank(before),
    }
}

/// Whether all of `some` are among `others`.
fn is_among(some: &Passing, others: &Passing) -> bool {
    let among = |some: &Option<Intervals>, others: &Option<Intervals>| match (some, others) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(some), Some(others)) => others.includes(some),
    };
    among(&some.interfaces, &others.interfaces)
        && among(&some.sources, &others.sources)
        && among(&some.destinations, &others.destinations)
        && among(&some.source_ports, &others.source_ports)
}

/// How much arrives: to the sender who is told, and who is not, nothing does.
const fn rank(reached: Reached) -> u8 {
    match reached {
        Reached::Dropped | Reached::Rejected => 0,
        Reached::Unknown => 1,
        Reached::Partly => 2,
        Reached::Reachable => 3,
    }
}

/// Appends a run, or makes the last one of which the same becomes longer.
fn join(next: PortChange, list: &mut Vec<PortChange>) {
    let continues = |last: &&mut PortChange| {
        let same = PortChange { ports: last.ports, ..next.clone() };
        let touches = u32::from(last.ports.range.last) + 1 == u32::from(next.ports.range.first);
        touches && last.ports.protocol == next.ports.protocol && **last == same
    };
    // Of a run of ports there is one for each family at most.
    match list.iter_mut().rev().take(2).find(continues) {
        Some(last) => last.ports.range.last = next.ports.range.last,
        None => list.push(next),
    }
}

/// To whom ports matter.
struct Known<'a> {
    world: &'a World<'a>,
    sent_on: Vec<(PortSpec, Text)>,
    held: BTreeMap<(Protocol, u16), Vec<&'a Holding<'a>>>,
}

impl<'a> Known<'a> {
    fn of(world: &'a World<'a>) -> Self {
        let own = world.own_namespace().map(|namespace| namespace.id);
        let mut held: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let gets_some = |holding: &Holding<'_>| {
            let listeners = &holding.listeners;
            Some(holding.netns()) == own && !listeners.iter().all(|it| is_deprived(world.snapshot, it))
        };
        for holding in world.holdings().filter(|holding| gets_some(holding)) {
            let listener = holding.widest();
            held.entry((listener.protocol, listener.port)).or_default().push(holding);
        }
        let passages = world.passages().iter().filter(|passage| !passage.is_to_same_port());
        let target =
            |passage: &Passage| passage.specs().map(|spec| (spec, passage.target())).collect::<Vec<_>>();
        let sent_on = passages.flat_map(target).collect();
        Self { world, sent_on, held }
    }

    /// Where names may begin to be others.
    fn edges(&self, protocol: Protocol) -> impl Iterator<Item = u32> {
        let held = self.held.range((protocol, 0)..=(protocol, u16::MAX));
        let held = held.map(|((_, port), _)| PortRange { first: *port, last: *port });
        let declared = self.world.desired.ports().iter().map(|port| port.spec);
        let led = self.routes().map(|route| PortSpec { range: route.ports, protocol: route.protocol });
        let others = self.sent_on.iter().map(|(spec, _)| *spec).chain(declared).chain(led);
        let others = others.filter(move |spec| spec.protocol == protocol).map(|spec| spec.range);
        held.chain(others).flat_map(|range| [range.first.into(), u32::from(range.last) + 1])
    }

    /// To whom it matters that more packets get to a port.
    fn gaining(&self, protocol: Protocol, port: u16) -> Vec<Text> {
        let others =
            self.held(protocol, port).iter().filter(|holding| holding.breadth() != Breadth::Loopback);
        let here = || {
            let led = Family::ALL.map(|family| self.led(family, protocol, port));
            each_once(led.into_iter().flatten().chain(names(others)))
        };
        let found = self.target(protocol, port).unwrap_or_else(here);
        if found.is_empty() { self.declaring(protocol, port) } else { found }
    }

    /// To whom it matters that fewer packets of `family` get to a port of what was `asked`: to nobody who listens only where
    /// none came before, as on the loopback.
    fn losing(&self, family: Family, port: u16, asked: &mut Asked<'_>) -> Vec<Text> {
        let protocol = asked.spec.protocol;
        let target = self.target(protocol, port).filter(|_| asked.leads_less(family, port));
        let (held, led) = (self.held(protocol, port), self.led(family, protocol, port));
        if target.is_none() && held.is_empty() && led.is_empty() {
            return self.declaring(protocol, port);
        }
        let names = names(held.iter().filter(|holding| asked.loses(holding, family)));
        each_once(target.into_iter().flatten().chain(led).chain(names))
    }

    fn routes(&self) -> impl Iterator<Item = &'a Route> {
        self.world.snapshot.steer.iter().flat_map(|steer| &steer.routes.0)
    }

    /// The services to which packets of `family` to a port are led, whoever has bound it.
    fn led(&self, family: Family, protocol: Protocol, port: u16) -> Vec<Text> {
        let is_meant = |route: &&Route| {
            route.protocol == protocol && route.ports.contains(port) && route.families().contains(&family)
        };
        self.routes().filter(is_meant).map(|route| plain(&route.service)).collect()
    }

    /// Where packets to a port are sent on.
    fn target(&self, protocol: Protocol, port: u16) -> Option<Vec<Text>> {
        let is_sent = |(spec, _): &&(PortSpec, Text)| spec.protocol == protocol && spec.range.contains(port);
        self.sent_on.iter().find(is_sent).map(|(_, target)| [target.clone()].into())
    }

    /// Who listens on a port, for others or for the host itself.
    fn held(&self, protocol: Protocol, port: u16) -> &[&'a Holding<'a>] {
        self.held.get(&(protocol, port)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The services that declare a port.
    fn declaring(&self, protocol: Protocol, port: u16) -> Vec<Text> {
        let mut services: Vec<&str> =
            self.world.desired.at(protocol, port).map(|port| port.service.name.as_str()).collect();
        services.sort_unstable();
        services.dedup();
        services.into_iter().map(plain).collect()
    }
}

/// Who they are, each once.
fn names<'a>(holdings: impl Iterator<Item = &'a &'a Holding<'a>>) -> Vec<Text> {
    each_once(holdings.map(|holding| holding.who()))
}

fn each_once(all: impl Iterator<Item = Text>) -> Vec<Text> {
    let mut names = Vec::new();
    for who in all {
        if !names.contains(&who) {
            names.push(who);
        }
    }
    names
}

/// A name that is the same in every language.
fn plain(name: &str) -> Text {
    Text { en: name.into(), ja: name.into() }
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use super::*;
    use crate::{
        plan::tests::{after, host, planned},
        rules::testing::{scene, translated},
    };

    fn told(changes: &[PortChange], protocol: Protocol) -> Vec<String> {
        let of = changes.iter().filter(|change| change.ports.protocol == protocol);
        let names =
            |change: &PortChange| change.names.iter().map(|name| format!(" {}", name.en)).collect::<String>();
        of.map(|change| format!("{} {:?}{}", change.ports, change.families, names(change))).collect()
    }

    #[test]
    fn what_is_closed_is_told_with_who_listens_there() {
        let scene = host(&[("web", "443/tcp", "world")], "-A INPUT -j ACCEPT\n")
            .listens("redis-server.service", "0.0.0.0:6379/tcp")
            .listens("postgresql.service", "127.0.0.1:5432/tcp");
        let plan = planned(&scene);
        let [world] = plan.zones.as_slice() else { panic!("{:?}", plan.zones) };
        assert_eq!(world.zone, "world");
        assert_eq!(told(&world.gains, Protocol::Tcp), Vec::<String>::new());
        assert_eq!(
            told(&world.loses, Protocol::Tcp),
            [
                "0-442/tcp [Ipv4, Ipv6]",
                "444-6378/tcp [Ipv4, Ipv6]",
                "6379/tcp [Ipv4] redis-server",
                "6379/tcp [Ipv6]",
                "6380-8079/tcp [Ipv4, Ipv6]",
                "8080/tcp [Ipv4] 172.17.0.2:80",
                "8080/tcp [Ipv6]",
                "8081-65535/tcp [Ipv4, Ipv6]"
            ]
        );
    }

    #[test]
    fn nobody_loses_what_is_heard_only_where_no_packet_came() {
        let services = [("redis", "6379/tcp", "host"), ("own", "22/tcp", "world")];
        let outer = "-A INPUT -i eth0 ! -d 203.0.113.1/32 -j ACCEPT\n\
                     -A INPUT -i eth0 -p tcp -m tcp --dport 7001:7002 -j ACCEPT\n\
                     -A INPUT -p tcp -m tcp --dport 9000 -j ACCEPT\n";
        let scene = host(&services, outer)
            .listens("redis.service", "127.0.0.1:6379/tcp")
            .listens("tied.service", "0.0.0.0:7000/tcp")
            .socket(|socket| socket.device = Some("lo".into()))
            .listens("inner.service", "0.0.0.0:7001/tcp")
            .socket(|socket| socket.device = Some("docker0".into()))
            .listens("outer.service", "0.0.0.0:7002/tcp")
            .socket(|socket| socket.device = Some("eth0".into()))
            .listens("store.service", "203.0.113.1:9000/tcp")
            .listens("kept-out.service", "203.0.113.1:9001/tcp");
        let zones = planned(&scene).zones;
        let lost: Vec<_> = zones.into_iter().flat_map(|zone| zone.loses).collect();
        let is_lost = |port| lost.iter().any(|lost| lost.ports.range.contains(port));
        assert!(
            [6379, 7000, 7001, 9001].into_iter().all(is_lost),
            "packets came to other addresses: {lost:?}"
        );
        let lost: Vec<_> = lost.into_iter().filter(|lost| !lost.names.is_empty()).collect();
        assert_eq!(
            told(&lost, Protocol::Tcp),
            ["7002/tcp [Ipv4] outer", "8080/tcp [Ipv4] 172.17.0.2:80", "9000/tcp [Ipv4] store"]
        );
    }

    /// As of a service of a cluster, whose address is none of this host's.
    #[test]
    fn what_was_sent_to_others_and_is_sent_on_no_longer_is_told() {
        let sent_on = "-A PREROUTING -d 10.96.0.12/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:8000";
        let rules = "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j DROP\n";
        let lost = |service: &str| {
            let scene = scene().policy().service("own", service, "own.service").reach("world");
            let zones = planned(&scene.filtered(translated(rules, sent_on), &[])).zones;
            let mut lost: Vec<_> = zones.into_iter().flat_map(|zone| zone.loses).collect();
            lost.retain(|change| change.families.contains(&Family::Ipv4));
            told(&lost, Protocol::Tcp)
        };
        assert_eq!(lost("22/tcp"), ["80/tcp [Ipv4] 172.17.0.2:8000"]);
        assert_eq!(lost("80/tcp"), ["22/tcp [Ipv4, Ipv6]"], "it is declared");
    }

    /// As where an address in front of the host is its own one to one.
    #[test]
    fn only_who_listens_loses_what_another_address_of_the_host_got() {
        let same = "-A PREROUTING -d 192.0.2.9/32 -j DNAT --to-destination 203.0.113.1";
        let accepts = translated("-A INPUT -j ACCEPT\n", same);
        let scene = scene().service("own", "22/tcp", "own.service").reach("world");
        let scene = scene.listens("store.service", "0.0.0.0:9000/tcp").filtered(accepts, &[]);
        let [world] = planned(&scene).zones.try_into().unwrap();
        let named = world.loses.into_iter().filter(|lost| !lost.names.is_empty()).collect::<Vec<_>>();
        assert_eq!(told(&named, Protocol::Tcp), ["9000/tcp [Ipv4] store"]);
        assert_eq!(told(&named, Protocol::Udp), Vec::<String>::new());
    }

    #[test]
    fn what_is_declared_is_gained_even_where_the_host_alone_hears_it() {
        let scene = host(&[("web", "443/tcp", "world")], "-A INPUT -j ACCEPT\n");
        let scene = after(&scene, &planned(&scene).changes)
            .service("app", "8000/tcp", "own.service")
            .reach("world")
            .listens("app.service", "127.0.0.1:8000/tcp");
        let [world] = planned(&scene).zones.try_into().unwrap();
        assert_eq!(told(&world.gains, Protocol::Tcp), ["8000/tcp [Ipv4, Ipv6] app"]);
    }

    #[test]
    fn what_a_zone_had_and_keeps_is_not_told() {
        let scene = host(&[("web", "443/tcp", "world"), ("pool", "8079-8082/tcp", "world")], "");
        let plan = planned(&scene);
        // What iptables drops stays so, whatever the gate lets pass.
        assert!(told(&plan.zones[0].loses, Protocol::Tcp).iter().all(|told| told.contains("[Ipv6]")));
        assert_eq!(told(&plan.zones[0].gains, Protocol::Tcp), Vec::<String>::new());
    }

    #[test]
    fn what_others_get_to_than_before_is_gained_and_lost() {
        let some = "-A INPUT -s 198.51.100.0/24 -p tcp -m tcp --dport 80 -j ACCEPT\n-A INPUT -s 192.0.2.0/24 -j ACCEPT\n";
        let narrow = "-A INPUT -s 198.51.100.0/25 -p tcp -m tcp --dport 80 -j ACCEPT\n-A INPUT -s 192.0.2.0/24 -j ACCEPT\n";
        let run = |rules: &str| {
            host(&[("web", "80/tcp", "world")], rules).with_world(|world| {
                let protocol = Protocol::Tcp;
                let ports = PortRange { first: 80, last: 80 };
                let to = To { family: Family::Ipv4, protocol, addresses: None, ports };
                exposed(world.filter().unwrap(), &Senders::World, &to).remove(0)
            })
        };
        let open = format!("{some}-A INPUT -m string --string x --algo bm -j ACCEPT\n");
        let [wide, narrow, open] = [run(some), run(narrow), run(&open)];
        assert_eq!((wide.reached, narrow.reached), (Reached::Partly, Reached::Partly));
        assert_eq!(
            [(&narrow, &wide), (&wide, &narrow), (&wide, &wide), (&wide, &open), (&open, &wide)]
                .map(|(a, b)| gets_more(a, b)),
            [true, false, false, true, false],
            "{wide:?} {narrow:?}"
        );
    }

    #[test]
    fn what_another_policy_opens_is_gained() {
        let accepts = "-A INPUT -j ACCEPT\n";
        let first = host(&[("web", "443/tcp", "world")], accepts);
        let mut second = host(&[("pool", "440-444/tcp", "world"), ("own", "22/tcp", "world")], accepts);
        let done =
            super::super::simulate(&first.snapshot, &planned(&first).changes, crate::gate::Keep::AtOnce);
        second.snapshot = done.unwrap();
        let plan = planned(&second);
        let [world] = plan.zones.as_slice() else { panic!("{:?}", plan.zones) };
        assert_eq!(world.loses, vec![]);
        assert_eq!(
            told(&world.gains, Protocol::Tcp),
            ["22/tcp [Ipv4, Ipv6] own", "440-442/tcp [Ipv4, Ipv6] pool", "444/tcp [Ipv4, Ipv6] pool"]
        );
    }
}
