//! How a host says that it may be scanned: a question and an answer that only those who share a secret can make (A20).
//!
//! Both are of the same length, so that nobody is answered with more than he sent, and nobody at all who has not the secret.

use core::net::IpAddr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The bytes of a secret.
pub const SECRET_BYTES: usize = 32;
/// The bytes of a question, and of an answer.
pub const MESSAGE_BYTES: usize = 64;

const MAGIC: [u8; 8] = *b"pr-scan1";
const NONCE_AT: usize = 8;
const TIME_AT: usize = 24;
const PROOF_AT: usize = 32;
/// As far may the clocks of two hosts be apart.
const SKEW_SECONDS_MAX: u64 = 300;

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

/// Why an answer is no consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// It is no answer to this question, by somebody with this secret at this address.
    Stranger,
    /// It was one, until then (seconds since 1970).
    Ended(u64),
}

/// Which of the two a message is: neither can be taken for the other.
#[derive(Clone, Copy)]
enum Label {
    Question,
    Answer,
}

/// A number that is used once.
pub type Nonce = [u8; TIME_AT - NONCE_AT];

impl Secret {
    /// The secret that a file of exactly so many bytes holds.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Asks for consent at this time, in seconds since 1970.
    #[must_use]
    pub fn question(&self, nonce: Nonce, parties: Parties, now: u64) -> [u8; MESSAGE_BYTES] {
        self.message(Label::Question, nonce, parties, now)
    }

    /// The number of a question that somebody with this secret asks now; `None` of whatever else is sent.
    #[must_use]
    pub fn asked(&self, bytes: &[u8], parties: Parties, now: u64) -> Option<Nonce> {
        let (nonce, time) = self.proven(Label::Question, bytes, parties)?;
        (time.abs_diff(now) <= SKEW_SECONDS_MAX).then_some(nonce)
    }

    /// Consents until then.
    #[must_use]
    pub fn answer(&self, nonce: Nonce, parties: Parties, until: u64) -> [u8; MESSAGE_BYTES] {
        self.message(Label::Answer, nonce, parties, until)
    }

    /// Until when the answer to the question with this number consents.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn consented(&self, bytes: &[u8], nonce: Nonce, parties: Parties, now: u64) -> Result<u64, Unproven> {
        match self.proven(Label::Answer, bytes, parties) {
            Some((answered, until)) if answered == nonce && until > now => Ok(until),
            Some((answered, until)) if answered == nonce => Err(Unproven::Ended(until)),
            _ => Err(Unproven::Stranger),
        }
    }

    fn message(&self, label: Label, nonce: Nonce, parties: Parties, time: u64) -> [u8; MESSAGE_BYTES] {
        let proof = self.mac(label, nonce, parties, time).finalize().into_bytes();
        let mut message = [0; MESSAGE_BYTES];
        let bytes = MAGIC.into_iter().chain(nonce).chain(time.to_be_bytes()).chain(proof);
        message.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        message
    }

    /// The number and the time of a message, where whoever made it has the secret; the comparison takes as long for any bytes.
    fn proven(&self, label: Label, bytes: &[u8], parties: Parties) -> Option<(Nonce, u64)> {
        let message: &[u8; MESSAGE_BYTES] = bytes.try_into().ok()?;
        let nonce: Nonce = *message.get(NONCE_AT..)?.first_chunk()?;
        let time = u64::from_be_bytes(*message.get(TIME_AT..)?.first_chunk()?);
        let proof = message.get(PROOF_AT..)?;
        let is_proven = self.mac(label, nonce, parties, time).verify_slice(proof).is_ok();
        (message.starts_with(&MAGIC) && is_proven).then_some((nonce, time))
    }

    fn mac(&self, label: Label, nonce: Nonce, parties: Parties, time: u64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(&MAGIC);
        mac.update(match label {
            Label::Question => b"question",
            Label::Answer => b"consents",
        });
        mac.update(&nonce);
        mac.update(&octets(parties.scanner));
        mac.update(&octets(parties.target));
        mac.update(&time.to_be_bytes());
        mac
    }
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

    const NOW: u64 = 1_800_000_000;
    const NONCE: Nonce = [7; 16];

    fn secret(byte: u8) -> Secret {
        Secret::read(&[byte; SECRET_BYTES]).unwrap()
    }

    fn parties(last: u8) -> Parties {
        Parties { scanner: [192, 0, 2, 1].into(), target: [203, 0, 113, last].into() }
    }

    #[test]
    fn who_shares_the_secret_asks_and_consents() {
        let secret = secret(1);
        let question = secret.question(NONCE, parties(7), NOW);
        assert_eq!(secret.asked(&question, parties(7), NOW + SKEW_SECONDS_MAX), Some(NONCE));
        let answer = secret.answer(NONCE, parties(7), NOW + 600);
        assert_eq!(secret.consented(&answer, NONCE, parties(7), NOW), Ok(NOW + 600));
    }

    #[test]
    fn nobody_else_does() {
        let (own, other) = (secret(1), secret(2));
        let stranger = Err(Unproven::Stranger);
        let answer = own.answer(NONCE, parties(7), NOW + 600);
        assert_eq!(other.consented(&answer, NONCE, parties(7), NOW), stranger, "another secret");
        assert_eq!(own.consented(&answer, [8; 16], parties(7), NOW), stranger, "an answer of before");
        assert_eq!(own.consented(&answer, NONCE, parties(8), NOW), stranger, "another address");
        assert_eq!(own.consented(&answer[..63], NONCE, parties(7), NOW), stranger);
        assert_eq!(own.consented(&answer, NONCE, parties(7), NOW + 600), Err(Unproven::Ended(NOW + 600)));
        let question = own.question(NONCE, parties(7), NOW + 600);
        assert_eq!(own.consented(&question, NONCE, parties(7), NOW), stranger, "a question is no answer");
        for place in 0..MESSAGE_BYTES {
            let mut changed = answer;
            changed[place] ^= 1;
            assert_eq!(own.consented(&changed, NONCE, parties(7), NOW), stranger, "{place}");
        }
    }

    #[test]
    fn who_has_not_the_secret_or_asks_at_another_time_is_not_answered() {
        let question = secret(1).question(NONCE, parties(7), NOW);
        assert_eq!(secret(2).asked(&question, parties(7), NOW), None);
        assert_eq!(secret(1).asked(&question, parties(8), NOW), None);
        assert_eq!(secret(1).asked(&question, parties(7), NOW + SKEW_SECONDS_MAX + 1), None);
        let answer = secret(1).answer(NONCE, parties(7), NOW);
        assert_eq!(secret(1).asked(&answer, parties(7), NOW), None, "an answer is no question");
        assert!(Secret::read(&[1; 31]).is_none() && Secret::read(&[1; 33]).is_none());
    }
}
