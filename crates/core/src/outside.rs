//! What a look from outside sees of the ports of a host that is ours: which packets ask, what answers mean, and when to ask
//! again (A17, A20).
//!
//! Nothing here sends or waits: [`Sweep`] is told the time and what was heard, and says what to send next.

mod answer;
mod askers;
mod beside;
pub mod consent;
mod datagrams;
mod first_words;
mod hindrance;
mod key;
mod led_away;
mod order;
mod pace;
mod phase;
mod presence;
mod segment;
mod spot;
mod sweep;
mod together;
mod trip;

pub use answer::{Answer, Saying, behind_ipv4, is_unresolved, of_datagram, of_icmp, of_tcp};
pub use askers::askers;
pub use beside::{Beside, Known, Line, beside};
pub use datagrams::{Datagrams, long};
pub use first_words::{is_of_datagrams, spoken_ports};
pub use hindrance::Hindrance;
pub use key::Key;
pub use led_away::{Away, led_away, written_over};
pub use segment::{Ends, SYN_BYTES, syn};
pub use sweep::{Ended, Glimpse, Outcome, Step, Sweep, Wanted};

use schemars::JsonSchema;
use serde::Serialize;

/// Packets that leave together.
pub const BATCH: usize = 32;

/// What a port looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Seen {
    /// Somebody listens there: it answers as a listener does.
    Open,
    /// Packets get to the host, and nobody listens.
    Closed,
    /// Somebody on the way says that they do not get there.
    Filtered,
    /// Nothing answers, however often it was asked.
    Silent,
}

impl Seen {
    /// Every one, as tables count them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Closed, Self::Filtered, Self::Silent];
}
