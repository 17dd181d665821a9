//! Hangs a program where the kernel runs it.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    thread::{self, Builder, ScopedJoinHandle},
};

use rustix::io::Errno;

use super::{
    fit::fit,
    known::Known,
    object::{Hook, Object, Program},
};
use crate::sys::bpf::{self, OpenMap};

/// Why a program does not run.
#[derive(Debug, thiserror::Error)]
pub enum HangError {
    /// The kernel has no such tracepoint.
    #[error("this kernel has no tracepoint for `{0}`")]
    NoTracepoint(String),
    /// The kernel gives no memory to be shared.
    #[error("the kernel refuses the map `{0}`")]
    NoMap(&'static str, #[source] Errno),
    /// The kernel refuses the program.
    #[error("the kernel refuses the program `{0}`")]
    Refused(String, #[source] Errno),
}

/// Loads a program, with `number` for each that its reader chooses, and ties it to its hook until the answer is closed: `at` the
/// cgroup below which processes run it.
///
/// # Errors
///
/// Where the kernel has no such hook, or refuses.
pub(crate) fn hang(
    program: &Program<'_>,
    known: &Known,
    number: impl Fn(&str) -> u32,
    at: Option<BorrowedFd<'_>>,
) -> Result<OwnedFd, HangError> {
    let attach = match (program.hook, known.attach) {
        (Hook::Cgroup(_) | Hook::Lookup, _) => 0,
        (_, Some(attach)) => attach,
        (_, None) => return Err(HangError::NoTracepoint(program.name.into())),
    };
    let code = fit(program, &known.values, number);
    let refused = |error| HangError::Refused(program.name.into(), error);
    let loaded = bpf::load_for(program.hook, &code, program.name, attach).map_err(refused)?;
    bpf::attach(program.hook, &loaded, at).map_err(refused)
}

/// Hangs each of `programs` by `one`: the kernel takes its time to check a program, and checks several at once.
///
/// # Errors
///
/// The first that `one` has; then all are cut again.
pub(crate) fn hang_all<'o>(
    programs: &[(&Program<'o>, &Known)],
    one: impl Fn(&Program<'o>, &Known) -> Result<OwnedFd, HangError> + Sync,
) -> Result<Vec<OwnedFd>, HangError> {
    let one = &one;
    thread::scope(|scope| {
        let begin = |&(program, known)| Builder::new().spawn_scoped(scope, move || one(program, known));
        let begun: Vec<_> = programs.iter().map(begin).collect();
        let end = |(begun, &(program, known)): (io::Result<ScopedJoinHandle<'_, _>>, &(_, _))| match begun {
            Ok(begun) => begun.join().expect("what is refused is an error, and no panic"),
            // No thread can be made, as a limit says.
            Err(_) => one(program, known),
        };
        begun.into_iter().zip(programs).map(end).collect()
    })
}

/// Makes the map that programs of `object` call so, for maps like `inner` where it holds any.
///
/// # Errors
///
/// Where the kernel refuses.
pub(crate) fn create(
    object: &Object<'_>,
    name: &'static str,
    inner: Option<&OpenMap>,
) -> Result<OpenMap, HangError> {
    let map = object.map(name).expect("the programs were written with it");
    OpenMap::create(map, inner).map_err(|error| HangError::NoMap(name, error))
}
