//! Puts the confirmed gate in force as the host boots, when nobody is there who could be cut off (A15, A16).

use std::{path::Path, time::Duration};

use portreeve_core::{
    gate::{self, Keep, Rest, Revision, Standing},
    receipt::{Becomes, Cause, Deed, Due, History, LAYOUT, Was},
};
use rustix::process::geteuid;

use super::{
    Door, DoorError, LOCK, firewall,
    guard::{Guard, GuardError},
    journal,
    receipts::{Boot, Receipts, ReceiptsError},
    steer::{self, Steer},
};
use crate::{keep::KeepError, lock::Lock, network::cookie, observe::clock};

/// Nobody is there who could try again; less than the unit's time to start.
const PATIENCE: Duration = Duration::from_secs(45);

/// What came of it.
#[derive(Debug)]
pub enum Loaded {
    /// No gate was confirmed, or the last one was taken away.
    Nothing,
    /// The gate stands already.
    Already,
    /// Another change is on trial, so nothing was done.
    OnTrial,
    /// The gate is in force, by this receipt.
    Now(u32),
    /// The gate is in force, and no receipt tells of it.
    Untold(Unwritten),
}

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum Unwritten {
    /// Those that are there cannot be read, and so it has no number.
    #[error("cannot read the receipts")]
    Unread(#[from] ReceiptsError),
    /// It cannot be written.
    #[error("cannot write a receipt")]
    Unkept(#[from] KeepError),
}

/// Tells the programs in the kernel again what they were told for good; whether they are told so only now.
///
/// # Errors
///
/// Without root, where the file is broken or newer than this program, and where the kernel refuses.
pub fn load_programs(folder: &Path) -> Result<bool, DoorError> {
    if !geteuid().is_root() {
        return Err(DoorError::NotRoot);
    }
    let _lock = Lock::take_within(PATIENCE, LOCK)?;
    let receipts = Receipts::in_folder(folder);
    let Some(programs) = receipts.programs()? else { return Ok(false) };
    receipts.tell_steered();
    let mut is_new = false;
    if !programs.rules.entries.is_empty() && !Guard::pinned()?.is_some_and(|pinned| pinned.is_whole) {
        let cookie = cookie().map_err(GuardError::NoCookie)?;
        Guard::stand_with(&[(cookie, programs.rules)].into())?;
        is_new = true;
    }
    if !programs.routes.0.is_empty() && !Steer::pinned()?.is_some_and(|pinned| pinned.is_whole) {
        steer::tell(&programs.routes, None)?;
        is_new = true;
    }
    Ok(is_new)
}

/// Puts the gate of the boot file in force, for good and at once; receipts are in `folder`.
///
/// Neither a receipt that is broken nor a full disk keeps the host without a gate.
///
/// # Errors
///
/// Without root, where the boot file is broken or newer than this program, and where nft does not take it.
pub fn load(folder: &Path) -> Result<Loaded, DoorError> {
    if !geteuid().is_root() {
        return Err(DoorError::NotRoot);
    }
    let lock = Lock::take_within(PATIENCE, LOCK)?;
    let receipts = Receipts::in_folder(folder);
    if receipts.boot()?.is_none() {
        return Ok(Loaded::Nothing);
    }
    let standing = firewall::standing()?;
    let (history, unread) = match receipts.read() {
        Ok(history) => (history, None),
        Err(error) => (History::default(), Some(error)),
    };
    let mut door = Door {
        lock,
        receipts,
        standing,
        history,
        now: clock::now(),
        rehearsed: None,
        reserves: None,
        tells: None,
    };
    door.settle()?;
    // What was settled may have kept another one.
    let Some(boot) = door.receipts.boot()? else { return Ok(Loaded::Nothing) };
    match door.history.due_at_boot(&boot.gate, boot.at, door.standing.as_ref()) {
        Due::Stands => Ok(Loaded::Already),
        Due::OnTrial => Ok(Loaded::OnTrial),
        Due::TakenAway => Ok(Loaded::Nothing),
        Due::Gate => door.load(&boot, unread),
    }
}

impl Door {
    fn load(mut self, boot: &Boot, unread: Option<ReceiptsError>) -> Result<Loaded, DoorError> {
        let seen = self.standing.as_ref();
        let transaction = match seen {
            Some(standing) => gate::apply(&boot.gate, standing, Keep::AtOnce, self.now),
            None => Ok(gate::create(&boot.gate, Revision::first(self.now))),
        };
        let Ok(transaction) = transaction else { return Ok(Loaded::OnTrial) };
        let was = self.was();
        let deed = Deed::Gate { cause: Cause::Boot, becomes: Becomes::Gate, was, until: None };
        let begun = self.begin(deed, transaction.makes());
        self.lock.lend(|| firewall::carry_out(&transaction)).map_err(DoorError::Lock)??;
        match firewall::standing() {
            Ok(standing) => self.standing = standing,
            Err(error) => {
                return Err(match begun {
                    Ok(begun) if unread.is_none() => self.made_unseen(&begun, error),
                    _ => DoorError::MadeUnseen(error),
                });
            }
        }
        if let Some(error) = unread {
            return Ok(Loaded::Untold(error.into()));
        }
        let now = self.standing.as_ref().map(|standing| standing.revision.number());
        let receipt = begun?.done(now);
        journal::tell(&receipt);
        let number = receipt.number;
        Ok(match self.receipts.keep(&receipt) {
            Ok(()) => Loaded::Now(number),
            Err(error) => Loaded::Untold(error.into()),
        })
    }

    /// Keeps what is confirmed for the next boot as it stands, where something else is kept or nothing; whether it did.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn keep_standing(&self) -> Result<bool, KeepError> {
        let confirmed =
            self.standing.as_ref().and_then(Standing::body).filter(|body| body.rest() != Rest::All);
        let kept = self.receipts.boot().ok().flatten();
        match confirmed {
            Some(gate) if kept.is_none_or(|kept| kept.gate != *gate) => {
                let boot = Boot { layout: LAYOUT, at: self.now, gate: gate.clone() };
                self.receipts.keep_boot(&boot).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    /// Gives a gate up that somebody else took away already, so that no boot puts it back; whether one was missed.
    ///
    /// # Errors
    ///
    /// It cannot be written down, and then the next boot would.
    pub fn forget(&self) -> Result<bool, DoorError> {
        if !self.misses_gate() {
            return Ok(false);
        }
        // One that is broken or newer goes too: whoever wants no gate wants none of it.
        let kept = self.receipts.boot().ok().flatten();
        let was = kept.map_or(Was::Unknown, |boot| Was::Gate((&boot.gate).into()));
        let deed = Deed::Gate { cause: Cause::Off, becomes: Becomes::Nothing, was, until: None };
        let receipt = self.begin(deed, None)?.done(None);
        self.receipts.keep(&receipt).map_err(DoorError::NoUndo)?;
        journal::tell(&receipt);
        self.receipts.forget_boot().map(|()| true).map_err(DoorError::NoUndo)
    }
}
