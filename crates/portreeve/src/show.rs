//! How answers are shown: to a person, and to a program.

pub(crate) mod escape;
pub(crate) mod json;
pub(crate) mod out;
pub(crate) mod table;
