//! Signals that would end the process wait while it does what must not be half-done (signal(7)).

#![expect(
    unsafe_code,
    reason = "neither the standard library nor rustix has the signals that a thread does not take"
)]

use std::mem::MaybeUninit;

/// What whoever types or goes away sends; SIGKILL waits for nobody.
const ENDING: [libc::c_int; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

/// They wait until this is dropped, for the thread that made it and for threads and commands that it starts (pthread_sigmask(3),
/// execve(2)): Ctrl-C ends no nft in the middle of a change either.
#[derive(Debug)]
pub struct Held(libc::sigset_t);

impl Held {
    /// Has them wait; where the kernel does not, they come as before.
    #[must_use]
    pub fn back() -> Self {
        let (mut ending, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: both are room for a set each, the first is made one by `sigemptyset`, and the second by `pthread_sigmask`, which fails
        // for no other reason than a wrong first argument.
        unsafe {
            libc::sigemptyset(ending.as_mut_ptr());
            ENDING.iter().for_each(|signal| {
                libc::sigaddset(ending.as_mut_ptr(), *signal);
            });
            libc::sigemptyset(before.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_BLOCK, ending.as_ptr(), before.as_mut_ptr());
            Self(before.assume_init())
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the set is what `pthread_sigmask` gave.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn is_pending(signal: libc::c_int) -> bool {
        let mut pending = MaybeUninit::uninit();
        // SAFETY: it is room for a set, which the call fills.
        unsafe {
            libc::sigpending(pending.as_mut_ptr());
            libc::sigismember(pending.as_ptr(), signal) == 1
        }
    }

    /// In a thread of its own, which alone is sent one.
    #[test]
    fn a_signal_waits_until_it_is_dropped() {
        let held = Held::back();
        // SAFETY: the thread is this one.
        let sent = unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGHUP) };
        assert!(sent == 0 && is_pending(libc::SIGHUP));
        let child = Command::new("sh").args(["-c", "kill -HUP $$; exit 3"]).status().unwrap();
        assert_eq!(child.code(), Some(3), "it waits there too");
        // SAFETY: no handler of anybody's is replaced that a test would miss.
        let before = unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
        drop(held);
        assert!(!is_pending(libc::SIGHUP));
        // SAFETY: it is what stood there.
        unsafe { libc::signal(libc::SIGHUP, before) };
    }
}
