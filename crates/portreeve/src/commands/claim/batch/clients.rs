//! Asks as many clients of one process do, each for one thing at a time, and says what it took: for benchmarks.

use std::{
    num::NonZero,
    thread,
    time::{Duration, Instant},
};

use portreeve_core::ledger::{Ask, Now};
use serde::Serialize;

use crate::{
    failure::warn,
    ledger::crowd::{Crowd, Told},
    store::Store,
};

/// What it took, as a line on the standard error.
#[derive(Debug, Serialize)]
struct Took {
    nanoseconds: u128,
    /// Of those who were answered last after they had asked.
    slowest_nanoseconds: u128,
}

/// What `asks` come to, in their order; each client asks for every so many-th of them.
pub(super) fn ask(
    crowd: &Crowd<'_, '_, dyn Store>,
    asks: &[Ask],
    clients: NonZero<u16>,
    now: &Now,
) -> Vec<Told> {
    let clients = usize::from(clients.get());
    let client = |first: usize| -> Vec<(usize, Told, Duration)> {
        let own = asks.iter().enumerate().skip(first).step_by(clients);
        own.flat_map(|(place, ask)| {
            let start = Instant::now();
            let told = crowd.ask(vec![ask.clone()], now);
            told.into_iter().map(move |told| (place, told, start.elapsed()))
        })
        .collect()
    };
    let start = Instant::now();
    let mut told: Vec<_> = thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|first| scope.spawn(move || client(first))).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap_or_default()).collect()
    });
    let nanoseconds = start.elapsed().as_nanos();
    let slowest = told.iter().map(|(_, _, took)| took.as_nanos()).max();
    let took = Took { nanoseconds, slowest_nanoseconds: slowest.unwrap_or_default() };
    warn(&serde_json::to_string(&took).unwrap_or_default());
    told.sort_by_key(|(place, _, _)| *place);
    told.into_iter().map(|(_, told, _)| told).collect()
}
