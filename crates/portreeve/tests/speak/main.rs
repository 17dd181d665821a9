//! The built program, asked about saved hosts: what it says, in which shape, and how it ends.

mod bad_input;
mod codes;
mod help;
mod json;
mod language;
mod ls;
mod output;
mod run;
mod snapshot;
mod status;
mod wait;
mod who;
