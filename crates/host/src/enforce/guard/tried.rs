//! Who bound a number that is not his, or was kept from it, as the programs write it down (`struct who` and `struct tries` of
//! bpf/guard.bpf.c).

use std::{collections::BTreeMap, time::Duration};

use portreeve_core::{address::Address, port::Protocol};

use super::{
    bytes::{long, number, text},
    rules::{read_place, read_stand},
};

/// A key of the map.
const WHO_BYTES: usize = 48;
/// A key and its value, as the iterator tells them.
pub(super) const RECORD_BYTES: usize = WHO_BYTES + 112;
/// Ends a list that was cut off.
const NOBODY: [u8; WHO_BYTES] = [0; WHO_BYTES];
/// Where the parts stand.
const CGROUP: usize = 16;
const UID: usize = 24;
const MODE: usize = 28;
const NAME: usize = 32;
const NAME_BYTES: usize = 16;
const COUNT: usize = 0;
const FIRST: usize = 8;
const LAST: usize = 16;
const PID: usize = 24;
const STAND: usize = 28;
const GROUP: usize = 48;
const GROUP_BYTES: usize = 64;
/// Of who was refused.
const ENFORCE: u8 = 2;

/// Somebody, and what he tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The network namespace, by its cookie.
    pub netns: u64,
    /// The protocol.
    pub protocol: Protocol,
    /// The number.
    pub port: u16,
    /// Where, the first time; `None` is every address of both families.
    pub address: Option<Address>,
    /// Whether he was refused.
    pub is_refused: bool,
    /// How often.
    pub count: u64,
    /// The first time, since the boot.
    pub first: Duration,
    /// The last time, since the boot.
    pub last: Duration,
    /// The user whose rights he had.
    pub uid: u32,
    /// His cgroup, by the number of its folder.
    pub cgroup: u64,
    /// The last part of its path, also where it is gone by now.
    pub group: String,
    /// His process, the last time.
    pub pid: u32,
    /// What it is called.
    pub name: String,
}

impl Tried {
    /// Each of whom the iterator tells, once, however often it does; `None` where it did not come to all of them.
    pub(super) fn each(records: &[u8]) -> Option<Vec<Self>> {
        let parts =
            records.chunks_exact(RECORD_BYTES).filter_map(|record| record.split_at_checked(WHO_BYTES));
        let each: BTreeMap<_, _> = parts.collect();
        if each.contains_key(&NOBODY[..]) {
            return None;
        }
        Some(each.into_iter().filter_map(|(who, tries)| Self::read(who, tries)).collect())
    }

    /// What a key of the map and its value say; `None` of what is too short.
    pub(super) fn read(who: &[u8], tries: &[u8]) -> Option<Self> {
        let (netns, protocol, port) = read_place(who)?;
        Some(Self {
            netns,
            protocol,
            port,
            address: read_stand(tries.get(STAND..)?)?,
            is_refused: *who.get(MODE)? == ENFORCE,
            count: long(tries, COUNT)?,
            first: Duration::from_nanos(long(tries, FIRST)?),
            last: Duration::from_nanos(long(tries, LAST)?),
            uid: number(who, UID)?,
            cgroup: long(who, CGROUP)?,
            pid: number(tries, PID)?,
            name: text(who.get(NAME..NAME + NAME_BYTES)?),
            group: text(tries.get(GROUP..GROUP + GROUP_BYTES)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_tried_is_read_as_it_is_written() {
        let mut who = [0; 48];
        who[0..8].copy_from_slice(&5_u64.to_ne_bytes());
        who[8..10].copy_from_slice(&443_u16.to_ne_bytes());
        who[10] = 6;
        who[16..24].copy_from_slice(&77_u64.to_ne_bytes());
        who[24..28].copy_from_slice(&33_u32.to_ne_bytes());
        who[28] = 2;
        who[32..34].copy_from_slice(b"nc");
        let mut tries: Vec<u8> =
            [3, 5_000_000_000, 6_000_000_000].into_iter().flat_map(u64::to_ne_bytes).collect();
        tries.extend(99_u32.to_ne_bytes());
        tries.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1, 1, 1, 0, 0]);
        tries.extend(b"thief.service");
        tries.resize(112, 0);
        let tried = Tried::read(&who, &tries).expect("long enough");
        assert_eq!((tried.port, tried.is_refused, tried.count, tried.uid), (443, true, 3, 33));
        assert_eq!((tried.netns, tried.protocol), (5, Protocol::Tcp));
        assert_eq!(tried.address, Some("192.0.2.1".parse().expect("an address")));
        assert_eq!((tried.cgroup, tried.pid, tried.name.as_str()), (77, 99, "nc"));
        assert_eq!(tried.group, "thief.service");
        assert_eq!((tried.first, tried.last), (Duration::from_secs(5), Duration::from_secs(6)));
        assert_eq!(Tried::read(&who[..40], &tries), None);
        let record = [&who[..], &tries].concat();
        assert_eq!(Tried::each(&record.repeat(2)), Some(vec![tried]), "once, however often he is told");
        assert_eq!(Tried::each(&[record, vec![0; RECORD_BYTES]].concat()), None, "and there are more");
    }
}
