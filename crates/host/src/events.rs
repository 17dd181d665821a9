//! What happens on this host, told by the kernel as it happens (A17, A24).

pub mod files;
pub mod handshakes;
pub mod journal;
pub mod listening;
pub mod logged;
pub mod probing;
mod telling;
