//! Slots for services before anything is led by them; what a change that failed would leave of it goes again (A15, A20).

use portreeve_core::{steer::Routes, words::Words};
use portreeve_host::enforce::steer::{Steer, take_away_own};

use super::failure;
use crate::failure::Failure;

/// Services that have their slots, so that each may have a socket before anything is led to it. Where nothing was steered here before,
/// the steering goes with this value, unless it is kept.
#[derive(Debug)]
#[must_use]
pub(crate) struct Seated {
    is_new: bool,
}

impl Seated {
    /// Those of `routes`.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub(crate) fn of(routes: &Routes, what: Words) -> Result<Self, Failure> {
        let fail = |error| failure(&error, what);
        let is_new = Steer::pinned().map_err(fail)?.is_none();
        // Also where no more than half of it is done.
        let seated = Self { is_new };
        Steer::stand().and_then(|steer| steer.seat(routes)).map_err(fail)?;
        Ok(seated)
    }

    /// None.
    pub(crate) const fn none() -> Self {
        Self { is_new: false }
    }

    /// The change is made.
    pub(crate) fn keep(mut self) {
        self.is_new = false;
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        if self.is_new {
            // Whoever cannot take it away is told by `steer status` what is there.
            let _ = take_away_own();
        }
    }
}
