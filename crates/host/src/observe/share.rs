//! Shares work that is mostly waiting for system calls out over the cores.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    thread::{self, Builder},
};

use rustix::thread::sched_getaffinity;

/// A further thread pays for itself from about this many steps on: it costs some ten of them to start.
const STEPS_ALONE: usize = 64;
const THREADS_MAX: usize = 8;

/// Does `work` on every item and gives what each thread made of its share.
///
/// `work` says how many steps it took, a few system calls each. How many a host needs is known only by doing them:
/// five processes may have five descriptors or a hundred thousand. So one thread begins, and others join it once
/// there was enough to do.
pub(super) fn share<T: Sync, R: Send>(
    items: &[T],
    start: impl Fn() -> R + Sync,
    work: impl Fn(&mut R, &T) -> usize + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || items.get(next.fetch_add(1, Ordering::Relaxed));
    let finish = |mut result| {
        while let Some(item) = take() {
            work(&mut result, item);
        }
        result
    };
    let mut first = start();
    let mut steps = 0;
    while steps < STEPS_ALONE {
        let Some(item) = take() else { return vec![first] };
        steps += work(&mut first, item);
    }
    let left = items.len().saturating_sub(next.load(Ordering::Relaxed));
    let helpers = left.min(cores().min(THREADS_MAX).saturating_sub(1));
    thread::scope(|scope| {
        // Where no thread can be made, as a limit says or no memory is left, there is one fewer to help.
        let helper = |_| Builder::new().spawn_scoped(scope, || finish(start())).ok();
        let helpers: Vec<_> = (0..helpers).filter_map(helper).collect();
        let mut results = vec![finish(first)];
        results.extend(
            helpers
                .into_iter()
                .map(|helper| helper.join().expect("work returns its errors, it does not panic")),
        );
        results
    })
}

/// Does `work` on a thread of its own, which it may change for good.
///
/// # Errors
///
/// Where no thread can be made.
pub(crate) fn apart<R: Send>(work: impl FnOnce() -> R + Send) -> io::Result<R> {
    thread::scope(|scope| {
        let thread = Builder::new().spawn_scoped(scope, work)?;
        Ok(thread.join().expect("work returns its errors, it does not panic"))
    })
}

/// The processors this thread may run on; std's answer reads cgroup files first, which costs more than a small share.
fn cores() -> usize {
    sched_getaffinity(None).map_or(1, |set| set.count() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(items: &[u32], steps: usize) -> Vec<Vec<u32>> {
        share(items, Vec::new, |done, item| {
            done.push(*item);
            steps
        })
    }

    #[test]
    fn every_item_is_worked_on_once() {
        let items: Vec<u32> = (0..1000).collect();
        let mut done: Vec<u32> = collect(&items, 1).into_iter().flatten().collect();
        done.sort_unstable();
        assert_eq!(done, items);
    }

    #[test]
    fn little_work_stays_on_one_thread() {
        assert_eq!(collect(&[1, 2, 3], 1), [[1, 2, 3]]);
        assert_eq!(collect(&[], 1), [Vec::<u32>::new()]);
    }

    #[test]
    fn no_thread_is_started_for_nothing() {
        assert_eq!(collect(&[1], 1000), [[1]]);
    }
}
