//! What a program that keeps the firewall would say of a port, were it asked (A15, A17, A20).

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    address::Family,
    exposure::{Exposure, How, Row, Senders, To, exposed, within},
    firewall::{Author, Filter, Interval, Kind, author},
    port::{PortRange, Protocol},
};

/// What is asked once for all ports.
type Answers = BTreeMap<(Protocol, Family), Vec<Exposure>>;

/// The packet filter as if no rule sent anything on.
pub(super) struct Guards {
    stays: Filter,
    answers: Answers,
}

impl Guards {
    pub(super) fn of(filter: &Filter) -> Self {
        Self { stays: without_rewriting(filter), answers: Answers::new() }
    }

    /// The ports of `row` by who keeps them closed for packets that nobody sends on.
    pub(super) fn closed(&mut self, row: &Row<'_>, way: &How) -> Vec<(Interval, Option<Author>)> {
        let whole = || [(row.exposure.ports, None)].into();
        if !matches!(way, How::Forwarded(_)) {
            return whole();
        }
        let (protocol, family) = (row.protocol, row.family);
        let stays = &self.stays;
        let runs = self.answers.entry((protocol, family)).or_insert_with(|| {
            exposed(
                stays,
                &Senders::World,
                &To { family, protocol, addresses: None, ports: PortRange::EVERY },
            )
        });
        within(runs, row.exposure.range()).map(|run| (run.ports, keeper(stays, &run))).collect()
    }
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
