//! Namespaces that were not entered, as far as descriptors of their sockets tell of them (A5).

use std::collections::BTreeMap;

use portreeve_core::{
    facts::{GapKind, Namespace},
    port::PortRange,
};

use super::{
    super::{connected::Connected, descriptors::Descriptors, sockets},
    Gaps, Look,
};

/// What `descriptors` tell of each namespace that is in none of `looks`.
///
/// It is no gap any more that it hides what its processes hold; what nobody holds there, and how its kernel hands out
/// ports, was not seen all the same.
pub(super) fn tell(
    descriptors: &Descriptors,
    looks: &[Look],
    names: &BTreeMap<String, u64>,
    gaps: &mut Gaps,
) -> Vec<Look> {
    gaps.call(GapKind::ForeignNamespaces, GapKind::UnenteredNamespaces);
    let unseen = descriptors.namespaces().filter(|id| looks.iter().all(|look| look.namespace.id != *id));
    unseen.map(|id| look(descriptors, id, names)).collect()
}

fn look(descriptors: &Descriptors, id: u64, names: &BTreeMap<String, u64>) -> Look {
    let name = names.iter().find(|(_, named)| **named == id).map(|(name, _)| name.clone());
    let (listening, others) = sockets::sides(descriptors.sockets(id));
    let mut connected = Connected::default();
    others.iter().for_each(|socket| connected.push(socket, id, &[]));
    Look {
        namespace: untold(id, name),
        links: Vec::new(),
        listening,
        connected,
        other: descriptors.other(id).to_vec(),
    }
}

/// A namespace of which nothing is known but that it is there.
fn untold(id: u64, name: Option<String>) -> Namespace {
    Namespace {
        id,
        name,
        own: false,
        interfaces: Vec::new(),
        client_range: PortRange::UNTOLD,
        reserved: Vec::new(),
        unprivileged_port_start: 0,
        connections_by_port: Vec::new(),
        connections_by_destination: Vec::new(),
    }
}
