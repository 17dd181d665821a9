//! From which zones the protocols come that have no ports, which a gate lets in unless the policy says otherwise (A15, A16).

use alloc::{string::String, vec, vec::Vec};

use crate::{
    gate::OtherProtocol,
    policy::{Policy, WORLD},
};

/// A protocol without ports that the gate judges, and who may send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolPassage {
    /// The protocol.
    pub protocol: OtherProtocol,
    /// The zones from which it passes: `world` where the policy is silent, `host` where it is closed.
    pub reach: Vec<String>,
}

/// Every one that has a name, in the order of [`OtherProtocol::ALL`]; all others pass.
pub(super) fn protocols(policy: &Policy) -> Vec<ProtocolPassage> {
    let of = |protocol| {
        let written = policy.protocols.iter().find(|it| it.protocol == protocol);
        let reach = written.map_or_else(|| vec![WORLD.into()], |it| it.reach.clone());
        ProtocolPassage { protocol, reach }
    };
    OtherProtocol::ALL.map(of).into()
}
