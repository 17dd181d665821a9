//! Gives a transaction of the gate to nft, and says what the kernel made of it (A15, A16).

mod refusal;
mod revision;

pub use refusal::Refusal;
pub(super) use revision::revision;

use portreeve_core::gate::{ReadError, Standing, Transaction};

pub use crate::observe::firewall::kernel::FilterError;

use crate::{
    observe::firewall::{
        kernel::{Table, Tables, tables},
        nft,
    },
    program::{Program, ProgramError},
};

pub(super) const NFT: &str = "nft";
/// A gate that somebody changes while it is listed is listed this often.
const READS_MAX: u32 = 5;
/// The first one of nft whose texts are written here.
const OLDEST: (u32, u32) = (1, 0);

/// Why the gate cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// The kernel does not tell.
    #[error("cannot ask the kernel for its tables")]
    Filter(#[from] FilterError),
    /// nft does not list the table.
    #[error("cannot list the table inet portreeve")]
    List(#[source] ProgramError),
    /// The table is none of this program's.
    #[error("cannot read the table inet portreeve")]
    Read(#[source] ReadError),
}

/// Why a transaction was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum EnforceError {
    /// It takes CAP_NET_ADMIN.
    #[error("only root may change the packet filter")]
    NotPermitted,
    /// There is no nft.
    #[error("nft is not installed")]
    Missing,
    /// nft is too old.
    #[error("nft {0} is older than 1.0")]
    TooOld(String),
    /// The kernel, or nft before it, took nothing of it.
    #[error("nothing was changed: {0}")]
    Refused(Refusal),
    /// Nothing was changed, as nft did not run.
    #[error("nft did not run")]
    Program(#[source] ProgramError),
    /// nft says that it was carried out, and nothing was changed.
    #[error("nft changed nothing")]
    Unmade,
    /// Nobody told whether it was carried out.
    #[error("nft did not say whether it changed anything")]
    Untold(#[source] ProgramError),
}

/// The listing of the gate's table, as [`Standing::read`] reads it, all of the same moment where nobody changes the filter all
/// the time; `None` where there is no such table.
///
/// # Errors
///
/// The kernel, or nft, does not tell.
pub fn listing() -> Result<Option<String>, StandingError> {
    let mut listed = None;
    for _ in 0..READS_MAX {
        let before = tables()?;
        let generation = before.generation;
        let Some(table) = own(before) else { return Ok(None) };
        listed = match nft::Listing::of_one(&table).and_then(nft::Listing::finish) {
            Ok(text) => Some(text),
            // Somebody may have taken it away meanwhile.
            Err(_) if own(tables()?).is_none() => return Ok(None),
            Err(error) => return Err(StandingError::List(error)),
        };
        if tables()?.generation == generation {
            break;
        }
    }
    Ok(listed)
}

/// The gate as it stands in this network namespace; `None` where there is none.
///
/// # Errors
///
/// It cannot be told.
pub fn standing() -> Result<Option<Standing>, StandingError> {
    let Some(text) = listing()? else { return Ok(None) };
    Standing::read(&text).map_err(StandingError::Read)
}

/// What counts the changes of all tables of this network namespace: where it is the same, so are they, but for what sets and
/// counters hold by the packets that came. `None` where the kernel has no nftables.
///
/// # Errors
///
/// The kernel does not tell.
pub fn generation() -> Result<Option<u32>, StandingError> {
    Ok(tables()?.generation)
}

fn own(tables: Tables) -> Option<Table> {
    tables.all.into_iter().find(Table::is_of_gate)
}

/// Whether there is an nft that takes the gate's texts.
///
/// # Errors
///
/// It is missing, too old, or does not run.
pub fn find_nft() -> Result<(), EnforceError> {
    let said = run(Program::start(NFT, &["--version"]))?;
    let version = said.split_whitespace().find_map(|word| word.strip_prefix('v')).unwrap_or_default();
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    let found = numbers.next().map(|major| (major, numbers.next().unwrap_or(0)));
    match found {
        Some(found) if found < OLDEST => Err(EnforceError::TooOld(version.to_owned())),
        // Whoever says no version may take them all the same.
        _ => Ok(()),
    }
}

/// Tries whether the kernel would take `transaction` as things stand, and changes nothing.
///
/// # Errors
///
/// It would not, or cannot be asked.
pub fn check(transaction: &Transaction) -> Result<(), EnforceError> {
    give(transaction, &["-c", "-f", "-"])
}

/// Carries out `transaction` whole or not at all.
///
/// # Errors
///
/// It was not carried out, or nobody knows.
pub fn carry_out(transaction: &Transaction) -> Result<(), EnforceError> {
    give(transaction, &["-f", "-"]).map_err(|error| match error {
        // It was running.
        EnforceError::Program(error) => EnforceError::Untold(error),
        error => error,
    })
}

fn give(transaction: &Transaction, arguments: &[&str]) -> Result<(), EnforceError> {
    let text = transaction.as_str();
    let started = Program::start_reading(NFT, arguments, text);
    match started.and_then(Program::finish) {
        Ok(_) => Ok(()),
        Err(ProgramError::Failed { said, status, .. }) if status.code().is_some() => {
            Err(refused(text, &said))
        }
        Err(error) => Err(not_run(error)),
    }
}

fn run(started: Result<Program, ProgramError>) -> Result<String, EnforceError> {
    started.and_then(Program::finish).map_err(not_run)
}

fn not_run(error: ProgramError) -> EnforceError {
    match error {
        ProgramError::Missing(_) => EnforceError::Missing,
        error => EnforceError::Program(error),
    }
}

fn refused(text: &str, said: &str) -> EnforceError {
    if said.contains("Operation not permitted") {
        return EnforceError::NotPermitted;
    }
    // What an old one does not understand says little.
    match find_nft() {
        Err(error @ EnforceError::TooOld(_)) => error,
        _ => EnforceError::Refused(Refusal::of(text, said)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_not_is_told_apart_from_what_is_refused() {
        let said = "Operation not permitted (you must be root)";
        assert!(matches!(refused("", said), EnforceError::NotPermitted));
    }
}
