//! Keeps numbers back from clients: net.ipv4.ip_local_reserved_ports of the network namespace of the calling thread (A9,
//! A24; Documentation/networking/ip-sysctl.rst, kernel/sysctl.c `proc_do_large_bitmap`).

mod lasting;
mod pledge;
mod reason;
mod record;

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
};

use portreeve_core::{
    plan::{KeptBack, Reservation},
    port::PortRange,
};

pub use self::{
    lasting::lasting,
    pledge::Pledges,
    reason::{OtherLedger, Reason, Usual},
};

use self::{lasting::Lasting, record::Record};
use crate::{
    keep::KeepError,
    lock::{Lock, LockError},
    observe::sysctls,
};

/// Held by whoever changes what is kept back.
const LOCK: &str = "reserved.lock";

const PATH: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";
/// The kernel takes so many bytes of one write, and says of the rest only that it did not.
const WRITE_BYTES_MAX: usize = 4_092;
/// Clears the list; nothing at all is no write.
const NOTHING: &str = "\n";
/// What is written at another place than the first is added to what is there.
const ADDING: u64 = 1;

/// Why numbers are not kept back, or not given back.
#[derive(Debug, thiserror::Error)]
pub enum ReservedError {
    /// The kernel does not tell which ones are.
    #[error("cannot read {PATH}")]
    Read,
    /// The kernel refused.
    #[error("cannot write {PATH}")]
    Write(#[from] io::Error),
    /// It took a part of what was written.
    #[error("{PATH} takes no more")]
    Short,
    /// Only root may.
    #[error("only root may change what is kept back from clients")]
    NotRoot,
    /// Somebody else changes it, or its lock is not portreeve's.
    #[error("cannot lock {PATH}")]
    Locked(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is ours cannot be told, or not be kept.
    #[error("cannot keep what is reserved for portreeve")]
    Record(#[source] io::Error),
    /// What the next boot is to keep back cannot be told, or not be kept.
    #[error("cannot keep what the next boot is to reserve")]
    Lasting(#[from] KeepError),
}

impl From<LockError> for ReservedError {
    fn from(error: LockError) -> Self {
        Self::Locked(Box::new(error))
    }
}

/// What is wanted for a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What is to be kept back now.
    pub now: Vec<PortRange>,
    /// What of it the next boot is to keep back too; `None` where it finds that out by itself.
    pub at_boot: Option<Vec<PortRange>>,
}

/// What is kept back in the network namespace of the calling thread, by whom, and nobody else of portreeve's changes it
/// until this is dropped.
#[derive(Debug)]
pub struct Reserved {
    /// What the kernel keeps back, by whomever.
    pub kept: Vec<PortRange>,
    record: Record,
    lasting: Option<Lasting>,
    _lock: Lock,
}

/// What portreeve has the kernel keep back in the network namespace of the calling thread, for whoever only looks; nothing
/// where that cannot be read.
#[must_use]
pub fn known() -> KeptBack {
    let record = Record::of_here().unwrap_or_default();
    KeptBack {
        ours: record.ours.clone(),
        declared: record.wanted.get(&Reason::Declared).cloned().unwrap_or_default(),
        otherwise: record.wanted_besides(&Reason::Declared).collect(),
    }
}

/// What is kept back for claims of other ledgers than the one of `reason`, also what is to be at the next boot, as written at
/// `at_boot`: since a boot nobody may have kept it yet. Nothing of what cannot be read.
#[must_use]
pub fn claimed_besides(reason: &Reason, at_boot: Option<&Path>) -> Vec<(Reason, Vec<PortRange>)> {
    let mut claimed = all_wanted(at_boot);
    claimed.retain(|(other, _)| other != reason && *other != Reason::Declared);
    claimed
}

/// The other ledgers that are known, each with some of what is kept back for it, or is to be at the next boot.
#[must_use]
pub fn other_ledgers(at_boot: Option<&Path>) -> Vec<(OtherLedger, Option<PortRange>)> {
    let known = all_wanted(at_boot).into_iter();
    known
        .filter_map(|(reason, ranges)| Some((reason.other_ledger()?.clone(), ranges.first().copied())))
        .collect()
}

fn all_wanted(at_boot: Option<&Path>) -> Vec<(Reason, Vec<PortRange>)> {
    let now = Record::of_here().unwrap_or_default().wanted;
    let at_boot = at_boot.and_then(|path| lasting(path).ok()).unwrap_or_default();
    now.into_iter().chain(at_boot).collect()
}

/// Every reason for which anything is kept back, or is to be at the next boot, as written at `at_boot`.
#[must_use]
pub fn every_reason(at_boot: Option<&Path>) -> BTreeSet<Reason> {
    all_wanted(at_boot).into_iter().map(|(reason, _)| reason).collect()
}

/// Which file the host's usual ledger was when anything was kept back for it, in this boot or, as written at `at_boot`, before it.
#[must_use]
pub fn usual_known(at_boot: Option<&Path>) -> Option<OtherLedger> {
    all_wanted(at_boot).into_iter().find_map(|(reason, _)| match reason {
        Reason::Ledger(Usual(known)) => known,
        Reason::OtherLedger(_) | Reason::Declared => None,
    })
}

/// What is kept back for claims of the ledger of `reason`.
#[must_use]
pub fn wanted_for(reason: &Reason) -> Vec<PortRange> {
    Record::of_here().unwrap_or_default().wanted.remove(reason).unwrap_or_default()
}

/// What is kept back for claims of a ledger, which has `reasons`, and nobody else, also where they do not stand any more, or not yet.
#[must_use]
pub fn kept_for(reasons: &[Reason]) -> Vec<PortRange> {
    let (own, others): (Vec<_>, Vec<_>) = Record::of_here()
        .unwrap_or_default()
        .wanted
        .into_iter()
        .partition(|(reason, _)| reasons.contains(reason));
    let ranges = |of: Vec<(Reason, Vec<PortRange>)>| of.into_iter().flat_map(|(_, ranges)| ranges);
    without(&ranges(own).collect::<Vec<_>>(), &ranges(others).collect::<Vec<_>>())
}

impl Reserved {
    /// What is kept back now; what lasts is written at `lasting`, where the next boot reads it.
    ///
    /// # Errors
    ///
    /// Where this is not root, somebody else does not let go, or the kernel does not tell.
    pub fn open(lasting: Option<&Path>) -> Result<Self, ReservedError> {
        if !rustix::process::geteuid().is_root() {
            return Err(ReservedError::NotRoot);
        }
        let lock = Lock::take(LOCK)?;
        let record = Record::of_here().map_err(ReservedError::Record)?;
        let lasting = lasting.map(Lasting::read).transpose().map_err(ReservedError::Record)?;
        Ok(Self { kept: reserved()?, record, lasting, _lock: lock })
    }

    /// What of it is there through portreeve.
    #[must_use]
    pub fn ours(&self) -> &[PortRange] {
        &self.record.ours
    }

    /// What is wanted for `reason`; `None` where nobody said since the boot.
    #[must_use]
    pub fn wanted(&self, reason: &Reason) -> Option<&[PortRange]> {
        self.record.wanted.get(reason).map(Vec::as_slice)
    }

    /// What the next boot is to keep back for `reason`, where that is written.
    #[must_use]
    pub fn lasting(&self, reason: &Reason) -> Option<&[PortRange]> {
        self.lasting.as_ref().and_then(|lasting| lasting.of(reason))
    }

    /// What is wanted for other reasons than `reason`.
    pub fn wanted_besides(&self, reason: &Reason) -> impl Iterator<Item = PortRange> {
        self.record.wanted_besides(reason)
    }

    /// Carries out `change`, after which `wanted` is kept back for `reason`; what will be ours is on record before the kernel
    /// has it.
    ///
    /// # Errors
    ///
    /// Without CAP_NET_ADMIN in the namespace, or where the record cannot be written: then nothing is kept back that was not.
    pub fn apply(
        mut self,
        reason: &Reason,
        wanted: &Wanted,
        change: &Reservation,
    ) -> Result<(), ReservedError> {
        if let Some(lasting) = &mut self.lasting {
            lasting.want(reason, wanted.at_boot.as_deref())?;
        }
        self.record.want(reason, &wanted.now);
        self.carry_out(change)
    }

    /// Carries out `change`, after which nothing is kept back for `reason`, of which nothing is remembered.
    ///
    /// # Errors
    ///
    /// As of [`Self::apply`].
    pub fn forget(mut self, reason: &Reason, change: &Reservation) -> Result<(), ReservedError> {
        if let Some(lasting) = &mut self.lasting {
            lasting.forget(reason)?;
        }
        self.record.forget(reason);
        self.carry_out(change)
    }

    fn carry_out(mut self, change: &Reservation) -> Result<(), ReservedError> {
        if !change.add.is_empty() {
            let before = self.record.ours.clone();
            self.record.ours.extend(&change.add);
            self.record.write().map_err(ReservedError::Record)?;
            if let Err(error) = reserve(&change.add) {
                // What did not come about is not ours, whoever reserves it later.
                let missing = without(&change.add, &reserved().unwrap_or_default());
                self.record.ours = before.into_iter().chain(without(&change.add, &missing)).collect();
                self.record.write().map_err(ReservedError::Record)?;
                return Err(error);
            }
        }
        self.record.ours.clone_from(&change.ours);
        self.record.prepare().map_err(ReservedError::Record)?;
        // What was given back and is still on record would be taken from whoever keeps it next.
        if !change.give_back.is_empty() {
            give_back(&change.give_back)?;
        }
        self.record.put().map_err(ReservedError::Record)
    }
}

/// Refuses where nothing could be given back, before anything is changed for which that would have to be; `lasting` as of
/// [`Reserved::open`].
///
/// # Errors
///
/// As of [`Reserved::open`], and where the kernel's list or the record cannot be written.
pub fn refuse_unwritable(lasting: Option<&Path>) -> Result<(), ReservedError> {
    let reserved = Reserved::open(lasting)?;
    OpenOptions::new().write(true).open(PATH)?;
    reserved.record.refuse_unwritable().map_err(ReservedError::Record)
}

/// What is kept back now, by whomever.
///
/// # Errors
///
/// The kernel does not tell.
pub fn reserved() -> Result<Vec<PortRange>, ReservedError> {
    sysctls::reserved_now().ok_or(ReservedError::Read)
}

/// What the kernel hands out to clients; `None` where it does not tell.
#[must_use]
pub fn client_range() -> Option<PortRange> {
    sysctls::client_range_now()
}

/// Keeps `ranges` back too, whatever others add at the same time.
///
/// # Errors
///
/// Without CAP_NET_ADMIN in the namespace; some may be kept back then.
fn reserve(ranges: &[PortRange]) -> Result<(), ReservedError> {
    let file = OpenOptions::new().write(true).open(PATH)?;
    texts(ranges).iter().try_for_each(|text| write(&file, text, ADDING))
}

/// Gives `ranges` back to clients. What others add between the reading and the writing is lost: whoever keeps a lock on the
/// ledger is alone at least among its users.
///
/// # Errors
///
/// Without CAP_NET_ADMIN in the namespace, or where the kernel does not tell what is kept back.
fn give_back(ranges: &[PortRange]) -> Result<(), ReservedError> {
    let file = OpenOptions::new().write(true).open(PATH)?;
    let rest = without(&reserved()?, ranges);
    let pieces = texts(&rest);
    let (first, more) = pieces.split_first().map_or((NOTHING, [].as_slice()), |(first, more)| (first, more));
    write(&file, first, 0)?;
    more.iter().try_for_each(|text| write(&file, text, ADDING))?;
    // Whoever replaced the list in between had not yet seen what others keep.
    let missing = without(&rest, &reserved()?);
    texts(&missing).iter().try_for_each(|text| write(&file, text, ADDING))
}

fn write(file: &File, text: &str, place: u64) -> Result<(), ReservedError> {
    let written = file.write_at(text.as_bytes(), place)?;
    if written == text.len() { Ok(()) } else { Err(ReservedError::Short) }
}

/// The list of `ranges`, in pieces that the kernel takes.
fn texts(ranges: &[PortRange]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for range in ranges {
        let next = range.to_string();
        match texts.last_mut().filter(|text| text.len() + 1 + next.len() <= WRITE_BYTES_MAX) {
            Some(text) => *text = format!("{text},{next}"),
            None => texts.push(next),
        }
    }
    texts
}

/// What of `ranges` is in none of `gone`, in ascending order.
fn without(ranges: &[PortRange], gone: &[PortRange]) -> Vec<PortRange> {
    let is_kept = |port: &u16| !gone.iter().any(|range| range.contains(*port));
    let mut kept: Vec<PortRange> = Vec::new();
    for port in ranges.iter().flat_map(|range| range.first..=range.last).filter(is_kept) {
        match kept.last_mut().filter(|last| last.last.checked_add(1) == Some(port)) {
            Some(last) => last.last = port,
            None => kept.push(PortRange::one(port)),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(text: &str) -> Vec<PortRange> {
        text.split(',').map(|range| range.parse().expect("a range")).collect()
    }

    #[test]
    fn no_piece_is_longer_than_the_kernel_takes() {
        let every_third: Vec<PortRange> =
            (1..=65_534).step_by(3).map(|first| PortRange { first, last: first + 1 }).collect();
        let texts = texts(&every_third);
        assert!(texts.iter().all(|text| text.len() <= WRITE_BYTES_MAX), "{}", texts.len());
        assert_eq!(ranges(&texts.join(",")), every_third);
    }

    #[test]
    fn what_is_given_back_is_cut_out_of_whatever_holds_it() {
        assert_eq!(without(&ranges("10-20,30"), &ranges("12-13,30")), ranges("10-11,14-20"));
        assert_eq!(without(&ranges("10"), &ranges("10-20")), []);
        assert_eq!(without(&ranges("65534-65535"), &ranges("65534")), ranges("65535"));
    }
}
