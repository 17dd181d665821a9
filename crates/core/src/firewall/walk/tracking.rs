//! What rules do to the connection of packets, which these have only once they are tracked (net/netfilter/nf_conntrack_core.c;
//! A15, A17).

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::{Effect, Task, Walker, change::set, stations::Stations};
use crate::firewall::{
    intervals::Intervals,
    packets::{Field, Packets, State},
    ruleset::{TRACKING_PRIORITY, Value},
};

impl Walker<'_> {
    /// Marks the connection of those packets that have one: of the others nothing changes (net/netfilter/nft_ct.c,
    /// `nft_ct_set_eval`; xt_connmark.c).
    pub(super) fn mark_connection(&mut self, task: &Task, value: &Value, tasks: &mut Vec<Task>) {
        let tracking = self.tracking(task);
        let (with, without) = if tracking == Tracking::Comes {
            (Vec::new(), [task.packets.clone()].into())
        } else {
            divided(&task.packets, &State::tracked())
        };
        let value = if tracking == Tracking::Unknown { &Value::Unknown } else { value };
        let marked = with.iter().map(|packets| set(packets, Field::ConnectionMark, value));
        for packets in marked.chain(without) {
            let task = self.did(task.with(packets), || Effect::Changed(Field::ConnectionMark));
            tasks.push(task.next_step());
        }
    }

    /// Takes out of tracking those packets that have no connection yet: of the others nothing changes (net/netfilter/nft_ct.c,
    /// `nft_notrack_eval`).
    pub(super) fn untrack(&mut self, task: &Task, tasks: &mut Vec<Task>) {
        let tracking = self.tracking(task);
        let (out, others) = if tracking == Tracking::Been {
            divided(&task.packets, &Intervals::one(State::Invalid.number()))
        } else {
            ([task.packets.clone()].into(), Vec::new())
        };
        for packets in out {
            let untracked = Intervals::one(State::Untracked.number());
            let packets = match tracking {
                Tracking::Unknown => {
                    let either = packets.of(Field::State).or(&untracked);
                    packets.with_one_of(Field::State, either)
                }
                Tracking::Comes | Tracking::Been => packets.with(Field::State, untracked),
            };
            let task = self.did(task.with(packets), || Effect::Untracked);
            tasks.push(task.next_step());
        }
        tasks.extend(others.into_iter().map(|packets| task.with(packets).next_step()));
    }

    /// Gives packets another source: rules that come later ask for one that nobody here can tell, and whether it was changed
    /// (net/netfilter/nf_nat_core.c).
    pub(super) fn change_source(task: &Task) -> Task {
        let packets = task.packets.clone().from_elsewhere();
        task.with(set(&packets, Field::Status, &Value::Unknown))
    }

    fn tracking(&self, task: &Task) -> Tracking {
        let base = task.frames.first().and_then(|frame| self.ruleset.chains[frame.chain.0].base.as_ref());
        base.map_or(Tracking::Been, |base| self.stations.tracking(task.station, base.priority))
    }
}

/// Whether packets have been tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tracking {
    /// Not yet.
    Comes,
    /// They have.
    Been,
    /// It hangs on who was hooked in last.
    Unknown,
}

/// The packets of one of these states, or that may be, and the others.
fn divided(packets: &Packets, states: &Intervals) -> (Vec<Packets>, Vec<Packets>) {
    let divided = packets.divide(Field::State, states);
    (divided.yes.into_iter().chain(divided.perhaps).collect(), divided.no.into_iter().collect())
}

impl Stations {
    /// Whether packets have a connection in a base chain of this priority; what this host sends itself has had one since it
    /// left.
    fn tracking(&self, station: usize, priority: i32) -> Tracking {
        let is_own = self.is_output(0);
        if !is_own && self.is_ingress(station) {
            return Tracking::Comes;
        }
        if !self.is_output(station) && (is_own || !self.is_prerouting(station)) {
            return Tracking::Been;
        }
        match priority.cmp(&TRACKING_PRIORITY) {
            Ordering::Less => Tracking::Comes,
            Ordering::Equal => Tracking::Unknown,
            Ordering::Greater => Tracking::Been,
        }
    }
}
