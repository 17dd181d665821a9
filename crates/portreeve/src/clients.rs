//! Has the kernel keep from clients what the policy declares, beside what is claimed (A9, A24).

pub(crate) mod boot;

use portreeve_core::{
    gate::Standing,
    plan::{self, Reservation},
    port::PortRange,
    receipt::Deed,
    steer::Routes,
    text,
    words::{Text, Words},
};
use portreeve_host::enforce::{
    Door, Passed,
    reserved::{Reason, Reserved, ReservedError, Wanted, client_range, known, reserved},
};

use crate::{
    directories, door,
    exit::Exit,
    failure::{Failure, io_cause, keep_cause},
    ledger::whole,
    programs,
};

/// Ranges that one sentence names.
const RANGES_MAX: usize = 8;

/// What it comes with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Comes {
    /// The receipt of the change of the gate that it came with.
    pub(crate) with: Option<u32>,
    /// The receipt whose change it takes back.
    pub(crate) undoes: Option<u32>,
}

/// Has the kernel keep `ports` from clients for the policy, and no others, as long as the gate `stands` so that it comes with:
/// whoever has changed it since has seen to that as well.
///
/// # Errors
///
/// The kernel refuses, or nothing can be written.
pub(crate) fn reserve(
    ports: &[PortRange],
    comes: Comes,
    stands: Option<&Standing>,
    what: Words,
) -> Result<(), Failure> {
    let door = door::open_as_seen(stands, what)?;
    if !door::is_as_seen(&door, stands) {
        return Ok(());
    }
    reserve_through(door, ports, comes, what).map(drop)
}

/// The same through a `door` that is open, whatever stands.
///
/// # Errors
///
/// As of [`reserve`].
pub(crate) fn reserve_through(
    door: Door,
    ports: &[PortRange],
    comes: Comes,
    what: Words,
) -> Result<Passed, Failure> {
    let reserved =
        Reserved::open(directories::reserved().as_deref()).map_err(|error| failure(&error, what))?;
    let change = reservation(&reserved, &Reason::Declared, ports);
    let was = reserved.wanted(&Reason::Declared).unwrap_or_default().to_vec();
    let Comes { with, undoes } = comes;
    let deed = Deed::Reserve { ports: ports.to_vec(), was, with, undoes };
    let wanted = Wanted { now: ports.to_vec(), at_boot: Some(ports.to_vec()) };
    door.reserve(deed, reserved, &wanted, &change).map_err(|error| door::failure(error, what))
}

/// Gives back what was kept for the policy, where anything is or would be at the next boot, but for what is guarded or steered on: of
/// what the kernel gives to a client it asks no guard, and an owner has to bind it again.
///
/// # Errors
///
/// As of [`reserve`].
pub(crate) fn give_back(comes: Comes, stands: Option<&Standing>, what: Words) -> Result<(), Failure> {
    let declared = known().declared;
    if boot::has_declared() || !declared.is_empty() {
        let told = programs::standing(what).unwrap_or_default();
        reserve(&plan::still_told(&declared, &told), comes, stands, what)?;
    }
    Ok(())
}

/// Has the kernel keep from clients what is left to be kept for the policy once the programs are told less by receipt `told`, and these
/// routes have `ended`: as an undo takes both back, without a gate what they are still told of, and what is no longer led elsewhere.
///
/// # Errors
///
/// As of [`reserve`].
pub(crate) fn go_with_half(ended: &Routes, told: Option<u32>, what: Words) -> Result<(), Failure> {
    let stands = door::open(what)?.standing;
    let comes = Comes { with: told, undoes: None };
    if stands.is_none() {
        give_back(comes, None, what)?;
    }
    let declared = known().declared;
    let (Some(range), Ok(kept)) = (client_range(), reserved()) else { return Ok(()) };
    let now = programs::standing(what)?;
    let wanted = plan::led_no_more(&declared, (ended, &now), (range, &kept));
    if wanted == declared { Ok(()) } else { reserve(&wanted, comes, stands.as_ref(), what) }
}

/// What is to be written so that the kernel keeps `wanted` for one reason beside what it keeps for the others.
pub(crate) fn reservation(reserved: &Reserved, reason: &Reason, wanted: &[PortRange]) -> Reservation {
    let all: Vec<PortRange> = wanted.iter().copied().chain(reserved.wanted_besides(reason)).collect();
    plan::reserve(&all, &reserved.kept, reserved.ours())
}

/// `more` beside what is `kept`.
pub(crate) fn beside(kept: Option<&[PortRange]>, more: impl Iterator<Item = PortRange>) -> Vec<PortRange> {
    plan::united(kept.unwrap_or_default().iter().copied().chain(more))
}

/// Why the kernel does not reserve anything, in a sentence.
pub(crate) fn why(error: &ReservedError) -> Text {
    if matches!(error, ReservedError::NotRoot) {
        return text!(
            "only root can have the kernel reserve it",
            "カーネルに予約させられるのは root だけです"
        );
    }
    let Text { en, ja } = cause(error);
    text!("the kernel does not reserve it: {en}", "カーネルに予約できませんでした: {ja}")
}

/// The same, where nobody wonders what it is about.
pub(crate) fn cause(error: &ReservedError) -> Text {
    match error {
        ReservedError::Read => text!("its list cannot be read", "予約リストを読み取れません"),
        ReservedError::Write(error) => {
            let Text { en, ja } = io_cause(error);
            text!("its list cannot be written: {en}", "予約リストに書き込めません: {ja}")
        }
        ReservedError::Short => text!("its list takes no more", "予約リストが上限に達しています"),
        ReservedError::NotRoot => text!("only root may", "root 権限が必要です"),
        ReservedError::Locked(error) => {
            let said = whole(&**error);
            text!(
                "the lock of its list is not to be had: {said}",
                "予約リストのロックを取得できません: 「{said}」"
            )
        }
        ReservedError::Record(error) => {
            let Text { en, ja } = io_cause(error);
            text!("what is reserved for portreeve cannot be kept: {en}", "予約の記録を保存できません: {ja}")
        }
        ReservedError::Lasting(error) => {
            let Text { en, ja } = keep_cause(error);
            text!(
                "what the next boot is to reserve cannot be kept: {en}",
                "次回起動時の予約を保存できません: {ja}"
            )
        }
    }
}

/// The same as the end of a command.
pub(crate) fn failure(error: &ReservedError, what: Words) -> Failure {
    Failure::new(Exit::Unreachable, what).because(why(error)).hint(Words {
        en: "see whether it can be written (ls -l /proc/sys/net/ipv4/ip_local_reserved_ports), then: portreeve plan",
        ja: "書き込めるか確認してから(ls -l /proc/sys/net/ipv4/ip_local_reserved_ports)、portreeve plan を実行してください",
    })
}

/// The ranges, or the first of them and how many there are besides.
pub(crate) fn listed(ranges: &[PortRange]) -> String {
    let shown: Vec<String> = ranges.iter().take(RANGES_MAX).map(ToString::to_string).collect();
    match ranges.len().saturating_sub(RANGES_MAX) {
        0 => shown.join(","),
        more => format!("{}, … (+{more})", shown.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut() {
        let ranges: Vec<PortRange> = (1..=10).map(|number| PortRange::one(number * 3)).collect();
        assert_eq!(listed(&ranges[..2]), "3,6");
        assert_eq!(listed(&ranges), "3,6,9,12,15,18,21,24, … (+2)");
    }
}
