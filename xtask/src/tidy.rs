//! The rules of the house, kept by a machine: one check a file.

mod dependencies;
mod duties;
mod fences;
mod house;
mod languages;
mod length;
mod links;
mod names;
mod reached;
mod rules;
mod sentences;
mod words;

use house::{House, Mistake};

use crate::shell::{Result, root};

/// Every check, in the order in which ARCHITECTURE.md speaks of them.
const CHECKS: &[fn(&House) -> Vec<Mistake>] = &[
    sentences::check,
    length::check,
    names::check,
    words::check,
    fences::check,
    duties::check,
    rules::check,
    dependencies::check,
    languages::check,
    links::check,
    reached::check,
];

/// Says everything that is untidy.
pub(crate) fn run(_: &[String]) -> Result {
    let house = House::read(root())?;
    let mistakes: Vec<Mistake> = CHECKS.iter().flat_map(|check| check(&house)).collect();
    for mistake in &mistakes {
        eprintln!("{mistake}");
    }
    if mistakes.is_empty() { Ok(()) } else { Err(format!("{} untidy places", mistakes.len()).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        run(&[]).unwrap();
    }
}
