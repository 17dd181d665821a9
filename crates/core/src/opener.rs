//! Who opened a port and when, as far as can be told afterwards, and how that is known (A12).
//!
//! The kernel keeps of the creator of a socket its user and its cgroup, and nothing else: without a record made at that
//! moment, as the guard makes one, nobody can name the process for certain. What is certain is told as such, the rest as likely.

mod moment;
mod words;

pub use moment::{KnownBy, Moment};

use alloc::{collections::BTreeSet, vec::Vec};

use crate::{
    activation::{self, ToldBy},
    facts::{HolderGap, Listener, Opening, Process, Snapshot},
    owner::is_service_manager,
};

/// What can be told of whoever opened a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opener<'a> {
    /// Who it was.
    pub who: Who<'a>,
    /// The unit in whose cgroup the socket was created.
    pub unit: Option<&'a str>,
    /// The user of whoever created it, by number.
    pub uid: Option<u32>,
    /// Not before then.
    pub earliest: Option<Moment<'a>>,
    /// Not after then.
    pub latest: Moment<'a>,
    /// Whether the guard may have a record that whoever looked may not read.
    pub is_kept_back: bool,
}

impl Opener<'_> {
    /// Whether the same is to be told of both: of a process that opened several, the moments differ.
    #[must_use]
    pub fn is_told_like(&self, other: &Self) -> bool {
        match (&self.who, &other.who) {
            (Who::Recorded { opening, .. }, Who::Recorded { opening: other, .. }) => opening.is_with(other),
            _ => self == other,
        }
    }
}

/// Who opened a port, as far as that can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who<'a> {
    /// The service manager: the socket was created in its cgroup or in that of a `.socket`, where nothing else runs.
    Manager {
        /// For which `.socket`, and what tells so.
        socket: Option<(&'a str, ToldBy)>,
        /// Who holds it besides the manager, where it was handed on.
        handed_to: Option<(u32, &'a Process)>,
    },
    /// The guard wrote it down as it happened.
    Recorded {
        /// Who asked for the number.
        opening: &'a Opening,
        /// The same process, where it is among those that hold the socket.
        process: Option<&'a Process>,
        /// Whether it surely is not.
        has_let_go: bool,
    },
    /// A guess at this process: of all that hold it the only one that fits, or above all others that do. Where its
    /// parent has gone it may have been that one, as of daemons that put themselves into the background.
    Likely(u32, &'a Process),
    /// Nobody can be named.
    Unknown(Why<'a>),
}

/// Why nobody can be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why<'a> {
    /// The kernel holds it, and nobody tells who had it made.
    Kernel,
    /// No process was seen that holds it.
    NoHolder,
    /// Not every process was asked, so others may fit as well as the one that was seen to.
    NotAllAsked(Option<(u32, &'a Process)>),
    /// Only the service manager holds it, and it was not seen to have created it.
    OnlyManager,
    /// It was created in this unit, in which none of its holders is now: it was handed on, or its process moved.
    Elsewhere(&'a str),
    /// The same of this cgroup, where it is of no unit, or of one of which a holder is.
    OtherCgroup(&'a str),
    /// The cgroup in which it was created was removed since, so none of its holders is in it.
    CgroupRemoved,
    /// The cgroup in which it was created is not known, and its user alone tells too little.
    CgroupUnknown,
    /// None of the holders in its cgroup fits: another user created it, or they are younger than the port.
    NoneFits,
    /// Several of its holders fit, and none of them stands above the others.
    Several(Vec<u32>),
}

/// What can be told of whoever opened `listener`, which `snapshot` shows.
///
/// `earlier` is an older look at the same host: a port that it knows was open by then, and one that it lacks was not.
#[must_use]
pub fn opener<'a>(
    snapshot: &'a Snapshot,
    listener: &'a Listener,
    earlier: Option<&'a Snapshot>,
) -> Opener<'a> {
    let recorded =
        listener.opening.as_ref().map(|opening| Moment { at: opening.at, known_by: KnownBy::Record });
    let latest = recorded.unwrap_or_else(|| moment::latest(snapshot, listener, earlier));
    let who = who(snapshot, listener, &latest);
    let earliest = recorded.or_else(|| moment::earliest(snapshot, listener, earlier));
    let unit = listener.socket_unit.as_deref();
    Opener { who, unit, uid: listener.uid, earliest, latest, is_kept_back: snapshot.hides_openings }
}

fn who<'a>(snapshot: &'a Snapshot, listener: &'a Listener, latest: &Moment<'_>) -> Who<'a> {
    let mut holders: Vec<(u32, &Process)> =
        snapshot.holders(listener).map(|(hold, process)| (hold.pid, process)).collect();
    let holds_any = !holders.is_empty();
    holders.retain(|(_, process)| !is_service_manager(process));
    if activation::is_managers(listener) {
        let socket = activation::socket(snapshot, listener);
        return Who::Manager { socket, handed_to: holders.first().copied() };
    }
    if let Some(opening) = &listener.opening {
        let is_his = |(pid, process): &&(u32, &Process)| opening.is_by(*pid, process);
        let process = holders.iter().find(is_his).map(|(_, process)| *process);
        let has_let_go = process.is_none() && !listener.may_hide_holder();
        return Who::Recorded { opening, process, has_let_go };
    }
    Who::Unknown(match holders.as_slice() {
        [] if holds_any => Why::OnlyManager,
        [] if listener.gap == Some(HolderGap::Kernel) => Why::Kernel,
        [] => Why::NoHolder,
        holders => match among(snapshot, listener, holders, latest) {
            found if !listener.holders_complete => Why::NotAllAsked(found.ok()),
            Ok((pid, process)) => return Who::Likely(pid, process),
            Err(why) => why,
        },
    })
}

/// The one of `holders` that fits.
///
/// A worker that inherited the socket fits as well as the process above it: the topmost counts.
fn among<'a>(
    snapshot: &'a Snapshot,
    listener: &'a Listener,
    holders: &[(u32, &'a Process)],
    latest: &Moment<'_>,
) -> Result<(u32, &'a Process), Why<'a>> {
    let cgroup = match &listener.socket_cgroup {
        Some(cgroup) => cgroup,
        None if listener.socket_cgroup_removed => return Err(Why::CgroupRemoved),
        None => return Err(Why::CgroupUnknown),
    };
    let is_there = |process: &Process| process.cgroup.as_ref() == Some(cgroup);
    let near: Vec<_> = holders.iter().copied().filter(|(_, process)| is_there(process)).collect();
    if near.is_empty() {
        return Err(elsewhere(listener, cgroup, holders));
    }
    let fits = |process: &Process| may_be_its_user(process, listener) && !latest.is_before_start_of(process);
    let fitting: Vec<_> = near.into_iter().filter(|(_, process)| fits(process)).collect();
    let pids: BTreeSet<u32> = fitting.iter().map(|(pid, _)| *pid).collect();
    let stands_below = |pid| snapshot.ancestors(pid).any(|(above, _)| pids.contains(&above));
    let topmost: Vec<_> = fitting.into_iter().filter(|(pid, _)| !stands_below(*pid)).collect();
    match topmost.as_slice() {
        [] => Err(Why::NoneFits),
        [one] => Ok(*one),
        several => Err(Why::Several(several.iter().map(|(pid, _)| *pid).collect())),
    }
}

/// Where it was created, as far as no holder is there: who starts a process may do so in its own cgroup and move it
/// afterwards, so whoever opened it need not have gone.
fn elsewhere<'a>(listener: &'a Listener, cgroup: &'a str, holders: &[(u32, &Process)]) -> Why<'a> {
    let unit = listener.socket_unit.as_deref();
    let is_empty = |unit: &&str| holders.iter().all(|(_, process)| process.unit.as_deref() != Some(unit));
    unit.filter(is_empty).map_or(Why::OtherCgroup(cgroup), Why::Elsewhere)
}

/// Whoever began as root may have become another since; nobody becomes root to hold what a user opened.
fn may_be_its_user(process: &Process, listener: &Listener) -> bool {
    match (process.uid, listener.uid) {
        (Some(now), Some(then)) => now == then || then == 0,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
