//! sock_diag(7): lists who listens over TCP.

use portreeve_core::port::Protocol;

use super::{Reason, chain};
use crate::observe::sockets::{Side, diag};

pub(super) fn probe() -> Result<(), Reason> {
    let listed = diag::list(Side::Listening, None, &[Protocol::Tcp], &mut |_| ());
    listed.map(drop).map_err(|error| Reason::Error(chain(&error)))
}
