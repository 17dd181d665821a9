//! Tries a change of the gate where nobody is: in a network namespace with the host's interfaces and addresses, to which
//! real packets are sent, and which goes with the thread that made it (A15, A16).

mod frame;
pub(super) mod room;

pub use room::RoomError;

use std::{
    io, thread,
    time::{Duration, Instant},
};

use portreeve_core::{
    gate::{Revision, TABLE, Transaction, bare, restored},
    plan::{Rehearsal, Seen},
};

use self::frame::{FAR_ADDRESS, frame};
use crate::{
    observe::{firewall::nft::terse, share::apart},
    program::{Program, ProgramError},
    sys::packet::Wire,
};

/// Packets that are on their way longer are lost.
const WAIT_MAX: Duration = Duration::from_millis(1_000);
const NAP: Duration = Duration::from_millis(2);

/// Why a change could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// There is no place for it.
    #[error("no network namespace can be made for it")]
    Room(#[from] RoomError),
    /// The gate as it stands cannot be told.
    #[error("cannot list the table inet portreeve")]
    List(#[source] ProgramError),
    /// nft did not load it there.
    #[error("nft did not load it there")]
    Load(#[source] ProgramError),
    /// A packet was not sent.
    #[error("cannot send packets there")]
    Send(#[source] io::Error),
    /// What became of the packets cannot be told.
    #[error("cannot tell what became of the packets")]
    Seen(#[source] ProgramError),
    /// What nft lists of them is something else.
    #[error("nft lists something else than what became of the packets")]
    Garbled,
}

/// What `transaction`, made where the gate `stands` as it does here, does to the packets of `rehearsal`, of which those
/// come back that were sent: not of IPv6 where the kernel has none.
///
/// # Errors
///
/// It could not be tried; nothing was changed, here or there.
pub fn rehearse(
    rehearsal: Rehearsal,
    stands: Stands,
    transaction: &Transaction,
) -> Result<(Rehearsal, Seen), ScratchError> {
    let before = match stands {
        Stands::Gate => restored(&standing()?),
        Stands::Replaced(revision) => bare(revision),
        Stands::Nothing => Transaction::default(),
    };
    let tried = apart(move || {
        room::leave()?;
        let rehearsal = if room::has_ipv6() { rehearsal } else { rehearsal.without_ipv6() };
        room::furnish(rehearsal.links())?;
        load(&format!("{}{}", Rehearsal::stage(), before.as_str()))?;
        load(transaction.as_str())?;
        send(&rehearsal).map_err(ScratchError::Send)?;
        let seen = look(&rehearsal)?;
        Ok((rehearsal, seen))
    });
    tried.map_err(RoomError::Thread)?
}

/// Whether there is a gate on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// There is one.
    Gate,
    /// There is one of this revision, of which the change leaves nothing.
    Replaced(Revision),
    /// There is none.
    Nothing,
}

fn standing() -> Result<String, ScratchError> {
    if let Some(text) = terse::text().map_err(ScratchError::List)? {
        return Ok(text);
    }
    let started = Program::start(super::firewall::NFT, &["list", "table", "inet", TABLE]);
    started.and_then(Program::finish).map_err(ScratchError::List)
}

fn load(text: &str) -> Result<(), ScratchError> {
    let started = Program::start_reading(super::firewall::NFT, &["-f", "-"], text);
    started.and_then(Program::finish).map(drop).map_err(ScratchError::Load)
}

fn send(rehearsal: &Rehearsal) -> io::Result<()> {
    let wires = (0..rehearsal.links().len()).map(|place| Wire::open(&room::far(place)));
    let wires: Vec<Wire> = wires.collect::<io::Result<_>>()?;
    for probe in rehearsal.probes() {
        if let Some(wire) = wires.get(probe.link) {
            wire.send(&frame(probe, room::address(probe.link), FAR_ADDRESS))?;
        }
    }
    Ok(())
}

/// What became of the packets: whoever has got to the gate is looked for once more, as he may be on his way through it.
fn look(rehearsal: &Rehearsal) -> Result<Seen, ScratchError> {
    let ends = Instant::now() + WAIT_MAX;
    let mut is_last = false;
    loop {
        let arguments = ["-j", "list", "table", "inet", "portreeve_rehearsal"];
        let started = Program::start(super::firewall::NFT, &arguments);
        let listing = started.and_then(Program::finish).map_err(ScratchError::Seen)?;
        let seen = Seen::read(&listing).ok_or(ScratchError::Garbled)?;
        if is_last {
            return Ok(seen);
        }
        is_last = rehearsal.is_over(&seen) || Instant::now() > ends;
        thread::sleep(NAP);
    }
}
