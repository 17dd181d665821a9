//! What SQLite alone does: a row for each claim, in a transaction of its own, each of which is on the disk before the next.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::durable::Pace;
use crate::shell::Result;

/// Longer than anybody waits for his turn here.
const PATIENCE: Duration = Duration::from_secs(120);
/// The columns of a claim, as portreeve has them.
const TABLE: &str = "CREATE TABLE claim (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, scope TEXT NOT NULL, protocol TEXT NOT NULL,
    address TEXT, device TEXT, port INTEGER NOT NULL, port_last INTEGER NOT NULL, claimant TEXT NOT NULL,
    lease TEXT NOT NULL, since TEXT NOT NULL, revision INTEGER NOT NULL, note TEXT
) STRICT, WITHOUT ROWID";
const INSERT: &str =
    "INSERT INTO claim VALUES (lower(hex(randomblob(16))), ?1, ?2, 'tcp', NULL, NULL, ?3, ?3,
    '{\"uid\":0}', '{\"kind\":\"permanent\"}', '2026-01-01T00:00:00Z', 1, NULL)";

/// So many clients with a connection each, for so long.
pub(super) fn run(file: &Path, clients: u32, time: Duration) -> Result<Pace> {
    open(file)?.execute_batch(TABLE)?;
    let connections = (0..clients).map(|_| open(file)).collect::<rusqlite::Result<Vec<_>>>()?;
    let start = Instant::now();
    let client = |number, connection| client(number, connection, start + time);
    let took = thread::scope(|scope| {
        let threads: Vec<_> = connections
            .into_iter()
            .zip(0..)
            .map(|(connection, number)| scope.spawn(move || client(number, connection)))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect::<Vec<_>>()
    });
    let elapsed = start.elapsed();
    let took = took.into_iter().collect::<rusqlite::Result<Vec<_>>>()?;
    Pace::of(took.iter().map(Vec::len).sum(), elapsed, took.into_iter().flatten().max().unwrap_or_default())
}

fn open(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}

/// What each of its transactions took.
fn client(number: u32, mut connection: Connection, end: Instant) -> rusqlite::Result<Vec<Duration>> {
    let mut took = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        let transaction = Transaction::new(&mut connection, TransactionBehavior::Immediate)?;
        let port = 20_000 + took.len() % 10_000;
        let (name, scope) = (format!("n{}", took.len()), format!("netns:c{number}"));
        transaction.prepare_cached(INSERT)?.execute((name, scope, port))?;
        transaction.commit()?;
        took.push(start.elapsed());
    }
    Ok(took)
}
