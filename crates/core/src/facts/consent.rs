//! That a host consents to be scanned, as the process of its own says that is asked for it (A17, A20).

use alloc::{string::String, vec::Vec};
use core::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    facts::{Listener, Snapshot},
    port::Protocol,
};

/// More are not written down of those who were answered.
pub const ANSWERED_MAX: usize = 256;
/// More bytes than these hold no such thing.
pub const BYTES_MAX: usize = 32 << 10;

/// A consent that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// The port of UDP at which the host is asked.
    pub port: u16,
    /// The inode of the network namespace that consents: whoever shares files with another one does not consent with it.
    pub netns: u64,
    /// The process that answers there.
    pub pid: u32,
    /// Until then.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// Who was told that he may scan.
    #[schemars(with = "Vec<String>")]
    pub answered: Vec<IpAddr>,
}

impl Consent {
    /// What was written down of one; nothing where it is something else.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = Some(bytes).filter(|bytes| bytes.len() <= BYTES_MAX)?;
        serde_json::from_slice(bytes).ok().filter(|it: &Self| it.answered.len() <= ANSWERED_MAX)
    }

    /// Whether it holds at `now`.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// One more was told that he may scan; whether that is news, and can be kept.
    pub fn answers(&mut self, scanner: IpAddr) -> bool {
        let scanner = scanner.to_canonical();
        let is_news = self.answered.len() < ANSWERED_MAX && !self.answered.contains(&scanner);
        if is_news {
            self.answered.push(scanner);
        }
        is_news
    }

    /// Whether `listener` is where the host is asked: in the network namespace that consents, the process has it that says so, and
    /// nobody besides.
    #[must_use]
    pub fn is_asked_at(&self, listener: &Listener) -> bool {
        let is_its = listener.holders.iter().all(|hold| hold.pid == self.pid);
        let is_there =
            (listener.protocol, listener.port, listener.netns) == (Protocol::Udp, self.port, self.netns);
        is_there && is_its && !listener.holders.is_empty()
    }
}

impl Snapshot {
    /// Whether `listener` is where a network namespace is asked for its consent to be scanned, which it gives for a while.
    #[must_use]
    pub fn is_asked_for_consent(&self, listener: &Listener) -> bool {
        self.consents.iter().any(|consent| consent.holds(self.taken) && consent.is_asked_at(listener))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent() -> Consent {
        Consent {
            port: 29_317,
            netns: 1,
            pid: 7,
            until: Timestamp::from_second(600).unwrap(),
            answered: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        let mut consent = consent();
        assert!(consent.answers("::ffff:192.0.2.7".parse().unwrap()));
        assert!(!consent.answers("192.0.2.7".parse().unwrap()), "the same");
        let text = serde_json::to_vec(&consent).unwrap();
        assert_eq!(Consent::read(&text), Some(consent.clone()));
        let too_many = Consent { answered: alloc::vec![[192, 0, 2, 7].into(); ANSWERED_MAX + 1], ..consent };
        assert_eq!(Consent::read(&serde_json::to_vec(&too_many).unwrap()), None);
        assert_eq!(Consent::read(&[b' '; BYTES_MAX + 1]), None);
        for other in ["", "{}", "[]", r#"{"port":1,"netns":1,"pid":1,"until":"x","answered":[]}"#] {
            assert_eq!(Consent::read(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn as_many_as_are_kept_are_read_again() {
        let mut consent = consent();
        let address = |number: u32| core::net::Ipv6Addr::from_bits(u128::MAX - u128::from(number)).into();
        assert_eq!((0..300).filter(|number| consent.answers(address(*number))).count(), ANSWERED_MAX);
        assert!(Consent::read(&serde_json::to_vec(&consent).unwrap()).is_some());
    }

    #[test]
    fn it_holds_for_its_time() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(consent().holds(at(599)) && !consent().holds(at(600)));
    }
}
