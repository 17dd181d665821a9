//! The kernel's own tables of sockets; their programs are loaded when first they are asked for.

use std::sync::OnceLock;

use portreeve_core::port::PortRange;

use super::{Asked, List, Record, Sight, SightError};

/// The tables of TCP and UDP.
#[derive(Debug)]
pub(in crate::observe) struct Tables {
    asked: Asked,
    sight: OnceLock<Result<Sight, SightError>>,
}

impl Tables {
    /// The tables, from which sockets on `ports` will be asked for.
    pub(in crate::observe) const fn of(ports: PortRange) -> Self {
        Self { asked: Asked { ports, connections: true }, sight: OnceLock::new() }
    }

    /// Gives each socket of `list` in the network namespace of the calling thread to `each`; `None` where the kernel
    /// does not let us, or reading broke off.
    pub(in crate::observe) fn read(&self, list: List, each: impl FnMut(Record)) -> Option<()> {
        let open = || Sight::open(&[(List::Tcp, self.asked), (List::Udp, self.asked)]);
        self.sight.get_or_init(open).as_ref().ok()?.read(list, each).ok()
    }
}
