//! Who stands on which number, and whether the number suits (A6, A8, A10).

mod anyone_may_take_well_known;
mod number_of_another_service;
mod service_in_dynamic_range;
mod shared_by_strangers;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[
    &shared_by_strangers::RULE,
    &anyone_may_take_well_known::RULE,
    &service_in_dynamic_range::RULE,
    &number_of_another_service::RULE,
];
