//! When a claim ends by itself: its time is over, or its process has gone (A24).

use jiff::Timestamp;

use super::{
    claim::{BootTime, Claim, Lease, ProcessId},
    seen::Seen,
};

/// The time, on both clocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now {
    /// As people read it.
    pub wall: Timestamp,
    /// In this boot.
    pub boot: BootTime,
}

/// Whether a claim still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It does.
    Lives,
    /// It does not.
    Ended,
    /// That cannot be told here, so that it does.
    Unknown,
}

impl Lease {
    /// Whether it may hold yet in the next boot, by a clock of which nobody else can say more.
    #[must_use]
    pub fn outlasts_boot(&self, wall: Timestamp) -> bool {
        match self {
            Self::Permanent => true,
            Self::Until { until, .. } => wall < *until,
            Self::While { .. } => false,
        }
    }
}

impl Claim {
    /// Whether it still holds.
    #[must_use]
    pub fn life(&self, seen: &Seen<'_>, now: &Now) -> Life {
        match &self.lease {
            Lease::Permanent => Life::Lives,
            Lease::Until { until, boot } => time(*until, boot.as_ref(), seen, now),
            Lease::While { process } => of_process(process, seen, now),
        }
    }

    /// Whether nobody may have its numbers.
    #[must_use]
    pub fn holds(&self, seen: &Seen<'_>, now: &Now) -> bool {
        self.life(seen, now) != Life::Ended
    }
}

fn time(until: Timestamp, boot: Option<&BootTime>, seen: &Seen<'_>, now: &Now) -> Life {
    let is_over = match boot {
        Some(end) if end.boot_id == now.boot.boot_id => now.boot.milliseconds >= end.milliseconds,
        // The clock of another host may be wrong: the store takes it away when it is over.
        _ => !seen.store_ends_leases && now.wall >= until,
    };
    if is_over { Life::Ended } else { Life::Lives }
}

fn of_process(process: &ProcessId, seen: &Seen<'_>, now: &Now) -> Life {
    if process.machine != seen.machine {
        return Life::Unknown;
    }
    if process.boot_id != now.boot.boot_id {
        return Life::Ended;
    }
    // What number it has for others cannot be told from here, nor whether it has gone.
    if process.namespace.zip(seen.namespace).is_some_and(|(own, here)| own != here) {
        return Life::Unknown;
    }
    match seen.processes.get(&process.pid) {
        Some(Some(there)) if there.is(process) => Life::Lives,
        Some(None) => Life::Unknown,
        _ => Life::Ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_ends_what_a_process_has_and_what_is_over() {
        let time = |text: &str| -> Timestamp { text.parse().unwrap() };
        let until = |text| Lease::Until { until: time(text), boot: None };
        let process = ProcessId { machine: "4c1d".into(), ..crate::ledger::testing::process(1, 2) };
        let outlasts = |lease: Lease| lease.outlasts_boot(time("2026-01-02T00:00:00Z"));
        assert!(outlasts(Lease::Permanent) && outlasts(until("2026-01-02T00:00:01Z")));
        assert!(!outlasts(until("2026-01-02T00:00:00Z")) && !outlasts(Lease::While { process }));
    }
}
