//! Who opened each listener, as far as the guard kept it (A12, A24).

use std::collections::HashMap;

use portreeve_core::facts::{self, Listener};

use super::{
    clock::{self, WallClock},
    holders::Opened,
    namespaces::Look,
    sockets::Socket,
};
use crate::enforce::guard::openings::{Opening, openings};

/// What the guard kept of it.
pub(super) struct Openings {
    /// By inode; `None` where it is kept from whoever looks.
    known: Option<HashMap<u64, Opening>>,
}

impl Openings {
    /// What it has kept until now.
    pub(super) fn read() -> Self {
        Self { known: openings() }
    }

    /// Whether nothing is told.
    fn are_none(&self) -> bool {
        self.known.as_ref().is_none_or(HashMap::is_empty)
    }

    /// Who opened every listener; `None` where of one it is not told.
    pub(super) fn opened(&self, look: &Look) -> Option<Vec<Opened>> {
        let opened = |socket: &Socket| {
            let opener = self.of(socket.inode, socket.local.port)?.pid;
            Some(Opened { inode: socket.inode, opener, cgroup: socket.cgroup? })
        };
        look.listening.iter().map(opened).collect()
    }

    /// Adds them; and whether they are kept from whoever looks.
    pub(super) fn add(&self, mut listeners: Vec<Listener>) -> (Vec<Listener>, bool) {
        if self.are_none() {
            return (listeners, self.known.is_none());
        }
        let (clock, booted) = (WallClock::now(), clock::booted());
        for listener in &mut listeners {
            let opening = self.of(listener.inode, listener.port);
            listener.opening = opening.map(|opening| told(opening, clock, booted));
        }
        (listeners, false)
    }

    fn of(&self, inode: u64, port: u16) -> Option<&Opening> {
        self.known.as_ref()?.get(&inode).filter(|opening| opening.port == port)
    }
}

fn told(opening: &Opening, clock: WallClock, booted: i128) -> facts::Opening {
    facts::Opening {
        at: clock.at(opening.at),
        pid: opening.pid,
        started: clock::start(booted, clock::ticks(opening.started)),
        name: opening.name.clone(),
        uid: opening.uid,
        mark: opening.mark,
    }
}
