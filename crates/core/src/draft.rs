//! Writes a first policy from what a host does now, for a person to read and to cut down (A15, A26).

mod danger;
mod group;
mod name;
mod sight;
mod write;

use alloc::string::String;

use crate::{words::Lang, world::World};

/// A policy that declares every listener of the judged namespaces, with the narrowest owner that lasts.
///
/// A unit lasts, then a container, a user other than root, an executable. Bound addresses are kept; what is dangerous
/// is declared narrowly, with the wide line beside it as a comment. The text can be read by
/// [`parse`](crate::policy::parse) whatever the snapshot holds; a snapshot that outgrows a policy's limits is
/// declared in part, and the text says so.
#[must_use]
pub fn draft(world: &World<'_>, lang: Lang) -> String {
    let seen = sight::sightings(world);
    write::policy(world, &seen, &group::services(&seen.sightings), lang)
}

#[cfg(test)]
mod tests;
