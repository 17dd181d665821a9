//! Between which moments a port was opened, and what each bound rests on (A12).

use jiff::{SignedDuration, Timestamp};

use crate::facts::{Gap, Listener, Process, Snapshot};

/// How much younger than a look a process may be that it still saw: a look takes its time, and a start is read off
/// another clock.
const LOOK_SECONDS_MAX: SignedDuration = SignedDuration::from_secs(60);
/// Two clocks differ by so much at most.
const CLOCK_ERROR: SignedDuration = SignedDuration::from_secs(1);

/// A bound in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment<'a> {
    /// When.
    pub at: Timestamp,
    /// What it rests on.
    pub known_by: KnownBy<'a>,
}

/// What a bound rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy<'a> {
    /// The guard wrote it down then.
    Record,
    /// This look shows it.
    Look,
    /// An earlier look shows the very socket.
    SeenEarlier,
    /// An earlier look has no such socket.
    NotSeenEarlier,
    /// The unit in which it was created began its present run then.
    UnitStart(&'a str),
    /// The session in which it was created began then.
    SessionStart(&'a str),
}

impl KnownBy<'_> {
    /// The token of machine output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Look => "look",
            Self::SeenEarlier => "seen-earlier",
            Self::NotSeenEarlier => "not-seen-earlier",
            Self::UnitStart(_) => "unit-start",
            Self::SessionStart(_) => "session-start",
        }
    }
}

impl Moment<'_> {
    /// Whether `process` surely began after it.
    pub(super) fn is_before_start_of(&self, process: &Process) -> bool {
        process.started.is_some_and(|started| started.duration_since(self.at) > LOOK_SECONDS_MAX)
    }
}

/// By when it was open.
pub(super) fn latest<'a>(snapshot: &Snapshot, listener: &Listener, earlier: Option<&Snapshot>) -> Moment<'a> {
    let seen = comparable(snapshot, earlier)
        .filter(|earlier| earlier.listeners.iter().any(|other| is_same_socket(other, listener)));
    match seen {
        Some(earlier) => Moment { at: earlier.taken, known_by: KnownBy::SeenEarlier },
        None => Moment { at: snapshot.taken, known_by: KnownBy::Look },
    }
}

/// From when on it may have been opened: the latest of all that is known.
///
/// The start of a holder is no bound: it may have inherited the socket from one that has gone since.
pub(super) fn earliest<'a>(
    snapshot: &'a Snapshot,
    listener: &'a Listener,
    earlier: Option<&'a Snapshot>,
) -> Option<Moment<'a>> {
    let absent = not_seen_earlier(snapshot, listener, earlier);
    let bounds = [unit_start(snapshot, listener), session_start(snapshot, listener), absent];
    bounds.into_iter().flatten().max_by_key(|bound| bound.at)
}

/// An earlier look of the same boot: a clock that was set back makes it none.
fn comparable<'a>(snapshot: &Snapshot, earlier: Option<&'a Snapshot>) -> Option<&'a Snapshot> {
    let is_same_boot = |earlier: &&Snapshot| {
        !snapshot.host.boot_id.is_empty() && earlier.host.boot_id == snapshot.host.boot_id
    };
    earlier.filter(is_same_boot).filter(|earlier| earlier.taken <= snapshot.taken)
}

/// The kernel never uses a cookie twice in one boot; where none is known the inode on the same number tells as much.
fn is_same_socket(one: &Listener, other: &Listener) -> bool {
    let is_known = |number: u64, same: u64| number != 0 && number == same;
    let place = |listener: &Listener| (listener.netns, listener.protocol, listener.port);
    place(one) == place(other)
        && (is_known(one.cookie, other.cookie) || is_known(one.inode, other.inode))
        && (one.cookie == other.cookie || one.cookie == 0 || other.cookie == 0)
}

/// A look that may have missed sockets of that namespace proves nothing.
fn not_seen_earlier<'a>(
    snapshot: &Snapshot,
    listener: &Listener,
    earlier: Option<&Snapshot>,
) -> Option<Moment<'a>> {
    let earlier = comparable(snapshot, earlier)?;
    let may_miss =
        earlier.namespace(listener.netns).is_none() || earlier.gaps.iter().any(Gap::hides_listeners);
    let was_there = earlier.listeners.iter().any(|other| is_same_socket(other, listener));
    (!may_miss && !was_there).then_some(Moment { at: earlier.taken, known_by: KnownBy::NotSeenEarlier })
}

/// The cgroup of a unit is made anew for each run, unless something of an earlier run is still in it.
fn unit_start<'a>(snapshot: &'a Snapshot, listener: &'a Listener) -> Option<Moment<'a>> {
    let unit = listener.socket_unit.as_deref()?;
    let origins = snapshot.origins.as_ref()?;
    let at = origins.units.get(unit)?.started?;
    let is_older = |process: &Process| {
        process.unit.as_deref() == Some(unit)
            && process.started.is_some_and(|started| at.duration_since(started) > CLOCK_ERROR)
    };
    let mut everybody = snapshot.processes.values().chain(origins.ancestors.values());
    (!everybody.any(is_older)).then_some(Moment { at, known_by: KnownBy::UnitStart(unit) })
}

fn session_start<'a>(snapshot: &'a Snapshot, listener: &'a Listener) -> Option<Moment<'a>> {
    let scope = listener.socket_unit.as_deref()?;
    let at = snapshot.origins.as_ref()?.sessions.get(scope)?.since?;
    Some(Moment { at, known_by: KnownBy::SessionStart(scope) })
}
