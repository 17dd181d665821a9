//! The host once a change of its gate is taken back, so that it can be told who is cut off by that (A15).

use alloc::string::String;

use super::Refused;
use crate::{
    facts::{Listing as Kind, Snapshot},
    gate::{Body, Keep, Listing, Revision, ZoneName},
    port::PortSpec,
};

/// What a host lists that has no rules.
const NOTHING: &str = r#"{"nftables":[]}"#;

/// A way to take a change back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo<'a> {
    /// The trial is over.
    Trial,
    /// The gate is this one again.
    Gate(&'a Body),
    /// There is no gate any more, whatever is on trial.
    NoGate,
    /// Ports are no longer open for a while: to a zone, or to everybody.
    Shut(Option<ZoneName>, PortSpec),
}

/// The host that `snapshot` shows, with a change taken back.
///
/// # Errors
///
/// The gate of the snapshot cannot be told, or something is on trial, or nothing is.
pub fn undone(snapshot: &Snapshot, undo: &Undo<'_>) -> Result<Snapshot, Refused> {
    let mut after = snapshot.clone();
    let listings = &mut after.firewall.get_or_insert_default().listings;
    let text = listings.get(&Kind::Nft).map_or(NOTHING, String::as_str);
    let mut listing = Listing::read(text).map_err(Refused::Table)?;
    let standing = listing.standing().map_err(Refused::Table)?;
    let trial = standing.as_ref().and_then(|standing| standing.trial);
    let seconds_left = trial.map_or(0, |trial| trial.seconds_left);
    let done = match (undo, &standing) {
        (Undo::Trial, Some(standing)) => listing.take_back(standing),
        (Undo::Gate(body), Some(standing)) => listing.apply(body, standing, Keep::AtOnce, snapshot.taken),
        (Undo::Gate(body), None) => {
            listing.create(body, Revision::first(snapshot.taken));
            Ok(())
        }
        (Undo::NoGate, _) => {
            listing.remove();
            Ok(())
        }
        (Undo::Shut(zone, ports), _) => {
            listing.close_early(zone.as_ref(), *ports);
            Ok(())
        }
        (Undo::Trial, None) => Ok(()),
    };
    done.map_err(|_| Refused::OnTrial { seconds_left })?;
    listings.insert(Kind::Nft, listing.text());
    Ok(after)
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{
        gate::{Standing, Timeout},
        plan::{
            simulate,
            tests::{host, planned},
        },
        rules::testing::Scene,
    };

    fn standing(snapshot: &Snapshot) -> Option<Standing> {
        Standing::read(snapshot.firewall.as_ref().unwrap().text(Kind::Nft).unwrap()).unwrap()
    }

    /// A host whose gate opens 443, and the same with 22 on trial.
    fn tried() -> (Snapshot, Snapshot) {
        let web = host(&[("web", "443/tcp", "world")], "");
        let confirmed = simulate(&web.snapshot, &planned(&web).changes, Keep::AtOnce).unwrap();
        let mut ssh = host(&[("ssh", "22/tcp", "world")], "");
        ssh.snapshot = confirmed.clone();
        let minute = Timeout::of(Duration::from_secs(60)).unwrap();
        let tried = simulate(&confirmed, &planned(&ssh).changes, Keep::OnTrial(minute)).unwrap();
        (confirmed, tried)
    }

    #[test]
    fn a_trial_that_is_taken_back_leaves_what_was_confirmed() {
        let (confirmed, tried) = tried();
        let was = standing(&confirmed).unwrap();
        let is = standing(&undone(&tried, &Undo::Trial).unwrap()).unwrap();
        assert_eq!((is.trial, is.confirmed, is.body()), (None, was.confirmed, was.body()));
        assert_eq!(undone(&confirmed, &Undo::Trial), Err(Refused::OnTrial { seconds_left: 0 }));
    }

    #[test]
    fn a_gate_is_put_back_or_taken_away() {
        let (confirmed, tried) = tried();
        let body = standing(&confirmed).unwrap().body().unwrap().clone();
        assert_eq!(undone(&tried, &Undo::Gate(&body)), Err(Refused::OnTrial { seconds_left: 60 }));
        let none = undone(&tried, &Undo::NoGate).unwrap();
        assert_eq!(standing(&none), None);
        let back = undone(&none, &Undo::Gate(&body)).unwrap();
        assert_eq!(standing(&back).unwrap().body(), Some(&body));
    }

    /// The ports that are open to everybody for a while.
    fn open(scene: &Scene, ports: &str, shut: &str) -> bool {
        let set = r#""name":"open_world_tcp","#;
        let mut snapshot = scene.snapshot.clone();
        let listings = &mut snapshot.firewall.as_mut().unwrap().listings;
        let listing = listings[&Kind::Nft].clone();
        assert!(listing.contains(set), "{listing}");
        let elements =
            r#"[{"elem":{"val":22,"timeout":60,"expires":9}},{"elem":{"val":23,"timeout":60,"expires":9}}]"#;
        listings.insert(Kind::Nft, listing.replacen(set, &alloc::format!("\"elem\":{elements},{set}"), 1));
        let after = undone(&snapshot, &Undo::Shut(None, shut.parse().unwrap())).unwrap();
        let text = after.firewall.as_ref().unwrap().text(Kind::Nft).unwrap();
        text.contains(&alloc::format!("\"val\":{ports}"))
    }

    #[test]
    fn ports_that_are_shut_are_no_longer_open() {
        let mut scene = host(&[("web", "443/tcp", "world")], "");
        scene.snapshot = tried().0;
        assert!(!open(&scene, "22", "22/tcp") && open(&scene, "23", "22/tcp"));
        assert!(!open(&scene, "23", "22-23/tcp"));
        assert!(open(&scene, "22", "22/udp"));
    }
}
