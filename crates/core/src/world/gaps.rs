//! Whether an answer could change with what was not seen (exit code 3).

use crate::{
    address::Breadth,
    facts::{ExeState, Gap, GapKind, HolderGap, Listener, Snapshot},
    world::Scope,
};

/// Whether `gap` could change an answer about `listeners`, in the namespaces of `scope`.
///
/// A hidden owner elsewhere, or a namespace that nobody asked for, changes nothing.
#[must_use]
pub fn gap_matters<'a>(
    gap: &Gap,
    snapshot: &Snapshot,
    scope: &Scope,
    mut listeners: impl Iterator<Item = &'a Listener>,
) -> bool {
    match gap.what {
        GapKind::VanishedProcesses => listeners.any(|it| lacks_holder(it, &[HolderGap::Vanished])),
        _ if gap.hides_firewall() || gap.is_before_rules() => {
            listeners.any(|listener| listener.breadth() != Breadth::Loopback)
        }
        // They are counted: of whomever else somebody was seen.
        GapKind::HiddenOwners | GapKind::OutOfSight => {
            listeners.any(|it| lacks_holder(it, &[HolderGap::OtherUser, HolderGap::OutOfSight]))
        }
        _ if gap.hides_holders() => listeners.any(Listener::may_hide_holder),
        // A port is as it is whatever waits to be installed: whoever asks for that is told.
        _ if gap.hides_packages() => false,
        GapKind::HiddenFiles => listeners.any(|listener| hides_files(snapshot, listener)),
        GapKind::ForeignNamespaces | GapKind::UnenteredNamespaces => misses_namespace(snapshot, scope),
        _ => true,
    }
}

/// Whether nobody was seen to hold it, for one of these reasons or for none that is known.
fn lacks_holder(listener: &Listener, by: &[HolderGap]) -> bool {
    listener.gap.map_or(listener.holders.is_empty(), |gap| by.contains(&gap))
}

fn hides_files(snapshot: &Snapshot, listener: &Listener) -> bool {
    let known = |state| matches!(state, ExeState::Replaced | ExeState::Deleted);
    listener.holders.is_empty() && listener.gap != Some(HolderGap::Kernel)
        || snapshot.holders(listener).any(|(_, process)| {
            !known(process.exe_state)
                && (process.exe_state == ExeState::Unknown || process.stale_files.is_none())
        })
}

fn misses_namespace(snapshot: &Snapshot, scope: &Scope) -> bool {
    match scope {
        Scope::Own => false,
        Scope::All => true,
        Scope::One(id) => snapshot.namespace(*id).is_none_or(|namespace| !namespace.was_entered()),
    }
}
