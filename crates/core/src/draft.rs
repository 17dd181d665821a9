//! Writes a first policy from what a host does now, for a person to read and to cut down (A15, A26).

mod admit;
mod danger;
mod group;
mod name;
mod published;
mod sight;
mod write;

use alloc::string::String;

use crate::{words::Lang, world::World};

/// A policy that declares every listener of the judged namespaces, with the narrowest owner that lasts.
///
/// A unit lasts, then a container, a user other than root, an executable. Bound addresses are kept; what is dangerous
/// is declared narrowly, with the wide line beside it as a comment. Each is declared for those who get to it today: the
/// world, or zones made of the sources and interfaces that the packet filter lets in, else this host alone. What rules send
/// on to containers is a comment, for whoever reads it to decide. The text can be read by [`parse`](crate::policy::parse) whatever the snapshot holds; a snapshot that outgrows a policy's limits is
/// declared in part, and the text says so.
#[must_use]
pub fn draft(world: &World<'_>, lang: Lang) -> String {
    let seen = sight::sightings(world);
    let (services, published) = (group::services(&seen.sightings), published::published(world));
    write::policy(world, &seen, &services, &published, lang)
}

#[cfg(test)]
mod tests;
