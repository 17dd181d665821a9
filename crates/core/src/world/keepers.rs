//! What a program that keeps the firewall would say of a port, were it asked (A15, A17, A20).

use alloc::{collections::BTreeMap, vec, vec::Vec};

use super::{Holding, World};
use crate::{
    address::{Breadth, Family},
    exposure::{Exposure, How, Reached, Row, Senders, To, Way, at, bound, exposed, families, within},
    facts::Listener,
    firewall::{Author, ChainId, Decision, Filter, Hook, Interval, Intervals, Kind, Place, Step, author},
    policy::HOST,
    port::{PortRange, Protocol},
};

/// What is asked once for all ports: of those outside, by the number of their interface.
type Answers = BTreeMap<(u128, Protocol, Family), Vec<Exposure>>;

/// The packet filter as if nothing went round those programs.
pub(super) struct Keepers<'a> {
    outside: Vec<Outsiders<'a>>,
    /// As if no rule sent anything on.
    stays: Filter,
    stays_answers: Answers,
    /// As if nobody but ufw had rules about what comes in, where it has some.
    ufw: Option<Filter>,
    ufw_answers: Answers,
}

impl<'a> Keepers<'a> {
    pub(super) fn of(world: &World<'_>, filter: &'a Filter) -> Self {
        let (stays, ufw, outside) = (without_rewriting(filter), ufw_alone(filter), outside(world, filter));
        Self { outside, stays, stays_answers: Answers::new(), ufw, ufw_answers: Answers::new() }
    }

    /// The ports of `row` by who keeps them closed to some of those outside, and does not see what these send this `way`: for
    /// what leaves, whoever would close them for packets that nobody sends on.
    pub(super) fn closed(&mut self, row: &Row<'_>, way: &Way) -> Vec<(Intervals, Option<Author>)> {
        let ports = Intervals::span(row.exposure.ports.first, row.exposure.ports.last);
        let (kept_by, answers) = match (&way.how, &self.ufw) {
            (How::Forwarded(_), _) => (&self.stays, &mut self.stays_answers),
            (_, Some(ufw)) => (ufw, &mut self.ufw_answers),
            (_, None) => return vec![(ports, None)],
        };
        let (protocol, family) = (row.protocol, row.family);
        let to = To { family, protocol, addresses: None, ports: PortRange::EVERY };
        let mut kept: Vec<(Interval, Author)> = Vec::new();
        for (number, senders) in &self.outside {
            if way.interfaces.contains(*number) {
                let answer = answers.entry((*number, protocol, family));
                let runs = answer.or_insert_with(|| exposed(kept_by, senders, &to));
                let runs = within(runs, row.exposure.range());
                kept.extend(runs.filter_map(|run| Some((run.ports, keeper(kept_by, &run)?))));
            }
        }
        divided(ports, &kept)
    }
}

/// `ports` by who keeps them closed.
fn divided(ports: Intervals, kept: &[(Interval, Author)]) -> Vec<(Intervals, Option<Author>)> {
    let (mut rest, mut found) = (ports, Vec::new());
    for asked in [Author::Ufw, Author::Firewalld] {
        let own = kept.iter().filter(|(_, author)| *author == asked).map(|(ports, _)| *ports).collect();
        found.push((rest.and(&own), Some(asked)));
        rest = rest.except(&own);
    }
    found.push((rest, None));
    found.retain(|(ports, _)| !ports.is_empty());
    found
}

/// The program that keeps the ports of `run` closed, where it is one that a person asks.
fn keeper(filter: &Filter, run: &Exposure) -> Option<Author> {
    let mut authors = run.decided_by.iter().map(|place| author(&filter.ruleset, *place));
    let asked = authors.find(|author| matches!(author, Author::Ufw | Author::Firewalld));
    asked.filter(|_| run.ways.is_empty())
}

/// The same filter as if no rule sent anything on.
fn without_rewriting(filter: &Filter) -> Filter {
    let mut filter = filter.clone();
    for chain in &mut filter.ruleset.chains {
        if chain.base.as_ref().is_some_and(|base| base.kind == Kind::Nat) {
            chain.base = None;
        }
    }
    filter
}

/// The same filter as if nobody but ufw had rules about what comes in; `None` where nobody else has any
/// beside its own.
///
/// What firewalld drops in its table nobody lets in.
fn ufw_alone(filter: &Filter) -> Option<Filter> {
    let ruleset = &filter.ruleset;
    let is_of_ufw = |chain| author(ruleset, Place { chain, rule: None }) == Author::Ufw;
    if !(0..ruleset.chains.len()).map(ChainId).any(is_of_ufw) {
        return None;
    }
    let leads_there = |step: &Step| matches!(step, Step::Decide(Decision::Jump(chain) | Decision::Goto(chain)) if is_of_ufw(*chain));
    let (mut alone, mut has_others) = (filter.clone(), false);
    for (at, chain) in alone.ruleset.chains.iter_mut().enumerate() {
        if chain.base.as_ref().is_none_or(|base| base.hook != Hook::Input || base.kind == Kind::Nat) {
            continue;
        }
        if is_of_ufw(ChainId(at)) {
            let count = chain.rules.len();
            chain.rules.retain(|rule| rule.steps.iter().any(leads_there));
            has_others |= chain.rules.len() < count;
        } else {
            chain.base = None;
        }
    }
    has_others.then_some(alone)
}

impl<'a> World<'a> {
    /// The undeclared holdings that packets from the way to the world get to, though ufw would drop these.
    #[must_use]
    pub fn past_ufw(&self) -> Vec<&Holding<'a>> {
        let Some((filter, own)) = self.filter().zip(self.own_namespace()) else { return Vec::new() };
        let Some(alone) = ufw_alone(filter) else { return Vec::new() };
        let mut asked = Asked { filter, alone, outside: outside(self, filter), answers: BTreeMap::new() };
        let is_meant = |holding: &&Holding<'a>| {
            holding.netns() == own.id
                && holding.breadth() != Breadth::Loopback
                && !holding
                    .declared
                    .is_some_and(|desired| desired.service.reach.iter().any(|zone| zone != HOST))
        };
        let holdings = self.holdings().filter(is_meant);
        holdings.filter(|holding| holding.listeners.iter().any(|listener| asked.is_past(listener))).collect()
    }
}

/// Both filters, and what was asked of them so far.
struct Asked<'a> {
    filter: &'a Filter,
    alone: Filter,
    outside: Vec<Outsiders<'a>>,
    answers: BTreeMap<(Protocol, Family, Option<Intervals>), Twice>,
}

/// For each of those outside: what becomes of their packets, and what would if nobody but ufw were asked.
type Twice = Vec<[Vec<Exposure>; 2]>;

impl Asked<'_> {
    fn is_past(&mut self, listener: &Listener) -> bool {
        let Self { filter, alone, outside, answers } = self;
        let (protocol, port) = (listener.protocol, listener.port);
        families(listener).into_iter().any(|family| {
            let bound = bound(listener, family);
            let question = (protocol, family, bound.clone());
            let answers = answers.entry(question).or_insert_with(|| {
                let to = To { family, protocol, addresses: bound, ports: PortRange::EVERY };
                outside
                    .iter()
                    .map(|(_, from)| [exposed(filter, from, &to), exposed(alone, from, &to)])
                    .collect()
            });
            answers.iter().any(|[now, alone_now]| {
                let arrives = at(now, port)
                    .is_some_and(|run| matches!(run.heard, Reached::Reachable | Reached::Partly));
                arrives && at(alone_now, port).and_then(|run| keeper(alone, run)) == Some(Author::Ufw)
            })
        })
    }
}

/// The number of an interface, and who sends by it.
type Outsiders<'a> = (u128, Senders<'a>);

/// Who sends by the interfaces that lead to the world; whoever lets in a network behind another one means to.
fn outside<'a>(world: &World<'_>, filter: &'a Filter) -> Vec<Outsiders<'a>> {
    let leading_out = world.leading_out();
    let numbered = filter.around.interfaces.iter().zip(0_u128..);
    let outside = numbered.filter(|(_, number)| leading_out.contains(*number));
    outside.map(|(interface, number)| (number, Senders::Interface(&interface.name))).collect()
}
