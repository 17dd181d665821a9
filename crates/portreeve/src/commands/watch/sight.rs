//! What is heard of, beside what is known of the host at that moment.

use std::{
    os::fd::{AsFd as _, BorrowedFd},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use portreeve_core::{
    facts::Namespace,
    text,
    watch::{Event, Known, Watch},
    words::Words,
};
use portreeve_host::{
    Wanted,
    chance::chance,
    enforce::receipts::history,
    events::probing::{Place, Probing, ProbingError},
    observe::{Holders, Namespaces, Way},
    root,
};

use super::react::{Reacted, react};
use crate::{
    directories,
    door::{self, WITH_SUDO},
    exit::Exit,
    failure::{Failure, io_cause},
    ledger::whole,
    look::{self, Look},
    pinned,
    settings::Settings,
    show::escape::visible,
};

const FAILED: Words = Words {
    en: "cannot see who is probing this host",
    ja: "ポートを探る通信を監視できません",
};

/// Who listens, and at which addresses.
const LOOK: Wanted = Wanted { holders: Holders::Skip, namespaces: Namespaces::Own, ..Wanted::LISTENERS };
/// What was seen so lately is still so.
const FRESH: Duration = Duration::from_secs(1);

/// What the kernel tells, and what is remembered of it.
pub(super) struct Sight<'a> {
    settings: &'a Settings,
    probing: Probing,
    watch: Watch,
    known: Known,
    seen: Instant,
}

/// What became known.
pub(super) struct Heard {
    /// Who seems to probe this host, and what became of him.
    pub(super) reacted: Vec<Reacted>,
    /// Events for which there was no room.
    pub(super) lost: u64,
}

impl<'a> Sight<'a> {
    /// Begins to hear.
    ///
    /// # Errors
    ///
    /// The policy is wrong, or the kernel does not tell.
    pub(super) fn open(settings: &'a Settings) -> Result<Self, Failure> {
        let look = Look::take(settings, &LOOK)?;
        let own = look.snapshot.own_namespace().ok_or_else(|| Failure::new(Exit::Unreachable, FAILED))?;
        if !look::ways()?.allow(Way::Bpf) {
            return Err(Failure::new(Exit::Unreachable, FAILED)
                .because(look::closed_on_purpose())
                .hint(look::UNSET));
        }
        let [key_low, key_high, seed] =
            chance().map_err(|error| Failure::new(Exit::Unreachable, FAILED).because(io_cause(&error)))?;
        let probing = Probing::open(place(own, seed)).map_err(|error| untold(&error))?;
        let now = Timestamp::now();
        let mut watch = Watch::new([key_low, key_high], now);
        let history = history(&directories::gate()?).map_err(|error| door::receipts(&error, FAILED))?;
        watch.recall(&history, now);
        let known = Known::of(&look.snapshot, look.policy.as_deref());
        Ok(Self { settings, probing, watch, known, seen: Instant::now() })
    }

    /// Readable when something happened.
    pub(super) fn source(&self) -> BorrowedFd<'_> {
        self.probing.as_fd()
    }

    /// What happened until now.
    ///
    /// # Errors
    ///
    /// The policy has become wrong, or nothing can be seen any more.
    pub(super) fn listen(&mut self) -> Result<Heard, Failure> {
        let mut events: Vec<Event<'static>> = Vec::new();
        let lost = self.probing.read(|event| events.push(event));
        if !events.is_empty() && self.seen.elapsed() > FRESH {
            self.look()?;
        }
        let suspicions: Vec<_> =
            events.iter().flat_map(|event| self.watch.step(&self.known, event)).collect();
        let reacted = suspicions.into_iter().map(|it| react(it, &mut self.watch, self.settings));
        Ok(Heard { reacted: reacted.collect::<Result<_, _>>()?, lost })
    }

    fn look(&mut self) -> Result<(), Failure> {
        let look = Look::take(self.settings, &LOOK)?;
        self.known = Known::of(&look.snapshot, look.policy.as_deref());
        self.seen = Instant::now();
        Ok(())
    }
}

fn untold(error: &ProbingError) -> Failure {
    if !root::is_of_host() {
        let because = Words {
            en: "only root may load the programs by which the kernel tells of packets",
            ja: "カーネルからパケットの情報を得るためのプログラムをロードできるのは root だけです",
        };
        return Failure::usage(FAILED).because(because).hint(WITH_SUDO);
    }
    let said = visible(&whole(error)).into_owned();
    let because = text!("the kernel refused: {said}", "カーネルが拒否しました: {said}");
    Failure::new(Exit::Unreachable, FAILED).because(because).hint(pinned::DOCTOR)
}

fn place(own: &Namespace, seed: u64) -> Place {
    #[expect(clippy::cast_possible_truncation, reason = "any bits of it will do")]
    let seed = seed as u32;
    let netns = u32::try_from(own.id).unwrap_or_default();
    Place { netns, client_range: own.client_range, seed }
}
