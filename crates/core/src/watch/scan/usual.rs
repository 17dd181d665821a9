//! How many sources touch each port of nobody's on a usual day, as a value that can be kept (A19).

use alloc::vec::Vec;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::port::Protocol;

/// What is known of the last days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usual {
    /// When the newest of these days began; it goes on.
    pub began: Timestamp,
    /// For how many seconds somebody watched on each, the newest first.
    pub watched: Vec<u32>,
    /// Each port that somebody touched.
    pub ports: Vec<PortDays>,
}

/// A port, and how many sources touched it first on each day, the newest first; days that are left out had none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortDays(
    /// Of which protocol.
    pub Protocol,
    /// Its number.
    pub u16,
    /// See above.
    pub Vec<u32>,
);
