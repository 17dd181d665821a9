//! By what right packets are sent to a target, looked at before they are.

use std::net::IpAddr;

use portreeve_core::outside::Ended;
use rustix::io::Errno;

use super::{ScanError, ends, proven::Proven, renewal::Renewal};

/// What says that a target is ours, and whether it still is.
#[derive(Debug)]
pub enum Warrant {
    /// The kernel.
    Proven(Proven),
    /// The target itself.
    Consent(Renewal),
}

/// Whether packets may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// They may.
    Ours,
    /// Not now, until the target or the kernel says again that they may.
    Unsure,
    /// Never more: the kernel does not say whether the address is ours.
    Untold(Errno),
    /// Never more: whoever has the address is not proven to be ours.
    Astray,
    /// Never more: it does not consent any longer.
    Expired,
}

impl Standing {
    /// Where packets may never more be sent, has `end` end the scan of `target`; it says whether that was under way.
    pub(super) fn end(self, target: IpAddr, end: impl FnOnce(Ended) -> bool) -> Result<(), ScanError> {
        match self {
            Self::Ours | Self::Unsure => {}
            Self::Untold(errno) => {
                if !end(Ended::Cut) {
                    return Err(ScanError::Call("find out whether the target is still ours", errno.into()));
                }
            }
            Self::Astray => ends::end(end(Ended::Cut), Errno::NETUNREACH, target)?,
            Self::Expired => _ = end(Ended::Expired),
        }
        Ok(())
    }
}

impl Warrant {
    /// Whether the target has to say first that it still consents: till then nothing is asked.
    pub(super) fn is_unsure(&self) -> bool {
        matches!(self, Self::Consent(renewal) if renewal.standing() == Standing::Unsure)
    }

    pub(super) fn standing(&self) -> Standing {
        match self {
            Self::Proven(proven) => proven.standing(),
            Self::Consent(renewal) => renewal.standing(),
        }
    }

    /// What the kernel says, on whose way alone packets may leave.
    pub(super) const fn proven(&self) -> Option<&Proven> {
        match self {
            Self::Proven(proven) => Some(proven),
            Self::Consent(_) => None,
        }
    }

    /// The address to ask from, where it has to be this one.
    pub(super) fn source(&self) -> Option<IpAddr> {
        self.proven().and_then(Proven::source)
    }
}

/// Warrants of this host's own loopback, for tests.
#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::scan::Proof;

    pub(in crate::scan) fn own(target: IpAddr) -> Warrant {
        Warrant::Proven(Proven::hold(target, 0, Proof::Own("lo".into())).unwrap())
    }
}
