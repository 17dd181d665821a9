//! The tables below /proc/net: reads them once.

use super::{Reason, chain};
use crate::observe::sockets::{Side, tables};

pub(super) fn probe() -> Result<(), Reason> {
    let unread =
        tables::list(Side::Listening, None, &mut |_| ()).map_err(|error| Reason::Error(chain(&error)))?;
    unread.first().map_or(Ok(()), |table| Err(Reason::Error(table.clone())))
}
