//! Takes ports that only their owners are to bind out of the hands of strangers, where that is asked for (A24).

use alloc::{boxed::Box, string::String, vec::Vec};

use super::{Change, Effect, Held, Plan, Refused, guard::every_held};
use crate::{
    facts::{Foothold, Listener, SocketState},
    guard::Rules,
    port::{PortSpec, Protocol},
    text,
    words::Text,
    world::{Holding, World, strangers},
};

/// The duties that this serves.
const ARTICLE: &[&str] = &["A24"];

/// A stranger's sockets on a port, which are to listen no more. His connections stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// The port.
    pub spec: PortSpec,
    /// The sockets, by the kernel's numbers.
    pub cookies: Vec<u64>,
    /// The service that it belongs to.
    pub service: String,
    /// Who holds it.
    pub who: Text,
}

impl Eviction {
    /// What is done, in a sentence.
    pub(super) fn words(&self) -> Text {
        let Self { spec, who: Text { en, ja }, .. } = self;
        text!("have {en} listen on {spec} no more", "{spec} での {ja}の待ち受けを終わらせる")
    }
}

/// Adds to `plan` that whoever holds what `rules` refuse to him listens no more.
///
/// # Errors
///
/// The first who cannot be made to, or by whose socket somebody is on the host.
pub(super) fn evict(
    world: &World<'_>,
    rules: &Rules,
    footholds: &[Foothold],
    plan: &mut Plan,
) -> Result<(), Refused> {
    for (held, holding) in every_held(world, rules) {
        let eviction = holding.and_then(|holding| eviction(world, &held, holding, footholds));
        let stays = || Refused::Held(Box::new(Held { may_be_evicted: false, ..held }));
        let eviction = eviction.ok_or_else(stays)?;
        let because = because(&eviction);
        plan.changes.push(Change { what: Effect::evict(eviction), because, article: ARTICLE });
    }
    Ok(())
}

fn eviction(
    world: &World<'_>,
    held: &Held,
    holding: &Holding<'_>,
    footholds: &[Foothold],
) -> Option<Eviction> {
    // Who is here by that port would not come back, and what an owner holds too is his.
    let is_way_in = footholds.iter().any(|foothold| foothold.ports() == held.spec);
    if is_way_in || strangers(world, holding)?.beside_owner {
        return None;
    }
    let cookie = |listener: &&Listener| {
        Some(listener.cookie).filter(|cookie| may_be_evicted(listener) && *cookie != 0)
    };
    let cookies = holding.listeners.iter().map(cookie).collect::<Option<_>>()?;
    let Held { spec, service, who, .. } = held.clone();
    Some(Eviction { spec, cookies, service, who })
}

/// Whether the kernel can end its listening.
pub(super) fn may_be_evicted(listener: &Listener) -> bool {
    listener.protocol == Protocol::Tcp && listener.state == SocketState::Listen
}

fn because(Eviction { service, .. }: &Eviction) -> Text {
    text!(
        "only whoever owns {service} is to bind it; this cannot be taken back",
        "{service} の owner だけが bind できるポートです。この変更は元に戻せません"
    )
}
