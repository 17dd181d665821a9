//! Gives bytes to the snapshot reader, and what it lets through to every rule: a snapshot may come from anybody.

use portreeve_core::{
    facts::Snapshot,
    registry::Registry,
    rules::judge,
    world::{Scope, World},
};

/// Whatever reads as a snapshot can be judged.
pub(crate) fn feed(bytes: &[u8]) {
    let Ok(snapshot) = serde_json::from_slice::<Snapshot>(bytes) else { return };
    for scope in [Scope::Own, Scope::All] {
        let world = World::new(&snapshot, None, Registry::builtin(), snapshot.taken, scope);
        assert!(
            judge(&world).iter().all(|finding| !finding.text.en.is_empty() && !finding.text.ja.is_empty())
        );
    }
}
