//! Changes this host as it is told to, never deciding: the receipt first, then the change, whole or not at all (A15, A16).

pub mod boot;
mod diag;
pub mod end_session;
pub mod firewall;
mod generations;
pub mod guard;
pub mod headroom;
mod journal;
pub mod receipts;
pub mod reserved;
pub mod scratch;
pub mod steer;
pub mod stop;
pub mod unlisten;
pub mod vantage;
mod who;

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use portreeve_core::{
    gate::{Body, Foundation, Standing, Temporary, Transaction},
    plan::{Mismatch, Rehearsal, Rehearsed, Reservation},
    port::PortRange,
    programs::Programs,
    receipt::{Deed, History, Keeps, LAYOUT, Outcome, Receipt, Shown, Was},
};
use rustix::process::geteuid;

use self::{
    firewall::{EnforceError, Refusal, StandingError},
    guard::GuardError,
    receipts::{Boot, Receipts, ReceiptsError},
    reserved::{Reason, Reserved, ReservedError, Wanted},
    scratch::{ScratchError, Stands, rehearse},
    steer::SteerError,
};
use crate::{
    boot_id::boot_id,
    events::listening::now as boot_clock,
    keep::KeepError,
    lock::{Busy, Lock, LockError},
    observe::clock,
    pins::stranger::Stranger,
};

/// Held by whoever changes the gate.
const LOCK: &str = "gate.lock";

/// Why the gate was not changed.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Only root may.
    #[error("only root may change the gate")]
    NotRoot,
    /// The folder of the lock is not portreeve's.
    #[error("{} is not portreeve's", .0.path)]
    Foreign(Stranger),
    /// Somebody else changes the gate, or stopped in the middle of it.
    #[error("somebody else changes the gate")]
    Busy(#[source] Busy),
    /// The lock cannot be taken.
    #[error("cannot lock the gate")]
    Lock(#[source] std::io::Error),
    /// What is kept cannot be read.
    #[error("cannot read what was done before")]
    Receipts(#[from] ReceiptsError),
    /// The gate cannot be told.
    #[error("cannot tell how the gate stands")]
    Standing(#[from] StandingError),
    /// What would take the change back cannot be kept, so nothing was done.
    #[error("cannot keep what would take the change back")]
    NoUndo(#[source] KeepError),
    /// The change was made, and how the gate stands after it cannot be told.
    #[error("the change was made, but the gate cannot be read")]
    MadeUnseen(#[source] StandingError),
    /// nft made the change, as it said, and there is no gate.
    #[error("there is no gate after the change")]
    Gone,
    /// The same, and there was none before the change: nobody knows whether it was made.
    #[error("nft says that it made the change, and there is no gate")]
    Untold,
    /// The change was not made, or nobody knows.
    #[error("cannot change the gate")]
    Enforce(#[from] EnforceError),
    /// The guard does not keep what it should.
    #[error("cannot change the guard")]
    Guard(#[from] GuardError),
    /// What should be steered is not.
    #[error("cannot change what is steered")]
    Steer(#[from] SteerError),
    /// What is declared is not kept from clients.
    #[error("cannot have the kernel reserve what is declared")]
    Reserved(#[from] ReservedError),
}

impl From<LockError> for DoorError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Foreign(stranger) => Self::Foreign(stranger),
            LockError::Busy(busy) => Self::Busy(busy),
            LockError::Closed(source) => Self::Lock(source),
        }
    }
}

/// The way to change the gate, which one process at a time has: it knows how the gate stands and how it came to be so.
#[derive(Debug)]
pub struct Door {
    lock: Lock,
    receipts: Receipts,
    /// The gate as it stands.
    pub standing: Option<Standing>,
    /// The receipts of this host.
    pub history: History,
    /// The time.
    pub now: Timestamp,
    /// With how many packets the change was tried.
    rehearsed: Option<u32>,
    /// What is to be kept from clients once the change is for good.
    reserves: Option<Vec<PortRange>>,
    /// What the programs in the kernel are told after the change.
    tells: Option<Programs>,
}

/// A change that was made.
#[derive(Debug)]
pub struct Passed {
    /// Its receipt.
    pub receipt: Receipt,
    /// The gate after it.
    pub standing: Option<Standing>,
    /// Why the next boot does not know of it.
    pub unkept: Option<KeepError>,
}

impl Door {
    /// Waits some seconds until nobody else changes the gate, and looks how it stands; receipts are in `folder`.
    ///
    /// # Errors
    ///
    /// Without root, where somebody else goes on changing it, or something cannot be told.
    pub fn open(folder: &Path) -> Result<Self, DoorError> {
        Self::open_as_seen(folder, None)
    }

    /// The same for whoever has `seen` the gate: where no change was made since, it is not listed again.
    ///
    /// # Errors
    ///
    /// As of [`Self::open`].
    pub fn open_as_seen(folder: &Path, seen: Option<&Standing>) -> Result<Self, DoorError> {
        if !geteuid().is_root() {
            return Err(DoorError::NotRoot);
        }
        let lock = Lock::take(LOCK)?;
        let receipts = Receipts::in_folder(folder);
        let standing = match seen {
            // What is there for a while has no revision, and is carried over where all is made anew.
            Some(seen)
                if seen.foundation == Foundation::AsMade
                    && firewall::revision().map_err(StandingError::from)? == Some(seen.revision) =>
            {
                Some(seen.clone())
            }
            _ => firewall::standing()?,
        };
        let history = receipts.read()?;
        let mut door = Self {
            lock,
            history,
            receipts,
            standing,
            now: clock::now(),
            rehearsed: None,
            reserves: None,
            tells: None,
        };
        door.settle()?;
        door.receipts.tell_steered();
        Ok(door)
    }

    /// Says of the last change what came of it, where its maker ended before he could; what cannot be written now is
    /// found out again by whoever comes next.
    fn settle(&mut self) -> Result<(), StandingError> {
        let last = self.history.last().filter(|last| last.outcome == Outcome::Begun).cloned();
        let Some(last) = last else { return Ok(()) };
        let settled = self.settled(last)?;
        if settled.outcome == Outcome::Begun {
            return Ok(());
        }
        self.history.put(settled.clone());
        // Until the receipt says so, whoever comes next keeps the gate.
        if self.keep_boot(&settled).is_ok() {
            let _ = self.receipts.keep(&settled);
        }
        Ok(())
    }

    /// What came of a change that nobody told of, by the gate as it stands now.
    fn settled(&mut self, receipt: Receipt) -> Result<Receipt, StandingError> {
        let listing = firewall::listing()?;
        let temporary = listing.as_deref().map_or(Ok(Temporary::default()), Temporary::read);
        let standing = listing.as_deref().map_or(Ok(None), Standing::read);
        self.standing = standing.map_err(StandingError::Read)?;
        let temporary = temporary.map_err(StandingError::Read)?;
        let (standing, kept) = (self.standing.as_ref(), self.receipts.kept());
        Ok(receipt.settled_at(boot_id().as_deref(), standing, &temporary, kept, clock::now()))
    }

    /// Tries with packets, where nobody is, whether a change does what `rehearsal` wants; what is passed next is it.
    ///
    /// # Errors
    ///
    /// It could not be tried.
    pub fn rehearse(
        &mut self,
        rehearsal: Rehearsal,
        transaction: &Transaction,
    ) -> Result<Result<Rehearsed, Vec<Mismatch>>, ScratchError> {
        let stands = match &self.standing {
            Some(standing) if standing.foundation.is_made_anew() => Stands::Replaced(standing.revision),
            Some(_) => Stands::Gate,
            None => Stands::Nothing,
        };
        let (rehearsal, seen) = rehearse(rehearsal, stands, transaction)?;
        let judged = rehearsal.judge(&seen);
        self.now = clock::now();
        self.rehearsed = judged.as_ref().ok().map(|rehearsed| rehearsed.right).filter(|right| *right > 0);
        Ok(judged)
    }

    /// Makes a change: the receipt is on the disk first, then nft tries it where it was not rehearsed, then it is made.
    ///
    /// # Errors
    ///
    /// It was not made, or [`EnforceError::Untold`].
    pub fn pass(mut self, deed: Deed, transaction: &Transaction) -> Result<Passed, DoorError> {
        let receipt = self.begin(deed, transaction.makes())?;
        self.receipts.keep(&receipt).map_err(DoorError::NoUndo)?;
        let check = || if self.rehearsed.is_some() { Ok(()) } else { firewall::check(transaction) };
        let make = || check().and_then(|()| firewall::carry_out(transaction));
        if let Err(error) = self.lock.lend(make).map_err(DoorError::Lock)? {
            return self.failed(receipt, error);
        }
        match firewall::standing() {
            Ok(standing) => self.standing = standing,
            Err(error) => return Err(self.made_unseen(&receipt, error)),
        }
        let now = self.standing.as_ref().map(|standing| standing.revision.number());
        match receipt.shown(now) {
            Shown::Made => Ok(self.finish(receipt.done(now))),
            Shown::Unmade => {
                // What an old one does not understand it may pass over.
                let error = firewall::find_nft().err().unwrap_or(EnforceError::Unmade);
                self.failed(receipt, error)
            }
            shown @ (Shown::Gone | Shown::Untold) => match firewall::find_nft() {
                Err(error) => self.failed(receipt, error),
                Ok(()) if shown == Shown::Gone => {
                    self.finish(receipt.done(now));
                    Err(DoorError::Gone)
                }
                Ok(()) => {
                    // Whoever comes next has nothing more to tell it by.
                    let _ = self.receipts.keep(&Receipt { outcome: Outcome::Unknown, ..receipt });
                    Err(DoorError::Untold)
                }
            },
        }
    }

    /// The same at this moment: something took its time.
    #[must_use]
    pub fn later(self) -> Self {
        Self { now: clock::now(), ..self }
    }

    /// The same, whose next change has the kernel keep `ports` from clients once it is for good; `None` where that stays as it is.
    #[must_use]
    pub fn reserving(self, ports: Option<&[PortRange]>) -> Self {
        Self { reserves: ports.map(<[_]>::to_vec), ..self }
    }

    /// The same, after whose next change the programs in the kernel are told something else: whoever comes after one that was killed
    /// in between knows what.
    #[must_use]
    pub fn telling(self, tells: Option<Programs>) -> Self {
        Self { tells, ..self }
    }

    /// Has the kernel keep other ports from clients for the policy: `change` as `deed` says; the receipt is on the disk first.
    ///
    /// # Errors
    ///
    /// The receipt cannot be written, or the kernel refuses.
    pub fn reserve(
        self,
        deed: Deed,
        reserved: Reserved,
        wanted: &Wanted,
        change: &Reservation,
    ) -> Result<Passed, DoorError> {
        let receipt = self.begin(deed, None)?;
        self.receipts.keep(&receipt).map_err(DoorError::NoUndo)?;
        let kept = reserved.kept.clone();
        if let Err(error) = reserved.apply(&Reason::Declared, wanted, change) {
            // What was kept of it in part the next plan finds.
            let is_as_it_was = reserved::reserved().is_ok_and(|now| now == kept);
            let outcome = if is_as_it_was { Outcome::Refused } else { Outcome::Unknown };
            let _ = self.receipts.keep(&Receipt { outcome, ..receipt });
            return Err(error.into());
        }
        Ok(self.finish(receipt.done(None)))
    }

    /// Tells the programs in the kernel something else, as `deed` says; the receipt is on the disk first. One that is told nothing is
    /// taken away.
    ///
    /// # Errors
    ///
    /// The receipt cannot be written, or the kernel refuses.
    pub fn tell(self, deed: Deed) -> Result<Passed, DoorError> {
        let receipt = self.begin(deed, None)?;
        self.receipts.keep(&receipt).map_err(DoorError::NoUndo)?;
        if let Err(error) = self.tell_programs(&receipt.deed) {
            let _ = self.receipts.keep(&Receipt { outcome: Outcome::Refused, ..receipt });
            return Err(error);
        }
        Ok(self.finish(receipt.done(None)))
    }

    fn tell_programs(&self, deed: &Deed) -> Result<(), DoorError> {
        let Deed::Programs { now, was, until, .. } = deed else { return Ok(()) };
        let until = until.map(|until| {
            // By now some of the time has passed, and what is over is taken back at once.
            let left = until.duration_since(clock::now()).max(SignedDuration::ZERO).unsigned_abs();
            boot_clock().saturating_add(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX))
        });
        guard::tell(&now.rules, until)?;
        steer::tell(&now.routes, until).map_err(|error| {
            // All of it or nothing; where that fails too the next plan finds it.
            let _ = guard::tell(&was.rules, None);
            error.into()
        })
    }

    /// Writes down what was done beside the gate, where all of it was, or else some.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn note(self, deed: Deed, outcome: Outcome) -> Result<(), DoorError> {
        let receipt = Receipt { outcome, ..self.begin(deed, None)? };
        journal::tell(&receipt);
        self.receipts.keep(&receipt).map_err(DoorError::NoUndo)
    }

    /// Writes down what was done beside the gate, and can be taken back.
    ///
    /// # Errors
    ///
    /// There is no number for it.
    pub fn done(self, deed: Deed) -> Result<Passed, DoorError> {
        let receipt = self.begin(deed, None)?;
        Ok(self.finish(receipt.done(None)))
    }

    /// What is confirmed, and cannot be kept as it cannot be read, whoever comes next keeps.
    fn made_unseen(self, receipt: &Receipt, error: StandingError) -> DoorError {
        let made = receipt.made_unseen();
        journal::tell(receipt);
        // A receipt that nobody could finish is settled by whoever comes next.
        if made.outcome == Outcome::Begun || self.keep_boot(&made).is_ok() {
            let _ = self.receipts.keep(&made);
        }
        DoorError::MadeUnseen(error)
    }

    /// The gate that was confirmed last, whatever somebody else has made of it since; `None` where there is no gate, or nobody
    /// knows.
    #[must_use]
    pub fn confirmed(&self) -> Option<Body> {
        let kept = self.receipts.boot().ok().flatten();
        let kept = kept.as_ref().map(|kept| (&kept.gate, kept.at));
        self.standing.as_ref().and_then(|standing| self.history.confirmed(standing, kept))
    }

    /// The change after which a confirmed gate stood that is gone.
    #[must_use]
    pub fn gone(&self) -> Option<&Receipt> {
        self.history.gone(self.standing.as_ref(), self.receipts.kept())
    }

    /// Whether a gate that was confirmed is missed: no table stands, and nobody gave it up.
    #[must_use]
    pub fn misses_gate(&self) -> bool {
        self.history.misses_gate(self.standing.as_ref(), self.receipts.kept())
    }

    /// What a change of the gate takes the place of, and its undo puts back.
    #[must_use]
    pub fn was(&self) -> Was {
        match (&self.standing, self.confirmed()) {
            (None, _) => Was::Nothing,
            (Some(_), Some(confirmed)) => Was::Gate((&confirmed).into()),
            (Some(_), None) => Was::Unknown,
        }
    }

    /// The receipt of `deed` before it is done, which makes a gate of the digest `makes`.
    fn begin(&self, deed: Deed, makes: Option<&str>) -> Result<Receipt, DoorError> {
        let gate = match deed {
            Deed::Confirm { of } => self.history.of(of).and_then(|trial| trial.gate.clone()),
            _ => makes.map(str::to_owned),
        };
        Ok(Receipt {
            layout: LAYOUT,
            number: self.history.next().ok_or(ReceiptsError::Full)?,
            at: self.now,
            who: who::who(),
            deed,
            seen: self.standing.as_ref().map(|standing| standing.revision.number()),
            made: None,
            outcome: Outcome::Begun,
            gate,
            rehearsed: self.rehearsed,
            reserves: self.reserves.clone(),
            tells: self.tells.clone(),
            boot_id: boot_id(),
            booted: clock::began(),
        })
    }

    /// Where nobody said whether it was made, the gate tells; so it does where something was said that the kernel never says
    /// of a change that it refuses, as by a program in the place of nft that fails when all is done.
    fn failed(mut self, receipt: Receipt, error: EnforceError) -> Result<Passed, DoorError> {
        let is_other = matches!(error, EnforceError::Refused(Refusal::Other(_)));
        let is_untold = matches!(error, EnforceError::Untold(_)) || (is_other && receipt.changes_revision());
        let settled = if is_untold {
            // Where the gate does not tell either, the receipt stays as it is.
            let Ok(settled) = self.settled(receipt) else { return Err(error.into()) };
            settled
        } else {
            Receipt { outcome: Outcome::Refused, ..receipt }
        };
        if settled.outcome == Outcome::Done {
            return Ok(self.finish(settled));
        }
        // A receipt that nobody could finish is settled by whoever comes next.
        let _ = self.receipts.keep(&settled);
        Err(error.into())
    }

    /// The change is made: what cannot be written of it any more does not unmake it.
    fn finish(mut self, receipt: Receipt) -> Passed {
        journal::tell(&receipt);
        self.history.put(receipt.clone());
        let kept = self.keep_boot(&receipt).and_then(|()| self.keep_boot_programs(&receipt.deed));
        let unkept = kept.and_then(|()| self.receipts.keep(&receipt)).err();
        self.receipts.forget(&self.history);
        Passed { receipt, standing: self.standing, unkept }
    }

    /// What is on trial no boot knows of.
    fn keep_boot_programs(&self, deed: &Deed) -> Result<(), KeepError> {
        match deed {
            Deed::Programs { now, until: None, .. } => self.receipts.keep_programs(now),
            _ => Ok(()),
        }
    }

    fn keep_boot(&self, receipt: &Receipt) -> Result<(), KeepError> {
        match receipt.keeps(self.standing.as_ref()) {
            Keeps::Same => Ok(()),
            Keeps::Gate(gate) => {
                self.receipts.keep_boot(&Boot { layout: LAYOUT, at: receipt.at, gate: gate.clone() })
            }
            Keeps::Nothing => self.receipts.forget_boot(),
        }
    }
}

/// How the gate stands, as [`firewall::listing`] has it, and how it came to be so, for whoever only looks: what was done is
/// told also where nobody lists the gate.
///
/// # Errors
///
/// Without root, or where the receipts cannot be read.
pub fn look(folder: &Path) -> Result<(Result<Option<String>, StandingError>, History), DoorError> {
    if !geteuid().is_root() {
        return Err(DoorError::NotRoot);
    }
    let history = Receipts::in_folder(folder).read()?;
    Ok((firewall::listing(), history))
}
