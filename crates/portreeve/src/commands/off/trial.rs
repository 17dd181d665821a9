//! Ends what the programs in the kernel have on trial, where the gate that it came with is taken away (A15, A24).

use portreeve_core::{text, words::Words};
use portreeve_host::enforce::{
    guard::{Guard, Pinned},
    steer::{self, Steer},
};
use rustix::process::geteuid;

use crate::{
    exit::Exit,
    failure::Failure,
    guards,
    programs::{self, Comes},
    steers,
};

/// One of the programs that are told together.
#[derive(Clone, Copy)]
pub(super) enum Half {
    /// What keeps ports.
    Guard,
    /// What leads packets.
    Steering,
}

const HALF: Words = Words { en: "nothing was taken away", ja: "何も取り除いていません" };

/// Refuses to take `what` away alone while the `other` half has something on trial: that would be over too, and nobody would be told.
///
/// # Errors
///
/// It has.
pub(super) fn refuse_half(what: &str, other: Half) -> Result<(), Failure> {
    let is_on = || match other {
        Half::Guard => is_guard_on(HALF),
        Half::Steering => is_steering_on(HALF),
    };
    // What cannot be read is to be had away all the same.
    if !geteuid().is_root() || !is_on().unwrap_or(false) {
        return Ok(());
    }
    let because = Words {
        en: "a change of the guard and of what is steered is on trial, and both halves of it would be over",
        ja: "ガードと誘導の変更が試行中であり、一方だけを取り除くと、もう一方の試行も終わってしまいます",
    };
    Err(Failure::new(Exit::Refused, HALF).because(because).hint(text!(
        "portreeve undo, or portreeve confirm, and then portreeve off {what}; portreeve off takes all away at once",
        "portreeve undo または portreeve confirm の後に portreeve off {what} を実行してください。portreeve off ですべてを直ちに取り除けます"
    )))
}

/// What of the programs' trial goes with the gate.
pub(super) const OVER: Words = Words {
    en: "What the guard and the steering had on trial with it is over; what they had for good stays.",
    ja: "同時に試行中だったガードと誘導の変更は終了し、確定済みの内容に戻りました。",
};

/// Ends it with the change of receipt `with`; whether anything was.
///
/// # Errors
///
/// The kernel refuses.
pub(super) fn end(with: u32, what: Words) -> Result<bool, Failure> {
    let is_on = is_on(what)?;
    if is_on {
        let comes = Comes { with: Some(with), ..Comes::default() };
        programs::tell(&programs::standing(what)?, comes, what)?;
    }
    Ok(is_on)
}

fn is_on(what: Words) -> Result<bool, Failure> {
    Ok(is_guard_on(what)? || is_steering_on(what)?)
}

fn is_guard_on(what: Words) -> Result<bool, Failure> {
    let fail = |error| guards::failure(&error, what);
    let pinned = Guard::pinned().map_err(fail)?;
    let until = pinned.map_or(Ok(None), |Pinned { guard, .. }| guard.trial());
    Ok(until.map_err(fail)?.is_some())
}

fn is_steering_on(what: Words) -> Result<bool, Failure> {
    let fail = |error| steers::failure(&error, what);
    let pinned = Steer::pinned().map_err(fail)?;
    let until = pinned.map_or(Ok(None), |steer::Pinned { steer, .. }| steer.trial());
    Ok(until.map_err(fail)?.is_some())
}
