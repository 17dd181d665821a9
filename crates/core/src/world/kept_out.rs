//! Which rules keep those out who are meant to reach a service (A15, A20).

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{Holding, World, reaching::verdict};
use crate::{
    address::Family,
    desired::DesiredPort,
    exposure::{
        Exposure, How, Outside, Senders, To, arrives, bound, destinations, exposed, families, only_by,
        parted, stays,
    },
    facts::Listener,
    firewall::{Fate, Field, Filter, Hook, Intervals, Part, Place, Rule, Sender, opened},
    gate::JUDGED,
    policy::Service,
    port::{PortRange, PortSpec, Protocol},
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

/// Ports that are sent on, by protocol and family.
pub(super) type SentOn = BTreeMap<(Protocol, Family), Vec<PortRange>>;

/// A zone whose packets to a declared port are asked about.
struct Question<'a, 'z> {
    zone: &'a str,
    senders: &'z Senders<'z>,
    to: To,
    /// The interfaces by which alone they get there, where that is told.
    only_by: Option<Intervals>,
    /// Whether those that a rule sends on to others get to whom they are meant for.
    is_for_others: bool,
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
        let Some(declared) = holding.declared else { return Vec::new() };
        self.kept_out_of(declared.service, |at, zone, senders, family| {
            let mut heard = holding.listeners.iter().copied().filter(|own| families(own).contains(&family));
            let listener =
                heard.next().filter(|listener| self.may_be_blocked(at, senders, listener, family))?;
            Some(Question {
                zone,
                senders,
                to: to(listener.spec(), family, bound(listener, family)),
                only_by: self.filter().and_then(|filter| only_by(listener, &filter.around)),
                is_for_others: self.stands_for_others(listener),
            })
        })
    }

    /// The same of those that are meant to reach a port that a rule sends on, where nobody here listens.
    #[must_use]
    pub fn kept_out_of_sent_on(&self, DesiredPort { spec, service }: DesiredPort<'a>) -> Vec<KeptOut<'a>> {
        let families = self.sent_on(spec);
        self.kept_out_of(service, |_, zone, senders, family| {
            let to = to(spec, family, None);
            families.contains(&family).then_some(Question {
                zone,
                senders,
                to,
                only_by: None,
                is_for_others: true,
            })
        })
    }

    /// The families over which a rule sends packets from the world to `spec` on to others, whether or not these let them pass.
    #[must_use]
    pub fn sent_on(&self, spec: PortSpec) -> Vec<Family> {
        let Some(filter) = self.own_namespace().and_then(|_| self.filter()) else { return Vec::new() };
        let all = self.reaching.sent_on.get_or_init(|| all_sent_on(filter));
        let is_sent_on = |family: &Family| {
            let ranges = all.get(&(spec.protocol, *family)).into_iter().flatten();
            ranges.copied().any(|range| range.overlaps(spec.range))
        };
        Family::ALL.into_iter().filter(is_sent_on).collect()
    }

    /// The rules that keep out those who are meant to reach `service`; what is to be asked of a zone and family says `question`.
    fn kept_out_of(
        &self,
        service: &'a Service,
        question: impl for<'q> Fn(usize, &'a str, &'q Senders<'q>, Family) -> Option<Question<'a, 'q>>,
    ) -> Vec<KeptOut<'a>> {
        let Some(filter) = self.filter() else { return Vec::new() };
        let mut found = Vec::new();
        for zone in &service.reach {
            let place = self.places().enumerate().find(|(_, (name, _))| name == zone);
            let Some((at, (_, senders))) = place else { continue };
            let asked = Family::ALL.into_iter().filter_map(|family| question(at, zone, &senders, family));
            let asked = asked.map(|question| self.without_inner(question));
            found.extend(asked.flat_map(|question| self.kept_out_over(filter, &question)));
        }
        found
    }

    /// The same question; of the world those are asked about who are outside, and none of this host's own containers.
    fn without_inner<'q>(&self, question: Question<'a, 'q>) -> Question<'a, 'q> {
        let outer = self.outer();
        let only_by = match (question.senders, &question.only_by) {
            (Senders::World, Some(interfaces)) => Some(interfaces.and(outer)),
            (Senders::World, None) => Some(outer.clone()),
            (_, interfaces) => interfaces.clone(),
        };
        Question { only_by, ..question }
    }

    /// Whether not all packets get in, as is told from what is asked of all ports at once; `at` is the place of the zone.
    fn may_be_blocked(&self, at: usize, senders: &Senders<'_>, listener: &Listener, family: Family) -> bool {
        let runs = self.past_the_filter(at, senders, listener);
        let reached = runs.into_iter().find(|(own, _)| *own == family).map(|(_, run)| verdict(run.reached));
        matches!(reached, Some(Verdict::Blocked | Verdict::Partly))
            && !self.is_led(at, senders, listener, family)
            && self.filter().is_some_and(|filter| is_served(filter, senders, family))
    }

    /// The rules that keep the zone out, each as the rules are once the commands for those before it were typed.
    fn kept_out_over(&self, filter: &Filter, question: &Question<'a, '_>) -> Vec<KeptOut<'a>> {
        let (zone, family, spec) = (question.zone, question.to.family, question.spec());
        let (mut filter, mut found) = (filter.clone(), Vec::new());
        let mut next = self.blocking(&filter, question);
        let is_whole = next.as_ref().is_some_and(|blocking| blocking.is_whole);
        while let Some(Blocking { place, .. }) = next.take() {
            let (opened, moved) = opened(&filter, place, spec);
            let behind = self.blocking(&opened, question);
            let is_in_vain = behind
                .iter()
                .flat_map(|blocking| &blocking.lost)
                .any(|part| decisive(&opened, part) == Some(moved));
            // Nothing helps where the port became another one before.
            let openings = if is_in_vain { Vec::new() } else { self.openings_for(&filter, question, place) };
            let (rule, is_of_gate) = (filter.ruleset.named(place), filter.ruleset.is_of_gate(place));
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
        let (family, senders) = (question.to.family, question.senders);
        let people = match senders {
            Senders::Zone(zone) => Outside::within(&filter.around, family, zone),
            _ => self.beyond(family, &[]),
        };
        let people = match &question.only_by {
            Some(interfaces) => people.by(interfaces),
            None => people,
        };
        let (heard, lost) = question.heard_and_lost(filter);
        let (heard_parts, lost_parts) = (heard.iter().collect::<Vec<_>>(), lost.iter().collect::<Vec<_>>());
        let is_whole = heard.is_empty();
        let is_meant = is_whole || people.are_kept_out(&lost_parts, &heard_parts);
        let place = is_meant.then(|| most_decisive(filter, &people, &lost_parts)).flatten()?;
        Some(Blocking { place, is_whole, lost })
    }

    /// The commands that let the zone in at `place`.
    fn openings_for(&self, filter: &Filter, question: &Question<'_, '_>, place: Place) -> Vec<String> {
        let Question { senders, .. } = *question;
        let interfaces = if let Senders::Zone(zone) = senders { zone.interfaces.as_slice() } else { &[] };
        let is_by_these_alone = question.is_by_alone(filter, place, interfaces);
        self.openings(filter, senders, question.spec(), place, is_by_these_alone)
    }
}

impl Question<'_, '_> {
    const fn spec(&self) -> PortSpec {
        PortSpec { range: self.to.ports, protocol: self.to.protocol }
    }

    /// The parts of the packets that are heard, as far as can be told and whoever asks as people do, and those that are not.
    fn heard_and_lost(&self, filter: &Filter) -> (Vec<Part>, Vec<Part>) {
        let (_, mut parts) = parted(filter, self.senders, &self.to);
        if let Some(interfaces) = &self.only_by {
            parts.retain(|part| !part.packets.of(Field::InInterface).and(interfaces).is_empty());
        }
        let (mut heard, lost): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| match &part.fate {
            Fate::Unknown => true,
            fate => stays(fate) || self.is_for_others && arrives(fate),
        });
        let (first, last) = ORDINARY_PORTS;
        let ordinary = Intervals::span(first, last);
        heard.retain(|part| !part.packets.of(Field::SourcePort).and(&ordinary).is_empty());
        (heard, lost)
    }

    /// Whether all that `place` keeps out comes in by `interfaces`.
    fn is_by_alone(&self, filter: &Filter, place: Place, interfaces: &[String]) -> bool {
        let named = filter.around.named_by_any(interfaces);
        let (_, parts) = parted(filter, &Senders::World, &self.to);
        let is_other = |part: &Part| {
            decisive(filter, part) == Some(place) && !named.includes(part.packets.of(Field::InInterface))
        };
        !parts.iter().any(is_other)
    }
}

/// Packets to a port; without addresses to every one of this host.
const fn to(
    PortSpec { range: ports, protocol }: PortSpec,
    family: Family,
    addresses: Option<Intervals>,
) -> To {
    To { family, protocol, addresses, ports }
}

/// The ports of packets from the world that a rule sends on to others, whether or not these let them pass.
fn all_sent_on(filter: &Filter) -> SentOn {
    let open = without_forward(filter);
    let asked = JUDGED.into_iter().flat_map(|protocol| Family::ALL.map(|family| (protocol, family)));
    let answered = asked.map(|(protocol, family)| {
        let every = PortSpec { range: PortRange::EVERY, protocol };
        let runs = exposed(&open, &Senders::World, &to(every, family, None));
        let goes_on = |run: &&Exposure| run.ways.iter().any(|way| matches!(way.how, How::Forwarded(_)));
        ((protocol, family), runs.iter().filter(goes_on).map(Exposure::range).collect())
    });
    answered.collect()
}

/// The same rules, but that nothing keeps what goes on to others.
fn without_forward(filter: &Filter) -> Filter {
    let mut filter = filter.clone();
    for chain in &mut filter.ruleset.chains {
        chain.base.take_if(|base| base.hook == Hook::Forward);
    }
    filter
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
