//! Ports of this host at which a rule sends packets on to somebody else (A15, A17).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::World;
use crate::{
    address::Family,
    exposure::{How, Row, Senders, To, at, exposed, passages},
    finding::{Finding, spot_of},
    firewall::{Author, Filter, Intervals, Kind, Rewritten, author, span},
    policy::HOST,
    port::{PortRange, PortSpec, Protocol},
};

/// A port at which packets from the world are sent on, and arrive.
#[derive(Clone, Debug)]
pub struct Passage {
    protocol: Protocol,
    family: Family,
    ports: PortRange,
    to: Rewritten,
    /// The program that keeps the port closed for what is not sent on, where it is one that a person asks.
    pub closed_by: Option<Author>,
}

impl Passage {
    /// The ports as a policy writes them.
    #[must_use]
    pub const fn spec(&self) -> PortSpec {
        PortSpec { range: self.ports, protocol: self.protocol }
    }

    /// Where packets are sent: `172.17.0.2:80`.
    #[must_use]
    pub fn target(&self) -> String {
        let address = self.to.address.as_ref().and_then(|addresses| span(addresses, self.family));
        let port = self.to.port.as_ref().and_then(Intervals::only);
        match (address, port) {
            (Some(address), Some(port)) if self.family == Family::Ipv6 => format!("[{address}]:{port}"),
            (Some(address), Some(port)) => format!("{address}:{port}"),
            (Some(address), None) => address,
            (None, port) => port.map(|port| port.to_string()).unwrap_or_default(),
        }
    }

    /// Whether a service declares the port for others than the host itself.
    #[must_use]
    pub fn is_declared(&self, world: &World<'_>) -> bool {
        let mut desired = world.desired.at(self.protocol, self.ports.first);
        desired.any(|desired| desired.service.reach.iter().any(|zone| zone != HOST))
    }

    /// The finding about it, and about whoever keeps its number for the engine.
    #[must_use]
    pub fn about(&self, mut finding: Finding, world: &World<'_>) -> Finding {
        finding.netns = world.own_namespace().map(|namespace| namespace.id);
        let holdings = world.holdings_at(finding.netns.unwrap_or(0), self.protocol, self.ports.first);
        finding.silences.extend(holdings.iter().map(spot_of));
        finding.at(self.spec())
    }
}

impl World<'_> {
    /// Every port at which packets from the world are sent on and arrive, of both families together where these agree.
    #[must_use]
    pub fn passages(&self) -> Vec<Passage> {
        let Some(filter) = self.own_namespace().and_then(|_| self.filter()) else { return Vec::new() };
        let rows = passages(filter);
        let stays = rows.first().map(|_| without_rewriting(filter));
        let mut found: Vec<Passage> = Vec::new();
        for row in &rows {
            let known = found
                .iter()
                .any(|known| known.protocol == row.protocol && known.ports == row.exposure.range());
            if let Some(to) = row.exposure.ways.iter().find_map(sent_to).filter(|_| !known) {
                let closed_by = stays.as_ref().and_then(|stays| closed_by(stays, row));
                let (protocol, family, ports) = (row.protocol, row.family, row.exposure.range());
                found.push(Passage { protocol, family, ports, to, closed_by });
            }
        }
        found
    }
}

fn sent_to(way: &How) -> Option<Rewritten> {
    match way {
        How::Forwarded(to) => Some(to.clone()),
        How::Local | How::Routed => None,
    }
}

/// The same filter as if no rule sent anything on.
fn without_rewriting(filter: &Filter) -> Filter {
    let mut filter = filter.clone();
    for chain in &mut filter.ruleset.chains {
        if chain.base.as_ref().is_some_and(|base| base.kind == Kind::Nat) {
            chain.base = None;
        }
    }
    filter
}

/// Who keeps the port of `row` closed for packets that nobody sends on.
fn closed_by(stays: &Filter, row: &Row<'_>) -> Option<Author> {
    let to = To { family: row.family, protocol: row.protocol, addresses: None, ports: row.exposure.range() };
    let runs = exposed(stays, &Senders::World, &to);
    let run = at(&runs, row.exposure.range().first).filter(|run| run.ways.is_empty())?;
    let authors = run.decided_by.iter().map(|place| author(&stays.ruleset, *place));
    authors.into_iter().find(|author| matches!(author, Author::Ufw | Author::Firewalld))
}
