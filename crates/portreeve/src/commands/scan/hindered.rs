//! What on this host kept answers from a scan: looked at before it, and again once it is over.

use portreeve_core::{
    facts::Gap,
    outside::{Hindrance, Outcome},
};
use portreeve_host::scan::{Losses, Missing, is_unanswered, proof};

use super::target::{Ours, Target};

/// What was there before the first packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hindered {
    before: Losses,
}

impl Hindered {
    /// Looks for the first time.
    pub(super) fn begin(target: &Target) -> Self {
        Self { before: Losses::now(target.ip()) }
    }

    /// What could not be seen of `target`.
    pub(super) fn gaps(self, target: &Target, outcome: &Outcome) -> Vec<Gap> {
        let Losses { unsent, misdirected } = Losses::now(target.ip()).since(self.before);
        let count = |lost: u64| u32::try_from(lost).unwrap_or(u32::MAX);
        let hindrance = Hindrance {
            unsent: count(unsent),
            misdirected: count(misdirected),
            is_unanswered: is_unanswered(target.ip(), target.interface),
            has_moved: has_moved(target),
        };
        hindrance.gaps(outcome, &target.address.to_string())
    }
}

/// Whether what the kernel said of the address before is not so any more, as far as a way leads there: without one nobody knows who is at
/// its end. One that consents is asked again while the scan runs.
fn has_moved(target: &Target) -> bool {
    match &target.proof {
        Ours::Here(before) => match proof(target.ip(), target.interface) {
            Ok(Ok(now)) => now != *before,
            Ok(Err(missing)) => matches!(missing, Missing::NobodyThere(_)),
            Err(_) => false,
        },
        Ours::Consents { .. } => false,
    }
}
