//! What a gate must do to real packets before it is made, judged by what was promised and not by its text (A15, A16).

mod cast;
mod script;
mod seen;
mod wanted;

pub use self::seen::Seen;

use alloc::{string::String, vec::Vec};
use core::net::IpAddr;

use ipnet::IpNet;

use self::cast::Cast;
use crate::{
    address::Family,
    port::{PortRange, PortSpec, Protocol},
    text,
    words::Text,
    world::World,
};

/// What was promised of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise<'a> {
    /// What the policy declares comes in from where it may, and nothing else does.
    Declared,
    /// These ports are closed to everybody, and all else passes.
    Closed(&'a [PortSpec]),
}

/// A host as far as the gate is concerned, and packets that are sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    links: Vec<Link>,
    probes: Vec<Probe>,
}

/// An interface with the addresses that the host has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name: letters, digits, dots, dashes and underscores.
    pub name: String,
    /// Its addresses, each with its network.
    pub networks: Vec<IpNet>,
}

/// The first packet of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The place of the interface that it comes in by.
    pub link: usize,
    /// Whom it comes from.
    pub source: IpAddr,
    /// Its source port, which no other one has.
    pub source_port: u16,
    /// The host's address that it is sent to.
    pub destination: IpAddr,
    /// TCP or UDP: the others are let in by the same rules, and are not sent.
    pub protocol: Protocol,
    /// The port that it is sent to.
    pub port: u16,
    /// Where it is judged.
    pub hook: Hook,
    /// What must become of it.
    pub wanted: Fate,
}

/// Where a packet is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// On its way to a socket of this host.
    Input,
    /// On its way to a container, to which a rule sends it on.
    Published,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is let in.
    LetIn,
    /// It is not, whether or not its sender is told.
    Refused,
}

/// What a rehearsal came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// The packets of which became what must.
    pub right: u32,
    /// Those that never got to the gate, so that nothing is known of it.
    pub lost: Vec<Mismatch>,
}

/// A packet of which something else became, or nobody knows what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The packet.
    pub probe: Probe,
    /// The interface that it came in by.
    pub link: String,
}

/// The packets that try a gate on the host of `world` of which this was promised; `None` where the host's packet filter
/// was not seen.
#[must_use]
pub fn rehearsal(world: &World<'_>, promise: Promise<'_>) -> Option<Rehearsal> {
    let cast = Cast::of(world, world.filter()?);
    let probes = script::probes(world, promise, &cast);
    Some(Rehearsal { links: cast.links, probes })
}

impl Rehearsal {
    /// The interfaces.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The packets.
    #[must_use]
    pub fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// The same for a kernel without IPv6.
    #[must_use]
    pub fn without_ipv6(mut self) -> Self {
        self.probes.retain(|probe| Family::of(probe.source) == Family::Ipv4);
        self.links.iter_mut().for_each(|link| link.networks.retain(|network| network.addr().is_ipv4()));
        self
    }

    /// The text for nft that tells, beside a gate, what becomes of the packets: [`Seen::read`] reads its table.
    #[must_use]
    pub const fn stage() -> &'static str {
        include_str!("rehearsal/stage.nft")
    }

    /// Whether every packet got to the gate.
    #[must_use]
    pub fn is_over(&self, seen: &Seen) -> bool {
        self.probes.iter().all(|probe| seen.met.contains(&probe.source_port))
    }

    /// Whether of each packet became what must.
    ///
    /// # Errors
    ///
    /// Those of which something else did.
    pub fn judge(&self, seen: &Seen) -> Result<Rehearsed, Vec<Mismatch>> {
        let (met, lost): (Vec<_>, Vec<_>) =
            self.probes.iter().partition(|probe| seen.met.contains(&probe.source_port));
        let wrong = met.iter().filter(|probe| seen.fate(probe) != probe.wanted);
        let link = |probe: &Probe| self.links.get(probe.link).map_or_else(String::new, |it| it.name.clone());
        let mismatch = |probe: &&Probe| Mismatch { link: link(probe), probe: (*probe).clone() };
        let wrong: Vec<_> = wrong.map(mismatch).collect();
        let right = u32::try_from(met.len()).unwrap_or(u32::MAX);
        let lost = lost.iter().map(mismatch).collect();
        if wrong.is_empty() { Ok(Rehearsed { right, lost }) } else { Err(wrong) }
    }
}

impl Mismatch {
    /// Which packet it is.
    #[must_use]
    pub fn packet(&self) -> Text {
        let Probe { source, destination, protocol, port, .. } = self.probe;
        let ports = PortSpec { range: PortRange { first: port, last: port }, protocol };
        let link = &self.link;
        let (en, ja) = match self.probe.hook {
            Hook::Input => ("", ""),
            Hook::Published => (" (published)", "(公開ポート)"),
        };
        text!(
            "a packet to {ports}{en} of {destination} from {source} by {link}",
            "{link} から届いた {source} 発 {destination} の {ports}{ja} 宛てパケット"
        )
    }

    /// Which packet, and what became of it.
    #[must_use]
    pub fn why(&self) -> Text {
        let Text { en, ja } = self.packet();
        match self.probe.wanted {
            Fate::LetIn => {
                text!("{en} was refused, and should be let in", "{ja}が、通るはずなのに遮断されました")
            }
            Fate::Refused => {
                text!("{en} was let in, and should be refused", "{ja}が、遮断されるはずなのに通りました")
            }
        }
    }
}

#[cfg(test)]
mod tests;
