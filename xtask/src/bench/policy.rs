//! A policy of ten thousand services, read and checked.

use std::{fmt::Write as _, fs};

use super::{
    report::{Figure, Promise, Row},
    stopwatch::{race, words},
};
use crate::shell::{Result, command, target};

const SERVICES: u32 = 10_000;
const ROUNDS: u32 = 11;
const MILLISECONDS_MAX: f64 = 50.0;

/// `portreeve check` of the whole file, as a process.
pub(super) fn row() -> Result<Row> {
    let file = target().join("bench/ten-thousand.toml");
    fs::create_dir_all(target().join("bench"))?;
    fs::write(&file, text(SERVICES))?;
    let program = target().join("release/portreeve").to_string_lossy().into_owned();
    let check = vec![program, "check".into(), file.to_string_lossy().into_owned()];
    let samples = race(&mut command(&words(ROUNDS, &[check])?), 1)?;
    Ok(Row {
        what: format!("`check` of {SERVICES} services"),
        ours: samples[0].time(),
        rival: None,
        promise: Promise::AtMost(Figure::Nanoseconds(MILLISECONDS_MAX * 1e6)),
    })
}

/// Services as people write them: one number each, an owner, an address, a reach.
fn text(services: u32) -> String {
    let mut text = "version = 1\n\n[zone.office]\nfrom = [\"203.0.113.0/24\"]\n".to_owned();
    for number in 1..=services {
        let _ = write!(
            text,
            "\n[service.s{number}]\nports = [\"{}/tcp\"]\naddress = [\"192.0.2.1\"]\n\
             owner = {{ unit = \"s{number}.service\" }}\nreach = [\"office\"]\n",
            number + 10_000
        );
    }
    text
}
