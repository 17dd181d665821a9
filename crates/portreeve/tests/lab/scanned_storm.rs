//! Loss on the way there and back, run after run: no open port is missed, and none is invented (A20).
//!
//! `cargo xtask soak` loses as many packets ten times as often.

use std::env;

use super::{
    room::Room,
    scanning::{FOUR, SIX, boot, numbers, rules, scan, truth},
};

/// Whoever wants all of it sets this to `full`.
const STORM: &str = "PORTREEVE_STORM";
/// Runs over IPv4 and over IPv6.
const ALL_RUNS: [u32; 2] = [20, 4];
const SOME_RUNS: [u32; 2] = [2, 1];

/// Each packet is lost with this chance in a hundred, there and on the way back.
fn lose(room: &Room, percent: u32) {
    let text = format!(
        "table netdev l {{\nchain i {{\ntype filter hook ingress device end priority 0;\nmeta l4proto tcp numgen random mod 100 < {percent} drop\n}}\n}}\n\
         table inet o {{\nchain o {{\ntype filter hook output priority 0;\nmeta l4proto tcp numgen random mod 100 < {percent} drop\n}}\n}}"
    );
    rules(room, &text);
}

/// What is told of the loss must be near what it is.
fn hides_nothing(percent: u32) {
    let runs = if env::var(STORM).is_ok_and(|storm| storm == "full") { ALL_RUNS } else { SOME_RUNS };
    let room = boot();
    let truth = truth(&room);
    lose(&room, percent);
    for (target, runs) in [FOUR, SIX].into_iter().zip(runs) {
        for run in 0..runs {
            let seen = scan(&room, &format!("{target} --rate 100000"), 0);
            assert_eq!(numbers(&seen, "open"), truth, "{target}, {percent} in a hundred, run {run}");
            let lost = seen["lost_estimate"].as_f64().expect("it is told") * 100.0;
            let expected = f64::from(percent * 2);
            assert!((lost - expected).abs() < 1.0 + expected / 5.0, "{lost} of {expected}");
        }
        println!("{target}, {percent} in a hundred: {runs} runs, 0 of 20 missed or invented in each");
    }
}

#[test]
fn a_loss_of_one_in_a_hundred_hides_no_open_port_and_invents_none() {
    hides_nothing(1);
}

#[test]
fn a_loss_of_five_in_a_hundred_hides_no_open_port_and_invents_none() {
    hides_nothing(5);
}
