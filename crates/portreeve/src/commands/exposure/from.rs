//! `--from`: a zone, an address, a network or an interface.

use portreeve_core::{
    exposure::{From, Senders, network},
    firewall::Filter,
    nearest::nearest,
    policy::Policy,
    text,
};

use super::zones;
use crate::failure::Failure;

/// The place that `word` names; without one, every zone.
///
/// # Errors
///
/// Where it names nothing.
pub(super) fn places<'a>(
    word: Option<&'a String>,
    policy: Option<&'a Policy>,
    filter: &Filter,
) -> Result<Vec<From<'a>>, Failure> {
    let zones = zones(policy);
    let Some(word) = word else { return Ok(zones) };
    if let Some(zone) = zones.iter().find(|from| from.zone == Some(word)) {
        return Ok(vec![zone.clone()]);
    }
    let place = |senders| vec![From { zone: None, senders }];
    if let Some(network) = network(word) {
        return Ok(place(Senders::Network(network)));
    }
    match filter.around.interface(word) {
        Some(_) => Ok(place(Senders::Interface(word))),
        None => Err(nowhere(word, &zones, filter)),
    }
}

fn nowhere(word: &str, zones: &[From<'_>], filter: &Filter) -> Failure {
    let interfaces = filter.around.interfaces.iter().map(|interface| interface.name.as_str());
    let known: Vec<&str> = zones.iter().filter_map(|from| from.zone).chain(interfaces).collect();
    let failure = Failure::usage(text!(
        "`{word}` is neither a zone, nor an address or network, nor an interface of this host",
        "`{word}` はゾーンでも、アドレスやネットワークでも、このホストのインターフェースでもありません"
    ));
    match nearest(word, known.iter().copied()) {
        Some(near) => failure.hint(text!("did you mean {near}?", "{near} のことですか?")),
        None => {
            let known = known.join(", ");
            failure.hint(text!(
                "an address, or one of: {known}",
                "アドレスか、次のいずれかを指定してください: {known}"
            ))
        }
    }
}
