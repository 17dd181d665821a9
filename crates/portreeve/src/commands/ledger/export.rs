//! `portreeve ledger export`: every claim, a line each, for another ledger (A25).

use portreeve_core::{
    ledger::{Book, transfer},
    words::Words,
};

use crate::{
    exit::Exit,
    failure::Failure,
    ledger::{failure, home::Home},
    show::out::Out,
};

const FAILED: Words = Words { en: "cannot export the claims", ja: "申請を出力できません" };

/// Writes the claims; of a ledger in etcd those of this host, and the fleet's.
///
/// # Errors
///
/// The ledger is not to be had.
pub(super) fn run(home: &Home, out: &mut Out) -> Result<Exit, Failure> {
    let fail = |error| failure::store(&error, FAILED);
    let book = match home.open_standing().map_err(fail)? {
        Some(mut store) => store.load().map_err(fail)?,
        None => Book::default(),
    };
    transfer::lines(&book).try_for_each(|line| out.line(&line))?;
    Ok(Exit::Fine)
}
