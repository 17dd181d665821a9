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
        (Undo::Gate(body), Some(standing)) => listing.apply(body, standing, Keep::AtOnce),
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
