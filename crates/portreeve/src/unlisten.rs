//! Has one socket listen no more, whoever gets what comes in there (A16, A24).

use portreeve_host::enforce::unlisten::{self, UnlistenError, unlisten_held};

use crate::{look, steers::WANTED};

/// Ends the listening of the socket of TCP with this cookie, on this port: by the kernel, or where what comes in there is led to others,
/// which keeps the kernel from finding it, by a descriptor of its process.
///
/// # Errors
///
/// It does not listen any more, or does still.
pub(crate) fn unlisten(port: u16, cookie: u64) -> Result<(), UnlistenError> {
    match unlisten::unlisten(port, cookie) {
        Err(UnlistenError::Hidden) => by_holder(port, cookie),
        answer => answer,
    }
}

fn by_holder(port: u16, cookie: u64) -> Result<(), UnlistenError> {
    let Ok(snapshot) = look::here(&WANTED) else { return Err(UnlistenError::Hidden) };
    let listener = snapshot.listeners.iter().find(|listener| listener.cookie == cookie);
    let listener = listener.ok_or(UnlistenError::Gone)?;
    let holds = listener.holders.iter().filter_map(|hold| Some((hold.pid, hold.descriptor()?)));
    let mut answers = holds.map(|hold| unlisten_held(port, cookie, hold));
    let first = answers.next().unwrap_or(Err(UnlistenError::Hidden));
    if first.is_ok() { first } else { answers.find(Result::is_ok).unwrap_or(first) }
}
