//! Who can reach a listener, past the packet filter where it is known (A4, A15, A17, A20).

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::cell::{OnceCell, RefCell};

use super::{World, kept_out::SentOn, passage::Passage};
use crate::{
    address::{Breadth, Family},
    exposure::{
        Exposure, Outside, Reached, Senders, To, arrives, as_heard, at, bound, families, only_by, parted_but,
        stays,
    },
    facts::{Gap, Listener, Snapshot},
    firewall::{self, Fate, Field, Filter, Intervals, Part},
    policy::{HOST, WORLD, Zone},
    port::{PortRange, Protocol},
    reach::{Basis, Reach, Verdict, reach},
    steered::{deaf, is_deprived, stands},
};

/// What is asked once for all ports: the place of the zone, where packets go, by which interface they come in, and at which
/// addresses others get them.
type Question = (usize, Protocol, Family, [Option<Intervals>; 2], Intervals);

/// The place of the zone `world`, whose packets are all those from outside.
pub(super) const OUTSIDE: usize = 0;

/// What became of packets.
#[derive(Clone, Debug, Default)]
struct Answer {
    runs: Vec<Exposure>,
    /// What the runs were told from.
    parts: Vec<Part>,
}

/// The packet filter, and what was found out of it so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Reaching {
    filter: OnceCell<Option<Filter>>,
    pub(super) passages: OnceCell<Vec<Passage>>,
    pub(super) outer: OnceCell<Intervals>,
    pub(super) sent_on: OnceCell<SentOn>,
    answers: RefCell<BTreeMap<Question, Answer>>,
    beyond: RefCell<BTreeMap<(Family, Vec<String>), Outside>>,
}

impl World<'_> {
    /// The packet filter of the observer's own namespace, where all of it was seen.
    #[must_use]
    pub fn filter(&self) -> Option<&Filter> {
        self.reaching.filter.get_or_init(|| known(self.snapshot)).as_ref()
    }

    /// The reach of `listener` from `world`, `host` and each zone of the policy, in this order: at the number that it is bound to, or
    /// at one whose packets are led to it.
    #[must_use]
    pub fn reach(&self, listener: &Listener) -> Vec<Reach> {
        let better = |one: Vec<Reach>, other: Vec<Reach>| {
            one.into_iter()
                .zip(other)
                .map(|pair| if pair.1.verdict > pair.0.verdict { pair.1 } else { pair.0 })
                .collect()
        };
        let own = self.reach_where_bound(listener);
        let led = stands(self.snapshot, listener);
        led.iter().map(|stand| self.reach_past_filter(stand)).fold(own, better)
    }

    /// The same at the number that it is bound to alone.
    #[must_use]
    pub fn reach_where_bound(&self, listener: &Listener) -> Vec<Reach> {
        let mut own = self.reach_past_filter(listener);
        if is_deprived(self.snapshot, listener) {
            own.iter_mut().for_each(|reach| reach.verdict = Verdict::Blocked);
        }
        own
    }

    fn reach_past_filter(&self, listener: &Listener) -> Vec<Reach> {
        let zones = self.policy.map(|policy| policy.zones.as_slice()).unwrap_or_default();
        let namespace = self.snapshot.namespace(listener.netns);
        let mut reached = reach(listener, namespace, zones);
        let Some(filter) = self.filter().filter(|_| namespace.is_some_and(|namespace| namespace.own)) else {
            return reached;
        };
        let is_asked = !filter.ruleset.chains.is_empty() && !filter.around.interfaces.is_empty();
        for ((place, (_, senders)), reach) in self.places().enumerate().zip(&mut reached) {
            let runs = self.past_the_filter(place, &senders, listener);
            let past = together(runs.iter().map(|(_, run)| verdict(run.reached)));
            // Only who is a neighbour can send to the loopback of another host (ip-sysctl, `route_localnet`).
            let is_loopback = listener.address.breadth() == Breadth::Loopback && reach.zone != HOST;
            let most = if is_loopback { reach.verdict.max(Verdict::Partly) } else { reach.verdict };
            // Rules have an answer for every packet: without one, nobody can send any over its family.
            let past = past.or((is_asked && place == OUTSIDE).then_some(Verdict::Blocked));
            reach.verdict = past.map_or(reach.verdict, |past| past.min(most));
            reach.basis = Basis::Firewall;
        }
        reached
    }

    /// The reach of `listeners` that are one thing, in the same order: of each zone as it gets to the one that it reaches
    /// best, and of the world a part where it does not get past the filter to all of them.
    #[must_use]
    pub fn reach_of_all(&self, listeners: &[&Listener]) -> Vec<Reach> {
        let each = listeners.iter().map(|listener| self.reach(listener));
        let join = |all: Vec<Reach>, next: Vec<Reach>| {
            all.into_iter().zip(next).map(|(one, other)| joined(one, &other)).collect()
        };
        each.reduce(join).unwrap_or_default()
    }

    /// Whether the world gets to `listener` over one family, as far as the filter tells.
    #[must_use]
    pub fn verdict_over(&self, listener: &Listener, family: Family) -> Option<Verdict> {
        let runs = self.past_the_filter(OUTSIDE, &Senders::World, listener);
        runs.iter().find(|(own, _)| *own == family).map(|(_, run)| verdict(run.reached))
    }

    /// What becomes of the packets from outside to the very number of `listener`, by family, whatever rules lead there from
    /// another one; nothing where no rule is in their way.
    #[must_use]
    pub fn directly_from_outside(&self, listener: &Listener) -> Vec<(Family, Exposure)> {
        let is_own = self.is_own(listener.netns);
        let runs = if is_own { self.to_its_number(OUTSIDE, &Senders::World, listener) } else { Vec::new() };
        let stands_for_others = self.stands_for_others(listener);
        let direct = |(family, run): (Family, Exposure)| {
            let heard = || self.of_outside(listener, family, |parts| as_heard(&run, parts));
            let direct = if stands_for_others { None } else { heard() };
            (family, direct.unwrap_or(run))
        };
        runs.into_iter().map(direct).collect()
    }

    /// The verdict over one family on most of the world, where the filter treats a few otherwise.
    #[must_use]
    pub fn verdict_of_most_over(&self, listener: &Listener, family: Family) -> Option<Verdict> {
        let verdict = self.verdict_over(listener, family)?;
        if verdict != Verdict::Partly {
            return Some(verdict);
        }
        let everybody = self.beyond(family, &[]);
        let are_mostly = |is: fn(&Fate) -> bool| {
            self.of_outside(listener, family, |parts| {
                let parts: Vec<_> = parts.iter().copied().filter(|part| is(&part.fate)).collect();
                everybody.are_mostly_in(&parts)
            })
        };
        Some(if are_mostly(arrives)? {
            Verdict::Reachable
        } else if are_mostly(|fate| matches!(fate, Fate::Dropped | Fate::Rejected))? {
            Verdict::Blocked
        } else {
            verdict
        })
    }

    /// Whether anybody outside gets to `listener` who is in none of `zones`, as far as address and filter tell; never
    /// where the filter was not seen.
    #[must_use]
    pub fn is_reached_beyond(&self, listener: &Listener, zones: &[&Zone]) -> bool {
        !self.entrances_beyond(listener, zones).is_empty()
    }

    /// The interfaces by which they do.
    pub(super) fn entrances_beyond(&self, listener: &Listener, zones: &[&Zone]) -> Intervals {
        let reached = self.reach(listener).into_iter().next();
        let is_past = |reach: Reach| reach.basis == Basis::Firewall && reach.verdict >= Verdict::Partly;
        if !reached.is_some_and(is_past) {
            return Intervals::none();
        }
        let only_by = self.filter().and_then(|filter| only_by(listener, &filter.around));
        let stands_for_others = self.stands_for_others(listener);
        let entrances = families(listener).into_iter().filter_map(|family| {
            let beyond = self.beyond(family, zones);
            let beyond = match &only_by {
                Some(interface) => beyond.by(interface),
                None => beyond,
            };
            let is_heard = |part: &&Part| stays(&part.fate) || stands_for_others && arrives(&part.fate);
            let entrances = |parts: &[&Part]| beyond.entrances(parts.iter().copied().filter(is_heard));
            self.of_outside(listener, family, entrances)
        });
        entrances.fold(Intervals::none(), |all, some| all.or(&some))
    }

    pub(super) fn beyond(&self, family: Family, zones: &[&Zone]) -> Outside {
        let Some(filter) = self.filter() else { return Outside::default() };
        let names = zones.iter().map(|zone| zone.name.clone()).collect();
        let mut known = self.reaching.beyond.borrow_mut();
        let found = known.entry((family, names));
        found.or_insert_with(|| Outside::beyond(&filter.around, family, zones)).clone()
    }

    /// The zones in the order of [`Self::reach`].
    pub(super) fn places(&self) -> impl Iterator<Item = (&str, Senders<'_>)> {
        let named = self.policy.into_iter().flat_map(|policy| &policy.zones);
        let named = named.map(|zone| (zone.name.as_str(), Senders::Zone(zone)));
        [(WORLD, Senders::World), (HOST, Senders::Host)].into_iter().chain(named)
    }

    /// What becomes of the packets from a place to `listener`, by family; nothing where no rule is in their way, or there
    /// are no packets.
    pub(super) fn past_the_filter(
        &self,
        place: usize,
        senders: &Senders<'_>,
        listener: &Listener,
    ) -> Vec<(Family, Exposure)> {
        let runs = self.to_its_number(place, senders, listener);
        runs.into_iter().map(|run| self.heard(place, senders, listener, run)).collect()
    }

    /// The same of the packets to its number, whoever hears them.
    fn to_its_number(
        &self,
        place: usize,
        senders: &Senders<'_>,
        listener: &Listener,
    ) -> Vec<(Family, Exposure)> {
        if self.filter().is_none_or(|filter| filter.ruleset.chains.is_empty()) {
            return Vec::new();
        }
        let run = |family| {
            let run = |answer: &Answer| at(&answer.runs, listener.port).cloned();
            Some((family, self.answer(place, senders, (listener, family), run)??))
        };
        families(listener).into_iter().filter_map(run).collect()
    }

    /// What `look` tells from the parts of the packets from outside to `listener`.
    fn of_outside<T>(
        &self,
        listener: &Listener,
        family: Family,
        look: impl FnOnce(&[&Part]) -> T,
    ) -> Option<T> {
        self.of_place(OUTSIDE, &Senders::World, (listener, family), look)
    }

    /// What `look` tells from the parts of the packets from a place to `listener`.
    pub(super) fn of_place<T>(
        &self,
        place: usize,
        senders: &Senders<'_>,
        asked: (&Listener, Family),
        look: impl FnOnce(&[&Part]) -> T,
    ) -> Option<T> {
        self.answer(place, senders, asked, |answer| {
            let port = asked.0.port.into();
            let is_meant = |part: &&Part| part.packets.of(Field::DestinationPort).contains(port);
            look(&answer.parts.iter().filter(is_meant).collect::<Vec<_>>())
        })
    }

    /// What `look` tells from the answer that is about `listener`, and others like it.
    fn answer<T>(
        &self,
        place: usize,
        senders: &Senders<'_>,
        (listener, family): (&Listener, Family),
        look: impl FnOnce(&Answer) -> T,
    ) -> Option<T> {
        let (filter, protocol) = (self.filter()?, listener.protocol);
        let spot = [bound(listener, family), only_by(listener, &filter.around)];
        let deaf = deaf(self.snapshot, listener, family);
        let question = (place, protocol, family, spot, deaf);
        let mut answers = self.reaching.answers.borrow_mut();
        let answer = answers.entry(question).or_insert_with_key(|(.., [to, by], deaf)| {
            let to = To { family, protocol, addresses: to.clone(), ports: PortRange::EVERY };
            let through = by.as_ref().map(|interface| Senders::Through(senders, interface));
            let (runs, parts) = parted_but(filter, through.as_ref().unwrap_or(senders), &to, deaf);
            Answer { runs, parts }
        });
        Some(look(answer))
    }
}

/// A filter of which something was not seen may let in more, or less, than what was.
fn known(snapshot: &Snapshot) -> Option<Filter> {
    let firewall = snapshot.firewall.as_ref()?;
    let is_whole = !snapshot.gaps.iter().any(Gap::hides_firewall);
    firewall::read(firewall).ok().filter(|_| is_whole)
}

pub(super) const fn verdict(reached: Reached) -> Verdict {
    match reached {
        Reached::Reachable => Verdict::Reachable,
        Reached::Partly => Verdict::Partly,
        Reached::Dropped | Reached::Rejected => Verdict::Blocked,
        Reached::Unknown => Verdict::Unknown,
    }
}

/// The verdict on all packets, from those on the packets of each family.
fn together(verdicts: impl Iterator<Item = Verdict>) -> Option<Verdict> {
    verdicts.reduce(|one, other| match (one.min(other), one.max(other)) {
        (low, high) if low == high => low,
        (_, Verdict::Partly | Verdict::Reachable) => Verdict::Partly,
        _ => Verdict::Unknown,
    })
}

/// The reach of two sockets of one thing. A zone may have no address of the family of the one.
fn joined(one: Reach, other: &Reach) -> Reach {
    let is_part = one.zone == WORLD && one.basis == Basis::Firewall && one.verdict != other.verdict;
    let most = if is_part { Verdict::Partly } else { Verdict::Reachable };
    Reach { verdict: one.verdict.max(other.verdict).min(most), ..one }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::{
        facts::{GapKind, GuardStands, LeftSteer},
        rules::testing::{Scene, filtering, scene, translated, zone},
        steer::{Route, Routes, Tenancy, WhenDead},
    };

    /// The verdicts on a listener from the world and from the host.
    fn verdicts(spot: &str, accepted: &str, gaps: &[Gap]) -> Vec<(String, Verdict, Basis)> {
        let scene = scene().listens("x.service", spot).filtered(filtering(accepted), gaps);
        scene.with_world(|world| {
            let listener = &world.snapshot.listeners[0];
            world.reach(listener).into_iter().map(|reach| (reach.zone, reach.verdict, reach.basis)).collect()
        })
    }

    fn told(world: Verdict, host: Verdict, basis: Basis) -> [(String, Verdict, Basis); 2] {
        [("world".into(), world, basis), ("host".into(), host, basis)]
    }

    #[test]
    fn a_firewall_keeps_packets_from_a_listener() {
        let at = |spot, accepted| verdicts(spot, accepted, &[]);
        let accept = "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n";
        let open = told(Verdict::Reachable, Verdict::Reachable, Basis::Firewall);
        let shut = told(Verdict::Blocked, Verdict::Reachable, Basis::Firewall);
        assert_eq!(at("0.0.0.0:80/tcp", accept), open);
        assert_eq!(at("0.0.0.0:81/tcp", accept), shut);
        assert_eq!(at("0.0.0.0:80/udp", accept), shut);
        assert_eq!(at("127.0.0.1:80/tcp", accept), shut);
    }

    #[test]
    fn what_is_led_elsewhere_reaches_nobody_who_has_the_number_at_every_address() {
        let route = |address: &str| Route {
            service: "web".into(),
            tenancy: Tenancy::default(),
            owners: Vec::new(),
            protocol: Protocol::Tcp,
            address: address.parse().ok(),
            ports: PortRange::one(80),
            when_dead: WhenDead::Refuse,
            local: false,
            target_port: None,
        };
        let told = |spot: &str, led_at: &str| {
            let rule = "-A INPUT -d 203.0.113.1/32 -p tcp -m tcp --dport 80 -j ACCEPT\n";
            let mut scene = scene().listens("x.service", spot).filtered(filtering(rule), &[]);
            scene.snapshot.steer = Some(LeftSteer {
                stands: GuardStands::Whole,
                dead: Vec::new(),
                led: Vec::new(),
                routes: Routes([route(led_at)].into()),
            });
            scene.with_world(|world| world.reach(&world.snapshot.listeners[0])[0].verdict)
        };
        assert_eq!(told("0.0.0.0:80/tcp", "203.0.113.1"), Verdict::Blocked, "all that comes in is led away");
        assert_ne!(told("0.0.0.0:80/tcp", "203.0.113.9"), Verdict::Blocked);
        assert_ne!(told("203.0.113.1:80/tcp", "203.0.113.9"), Verdict::Blocked);
    }

    #[test]
    fn the_host_reaches_what_is_tied_to_its_loopback() {
        let scene = scene().listens("x.service", "0.0.0.0:80/tcp");
        let scene = scene.socket(|socket| socket.device = Some("lo".into()));
        scene.filtered(filtering("-A INPUT -i lo -j ACCEPT\n"), &[]).with_world(|world| {
            let reached = world.reach(&world.snapshot.listeners[0]);
            let verdicts: Vec<_> = reached.into_iter().map(|reach| reach.verdict).collect();
            assert_eq!(verdicts, [Verdict::Blocked, Verdict::Reachable]);
        });
    }

    #[test]
    fn who_is_tied_to_a_device_hears_what_comes_in_by_it() {
        let by_eth0 = "-A INPUT -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT\n";
        let told = |device: &str, firewall: crate::facts::Firewall| {
            let scene = scene().listens("x.service", "0.0.0.0:80/tcp");
            let scene = scene.socket(|socket| socket.device = Some(device.into()));
            let scene = scene.filtered(firewall, &[]);
            scene.with_world(|world| world.verdict_over(&world.snapshot.listeners[0], Family::Ipv4).unwrap())
        };
        let of = |device| told(device, filtering(by_eth0));
        assert_eq!([of("eth0"), of("docker0")], [Verdict::Reachable, Verdict::Blocked]);
        assert_eq!(of("gone0"), Verdict::Partly, "nobody knows by which it hears");
        for marks in [
            r#""master":"br0","#,
            r#""linkinfo":{"info_kind":"vrf"},"#,
            r#""linkinfo":{"info_slave_kind":"vrf"},"#,
        ] {
            let mut firewall = filtering(by_eth0);
            let addresses = firewall.listings.get_mut(&crate::facts::Listing::Addresses).unwrap();
            *addresses = addresses.replacen(
                "{\"ifname\":\"docker0\",",
                &alloc::format!("{{{marks}\"ifname\":\"docker0\","),
                1,
            );
            assert_ne!(told("docker0", firewall), Verdict::Blocked, "{marks}");
        }
    }

    /// The verdict on a listener of the world.
    fn of_world(scene: Scene, rules: &str, sent_on: &str) -> Verdict {
        let scene = scene.filtered(translated(rules, sent_on), &[]);
        scene.with_world(|world| world.reach(&world.snapshot.listeners[0])[0].verdict)
    }

    #[test]
    fn a_redirect_leads_to_a_listener_whose_own_port_is_closed() {
        let rules = "-A INPUT -m conntrack --ctstate DNAT -j ACCEPT\n";
        let to_8002 = "-A PREROUTING -i eth0 -p tcp -m tcp --dport 2222 -j REDIRECT --to-ports 8002";
        let told = |spot| of_world(scene().listens("lis.service", spot), rules, to_8002);
        // By docker0 nothing does.
        assert_eq!(told("0.0.0.0:8002/tcp"), Verdict::Partly);
        assert_eq!(told("203.0.113.1:8002/tcp"), Verdict::Partly);
        assert_eq!(told("172.17.0.1:8002/tcp"), Verdict::Blocked);
        assert_eq!(told("0.0.0.0:8003/tcp"), Verdict::Blocked);
    }

    #[test]
    fn a_redirect_leads_to_no_socket_that_is_tied_to_another_device() {
        let rules = "-A INPUT -m conntrack --ctstate DNAT -j ACCEPT\n";
        let to_8002 = "-A PREROUTING -i eth0 -p tcp -m tcp --dport 2222 -j REDIRECT --to-ports 8002";
        for (device, led) in [("eth0", 1), ("docker0", 0), ("lo", 0)] {
            let tied = |socket: &mut Listener| socket.device = Some(device.into());
            let scene = scene().listens("lis.service", "0.0.0.0:8002/tcp").socket(tied);
            let scene = scene.filtered(translated(rules, to_8002), &[]);
            scene.with_world(|world| {
                let listener = &world.snapshot.listeners[0];
                assert_eq!(world.leading_to(listener).count(), led, "{device}");
                let is_reached = world.reach(listener)[0].verdict != Verdict::Blocked;
                assert_eq!(is_reached, led == 1, "{device}");
            });
        }
    }

    #[test]
    fn a_neighbour_reaches_the_loopback_where_the_kernel_routes_it() {
        let told = |setting: &str| {
            let mut firewall = filtering("-A INPUT -j ACCEPT\n");
            firewall.listings.insert(crate::facts::Listing::Settings, setting.into());
            let scene = scene().listens("x.service", "127.0.0.1:80/tcp").filtered(firewall, &[]);
            scene.with_world(|world| world.reach(&world.snapshot.listeners[0])[0].verdict)
        };
        assert_eq!(told("net.ipv4.conf.all.route_localnet = 1\n"), Verdict::Partly);
        assert_eq!(told(""), Verdict::Blocked);
    }

    #[test]
    fn what_is_sent_on_reaches_nobody_here_but_who_stands_for_a_container() {
        let sent = "-A PREROUTING -d 203.0.113.1 -p tcp -j DNAT --to-destination 172.17.0.2";
        let told = |scene: Scene| of_world(scene, "", sent);
        assert_eq!(told(scene().listens("lis.service", "0.0.0.0:8002/tcp")), Verdict::Blocked);
        let proxy = scene().listens("docker.service", "0.0.0.0:8002/tcp").program("docker-proxy", "root");
        assert_eq!(told(proxy), Verdict::Partly);
    }

    #[test]
    fn what_one_family_lets_in_is_a_part() {
        // Nothing filters IPv6.
        let partly = told(Verdict::Partly, Verdict::Reachable, Basis::Firewall);
        assert_eq!(verdicts("[::]:80/tcp", "", &[]), partly);
    }

    #[test]
    fn sockets_that_are_one_thing_are_reached_as_the_one_for_both_families() {
        let closed = "-A INPUT -p tcp -m tcp --dport 81 -j ACCEPT\n";
        let told = |spots: [&str; 2], rules: &str| {
            let scene = scene().listens("x.service", spots[0]).v6only().again(spots[1]).v6only();
            scene.filtered(filtering(rules), &[]).with_world(|world| {
                let listeners: Vec<_> = world.snapshot.listeners.iter().collect();
                world.reach_of_all(&listeners).into_iter().map(|reach| reach.verdict).collect::<Vec<_>>()
            })
        };
        let [four, six] = ["0.0.0.0:80/tcp", "[::]:80/tcp"];
        // Nothing filters IPv6.
        for spots in [[four, six], [six, four]] {
            assert_eq!(told(spots, closed), [Verdict::Partly, Verdict::Reachable]);
        }
        assert_eq!(told([four, six], "-A INPUT -j ACCEPT\n"), [Verdict::Reachable; 2]);
        assert_eq!(told([four, four], closed), [Verdict::Blocked, Verdict::Reachable]);
    }

    #[test]
    fn nobody_reaches_a_socket_over_a_family_that_the_host_refuses() {
        let refuses =
            ["eth0", "docker0"].map(|name| alloc::format!("net.ipv6.conf.{name}.disable_ipv6 = 1\n"));
        let mut firewall = filtering("");
        firewall.listings.insert(crate::facts::Listing::Settings, refuses.concat());
        let scene = scene().listens("x.service", "[::]:80/tcp").v6only().filtered(firewall, &[]);
        let told = scene.with_world(|world| world.reach(&world.snapshot.listeners[0])[0].verdict);
        assert_eq!(told, Verdict::Blocked);
    }

    #[test]
    fn a_rule_that_nobody_understands_makes_no_listener_safe() {
        let odd = "-A INPUT -m string --string x --algo bm -j ACCEPT\n";
        let unknown = told(Verdict::Unknown, Verdict::Reachable, Basis::Firewall);
        assert_eq!(verdicts("0.0.0.0:80/tcp", odd, &[]), unknown);
    }

    #[test]
    fn rules_that_were_not_seen_leave_the_address_alone_to_tell() {
        let bind = told(Verdict::Reachable, Verdict::Reachable, Basis::Bind);
        for gap in [GapKind::HiddenFirewall, GapKind::UnlistedRules] {
            assert_eq!(verdicts("0.0.0.0:80/tcp", "", &[Gap::new(gap, 1)]), bind);
        }
        assert_eq!(verdicts("0.0.0.0:80/tcp", "no rule\n", &[]), bind);
    }

    #[test]
    fn who_gets_in_from_outside_a_zone_is_told() {
        let lan = [zone("lan", &[], &["docker0"])];
        let beyond = |spot: &str, accepted: &str, zones: &[Zone]| {
            let scene = scene().policy().listens("x.service", spot).filtered(filtering(accepted), &[]);
            let zones: Vec<_> = zones.iter().collect();
            scene.with_world(|world| world.is_reached_beyond(&world.snapshot.listeners[0], &zones))
        };
        let by_lan = "-A INPUT -i docker0 -p tcp -m tcp --dport 80 -j ACCEPT\n";
        let by_source = "-A INPUT -s 172.17.0.0/16 -p tcp -m tcp --dport 80 -j ACCEPT\n";
        assert!(!beyond("0.0.0.0:80/tcp", by_lan, &lan));
        assert!(!beyond("0.0.0.0:80/tcp", by_source, &lan), "who comes by eth0 gets no answer");
        assert!(beyond("0.0.0.0:80/tcp", by_lan, &[]));
        assert!(beyond("0.0.0.0:80/tcp", "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n", &lan));
        assert!(beyond("[::]:80/tcp", by_lan, &lan), "nothing filters IPv6");
        assert!(!beyond("127.0.0.1:80/tcp", "-A INPUT -j ACCEPT\n", &lan));
        let tied = scene()
            .listens("x.service", "0.0.0.0:80/tcp")
            .socket(|socket| socket.device = Some("docker0".into()))
            .filtered(filtering("-A INPUT -j ACCEPT\n"), &[]);
        assert!(
            !tied.with_world(|world| { world.is_reached_beyond(&world.snapshot.listeners[0], &[&lan[0]]) })
        );
    }
}
