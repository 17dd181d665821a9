//! Who can reach a listener, as the address that it is bound to tells (A4).

use portreeve_core::{
    address::Breadth,
    facts::Listener,
    policy::{HOST, WORLD},
};
use schemars::JsonSchema;
use serde::Serialize;

/// Whether packets of a zone can reach a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Reached {
    /// The zone.
    pub(crate) zone: &'static str,
    /// Whether they can.
    pub(crate) verdict: Verdict,
    /// What tells so.
    pub(crate) basis: Basis,
}

/// Whether packets arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// They do.
    Reachable,
    /// None does.
    Blocked,
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Basis {
    /// The address that the socket is bound to, whatever a firewall does.
    Bind,
}

/// From which zones `listener` can be reached.
pub(crate) fn reach(listener: &Listener) -> Vec<Reached> {
    let world = if listener.breadth() == Breadth::Loopback { Verdict::Blocked } else { Verdict::Reachable };
    [(HOST, Verdict::Reachable), (WORLD, world)]
        .map(|(zone, verdict)| Reached { zone, verdict, basis: Basis::Bind })
        .into()
}

/// The widest zone from which `listener` can be reached.
pub(crate) fn widest(listener: &Listener) -> &'static str {
    let reached = reach(listener);
    let widest = reached.iter().rev().find(|reached| reached.verdict == Verdict::Reachable);
    widest.map_or(HOST, |reached| reached.zone)
}
