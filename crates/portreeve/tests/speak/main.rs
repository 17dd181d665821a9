//! The built program, asked about saved hosts: what it says, in which shape, and how it ends.
#![allow(clippy::unwrap_used, reason = "a test that cannot run fails")]

mod bad_input;
mod captures;
mod codes;
mod doctor;
mod everything;
mod explain;
mod exposure;
mod follow;
mod gate;
mod help;
mod json;
mod kept;
mod language;
mod ledger;
mod logs;
mod ls;
mod output;
mod patches;
mod run;
mod scan;
mod snapshot;
mod status;
mod terminal;
mod wait;
mod ways;
mod who;
mod why;
