//! Gives bytes to the reader of what is written down of a consent: only root writes there, and nothing rests on that alone.

use portreeve_core::facts::{Consent, consent::ANSWERED_MAX};

pub(crate) fn feed(bytes: &[u8]) {
    let Some(mut consent) = Consent::read(bytes) else { return };
    assert!(consent.answered.len() <= ANSWERED_MAX);
    consent.answers([192, 0, 2, 7].into());
    let written = serde_json::to_vec(&consent).expect("it is numbers, a time and addresses");
    assert_eq!(Consent::read(&written), Some(consent), "what is written is read");
}
