//! The ledger under everything that goes wrong: replies that are lost, askers that end, hosts that are cut off, clocks that
//! jump, processes that go and whose numbers others get (A23, A24).
//!
//! Seeded: what fails once fails again.

#[path = "ledger/asker.rs"]
mod asker;
#[path = "ledger/chance.rs"]
mod chance;
#[path = "ledger/host.rs"]
mod host;
#[path = "ledger/simulation.rs"]
mod simulation;
#[path = "ledger/truth.rs"]
mod truth;
#[path = "ledger/warehouse.rs"]
mod warehouse;

use simulation::{Counts, Simulation};
use warehouse::Warehouse;

/// So many steps, and all of them where `PORTREEVE_STORM` is `full`.
const STEPS: [u32; 2] = [50_000, 1_000_000];

fn steps() -> u32 {
    STEPS[usize::from(std::env::var("PORTREEVE_STORM").is_ok_and(|storm| storm == "full"))]
}

fn run(seed: u64, steps: u32, warehouse: Warehouse) -> Result<Counts, String> {
    let mut simulation = Simulation::new(seed, warehouse);
    for step in 0..steps {
        simulation.step().map_err(|why| format!("seed {seed}, step {step}: {why}"))?;
    }
    Ok(simulation.counts)
}

/// Everything of it is tried, and of each enough.
fn check(counts: Counts, is_fleet: bool) {
    println!("{counts:?}");
    let happened = [counts.granted, counts.refused, counts.released, counts.renewed, counts.moved];
    let failed = [counts.lost_replies, counts.lost_requests, counts.crashes, counts.deaths, counts.reused];
    let around = [counts.jumps, counts.reboots, counts.cut_off];
    let all = [&happened[..], &failed, &around].concat();
    assert!(all.iter().all(|&count| count > 20), "fleet {is_fleet}: {counts:?}");
}

#[test]
fn on_a_host_no_number_has_two_owners_and_no_promise_is_lost() {
    check(run(1, steps(), Warehouse::default()).expect("the ledger keeps its word"), false);
}

#[test]
fn in_a_fleet_no_number_has_two_owners_and_no_promise_is_lost() {
    check(run(2, steps(), Warehouse::of_fleet()).expect("the ledger keeps its word"), true);
}

/// A store that writes whoever comes, and one that forgets: the witness sees either.
#[test]
fn a_store_that_breaks_its_word_is_noticed() {
    for careless in [
        Warehouse { compares_nothing: true, ..Warehouse::of_fleet() },
        Warehouse { forgets: true, ..Warehouse::of_fleet() },
    ] {
        let why = run(3, STEPS[0], careless).expect_err("it breaks its word");
        assert!(why.contains("two owners") || why.contains("was promised"), "{why}");
    }
}
