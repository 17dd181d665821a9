//! A port whose packets the kernel leads to a service.

use portreeve_core::{address::Address, port::Protocol, steer::WhenDead, steered::Steered};
use schemars::JsonSchema;
use serde::Serialize;

use super::{ListenerView, Viewer};

/// A port that is led to a service, whoever has bound it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Steered")]
pub(crate) struct SteeredView<'a> {
    protocol: Protocol,
    /// The address; `null` is every one of both families.
    address: Option<&'a Address>,
    /// The port; of a run of ports, its first.
    port: u16,
    /// The last port of a run; the same as `port` for a single one.
    port_last: u16,
    service: &'a str,
    /// What becomes of the packets while it has no socket.
    when_dead: WhenDead,
    /// Whether the host takes in what is for the address also where no interface has it.
    local: bool,
    /// The port of TCP on which its socket listens; `null` where that is a declared one.
    target_port: Option<u16>,
    /// The sockets that get them, as far as they are seen.
    listeners: Vec<ListenerView<'a>>,
}

impl<'a> Viewer<'_, 'a> {
    /// One port that is led.
    pub(crate) fn steered(self, Steered { route, takers }: &Steered<'a>) -> SteeredView<'a> {
        SteeredView {
            protocol: route.protocol,
            address: route.address.as_ref(),
            port: route.ports.first,
            port_last: route.ports.last,
            service: &route.service,
            when_dead: route.when_dead,
            local: route.local,
            target_port: route.target_port,
            listeners: takers.iter().map(|taker| self.listener(taker.listener)).collect(),
        }
    }
}
