//! Whether the gate keeps somebody out already: a block would then change nothing, or shorten what somebody else wants (A16, A19).

use core::net::IpAddr;

use jiff::SignedDuration;

use super::Mercy;
use crate::gate::Kept;

/// Of several watches that judge the same, the last one comes so much later, at most.
const LATER: SignedDuration = SignedDuration::from_mins(1);

/// Why somebody whom the gate keeps out so is not kept out anew for `length`; `None` where he is to be.
#[must_use]
pub fn kept_out(kept: &Kept<IpAddr>, length: SignedDuration) -> Option<Mercy> {
    let left = kept.left.map(|left| SignedDuration::try_from(left).unwrap_or(SignedDuration::MAX));
    let enough = length.saturating_sub(LATER.min(length / 2));
    left.is_none_or(|left| left >= enough).then_some(Mercy::KeptOut(left))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn whoever_is_kept_out_for_as_long_is_not_once_more() {
        let is_enough = |left: Option<u64>, length| {
            let kept = Kept { what: [203, 0, 113, 7].into(), left: left.map(Duration::from_secs) };
            kept_out(&kept, SignedDuration::from_secs(length)).is_some()
        };
        assert!(is_enough(None, 3_600), "somebody keeps him out for good");
        assert!(is_enough(Some(86_400), 3_600) && is_enough(Some(3_540), 3_600));
        assert!(!is_enough(Some(3_539), 3_600), "it would end earlier");
        assert!(is_enough(Some(5), 10) && !is_enough(Some(4), 10), "a minute is much of a short one");
    }
}
