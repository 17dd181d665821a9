//! Of which packages advisories are asked for: documents tell of thousands that nobody here has (A18).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
};

use super::ecosystem::speaks_of;
use crate::packages::Installed;

/// Packages by name and source, and the ecosystems of the roots that they are installed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked(BTreeMap<String, BTreeSet<String>>);

impl Asked {
    /// Asks for `package` in `ecosystem`, too.
    pub fn add(&mut self, ecosystem: &str, package: &Installed) {
        for name in [&package.name, &package.source] {
            let ecosystems = self.0.entry(name.clone()).or_default();
            if !ecosystems.contains(ecosystem) {
                ecosystems.insert(ecosystem.into());
            }
        }
    }

    /// Whether one of them is asked for of which `ecosystem` is told.
    pub(super) fn is_told(&self, ecosystem: &str, name: &str) -> bool {
        self.0.get(name).is_some_and(|asked| asked.iter().any(|asked| speaks_of(ecosystem, asked)))
    }
}
