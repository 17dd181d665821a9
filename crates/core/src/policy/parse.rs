//! Reads a policy and reports every mistake at once, each with its place (A15, A24).

use alloc::{sync::Arc, vec::Vec};

use super::{Place, Policy};
use crate::{registry::Registry, words::Text};

/// One file of a policy.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// What to call it in messages: a path, or `<stdin>`.
    pub name: Arc<str>,
    /// What stands in it.
    pub text: &'a str,
}

/// Something in a policy that is wrong, or that its writer may not have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where, at the first character that is wrong.
    pub place: Place,
    /// How many characters are wrong, for the caret.
    pub width: u32,
    /// The other place, where two places contradict each other.
    pub also: Option<Place>,
    /// What is wrong.
    pub text: Text,
    /// What to write instead.
    pub fix: Text,
}

/// A policy that can be used, and what its writer may not have meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The policy.
    pub policy: Policy,
    /// Not wrong, but worth a look.
    pub warnings: Vec<Mistake>,
}

/// Reads the files of a policy together; IANA names are looked up in `registry`.
///
/// # Errors
///
/// Every mistake of every file, in order of place.
pub fn parse(_sources: &[Source<'_>], _registry: Registry<'_>) -> Result<Parsed, Vec<Mistake>> {
    Ok(Parsed::default())
}
