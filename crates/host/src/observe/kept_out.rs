//! Asks the kernel itself whom the gate keeps out: nft would list all of the table for that
//! (include/uapi/linux/netfilter/nf_tables.h).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use portreeve_core::gate::{BlockedSource, Kept};
use rustix::io::Errno;

use super::firewall::{
    kernel::{self, FilterError},
    sets::{GET_ELEMENTS, element_of, elements, elements_of, inner, key, open, refused},
};
use crate::sys::netlink::{NetlinkError, bytes_at};

/// NFTA_SET_ELEM_EXPIRATION.
const EXPIRES: u16 = 5;

/// Counts the changes to the packet filter in the network namespace of the calling thread: where there was none, whoever was kept
/// out is so until his time is over.
///
/// # Errors
///
/// The kernel does not tell.
pub fn changes() -> Result<u32, FilterError> {
    kernel::changes()
}

/// All whom the gate there keeps out; nobody where there is no gate.
///
/// # Errors
///
/// The kernel does not tell.
pub fn all() -> Result<Vec<Kept<IpAddr>>, FilterError> {
    let mut all = Vec::new();
    for set in BlockedSource::SETS {
        let told = open()?.dump(GET_ELEMENTS, &elements_of(set), |answer| all.extend(kept(answer)));
        there(told)?;
    }
    Ok(all)
}

/// How `source` is kept out there, if he is.
///
/// # Errors
///
/// The kernel does not tell.
pub fn of(source: BlockedSource) -> Result<Option<Kept<IpAddr>>, FilterError> {
    let question = match source.address() {
        IpAddr::V4(address) => element_of(source.set(), &address.octets()),
        IpAddr::V6(address) => element_of(source.set(), &address.octets()),
    };
    let mut found = None;
    there(open()?.ask(GET_ELEMENTS, &question, |answer| found = kept(answer).next().or(found)))?;
    Ok(found)
}

/// What is not there keeps nobody out.
fn there(told: Result<(), NetlinkError>) -> Result<(), FilterError> {
    match told {
        Err(NetlinkError::Refused(Errno::NOENT)) => Ok(()),
        told => told.map_err(refused),
    }
}

fn kept(answer: &[u8]) -> impl Iterator<Item = Kept<IpAddr>> {
    elements(answer).filter_map(|element| {
        let milliseconds =
            inner(element, EXPIRES).and_then(|value| bytes_at(value, 0)).map(u64::from_be_bytes);
        Some(Kept { what: address(key(element)?)?, left: milliseconds.map(Duration::from_millis) })
    })
}

fn address(key: &[u8]) -> Option<IpAddr> {
    match key.len() {
        4 => bytes_at::<4>(key, 0).map(|bytes| Ipv4Addr::from(bytes).into()),
        _ => bytes_at::<16>(key, 0).map(|bytes| Ipv6Addr::from(bytes).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::firewall::sets::testing::{ELEMENT, KEY, VALUE, answer, within};

    fn element(address: &[u8], expires: Option<u64>) -> Vec<u8> {
        let key = within(KEY | 0x8000, &within(VALUE, address));
        let expires = expires.map(|milliseconds| within(EXPIRES, &milliseconds.to_be_bytes()));
        within(ELEMENT | 0x8000, &[key, expires.unwrap_or_default()].concat())
    }

    #[test]
    fn an_element_is_who_and_for_how_long() {
        let network: Ipv6Addr = "2001:db8:7::".parse().unwrap();
        let elements = [element(&[203, 0, 113, 7], Some(1_500)), element(&network.octets(), None)].concat();
        let told: Vec<_> = kept(&answer(&elements)).map(|kept| (kept.what, kept.left)).collect();
        let expected: [(IpAddr, _); 2] =
            [([203, 0, 113, 7].into(), Some(Duration::from_millis(1_500))), (network.into(), None)];
        assert_eq!(told, expected);
    }

    #[test]
    fn an_answer_that_breaks_off_tells_of_nobody() {
        let answer = answer(&element(&[203, 0, 113, 7], Some(1_500)));
        assert!((0..answer.len()).all(|length| kept(&answer[..length]).count() == 0));
    }
}
