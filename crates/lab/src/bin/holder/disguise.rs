//! Holders that are not what they seem: a deleted program, one in memory alone, a script, a name of control characters.

use std::{
    env,
    ffi::{CString, OsStr, OsString},
    fs::{self, File},
    io,
    net::SocketAddr,
    os::{
        fd::AsRawFd,
        unix::{ffi::OsStrExt, process::CommandExt},
    },
    path::Path,
    process::{self, Command},
};

use rustix::{
    fs::MemfdFlags,
    io::{FdFlags, fcntl_setfd},
};

use crate::{Outcome, address, hold, plain};

/// The name of the copy that takes itself away.
const VANISHING: &str = "vanishing-";

/// The name of the copy that is in no file.
const GHOST: &str = "ghost";

/// Runs a copy of this program, which deletes its own file.
pub(crate) fn vanished(arguments: &[OsString]) -> Outcome {
    let program = env::current_exe()?;
    if program.file_name().is_some_and(|name| name.as_bytes().starts_with(VANISHING.as_bytes())) {
        fs::remove_file(&program)?;
        return hold(plain::listener(address(arguments, 0)?)?);
    }
    let copy = env::temp_dir().join(format!("{VANISHING}{}", process::id()));
    fs::copy(&program, &copy)?;
    Err(Command::new(&copy).arg("vanished").args(arguments).exec().into())
}

/// Becomes a copy of this program that is in no file (memfd_create(2)).
pub(crate) fn memory(arguments: &[OsString]) -> Outcome {
    let memory = rustix::fs::memfd_create(GHOST, MemfdFlags::CLOEXEC)?;
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    io::copy(&mut File::open(env::current_exe()?)?, &mut File::from(memory.try_clone()?))?;
    Err(Command::new(path).arg(GHOST).args(arguments).exec().into())
}

/// It would be called by the number of a descriptor, which nobody could tell apart.
pub(crate) fn ghost(address: SocketAddr) -> Outcome {
    renamed(OsStr::new(GHOST), address)
}

/// Becomes the interpreter `program` of a script that says `ready` itself; the listener stays open meanwhile.
pub(crate) fn script(file: &Path, program: &Path, address: SocketAddr) -> Outcome {
    let socket = plain::listener(address)?;
    fcntl_setfd(&socket, FdFlags::empty())?;
    Err(Command::new(program).arg(file).exec().into())
}

/// The kernel keeps 15 bytes of a name, whatever they are (PR_SET_NAME(2const)).
pub(crate) fn renamed(name: &OsStr, address: SocketAddr) -> Outcome {
    rustix::thread::set_name(&CString::new(name.as_bytes())?)?;
    hold(plain::listener(address)?)
}
