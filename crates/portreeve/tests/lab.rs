//! The built portreeve on whole Debian hosts, beside witnesses that are not ours: `ss`, `lsof`, `curl`.
//!
//! They need root and the lab's tools: `cargo xtask lab`, or by hand
//! `cargo test -p portreeve --features lab --test lab`. Without them they fail and say what they need.

mod lab {
    mod adrift;
    mod asking;
    mod awkward;
    mod before_rules;
    mod booting;
    mod by_route;
    mod change;
    mod chosen;
    mod churn;
    mod claims;
    mod claims_judged;
    mod claims_storm;
    mod cleanliness;
    mod closing;
    mod declared;
    mod delegated;
    mod docker;
    mod doctor;
    mod examples;
    mod exposure;
    mod firewalled;
    mod fixtures;
    mod fleet;
    mod follow;
    mod fresh;
    mod gate;
    mod guard;
    mod guarded;
    mod hideaways;
    mod hidepid;
    mod impostors;
    mod kept;
    mod kernel;
    mod kernel_types;
    mod ledger;
    mod ledgers;
    mod left_gate;
    mod living;
    mod member;
    mod monitors;
    mod moved;
    mod namespaces;
    mod operator;
    mod places;
    mod podman;
    mod pods;
    mod policy;
    mod rehearsal;
    mod replaced;
    mod reserving;
    mod reused;
    mod room;
    mod scheduling;
    mod sealed;
    mod silent;
    mod site;
    mod stale;
    mod steered;
    mod store;
    mod strangers;
    mod taken_back;
    mod threadless;
    mod together;
    mod torn;
    mod unlisted;
    mod unread;
    mod untold;
    mod verification;
    mod why;
    mod witnesses;
    mod zoo;
}
