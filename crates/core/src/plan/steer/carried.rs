//! Whose socket gets what comes in from now on where nobody's does: the one that got it before, or the one that is meant (A5, A12, A22).

use alloc::vec::Vec;

use super::{Lead, astray, joined, kept, socket};
use crate::{
    address::Family,
    facts::Led,
    port::Protocol,
    steer::{Routes, Tenant},
    steered::is_owners,
    world::World,
};

/// The sockets that services have and that nothing is led to yet once `before` becomes `routes`, where it is plain which is meant.
pub fn leads(world: &World<'_>, (before, routes): (&Routes, &Routes), led: &[Led]) -> Vec<Lead> {
    let change = Change { world, before, routes, led };
    let of = |tenant: Tenant<'_>| {
        let astray = astray(world, tenant, led).into_iter().filter(|it| it.stranger.is_none());
        joined(astray.filter_map(|it| change.lead(tenant, it.way)))
    };
    routes.tenants().flat_map(of).collect()
}

/// What is steered, what is to be, and whose sockets get it now.
struct Change<'c, 'w> {
    world: &'c World<'w>,
    before: &'c Routes,
    routes: &'c Routes,
    led: &'c [Led],
}

impl Change<'_, '_> {
    fn lead(&self, tenant: Tenant<'_>, way: (Protocol, Family)) -> Option<Lead> {
        let chosen = || socket(self.world, tenant, way, None).ok();
        let goes_on = self.former(tenant, way, |former, lead| is_one(former, tenant, lead));
        // Of several that are meant whoever has it keeps it.
        let is_meant = |_: Tenant<'_>, lead: &Lead| tenant.listens_on(way.0, lead.spec.range.first);
        goes_on.or_else(chosen).or_else(|| self.former(tenant, way, is_meant))
    }

    /// The socket of an owner that got what came in for any place of `tenant` before, if it is one that `will_do`: whatever its service
    /// was called, but none of a service that goes on.
    fn former(
        &self,
        tenant: Tenant<'_>,
        way: (Protocol, Family),
        will_do: impl Fn(Tenant<'_>, &Lead) -> bool,
    ) -> Option<Lead> {
        let is_own =
            |led: &&Led| (led.protocol, led.family) == way && is_owners(self.world, tenant.owners(), led);
        let of = |led: &Led| {
            let former = self.before.tenant(led.tenant())?;
            let is_over = former.key() == tenant.key() || self.routes.tenant(former.key()).is_none();
            let lead = kept(self.world.snapshot, tenant.key(), way, led.cookie)?;
            (is_over && former.overlaps(&tenant) && will_do(former, &lead)).then_some(lead)
        };
        self.led.iter().filter(is_own).find_map(of)
    }
}

/// Whether who got it goes on: the places are the same; or no other port is meant than before, and the socket is on one that is, or
/// somebody has chosen it himself, as by `steer move`.
fn is_one(former: Tenant<'_>, tenant: Tenant<'_>, lead: &Lead) -> bool {
    let is_meant = |of: Tenant<'_>| of.listens_on(lead.spec.protocol, lead.spec.range.first);
    former.is_where(&tenant) || former.has_target_of(&tenant) && (is_meant(tenant) || !is_meant(former))
}
