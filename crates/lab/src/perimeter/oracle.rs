//! What becomes of packets, told by sending them: it knows of no rule.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    thread,
    time::Duration,
};

use super::{Perimeter, Side, parse, probe::Probe};
use crate::{error::LabError, programs};

/// How long the last packet and its answer may be under way; nothing but the kernel handles them.
const UNDER_WAY: Duration = Duration::from_millis(150);

/// A protocol with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// A connection's first packet, a SYN.
    Tcp,
    /// A datagram.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// A packet that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Where it comes from.
    pub side: Side,
    /// Its sender, one of that side's.
    pub from: IpAddr,
    /// Where it goes.
    pub to: IpAddr,
    /// Its protocol.
    pub protocol: Protocol,
    /// The port that it goes to.
    pub port: u16,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { side, from, to, protocol, port } = self;
        write!(f, "{} {from} -> {to} {port}/{protocol}", side.interface())
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It got past every rule.
    Arrives {
        /// The place: `host`, the interface of the side where it was, or what [`Perimeter::watch`] called it.
        at: String,
        /// The port that it came to.
        port: u16,
    },
    /// It did not arrive, and its sender was told.
    Rejected,
    /// It vanished.
    Dropped,
}

/// Every first packet that one of `senders` can send to one of `receivers` over the same family.
#[must_use]
pub fn questions(senders: &[(Side, &str)], receivers: &[&str], ports: &[u16]) -> Vec<Question> {
    let mut questions = Vec::new();
    for (side, from) in senders {
        let from = parse(from);
        let receivers = receivers.iter().copied().map(parse);
        for to in receivers.filter(|to| to.is_ipv4() == from.is_ipv4() && *to != from) {
            for port in ports {
                let ask = |protocol| Question { side: *side, from, to, protocol, port: *port };
                questions.extend([ask(Protocol::Tcp), ask(Protocol::Udp)]);
            }
        }
    }
    questions
}

impl Perimeter {
    /// Sends every packet twice and tells what became of it.
    ///
    /// # Errors
    ///
    /// Where a packet cannot be sent, and where it fares otherwise the second time, with the question.
    pub fn ask(&self, questions: &[Question]) -> Result<Vec<Outcome>, LabError> {
        let tokens = self.tokens(questions.len() * 2)?;
        let (first, second) = tokens.split_at(questions.len());
        let program = programs::probe()?;
        let mut probes = Vec::new();
        for place in &self.places {
            probes.push(Probe::start(self.command(place, &program)?)?);
        }
        for tokens in [first, second] {
            for (place, probe) in self.places.iter().zip(&mut probes) {
                probe.send(&orders(place.side, questions, tokens))?;
            }
            thread::sleep(UNDER_WAY);
        }
        let mut fates = Fates::default();
        for (place, probe) in self.places.iter().zip(probes) {
            let seen = probe.end()?;
            for (token, port) in seen.requests() {
                fates.arrived.entry(token).or_default().insert((place.name.clone(), port));
            }
            fates.answered.extend(seen.answers());
        }
        let outcome = |(question, (first, second)): (&Question, (&u16, &u16))| {
            let (first, second) = (fates.of(*first), fates.of(*second));
            if first == second { Ok(first) } else { Err(disagreement(question, &first, &second)) }
        };
        questions.iter().zip(first.iter().zip(second)).map(outcome).collect()
    }
}

fn orders(side: Option<Side>, questions: &[Question], tokens: &[u16]) -> String {
    let own = questions.iter().zip(tokens).filter(|(question, _)| Some(question.side) == side);
    own.map(|(Question { from, to, protocol, port, .. }, token)| {
        format!("{protocol} {from} {token} {to} {port}\n")
    })
    .collect()
}

/// What was seen of every packet, by its source port.
#[derive(Default)]
struct Fates {
    arrived: BTreeMap<u16, BTreeSet<(String, u16)>>,
    answered: BTreeSet<u16>,
}

impl Fates {
    /// The host itself answers what it rejects, and so does whoever a packet reaches: that one is no rejection.
    fn of(&self, token: u16) -> Outcome {
        match self.arrived.get(&token).and_then(BTreeSet::first) {
            Some((at, port)) => Outcome::Arrives { at: at.clone(), port: *port },
            None if self.answered.contains(&token) => Outcome::Rejected,
            None => Outcome::Dropped,
        }
    }
}

fn disagreement(question: &Question, first: &Outcome, second: &Outcome) -> LabError {
    LabError::Failed {
        what: "asking twice".into(),
        status: 0,
        said: format!("{question}: first {first:?}, then {second:?}"),
    }
}
