//! Hosts on which somebody watches.

use alloc::vec::Vec;

use crate::{
    facts::{Suspected, Watched},
    rules::testing::{Scene, scene},
};

/// Somebody who is suspected of this at the moment of the look.
pub(super) fn suspect(source: &str, kind: &str) -> Suspected {
    Suspected {
        at: scene().snapshot.taken,
        source: source.into(),
        count: 1,
        kind: serde_json::from_value(kind.into()).expect("a kind"),
        service: None,
        proven: true,
        blocked_until: None,
    }
}

/// A host whose watch suspects these.
pub(super) fn watched(suspects: &[Suspected]) -> Scene {
    let mut scene = scene();
    scene.snapshot.watched =
        Some(Watched { at: scene.snapshot.taken, suspects: suspects.to_vec(), unread: Vec::new() });
    scene
}
