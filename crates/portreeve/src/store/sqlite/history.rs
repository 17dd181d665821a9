//! What was done to the claims of the file: what, when, by whom, and with which revision.

use std::collections::BTreeMap;

use jiff::Timestamp;
use portreeve_core::{
    ledger::{Change, Claim, ClaimId, Name, Scope},
    port::{PortRange, PortSpec, Protocol},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use rustix::process::getuid;

use super::rows::{ports, read};

/// So many are kept; the oldest go.
pub(super) const ROWS_MAX: i64 = 10_000;

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Happened {
    /// When, by the clock of the wall.
    pub(crate) at: Timestamp,
    /// What the ledger's revision was then.
    pub(crate) revision: u64,
    /// The user whose process did it.
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

/// What is told of a claim.
#[derive(Clone, Debug)]
struct Told {
    name: String,
    scope: String,
    protocol: String,
    ports: PortRange,
}

impl From<&Claim> for Told {
    fn from(claim: &Claim) -> Self {
        let (name, scope) = (claim.name.to_string(), claim.scope.to_string());
        Self { name, scope, protocol: claim.protocol.name().into(), ports: claim.ports }
    }
}

/// Writes down what `changes` will do, which are about to be made as `revision`.
pub(super) fn record(connection: &Connection, changes: &[Change], revision: u64) -> rusqlite::Result<()> {
    let at = Timestamp::now();
    // What an earlier one of the changes leaves.
    let mut left: BTreeMap<ClaimId, Option<Told>> = BTreeMap::new();
    for change in changes {
        let (id, after) = match change {
            Change::Put(claim) => (claim.id, Some(Told::from(&**claim))),
            Change::Remove(id) => (*id, None),
        };
        let before = match left.remove(&id) {
            Some(before) => before,
            None => standing(connection, id)?,
        };
        let what = match (&before, &after) {
            (None, Some(_)) => CLAIMED,
            (Some(_), Some(_)) => CHANGED,
            (_, None) => REMOVED,
        };
        if let Some(told) = after.as_ref().or(before.as_ref()) {
            write(connection, (at, revision, what), id, told)?;
        }
        left.insert(id, after);
    }
    forget(connection)
}

fn standing(connection: &Connection, id: ClaimId) -> rusqlite::Result<Option<Told>> {
    let mut statement = connection.prepare_cached("SELECT * FROM claim WHERE id = ?1")?;
    let told = |row: &Row<'_>| {
        Ok(Told {
            name: row.get("name")?,
            scope: row.get("scope")?,
            protocol: row.get("protocol")?,
            ports: ports(row)?,
        })
    };
    statement.query_row((id.to_string(),), told).optional()
}

fn write(
    connection: &Connection,
    (at, revision, what): (Timestamp, u64, &str),
    id: ClaimId,
    told: &Told,
) -> rusqlite::Result<()> {
    const WRITE: &str = "INSERT INTO history VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let mut statement = connection.prepare_cached(WRITE)?;
    let written = statement.execute(params![
        at.to_string(),
        revision,
        getuid().as_raw(),
        what,
        id.to_string(),
        told.name,
        told.scope,
        told.protocol,
        told.ports.first,
        told.ports.last,
    ]);
    written.map(drop)
}

fn forget(connection: &Connection) -> rusqlite::Result<()> {
    const FORGET: &str = "DELETE FROM history WHERE number <= (SELECT max(number) FROM history) - ?1";
    connection.prepare_cached(FORGET)?.execute((ROWS_MAX,)).map(drop)
}

/// All that is known, the oldest first: of claims called `name`, where one is given.
pub(super) fn of(connection: &Connection, name: Option<&Name>) -> rusqlite::Result<Vec<Happened>> {
    const OF: &str = "SELECT * FROM history WHERE ?1 IS NULL OR name = ?1 ORDER BY number";
    let mut statement = connection.prepare(OF)?;
    statement.query_map((name.map(Name::as_str),), happened)?.collect()
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
