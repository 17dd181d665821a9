//! Brings claims from another ledger into one: all of them, or none (A24, A25).

use portreeve_core::ledger::{Book, Change, Claim, ClaimId, Now, Seen, Unmergeable, merge};

use super::{TRIES_MAX, Unanswered, know_processes};
use crate::store::{Store, Swap};

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Brought {
    /// Those that came.
    pub(crate) ids: Vec<ClaimId>,
    /// Those that were there already.
    pub(crate) same: usize,
    /// Those that ended meanwhile.
    pub(crate) ended: Vec<Claim>,
}

/// Why not all of them came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// One of them clashes.
    #[error("two claims want the same")]
    Unmergeable(Unmergeable),
    /// The ledger is not to be had, or not any more.
    #[error("cannot use the ledger")]
    Unanswered(#[from] Unanswered),
}

/// Tells who has the numbers of the processes that claims of `book`, or `claims` that come, are for.
fn know(seen: &mut Seen<'_>, book: &Book, claims: &[Claim]) {
    know_processes(seen, &Book::new(0, book.claims().chain(claims).cloned()));
}

/// Whether all of `claims` could come as the ledger stands; nothing is written.
///
/// # Errors
///
/// One clashes, or the store does not answer.
pub(crate) fn judge(
    store: &mut dyn Store,
    claims: &[Claim],
    seen: &mut Seen<'_>,
    now: &Now,
) -> Result<(), Stopped> {
    let book = store.load().map_err(Unanswered::from)?;
    know(seen, &book, claims);
    merge(&book, claims.to_vec(), seen, now).map(drop).map_err(Stopped::Unmergeable)
}

/// Writes `claims`, `at_once` of them at a time, into `brought`, which tells how far it came also where it stopped.
///
/// # Errors
///
/// One clashes with what somebody wrote meanwhile, or the store does not answer.
pub(crate) fn bring(
    store: &mut dyn Store,
    claims: &[Claim],
    at_once: usize,
    (seen, now): (&mut Seen<'_>, &Now),
    brought: &mut Brought,
) -> Result<(), Stopped> {
    let mut book = store.load().map_err(Unanswered::from)?;
    for part in claims.chunks(at_once) {
        book = bring_part(store, book, part, (seen, now), brought)?;
    }
    Ok(())
}

fn bring_part(
    store: &mut dyn Store,
    mut book: Book,
    part: &[Claim],
    (seen, now): (&mut Seen<'_>, &Now),
    brought: &mut Brought,
) -> Result<Book, Stopped> {
    for _ in 0..TRIES_MAX {
        know(seen, &book, part);
        let merge = merge(&book, part.to_vec(), seen, now).map_err(Stopped::Unmergeable)?;
        let put = merge.changes.iter().filter_map(|change| Some(change.claim()?.id));
        let swapped = match merge.changes.as_slice() {
            [] => Swap::Swapped,
            changes => store.swap(book.revision(), changes).map_err(Unanswered::from)?,
        };
        match swapped {
            Swap::Swapped => {
                brought.ids.extend(put);
                brought.same += merge.same;
                brought.ended.extend(merge.ended);
                return Ok(store.load().map_err(Unanswered::from)?);
            }
            Swap::Moved(moved) => book = moved,
            Swap::Taken(claimed) => seen.take(claimed),
            Swap::Undetermined => {
                // They may be there.
                brought.ids.extend(put);
                return Err(Unanswered::Undetermined.into());
            }
        }
    }
    Err(Unanswered::Outrun.into())
}

/// Takes back those that came before it stopped.
///
/// # Errors
///
/// The store does not answer: then some of them may be there.
pub(crate) fn take_back(store: &mut dyn Store, ids: &[ClaimId], at_once: usize) -> Result<(), Unanswered> {
    for part in ids.chunks(at_once) {
        let changes: Vec<Change> = part.iter().copied().map(Change::Remove).collect();
        let mut revision = store.load()?.revision();
        let mut tries = 0..TRIES_MAX;
        while let Swap::Moved(moved) = store.swap(revision, &changes)? {
            revision = moved.revision();
            tries.next().ok_or(Unanswered::Outrun)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use portreeve_core::{
        ledger::{Ask, BootTime, Lease, transfer},
        port::PortRange,
        registry::Registry,
    };

    use super::*;
    use crate::store::{Memory, Sqlite, StoreError};

    fn seen() -> Seen<'static> {
        Seen::new("4c1d".into(), PortRange { first: 32_768, last: 60_999 }, Registry::builtin())
    }

    fn now() -> Now {
        let wall = "2026-01-01T00:00:00Z".parse().expect("a time");
        Now { wall, boot: BootTime { boot_id: "a".into(), milliseconds: 1 } }
    }

    /// Claims of so many names, from a ledger of their own.
    fn claims(count: u128) -> Vec<Claim> {
        let claim = |id: u128| {
            let text = format!(
                "{{\"id\":\"{id:032x}\",\"name\":\"n{id}\",\"scope\":\"host:4c1d\",\"protocol\":\"tcp\",\
                 \"ports\":{{\"first\":{port},\"last\":{port}}},\"claimant\":{{\"uid\":1000}},\
                 \"lease\":{{\"kind\":\"permanent\"}},\"since\":\"2026-01-01T00:00:00Z\",\"revision\":7,\
                 \"note\":\"日本語 \\\"x\\\"\"}}",
                port = 20_000 + id
            );
            serde_json::from_str(&text).expect("a claim")
        };
        (1..=count).map(claim).collect()
    }

    fn brought(store: &mut dyn Store, claims: &[Claim], at_once: usize) -> (Brought, Result<(), Stopped>) {
        let mut brought = Brought::default();
        let result = bring(store, claims, at_once, (&mut seen(), &now()), &mut brought);
        (brought, result)
    }

    /// What is exported.
    fn text(store: &mut dyn Store) -> String {
        transfer::lines(&store.load().expect("a book")).map(|line| line + "\n").collect()
    }

    /// As they were, but for the revision, which is of the ledger that they are in.
    fn unrevised(claims: impl IntoIterator<Item = Claim>) -> Vec<Claim> {
        claims.into_iter().map(|claim| Claim { revision: 0, ..claim }).collect()
    }

    #[test]
    fn what_is_exported_is_imported_whole_from_memory_to_a_file_and_back() {
        let folder = std::env::temp_dir().join(format!("portreeve-bring-{}", std::process::id()));
        let mut first = Memory::default();
        brought(&mut first, &claims(100), 60).1.expect("they come");
        let path = folder.join("ledger.db");
        let mut file = Sqlite::open(&path).expect("a ledger");
        let read = transfer::claims(text(&mut first).as_bytes()).expect("a ledger");
        let (came, result) = brought(&mut file, &read, usize::MAX);
        result.expect("they come");
        assert_eq!((came.ids.len(), came.same, came.ended.len()), (100, 0, 0));
        assert_eq!(file.load().expect("a book").revision(), 1, "as one change");
        let mut back = Memory::default();
        let read = transfer::claims(text(&mut file).as_bytes()).expect("a ledger");
        brought(&mut back, &read, usize::MAX).1.expect("they come");
        let book = |store: &mut dyn Store| unrevised(store.load().expect("a book").claims().cloned());
        assert_eq!(book(&mut back), unrevised(claims(100)));
        assert_eq!(brought(&mut file, &read, usize::MAX).0.same, 100, "nobody comes twice");
        drop(file);
        std::fs::remove_dir_all(folder).expect("ours");
    }

    /// A store of which another takes a number in between, after `parts` parts have come.
    struct Stormy {
        memory: Memory,
        parts: usize,
        rival: Claim,
    }

    impl Store for Stormy {
        fn load(&mut self) -> Result<Book, StoreError> {
            self.memory.load()
        }

        fn swap(&mut self, expected: u64, changes: &[Change]) -> Result<Swap, StoreError> {
            if self.parts == 0 {
                let rival = Change::Add(Arc::new(self.rival.clone()));
                assert_eq!(self.memory.swap(expected, &[rival])?, Swap::Swapped);
            }
            self.parts = self.parts.wrapping_sub(1);
            self.memory.swap(expected, changes)
        }

        fn watch(&mut self, _: u64, _: Duration) -> Result<Option<Book>, StoreError> {
            Ok(None)
        }
    }

    /// Where a ledger takes only some of them at once, those that came before one clashed are taken back.
    #[test]
    fn none_stays_where_one_clashes_with_what_somebody_wrote_meanwhile() {
        let coming = claims(50);
        let rival = Claim { id: ClaimId(99), name: "rival".parse().expect("a name"), ..coming[30].clone() };
        let mut store = Stormy { memory: Memory::default(), parts: 2, rival: rival.clone() };
        judge(&mut store, &coming, &mut seen(), &now()).expect("nobody is in the way yet");
        let (came, result) = brought(&mut store, &coming, 10);
        let Err(Stopped::Unmergeable(Unmergeable::Clash { standing, coming, .. })) = result else {
            panic!("{result:?}")
        };
        assert_eq!((standing.name.as_str(), coming.name.as_str()), ("rival", "n31"));
        assert_eq!(came.ids.len(), 30);
        take_back(&mut store, &came.ids, 10).expect("taken back");
        assert_eq!(unrevised(store.load().expect("a book").claims().cloned()), unrevised([rival]));
    }

    /// A claim that comes holds like any other.
    #[test]
    fn what_came_is_refused_to_others() {
        let mut store = Memory::default();
        let coming = claims(1);
        brought(&mut store, &coming, 60).1.expect("it comes");
        let rival = portreeve_core::ledger::Wish {
            id: ClaimId(7),
            name: "other".parse().expect("a name"),
            scope: coming[0].scope.clone(),
            protocol: coming[0].protocol,
            address: None,
            device: None,
            ports: Some(coming[0].ports),
            claimant: coming[0].claimant.clone(),
            lease: Lease::Permanent,
            note: None,
            well_known: false,
            force_bound: false,
        };
        let answers =
            crate::ledger::ask(&mut store, &mut Book::default(), &[Ask::Claim(rival)], &mut seen(), &now());
        let answers = answers.expect("answered");
        assert_eq!(answers[0].as_ref().expect_err("refused").token(), "port-held");
    }
}
