//! Claims as rows of a table, which other programs may read as well.

use portreeve_core::{
    ledger::{Book, Claim, ClaimId},
    port::{PortError, PortRange},
};
use rusqlite::{Connection, Row, params, types::Type};
use serde::{Serialize, de::DeserializeOwned};

/// How often the book was changed.
pub(super) fn revision(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT revision FROM ledger", (), |row| row.get(0))
}

/// Says that it was changed once more.
pub(super) fn advance(connection: &Connection, revision: u64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE ledger SET revision = ?1")?.execute((revision,)).map(drop)
}

/// The whole book, of one moment.
pub(super) fn book(connection: &Connection) -> rusqlite::Result<Book> {
    let moment = connection.unchecked_transaction()?;
    let revision = revision(&moment)?;
    let mut statement = moment.prepare_cached("SELECT * FROM claim")?;
    let claims = statement.query_map((), claim)?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Book::new(revision, claims))
}

/// What a row that is no claim has for an id, and what is wrong with it.
pub(super) type Torn = (String, String);

/// Every claim that can be read, and the first few rows that are none.
pub(super) fn each(connection: &Connection, most: usize) -> rusqlite::Result<(Vec<Claim>, Vec<Torn>)> {
    let (mut claims, mut torn) = (Vec::new(), Vec::new());
    let mut statement = connection.prepare_cached("SELECT * FROM claim")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        match claim(row) {
            Ok(claim) => claims.push(claim),
            Err(error) if torn.len() < most => {
                torn.push((row.get("id").unwrap_or_default(), error.to_string()));
            }
            Err(_) => {}
        }
    }
    Ok((claims, torn))
}

/// Takes the claims of `ids` out.
pub(super) fn remove(connection: &Connection, ids: &[ClaimId]) -> rusqlite::Result<()> {
    const REMOVE: &str = "DELETE FROM claim WHERE id IN (SELECT value FROM json_each(?1))";
    connection.prepare_cached(REMOVE)?.execute((json(ids)?,)).map(drop)
}

/// Writes a claim that is not there.
pub(super) fn add(connection: &Connection, claim: &Claim) -> rusqlite::Result<()> {
    const ADD: &str = "INSERT INTO claim VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let mut statement = connection.prepare_cached(ADD)?;
    let written = statement.execute(params![
        claim.id.to_string(),
        claim.name.as_str(),
        claim.scope.to_string(),
        claim.protocol.name(),
        claim.address.as_ref().map(ToString::to_string),
        claim.device,
        claim.ports.first,
        claim.ports.last,
        json(&claim.claimant)?,
        json(&claim.lease)?,
        claim.since.to_string(),
        claim.revision,
        claim.note,
    ]);
    written.map(drop)
}

pub(super) fn claim(row: &Row<'_>) -> rusqlite::Result<Claim> {
    Ok(Claim {
        id: read(row, "id")?,
        name: read(row, "name")?,
        scope: read(row, "scope")?,
        protocol: read(row, "protocol")?,
        address: row.get::<_, Option<String>>("address")?.map(|_| read(row, "address")).transpose()?,
        device: row.get("device")?,
        ports: ports(row)?,
        claimant: of_json(row, "claimant")?,
        lease: of_json(row, "lease")?,
        since: read(row, "since")?,
        revision: row.get("revision")?,
        note: row.get("note")?,
    })
}

/// The numbers of a row; a range that ends before it begins is none.
pub(super) fn ports(row: &Row<'_>) -> rusqlite::Result<PortRange> {
    let (first, last): (u16, u16) = (row.get("port")?, row.get("port_last")?);
    format!("{first}-{last}").parse().map_err(|error: PortError| unreadable(row, "port_last", error))
}

/// A column that reads as it is written.
pub(super) fn read<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    row.get::<_, String>(column)?.parse().map_err(|error| unreadable(row, column, error))
}

fn of_json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|error| unreadable(row, column, error))
}

/// As a column, or a list that a statement looks through (<https://www.sqlite.org/json1.html#jeach>).
pub(super) fn json(value: &(impl Serialize + ?Sized)) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn unreadable(
    row: &Row<'_>,
    column: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, error.into())
}
