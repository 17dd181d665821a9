//! Asks the kernel itself for the revision of the gate: nft would list all of its ports for that
//! (include/uapi/linux/netfilter/nf_tables.h).

use portreeve_core::gate::{Revision, TABLE};
use rustix::io::Errno;

use crate::{
    observe::firewall::kernel::{FilterError, INET},
    sys::netlink::{Family, Netlink, NetlinkError, attribute, attributes, bytes_at},
};

/// NFNL_SUBSYS_NFTABLES and NFT_MSG_GETSETELEM.
const GET_ELEMENTS: u16 = 10 << 8 | 13;
/// struct nfgenmsg.
const HEADER: [u8; 4] = [INET, 0, 0, 0];
/// NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET and NFTA_SET_ELEM_LIST_ELEMENTS.
const OF_TABLE: u16 = 1;
const OF_SET: u16 = 2;
const ELEMENTS: u16 = 3;
/// NFTA_LIST_ELEM, NFTA_SET_ELEM_KEY and NFTA_DATA_VALUE, each within the one before.
const ELEMENT: u16 = 1;
const KEY: u16 = 1;
const VALUE: u16 = 1;
const SET: &str = "revision";

/// The revision of the gate in the network namespace of the calling thread; `None` where there is no gate.
///
/// # Errors
///
/// The kernel does not tell.
pub(in crate::enforce) fn revision() -> Result<Option<Revision>, FilterError> {
    let mut netlink = Netlink::open(Family::Netfilter).map_err(FilterError::Netlink)?;
    let mut body = HEADER.to_vec();
    body.extend(named(OF_TABLE, TABLE));
    body.extend(named(OF_SET, SET));
    let mut found = None;
    match netlink.dump(GET_ELEMENTS, &body, |bytes| found = number(bytes).or(found)) {
        Ok(()) => Ok(found.map(Revision::of)),
        Err(NetlinkError::Refused(Errno::NOENT)) => Ok(None),
        Err(NetlinkError::Refused(Errno::PERM)) => Err(FilterError::NotPermitted),
        Err(error) => Err(FilterError::Netlink(error)),
    }
}

/// A text with its end.
fn named(kind: u16, text: &str) -> Vec<u8> {
    attribute(kind, &[text.as_bytes(), &[0]].concat())
}

/// The only element of the set: a mark, which is in the byte order of the host.
fn number(bytes: &[u8]) -> Option<u32> {
    let inner = |bytes, kind| attributes(bytes).find(|(own, _)| *own == kind).map(|(_, value)| value);
    let elements = inner(bytes.get(HEADER.len()..)?, ELEMENTS)?;
    let value = inner(inner(inner(elements, ELEMENT)?, KEY)?, VALUE)?;
    bytes_at(value, 0).map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_the_table_and_the_set() {
        let mut body = Vec::new();
        body.extend(named(OF_SET, SET));
        assert_eq!((body.len(), body[4..13].to_vec()), (16, b"revision\0".to_vec()));
        assert_eq!(body[..4], [13_u16.to_ne_bytes(), 2_u16.to_ne_bytes()].concat());
    }

    #[test]
    fn an_answer_that_breaks_off_has_no_number() {
        let within = |kind: u16, inner: &[u8]| {
            let length = u16::try_from(4 + inner.len()).unwrap();
            [&length.to_ne_bytes(), &kind.to_ne_bytes(), inner].concat()
        };
        let value = within(VALUE, &77_u32.to_ne_bytes());
        let elements = within(ELEMENTS | 0x8000, &within(ELEMENT | 0x8000, &within(KEY | 0x8000, &value)));
        let answer = [&HEADER[..], &elements].concat();
        assert_eq!(number(&answer), Some(77));
        for length in 0..answer.len() {
            assert_eq!(number(&answer[..length]), None, "{length}");
        }
    }
}
