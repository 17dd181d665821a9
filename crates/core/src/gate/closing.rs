//! A gate as it stands with more ports closed, and nothing else of it changed (A16).

use alloc::collections::BTreeSet;

use super::{
    Closed, Gate, InterfacePattern, JUDGED, Ports, Refusal, Rest,
    body::{Body, Hook, Match, Name, Set, SetKind, Verdict, refused},
    generation::{CLOSED, PUBLISHED},
};
use crate::port::{PortRange, PortSpec, Protocol};

impl Body {
    /// The same gate with the ports of `closed` closed too: from one that lets in what is declared they are taken out, and
    /// of one that closes some ports these are more.
    ///
    /// `None` where it is no gate that this program makes.
    #[must_use]
    pub fn closing(&self, closed: &Closed) -> Option<Self> {
        match self.rest() {
            Rest::Refused => Some(self.less(&closed.ports)),
            Rest::Passes | Rest::All => {
                let own = self.closed()?;
                let is_done = own.ports.includes(&closed.ports);
                Some(if is_done { self.clone() } else { Self::from(&Gate::Closed(own.and(closed))) })
            }
        }
    }

    /// The ports that it closes, where that is all it does.
    fn closed(&self) -> Option<Closed> {
        let rules = || Hook::ALL.into_iter().flat_map(|hook| self.rules(hook.name()));
        let rejects = Verdict::Goto(Name::Shared(refused(Refusal::Reject).into()));
        let is_rejecting = rules().any(|rule| rule.verdict == rejects);
        let names = rules().flat_map(|rule| &rule.matches).filter_map(|one| match one {
            Match::Interface(names) => Some(names),
            _ => None,
        });
        let inside: BTreeSet<InterfacePattern> = names.flatten().cloned().collect();
        let closed = Closed {
            ports: self.ports(CLOSED),
            refusal: if is_rejecting { Refusal::Reject } else { Refusal::Drop },
            published: self.ports(PUBLISHED),
            inside: inside.into_iter().collect(),
        };
        (Self::from(&Gate::Closed(closed.clone())) == *self).then_some(closed)
    }

    /// The ports in the sets whose names begin so.
    fn ports(&self, begin: &str) -> Ports {
        let sets = self.sets.iter().filter(|set| set.kind == SetKind::Ports);
        let of = sets.filter_map(|set| is_named(set, begin).then_some((protocol(&set.name)?, set)));
        let specs = of.flat_map(|(protocol, set)| {
            let port = |number| u16::try_from(number).unwrap_or(u16::MAX);
            let ranges =
                set.elements.iter().map(move |it| PortRange { first: port(it.first), last: port(it.last) });
            ranges.map(move |range| PortSpec { range, protocol })
        });
        specs.collect()
    }

    /// Without `ports` in any set that opens some to others than containers; a set of which nothing is left goes, with the
    /// rules that ask it.
    fn less(&self, ports: &Ports) -> Self {
        let mut body = self.clone();
        let mut gone: BTreeSet<Name> = BTreeSet::new();
        let opens = |set: &&mut Set| set.kind == SetKind::Ports && !set.name.starts_with(PUBLISHED);
        for set in body.sets.iter_mut().filter(opens) {
            // One whose protocol is not known opens a number of whichever.
            let protocols = protocol(&set.name).map_or_else(|| JUDGED.to_vec(), |protocol| [protocol].into());
            for protocol in protocols {
                set.elements = set.elements.except(&ports.of(protocol));
            }
            if set.elements.is_empty() {
                gone.insert(Name::Own(set.name.clone()));
            }
        }
        body.sets.retain(|set| !gone.contains(&Name::Own(set.name.clone())));
        let asks = |one: &Match| match one {
            Match::Port(_, name) | Match::OriginalPort(name) => gone.contains(name),
            _ => false,
        };
        for rules in body.chains.values_mut() {
            rules.retain(|rule| !rule.matches.iter().any(asks));
        }
        body
    }
}

impl Closed {
    /// Both: what was closed is refused as before.
    fn and(self, more: &Self) -> Self {
        let refusal = if self.ports.is_empty() { more.refusal } else { self.refusal };
        let inside: BTreeSet<InterfacePattern> = self.inside.iter().chain(&more.inside).cloned().collect();
        Self {
            ports: self.ports.or(&more.ports),
            refusal,
            published: self.published.or(&more.published),
            inside: inside.into_iter().collect(),
        }
    }
}

/// Whether a set is called so, but for the protocol.
fn is_named(set: &Set, begin: &str) -> bool {
    set.name.rsplit_once('_').is_some_and(|(name, _)| name == begin)
}

/// Whose ports a set has, by the end of its name.
fn protocol(set: &str) -> Option<Protocol> {
    let (_, ending) = set.rsplit_once('_')?;
    JUDGED.into_iter().find(|protocol| protocol.name() == ending)
}
