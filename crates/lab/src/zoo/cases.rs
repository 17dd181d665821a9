//! The cases, in the order in which a reader should meet them.

mod apart;
mod families;
mod handed;
mod kernel;
mod known;
mod programs;
mod states;
mod threads;
mod veiled;

use super::Case;

/// How portreeve's reason begins where the kernel itself serves the socket.
pub(super) const KERNEL: &str = "held by the kernel itself";

/// How it begins where nobody has a descriptor, and the kernel serves nobody either.
const IN_FLIGHT: &str = "no process has it yet";

/// All of them.
pub fn all() -> impl Iterator<Item = Case> {
    let groups: [&[Case]; 9] = [
        handed::CASES,
        known::CASES,
        kernel::CASES,
        apart::CASES,
        threads::CASES,
        veiled::CASES,
        states::CASES,
        families::CASES,
        programs::CASES,
    ];
    groups.into_iter().flatten().copied()
}
