//! How the watch that runs is: what it has heard, how late, and how much of it was lost (A19, A20).

use jiff::{SignedDuration, Timestamp};
use portreeve_host::watching::writer::Writes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A watch that runs says each half minute how it is.
const RUNS: SignedDuration = SignedDuration::from_secs(90);

/// So long it takes at most on a slow host.
const LATE: SignedDuration = SignedDuration::from_secs(40);

/// Who tells of packets that reach nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HeardFrom {
    /// Programs of ours in the kernel.
    Kernel,
    /// The gate, of what it refuses.
    Gate,
    /// Nobody.
    #[default]
    Nobody,
}

/// How it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Pulse {
    /// Its process.
    pub(crate) pid: u32,
    /// Since when it runs, RFC 3339, UTC.
    #[schemars(with = "String")]
    pub(crate) since: Timestamp,
    /// Whether it has ended by itself since.
    pub(crate) ended: bool,
    /// What the policy says: `observe` or `block`.
    pub(crate) mode: String,
    /// Who tells it of packets now: `kernel`, by programs of ours; `gate`, of those that it refuses; or `nobody`.
    #[serde(default)]
    pub(crate) packets: HeardFrom,
    /// Events of packets and handshakes that it has heard.
    pub(crate) events: u64,
    /// Those in a second of late, rounded up.
    pub(crate) events_per_second: u64,
    /// How many milliseconds after they happened they were heard: the latest of late.
    pub(crate) lag_ms: u64,
    /// Events for which there was no room.
    pub(crate) lost: u64,
    /// Lines of logs that told of somebody.
    pub(crate) attempts: u64,
    /// Lines that could be read two ways.
    pub(crate) ambiguous: u64,
    /// Pieces of logs that nobody will read.
    pub(crate) lost_of_logs: u64,
    /// How many sources are remembered, and how many can be.
    pub(crate) sources: u64,
    pub(crate) sources_max: u64,
}

impl Pulse {
    /// Whether a watch runs at `now`, where this is how one was at `at`, and that one `writes` by now.
    pub(crate) fn runs(&self, writes: Writes, at: Timestamp, now: Timestamp) -> Runs {
        let is_heard = !self.ended && self.pid != 0;
        match writes {
            Writes::Somebody(Some(pid)) if !is_heard || pid != self.pid => Runs::Silent(pid),
            Writes::Somebody(_) => Runs::Yes,
            Writes::Unknown if is_heard && now.duration_since(at).abs() < RUNS => Runs::Yes,
            Writes::Unknown | Writes::Nobody => Runs::No,
        }
    }
}

/// Whether somebody watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    /// Nobody does.
    No,
    /// He who said last how he is.
    Yes,
    /// Another one, of this process, who has not said yet how he is.
    Silent(u32),
}

impl Runs {
    /// Whether what was written `at` lacks what was found since: a watch that runs writes more often.
    pub(crate) fn is_late(self, at: Timestamp, now: Timestamp) -> bool {
        self != Self::No && now.duration_since(at) > LATE
    }
}

/// What it counts between two times that it says so.
#[derive(Debug)]
pub(super) struct Counting {
    pub(super) pulse: Pulse,
    /// Since when.
    began: Timestamp,
    events: u64,
    lag: SignedDuration,
}

impl Counting {
    pub(super) fn since(now: Timestamp) -> Self {
        let pulse = Pulse { pid: std::process::id(), since: now, ..Pulse::default() };
        Self { pulse, began: now, events: 0, lag: SignedDuration::ZERO }
    }

    /// One more event was heard at `now`, which happened at `at`.
    pub(super) fn hears(&mut self, at: Timestamp, now: Timestamp) {
        self.pulse.events += 1;
        self.events += 1;
        self.lag = self.lag.max(now.duration_since(at));
    }

    /// How it is at `now`; what is counted of late begins anew.
    pub(super) fn tell(&mut self, now: Timestamp) -> Pulse {
        let seconds = now.duration_since(self.began).as_millis().max(1_000).unsigned_abs();
        let each_second = (u128::from(self.events) * 1_000).div_ceil(seconds);
        self.pulse.events_per_second = u64::try_from(each_second).unwrap_or(u64::MAX);
        self.pulse.lag_ms = u64::try_from(self.lag.as_millis()).unwrap_or(0);
        (self.began, self.events, self.lag) = (now, 0, SignedDuration::ZERO);
        self.pulse.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[test]
    fn what_is_of_late_begins_anew_each_time() {
        let mut counting = Counting::since(at(0));
        (0..25).for_each(|nth| counting.hears(at(nth), at(nth + 7)));
        let first = counting.tell(at(10_000));
        assert_eq!((first.events, first.events_per_second, first.lag_ms), (25, 3, 7));
        let next = counting.tell(at(20_000));
        assert_eq!((next.events, next.events_per_second, next.lag_ms), (25, 0, 0));
    }

    #[test]
    fn whoever_holds_the_lock_runs() {
        let pulse = Counting::since(at(0)).tell(at(0));
        let runs = |writes| pulse.runs(writes, at(0), at(1));
        assert_eq!(runs(Writes::Nobody), Runs::No, "whatever it said a moment ago");
        assert_eq!(runs(Writes::Somebody(Some(pulse.pid))), Runs::Yes);
        assert_eq!(runs(Writes::Somebody(Some(1))), Runs::Silent(1));
        let ended = Pulse { ended: true, ..pulse.clone() };
        assert_eq!(ended.runs(Writes::Somebody(Some(pulse.pid)), at(0), at(1)), Runs::Silent(pulse.pid));
        assert_eq!(Pulse::default().runs(Writes::Somebody(Some(1)), at(0), at(1)), Runs::Silent(1));
    }

    #[test]
    fn whoever_runs_and_writes_nothing_is_late() {
        assert!(!Runs::Yes.is_late(at(0), at(40_000)) && Runs::Yes.is_late(at(0), at(40_001)));
        assert!(Runs::Silent(1).is_late(at(0), at(50_000)) && !Runs::No.is_late(at(0), at(50_000)));
    }

    #[test]
    fn where_nobody_can_tell_whoever_said_nothing_for_long_runs_no_more() {
        let pulse = Counting::since(at(0)).tell(at(0));
        let runs = |pulse: &Pulse, now| pulse.runs(Writes::Unknown, at(0), at(now));
        assert_eq!((runs(&pulse, 89_999), runs(&pulse, 90_000)), (Runs::Yes, Runs::No));
        assert_eq!(runs(&Pulse { ended: true, ..pulse }, 1), Runs::No);
        assert_eq!(runs(&Pulse::default(), 1), Runs::No, "nobody ever did");
    }
}
