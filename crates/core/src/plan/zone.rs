//! What a zone gains and loses by a change (A15, A20).

use alloc::{string::String, vec::Vec};

use crate::{address::Family, exposure::Reached, port::PortSpec};

/// What becomes another for a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneChange {
    /// The zone.
    pub zone: String,
    /// The ports that it reaches better than before, in order.
    pub gains: Vec<PortChange>,
    /// The ports that it reaches no longer, or not all of it, in order.
    pub loses: Vec<PortChange>,
}

/// A run of ports of which the same becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortChange {
    /// The ports.
    pub ports: PortSpec,
    /// The families of packets of which it holds.
    pub families: Vec<Family>,
    /// What became of packets to them.
    pub before: Reached,
    /// What will.
    pub after: Reached,
    /// Who listens there, or where packets are sent on; empty where nobody does.
    pub names: Vec<String>,
}
