//! The registry's table in use: one that was imported, else the one that is built in (A7).

use portreeve_core::registry::Registry;

/// A table that stays alive for as long as it is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableFile {}

impl TableFile {
    /// The table in use.
    pub(crate) const fn load() -> Self {
        Self {}
    }

    /// The registry.
    #[expect(clippy::unused_self, reason = "an imported table is borrowed from here")]
    pub(crate) const fn registry(&self) -> Registry<'_> {
        Registry::builtin()
    }
}
