//! The host as it will be: a snapshot in which changes are made already (A15, A16).

use alloc::string::String;

use super::{Change, Effect, Refused, Reservation};
use crate::{
    facts::{Listing as Kind, Snapshot},
    gate::{self, Keep, Listing},
};

/// What a host lists that has no rules.
const NOTHING: &str = r#"{"nftables":[]}"#;

/// The host that `snapshot` shows, with `changes` made as `keep` says.
///
/// # Errors
///
/// The gate of the snapshot cannot be told, or something is on trial, or this would be and cannot.
pub fn simulate(snapshot: &Snapshot, changes: &[Change], keep: Keep) -> Result<Snapshot, Refused> {
    let mut after = snapshot.clone();
    for Change { what, .. } in changes {
        if let Some(change) = what.reservation() {
            keep_back(&mut after, change);
            continue;
        }
        let listings = &mut after.firewall.get_or_insert_default().listings;
        let text = listings.get(&Kind::Nft).map_or(NOTHING, String::as_str);
        let text = listed(what, text, keep, snapshot)?;
        listings.insert(Kind::Nft, text);
    }
    Ok(after)
}

/// The kernel of the namespace that portreeve runs in keeps something else back.
fn keep_back(after: &mut Snapshot, change: &Reservation) {
    let own = after.namespaces.iter_mut().find(|namespace| namespace.own);
    if let Some(own) = own {
        own.reserved = change.kept_after(&own.reserved);
    }
}

fn listed(effect: &Effect, text: &str, keep: Keep, snapshot: &Snapshot) -> Result<String, Refused> {
    let mut listing = Listing::read(text).map_err(Refused::Table)?;
    let standing = listing.standing().map_err(Refused::Table)?;
    match effect.simulate(&mut listing, standing.as_ref(), keep, snapshot.taken) {
        Ok(()) => Ok(listing.text()),
        Err(gate::Refused::Anew) => Err(Refused::Anew),
        Err(gate::Refused::OnTrial | gate::Refused::NoTrial) => {
            let trial = standing.and_then(|standing| standing.trial);
            Err(Refused::OnTrial { seconds_left: trial.map_or(0, |trial| trial.seconds_left) })
        }
    }
}
