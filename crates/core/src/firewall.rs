//! What a ruleset does to a set of packets (A15, A17, A20).

mod ask;
mod author;
mod intervals;
pub mod ipset;
pub mod iptables;
mod listings;
pub mod network;
pub mod nft;
mod opening;
mod packets;
pub(crate) mod protocols;
mod quote;
mod ruleset;
mod surroundings;
mod walk;

pub use self::{
    author::{Author, author},
    intervals::{Interval, Intervals},
    listings::{Filter, Unreadable, read},
    opening::{Admission, opened, openings},
    packets::{Divided, Field, Packets, State, family_number},
    ruleset::{
        AddressKind, Base, Bits, Chain, ChainId, Decision, Hook, Kind, Layer, NewAddress, Policy, Question,
        Rate, Rule, Ruleset, Since, Step, Target, Tuple, Value,
    },
    surroundings::{
        Interface, NO_INTERFACE, Route, Surroundings, WayBack, address, network_name, networks, number,
        numbers, span,
    },
    walk::{
        Certainty, Direction, Effect, Fate, Lost, Met, Part, Place, Rewritten, Sender, Trace, TraceStep,
        sent_on, trace, walk,
    },
};
