//! Those on whom a host depends to speak to anybody else (A19).

use alloc::vec::Vec;
use core::net::IpAddr;

/// Whose packets a host cannot do without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifelines {
    /// The routers that it sends by (ip-route(8), `via`).
    pub gateways: Vec<IpAddr>,
    /// Those that it asks for names (resolv.conf(5)).
    pub resolvers: Vec<IpAddr>,
}
