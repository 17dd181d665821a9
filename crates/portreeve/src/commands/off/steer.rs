//! Takes what is steered out of the kernel, and whatever of it is on trial (A12, A20).

use portreeve_core::{programs::Programs, steer::Routes, words::Words};
use portreeve_host::enforce::steer::{Pinned, Steer, take_away};
use rustix::process::geteuid;

use crate::{
    clients, door,
    failure::Failure,
    programs::{self, Comes},
    settings::{Settings, Verbosity},
    show::out::Out,
    steers,
};

const FAILED: Words = Words { en: "cannot take the steering away", ja: "誘導を取り除けません" };
const GONE: Words = Words {
    en: "Took the steering away: packets go to whoever has bound their port.",
    ja: "誘導を取り除きました。パケットは、宛先のポートを bind しているプログラムに届きます。",
};
/// Where nothing can be written down, as on a full disk.
const WITHOUT_RECEIPT: Words = Words {
    en: "mend that and run it again; or, with no receipt and until the next apply or boot: rm -r /sys/fs/bpf/portreeve/steer-*, and of local addresses: ip route flush table local proto 112",
    ja: "原因を解消して再度実行してください。記録なしで直ちに解除する場合(次の apply または再起動まで): rm -r /sys/fs/bpf/portreeve/steer-*(local のアドレスは ip route flush table local proto 112)",
};
const NONE: Words =
    Words { en: "Nothing is steered by portreeve.", ja: "portreeve による誘導はありません。" };

/// What is steered here is written down first, so that an undo puts it back, and nobody confirms what was on trial.
///
/// # Errors
///
/// Somebody else put something there, or the kernel refuses.
pub(super) fn take(settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    if !geteuid().is_root() {
        return Err(door::not_root(FAILED));
    }
    let fail = |error| steers::failure(&error, FAILED);
    let pinned = Steer::pinned().map_err(fail)?;
    let does_any = match &pinned {
        Some(Pinned { steer, .. }) => {
            !steer.routes().map_err(fail)?.0.is_empty() || steer.trial().map_err(fail)?.is_some()
        }
        // The next boot is not to bring it back either.
        None => !programs::confirmed().routes.0.is_empty(),
    };
    let (mut ended, mut told) = (Routes::default(), None);
    if does_any {
        // What the guard keeps stays so.
        let Programs { rules, routes } = programs::standing(FAILED)?;
        ended = routes;
        let now = Programs { rules, routes: Routes::default() };
        let passed = programs::tell(&now, Comes::default(), FAILED);
        told = Some(passed.map_err(|failure| failure.hint(WITHOUT_RECEIPT))?.receipt.number);
    }
    // What other namespaces have goes too.
    let had_any = take_away().map_err(fail)? || does_any;
    if had_any {
        out.changed();
        clients::go_with_half(&ended, told, FAILED)?;
    }
    match settings.verbosity {
        Verbosity::Quiet => Ok(()),
        _ => out.say(if had_any { GONE } else { NONE }),
    }
}
