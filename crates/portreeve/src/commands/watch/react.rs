//! What is done about whoever is suspected, through the same door as every other change of the gate (A15, A19).

use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use portreeve_core::{
    gate::{self, BlockedSource, Timeout},
    policy::{Policy, WatchChoice},
    receipt::Deed,
    watch::{self, Bonds, Kind, Mercy, Reaction, Suspicion, Watch, sessions},
    words::Words,
};
use portreeve_host::{
    Wanted,
    enforce::{end_session::end_session, firewall::StandingError},
    observe::{Connections, Namespaces, kept_out, lifelines::lifelines, sessions},
};
use serde::{Deserialize, Serialize};

use super::traces::Trace;
use crate::{
    door::{self, see_to_next_boot},
    failure::Failure,
    look::Look,
    settings::Settings,
};

const FAILED: Words =
    Words { en: "cannot block whom the watch suspects", ja: "疑わしい送信元を遮断できません" };

/// Who is on this host, and whom it asks the time.
const LOOK: Wanted =
    Wanted { connections: Connections::List, namespaces: Namespaces::Own, ..Wanted::LISTENERS };

/// Somebody who is suspected, and what became of him.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Reacted {
    /// Who, and of what.
    pub(crate) suspicion: Suspicion,
    /// What became of him.
    pub(crate) reaction: Reaction,
    /// So many of his sessions were ended.
    #[serde(default)]
    pub(crate) sessions_ended: u32,
    /// What he did, one by one, as far as that is remembered.
    pub(crate) traces: Vec<Trace>,
}

/// What is seen of the host at one moment, for all who are suspected then.
pub(super) struct Seen {
    look: Look,
    /// `None` where it is not known whom this host needs.
    bonds: Option<Bonds>,
}

impl Seen {
    fn take(settings: &Settings, policy: Option<&Rc<Policy>>) -> Result<Self, Failure> {
        let look = Look::take_by(settings, &LOOK, policy)?;
        let footholds = sessions::footholds(&look.snapshot);
        let lifelines = lifelines().ok();
        let bonds = lifelines.map(|all| Bonds::of(&look.snapshot, look.policy.as_deref(), &all, &footholds));
        Ok(Self { look, bonds })
    }
}

/// Does about whoever is suspected what the policy says; where that or the host cannot be seen, nothing. Whoever is suspected at the
/// same moment is judged by the same look, `seen`: a flood in the name of many would else have a look taken for each. Where the policy
/// cannot be read, `policy` holds.
pub(super) fn react(
    mut suspicion: Suspicion,
    traces: Vec<Trace>,
    (watch, seen): (&mut Watch, &mut Option<Seen>),
    (settings, policy): (&Settings, Option<&Rc<Policy>>),
) -> Reacted {
    let decided = decided(&suspicion, watch, seen, (settings, policy));
    let (reaction, sessions) = decided.unwrap_or_else(|failure| {
        failure.print(settings.lang);
        (Reaction::Spare(Mercy::Failed), Vec::new())
    });
    let reaction = match reaction {
        Reaction::Block(length) => match Timeout::of(length.unsigned_abs()) {
            Some(timeout) => {
                keep_out(&suspicion, (length, timeout), settings).map_or_else(Reaction::Spare, |()| reaction)
            }
            None => Reaction::Spare(Mercy::Failed),
        },
        other => other,
    };
    let is_blocked = matches!(reaction, Reaction::Block(_));
    // A line may tell of something long ago; the gate counts from now on.
    let at = if is_blocked { Timestamp::now() } else { suspicion.at };
    watch.reacted(suspicion.source, &reaction, at);
    if let (Reaction::Spare(Mercy::Consent(_)), Some(bonds)) =
        (&reaction, seen.as_ref().and_then(|seen| seen.bonds.as_ref()))
    {
        suspicion.kind = Kind::OwnScan;
        watch.excuse(suspicion.source, bonds);
    }
    let sessions_ended = if is_blocked { end_all(&sessions) } else { 0 };
    Reacted { suspicion, reaction, sessions_ended, traces }
}

/// A session: the port of the host's own, and the kernel's number for it.
type Session = (u16, u64);

/// Ends them, and says how many; one that cannot be ended goes on, as all of them do where the policy does not ask for it.
fn end_all(sessions: &[Session]) -> u32 {
    let ended = sessions.iter().filter(|(port, cookie)| matches!(end_session(*port, *cookie), Ok(true)));
    u32::try_from(ended.count()).unwrap_or(u32::MAX)
}

/// What is to become of him, by what is seen now, and which of his sessions are to be ended where he is blocked.
fn decided(
    suspicion: &Suspicion,
    watch: &Watch,
    seen: &mut Option<Seen>,
    (settings, policy): (&Settings, Option<&Rc<Policy>>),
) -> Result<(Reaction, Vec<Session>), Failure> {
    let Seen { look, bonds } = match seen {
        Some(seen) => seen,
        none => none.insert(Seen::take(settings, policy)?),
    };
    let policy = look.policy.as_deref();
    let choice = policy.map_or_else(WatchChoice::default, |policy| policy.watch.clone());
    // Whom this host needs has to be known.
    let Some(bonds) = bonds else { return Ok((Reaction::Spare(Mercy::Failed), Vec::new())) };
    let reaction = watch.reaction(suspicion, &choice, bonds);
    if !choice.end_sessions {
        return Ok((reaction, Vec::new()));
    }
    let all = sessions(&look.world(), suspicion).map(|session| (session.port, session.cookie)).collect();
    Ok((reaction, all))
}

/// Has the gate keep out whoever is suspected, for so long, where it does not already.
fn keep_out(
    suspicion: &Suspicion,
    (length, timeout): (SignedDuration, Timeout),
    settings: &Settings,
) -> Result<(), Mercy> {
    let told = |failure: Failure| {
        failure.print(settings.lang);
        Mercy::Failed
    };
    let door = door::open(FAILED).map_err(told)?;
    let Some(standing) = &door.standing else { return Err(Mercy::NoGate) };
    if standing.foundation.is_made_anew() || door.misses_gate() {
        return Err(Mercy::Undermined);
    }
    let source = suspicion.source.address();
    let kept = kept_out::of(BlockedSource::of(source));
    let kept = kept.map_err(|error| told(door::standing(&StandingError::Filter(error), FAILED)))?;
    if let Some(mercy) = kept.and_then(|kept| watch::kept_out(&kept, length)) {
        return Err(mercy);
    }
    let block = gate::block(BlockedSource::of(source), Some(timeout));
    let (until, why) = (Some(timeout.end(door.now)), Some(suspicion.kind.name().into()));
    let passed = door.pass(Deed::Block { source, until, why }, &block);
    let passed = passed.map_err(|error| told(door::failure(error, FAILED)))?;
    see_to_next_boot(&passed, settings);
    Ok(())
}
