//! What can be reached by whom it should not be (A15, A16, A20).

mod cleartext_service;
mod container_port_by_route;
mod datastore_open_to_world;
mod firewall_absent;
mod open_through_forward;
pub(super) mod says_closed_is_open;
mod wider_on_ipv6;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[
    &says_closed_is_open::RULE,
    &open_through_forward::RULE,
    &container_port_by_route::RULE,
    &datastore_open_to_world::RULE,
    &cleartext_service::RULE,
    &wider_on_ipv6::RULE,
    &firewall_absent::RULE,
];
