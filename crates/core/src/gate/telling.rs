//! What the gate tells a log group of whoever it refuses, and of how many sources at once (A14, A16, A19).
//!
//! The rules that tell stand in every table, whether the policy has a watch or not. What they hand over is of use to any reader of the
//! group; a change of the policy's `[watch]` needs none of the gate; and a table of an earlier portreeve has them as well. Where nobody
//! listens to the group the kernel looks for a listener and goes on (net/netfilter/nfnetlink_log.c, `nfulnl_log_packet`).
//! What is invalid to conntrack, as FIN, NULL and Xmas, is told too where it asks for a port that is refused, and nowhere else: behind
//! a port that is open late packets are no news.

use jiff::SignedDuration;

use super::{Body, Foundation, Rest, Standing};

/// The sets of table.nft that tell sources apart. Packets fill them, so what is in them is no part of the gate.
pub const TOLD: [&str; 2] = ["told4", "told64"];
/// So many sources of each family are told apart at once: whoever comes then shares a rate with all the others.
pub const TOLD_SOURCES_MAX: usize = 65_536;
/// So long is a source told apart after its last packet.
pub const TOLD_FOR: SignedDuration = SignedDuration::from_mins(1);

/// Of which packets to ports of nobody's the gate tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Of none: it lets all of them in, or judges nothing.
    Nothing,
    /// Of those to ports that it closes.
    Closed,
    /// Of all.
    All,
    /// Somebody else has changed the table, so that nobody can tell.
    Unknown,
}

impl Standing {
    /// Of which packets it tells.
    #[must_use]
    pub fn tells(&self) -> Telling {
        if self.foundation.refuses_nothing() {
            return Telling::Nothing;
        }
        let judging = if self.trial.is_some() { self.tried() } else { self.body() };
        match (self.foundation, judging.map(Body::rest)) {
            (Foundation::AsMade, Some(Rest::All)) => Telling::Nothing,
            (Foundation::AsMade, Some(Rest::Passes)) => Telling::Closed,
            (Foundation::AsMade, Some(Rest::Refused)) => Telling::All,
            _ => Telling::Unknown,
        }
    }
}
