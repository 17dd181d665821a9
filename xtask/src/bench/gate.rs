//! How fast the packet filter is judged.

mod exposure;

use super::report::Row;
use crate::shell::Result;

/// Every row.
pub(super) fn rows() -> Result<Vec<Row>> {
    exposure::rows()
}
