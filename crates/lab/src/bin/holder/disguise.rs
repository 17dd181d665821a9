//! Holders that are not what they seem: a deleted program, a name made of control characters.

use std::{
    env,
    ffi::{CString, OsStr, OsString},
    fs,
    net::SocketAddr,
    os::unix::{ffi::OsStrExt, process::CommandExt},
    process::{self, Command},
};

use crate::{Outcome, address, hold, plain};

/// The name of the copy that takes itself away.
const VANISHING: &str = "vanishing-";

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

/// The kernel keeps 15 bytes of a name, whatever they are (PR_SET_NAME(2const)).
pub(crate) fn renamed(name: &OsStr, address: SocketAddr) -> Outcome {
    rustix::thread::set_name(&CString::new(name.as_bytes())?)?;
    hold(plain::listener(address)?)
}
