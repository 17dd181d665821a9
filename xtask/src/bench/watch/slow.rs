//! How soon a slow scan is told of while a flood in others' names comes in (A19).

use std::{thread, time::Duration};

use jiff::Timestamp;
use portreeve_core::watch::{Known, Source, Watch};

use super::{
    super::report::{Figure, Promise, Row},
    KEY,
    flood::{ADDRESS, Scene},
};
use crate::shell::Result;

/// The address that the program calls one.
const SCANNER: &str = "203.0.113.7";
const ROUNDS: u32 = 3;
const LOOK_EACH: Duration = Duration::from_millis(20);

/// A scan in a flood: how far apart its packets are, how many others come in a second, and within how many contacts it is told.
struct Case {
    apart: Duration,
    flood_rate: u32,
    promised: f64,
}

/// Between two packets of the last one there are 100,000 others.
const CASES: [Case; 3] = [
    Case { apart: Duration::from_millis(300), flood_rate: 55_000, promised: 6.0 },
    Case { apart: Duration::from_millis(1_500), flood_rate: 55_000, promised: 6.0 },
    Case { apart: Duration::from_millis(1_000), flood_rate: 100_000, promised: 5.0 },
];

/// Every row: the worst of some rounds.
pub(super) fn rows() -> Result<Vec<Row>> {
    let scene = Scene::create()?;
    CASES.iter().map(|case| row(&scene, case)).collect()
}

fn row(scene: &Scene, case: &Case) -> Result<Row> {
    let rounds = (0..ROUNDS).map(|_| contacts(scene, case)).collect::<Result<Vec<_>>>()?;
    let (apart, rate) = (case.apart.as_secs_f64(), case.flood_rate);
    Ok(Row {
        what: format!("contacts until it is told: TCP, {apart} s apart, in {rate} forged packets/s"),
        ours: Figure::Count(rounds.into_iter().max().unwrap_or(u32::MAX).into()),
        rival: None,
        promise: Promise::AtMost(Figure::Count(case.promised)),
    })
}

/// How many packets the scanner had sent when he was told of.
fn contacts(scene: &Scene, case: &Case) -> Result<u32> {
    let mut probing = scene.listen()?;
    let known = Known { own: vec![ADDRESS.parse()?], ..Known::default() };
    let mut watch = Watch::new(KEY, Timestamp::now());
    let rate = case.flood_rate.to_string();
    let each_second = format!("{}", 1.0 / case.apart.as_secs_f64());
    let seconds = (case.apart.as_secs_f64() * 12.0).ceil().to_string();
    let mut flood = scene.send_for(&seconds, &["any", &rate])?;
    let began = Timestamp::now();
    let mut scan = scene.send_for(&seconds, &["one", &each_second])?;
    let scanner = Source::of(SCANNER.parse()?);
    let mut told = None;
    while told.is_none() && scan.try_wait()?.is_none() {
        thread::sleep(LOOK_EACH);
        probing.read(|event| {
            let suspicions = watch.step(&known, &event);
            if suspicions.iter().any(|it| it.source == scanner) {
                told = Some(event.at);
            }
        });
    }
    for sender in [&mut flood, &mut scan] {
        sender.kill()?;
        sender.wait()?;
    }
    let told = told.ok_or("a slow scan in a flood is not told of")?;
    let before = told.duration_since(began).as_millis() / i128::try_from(case.apart.as_millis())?;
    Ok(u32::try_from(before)? + 1)
}
