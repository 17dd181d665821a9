//! Where a scan is.

use core::time::Duration;

use super::Ended;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Asking,
    /// Nothing is left to ask, and answers may still come until then.
    Waiting(Duration),
    Over(Ended),
}

impl Phase {
    /// Ends it, unless it is over.
    pub(super) fn end(&mut self, ended: Ended) {
        if !matches!(self, Self::Over(_)) {
            *self = Self::Over(ended);
        }
    }

    /// Why it is over; whoever does not go on to the end stops it.
    pub(super) const fn ended(self) -> Ended {
        match self {
            Self::Over(ended) => ended,
            Self::Asking | Self::Waiting(_) => Ended::Stopped,
        }
    }
}
