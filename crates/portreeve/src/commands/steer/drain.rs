//! Waits until a process has accepted the connections that came before others get them (A22).

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{failure::Failure, look::here, steers::WANTED};

/// Until the queues are looked at again.
const PAUSE: Duration = Duration::from_millis(100);

/// How many connections still wait in the queues of these sockets once none does, or `patience` is over.
///
/// # Errors
///
/// The host cannot be looked at.
pub(super) fn wait(cookies: &[u64], patience: Duration) -> Result<u32, Failure> {
    let end = Instant::now() + patience;
    loop {
        let waiting = waiting(cookies)?;
        if waiting == 0 || Instant::now() >= end {
            return Ok(waiting);
        }
        thread::sleep(PAUSE);
    }
}

fn waiting(cookies: &[u64]) -> Result<u32, Failure> {
    let listeners = here(&WANTED)?.listeners;
    let own = listeners.iter().filter(|listener| cookies.contains(&listener.cookie));
    Ok(own.filter_map(|listener| listener.backlog).map(|backlog| backlog.used).sum())
}
