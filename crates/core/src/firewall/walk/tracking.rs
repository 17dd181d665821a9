//! What rules do to the connection of packets, which these have only once they are tracked (net/netfilter/nf_conntrack_core.c;
//! A15, A17).

use alloc::vec::Vec;

use super::{Effect, Task, Walker, change::set, stations::Stations};
use crate::firewall::{
    intervals::Intervals,
    packets::{Field, Packets, State},
    ruleset::Value,
};

impl Walker<'_> {
    /// Marks the connection of those packets that have one: of the others nothing changes (net/netfilter/nft_ct.c,
    /// `nft_ct_set_eval`; xt_connmark.c).
    pub(super) fn mark_connection(&mut self, task: &Task, value: &Value, tasks: &mut Vec<Task>) {
        let (with, without) = if self.is_untracked_yet(task) {
            (Vec::new(), [task.packets.clone()].into())
        } else {
            divided(&task.packets, &State::tracked())
        };
        let marked = with.iter().map(|packets| set(packets, Field::ConnectionMark, value));
        for packets in marked.chain(without) {
            let task = self.did(task.with(packets), || Effect::Changed(Field::ConnectionMark));
            tasks.push(task.next_step());
        }
    }

    /// Takes out of tracking those packets that have no connection yet: of the others nothing changes (net/netfilter/nft_ct.c,
    /// `nft_notrack_eval`).
    pub(super) fn untrack(&mut self, task: &Task, tasks: &mut Vec<Task>) {
        let (out, others) = if self.is_untracked_yet(task) {
            ([task.packets.clone()].into(), Vec::new())
        } else {
            divided(&task.packets, &Intervals::one(State::Invalid.number()))
        };
        for packets in out {
            let packets = packets.with(Field::State, Intervals::one(State::Untracked.number()));
            let task = self.did(task.with(packets), || Effect::Untracked);
            tasks.push(task.next_step());
        }
        tasks.extend(others.into_iter().map(|packets| task.with(packets).next_step()));
    }

    /// Gives packets another source, where they arrive: rules that come later ask for one that nobody here can tell
    /// (net/netfilter/nf_nat_core.c). What leaves is asked for its source no more.
    pub(super) fn change_source(&self, task: &Task) -> Task {
        if !self.stations.is_input(task.station) {
            return task.clone();
        }
        task.with(set(&task.packets, Field::Source, &Value::Unknown))
    }

    fn is_untracked_yet(&self, task: &Task) -> bool {
        let base = task.frames.first().and_then(|frame| self.ruleset.chains[frame.chain.0].base.as_ref());
        base.is_some_and(|base| self.stations.is_before_tracking(task.station, base.priority))
    }
}

/// The packets of one of these states, or that may be, and the others.
fn divided(packets: &Packets, states: &Intervals) -> (Vec<Packets>, Vec<Packets>) {
    let divided = packets.divide(Field::State, states);
    (divided.yes.into_iter().chain(divided.perhaps).collect(), divided.no.into_iter().collect())
}

/// Where packets get their connection (include/uapi/linux/netfilter_ipv4.h, `NF_IP_PRI_CONNTRACK`).
const TRACKING: i32 = -200;

impl Stations {
    /// Whether packets have no connection yet in a base chain of this priority; what this host sends itself has had one since
    /// it left.
    fn is_before_tracking(&self, station: usize, priority: i32) -> bool {
        let is_own = self.is_output(0);
        (self.is_output(station) && priority <= TRACKING)
            || (!is_own && self.is_prerouting(station) && priority <= TRACKING)
            || (!is_own && self.is_ingress(station))
    }
}
