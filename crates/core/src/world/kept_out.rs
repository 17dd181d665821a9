//! Which rules keep those out who are meant to reach a service (A15, A20).

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{Holding, World, reaching::verdict};
use crate::{
    address::Family,
    exposure::{Outside, Senders, To, arrives, bound, destinations, families, only_by, parted, stays},
    facts::Listener,
    firewall::{Fate, Field, Filter, Intervals, Part, Place, Rule, Sender, opened},
    port::PortSpec,
    reach::Verdict,
};

/// Somebody whose packets of one family a rule keeps out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptOut<'a> {
    /// The zone.
    pub zone: &'a str,
    /// The family.
    pub family: Family,
    /// The rule, as a person writes it, with where it stands.
    pub rule: String,
    /// Whether it is one of the gate's.
    pub is_of_gate: bool,
    /// Whether nobody of the zone gets in.
    pub is_whole: bool,
    /// The commands that let the zone in there, as far as these are known.
    pub openings: Vec<String>,
}

/// A zone whose packets to a listener are asked about.
#[derive(Clone, Copy)]
struct Question<'a, 'z> {
    listener: &'a Listener,
    family: Family,
    zone: &'a str,
    senders: &'z Senders<'z>,
}

/// The rule that keeps somebody out.
struct Blocking {
    place: Place,
    /// Whether nobody gets in.
    is_whole: bool,
    /// All that gets to nobody.
    lost: Vec<Part>,
}

/// So many rules that keep the same packets out, one behind the other, are told at once.
const RULES_TOLD_MAX: usize = 8;
/// Whoever asks takes a port from these (RFC 6056 §3.2).
const ORDINARY_PORTS: (u128, u128) = (1_024, 65_535);

impl<'a> World<'a> {
    /// Who of those that are meant to reach `holding` is kept out by a rule: whole zones over a family, or so much of one as
    /// [`Outside::are_kept_out`] says. Behind a rule that commands open it is told of the next one, too.
    #[must_use]
    pub fn kept_out(&self, holding: &Holding<'a>) -> Vec<KeptOut<'a>> {
        let Some((filter, declared)) = self.filter().zip(holding.declared) else { return Vec::new() };
        let mut found = Vec::new();
        for zone in &declared.service.reach {
            let Some((at, (_, senders))) = self.places().enumerate().find(|(_, (name, _))| name == zone)
            else {
                continue;
            };
            for family in Family::ALL {
                let mut heard = holding.listeners.iter().filter(|own| families(own).contains(&family));
                let question =
                    heard.next().map(|listener| Question { listener, family, zone, senders: &senders });
                let blocked = question.filter(|question| self.may_be_blocked(filter, at, question));
                found.extend(blocked.into_iter().flat_map(|question| self.kept_out_over(filter, &question)));
            }
        }
        found
    }

    /// Whether not all packets get in, as is told from what is asked of all ports at once; `at` is the place of the zone.
    fn may_be_blocked(&self, filter: &Filter, at: usize, question: &Question<'a, '_>) -> bool {
        let Question { listener, family, senders, .. } = *question;
        let runs = self.past_the_filter(at, senders, listener);
        let reached = runs.into_iter().find(|(own, _)| *own == family).map(|(_, run)| verdict(run.reached));
        matches!(reached, Some(Verdict::Blocked | Verdict::Partly))
            && !self.is_led(at, senders, listener, family)
            && is_served(filter, senders, family)
    }

    /// The rules that keep the zone out, each as the rules are once the commands for those before it were typed.
    fn kept_out_over(&self, filter: &Filter, question: &Question<'a, '_>) -> Vec<KeptOut<'a>> {
        let Question { listener, family, zone, .. } = *question;
        let (mut filter, mut found) = (filter.clone(), Vec::new());
        let mut next = self.blocking(&filter, question);
        let is_whole = next.as_ref().is_some_and(|blocking| blocking.is_whole);
        while let Some(Blocking { place, .. }) = next.take() {
            let (opened, moved) = opened(&filter, place, listener.spec());
            let behind = self.blocking(&opened, question);
            let is_in_vain = behind
                .iter()
                .flat_map(|blocking| &blocking.lost)
                .any(|part| decisive(&opened, part) == Some(moved));
            // Nothing helps where the port became another one before.
            let openings = if is_in_vain { Vec::new() } else { self.openings_for(&filter, question, place) };
            let (rule, is_of_gate) =
                (filter.ruleset.named(place), filter.ruleset.chains[place.chain.0].is_of_gate());
            if !openings.is_empty() && found.len() + 1 < RULES_TOLD_MAX {
                next = behind;
            }
            found.push(KeptOut { zone, family, rule, is_of_gate, is_whole, openings });
            filter = opened;
        }
        found
    }

    /// The rule that keeps out most of those who are meant, where it is the whole zone or a considerable part.
    fn blocking(&self, filter: &Filter, question: &Question<'_, '_>) -> Option<Blocking> {
        let Question { listener, family, senders, .. } = *question;
        let people = match senders {
            Senders::Zone(zone) => Outside::within(&filter.around, family, zone),
            _ => self.beyond(family, &[]),
        };
        let people = match only_by(listener, &filter.around) {
            Some(interface) => people.by(&interface),
            None => people,
        };
        let (heard, lost) = self.heard_and_lost(filter, senders, question);
        let (heard_parts, lost_parts) = (heard.iter().collect::<Vec<_>>(), lost.iter().collect::<Vec<_>>());
        let is_whole = heard.is_empty();
        let is_meant = is_whole || people.are_kept_out(&lost_parts, &heard_parts);
        let place = is_meant.then(|| most_decisive(filter, &people, &lost_parts)).flatten()?;
        Some(Blocking { place, is_whole, lost })
    }

    /// The parts of the packets that the listener hears, as far as can be told and whoever asks as people do, and those that
    /// it does not.
    fn heard_and_lost(
        &self,
        filter: &Filter,
        senders: &Senders<'_>,
        Question { listener, family, .. }: &Question<'_, '_>,
    ) -> (Vec<Part>, Vec<Part>) {
        let (_, mut parts) = parted(filter, senders, &to(listener, *family));
        if let Some(interface) = only_by(listener, &filter.around) {
            parts.retain(|part| !part.packets.of(Field::InInterface).and(&interface).is_empty());
        }
        let stands_for_others = self.stands_for_others(listener);
        let (mut heard, lost): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| match &part.fate {
            Fate::Unknown => true,
            fate => stays(fate) || stands_for_others && arrives(fate),
        });
        let (first, last) = ORDINARY_PORTS;
        let ordinary = Intervals::span(first, last);
        heard.retain(|part| !part.packets.of(Field::SourcePort).and(&ordinary).is_empty());
        (heard, lost)
    }

    /// The commands that let the zone in at `place`.
    fn openings_for(&self, filter: &Filter, question: &Question<'_, '_>, place: Place) -> Vec<String> {
        let Question { listener, senders, .. } = *question;
        let interfaces = if let Senders::Zone(zone) = senders { zone.interfaces.as_slice() } else { &[] };
        let is_by_these_alone = self.is_by_alone(filter, question, place, interfaces);
        self.openings(filter, senders, listener.spec(), place, is_by_these_alone)
    }

    /// Whether all that `place` keeps from the listener comes in by `interfaces`.
    fn is_by_alone(
        &self,
        filter: &Filter,
        question: &Question<'_, '_>,
        place: Place,
        interfaces: &[String],
    ) -> bool {
        let named = filter.around.named_by_any(interfaces);
        let (_, parts) = parted(filter, &Senders::World, &to(question.listener, question.family));
        let is_other = |part: &Part| {
            decisive(filter, part) == Some(place) && !named.includes(part.packets.of(Field::InInterface))
        };
        !parts.iter().any(is_other)
    }
}

/// What a listener hears of one family.
fn to(listener: &Listener, family: Family) -> To {
    let PortSpec { range: ports, protocol } = listener.spec();
    To { family, protocol, addresses: bound(listener, family), ports }
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
