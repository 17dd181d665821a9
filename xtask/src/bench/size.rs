//! How large the program is, of how many crates it is made, and how long it takes to build from nothing.

use std::{collections::BTreeSet, fs, time::Instant};

use super::report::{Figure, Promise, Row};
use crate::shell::{self, Result, cargo, output, target};

const BINARY_BYTES_MAX: f64 = 8e6;
const CRATES_MAX: f64 = 120.0;
const COLD_BUILD_SECONDS_MAX: f64 = 240.0;

/// The size of the release build, and the crates in its tree.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
pub(super) fn rows() -> Result<[Row; 2]> {
    let bytes = fs::metadata(target().join("release/portreeve"))?.len();
    let tree = ["tree", "--package", "portreeve", "--edges", "normal,build", "--prefix", "none", "--locked"];
    let printed = output(&mut cargo(&tree))?;
    let crates: BTreeSet<_> = printed.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    Ok([
        within("release binary", Figure::Bytes(bytes as f64), Figure::Bytes(BINARY_BYTES_MAX)),
        within("crates in its tree", Figure::Count(crates.len() as f64), Figure::Count(CRATES_MAX)),
    ])
}

/// A release build into an empty folder; what cargo has downloaded stays.
pub(super) fn cold_build() -> Result<Row> {
    let folder = target().join("bench/cold");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let start = Instant::now();
    shell::run(cargo(&["build", "--release", "--package", "portreeve"]).env("CARGO_TARGET_DIR", &folder))?;
    let took = start.elapsed().as_secs_f64() * 1e9;
    fs::remove_dir_all(&folder)?;
    let limit = Figure::Nanoseconds(COLD_BUILD_SECONDS_MAX * 1e9);
    Ok(within("`cargo build --release` from nothing", Figure::Nanoseconds(took), limit))
}

fn within(what: &str, ours: Figure, limit: Figure) -> Row {
    Row { what: what.into(), ours, rival: None, promise: Promise::AtMost(limit) }
}
