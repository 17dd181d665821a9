//! How a port is opened where a rule keeps somebody out, for those who are meant alone (A15, A20).

use alloc::{string::String, vec::Vec};

use super::World;
use crate::{
    exposure::Senders,
    firewall::{Admission, Filter, Place, openings},
    port::PortSpec,
};

impl World<'_> {
    /// The commands that let packets of `senders` to `spec` in where `place` of `filter` keeps them out; none where nobody can
    /// say. Some firewalls only know interfaces: whether nobody else comes in by theirs says `is_by_these_alone`.
    pub(crate) fn openings(
        &self,
        filter: &Filter,
        senders: &Senders<'_>,
        spec: PortSpec,
        place: Place,
        is_by_these_alone: bool,
    ) -> Vec<String> {
        let Some(firewall) = &self.snapshot.firewall else { return Vec::new() };
        let loopback = [String::from("lo")];
        let (interfaces, from) = match senders {
            Senders::Zone(zone) => (zone.interfaces.as_slice(), zone.from.as_slice()),
            Senders::Host => (&loopback[..], &[][..]),
            _ => (&[][..], &[][..]),
        };
        openings(&filter.ruleset, firewall, place, &Admission { spec, interfaces, from, is_by_these_alone })
    }
}
