//! `cargo xtask lab ledger`: a ledger in a real etcd whose leader is killed and cut off, and whose replies are lost.

use crate::{
    shell::{Result, cargo},
    tally::count,
};

/// The tests that print how many claims were acknowledged, lost and made twice, and how long it was silent.
const TESTS: &str = "store::tests::etcd::no_claim_is_lost";

/// Each several times; built for speed, as the silence is measured.
pub(crate) fn run() -> Result {
    let own = ["test", "--release", "--package", "portreeve", "--features", "lab", "--bin", "portreeve"];
    let mut storms = cargo(&[&own[..], &["--", "--nocapture", "--test-threads", "1", TESTS]].concat());
    let tally = count(storms.env("PORTREEVE_STORM", "full"))?;
    println!("{tally}");
    if tally.failed > 0 { Err("the ledger does not weather it".into()) } else { Ok(()) }
}
