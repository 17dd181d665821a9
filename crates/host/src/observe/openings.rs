//! Who opened each listener, as far as the guard kept it (A12, A24).

use portreeve_core::facts::{Listener, Opening};

use super::clock::{self, WallClock};
use crate::enforce::guard::openings::{self, openings};

/// Whether there is a guard that keeps it, and this process may know it.
pub(super) fn are_kept() -> bool {
    openings().is_some_and(|known| !known.is_empty())
}

/// Adds it; and whether it is kept from whoever looks.
pub(super) fn add(mut listeners: Vec<Listener>) -> (Vec<Listener>, bool) {
    let Some(known) = openings() else { return (listeners, true) };
    if known.is_empty() {
        return (listeners, false);
    }
    let (clock, booted) = (WallClock::now(), clock::booted());
    for listener in &mut listeners {
        let opening = known.get(&listener.inode).filter(|opening| opening.port == listener.port);
        listener.opening = opening.map(|opening| told(opening, clock, booted));
    }
    (listeners, false)
}

fn told(opening: &openings::Opening, clock: WallClock, booted: i128) -> Opening {
    Opening {
        at: clock.at(opening.at),
        pid: opening.pid,
        started: clock::start(booted, clock::ticks(opening.started)),
        name: opening.name.clone(),
        uid: opening.uid,
        mark: opening.mark,
    }
}
