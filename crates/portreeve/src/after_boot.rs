//! Whether the gate stands again after the next boot: where it is kept as it stands, and something puts it back (A15, A20).

use portreeve_core::{
    facts::AtBoot,
    gate::{Body, Standing},
    text,
    words::Words,
};
use portreeve_host::{
    boot::{self, at_boot},
    enforce::{Door, receipts},
};

use crate::{
    directories,
    exit::Exit,
    failure::{Failure, keep_cause},
};

/// What the next boot makes of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterBoot {
    /// It puts it back.
    Stands,
    /// It is gone: nothing puts it back, as the unit is so.
    Gone(AtBoot),
    /// It is gone, or another one: what is confirmed could not be kept.
    Unsaved,
    /// It is gone: no boot reads what is kept of it here.
    Apart,
    /// Nobody here knows: no systemd runs.
    Unknown,
}

/// That the next boot would not have known of the gate.
pub(crate) const KEPT_ANEW: Words = Words {
    en: "The gate as it stands was not kept for the next boot: now it is.",
    ja: "現在のゲートが次回の起動用に保存されていなかったため、保存しました。",
};

/// Keeps the gate as it stands for the next boot, where it is not; whether it was not.
///
/// # Errors
///
/// It cannot be written.
pub(crate) fn keep_standing(door: &Door, what: Words) -> Result<bool, Failure> {
    door.keep_standing().map_err(|error| {
        let path = error.path().display();
        Failure::new(Exit::Unreachable, what)
            .because(text!("cannot write {path}", "{path} に書き込めません"))
            .because(keep_cause(&error))
    })
}

/// Lets the gate that stands come back from now on where nftables.service takes it away: the unit does that only while it
/// is active. Its start finds the gate as it is kept, so it changes nothing; where it fails `audit` says so.
pub(crate) fn follow(standing: Option<&Standing>) {
    if standing.and_then(Standing::body).is_some() && after_boot(standing) == AfterBoot::Stands {
        let _ = boot::follow();
    }
}

/// What the next boot makes of the gate as it stands.
pub(crate) fn after_boot(standing: Option<&Standing>) -> AfterBoot {
    let Ok(folder) = directories::gate() else { return AfterBoot::Apart };
    if folder != directories::usual_gate() {
        return AfterBoot::Apart;
    }
    let kept = receipts::boot(&folder).ok().flatten();
    judged(kept.as_ref().map(|kept| &kept.gate), standing.and_then(Standing::body), at_boot())
}

/// Of a gate that somebody else changed, or that nobody named, what is kept is what is put back.
fn judged(kept: Option<&Body>, confirmed: Option<&Body>, next: AtBoot) -> AfterBoot {
    match (kept, next) {
        (None, _) => AfterBoot::Unsaved,
        (Some(kept), _) if confirmed.is_some_and(|confirmed| confirmed != kept) => AfterBoot::Unsaved,
        (Some(_), AtBoot::Enabled | AtBoot::Late | AtBoot::Failed) => AfterBoot::Stands,
        (Some(_), AtBoot::Unknown) => AfterBoot::Unknown,
        (Some(_), at_boot) => AfterBoot::Gone(at_boot),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_kept_as_it_stands_is_put_back() {
        let (own, other) = (Body::open(), Body::default());
        for next in [AtBoot::Enabled, AtBoot::NotEnabled, AtBoot::Unknown] {
            assert_eq!(judged(None, Some(&own), next), AfterBoot::Unsaved, "it could not be written");
            assert_eq!(judged(Some(&other), Some(&own), next), AfterBoot::Unsaved, "an older one is kept");
        }
        for confirmed in [Some(&own), None] {
            assert_eq!(judged(Some(&own), confirmed, AtBoot::Enabled), AfterBoot::Stands);
            assert_eq!(
                judged(Some(&own), confirmed, AtBoot::NotEnabled),
                AfterBoot::Gone(AtBoot::NotEnabled)
            );
            assert_eq!(judged(Some(&own), confirmed, AtBoot::Unknown), AfterBoot::Unknown);
        }
    }
}
