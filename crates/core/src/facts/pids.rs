//! The processes that hold a socket: mostly one, which is kept in place (A12).

use alloc::{boxed::Box, vec::Vec};
use core::{ops::Deref, slice};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Process numbers, in no more room than a list that is empty.
///
/// A busy host has a hundred thousand connections, nearly all of them with one holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pids(Kept);

/// Whatever is not one alone is `Others`, so that equal lists are equal values.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    One(u32),
    Others(Box<[u32]>),
}

impl Default for Pids {
    fn default() -> Self {
        Self(Kept::Others(Box::default()))
    }
}

impl Deref for Pids {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        match &self.0 {
            Kept::One(pid) => slice::from_ref(pid),
            Kept::Others(pids) => pids,
        }
    }
}

impl FromIterator<u32> for Pids {
    fn from_iter<I: IntoIterator<Item = u32>>(pids: I) -> Self {
        let mut pids = pids.into_iter();
        Self(match (pids.next(), pids.next()) {
            (Some(only), None) => Kept::One(only),
            (first, second) => Kept::Others(first.into_iter().chain(second).chain(pids).collect()),
        })
    }
}

impl Serialize for Pids {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Pids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_kept_and_reads_back() {
        for pids in [&[][..], &[7], &[7, 8], &[7, 8, 9]] {
            let kept: Pids = pids.iter().copied().collect();
            assert_eq!(&*kept, pids);
            let written = serde_json::to_string(&kept).unwrap();
            assert_eq!(written, serde_json::to_string(pids).unwrap());
            assert_eq!(serde_json::from_str::<Pids>(&written).unwrap(), kept);
        }
        assert_eq!(size_of::<Pids>(), size_of::<Box<[u32]>>());
    }
}
