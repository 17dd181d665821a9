//! Hosts with a gate, for the tests of its rules.

use alloc::{string::String, vec::Vec};

use crate::{
    desired::desire,
    facts::{AtBoot, Firewall, KeptGate, LeftGate, Listing},
    gate::{Body, Gate, Listing as Table, Openings, Revision},
    rules::testing::{Scene, scene},
};

/// A host on which a gate that lets in 443/tcp was confirmed on the last day of 2025, and whose rules are `now`.
pub(in crate::rules) fn gated(at_boot: AtBoot, now: impl FnOnce(String) -> Option<String>) -> Scene {
    let at = "2025-12-31T08:00:00Z".parse().unwrap();
    kept(KeptGate::Whole { confirmed: body().digest(), at }, at_boot, now)
}

/// The same, of which this is kept for the next boot.
pub(in crate::rules) fn kept(
    kept: KeptGate,
    at_boot: AtBoot,
    now: impl FnOnce(String) -> Option<String>,
) -> Scene {
    let mut table = Table::read(r#"{"nftables":[]}"#).unwrap();
    table.create(&body(), Revision::of(7));
    let listings = now(table.text()).map(|text| (Listing::Nft, text));
    let mut scene = scene().policy().filtered(Firewall { listings: listings.into_iter().collect() }, &[]);
    scene.snapshot.gate = Some(LeftGate { kept, at_boot, ended_by_boot: false });
    scene
}

/// The listing with the table put to sleep.
pub(in crate::rules) fn asleep(listing: &str) -> String {
    let table = r#"{"table":{"#;
    assert_eq!(listing.matches(table).count(), 1, "{listing}");
    listing.replace(table, &[table, r#""flags":["dormant"],"#].concat())
}

fn body() -> Body {
    let declared = scene().service("web", "443/tcp", "nginx.service").reach("world");
    let policy = declared.policy.as_ref().expect("it has a service");
    let gate = Gate::of(policy, &desire(policy), Vec::new(), Openings::default());
    Body::from(&gate.expect("a port is a gate"))
}
