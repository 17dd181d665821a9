//! A scan asks nobody to whom rules of this host would lead it, unless he is ours too (A17, A20).

use std::net::IpAddr;

use portreeve_core::{
    address::Family,
    firewall::{Interval, Intervals, address, span},
    outside::{Away, led_away, written_over},
    port::{PortRange, PortSpec, Protocol},
    text,
    words::Words,
};
use portreeve_host::scan::proof;

use super::{
    against::{Against, said, whole},
    ask::Asked,
    target::Target,
};
use crate::{
    commands::exposure::{LOOK, Sight},
    exit::Exit,
    failure::Failure,
    look::Look,
    settings::Settings,
};

/// Of more addresses than this nobody proves each.
const ADDRESSES_MAX: u128 = 64;

/// Whether what is `asked` of this host stays with what is ours, as far as its rules may be read. Nothing is sent.
///
/// # Errors
///
/// Where a rule leads packets to an address of which nothing proves that it is ours, or the rules cannot be judged.
pub(super) fn check(
    target: &Target,
    asked: &Asked,
    against: &Against,
    settings: &Settings,
) -> Result<(), Failure> {
    if !target.is_this_host() {
        // What cannot be looked at keeps nobody from another host.
        let sight = Look::take(settings, &LOOK).and_then(|look| Sight::of(&look.snapshot, true));
        return sight.map_or(Ok(()), |sight| judge_another(target, asked, &sight));
    }
    if let Some(sight) = against.sight_of_now() {
        return judge(target, asked, sight);
    }
    judge(target, asked, &Sight::of(&Look::take(settings, &LOOK)?.snapshot, true)?)
}

/// The ports that are asked, by protocol.
fn all(asked: &Asked) -> impl Iterator<Item = (Protocol, &[u16])> {
    let all = [(Protocol::Tcp, asked.ports.as_slice()), (Protocol::Udp, asked.datagrams.ports.as_slice())];
    all.into_iter().filter(|(_, ports)| !ports.is_empty())
}

/// Whether no rule may write another destination into what is sent to a host that is not this one.
fn judge_another(target: &Target, asked: &Asked, sight: &Sight) -> Result<(), Failure> {
    for (protocol, ports) in all(asked) {
        if let Some(away) = written_over(&sight.filter, ports, &whole(protocol, asked.line(target))) {
            return Err(refused(target, protocol, &away, sight));
        }
    }
    Ok(())
}

fn judge(target: &Target, asked: &Asked, sight: &Sight) -> Result<(), Failure> {
    for (protocol, ports) in all(asked) {
        let exposures = said(sight, protocol, asked.line(target));
        let led = led_away(&sight.filter, &exposures, ports, &whole(protocol, asked.line(target)));
        let family = Family::of(target.ip());
        if let Some(away) = led.iter().find(|away| !are_ours(&away.to, family)) {
            return Err(refused(target, protocol, away, sight));
        }
    }
    Ok(())
}

/// Whether each of them is proven to be.
fn are_ours(addresses: &Intervals, family: Family) -> bool {
    let count = |interval: Interval| (interval.last - interval.first).saturating_add(1);
    let total = addresses.iter().map(count).fold(0_u128, u128::saturating_add);
    let mut all = addresses.iter().flat_map(|interval| interval.first..=interval.last);
    (1..=ADDRESSES_MAX).contains(&total) && all.all(|number| is_ours(address(number, family)))
}

fn is_ours(ip: IpAddr) -> bool {
    proof(ip, 0).is_ok_and(|proven| proven.is_ok())
}

fn refused(target: &Target, protocol: Protocol, away: &Away, sight: &Sight) -> Failure {
    let shown = &target.address;
    let spec = PortSpec { range: PortRange::one(away.port), protocol };
    let to = span(&away.to, Family::of(target.ip()));
    let failure = Failure::new(
        Exit::Refused,
        text!(
            "{shown} is not scanned, and nothing was sent",
            "{shown} はスキャンしません(何も送信していません)"
        ),
    );
    let failure = failure.because(match to {
        Some(to) => text!(
            "a rule of this host leads {spec} to {to}, and nothing proves that this is ours",
            "このホストのルールが {spec} を {to} へ転送しますが、自分のものと確認できません"
        ),
        None => text!(
            "a rule of this host may lead {spec} to an address that cannot be told",
            "このホストのルールが {spec} の宛先を変える可能性がありますが、変更後の宛先を特定できません"
        ),
    });
    let rule = away.by.map(|place| sight.filter.ruleset.named(place));
    let failure = rule.into_iter().fold(failure, |failure, rule| {
        failure.because(text!("the rule is {rule}", "該当するルール: {rule}"))
    });
    failure.hint(Words {
        en: "name ports that are not led away, or scan from a namespace beside this host: ip netns",
        ja: "転送されないポートを指定するか、隣の名前空間からスキャンしてください: ip netns",
    })
}
