//! A snapshot of another host than the one that is asked is compared with nothing (A20).

use portreeve_core::{
    facts::{Listing, Snapshot},
    shell::quoted,
    text,
    words::Text,
};
use portreeve_host::{boot_id::boot_id, network, scan::Proof};

use super::target::{Ours, Target};
use crate::{commands::exposure::Sight, failure::Failure};

/// Whether `snapshot` may be of the host that has the address; where its addresses are not known, anybody's may be.
///
/// # Errors
///
/// It is of a host that has other addresses.
pub(super) fn check(target: &Target, snapshot: &Snapshot, sight: &Sight) -> Result<(), Failure> {
    if target.ip().is_loopback() {
        return if is_from_here(snapshot) { Ok(()) } else { Err(elsewhere(target)) };
    }
    let around = &sight.filter.around;
    let is_listed = |listing| snapshot.firewall.as_ref().is_some_and(|it| it.listings.contains_key(&listing));
    let is_known = [Listing::Addresses, Listing::Routes].into_iter().all(is_listed)
        && around.interfaces.iter().any(|interface| !interface.networks.is_empty());
    if !is_known || around.is_own(target.ip()) {
        return Ok(());
    }
    let shown = &target.address;
    Err(Failure::usage(text!(
        "this snapshot is of a host that has no {shown}",
        "このスナップショットのホストに {shown} というアドレスはありません"
    ))
    .hint(taken(target)))
}

/// Whether it was taken since this boot, in this network namespace: every host has the addresses of the loopback device.
fn is_from_here(snapshot: &Snapshot) -> bool {
    let is_now = boot_id().is_some_and(|own| own == snapshot.host.boot_id);
    is_now && snapshot.own_namespace().is_some_and(|namespace| namespace.id == network::inode())
}

fn elsewhere(target: &Target) -> Failure {
    let shown = &target.address;
    Failure::usage(text!(
        "{shown} is on every host, and this snapshot is of another one, of another network namespace, or of before a boot",
        "{shown} はどのホストにもありますが、このスナップショットは別のホスト、別のネットワーク名前空間、または前回の起動のものです"
    ))
    .hint(taken(target))
}

/// How the right one is taken, beside the one that was named.
fn taken(target: &Target) -> Text {
    match &target.proof {
        Ours::Here(Proof::Joined { namespace, .. }) if namespace.parse::<u64>().is_err() => {
            let (namespace, file) = (quoted(namespace), quoted(&format!("{namespace}.json")));
            text!(
                "take it there: ip netns exec {namespace} portreeve snapshot > {file}",
                "対象で保存してください: ip netns exec {namespace} portreeve snapshot > {file}"
            )
        }
        Ours::Here(Proof::Joined { .. }) => text!(
            "take it there: nsenter --net --target PID portreeve snapshot > there.json, of any process there",
            "対象で保存してください(PID はそこにあるプロセス): nsenter --net --target PID portreeve snapshot > there.json"
        ),
        Ours::Here(Proof::Own(_)) => text!(
            "leave out --against: this host is compared as it is now",
            "--against を省略すると、このホストの現在の状態と比較します"
        ),
        Ours::Consents { host, .. } => {
            let file = quoted(&format!("{host}.json"));
            text!(
                "take it on {host}, as root: portreeve snapshot > {file}",
                "{host} で root として保存してください: portreeve snapshot > {file}"
            )
        }
    }
}
