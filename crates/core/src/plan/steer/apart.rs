//! That packets for one declared port are led to no socket of another one (A5, A12).

use super::{
    Lead, Unled, Whose,
    socket::{are_apart, of_family},
};
use crate::{address::Family, port::Protocol, steer::Tenant, world::World};

/// The socket to which packets of this way for `service` are led: the only one of its owners on a port that is meant; where somebody
/// says which process, the only one that it has, if it has none there.
///
/// Where its ports have a socket each over the other family, the one that is there for all of them over this one is nobody's choice:
/// that of the others may not be there yet.
///
/// # Errors
///
/// There is none, or several.
pub fn socket(
    world: &World<'_>,
    tenant: Tenant<'_>,
    way: (Protocol, Family),
    whose: Option<Whose>,
) -> Result<Lead, Unled> {
    let lead = of_family(world, tenant, way, whose)?;
    // Whoever names the very socket means it.
    if whose.is_some_and(|whose| whose.fd.is_some()) {
        return Ok(lead);
    }
    let others = tenant.ways().filter(|other| other.0 == way.0 && *other != way);
    let apart = |other| match of_family(world, tenant, other, whose) {
        Ok(other) => are_apart(tenant, &[&lead, &other]).then(|| [lead.clone(), other].into()),
        Err(Unled::Apart(leads)) => Some(leads),
        Err(_) => None,
    };
    let leads = others.filter_map(apart).next();
    leads.map_or(Ok(lead.clone()), |leads| Err(Unled::Apart(leads)))
}
