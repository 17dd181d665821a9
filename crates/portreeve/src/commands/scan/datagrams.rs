//! Which ports of UDP a scan asks, and that many of them take hours (A20).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use clap::ArgMatches;
use portreeve_core::{
    address::Family,
    desired::{Desired, desire},
    facts::Snapshot,
    outside::{long, spoken_ports},
    policy::Policy,
    port::Protocol,
    text,
};

use super::{REALLY, UDP};
use crate::{
    failure::Failure,
    show::{age::length, scan::thousands},
};

/// More are asked only where it is said that this is meant.
const PORTS_MAX: usize = 1_000;

/// Ports of UDP.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    /// In order, each once.
    pub(crate) ports: Vec<u16>,
    /// The services that are declared there.
    pub(super) services: BTreeMap<u16, String>,
}

impl Datagrams {
    /// Those that were named, and with `--udp` those that there is a reason to ask.
    pub(super) fn read(
        own: &ArgMatches,
        named: BTreeSet<u16>,
        policy: Option<&Policy>,
        snapshot: Option<&Snapshot>,
    ) -> Self {
        let desired = policy.map(desire).unwrap_or_default();
        let mut ports = named;
        if own.get_flag(UDP) {
            ports.extend(declared(&desired).chain(heard(snapshot)).chain(spoken_ports()));
        }
        ports.remove(&0);
        let name = |port: &u16| {
            desired.at(Protocol::Udp, *port).next().map(|declared| (*port, declared.service.name.clone()))
        };
        Self { services: ports.iter().filter_map(name).collect(), ports: ports.into_iter().collect() }
    }

    /// How long it may take.
    pub(super) fn long(&self, rate_max: u32, target: IpAddr) -> Duration {
        long(self.ports.len(), rate_max, Family::of(target))
    }

    /// Whether so many are meant.
    ///
    /// # Errors
    ///
    /// Where nobody said so.
    pub(super) fn afford(&self, own: &ArgMatches, rate_max: u32, target: IpAddr) -> Result<(), Failure> {
        let count = self.ports.len();
        if count <= PORTS_MAX || own.get_flag(REALLY) {
            return Ok(());
        }
        let time = length(self.long(rate_max, target).as_secs());
        let (en, ja, count) = (time.en, time.ja, thousands(u64::try_from(count).unwrap_or(u64::MAX)));
        Err(Failure::usage(text!(
            "{count} ports of UDP may take {en}, as hosts refuse only so many a second",
            "UDP の {count} ポートには {ja}かかる可能性があります。ホストが毎秒返す拒否の数は限られています"
        ))
        .hint(text!(
            "name fewer, take --udp for those that are declared or in use, or add --really",
            "ポートを絞る、宣言済み・使用中のポートだけを調べる --udp を使う、または --really を付けてください"
        )))
    }
}

fn declared(desired: &Desired<'_>) -> impl Iterator<Item = u16> {
    let ports = desired.ports().iter().map(|it| it.spec).filter(|spec| spec.protocol == Protocol::Udp);
    ports.flat_map(|spec| spec.range.first..=spec.range.last)
}

/// Those that somebody holds there, as `audit` judges them: not those that the kernel chose for a client.
fn heard(snapshot: Option<&Snapshot>) -> impl Iterator<Item = u16> {
    let own = snapshot.and_then(Snapshot::own_namespace).map(|namespace| namespace.id);
    let listeners = snapshot.into_iter().flat_map(|snapshot| &snapshot.listeners);
    let heard = listeners.filter(move |it| {
        it.protocol == Protocol::Udp && Some(it.netns) == own && it.hears() && !it.ephemeral
    });
    heard.map(|listener| listener.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_all_ports_is_told_in_hours() {
        let every = Datagrams { ports: (1..=u16::MAX).collect(), ..Datagrams::default() };
        let of = |target: &str| length(every.long(20_000, target.parse().unwrap()).as_secs()).en;
        assert_eq!((of("192.0.2.1"), of("2001:db8::1")), ("18 h".into(), "110 min".into()));
        let few = Datagrams { ports: vec![53, 123], ..Datagrams::default() };
        assert_eq!(length(few.long(20_000, [192, 0, 2, 1].into()).as_secs()).en, "3 s");
    }
}
