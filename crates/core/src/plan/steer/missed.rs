//! What nobody is led to and somebody is to see to, and what nobody misses: over a family at which its service was never heard (A5, A12, A20).

use super::{Unled, dead, led_over, socket};
use crate::{
    address::{Address, Family},
    facts::Led,
    port::Protocol,
    steer::{Routes, Tenant},
    world::World,
};

/// Whether what comes in for `service` finds all the sockets that anybody may ask for.
#[must_use]
pub fn is_served(world: &World<'_>, (routes, led): (&Routes, &[Led]), service: &str) -> bool {
    let is_found = |tenant: Tenant<'_>| {
        tenant.ways().all(|way| led_over(tenant, way, led).is_some() || is_unmissed(world, tenant, way, led))
    };
    let mut own = routes.tenants().filter(|tenant| tenant.key().0 == service).peekable();
    own.peek().is_some() && own.all(is_found)
}

/// Why it finds none that is there, where somebody has to choose: to register it would be refused.
#[must_use]
pub fn choice(world: &World<'_>, (routes, led): (&Routes, &[Led]), service: &str) -> Option<Unled> {
    let own = dead(world, routes, led).into_iter().filter(|it| it.service == service);
    own.map(|it| it.why).find(|why| matches!(why, Unled::Several(_) | Unled::Apart(_)))
}

/// Whether its server is one of the other family alone: it has a socket there and none over this one, for which nobody has named an
/// address, so that without the steering nobody would listen there either.
pub(super) fn is_unmissed(
    world: &World<'_>,
    tenant: Tenant<'_>,
    (protocol, family): (Protocol, Family),
    led: &[Led],
) -> bool {
    let is_named = |address: &Address| Family::of(address.ip.to_canonical()) == family;
    let mut others = Family::ALL.into_iter().filter(|other| *other != family);
    others.any(|other| led_over(tenant, (protocol, other), led).is_some())
        && !tenant.addresses().any(is_named)
        && socket(world, tenant, (protocol, family), None) == Err(Unled::Nobody)
}
