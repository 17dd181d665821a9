//! How fast every socket and its holder is seen, on hosts that are busy, small, and divided into namespaces.

mod everything;
mod follow;
mod growth;
mod listeners;
mod namespaces;
mod port;
mod small;

use portreeve_lab::fixture;

use super::report::Row;
use crate::shell::Result;

/// Sockets of the busy host.
const SOCKETS: u32 = 100_000;
const BUSY: &str = "100,000 sockets";

/// Every row.
pub(super) fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    {
        let busy = fixture::connected(SOCKETS)?;
        rows.extend(everything::rows(&busy)?);
        rows.extend(listeners::rows(&busy)?);
        rows.extend(port::rows(&busy)?);
    }
    rows.extend(small::rows()?);
    rows.extend(namespaces::rows()?);
    rows.extend(growth::rows()?);
    rows.extend(follow::rows()?);
    Ok(rows)
}
