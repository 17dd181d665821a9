//! Real packets to ports that are closed, before and after: only what answered before proves by its silence that nobody gets
//! there any more (A16).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use portreeve_core::{
    address::{Breadth, Family},
    exposure::To,
    facts::Listener,
    firewall::{Intervals, number},
    gate::Ports,
    port::{PortSpec, Protocol},
    steered::leads,
    text,
    words::Text,
    world::{Passage, World},
};
use portreeve_host::enforce::vantage::{Answer, Vantage};

use super::last;
use crate::door::quoted;

/// An address and a port that are asked.
type Spot = (IpAddr, u16);

/// All are asked at once, each by a connection of its own.
const SPOTS_MAX: usize = 32;

/// A place outside, and what answered there before.
pub(super) struct Before {
    vantage: Vantage,
    answered: Vec<Spot>,
    /// How many were not asked.
    unasked: usize,
}

/// What packets say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) said: Text,
    /// Whether somebody still gets an answer.
    pub(super) is_open: bool,
}

/// Asks the ports of `ports` that should answer, by TCP; of others silence would prove nothing.
///
/// # Errors
///
/// Why nobody can ask, or that nothing answered.
pub(super) fn before(world: &World<'_>, ports: &Ports) -> Result<Before, Text> {
    let mut spots = spots(world, ports);
    if spots.is_empty() {
        return Err(silence(
            world,
            ports,
            text!("nobody answers there by TCP", "TCP で応答するものがありません"),
        ));
    }
    let unasked = spots.len().saturating_sub(SPOTS_MAX);
    spots.truncate(SPOTS_MAX);
    let vantage = Vantage::open().map_err(|error| quoted(&error))?;
    let answers = vantage.ask_all(&spots);
    let answered = spots.into_iter().zip(answers).filter(|(_, answer)| *answer == Answer::Connected);
    let answered: Vec<_> = answered.map(|(spot, _)| spot).collect();
    if answered.is_empty() {
        let why = text!(
            "nothing answered before either where it was asked from, an interface beside this host's own: what is open to one zone or interface alone may have answered there",
            "閉じる前から応答がありません(確認用のインターフェースからの接続のため、特定のゾーンやインターフェースにだけ開いていたポートは確認できません)"
        );
        return Err(silence(world, ports, why));
    }
    Ok(Before { vantage, answered, unasked })
}

/// Why nothing answers: a socket that is tied to a device hears nobody else (socket(7), `SO_BINDTODEVICE`).
fn silence(world: &World<'_>, ports: &Ports, otherwise: Text) -> Text {
    let listeners = last::listeners(world, ports);
    let tied = listeners.iter().filter(|listener| listener.breadth() != Breadth::Loopback);
    let devices: BTreeSet<&str> = tied.filter_map(|listener| listener.device.as_deref()).collect();
    if devices.is_empty() {
        return otherwise;
    }
    let devices = devices.into_iter().collect::<Vec<_>>().join(", ");
    text!(
        "whoever listens there hears {devices} alone, and no packet can be sent in by it from here",
        "待ち受けは {devices} で受信したパケットだけを受け付け、ここからはそのインターフェース経由で送れません"
    )
}

impl Before {
    /// Asks the same again.
    pub(super) fn after(&self) -> Verdict {
        let answers = self.vantage.ask_all(&self.answered);
        verdict(self.answered.iter().copied().zip(answers), self.unasked)
    }
}

/// What the `answers` of those prove that answered before, where so many were not asked.
fn verdict(answers: impl IntoIterator<Item = (Spot, Answer)>, unasked: usize) -> Verdict {
    let (mut open, mut closed, mut untold) = (Vec::new(), Vec::new(), Vec::new());
    for (spot, answer) in answers {
        match answer {
            Answer::Connected => open.push(spot),
            Answer::Refused | Answer::Silent => closed.push(spot),
            Answer::Untold(_) => untold.push(spot),
        }
    }
    if !open.is_empty() {
        let Text { en, ja } = listed(&open);
        let said = text!(
            "But a connection from outside to {en} is still answered; portreeve exposure --trace says by which rule.",
            "ただし、外部から {ja}への接続には今も応答があります。どのルールによるかは portreeve exposure --trace で確認できます。"
        );
        return Verdict { said, is_open: true };
    }
    if closed.is_empty() {
        let said = unproven(&text!("it could not be asked again", "閉じた後の確認ができません"));
        return Verdict { said, is_open: false };
    }
    let Text { en, ja } = listed(&closed);
    let mut said = text!(
        "Verified by connections from outside: {en} answered before, and no longer does.",
        "外部からの接続で確認しました: {ja}は閉じる前には応答し、今は応答しません。"
    );
    if !untold.is_empty() {
        let untold = listed(&untold);
        said.en += &format!(" {} could not be asked again.", untold.en);
        said.ja += &format!("{}は閉じた後の確認ができません。", untold.ja);
    }
    if unasked > 0 {
        said.en += &format!(" Not asked: {unasked} more.");
        said.ja += &format!("ほか {unasked} 件は確認していません。");
    }
    Verdict { said, is_open: false }
}

/// That no packet proves it.
pub(super) fn unproven(why: &Text) -> Text {
    let Text { en, ja } = why;
    text!(
        "Not verified by packets: {en}. By the rules as they stand now none arrives.",
        "パケットでは未確認です({ja})。現在のルール上は届きません。"
    )
}

/// Where somebody listens, or a rule sends packets on, of this host's own addresses; one of each family for each port, and
/// every address that somebody listens at by name.
fn spots(world: &World<'_>, ports: &Ports) -> Vec<Spot> {
    let own = own_addresses(world);
    let address = |family| own.iter().copied().find(|address| Family::of(*address) == family);
    let is_asked = |listener: &&Listener| {
        listener.protocol == Protocol::Tcp
            && listener.breadth() != Breadth::Loopback
            && listener.device.is_none()
    };
    let listening = last::listeners(world, ports).into_iter().filter(is_asked).flat_map(|listener| {
        let bound = listener.address.ip.to_canonical();
        let to: Vec<IpAddr> = match (listener.breadth(), Family::of(bound)) {
            (Breadth::Wildcard, Family::Ipv6) if !listener.v6only => {
                Family::ALL.into_iter().filter_map(address).collect()
            }
            (Breadth::Wildcard, family) => address(family).into_iter().collect(),
            _ => vec![bound],
        };
        to.into_iter().map(|to| (to, listener.port))
    });
    let sent_on = sent_on(world).and(ports);
    let sent_on = sent_on.specs().filter(|spec| spec.protocol == Protocol::Tcp);
    let sent_on = sent_on.flat_map(|PortSpec { range, .. }| range.first..=range.last);
    let sent_on =
        sent_on.flat_map(|port| Family::ALL.into_iter().filter_map(address).map(move |to| (to, port)));
    let mut known = BTreeSet::new();
    listening.chain(led(world, ports, &own)).chain(sent_on).filter(|spot| known.insert(*spot)).collect()
}

/// Where packets are led from to a socket, whoever has bound it: at the addresses that are meant, else at one of each family.
fn led(world: &World<'_>, ports: &Ports, own: &[IpAddr]) -> Vec<Spot> {
    let address = |family| own.iter().copied().find(|address| Family::of(*address) == family);
    let spots = |To { family, protocol, addresses, ports: led }: To| {
        let asked: Ports = [PortSpec { range: led, protocol }].into_iter().collect();
        let to: Vec<IpAddr> = match addresses {
            Some(meant) => own.iter().copied().filter(|own| is_in(*own, family, &meant)).collect(),
            None => address(family).into_iter().collect(),
        };
        let specs: Vec<PortSpec> =
            asked.and(ports).specs().filter(|it| it.protocol == Protocol::Tcp).collect();
        let numbers = specs.into_iter().flat_map(|spec| spec.range.first..=spec.range.last);
        numbers.flat_map(|port| to.clone().into_iter().map(move |to| (to, port))).collect::<Vec<_>>()
    };
    leads(world.snapshot).live.into_iter().flat_map(spots).collect()
}

fn is_in(address: IpAddr, family: Family, meant: &Intervals) -> bool {
    Family::of(address) == family && meant.contains(number(address))
}

/// What a rule sends on.
fn sent_on(world: &World<'_>) -> Ports {
    world.passages().iter().flat_map(Passage::specs).collect()
}

/// Those that somebody outside could ask.
fn own_addresses(world: &World<'_>) -> Vec<IpAddr> {
    let own = world.snapshot.own_namespace();
    let all = own.into_iter().flat_map(|own| &own.interfaces).flat_map(|interface| &interface.addresses);
    let is_outside = |address: &IpAddr| match address {
        IpAddr::V4(four) => !four.is_loopback() && !four.is_link_local(),
        IpAddr::V6(six) => !six.is_loopback() && !six.is_unicast_link_local(),
    };
    all.map(|address| address.ip).filter(is_outside).collect()
}

/// The ports, each with the families over which it was asked.
fn listed(spots: &[Spot]) -> Text {
    let mut ports: BTreeMap<u16, [bool; 2]> = BTreeMap::new();
    for (address, port) in spots {
        let families = ports.entry(*port).or_default();
        families[usize::from(address.is_ipv6())] = true;
    }
    let named = ports.into_iter().map(|(port, families)| match families {
        [true, true] => (format!("{port}/tcp over IPv4 and IPv6"), format!("{port}/tcp(IPv4、IPv6)")),
        [_, true] => (format!("{port}/tcp over IPv6"), format!("{port}/tcp(IPv6)")),
        _ => (format!("{port}/tcp over IPv4"), format!("{port}/tcp(IPv4)")),
    });
    let (en, ja): (Vec<_>, Vec<_>) = named.unzip();
    Text { en: en.join(", "), ja: ja.join("、") }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    const FOUR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1));
    const SIX: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

    #[test]
    fn silence_of_what_answered_proves_and_of_each_family_alone() {
        let both = [((FOUR, 8080), Answer::Silent), ((SIX, 8080), Answer::Refused)];
        let Verdict { said, is_open } = verdict(both, 0);
        assert!(!is_open && said.en.contains("8080/tcp over IPv4 and IPv6 answered before"), "{said:?}");
        let one = [((SIX, 8080), Answer::Silent), ((FOUR, 81), Answer::Silent)];
        let Verdict { said, .. } = verdict(one, 3);
        assert!(said.en.contains("81/tcp over IPv4, 8080/tcp over IPv6 answered before"), "{said:?}");
        assert!(said.en.ends_with("Not asked: 3 more.") && said.ja.contains("ほか 3 件"), "{said:?}");
    }

    #[test]
    fn one_family_that_answers_is_open() {
        let half = [((FOUR, 8080), Answer::Silent), ((SIX, 8080), Answer::Connected)];
        let Verdict { said, is_open } = verdict(half, 0);
        assert!(is_open && said.en.contains("to 8080/tcp over IPv6 is still answered"), "{said:?}");
    }

    #[test]
    fn what_could_not_be_asked_proves_nothing() {
        let untold = Answer::Untold(io::ErrorKind::BrokenPipe);
        let said = verdict([((FOUR, 8080), untold)], 0).said;
        assert!(said.en.starts_with("Not verified by packets"), "{said:?}");
        let said = verdict([((FOUR, 8080), Answer::Silent), ((SIX, 8080), untold)], 0).said;
        assert!(said.en.contains("8080/tcp over IPv4 answered before"), "{said:?}");
        assert!(said.en.contains("8080/tcp over IPv6 could not be asked again"), "{said:?}");
    }
}
