//! What a policy says of scans: which other hosts are ours, and by what they prove it (A17, A20).

use alloc::{string::String, vec::Vec};

use super::Place;
use crate::address::Address;

/// A host that is ours, as its owner says; itself has to say so too before anything is asked of its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its addresses, each that of one host.
    pub addresses: Vec<Address>,
    /// Where it is written.
    pub place: Place,
}

/// What a person decided about scans; the usual where he said nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanChoice {
    /// The file of the secret that hosts which consent share, by absolute path.
    pub secret_file: Option<String>,
    /// Packets a second, at most.
    pub rate_max: Option<u32>,
    /// The port of UDP at which a host that consents is asked.
    pub consent_port: Option<u16>,
}

impl ScanChoice {
    /// Where nothing is said: one of the pool that no service has.
    pub const CONSENT_PORT: u16 = 29_317;
    /// The fastest that may be written.
    pub const RATE_MAX: u32 = 100_000;
}
