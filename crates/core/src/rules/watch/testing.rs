//! Hosts on which somebody watches.

use alloc::{collections::BTreeMap, string::ToString as _, vec::Vec};

use serde_json::json;

use crate::{
    facts::{AtBoot, Suspected, Watched},
    rules::{
        gate::testing::gated,
        testing::{Scene, scene},
    },
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
    suspecting(scene(), suspects)
}

/// The same behind a gate that keeps out these sources of IPv4 now.
pub(super) fn behind_gate(suspects: &[Suspected], kept_out: &[&str]) -> Scene {
    let blocked = json!(kept_out).to_string();
    let gated = gated(AtBoot::Enabled, |listing| {
        let set = "\"name\":\"blocked4\"";
        assert_eq!(listing.matches(set).count(), 1, "{listing}");
        Some(listing.replace(set, &["\"elem\":", &blocked, ",", set].concat()))
    });
    suspecting(gated, suspects)
}

fn suspecting(mut scene: Scene, suspects: &[Suspected]) -> Scene {
    scene.snapshot.watched = Some(Watched {
        at: scene.snapshot.taken,
        suspects: suspects.to_vec(),
        unread: Vec::new(),
        not_understood: BTreeMap::new(),
    });
    scene
}
