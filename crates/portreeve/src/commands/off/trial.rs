//! Ends what the programs in the kernel have on trial, where the gate that it came with is taken away (A15, A24).

use portreeve_core::words::Words;
use portreeve_host::enforce::{
    guard::{Guard, Pinned},
    steer::{self, Steer},
};

use crate::{
    failure::Failure,
    guards,
    programs::{self, Comes},
    steers,
};

/// Ends it, where anything is.
///
/// # Errors
///
/// The kernel refuses.
pub(super) fn end(what: Words) -> Result<(), Failure> {
    if is_on(what)? {
        programs::tell(&programs::standing(what)?, Comes::default(), what).map(drop)
    } else {
        Ok(())
    }
}

fn is_on(what: Words) -> Result<bool, Failure> {
    let fail = |error| guards::failure(&error, what);
    if let Some(Pinned { guard, .. }) = Guard::pinned().map_err(fail)?
        && guard.trial().map_err(fail)?.is_some()
    {
        return Ok(true);
    }
    let fail = |error| steers::failure(&error, what);
    let pinned = Steer::pinned().map_err(fail)?;
    let until = pinned.map_or(Ok(None), |steer::Pinned { steer, .. }| steer.trial());
    Ok(until.map_err(fail)?.is_some())
}
