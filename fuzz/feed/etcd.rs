//! Gives bytes to the readers of what etcd says, and of the claims that are kept there: other programs may write to it too.

use portreeve_core::ledger::Claim;

#[path = "../../crates/portreeve/src/store/etcd/keys.rs"]
#[expect(dead_code, reason = "what is asked is not of interest here")]
mod keys;
#[path = "../../crates/portreeve/src/store/etcd/wire.rs"]
#[expect(dead_code, reason = "what is asked is not of interest here")]
mod wire;

use self::{
    keys::Keys,
    wire::{Bytes, Done, LeaseName, RangeAnswer, Refused, Token, TransactionAnswer, WatchLine},
};

/// What is read is no more than what was said, and a claim belongs at one key.
pub(crate) fn feed(bytes: &[u8]) {
    let _ = (serde_json::from_slice::<LeaseName>(bytes), serde_json::from_slice::<Done>(bytes));
    if let Ok(Token { token }) = serde_json::from_slice(bytes) {
        assert!(token.len() <= bytes.len());
    }
    if let Ok(Refused { message, .. }) = serde_json::from_slice(bytes) {
        assert!(message.len() <= bytes.len());
    }
    for line in bytes.split(|byte| *byte == b'\n') {
        let _ = serde_json::from_slice::<WatchLine>(line).map(|line| line.news());
    }
    let answers = serde_json::from_slice::<TransactionAnswer>(bytes).map(|answer| answer.responses);
    for answer in answers.unwrap_or_default().into_iter().filter_map(|part| part.response_range) {
        look(answer);
    }
    if let Ok(answer) = serde_json::from_slice(bytes) {
        look(answer);
    }
}

fn look(answer: RangeAnswer) {
    for pair in answer.kvs {
        let text = serde_json::to_string(&pair.value).expect("bytes are a text");
        assert_eq!(serde_json::from_str::<Bytes>(&text).ok().as_ref(), Some(&pair.value));
        let Ok(claim) = serde_json::from_slice::<Claim>(&pair.value.0) else { continue };
        let keys = Keys::new("/p".into(), "4c1d".into(), claim.scope.clone());
        assert!(keys.fits(&keys.claim(claim.id), &claim.scope, claim.id));
        let _ = pair.key.text().map(|key| keys.fits(key, &claim.scope, claim.id));
        let again = serde_json::to_vec(&claim).expect("a claim is a text");
        assert_eq!(serde_json::from_slice::<Claim>(&again).ok(), Some(claim));
    }
}
