//! What is known of the steering where whoever looked may not see it: which ports are steered, but to nobody (A4, A5).

use alloc::{
    collections::BTreeSet,
    string::{String, ToString as _},
    vec::Vec,
};

use crate::{
    facts::{Gap, GapKind, Snapshot},
    policy::Policy,
    port::{PortRange, PortSpec, Protocol},
    steer::Routes,
};

/// So many ports are named; of more all between the first and the last of a protocol count as steered.
const SPECS_MAX: usize = 16;

/// The ports that `routes` steer, at whatever address.
#[must_use]
pub fn ports(routes: &Routes) -> Vec<PortSpec> {
    let of = |route: &crate::steer::Route| PortSpec { range: route.ports, protocol: route.protocol };
    let all: BTreeSet<PortSpec> = routes.0.iter().map(of).collect();
    if all.len() <= SPECS_MAX {
        return all.into_iter().collect();
    }
    let span = |protocol| {
        let own = || all.iter().filter(move |spec| spec.protocol == protocol).map(|spec| spec.range);
        let range = PortRange {
            first: own().map(|range| range.first).min()?,
            last: own().map(|range| range.last).max()?,
        };
        Some(PortSpec { range, protocol })
    };
    Protocol::ALL.into_iter().filter_map(span).collect()
}

/// That it could not be seen to whom these ports are led; without any nobody knows which are.
#[must_use]
pub fn gap(ports: &[PortSpec]) -> Gap {
    let detail: Vec<String> = ports.iter().map(PortSpec::to_string).collect();
    let count = u32::try_from(ports.len().max(1)).unwrap_or(u32::MAX);
    Gap { detail: detail.join(", "), ..Gap::new(GapKind::HiddenSteering, count) }
}

/// What hides to whom packets for any port of `range` are led, where it is known or the policy says that they are.
#[must_use]
pub fn hidden<'a>(
    snapshot: &'a Snapshot,
    policy: Option<&Policy>,
    (protocol, range): (Option<Protocol>, PortRange),
) -> Option<&'a Gap> {
    let gap = snapshot.gaps.iter().find(|gap| gap.hides_steering())?;
    let is_said = policy.is_some_and(|policy| policy.steers_any(protocol, range));
    (is_said || names(gap, protocol, range)).then_some(gap)
}

/// Whether it is known of any of these ports that they are steered.
fn names(gap: &Gap, protocol: Option<Protocol>, range: PortRange) -> bool {
    let mut named = gap.detail.split(", ").filter_map(|text| text.parse::<PortSpec>().ok());
    named.any(|spec| spec.range.overlaps(range) && protocol.is_none_or(|protocol| protocol == spec.protocol))
}

/// Forgets that the steering was not seen where nothing tells of any: of most hosts that is true, and no gap.
pub fn forget_untold(snapshot: &mut Snapshot, policy: Option<&Policy>) {
    if !policy.is_some_and(Policy::speaks_of_steering) {
        snapshot.gaps.retain(|gap| !gap.hides_steering() || !gap.detail.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rules::testing::scene, steer::WhenDead, steered::tests::led};

    fn specs(texts: &[&str]) -> Vec<PortSpec> {
        texts.iter().map(|text| text.parse().expect("a port")).collect()
    }

    #[test]
    fn what_is_known_to_be_steered_is_hidden_whatever_the_policy_says() {
        let scene = scene().service("web", "80/tcp", "nginx.service");
        let steered = scene.clone().declared(|service| service.steer = Some(WhenDead::Refuse.into()));
        let is_hidden = |known: &[&str], scene: &crate::rules::testing::Scene, asked: &str| {
            let mut scene = scene.clone();
            scene.snapshot.gaps.push(gap(&specs(known)));
            forget_untold(&mut scene.snapshot, scene.policy.as_ref());
            let PortSpec { range, protocol } = asked.parse().expect("a port");
            let asked = (Some(protocol), range);
            (hidden(&scene.snapshot, scene.policy.as_ref(), asked).is_some(), scene.snapshot.gaps.len())
        };
        assert_eq!(is_hidden(&["9000/tcp"], &scene, "9000/tcp"), (true, 1));
        assert_eq!(is_hidden(&["53/udp", "9000-9001/tcp"], &scene, "9001/tcp"), (true, 1));
        assert_eq!(is_hidden(&["9000/tcp"], &scene, "9000/udp"), (false, 1));
        assert_eq!(is_hidden(&["9000/tcp"], &scene, "80/tcp"), (false, 1), "the policy does not steer it");
        assert_eq!(is_hidden(&["9000/tcp"], &steered, "80/tcp"), (true, 1));
        // Where nobody knows of any, the policy alone tells.
        assert_eq!(is_hidden(&[], &scene, "9000/tcp"), (false, 0));
        assert_eq!(is_hidden(&[], &steered, "80/tcp"), (true, 1));
        assert_eq!(is_hidden(&[], &steered, "9000/tcp"), (false, 1));
    }

    /// Whatever the policy says by now.
    #[test]
    fn nobody_is_missing_where_what_comes_in_is_led_to_somebody_or_may_be() {
        let is_missing = |scene: crate::rules::testing::Scene| {
            scene
                .rules()
                .iter()
                .any(|rule| ["moved-from-declared-port", "declared-but-silent"].contains(rule))
        };
        assert!(!is_missing(led()));
        let unseen = |known: &[&str]| {
            let mut scene = led();
            scene.snapshot.steer = None;
            scene.snapshot.gaps.push(gap(&specs(known)));
            scene
        };
        assert!(!is_missing(unseen(&["443/tcp"])));
        assert!(is_missing(unseen(&["444/tcp"])));
        let mut dead = led();
        dead.snapshot.steer.as_mut().expect("it is steered").led.clear();
        assert!(is_missing(dead));
    }

    #[test]
    fn of_many_routes_all_between_the_first_and_the_last_are_steered() {
        let routes = |ports: &mut dyn Iterator<Item = u16>| {
            let scene = led();
            let route = scene.snapshot.steer.expect("it is steered").routes.0.remove(0);
            let of = |port| crate::steer::Route { ports: PortRange::one(port), ..route.clone() };
            Routes(ports.map(of).collect())
        };
        assert_eq!(ports(&routes(&mut [80, 443, 443].into_iter())), specs(&["80/tcp", "443/tcp"]));
        assert_eq!(ports(&routes(&mut (0..40).map(|nth| 1_000 + 2 * nth))), specs(&["1000-1078/tcp"]));
        assert_eq!(ports(&Routes::default()), []);
    }
}
