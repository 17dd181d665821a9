//! A table that never grows: in a full bucket whoever was heard of longest ago makes room (A19).

use alloc::boxed::Box;

use super::place::place;

const WAYS: usize = 8;

/// What is remembered of one source; the tag of nobody is 0.
#[derive(Clone, Copy, Debug, Default)]
struct Slot<T> {
    tag: u32,
    tick: u32,
    kept: T,
}

/// What is remembered of each.
#[derive(Debug)]
pub(super) struct Buckets<T>(Box<[[Slot<T>; WAYS]]>);

impl<T: Copy + Default> Buckets<T> {
    pub(super) fn new(count: usize) -> Self {
        Self(alloc::vec![[Slot::default(); WAYS]; count].into())
    }

    /// What is remembered of whoever has this hash, and since when; `None` where nothing is.
    pub(super) fn get(&self, hash: u64) -> Option<(u32, &T)> {
        let (place, tag) = place(hash, self.0.len());
        let slot = self.0[place].iter().find(|slot| slot.tag == tag)?;
        Some((slot.tick, &slot.kept))
    }

    /// The same to be changed, as somebody is heard of now; of whoever is new nothing yet.
    pub(super) fn entry(&mut self, hash: u64, tick: u32) -> &mut T {
        let (place, tag) = place(hash, self.0.len());
        let bucket = &mut self.0[place];
        let known = bucket.iter().position(|slot| slot.tag == tag);
        let way = known.unwrap_or_else(|| {
            let oldest = (0..WAYS).min_by_key(|way| (bucket[*way].tag != 0, bucket[*way].tick)).unwrap_or(0);
            bucket[oldest] = Slot { tag, ..Slot::default() };
            oldest
        });
        let slot = &mut bucket[way];
        slot.tick = tick;
        &mut slot.kept
    }

    /// Whoever has this hash is nobody any more.
    pub(super) fn forget(&mut self, hash: u64) {
        self.slot(hash).into_iter().for_each(|slot| *slot = Slot::default());
    }

    /// Changes what is remembered of whoever has this hash, where anything is.
    pub(super) fn change(&mut self, hash: u64, change: impl FnOnce(&mut T)) {
        if let Some(slot) = self.slot(hash) {
            change(&mut slot.kept);
        }
    }

    fn slot(&mut self, hash: u64) -> Option<&mut Slot<T>> {
        let (place, tag) = place(hash, self.0.len());
        self.0[place].iter_mut().find(|slot| slot.tag == tag)
    }
}
