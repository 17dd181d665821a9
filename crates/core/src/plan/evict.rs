//! Takes ports that only their owners are to bind out of the hands of strangers, where that is asked for (A24).

use alloc::{boxed::Box, string::String, vec::Vec};

use super::{
    Change, Effect, Held, Plan, Refused, Release,
    held::{every_held, is_refused_already},
};
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
    /// The command that stops him, where he is a unit.
    pub stop: Option<String>,
}

impl Eviction {
    /// What is done, in a sentence.
    pub(super) fn words(&self) -> Text {
        let Self { spec, who: Text { en, ja }, .. } = self;
        text!("have {en} listen on {spec} no more", "{spec} での {ja}の待ち受けを終わらせる")
    }

    /// What remains to be done about him: a server whose accept(2) fails may try it again without end.
    #[must_use]
    pub fn rest(&self) -> Text {
        let Self { spec, who: Text { en, ja }, stop, .. } = self;
        let Text { en: en_stop, ja: ja_stop } = match stop {
            Some(stop) => Text { en: stop.clone(), ja: stop.clone() },
            None => text!("see who it is (portreeve who {spec})", "portreeve who {spec} で確認してください"),
        };
        text!(
            "warning: {en} listens on {spec} no more, and runs on: until it is stopped it keeps the number, and may use a whole CPU and fill its log with errors; {en_stop}",
            "警告: {spec} での {ja}の待ち受けを終わらせましたが、プロセスは動作中です。停止するまで番号は bind されたままで、CPU を使い続けたり、エラーでログを埋めたりすることがあります: {ja_stop}"
        )
    }
}

/// A stranger's socket on a port of one service, to which another service is led.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedAndEvicted {
    /// The stranger.
    pub eviction: Eviction,
    /// The service that is led to him.
    pub service: String,
}

impl LedAndEvicted {
    /// Why nothing is changed.
    pub(super) fn why(&self) -> Text {
        let Self { eviction: Eviction { spec, service: whose, who: Text { en, ja }, .. }, service } = self;
        text!(
            "{en} is to listen on {spec} no more, which is {whose}'s, and {service} is led to that very socket",
            "{spec} は {whose} のポートであるため {ja}の待ち受けを終わらせますが、{service} はそのソケットに誘導されます"
        )
    }

    /// What to do about it.
    pub(super) fn fix(&self) -> Text {
        let Self { eviction: Eviction { service: whose, .. }, service } = self;
        text!(
            "have {service} listen elsewhere, or name its owner as one of {whose}'s too",
            "{service} の待ち受けを別のポートに移すか、その owner を {whose} の owner にも加えてください"
        )
    }
}

/// Adds to `plan` that whoever holds what `rules` refuse to him listens no more, as `standing` may do already.
///
/// # Errors
///
/// The first who cannot be made to, or by whose socket somebody is on the host.
pub(super) fn evict(
    world: &World<'_>,
    (rules, standing): (&Rules, &Rules),
    footholds: &[Foothold],
    plan: &mut Plan,
) -> Result<(), Refused> {
    for (held, holding) in every_held(world, rules) {
        let Some(eviction) = holding.and_then(|holding| eviction(world, &held, holding, footholds)) else {
            // What does not listen and cannot come back is evicted as far as it can be.
            let is_quiet = holding.is_none() && held.spec.protocol == Protocol::Tcp;
            if is_quiet && is_refused_already(&held, rules, standing) {
                plan.held.get_or_insert(held);
                continue;
            }
            return Err(Refused::Held(Box::new(unevicted(held))));
        };
        let because = because(&eviction);
        plan.changes.push(Change { what: Effect::evict(eviction), because, article: ARTICLE });
    }
    Ok(())
}

/// The same, of one from whom it is not had so.
fn unevicted(held: Held) -> Held {
    let release = if held.release == Release::Evict { Release::Stop } else { held.release };
    Held { release, ..held }
}

fn eviction(
    world: &World<'_>,
    held: &Held,
    holding: &Holding<'_>,
    footholds: &[Foothold],
) -> Option<Eviction> {
    // Who is here by that port would not come back, and what an owner holds too is his.
    let is_way_in = footholds.iter().any(|foothold| foothold.ports() == held.spec);
    if is_way_in || held.release != Release::Evict || strangers(world, holding)?.beside_owner {
        return None;
    }
    let cookie = |listener: &&Listener| {
        Some(listener.cookie).filter(|cookie| may_be_evicted(listener) && *cookie != 0)
    };
    let cookies = holding.listeners.iter().map(cookie).collect::<Option<_>>()?;
    let Held { spec, service, who, stop, .. } = held.clone();
    Some(Eviction { spec, cookies, service, who, stop })
}

/// Whether the kernel can end its listening.
pub(super) fn may_be_evicted(listener: &Listener) -> bool {
    listener.protocol == Protocol::Tcp && listener.state == SocketState::Listen
}

fn because(Eviction { service, .. }: &Eviction) -> Text {
    text!(
        "only whoever owns {service} is to bind it; this cannot be taken back, and it keeps the number until it is stopped",
        "{service} の owner だけが bind できるポートです。この変更は元に戻せず、番号は停止するまで bind されたままです"
    )
}
