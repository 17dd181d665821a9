//! Whether those who are on the host can still get in once changes are made (A15).

mod management;

use alloc::{boxed::Box, vec::Vec};

use ipnet::IpNet;

use super::{
    Change, Cut, Refused,
    edge::{Way, way},
    lapse::lapsed,
    read, seen, simulate,
};
use crate::{
    address::Family,
    exposure::{Exposure, Reached, Senders, To, exposed},
    facts::{Foothold, Snapshot},
    firewall::{Filter, Intervals, Place, number},
    gate::Keep,
    port::PortRange,
    world::World,
};

/// Whether a new connection from the peer of each foothold to its port would still pass once `changes` are made, and
/// those from each zone from which the policy says that the host is managed.
///
/// # Errors
///
/// The first one that would not, or of which it cannot be told; that there is none, which is not safety: nobody knows
/// then by which way whoever asks is here.
pub fn protect(world: &World<'_>, changes: &[Change], footholds: &[Foothold]) -> Result<(), Refused> {
    if changes.is_empty() {
        return Ok(());
    }
    if footholds.is_empty() && !management::is_declared(world) {
        return Err(Refused::NoFoothold);
    }
    protected(world, &simulate(world.snapshot, changes, Keep::AtOnce)?, footholds)
}

/// The same once the host is as `after` shows it.
///
/// # Errors
///
/// As of [`protect`], and where the packet filter was not seen or cannot be read.
pub fn protect_after(world: &World<'_>, after: &Snapshot, footholds: &[Foothold]) -> Result<(), Refused> {
    protected(world, after, footholds)
}

/// Nothing may be taken from anybody at once, nor once all is over that is open for a while: that is no lasting way in.
fn protected(world: &World<'_>, after: &Snapshot, footholds: &[Foothold]) -> Result<(), Refused> {
    let before = seen(world)?;
    let now = read(after)?;
    let ways = footholds.iter().map(|foothold| (foothold, way(before, foothold)));
    let ways: Vec<_> = ways.filter(|(_, way)| !matches!(way, Way::Elsewhere)).collect();
    management::managed(world, before, &now)?;
    if ways.is_empty() {
        return Err(Refused::NoFoothold);
    }
    ways.iter().find_map(|(foothold, way)| cut(foothold, way, &now)).map_or(Ok(()), Err)?;
    let Some(before) = lapsed(world.snapshot)? else { return Ok(()) };
    let later = lapsed(after)?.unwrap_or(now);
    management::managed(world, &before, &later)?;
    // Whoever is here by what is open for a while loses nothing by the change.
    let lasting = ways.iter().filter(|(foothold, way)| cut(foothold, way, &before).is_none());
    lasting.into_iter().find_map(|(foothold, way)| cut(foothold, way, &later)).map_or(Ok(()), Err)
}

/// What is said of a foothold that is none any more where the packet filter is `after`.
fn cut(foothold: &Foothold, way: &Way, after: &Filter) -> Option<Refused> {
    let Way::To(foothold) = way else {
        return Some(Refused::WouldCut(Box::new(Cut { foothold: foothold.clone(), rule: None })));
    };
    let run = verdict(after, foothold);
    let passes = run.as_ref().is_some_and(|run| run.reached == Reached::Reachable);
    (!passes).then(|| {
        let rule = run.and_then(|run| decisive(&run)).map(|place| after.ruleset.named(place));
        Refused::WouldCut(Box::new(Cut { foothold: foothold.clone(), rule }))
    })
}

/// What becomes of new connections like that of `foothold`; `None` where no packet could be one.
pub(super) fn verdict(filter: &Filter, foothold: &Foothold) -> Option<Exposure> {
    let [peer, local] = [&foothold.peer, &foothold.local].map(|address| address.ip.to_canonical());
    let family = Family::of(local);
    let to = To {
        family,
        protocol: foothold.protocol,
        addresses: Some(Intervals::one(number(local))),
        ports: PortRange { first: foothold.port, last: foothold.port },
    };
    let is_possible = Family::of(peer) == family;
    exposed(filter, &senders(filter, foothold), &to).into_iter().next().filter(|_| is_possible)
}

/// Whoever is at the other end of `foothold`.
pub(super) fn senders<'a>(filter: &Filter, foothold: &'a Foothold) -> Senders<'a> {
    let peer = foothold.peer.ip.to_canonical();
    let own = IpNet::from(peer);
    match (&foothold.interface, filter.around.is_own(peer)) {
        (_, true) => Senders::Host,
        (Some(interface), false) => Senders::Behind(interface, own),
        (None, false) => Senders::Network(own),
    }
}

/// The rule that ends the way of packets, or of which nobody can tell whether it does.
pub(super) fn decisive(run: &Exposure) -> Option<Place> {
    run.doubts.iter().chain(&run.decided_by).next().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::Listing,
        plan::tests::{host, planned},
        port::Protocol,
        rules::testing::Scene,
    };

    /// Somebody's connection to a port of the host that has the address 203.0.113.1.
    fn from(peer: &str, local: &str, port: u16, interface: Option<&str>) -> Foothold {
        Foothold {
            protocol: Protocol::Tcp,
            peer: peer.parse().unwrap(),
            local: local.parse().unwrap(),
            port,
            interface: interface.map(Into::into),
            who: "sshd (pid 811)".into(),
        }
    }

    fn answer(scene: &Scene, footholds: &[Foothold]) -> Result<(), Refused> {
        let changes = planned(scene).changes;
        scene.with_world(|world| protect(world, &changes, footholds))
    }

    const OPEN: &str = "-A INPUT -j ACCEPT\n";

    #[test]
    fn whoever_is_here_by_a_declared_port_may_come_back() {
        let scene = host(&[("ssh", "22/tcp", "world")], OPEN);
        for foothold in [
            from("198.51.100.9", "203.0.113.1", 22, None),
            from("::ffff:198.51.100.9", "::ffff:203.0.113.1", 22, Some("eth0")),
            from("2001:db8:9::9", "2001:db8::1", 22, Some("eth0")),
            // From this host to itself by the loopback device.
            from("127.0.0.1", "127.0.0.1", 2222, None),
            from("203.0.113.1", "203.0.113.1", 2222, None),
        ] {
            assert_eq!(answer(&scene, core::slice::from_ref(&foothold)), Ok(()), "{foothold:?}");
        }
    }

    #[test]
    fn a_policy_without_the_port_is_refused_with_peer_port_and_rule() {
        let scene = host(&[("web", "443/tcp", "world")], OPEN);
        let foothold = from("198.51.100.9", "203.0.113.1", 22, None);
        let good = from("198.51.100.9", "203.0.113.1", 443, None);
        let refused = answer(&scene, &[good, foothold.clone()]).unwrap_err();
        let Refused::WouldCut(cut) = &refused else { panic!("{refused:?}") };
        assert_eq!(cut.foothold, foothold);
        assert_eq!(cut.rule.as_deref(), Some("inet portreeve dropped: counter name \"refused\" drop"));
        assert!(
            refused.why().en.starts_with("198.51.100.9 is connected to 22/tcp (sshd (pid 811)) and could")
        );
    }

    #[test]
    fn the_rule_of_somebody_else_is_named_too() {
        let scene = host(&[("ssh", "22/tcp", "world")], "");
        let refused = answer(&scene, &[from("198.51.100.9", "203.0.113.1", 22, None)]).unwrap_err();
        let Refused::WouldCut(cut) = &refused else { panic!("{refused:?}") };
        assert_eq!(cut.rule.as_deref(), Some("ip filter INPUT: policy drop"));
    }

    #[test]
    fn whoever_is_kept_out_for_a_while_is_not_told_to_declare_the_port() {
        let both = host(&[("ssh", "22/tcp", "world"), ("web", "443/tcp", "world")], OPEN);
        let mut scene = host(&[("ssh", "22/tcp", "world")], OPEN);
        scene.snapshot = opened(&both, "blocked4", r#"["198.51.100.9"]"#);
        let refused = answer(&scene, &[from("198.51.100.9", "203.0.113.1", 22, None)]).unwrap_err();
        assert!(refused.fix().en.starts_with("close --from keeps that source out"), "{refused:?}");
    }

    #[test]
    fn what_cannot_be_told_is_not_safe() {
        let odd = "-A INPUT -m string --string x --algo bm -j ACCEPT\n";
        let scene = host(&[("ssh", "22/tcp", "world")], odd);
        assert!(answer(&scene, &[from("198.51.100.9", "203.0.113.1", 22, None)]).is_err());
        // No interface has that name any more.
        let scene = host(&[("ssh", "22/tcp", "world")], OPEN);
        let gone = answer(&scene, &[from("198.51.100.9", "203.0.113.1", 22, Some("ppp0"))]).unwrap_err();
        assert!(matches!(&gone, Refused::WouldCut(cut) if cut.rule.is_none()), "{gone:?}");
    }

    /// The host of `scene` with its plan carried out, and ports of a zone open with these elements.
    fn opened(scene: &Scene, set: &str, elements: &str) -> Snapshot {
        let mut done = simulate(&scene.snapshot, &planned(scene).changes, Keep::AtOnce).unwrap();
        let listings = &mut done.firewall.as_mut().unwrap().listings;
        let set = alloc::format!(r#""name":"{set}","#);
        let listing =
            listings[&Listing::Nft].replacen(&set, &alloc::format!(r#""elem":{elements},{set}"#), 1);
        assert!(listing.contains(elements), "{listing}");
        listings.insert(Listing::Nft, listing);
        done
    }

    #[test]
    fn what_is_open_for_a_while_is_no_lasting_way_in() {
        let here = from("198.51.100.9", "203.0.113.1", 22, None);
        let for_a_while = r#"[{"elem":{"val":22,"timeout":12,"expires":9}}]"#;
        let both = host(&[("ssh", "22/tcp", "world"), ("web", "443/tcp", "world")], OPEN);
        let mut less = host(&[("web", "443/tcp", "world")], OPEN);
        less.snapshot = opened(&both, "open_world_tcp", for_a_while);
        let lost = planned(&less).zones.into_iter().flat_map(|zone| zone.loses).map(|lost| lost.ports);
        assert_eq!(lost.collect::<Vec<_>>(), ["22/tcp".parse().unwrap()]);
        let refused = answer(&less, core::slice::from_ref(&here));
        assert!(matches!(&refused, Err(Refused::WouldCut(cut)) if cut.foothold == here), "{refused:?}");
        // Whoever came by nothing else loses nothing that they had.
        let mut more = host(&[("web", "443/tcp", "world"), ("dns", "53/tcp", "world")], OPEN);
        more.snapshot = opened(&host(&[("web", "443/tcp", "world")], OPEN), "open_world_tcp", for_a_while);
        assert_eq!(answer(&more, core::slice::from_ref(&here)), Ok(()));
        // To close it early is what cuts them.
        let undo = crate::plan::Undo::Shut(None, "22/tcp".parse().unwrap());
        let shut = crate::plan::undone(&more.snapshot, &undo).unwrap();
        let refused = more.with_world(|world| protect_after(world, &shut, core::slice::from_ref(&here)));
        assert!(matches!(refused, Err(Refused::WouldCut(_))), "{refused:?}");
    }

    #[test]
    fn nobody_found_is_not_safe_and_nothing_to_do_is() {
        let mut scene = host(&[("ssh", "22/tcp", "world")], OPEN);
        assert_eq!(answer(&scene, &[]), Err(Refused::NoFoothold));
        let changes = planned(&scene).changes;
        scene.snapshot = simulate(&scene.snapshot, &changes, Keep::AtOnce).unwrap();
        assert_eq!(answer(&scene, &[]), Ok(()));
    }
}
