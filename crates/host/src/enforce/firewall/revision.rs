//! Asks the kernel itself for the revision of the gate: nft would list all of its ports for that
//! (include/uapi/linux/netfilter/nf_tables.h).

use portreeve_core::gate::Revision;
use rustix::io::Errno;

use crate::{
    observe::firewall::{
        kernel::FilterError,
        sets::{GET_ELEMENTS, elements, elements_of, key, open, refused},
    },
    sys::netlink::{NetlinkError, bytes_at},
};

const SET: &str = "revision";

/// The revision of the gate in the network namespace of the calling thread; `None` where there is no gate.
///
/// # Errors
///
/// The kernel does not tell.
pub(in crate::enforce) fn revision() -> Result<Option<Revision>, FilterError> {
    let mut found = None;
    match open()?.dump(GET_ELEMENTS, &elements_of(SET), |bytes| found = number(bytes).or(found)) {
        Ok(()) => Ok(found.map(Revision::of)),
        Err(NetlinkError::Refused(Errno::NOENT)) => Ok(None),
        Err(error) => Err(refused(error)),
    }
}

/// The only element of the set: a mark, which is in the byte order of the host.
fn number(bytes: &[u8]) -> Option<u32> {
    bytes_at(key(elements(bytes).next()?)?, 0).map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::firewall::sets::testing::{ELEMENT, KEY, VALUE, answer, within};

    #[test]
    fn an_answer_that_breaks_off_has_no_number() {
        let value = within(VALUE, &77_u32.to_ne_bytes());
        let answer = answer(&within(ELEMENT | 0x8000, &within(KEY | 0x8000, &value)));
        assert_eq!(number(&answer), Some(77));
        for length in 0..answer.len() {
            assert_eq!(number(&answer[..length]), None, "{length}");
        }
    }
}
