//! Real packets to ports that are closed, before and after: only what answered before proves by its silence that nobody gets
//! there any more (A16).

use std::net::IpAddr;

use portreeve_core::{
    address::{Breadth, Family},
    facts::Listener,
    gate::Ports,
    port::Protocol,
    text,
    words::Text,
    world::{Passage, World},
};
use portreeve_host::enforce::vantage::{Answer, Vantage};

use super::last;
use crate::door::quoted;

/// An answer that does not come takes a second and a half.
const PORTS_MAX: usize = 3;

/// A place outside, and what answered there before.
pub(super) struct Before {
    vantage: Vantage,
    answered: Vec<(IpAddr, u16)>,
}

/// What packets say.
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
    let spots = spots(world, ports);
    if spots.is_empty() {
        return Err(text!("nobody answers there by TCP", "TCP で応答するものがありません"));
    }
    let vantage = Vantage::open().map_err(|error| quoted(&error))?;
    let answers = |spot: &(IpAddr, u16)| vantage.ask(spot.0, spot.1) == Answer::Connected;
    let answered: Vec<_> = spots.into_iter().filter(answers).collect();
    if answered.is_empty() {
        return Err(text!("nothing answered before either", "閉じる前から応答がありません"));
    }
    Ok(Before { vantage, answered })
}

impl Before {
    /// Asks the same again.
    pub(super) fn after(&self) -> Verdict {
        let answer = |spot: &&(IpAddr, u16)| self.vantage.ask(spot.0, spot.1);
        let (open, rest): (Vec<_>, Vec<_>) =
            self.answered.iter().partition(|spot| answer(spot) == Answer::Connected);
        if open.is_empty() {
            let ports = listed(&rest);
            let said = text!(
                "Verified by connections from outside: {ports} answered before, and no longer does.",
                "外部からの接続で確認しました: {ports} は閉じる前には応答し、今は応答しません。"
            );
            return Verdict { said, is_open: false };
        }
        let ports = listed(&open);
        let said = text!(
            "But a connection from outside to {ports} is still answered; portreeve exposure --trace says by which rule.",
            "ただし、外部から {ports} への接続には今も応答があります。どのルールによるかは portreeve exposure --trace で確認できます。"
        );
        Verdict { said, is_open: true }
    }
}

/// That no packet proves it.
pub(super) fn unproven(why: &Text) -> Text {
    let Text { en, ja } = why;
    text!(
        "Not verified by packets: {en}. By the rules as they stand now none arrives.",
        "パケットでは未確認です({ja})。現在のルール上は届きません。"
    )
}

/// Where somebody listens, or a rule sends packets on, of this host's own addresses; one for each port.
fn spots(world: &World<'_>, ports: &Ports) -> Vec<(IpAddr, u16)> {
    let own = own_addresses(world);
    let address = |family| own.iter().copied().find(|address| Family::of(*address) == family);
    let is_asked = |listener: &&Listener| {
        listener.protocol == Protocol::Tcp
            && listener.breadth() != Breadth::Loopback
            && listener.device.is_none()
    };
    let listening = last::listeners(world, ports).into_iter().filter(is_asked).filter_map(|listener| {
        let bound = listener.address.ip.to_canonical();
        let family = Family::of(bound);
        let either = || address(Family::Ipv4).filter(|_| !listener.v6only).or_else(|| address(family));
        let to = if listener.breadth() == Breadth::Wildcard { either() } else { Some(bound) };
        Some((to?, listener.port))
    });
    let passages = world.passages();
    let sent_on = passages.iter().map(Passage::spec).filter(|spec| spec.protocol == Protocol::Tcp);
    let sent_on =
        sent_on.map(|spec| spec.range.first).filter(|port| ports.of(Protocol::Tcp).contains((*port).into()));
    let sent_on =
        sent_on.filter_map(|port| Some((address(Family::Ipv4).or_else(|| address(Family::Ipv6))?, port)));
    let mut spots: Vec<(IpAddr, u16)> = Vec::new();
    for spot in listening.chain(sent_on) {
        if spots.len() < PORTS_MAX && !spots.iter().any(|(_, port)| *port == spot.1) {
            spots.push(spot);
        }
    }
    spots
}

/// Those that somebody outside could ask.
fn own_addresses(world: &World<'_>) -> Vec<IpAddr> {
    let own = world.snapshot.namespaces.iter().find(|namespace| namespace.own);
    let all = own.into_iter().flat_map(|own| &own.interfaces).flat_map(|interface| &interface.addresses);
    let is_outside = |address: &IpAddr| match address {
        IpAddr::V4(four) => !four.is_loopback() && !four.is_link_local(),
        IpAddr::V6(six) => !six.is_loopback() && !six.is_unicast_link_local(),
    };
    all.map(|address| address.ip).filter(is_outside).collect()
}

fn listed(spots: &[&(IpAddr, u16)]) -> String {
    spots.iter().map(|(_, port)| format!("{port}/tcp")).collect::<Vec<_>>().join(", ")
}
