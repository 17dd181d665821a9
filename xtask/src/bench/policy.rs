//! A policy of ten thousand services in four files, read and checked.

use std::{fmt::Write as _, fs, ops::Range};

use super::{
    report::{Figure, Promise, Row},
    stopwatch::{race, words},
};
use crate::shell::{Result, command, target};

const SERVICES: u32 = 10_000;
const FILES: u32 = 4;
const ROUNDS: u32 = 11;
const MILLISECONDS_MAX: f64 = 50.0;

/// `portreeve check` of them all, as a process.
pub(super) fn row() -> Result<Row> {
    let folder = target().join("bench/ten-thousand");
    fs::create_dir_all(&folder)?;
    for file in 0..FILES {
        let numbers = SERVICES / FILES * file..SERVICES / FILES * (file + 1);
        fs::write(folder.join(format!("{file}.toml")), text(numbers))?;
    }
    let program = target().join("release/portreeve").to_string_lossy().into_owned();
    let check = vec![program, "check".into(), folder.to_string_lossy().into_owned()];
    let samples = race(&mut command(&words(ROUNDS, &[check])?), 1)?;
    Ok(Row {
        what: format!("`check` of {SERVICES} services"),
        ours: samples[0].time(),
        rival: None,
        promise: Promise::AtMost(Figure::Nanoseconds(MILLISECONDS_MAX * 1e6)),
    })
}

/// Services as people write them: a port and a pool each, an owner, a reach.
fn text(numbers: Range<u32>) -> String {
    let mut text = "version = 1\n".to_owned();
    for number in numbers {
        let first = 1 + number * 6;
        let (pool, last) = (first + 1, first + 5);
        let _ = write!(
            text,
            "\n[service.s{number}]\nports = [\"{first}/tcp\", \"{pool}-{last}/tcp\"]\n\
             owner = {{ unit = \"s{number}.service\" }}\nreach = \"world\"\n"
        );
    }
    text
}
