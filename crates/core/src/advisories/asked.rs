//! Of which packages advisories are asked for: documents tell of thousands that nobody here has (A18).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
};

use super::ecosystem::speaks_of;
use crate::packages::Installed;

/// Packages by name and source, and the ecosystems of the roots that they are installed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The ecosystems of each name.
    names: BTreeMap<String, BTreeSet<String>>,
    ecosystems: BTreeSet<String>,
    /// The ecosystem of whoever asks.
    own: Option<String>,
}

impl Asked {
    /// Asks for nothing yet, on a host of that ecosystem.
    #[must_use]
    pub fn on(own: Option<&str>) -> Self {
        Self { own: own.map(Into::into), ..Self::default() }
    }

    /// What a document is about that tells of `ecosystem` and does not say of which release: of the own one, where that is of it.
    pub(super) fn meant(&self, ecosystem: &str) -> String {
        let own = self.own.as_ref().filter(|own| speaks_of(ecosystem, own));
        own.cloned().unwrap_or_else(|| ecosystem.into())
    }

    /// Asks for `package` in `ecosystem`, too.
    pub fn add(&mut self, ecosystem: &str, package: &Installed) {
        if !self.ecosystems.contains(ecosystem) {
            self.ecosystems.insert(ecosystem.into());
        }
        for name in [&package.name, &package.source] {
            let ecosystems = self.names.entry(name.clone()).or_default();
            if !ecosystems.contains(ecosystem) {
                ecosystems.insert(ecosystem.into());
            }
        }
    }

    /// Whether one of them is asked for of which `ecosystem` is told.
    pub(super) fn is_told(&self, ecosystem: &str, name: &str) -> bool {
        self.names.get(name).is_some_and(|asked| asked.iter().any(|asked| speaks_of(ecosystem, asked)))
    }

    /// Those that are asked for and of which `ecosystem` tells.
    pub(super) fn told_of<'a>(&'a self, ecosystem: &'a str) -> impl Iterator<Item = &'a String> {
        self.ecosystems.iter().filter(move |asked| speaks_of(ecosystem, asked))
    }
}
