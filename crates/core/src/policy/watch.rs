//! What a policy says of the watch: whether it blocks whom it suspects, whom never, and where the logs are (A19).

use alloc::{string::String, vec::Vec};

use ipnet::IpNet;
use jiff::SignedDuration;

/// What a person decided about the watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchChoice {
    /// What it does with whom it suspects.
    pub mode: WatchMode,
    /// Whoever is never blocked, besides those who never are.
    pub allow: Vec<IpNet>,
    /// How long somebody is blocked the first time.
    pub block_for: SignedDuration,
    /// So many are blocked in a minute, and no more.
    pub blocks_per_minute_max: u32,
    /// Whether those are blocked too whose address may be somebody else's.
    pub block_unproven: bool,
    /// Whether the sessions of whoever is blocked for trying passwords are ended, on that service.
    pub end_sessions: bool,
    /// Where logs of services are, besides the usual places.
    pub log: Vec<LogChoice>,
}

impl Default for WatchChoice {
    fn default() -> Self {
        Self {
            mode: WatchMode::Observe,
            allow: Vec::new(),
            block_for: SignedDuration::from_hours(1),
            blocks_per_minute_max: 30,
            block_unproven: false,
            end_sessions: false,
            log: Vec::new(),
        }
    }
}

/// What the watch does with whom it suspects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchMode {
    /// It tells of him.
    Observe,
    /// The gate keeps him out, too.
    Block,
}

/// Where a log of a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChoice {
    /// The service, as the policy calls it.
    pub service: String,
    /// Where.
    pub place: LogPlace,
}

/// Where a log is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogPlace {
    /// A file, by absolute path.
    File(String),
    /// What a unit of the host's service manager writes into the journal.
    Unit(String),
}
