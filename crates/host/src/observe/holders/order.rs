//! Finds inodes in lists that are in their order, without a search of its own for each of a hundred thousand.

/// The inodes of sockets, each once and in order.
#[derive(Debug, Default)]
pub(super) struct Inodes(Vec<u64>);

impl FromIterator<u64> for Inodes {
    fn from_iter<I: IntoIterator<Item = u64>>(inodes: I) -> Self {
        let mut inodes: Vec<_> = inodes.into_iter().collect();
        inodes.sort_unstable();
        inodes.dedup();
        Self(inodes)
    }
}

impl Inodes {
    /// Each of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is one of them.
    pub(super) fn contains(&self, inode: u64) -> bool {
        self.0.binary_search(&inode).is_ok()
    }
}

/// Tells of numbers that never become smaller whether each is in `list`, which is in order: both are gone through once.
pub(super) fn abreast(list: impl Iterator<Item = u64>) -> impl FnMut(u64) -> bool {
    let mut rest = list.peekable();
    move |number| {
        while rest.next_if(|&other| other < number).is_some() {}
        rest.peek() == Some(&number)
    }
}

/// Where in a list the entries of an inode are, nearly: the kernel hands inodes out one after another, so the upper bits
/// of a number tell.
#[derive(Debug, Default)]
pub(super) struct Places {
    first: u64,
    shift: u32,
    /// Where each run of `1 << shift` numbers begins, and where the last one ends.
    starts: Vec<usize>,
}

impl Places {
    /// Those of a list in order, in no more room than a number for each entry.
    pub(super) fn of(inodes: impl ExactSizeIterator<Item = u64> + DoubleEndedIterator + Clone) -> Self {
        let (count, mut ends) = (inodes.len(), inodes.clone());
        let (Some(first), last) = (ends.next(), ends.next_back()) else { return Self::default() };
        let mean_distance = (last.unwrap_or(first) - first) / u64::try_from(count).unwrap_or(u64::MAX);
        let mut places = Self { first, shift: u64::BITS - mean_distance.leading_zeros(), starts: Vec::new() };
        for (at, inode) in inodes.enumerate() {
            let run = places.run(inode).expect("no inode is below the first");
            places.starts.resize(places.starts.len().max(run + 1), at);
        }
        places.starts.push(count);
        places
    }

    /// From where to where the entries of `inode` must be, if there are any.
    pub(super) fn near(&self, inode: u64) -> (usize, usize) {
        let bounds =
            self.run(inode).and_then(|run| Some((*self.starts.get(run)?, *self.starts.get(run + 1)?)));
        bounds.unwrap_or_default()
    }

    fn run(&self, inode: u64) -> Option<usize> {
        usize::try_from(inode.checked_sub(self.first)? >> self.shift).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inodes_are_kept_once_and_in_order() {
        let inodes: Inodes = [7, 3, 7, 5].into_iter().collect();
        assert_eq!(inodes.iter().collect::<Vec<_>>(), [3, 5, 7]);
        assert!(inodes.contains(5) && !inodes.contains(4) && !inodes.is_empty());
    }

    #[test]
    fn numbers_are_told_abreast_of_a_list() {
        let mut is_listed = abreast([2, 4, 4, 9].into_iter());
        let told: Vec<_> = [1, 2, 2, 3, 4, 9, 10].into_iter().filter(|&number| is_listed(number)).collect();
        assert_eq!(told, [2, 2, 4, 9]);
    }

    #[test]
    fn every_entry_is_near_its_place() {
        let dense: Vec<u64> = (1000..1100).collect();
        let sparse = vec![1, 1, 2, 500, 1 << 40, u64::MAX, u64::MAX];
        for list in [dense, sparse, vec![7], vec![7, 7], vec![0, u64::MAX], Vec::new()] {
            let places = Places::of(list.iter().copied());
            assert!(places.starts.len() <= list.len() + 2);
            for &inode in &list {
                let (from, to) = places.near(inode);
                let here = list.iter().enumerate().filter(|(_, other)| **other == inode);
                assert!(here.into_iter().all(|(at, _)| (from..to).contains(&at)), "{inode} in {list:?}");
            }
            for other in [0, 3, 999, 1100, 1 << 50] {
                let (from, to) = places.near(other);
                assert!(list[from..to].contains(&other) == list.contains(&other));
            }
        }
    }
}
