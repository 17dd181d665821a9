//! Syslog: nobody ever answers, and whatever is sent, an empty datagram too, may be written down as true (RFC 5426 §3.1).

use super::Speech;

pub(super) const SPEECH: Speech = Speech { ports: &[514], names: &["syslog"], first: None };
