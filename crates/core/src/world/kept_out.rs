//! Which rules keep those out who are meant to reach a service (A15, A20).

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{
    Holding, World,
    reaching::{OUTSIDE, verdict},
};
use crate::{
    address::Family,
    exposure::{Outside, Reached, Senders, To, arrives, bound, destinations, families, parted, stays},
    facts::Listener,
    firewall::{Fate, Field, Filter, Intervals, Part, Place, Rule, Sender, opened},
    reach::Verdict,
};

/// Somebody whose packets of one family a rule keeps out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptOut<'a> {
    /// The zone.
    pub zone: &'a str,
    /// The family.
    pub family: Family,
    /// The rule, of several that which keeps out most.
    pub place: Place,
    /// Whether nobody of the zone gets in.
    pub is_whole: bool,
    /// The commands that let the zone in there, as far as these are known.
    pub openings: Vec<String>,
}

/// A zone whose packets to a listener are asked about.
#[derive(Clone, Copy)]
struct Question<'a> {
    listener: &'a Listener,
    family: Family,
    zone: &'a str,
    /// The place of the zone among all.
    at: usize,
}

impl<'a> World<'a> {
    /// Who of those that are meant to reach `holding` is kept out by a rule: whole zones over a family, or so much of one as
    /// [`Outside::are_kept_out`] says.
    #[must_use]
    pub fn kept_out(&self, holding: &Holding<'a>) -> Vec<KeptOut<'a>> {
        let Some((filter, declared)) = self.filter().zip(holding.declared) else { return Vec::new() };
        let mut found = Vec::new();
        for zone in &declared.service.reach {
            let Some(at) = self.places().position(|(name, _)| name == zone) else { continue };
            for family in Family::ALL {
                let mut heard = holding.listeners.iter().filter(|own| families(own).contains(&family));
                let question = heard.next().map(|listener| Question { listener, family, zone, at });
                found.extend(question.and_then(|question| self.kept_out_over(filter, question)));
            }
        }
        found
    }

    fn kept_out_over(&self, filter: &Filter, question: Question<'a>) -> Option<KeptOut<'a>> {
        let Question { listener, family, zone, at } = question;
        let (_, senders) = self.places().nth(at)?;
        let runs = self.past_the_filter(at, &senders, listener);
        let (_, run) = runs.into_iter().find(|(own, _)| *own == family)?;
        let is_whole = verdict(run.reached) == Verdict::Blocked;
        let is_partly = || run.reached == Reached::Partly && !self.is_led(at, &senders, listener, family);
        if !is_whole && !is_partly() || !is_served(filter, &senders, family) {
            return None;
        }
        let people = match &senders {
            Senders::Zone(zone) => Outside::within(&filter.around, family, zone),
            _ => self.beyond(family, &[]),
        };
        let place = self.of_place(at, &senders, (listener, family), |parts| {
            let (heard, lost) = self.heard_and_lost(listener, parts.iter().copied());
            let is_meant = is_whole || people.are_kept_out(&lost, &heard);
            is_meant.then(|| most_decisive(filter, &people, &lost)).flatten()
        })??;
        let openings = self.helpful_openings(filter, &senders, question, place);
        Some(KeptOut { zone, family, place, is_whole, openings })
    }

    /// The parts that `listener` hears, as far as can be told, and those that it does not.
    fn heard_and_lost<'p>(
        &self,
        listener: &Listener,
        parts: impl Iterator<Item = &'p Part>,
    ) -> (Vec<&'p Part>, Vec<&'p Part>) {
        let stands_for_others = self.stands_for_others(listener);
        parts.partition(|part| match &part.fate {
            Fate::Unknown => true,
            fate => stays(fate) || stands_for_others && arrives(fate),
        })
    }

    /// The commands that let the zone in at `place`, where anything does: not where the port became another one before.
    fn helpful_openings(
        &self,
        filter: &Filter,
        senders: &Senders<'_>,
        question: Question<'_>,
        place: Place,
    ) -> Vec<String> {
        let Question { listener, family, .. } = question;
        let spec = listener.spec();
        let (tried, moved) = opened(filter, place, spec);
        let to =
            To { family, protocol: spec.protocol, addresses: bound(listener, family), ports: spec.range };
        let (_, parts) = parted(&tried, senders, &to);
        let (_, lost) = self.heard_and_lost(listener, parts.iter());
        if lost.iter().any(|part| decisive(&tried, part) == Some(moved)) {
            return Vec::new();
        }
        let interfaces = if let Senders::Zone(zone) = senders { zone.interfaces.as_slice() } else { &[] };
        let is_by_these_alone = self.is_by_alone(filter, question, place, interfaces);
        self.openings(filter, senders, spec, place, is_by_these_alone)
    }

    /// Whether all that `place` keeps from the listener comes in by `interfaces`.
    fn is_by_alone(
        &self,
        filter: &Filter,
        question: Question<'_>,
        place: Place,
        interfaces: &[String],
    ) -> bool {
        let named = filter.around.named_by_any(interfaces);
        let is_other = |part: &&Part| {
            decisive(filter, part) == Some(place) && !named.includes(part.packets.of(Field::InInterface))
        };
        let asked = (question.listener, question.family);
        let is_any_other = |parts: &[&Part]| parts.iter().any(is_other);
        self.of_place(OUTSIDE, &Senders::World, asked, is_any_other) == Some(false)
    }
}

/// Whether this host has an address of `family` that others than its neighbours on a wire send to.
fn is_served(filter: &Filter, senders: &Senders<'_>, family: Family) -> bool {
    match (senders, family) {
        (Senders::Host, _) | (_, Family::Ipv4) => true,
        (_, Family::Ipv6) => {
            let own = destinations(&filter.around, family, Sender::Outside);
            !own.except(&Intervals::prefix(LINK_LOCAL, 118)).is_empty()
        }
    }
}

/// fe80::/10 (RFC 4291 §2.5.6).
const LINK_LOCAL: u128 = 0xfe80 << 112;

/// The rule because of which a listener does not hear `part`: the one that ended its way, or sent it elsewhere.
fn decisive(filter: &Filter, part: &Part) -> Option<Place> {
    let rewrites = |place: &&Place| filter.ruleset.rule(**place).is_some_and(Rule::rewrites);
    part.decided_by.iter().find(rewrites).or(part.decided_by.first()).copied()
}

/// Of the rules that keep `people` out the one that does so to most of them; where none does, it is no rule's doing.
fn most_decisive(filter: &Filter, people: &Outside, lost: &[&Part]) -> Option<Place> {
    let mut by_rule: BTreeMap<Place, Vec<&Part>> = BTreeMap::new();
    for part in lost {
        if let Some(place) = decisive(filter, part) {
            by_rule.entry(place).or_default().push(part);
        }
    }
    let most = by_rule.into_iter().max_by_key(|(_, parts)| people.count(parts, &[]));
    most.map(|(place, _)| place)
}
