//! What was done to the claims of the file: what, when, by whom, and with which revision.

use jiff::Timestamp;
use portreeve_core::{
    ledger::{ClaimId, Name, Scope},
    port::{PortSpec, Protocol},
};
use rusqlite::{Connection, Row};
use rustix::process::getuid;

use super::rows::{json, ports, read};

/// So many are kept; the oldest go.
pub(super) const ROWS_MAX: i64 = 10_000;

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Happened {
    /// When, by the clock of the wall.
    pub(crate) at: Timestamp,
    /// What the ledger's revision was then.
    pub(crate) revision: u64,
    /// The user whose process did it; of what was claimed, the claimant.
    pub(crate) uid: u32,
    /// What it was: [`CLAIMED`], [`CHANGED`] or [`REMOVED`].
    pub(crate) what: String,
    /// The name of the claim.
    pub(crate) name: Name,
    /// Where it holds, or held.
    pub(crate) scope: Scope,
    /// Its numbers.
    pub(crate) spec: PortSpec,
}

/// The claim is there since.
pub(crate) const CLAIMED: &str = "claimed";
/// Something of it is otherwise since.
pub(crate) const CHANGED: &str = "changed";
/// It is gone since: given up, or ended and in the way of another one.
pub(crate) const REMOVED: &str = "removed";

/// That a claim was made, where nothing is written of it, or nothing since one of its id went.
const BEGIN: &str = "
    INSERT INTO history
    SELECT NULL, since, revision, json_extract(claimant, '$.uid'), ?2, id, name, scope, protocol, port, port_last
    FROM claim WHERE id IN (SELECT value FROM json_each(?1))
    AND coalesce((SELECT what FROM history WHERE id = claim.id ORDER BY number DESC LIMIT 1), ?3) = ?3";
/// What becomes of a claim.
const WRITE: &str = "
    INSERT INTO history
    SELECT NULL, ?2, ?3, ?4, ?5, id, name, scope, protocol, port, port_last FROM claim
    WHERE id IN (SELECT value FROM json_each(?1))";
/// That it was made each claim tells itself, as long as nothing else is known of it: so what is claimed costs no row here.
const OF: &str = "
    SELECT number, at, revision, uid, what, name, scope, protocol, port, port_last FROM history
    WHERE ?1 IS NULL OR name = ?1
    UNION ALL
    SELECT NULL, since, revision, json_extract(claimant, '$.uid'), ?2, name, scope, protocol, port, port_last FROM claim
    WHERE (?1 IS NULL OR name = ?1)
    AND coalesce((SELECT what FROM history WHERE id = claim.id ORDER BY number DESC LIMIT 1), ?3) = ?3
    ORDER BY revision, number NULLS LAST";

/// Writes down `what` is about to be done, as `revision`, to the claims of `ids`, as far as they are there.
pub(super) fn record(
    connection: &Connection,
    ids: &[ClaimId],
    what: &str,
    revision: u64,
) -> rusqlite::Result<()> {
    let ids = json(ids)?;
    connection.prepare_cached(BEGIN)?.execute((&ids, CLAIMED, REMOVED))?;
    let (at, uid) = (Timestamp::now().to_string(), getuid().as_raw());
    connection.prepare_cached(WRITE)?.execute((&ids, at, revision, uid, what)).map(drop)
}

/// Lets the oldest go.
pub(super) fn forget(connection: &Connection) -> rusqlite::Result<()> {
    const FORGET: &str = "DELETE FROM history WHERE number <= (SELECT max(number) FROM history) - ?1";
    connection.prepare_cached(FORGET)?.execute((ROWS_MAX,)).map(drop)
}

/// All that is known, the oldest first: of claims called `name`, where one is given.
pub(super) fn of(connection: &Connection, name: Option<&Name>) -> rusqlite::Result<Vec<Happened>> {
    let mut statement = connection.prepare(OF)?;
    statement.query_map((name.map(Name::as_str), CLAIMED, REMOVED), happened)?.collect()
}

/// Whether all that is written can be read, whatever the claims say.
pub(super) fn check(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT * FROM history")?;
    statement.query_map((), happened)?.try_for_each(|happened| happened.map(drop))
}

fn happened(row: &Row<'_>) -> rusqlite::Result<Happened> {
    let protocol: Protocol = read(row, "protocol")?;
    Ok(Happened {
        at: read(row, "at")?,
        revision: row.get("revision")?,
        uid: row.get("uid")?,
        what: row.get("what")?,
        name: read(row, "name")?,
        scope: read(row, "scope")?,
        spec: PortSpec { range: ports(row)?, protocol },
    })
}
