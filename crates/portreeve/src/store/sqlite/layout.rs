//! The tables of the file, and how it is known for a ledger of ours.

use std::{fmt, path::Path};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{StoreError, Wrong, told};

/// "Port", by which file(1) and SQLite tell whose file it is (<https://www.sqlite.org/fileformat.html#application_id>).
const APPLICATION_ID: i64 = 0x506f_7274;
/// The newest layout that this program reads and writes.
const LAYOUT: i64 = 3;
/// The first one, which kept no history.
const WITHOUT_HISTORY: i64 = 1;

const LEDGER: &str = "CREATE TABLE ledger (identity TEXT NOT NULL, revision INTEGER NOT NULL) STRICT";

/// In the order in which they were written, so that claims of one moment lie on few pages. That no id, name or number has two is
/// decided, and no index says it once more: of each claim the disk would have to take one page more.
const CLAIMS: &str = "
    CREATE TABLE claim (
        id TEXT NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL, protocol TEXT NOT NULL,
        address TEXT, device TEXT, port INTEGER NOT NULL, port_last INTEGER NOT NULL,
        claimant TEXT NOT NULL, lease TEXT NOT NULL, since TEXT NOT NULL, revision INTEGER NOT NULL, note TEXT
    ) STRICT;
";

/// The first two had claims by id.
const BY_ID: &str = "ALTER TABLE claim RENAME TO claim_by_id";
const IN_ORDER: &str = "
    INSERT INTO claim SELECT * FROM claim_by_id ORDER BY revision;
    DROP TABLE claim_by_id;
";

pub(super) const HISTORY: &str = "
    CREATE TABLE history (
        number INTEGER PRIMARY KEY, at TEXT NOT NULL, revision INTEGER NOT NULL, uid INTEGER NOT NULL,
        what TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL, protocol TEXT NOT NULL,
        port INTEGER NOT NULL, port_last INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX history_of_claim ON history (id);
";

/// What tells this ledger from every other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity(pub(super) String);

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a file is no ledger that this program can use.
#[derive(Debug, thiserror::Error)]
pub(super) enum LayoutError {
    /// Another program's, or nobody's.
    #[error(transparent)]
    Foreign(Wrong),
    /// A newer portreeve's.
    #[error("it has layout {found}, and this program knows {known}")]
    Newer {
        /// Its layout.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// SQLite could not tell.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl LayoutError {
    /// The same of the file at `path`.
    pub(super) fn told(self, path: &Path) -> StoreError {
        match self {
            Self::Newer { found, known } => StoreError::Newer { path: path.into(), found, known },
            Self::Foreign(source) => StoreError::Damaged { path: path.into(), source },
            Self::Sqlite(error) => told(path, &error),
        }
    }
}

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Portreeve,
    /// Nobody's yet, or of a program that does not say so.
    Nobody,
}

/// Whose the number in the head of a file says that it is; `None` of another program's.
pub(super) fn owner(bytes: &[u8]) -> Option<Owner> {
    match bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))? {
        0 => Some(Owner::Nobody),
        number if i64::from(number) == APPLICATION_ID => Some(Owner::Portreeve),
        _ => None,
    }
}

/// Whether it is written down what was done, as it was not in the first layout.
pub(super) fn has_history(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(number(connection, "user_version")? > WITHOUT_HISTORY)
}

/// Refuses what another program made; what somebody is about to make is seen as it was before, or after.
pub(super) fn claim(connection: &Connection) -> Result<(), LayoutError> {
    let moment = connection.unchecked_transaction()?;
    let application = number(&moment, "application_id")?;
    if application == APPLICATION_ID || is_blank(&moment)? {
        Ok(())
    } else {
        Err(LayoutError::Foreign(Wrong::Application(application)))
    }
}

/// Makes the tables, of a new ledger; of two who make it at once the second finds that of the first.
pub(super) fn create(connection: &mut Connection) -> Result<Identity, LayoutError> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    if is_blank(&transaction)? {
        [LEDGER, CLAIMS, HISTORY].iter().try_for_each(|tables| transaction.execute_batch(tables))?;
        transaction.execute("INSERT INTO ledger VALUES (lower(hex(randomblob(16))), 0)", ())?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", LAYOUT)?;
    }
    transaction.commit()?;
    check(connection)
}

/// Whether nobody has made anything in it yet.
fn is_blank(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok(tables == 0 && number(connection, "application_id")? == 0 && number(connection, "user_version")? == 0)
}

/// Which ledger it is, once it has the newest layout.
pub(super) fn check(connection: &Connection) -> Result<Identity, LayoutError> {
    let identity = identify(connection)?;
    if number(connection, "user_version")? < LAYOUT {
        migrate(connection)?;
    }
    Ok(identity)
}

/// Whole or not at all; of two who do it at once the second finds it done.
fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    if number(&transaction, "user_version")? < LAYOUT {
        if !has_history(&transaction)? {
            transaction.execute_batch(HISTORY)?;
        }
        [BY_ID, CLAIMS, IN_ORDER].iter().try_for_each(|step| transaction.execute_batch(step))?;
        transaction.pragma_update(None, "user_version", LAYOUT)?;
    }
    transaction.commit()
}

/// Which ledger it is, as it is.
pub(super) fn identify(connection: &Connection) -> Result<Identity, LayoutError> {
    let (application, layout) = (number(connection, "application_id")?, number(connection, "user_version")?);
    if application != APPLICATION_ID {
        return Err(LayoutError::Foreign(Wrong::Application(application)));
    }
    if layout > LAYOUT {
        return Err(LayoutError::Newer { found: layout, known: LAYOUT });
    }
    Ok(identity(connection)?)
}

fn identity(connection: &Connection) -> rusqlite::Result<Identity> {
    connection.query_row("SELECT identity FROM ledger", (), |row| row.get(0).map(Identity))
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}
