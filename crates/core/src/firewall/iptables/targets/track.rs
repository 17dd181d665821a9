//! What is tracked as a connection, and what is not.

use alloc::{vec, vec::Vec};

use super::Target;
use crate::firewall::ruleset::Step;

pub(super) const NOTRACK: Target =
    Target { name: "NOTRACK", options: &[], read: |_, _| Some(vec![Step::Untrack]) };

/// Helpers, zones and timeouts leave a packet what it is.
pub(super) const CT: Target = Target {
    name: "CT",
    options: &[
        ("--notrack", 0),
        ("--helper", 1),
        ("--timeout", 1),
        ("--ctevents", 1),
        ("--expevents", 1),
        ("--zone", 1),
        ("--zone-orig", 1),
        ("--zone-reply", 1),
    ],
    read: |given, _| {
        let is_untracked = given.iter().any(|option| option.name == "--notrack");
        Some(is_untracked.then_some(Step::Untrack).into_iter().collect::<Vec<_>>())
    },
};
