//! What the gate tells, and the kernel of connections, where the kernel runs no programs of ours (A14, A16, A19).

use std::{
    collections::VecDeque,
    net::IpAddr,
    os::fd::{AsFd as _, BorrowedFd},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use portreeve_core::{
    gate::{LOG_GROUP, Telling},
    watch::{Event, Happening, Known, Room, Source},
};
use portreeve_host::{
    enforce::firewall,
    events::{
        handshakes::{Handshakes, OpenedError, PATIENCE},
        logged::{Holder, Logged, LoggedError},
    },
};

use crate::{ledger::whole, show::escape::visible};

/// So many packets wait at most: of more, some are weighed before the handshake of their source.
const HELD_MAX: usize = 1 << 16;

/// The gate, as far as it tells.
#[derive(Debug)]
pub(crate) struct ByGate {
    telling: Telling,
    /// Of the packet filter, as it was when that was looked at.
    generation: Option<u32>,
    ears: Result<Ears, Deaf>,
    room: Room,
    /// What was told, and waits for the handshakes before it, with the time at which these are decided.
    held: VecDeque<(Instant, Event<'static>)>,
}

/// What hears of it.
#[derive(Debug)]
struct Ears {
    logged: Logged,
    handshakes: Result<Handshakes, String>,
}

/// Why nobody here is told of what the gate refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deaf {
    /// There is none that refuses anything.
    NoGate,
    /// Another program reads the group to which it tells.
    Taken(Option<Holder>),
    /// The kernel refused, and said so.
    Refused(String),
}

/// What of it is not told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Missed<'g> {
    /// Everything.
    All(&'g Deaf),
    /// Ports that the gate leaves as they are.
    Unclosed,
    /// What others have changed of the gate.
    Changed,
    /// Most packets of sources that came when the gate told of as many as it can tell apart.
    Crowded,
    /// Handshakes of connections that go on.
    Open(&'g OpenedError),
    /// All handshakes: the kernel does not tell, and said so.
    Handshakes(&'g str),
}

impl ByGate {
    /// Begins to hear, where there is something.
    pub(super) fn open() -> Self {
        let mut all = Self {
            telling: Telling::Nothing,
            generation: None,
            ears: Err(Deaf::NoGate),
            room: Room::default(),
            held: VecDeque::new(),
        };
        all.look();
        all
    }

    /// Whether it tells of packets.
    pub(crate) const fn hears(&self) -> bool {
        self.ears.is_ok()
    }

    /// Whether it tells of handshakes.
    pub(crate) fn hears_handshakes(&self) -> bool {
        self.ears.as_ref().is_ok_and(|ears| ears.handshakes.is_ok())
    }

    /// What it does not tell of, as of `now`.
    pub(crate) fn missed(&self, now: Timestamp) -> Vec<Missed<'_>> {
        let ears = match &self.ears {
            Ok(ears) => ears,
            Err(deaf) => return vec![Missed::All(deaf)],
        };
        let of_gate = match self.telling {
            Telling::All | Telling::Nothing => None,
            Telling::Closed => Some(Missed::Unclosed),
            Telling::Unknown => Some(Missed::Changed),
        };
        let crowded = self.room.is_full(now).then_some(Missed::Crowded);
        let handshakes = match &ears.handshakes {
            Ok(handshakes) => handshakes.missed().map(Missed::Open),
            Err(said) => Some(Missed::Handshakes(said)),
        };
        of_gate.into_iter().chain(crowded).chain(handshakes).collect()
    }

    /// Each is readable when something was told.
    pub(super) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.ears.iter().flat_map(Ears::sources)
    }

    /// How long nobody needs to read, where something waits.
    pub(super) fn due(&self) -> Option<Duration> {
        self.ears.as_ref().ok()?.handshakes.as_ref().ok()?.due()
    }

    /// Has the next handshake of this source be news.
    pub(super) fn forget(&mut self, address: IpAddr) {
        if let Ok(Ears { handshakes: Ok(handshakes), .. }) = &mut self.ears {
            handshakes.forget(address);
        }
    }

    /// What was told until `now`, and how much more found no room.
    ///
    /// Packets come after the handshakes that were before them, so that who is proven is told of once: these are told of later.
    pub(super) fn read(&mut self, known: &Known, now: Timestamp) -> (Vec<Event<'static>>, u64) {
        let read = (now, Instant::now());
        let (mut events, mut lost) = (Vec::new(), self.read_packets(read));
        if let Ok(ears) = &mut self.ears {
            lost += ears.read_handshakes(known, read, &mut events);
        }
        self.release(read.1, &mut events);
        (events, lost)
    }

    fn read_packets(&mut self, (now, read): (Timestamp, Instant)) -> u64 {
        let Self { ears, room, held, .. } = self;
        let Ok(Ears { logged, .. }) = ears else { return 0 };
        let all = logged.read(now, |event| {
            if let Happening::Touch(touch) = &event.what {
                room.hears(Source::of(touch.from), now);
            }
            held.push_back((read + PATIENCE, event));
        });
        all.unwrap_or_else(|error| {
            // It is tried again at the next look.
            self.ears = Err(Deaf::Refused(visible(&whole(&error)).into_owned()));
            0
        })
    }

    /// Lets go what waits for no handshake any more.
    fn release(&mut self, now: Instant, events: &mut Vec<Event<'static>>) {
        let is_decided = self.due().is_none();
        while let Some((due, _)) = self.held.front()
            && (is_decided || *due <= now || self.held.len() > HELD_MAX)
        {
            events.extend(self.held.pop_front().map(|(_, event)| event));
        }
    }

    /// Looks whether the gate is another one, and tries again what could not be.
    pub(super) fn look(&mut self) {
        let generation = firewall::generation().ok().flatten();
        if generation.is_none() || generation != self.generation {
            let (telling, end) = telling();
            // The kernel takes a trial back without counting that as a change.
            self.generation = generation.filter(|_| end == End::None);
            self.telling = telling;
        }
        if self.telling == Telling::Nothing {
            self.ears = Err(Deaf::NoGate);
            return;
        }
        match &mut self.ears {
            Err(_) => self.ears = Ears::open(),
            Ok(Ears { handshakes: Ok(handshakes), .. }) => handshakes.retry(),
            Ok(ears) => ears.handshakes = handshakes(),
        }
    }
}

impl Ears {
    /// The group comes first: of the first such socket of a process the kernel tells others whose it is.
    fn open() -> Result<Self, Deaf> {
        let logged = Logged::open(LOG_GROUP).map_err(Deaf::of)?;
        Ok(Self { logged, handshakes: handshakes() })
    }

    fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let handshakes = self.handshakes.iter().flat_map(Handshakes::sources);
        [self.logged.as_fd()].into_iter().chain(handshakes)
    }

    fn read_handshakes(
        &mut self,
        known: &Known,
        now: (Timestamp, Instant),
        events: &mut Vec<Event<'static>>,
    ) -> u64 {
        let Ok(handshakes) = &mut self.handshakes else { return 0 };
        handshakes.read(now, known, |event| events.push(event)).unwrap_or_else(|error| {
            self.handshakes = Err(visible(&whole(&error)).into_owned());
            0
        })
    }
}

fn handshakes() -> Result<Handshakes, String> {
    Handshakes::open().map_err(|error| visible(&whole(&error)).into_owned())
}

impl Deaf {
    fn of(error: LoggedError) -> Self {
        match error {
            LoggedError::Taken(holder) => Self::Taken(holder),
            LoggedError::Netlink(_) => Self::Refused(visible(&whole(&error)).into_owned()),
        }
    }
}

/// Whether what judges now ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    None,
    OfTrial,
}

/// What the gate tells of as it stands.
fn telling() -> (Telling, End) {
    match firewall::standing() {
        Ok(Some(standing)) => {
            (standing.tells(), if standing.trial.is_some() { End::OfTrial } else { End::None })
        }
        Ok(None) => (Telling::Nothing, End::None),
        // Of what cannot be read nobody knows more than that it is there.
        Err(_) => (Telling::Unknown, End::None),
    }
}
