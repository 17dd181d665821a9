//! Looks at Linux and changes it, never deciding.

pub mod observe;

pub use observe::{Wanted, observe};
