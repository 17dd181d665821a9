//! What a change does to the host, and the one text for nft that does it (nft(8), "-f").

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use jiff::Timestamp;

use super::{
    Eviction, Reservation, guard,
    steer::{self, Lead},
};
use crate::{
    gate::{self, Body, Keep, Listing, Open, Rest, Revision, Standing, Transaction},
    guard::Rules,
    port::PortRange,
    steer::Routes,
    text,
    words::Text,
};

/// What a change does; carried out against the gate as it stands then, so that an undo needs to know no revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect(Wanted, Vec<Open>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Gate(Body),
    NoGate,
    Reserved { wanted: Vec<PortRange>, change: Reservation },
    Guarded(Rules),
    Steered { routes: Routes, before: Routes },
    Led(Lead),
    Evicted(Eviction),
}

impl Effect {
    /// The gate becomes this one.
    #[must_use]
    pub const fn gate(body: Body) -> Self {
        Self(Wanted::Gate(body), Vec::new())
    }

    /// The gate becomes this one, and what is open for a while is so no longer.
    #[must_use]
    pub const fn closing(body: Body, shut: Vec<Open>) -> Self {
        Self(Wanted::Gate(body), shut)
    }

    /// The gate is taken away.
    #[must_use]
    pub const fn no_gate() -> Self {
        Self(Wanted::NoGate, Vec::new())
    }

    /// The kernel keeps `wanted` back for the policy, which `change` makes of what it keeps back now.
    #[must_use]
    pub const fn reserved(wanted: Vec<PortRange>, change: Reservation) -> Self {
        Self(Wanted::Reserved { wanted, change }, Vec::new())
    }

    /// The guard keeps these, and nothing else.
    #[must_use]
    pub const fn guarded(rules: Rules) -> Self {
        Self(Wanted::Guarded(rules), Vec::new())
    }

    /// Packets are led by `routes`, and by nothing else, in the place of those `before`.
    #[must_use]
    pub const fn steered(routes: Routes, before: Routes) -> Self {
        Self(Wanted::Steered { routes, before }, Vec::new())
    }

    /// Packets for a service are led to this socket.
    #[must_use]
    pub const fn lead(lead: Lead) -> Self {
        Self(Wanted::Led(lead), Vec::new())
    }

    /// A stranger's sockets listen no more.
    #[must_use]
    pub const fn evict(eviction: Eviction) -> Self {
        Self(Wanted::Evicted(eviction), Vec::new())
    }

    /// Whether it can be taken back.
    #[must_use]
    pub const fn is_reversible(&self) -> bool {
        !matches!(self.0, Wanted::Evicted(_))
    }

    /// Whether it is a change of the gate.
    #[must_use]
    pub const fn is_of_gate(&self) -> bool {
        matches!(self.0, Wanted::Gate(_) | Wanted::NoGate)
    }

    /// What the guard is to keep; `None` of another change.
    #[must_use]
    pub const fn guards(&self) -> Option<&Rules> {
        match &self.0 {
            Wanted::Guarded(rules) => Some(rules),
            _ => None,
        }
    }

    /// By what packets are to be led, and by what they were before; `None` of another change.
    #[must_use]
    pub const fn steers(&self) -> Option<(&Routes, &Routes)> {
        match &self.0 {
            Wanted::Steered { routes, before } => Some((routes, before)),
            _ => None,
        }
    }

    /// The socket to which a service's packets are to be led; `None` of another change.
    #[must_use]
    pub const fn leads(&self) -> Option<&Lead> {
        match &self.0 {
            Wanted::Led(lead) => Some(lead),
            _ => None,
        }
    }

    /// Who is to give up a port; `None` of another change.
    #[must_use]
    pub const fn evicts(&self) -> Option<&Eviction> {
        match &self.0 {
            Wanted::Evicted(eviction) => Some(eviction),
            _ => None,
        }
    }

    /// What the kernel is to keep back for the policy; `None` of another change.
    #[must_use]
    pub fn reserves(&self) -> Option<&[PortRange]> {
        match &self.0 {
            Wanted::Reserved { wanted, .. } => Some(wanted),
            _ => None,
        }
    }

    /// What changes of what the kernel keeps back.
    pub(super) const fn reservation(&self) -> Option<&Reservation> {
        match &self.0 {
            Wanted::Reserved { change, .. } => Some(change),
            _ => None,
        }
    }

    /// The gate that is wanted, to be kept as [`Body::saved`]; `None` where none is.
    #[must_use]
    pub const fn wanted(&self) -> Option<&Body> {
        match &self.0 {
            Wanted::Gate(body) => Some(body),
            _ => None,
        }
    }

    /// What is wanted, as a text for digests.
    pub(super) fn text(&self) -> String {
        match &self.0 {
            Wanted::Gate(body) => body.text() + gate::shut(&self.1).as_str(),
            Wanted::NoGate => String::new(),
            Wanted::Reserved { wanted, .. } => listed(wanted),
            Wanted::Guarded(rules) => guard::digested(rules),
            Wanted::Steered { routes, .. } => steer::digested(routes),
            Wanted::Led(lead) => format!("{} {}", lead.service, lead.cookie),
            Wanted::Evicted(Eviction { spec, cookies, .. }) => format!("{spec} {cookies:?}"),
        }
    }

    /// The token of machine output.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.0 {
            Wanted::Gate(_) => "gate",
            Wanted::NoGate => "no-gate",
            Wanted::Reserved { .. } => "reserve",
            Wanted::Guarded(_) => "guard",
            Wanted::Steered { .. } => "steer",
            Wanted::Led(_) => "lead",
            Wanted::Evicted(_) => "evict",
        }
    }

    /// What it does, in a sentence.
    #[must_use]
    pub fn words(&self) -> Text {
        match &self.0 {
            Wanted::Gate(body) => match body.rest() {
                Rest::Refused => text!(
                    "let in what the policy declares, and refuse the rest",
                    "policy で宣言したものだけを通し、それ以外を遮断する"
                ),
                Rest::Passes => text!(
                    "close some ports, and leave all else as it is",
                    "指定のポートだけを閉じ、ほかは変えない"
                ),
                Rest::All => text!("let everything in", "すべてを通す"),
            },
            Wanted::NoGate => text!("take the gate away", "ゲートを取り除く"),
            Wanted::Reserved { change, .. } => reservation(change),
            Wanted::Guarded(rules) => guard::words(rules),
            Wanted::Steered { routes, .. } => steer::words(routes),
            Wanted::Led(lead) => steer::words_of(lead),
            Wanted::Evicted(eviction) => eviction.words(),
        }
    }

    /// The text for nft that does it where the gate stands so; `None` for `standing` where there is none.
    ///
    /// `now` numbers the first revision of a gate. A first gate on trial stands beside one that lets everything in, and
    /// so does none at all, which cannot be tried in another way: whoever confirms that takes the table away next.
    ///
    /// # Errors
    ///
    /// Something is on trial, or this would be and cannot.
    pub fn transaction(
        &self,
        standing: Option<&Standing>,
        keep: Keep,
        now: Timestamp,
    ) -> Result<Transaction, gate::Refused> {
        Ok(self.becomes(standing, keep, now)?.then(&gate::shut(&self.1)))
    }

    fn becomes(
        &self,
        standing: Option<&Standing>,
        keep: Keep,
        now: Timestamp,
    ) -> Result<Transaction, gate::Refused> {
        match (&self.0, standing, keep) {
            (Wanted::Gate(body), Some(standing), _) => gate::apply(body, standing, keep, now),
            (Wanted::Gate(body), None, Keep::AtOnce) => Ok(gate::create(body, Revision::first(now))),
            (Wanted::Gate(body), None, Keep::OnTrial(_)) => {
                let made = gate::create(&Body::open(), Revision::first(now));
                Ok(made.then(&gate::apply(body, &Standing::made(Revision::first(now)), keep, now)?))
            }
            (Wanted::NoGate, Some(standing), Keep::AtOnce) if standing.trial.is_some() => {
                Err(gate::Refused::OnTrial)
            }
            (Wanted::NoGate, Some(standing), Keep::AtOnce) => Ok(gate::remove(standing)),
            (Wanted::NoGate, Some(standing), Keep::OnTrial(_)) => {
                gate::apply(&Body::open(), standing, keep, now)
            }
            _ => Ok(Transaction::default()),
        }
    }

    /// Makes of `listing`, where the gate stands so, what the kernel lists once [`Self::transaction`] is done.
    ///
    /// # Errors
    ///
    /// Something is on trial, or this would be and cannot.
    pub(super) fn simulate(
        &self,
        listing: &mut Listing,
        standing: Option<&Standing>,
        keep: Keep,
        now: Timestamp,
    ) -> Result<(), gate::Refused> {
        match (&self.0, standing, keep) {
            (Wanted::Gate(body), Some(standing), _) => listing.apply(body, standing, keep, now)?,
            (Wanted::Gate(body), None, Keep::AtOnce) => listing.create(body, Revision::first(now)),
            (Wanted::Gate(body), None, Keep::OnTrial(_)) => {
                listing.create(&Body::open(), Revision::first(now));
                listing.apply(body, &Standing::made(Revision::first(now)), keep, now)?;
            }
            (Wanted::NoGate, Some(standing), Keep::AtOnce) if standing.trial.is_some() => {
                return Err(gate::Refused::OnTrial);
            }
            (Wanted::NoGate, Some(_), Keep::AtOnce) => listing.remove(),
            (Wanted::NoGate, Some(standing), Keep::OnTrial(_)) => {
                listing.apply(&Body::open(), standing, keep, now)?;
            }
            _ => {}
        }
        listing.shut(&self.1);
        Ok(())
    }
}

/// Ranges that one sentence names.
const RANGES_MAX: usize = 8;

fn reservation(Reservation { add, give_back, .. }: &Reservation) -> Text {
    let (kept, given) = (named(add), named(give_back));
    match (add.is_empty(), give_back.is_empty()) {
        (false, true) => text!("keep {kept} from clients", "{kept} をクライアントに割り当てないようにする"),
        (true, false) => {
            text!("let clients have {given} again", "{given} をクライアントに再び割り当てられるようにする")
        }
        (false, false) => text!(
            "keep {kept} from clients, and let them have {given} again",
            "{kept} をクライアントに割り当てず、{given} は再び割り当てられるようにする"
        ),
        (true, true) => text!(
            "keep from clients what is kept now, for the policy too",
            "現在の予約を policy の予約としても維持する"
        ),
    }
}

/// The ranges, or the first of them and how many there are besides.
fn named(ranges: &[PortRange]) -> String {
    let shown = listed(ranges.get(..RANGES_MAX).unwrap_or(ranges));
    match ranges.len().saturating_sub(RANGES_MAX) {
        0 => shown,
        more => format!("{shown} (+{more})"),
    }
}

/// As sysctl(8) writes them.
fn listed(ranges: &[PortRange]) -> String {
    ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
