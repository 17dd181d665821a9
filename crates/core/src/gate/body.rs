//! What a generation is made of: sets, and chains of rules that ask them (A15, A16).

mod elements;
mod listed;
mod read;
mod text;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use core::net::{Ipv4Addr, Ipv6Addr};

use super::{Closed, Gate, InterfacePattern, Refusal};
use crate::{address::Family, firewall::Intervals, fnv::fnv64, port::Protocol};

pub(super) use self::{
    listed::{fixed, object},
    read::Reader,
};

/// What a generation is made of, whichever of the two it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// The sets, in the order in which they are made.
    pub(super) sets: Vec<Set>,
    /// The zones, in order: each has chains of its own, and ports that are open to it for a while.
    pub(super) zones: Vec<String>,
    /// The rules of each chain, in order of the name.
    pub(super) chains: BTreeMap<String, Vec<Rule>>,
}

/// What becomes of packets of which no rule of a generation speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// They are refused: the gate lets in what is declared.
    Refused,
    /// They pass: the gate closes some ports.
    Passes,
    /// They pass, and there are no others.
    All,
}

/// A set of intervals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    /// Its name, without that of the generation.
    pub(super) name: String,
    pub(super) kind: SetKind,
    pub(super) elements: Intervals,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SetKind {
    Ports,
    Addresses(Family),
}

/// Conditions, all of which must hold, and what is done then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) matches: Vec<Match>,
    pub(super) verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The transport protocol is, or is not, one of these.
    Transport(Is, BTreeSet<u8>),
    Family(Family),
    /// The packet came in by one of these.
    Interface(BTreeSet<InterfacePattern>),
    Source(Family, Name),
    /// It was sent to one of these, before anybody sent it on.
    Ipv4(Hook, BTreeSet<Ipv4Addr>),
    Ipv6(Hook, BTreeSet<Ipv6Addr>),
    Port(Protocol, Name),
    /// The port that was asked for, before anybody sent it on.
    OriginalPort(Name),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    AmongThem,
    NoneOfThem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Jump(Name),
    Goto(Name),
}

/// The name of a set or a chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// The generation's own, without its name.
    Own(String),
    /// One that stands for both.
    Shared(String),
}

/// Where packets are judged: by another port at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hook {
    /// On their way into this host: by the port of the listener.
    Input,
    /// On their way into a container: by the port that was asked for.
    Forward,
}

impl Hook {
    pub(super) const ALL: [Self; 2] = [Self::Input, Self::Forward];

    /// The name of the first chain.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Forward => "forward",
        }
    }

    /// How the names of a zone's chains end.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Input => "",
            Self::Forward => PUBLISHED,
        }
    }
}

/// No zone's name ends so: an underscore in it is followed by two digits.
const PUBLISHED: &str = "_published";

impl Body {
    /// That of a gate that lets everything in.
    #[must_use]
    pub fn open() -> Self {
        Self::from(&Gate::Closed(Closed::default()))
    }

    /// A digest of all of it, by which it is known elsewhere: 16 digits of base 16.
    #[must_use]
    pub fn digest(&self) -> String {
        alloc::format!("{:016x}", fnv64(self.saved().into_bytes().into_iter()))
    }

    /// What becomes of packets of which no rule speaks.
    #[must_use]
    pub fn rest(&self) -> Rest {
        let is_open = self.chains.values().all(Vec::is_empty);
        let ends = |rule: &Rule| rule.matches.is_empty();
        match self.rules(Hook::Input.name()).last() {
            Some(last) if ends(last) => Rest::Refused,
            _ if is_open => Rest::All,
            _ => Rest::Passes,
        }
    }

    /// The chains beside the first ones, in the order in which they are made.
    pub(super) fn zone_chains(&self) -> impl Iterator<Item = String> {
        let of = |zone: &String| Hook::ALL.map(|hook| alloc::format!("{zone}{}", hook.ending()));
        self.zones.iter().flat_map(of)
    }

    /// The rules of a chain.
    pub(super) fn rules(&self, chain: &str) -> &[Rule] {
        self.chains.get(chain).map_or(&[], Vec::as_slice)
    }
}

/// The chain in which refused packets end.
pub(super) const fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Drop => "dropped",
        Refusal::Reject => "rejected",
    }
}
