//! How fast the packet filter is judged and changed, and how fast packets get past it.

mod change;
mod exposure;
mod rate;
mod rehearsal;
mod scene;
mod trial;

use super::report::Row;
use crate::shell::Result;

/// Every row.
pub(super) fn rows() -> Result<Vec<Row>> {
    let parts = [exposure::rows()?, change::rows()?, rehearsal::rows()?, rate::rows()?, trial::rows()?];
    Ok(parts.into_iter().flatten().collect())
}
