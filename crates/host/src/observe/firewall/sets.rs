//! Asks the kernel which sets the gate has, and whether there is much in them, without reading all of it
//! (include/uapi/linux/netfilter/nf_tables.h).

use std::ops::ControlFlow;

use portreeve_core::gate::TABLE;
use rustix::io::Errno;

use super::kernel::{FilterError, INET};
use crate::{
    proc,
    sys::netlink::{Family, Netlink, NetlinkError, attribute, attributes, bytes_at},
};

/// NFNL_SUBSYS_NFTABLES with NFT_MSG_GETSET and NFT_MSG_GETSETELEM.
const GET_SETS: u16 = 10 << 8 | 10;
pub(crate) const GET_ELEMENTS: u16 = 10 << 8 | 13;
/// struct nfgenmsg.
const HEADER: [u8; 4] = [INET, 0, 0, 0];
/// NFTA_SET_TABLE and NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_NAME and NFTA_SET_ELEM_LIST_SET.
const OF_TABLE: u16 = 1;
const OF_SET: u16 = 2;
/// NFTA_SET_FLAGS, with NFT_SET_ANONYMOUS and NFT_SET_MAP.
const FLAGS: u16 = 3;
const ANONYMOUS: u32 = 1;
const MAP: u32 = 8;
/// NFTA_SET_ELEM_LIST_ELEMENTS and, within it, NFTA_LIST_ELEM.
const ELEMENTS: u16 = 3;
const ELEMENT: u16 = 1;
/// NFTA_SET_ELEM_KEY and NFTA_DATA_VALUE, each within the one before.
const KEY: u16 = 1;
const VALUE: u16 = 1;
/// So many are listed as fast as none.
const MANY: usize = 256;

/// A set or map of the gate that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) name: String,
    /// What nft calls it.
    pub(super) kind: &'static str,
}

/// How much is in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fullness {
    Empty,
    Few,
    Many,
}

/// The sets and maps of the gate in the network namespace of the calling thread.
pub(super) fn all() -> Result<Vec<Set>, FilterError> {
    let mut sets = Vec::new();
    let question = [&HEADER[..], &named(OF_TABLE, TABLE)].concat();
    open()?.dump(GET_SETS, &question, |bytes| sets.extend(set(bytes))).map_err(refused)?;
    Ok(sets)
}

/// How much is in the set of this name; of one that is not there, nothing.
pub(super) fn fullness(name: &str) -> Result<Fullness, FilterError> {
    let mut count = 0;
    let counted = open()?.dump_until(GET_ELEMENTS, &elements_of(name), |bytes| {
        count += elements(bytes).count();
        if count < MANY { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    match counted {
        Ok(()) => {}
        Err(NetlinkError::Refused(Errno::NOENT)) => return Ok(Fullness::Empty),
        Err(error) => return Err(refused(error)),
    }
    Ok(match count {
        0 => Fullness::Empty,
        1..MANY => Fullness::Few,
        _ => Fullness::Many,
    })
}

/// The question for all that is in the set of this name.
pub(crate) fn elements_of(set: &str) -> Vec<u8> {
    [&HEADER[..], &named(OF_TABLE, TABLE), &named(OF_SET, set)].concat()
}

/// The question for the element of it that has this key.
pub(crate) fn element_of(set: &str, key: &[u8]) -> Vec<u8> {
    let value = attribute(ELEMENT, &attribute(KEY, &attribute(VALUE, key)));
    [elements_of(set), attribute(ELEMENTS, &value)].concat()
}

/// The key of an element.
pub(crate) fn key(element: &[u8]) -> Option<&[u8]> {
    inner(inner(element, KEY)?, VALUE)
}

/// What an element, or a part of it, has of this kind.
pub(crate) fn inner(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(own, _)| *own == kind).map(|(_, value)| value)
}

/// The elements in an answer to either.
pub(crate) fn elements(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lists = attributes(answer.get(HEADER.len()..).unwrap_or_default());
    let lists = lists.filter(|(kind, _)| *kind == ELEMENTS);
    lists.flat_map(|(_, list)| attributes(list)).filter(|(kind, _)| *kind == ELEMENT).map(|(_, value)| value)
}

pub(crate) fn open() -> Result<Netlink, FilterError> {
    Netlink::open(Family::Netfilter).map_err(FilterError::Netlink)
}

pub(crate) fn refused(error: NetlinkError) -> FilterError {
    match error {
        NetlinkError::Refused(Errno::PERM) => FilterError::NotPermitted,
        error => FilterError::Netlink(error),
    }
}

/// A text with its end.
fn named(kind: u16, text: &str) -> Vec<u8> {
    attribute(kind, &[text.as_bytes(), &[0]].concat())
}

/// What an answer tells of a set; nothing where that is a part of a rule.
fn set(bytes: &[u8]) -> Option<Set> {
    let value = |wanted| inner(bytes.get(HEADER.len()..)?, wanted);
    let flags = value(FLAGS).and_then(|value| bytes_at(value, 0)).map_or(0, u32::from_be_bytes);
    let name = proc::text(value(OF_SET)?.split(|&byte| byte == 0).next().unwrap_or_default());
    let kind = if flags & MAP == 0 { "set" } else { "map" };
    (flags & ANONYMOUS == 0).then_some(Set { name, kind })
}

#[cfg(test)]
pub(crate) mod testing {
    use super::{ELEMENTS, HEADER};

    pub(crate) const ELEMENT: u16 = super::ELEMENT;
    pub(crate) const KEY: u16 = super::KEY;
    pub(crate) const VALUE: u16 = super::VALUE;

    /// An attribute of this kind.
    pub(crate) fn within(kind: u16, inner: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + inner.len()).unwrap();
        [&length.to_ne_bytes(), &kind.to_ne_bytes(), inner].concat()
    }

    /// What the kernel answers where these are in a set.
    pub(crate) fn answer(elements: &[u8]) -> Vec<u8> {
        [&HEADER[..], &within(ELEMENTS | 0x8000, elements)].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        testing::{answer, within},
        *,
    };

    #[test]
    fn a_question_names_the_table_and_the_set() {
        let body = named(OF_SET, "revision");
        assert_eq!((body.len(), body[4..13].to_vec()), (16, b"revision\0".to_vec()));
        assert_eq!(body[..4], [13_u16.to_ne_bytes(), 2_u16.to_ne_bytes()].concat());
    }

    #[test]
    fn what_is_in_a_set_is_counted() {
        let full = within(ELEMENT | 0x8000, &[0; 4]).repeat(3);
        assert_eq!(elements(&answer(&full)).count(), 3);
        assert_eq!([&answer(&[])[..], &HEADER, &[]].map(|bytes| elements(bytes).count()), [0; 3]);
    }

    #[test]
    fn sets_of_rules_have_no_name() {
        let told = |flags: u32| {
            let name = named(OF_SET, "trial_input");
            set(&[&HEADER[..], &name, &within(FLAGS, &flags.to_be_bytes())].concat())
        };
        let trial = |kind| Some(Set { name: "trial_input".into(), kind });
        assert_eq!([told(16), told(16 | MAP), told(ANONYMOUS | MAP)], [trial("set"), trial("map"), None]);
        assert_eq!(set(&HEADER), None);
    }
}
