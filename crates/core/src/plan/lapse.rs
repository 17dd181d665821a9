//! The packet filter once all that the gate lets in for a while is over: whoever counts on that is out then (A15).

use super::Refused;
use crate::{
    facts::{Listing as Kind, Snapshot},
    firewall::{self, Filter},
    gate::Listing,
};

/// The packet filter of `snapshot` without the ports that are open for a while; `None` where there are none.
///
/// # Errors
///
/// A listing cannot be read.
pub(super) fn lapsed(snapshot: &Snapshot) -> Result<Option<Filter>, Refused> {
    let Some(firewall) = &snapshot.firewall else { return Ok(None) };
    let Some(text) = firewall.text(Kind::Nft) else { return Ok(None) };
    let mut listing = Listing::read(text).map_err(Refused::Table)?;
    if !listing.lapse() {
        return Ok(None);
    }
    let mut after = firewall.clone();
    after.listings.insert(Kind::Nft, listing.text());
    firewall::read(&after).map(Some).map_err(Refused::Unreadable)
}
