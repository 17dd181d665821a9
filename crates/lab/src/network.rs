//! A wire between the hosts and clients of one test.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::atomic::{AtomicU8, Ordering},
};

use crate::{error::LabError, namespace::Namespace};

/// A bridge in a namespace of its own; nothing leads from it to the machine or beyond.
#[derive(Debug)]
pub struct Network {
    bridge: Namespace,
    plugs: AtomicU8,
}

/// Where somebody can be reached on a [`Network`]: numbers kept for examples (RFC 5737, RFC 3849).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its IPv4 address, in a /24.
    pub ipv4: Ipv4Addr,
    /// Its IPv6 address, in a /64.
    pub ipv6: Ipv6Addr,
}

impl Network {
    /// A wire with nobody on it.
    ///
    /// # Errors
    ///
    /// Where the lab cannot be built here.
    pub fn create() -> Result<Self, LabError> {
        let bridge = Namespace::create()?;
        bridge.ip(&["link", "add", "wire", "type", "bridge"])?;
        bridge.ip(&["link", "set", "wire", "up"])?;
        Ok(Self { bridge, plugs: AtomicU8::new(0) })
    }

    /// The name of the group that it lives in.
    #[must_use]
    pub fn name(&self) -> &str {
        self.bridge.group().name()
    }

    /// Connects a namespace, in which the wire's end is called eth0.
    ///
    /// # Errors
    ///
    /// Where `ip` refuses.
    pub fn plug(&self, namespace: &Namespace) -> Result<Place, LabError> {
        let number = self.plugs.fetch_add(1, Ordering::Relaxed) + 1;
        let place = Place {
            ipv4: Ipv4Addr::new(198, 51, 100, number),
            ipv6: Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, number.into()),
        };
        let end = format!("plug{number}");
        let to = namespace.path();
        let to = to.to_str().expect("a path below /proc is ASCII");
        self.bridge.ip(&["link", "add", &end, "type", "veth", "peer", "name", "eth0", "netns", to])?;
        self.bridge.ip(&["link", "set", &end, "master", "wire", "up"])?;
        namespace.ip(&["address", "add", &format!("{}/24", place.ipv4), "dev", "eth0"])?;
        namespace.ip(&["address", "add", &format!("{}/64", place.ipv6), "dev", "eth0", "nodad"])?;
        namespace.ip(&["link", "set", "eth0", "up"])?;
        Ok(place)
    }
}
