//! How likely it is that somebody probes, as a ratio: a sequential test of his first contacts (A19).

/// Eighths of a doubling.
const EACH: i16 = 8;
/// A probe meets nobody in eight contacts of ten, others in two: ×4.
pub(super) const TCP: i16 = 2 * EACH;
/// Of UDP a late answer looks like a question: ×2.
pub(super) const UDP: i16 = EACH;
/// Who finished a handshake with a service came for it: ×¼, and once, as who probes may come for several first.
pub(super) const SERVED: i16 = -2 * EACH;

/// From this ratio on somebody is a suspect: (1 − β) ÷ α with one in a hundred for either error, 99, in eighths of a
/// doubling rounded up.
pub const THRESHOLD: i16 = 54;

/// Evidence is worth half after seven days.
const HALF_LIFE_SECONDS: u32 = 7 * 24 * 60 * 60;

/// What is left of `score` after so long: halves, and between two of them a straight line.
pub(super) fn faded(score: i16, seconds: u32) -> i16 {
    let (halvings, rest) = (seconds / HALF_LIFE_SECONDS, seconds % HALF_LIFE_SECONDS);
    let (two_lives, left) = (i64::from(2 * HALF_LIFE_SECONDS), i64::from(2 * HALF_LIFE_SECONDS - rest));
    // To the nearest: who comes every few seconds would else lose an eighth each time.
    let whole = (i64::from(score) * left + two_lives / 2).div_euclid(two_lives);
    i16::try_from(whole >> halvings.min(15)).unwrap_or(0)
}

/// The ratio itself, rounded down.
pub(super) fn ratio(score: i16) -> u32 {
    /// Of 1,024: two to the eighths.
    const EIGHTHS: [u32; 8] = [1024, 1117, 1218, 1328, 1448, 1579, 1722, 1878];
    let (whole, eighths) = (score.max(0) / EACH, score.max(0) % EACH);
    let eighths = EIGHTHS.get(usize::from(eighths.unsigned_abs())).copied().unwrap_or(1024);
    let doubled = u64::from(eighths) << u32::from(whole.unsigned_abs()).min(31);
    u32::try_from(doubled / 1024).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fourth_contact_by_tcp_and_the_seventh_by_udp_are_enough() {
        let first = |each: i16, before: i16| (1..).find(|count| before + each * count >= THRESHOLD).unwrap();
        assert_eq!(first(TCP, 0), 4);
        assert_eq!(first(UDP, 0), 7);
        assert_eq!(first(TCP, SERVED), 5);
    }

    #[test]
    fn a_ratio_is_what_was_multiplied() {
        assert_eq!([0, TCP, 2 * TCP, 3 * TCP, 4 * TCP].map(ratio), [1, 4, 16, 64, 256]);
        assert!(ratio(THRESHOLD) >= 99 && ratio(THRESHOLD - 1) < 99);
        assert_eq!(ratio(SERVED), 1);
        assert!(ratio(i16::MAX) >= 1 << 31);
    }

    #[test]
    fn evidence_is_worth_half_after_a_week() {
        assert_eq!(faded(64, 0), 64);
        assert_eq!((0..6).fold(8, |score, _| faded(score, 15)), 8);
        assert_eq!(faded(64, HALF_LIFE_SECONDS), 32);
        assert_eq!(faded(64, HALF_LIFE_SECONDS / 2), 48);
        assert_eq!(faded(64, 3 * HALF_LIFE_SECONDS), 8);
        assert_eq!(faded(-16, HALF_LIFE_SECONDS), -8);
        assert_eq!(faded(64, u32::MAX), 0);
    }
}
