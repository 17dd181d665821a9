//! How answers are shown: to a person, and to a program.

pub(crate) mod age;
pub(crate) mod audit;
pub(crate) mod caret;
pub(crate) mod check;
pub(crate) mod connection;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod escape;
pub(crate) mod explain;
pub(crate) mod findings;
pub(crate) mod gaps;
pub(crate) mod json;
pub(crate) mod listeners;
pub(crate) mod nagios;
pub(crate) mod next;
pub(crate) mod occupants;
pub(crate) mod out;
pub(crate) mod owner;
pub(crate) mod reach;
pub(crate) mod registry;
pub(crate) mod rows;
pub(crate) mod sarif;
pub(crate) mod severity;
pub(crate) mod table;
pub(crate) mod view;
pub(crate) mod wrap;
