//! The judging commands as a script meets them: exit codes, formats, both languages, refusals.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod check;
mod diff;
mod explain;
mod init;
mod ledger;
mod policy_schema;
mod program;
mod registry;
mod schemas;
