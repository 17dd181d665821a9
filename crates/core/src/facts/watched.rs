//! What the watch of a host has found lately (A14, A19).

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::watch::Kind;

/// What a watch that ran on the host has kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Watched {
    /// When it said so last: while it runs, each minute.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Who was suspected, the one of longest ago first.
    pub suspects: Vec<Suspected>,
    /// The services of which it reads no log, or understands no line of it, though they write one.
    pub unread: Vec<String>,
    /// Of those that have a log of which no line is understood: its file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_understood: BTreeMap<String, String>,
}

/// Somebody who was suspected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suspected {
    /// When he was.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Who: an address; of many that share the work one.
    pub source: String,
    /// How many they are.
    pub count: u32,
    /// Of what.
    pub kind: Kind,
    /// The service that wrote of him.
    pub service: Option<String>,
    /// Whether his address is known to be his own.
    pub proven: bool,
    /// Until when he is kept out, where he is.
    #[schemars(with = "Option<String>")]
    pub blocked_until: Option<Timestamp>,
}
