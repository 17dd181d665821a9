//! How a host says that it may be scanned: a question and an answer that only those who share a secret can make (A20).
//!
//! Both are of the same length, so that nobody is answered with more than he sent, and nobody at all who has not the secret. How
//! long a consent lasts is counted by the clock of whoever gives it: an answer says what time it is there and until when it holds.

use core::{net::IpAddr, time::Duration};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The bytes of a secret.
pub const SECRET_BYTES: usize = 32;
/// The bytes of a question, and of an answer.
pub const MESSAGE_BYTES: usize = 72;
/// Nobody consents for longer, and nobody is believed who says so.
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// As far may the clocks of two hosts be apart, so that a question cannot be asked again for ever by whoever saw it.
pub const SKEW_MAX: Duration = Duration::from_secs(300);

const MAGIC: [u8; 8] = *b"pr-scan2";
const NONCE_AT: usize = 8;
const TIMES_AT: usize = 24;
const PROOF_AT: usize = 40;

/// What hosts that consent share.
#[derive(Clone)]
pub struct Secret([u8; SECRET_BYTES]);

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret")
    }
}

/// Who asks whom, each by the address that the other one sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parties {
    /// Who wants to scan.
    pub scanner: IpAddr,
    /// Who is to be scanned.
    pub target: IpAddr,
}

/// A question of somebody who has the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It was asked just now.
    Now(Nonce),
    /// It was asked at another time, or by a clock that is wrong, as this one may be.
    AtAnotherTime(Nonce),
}

/// Why an answer is no consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// It is no answer to this question, by somebody with this secret at this address.
    Stranger,
    /// It was one, and is over.
    Ended,
    /// By the clock there, which says this since 1970, it was asked at another time.
    AtAnotherTime(Duration),
}

/// Which of the three a message is: none can be taken for another.
#[derive(Clone, Copy)]
enum Label {
    Question,
    Answer,
    AnotherTime,
}

/// A number that is used once.
pub type Nonce = [u8; TIMES_AT - NONCE_AT];

/// What a message says beside its number, in milliseconds since 1970: what time it is for whoever sends it, and until when he consents.
type Times = [u64; 2];

impl Secret {
    /// The secret that a file of exactly so many bytes holds; one byte over and over is none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; SECRET_BYTES] = bytes.try_into().ok()?;
        let is_one_byte = bytes.windows(2).all(|pair| matches!(pair, [one, other] if one == other));
        (!is_one_byte).then_some(Self(bytes))
    }

    /// Asks for consent at this time, since 1970.
    #[must_use]
    pub fn question(&self, nonce: Nonce, parties: Parties, now: Duration) -> [u8; MESSAGE_BYTES] {
        self.message(Label::Question, nonce, parties, [milliseconds(now), 0])
    }

    /// What somebody with this secret asks; `None` of whatever else is sent.
    #[must_use]
    pub fn asked(&self, bytes: &[u8], parties: Parties, now: Duration) -> Option<Asked> {
        let (nonce, [time, _]) = self.proven(Label::Question, bytes, parties)?;
        let is_now = time.abs_diff(milliseconds(now)) <= milliseconds(SKEW_MAX);
        Some(if is_now { Asked::Now(nonce) } else { Asked::AtAnotherTime(nonce) })
    }

    /// Consents until then, both since 1970.
    #[must_use]
    pub fn answer(
        &self,
        nonce: Nonce,
        parties: Parties,
        now: Duration,
        until: Duration,
    ) -> [u8; MESSAGE_BYTES] {
        self.message(Label::Answer, nonce, parties, [now, until].map(milliseconds))
    }

    /// Does not consent, as it is another time by the clock here.
    #[must_use]
    pub fn another_time(&self, nonce: Nonce, parties: Parties, now: Duration) -> [u8; MESSAGE_BYTES] {
        self.message(Label::AnotherTime, nonce, parties, [milliseconds(now), 0])
    }

    /// How long the answer to the question with this number consents from when it was sent on, by the clock of whoever sent it.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn consented(&self, bytes: &[u8], nonce: Nonce, parties: Parties) -> Result<Duration, Unproven> {
        let of = |label| self.proven(label, bytes, parties).filter(|(answered, _)| *answered == nonce);
        if let Some((_, [now, _])) = of(Label::AnotherTime) {
            return Err(Unproven::AtAnotherTime(Duration::from_millis(now)));
        }
        let (_, [now, until]) = of(Label::Answer).ok_or(Unproven::Stranger)?;
        let left = Duration::from_millis(until.saturating_sub(now)).min(LONGEST);
        if left.is_zero() { Err(Unproven::Ended) } else { Ok(left) }
    }

    fn message(&self, label: Label, nonce: Nonce, parties: Parties, times: Times) -> [u8; MESSAGE_BYTES] {
        let proof = self.mac(label, nonce, parties, times).finalize().into_bytes();
        let mut message = [0; MESSAGE_BYTES];
        let bytes =
            MAGIC.into_iter().chain(nonce).chain(times.into_iter().flat_map(u64::to_be_bytes)).chain(proof);
        message.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        message
    }

    /// The number and the times of a message, where whoever made it has the secret; the comparison takes as long for any bytes.
    fn proven(&self, label: Label, bytes: &[u8], parties: Parties) -> Option<(Nonce, Times)> {
        let message: &[u8; MESSAGE_BYTES] = bytes.try_into().ok()?;
        let nonce: Nonce = *message.get(NONCE_AT..)?.first_chunk()?;
        let (one, rest) = message.get(TIMES_AT..PROOF_AT)?.split_first_chunk()?;
        let times = [*one, *rest.first_chunk()?].map(u64::from_be_bytes);
        let proof = message.get(PROOF_AT..)?;
        let is_proven = self.mac(label, nonce, parties, times).verify_slice(proof).is_ok();
        (message.starts_with(&MAGIC) && is_proven).then_some((nonce, times))
    }

    fn mac(&self, label: Label, nonce: Nonce, parties: Parties, times: Times) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(&MAGIC);
        mac.update(match label {
            Label::Question => b"question",
            Label::Answer => b"consents",
            Label::AnotherTime => b"has time",
        });
        mac.update(&nonce);
        mac.update(&octets(parties.scanner));
        mac.update(&octets(parties.target));
        times.iter().for_each(|time| mac.update(&time.to_be_bytes()));
        mac
    }
}

/// A clock of more than that is none.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Either family in sixteen bytes (RFC 4291 §2.5.5.2).
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);
    const NONCE: Nonce = [7; 16];

    fn secret(byte: u8) -> Secret {
        let mut bytes = [byte; SECRET_BYTES];
        bytes[0] = 0xff;
        Secret::read(&bytes).unwrap()
    }

    fn parties(last: u8) -> Parties {
        Parties { scanner: [192, 0, 2, 1].into(), target: [203, 0, 113, last].into() }
    }

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(60 * count)
    }

    #[test]
    fn who_shares_the_secret_asks_and_consents() {
        let secret = secret(1);
        let question = secret.question(NONCE, parties(7), NOW);
        assert_eq!(secret.asked(&question, parties(7), NOW + SKEW_MAX), Some(Asked::Now(NONCE)));
        let answer = secret.answer(NONCE, parties(7), NOW, NOW + minutes(10));
        assert_eq!(secret.consented(&answer, NONCE, parties(7)), Ok(minutes(10)));
    }

    #[test]
    fn nobody_else_does() {
        let (own, other) = (secret(1), secret(2));
        let stranger = Err(Unproven::Stranger);
        let answer = own.answer(NONCE, parties(7), NOW, NOW + minutes(10));
        assert_eq!(other.consented(&answer, NONCE, parties(7)), stranger, "another secret");
        assert_eq!(own.consented(&answer, [8; 16], parties(7)), stranger, "an answer of before");
        assert_eq!(own.consented(&answer, NONCE, parties(8)), stranger, "another address");
        assert_eq!(own.consented(&answer[..MESSAGE_BYTES - 1], NONCE, parties(7)), stranger);
        let question = own.question(NONCE, parties(7), NOW + minutes(10));
        assert_eq!(own.consented(&question, NONCE, parties(7)), stranger, "a question is no answer");
        for place in 0..MESSAGE_BYTES {
            let mut changed = answer;
            changed[place] ^= 1;
            assert_eq!(own.consented(&changed, NONCE, parties(7)), stranger, "{place}");
        }
    }

    /// Whatever the clock of whoever asks says: it is not asked for.
    #[test]
    fn how_long_a_consent_lasts_is_counted_by_whoever_gives_it() {
        let left = |now: Duration, until: Duration| {
            let answer = secret(1).answer(NONCE, parties(7), now, until);
            secret(1).consented(&answer, NONCE, parties(7))
        };
        assert_eq!(left(NOW, NOW + Duration::from_millis(4_321)), Ok(Duration::from_millis(4_321)));
        assert_eq!(left(Duration::ZERO, minutes(5)), Ok(minutes(5)), "he lives in 1970");
        assert_eq!(
            (left(NOW, NOW), left(NOW, NOW - minutes(1))),
            (Err(Unproven::Ended), Err(Unproven::Ended))
        );
        assert_eq!((left(NOW, NOW + 2 * LONGEST), left(NOW, Duration::MAX)), (Ok(LONGEST), Ok(LONGEST)));
    }

    #[test]
    fn whose_clock_is_another_is_told_so_and_has_no_consent() {
        for now in [NOW + SKEW_MAX + minutes(1), NOW - SKEW_MAX - minutes(1)] {
            let question = secret(1).question(NONCE, parties(7), NOW);
            assert_eq!(secret(1).asked(&question, parties(7), now), Some(Asked::AtAnotherTime(NONCE)));
            let told = secret(1).another_time(NONCE, parties(7), now);
            assert_eq!(secret(1).consented(&told, NONCE, parties(7)), Err(Unproven::AtAnotherTime(now)));
            assert_eq!(secret(2).consented(&told, NONCE, parties(7)), Err(Unproven::Stranger));
            assert_eq!(secret(1).consented(&told, [8; 16], parties(7)), Err(Unproven::Stranger));
        }
    }

    #[test]
    fn who_has_not_the_secret_is_not_answered() {
        let question = secret(1).question(NONCE, parties(7), NOW);
        assert_eq!(secret(2).asked(&question, parties(7), NOW), None);
        assert_eq!(secret(1).asked(&question, parties(8), NOW), None);
        let answer = secret(1).answer(NONCE, parties(7), NOW, NOW);
        assert_eq!(secret(1).asked(&answer, parties(7), NOW), None, "an answer is no question");
    }

    #[test]
    fn what_chance_did_not_make_is_no_secret() {
        let mut bytes = [0; SECRET_BYTES];
        assert!(Secret::read(&bytes).is_none() && Secret::read(&[0xaa; SECRET_BYTES]).is_none());
        bytes[SECRET_BYTES - 1] = 1;
        assert!(Secret::read(&bytes).is_some());
        assert!(Secret::read(&bytes[1..]).is_none() && Secret::read(&[&bytes[..], &[1]].concat()).is_none());
    }
}
