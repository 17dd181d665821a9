//! BPF iterators: loads each program, and reads its list once.

use std::fs;

use portreeve_core::port::PortRange;
use rustix::io::Errno;

use super::{Reason, chain};
use crate::{
    bpf::known::KnownError,
    observe::sight::{self, Asked, List, Sight, SightError},
    proc,
};

/// Which ways of reading the kernel are closed, the one that holds in brackets (kernel_lockdown(7)).
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

/// What is there wherever sysfs is mounted (sysfs(5)).
const SYS: &str = "/sys/kernel";

/// What takes least to read: who listens.
const ASKED: Asked = Asked { ports: PortRange { first: 1, last: u16::MAX }, connections: false };

pub(super) fn probe(list: List) -> Result<(), Reason> {
    let read = Sight::load(&[(list, ASKED)]).and_then(|sight| sight.read(list, |_| ()));
    read.map_err(|error| {
        let lockdown = proc::read_text(LOCKDOWN).unwrap_or_default();
        reason(&error, &lockdown, || sight::why_refused(list, ASKED))
    })
}

/// `lockdown` is what the kernel says of it; `log` asks the verifier.
fn reason(error: &SightError, lockdown: &str, log: impl FnOnce() -> String) -> Reason {
    match error {
        SightError::NotPermitted => Reason::NotPermitted,
        SightError::Unknown(KnownError::NoTypes(_)) if !fs::exists(SYS).unwrap_or(false) => {
            Reason::NotMounted
        }
        SightError::Unknown(KnownError::NoTypes(_) | KnownError::StrangeTypes) => Reason::NoTypes,
        SightError::NoIterator(_) => Reason::NoIterator,
        SightError::Refused(..) if lockdown.contains("[confidentiality]") => Reason::Lockdown,
        // In a user namespace the capabilities are there and mean nothing.
        SightError::Refused(_, Errno::PERM) => Reason::NotPermitted,
        SightError::Refused(..) => match log() {
            log if log.trim().is_empty() => Reason::Error(chain(error)),
            log => Reason::Refused(log),
        },
        SightError::Broken(..) => Reason::Error(chain(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_reason() {
        let refused = |errno| SightError::Refused("files", errno);
        let told = |error: &SightError, lockdown, log: &str| reason(error, lockdown, || log.into());
        let open = "[none] integrity confidentiality\n";
        let closed = "none integrity [confidentiality]\n";
        assert_eq!(told(&SightError::NotPermitted, open, ""), Reason::NotPermitted);
        assert_eq!(told(&SightError::NoIterator("tcp"), open, ""), Reason::NoIterator);
        assert_eq!(told(&KnownError::StrangeTypes.into(), open, ""), Reason::NoTypes);
        assert_eq!(told(&refused(Errno::PERM), open, ""), Reason::NotPermitted);
        assert_eq!(told(&refused(Errno::INVAL), closed, "R1 is bad"), Reason::Lockdown);
        assert_eq!(told(&refused(Errno::ACCESS), open, "R1 is bad"), Reason::Refused("R1 is bad".into()));
        let Reason::Error(said) = told(&refused(Errno::TOOBIG), open, "\n") else {
            panic!("it has nothing else to say")
        };
        assert!(said.starts_with("the kernel refuses the program `files`: "), "{said}");
    }
}
