//! Names what may drop a packet before any rule sees it: XDP programs, and the filters and programs of tc at the ingress
//! (tc(8), include/uapi/linux/pkt_sched.h).

use std::collections::BTreeSet;

use rustix::io::Errno;

use crate::{
    observe::{
        Gaps,
        links::{self, Link},
    },
    proc,
    sys::{
        bpf::ingress_programs,
        netlink::{Family, Netlink, NetlinkError, attributes, bytes_at},
    },
};

/// RTM_GETQDISC and RTM_GETTFILTER (rtnetlink(7)).
const GET_QDISC: u16 = 38;
const GET_FILTER: u16 = 46;
/// The size of struct tcmsg, with the interface at 4 and the parent at 12.
const TRAFFIC_BYTES: usize = 20;
/// TCA_KIND.
const KIND: u16 = 1;
/// The queueing disciplines that have an ingress.
const WITH_INGRESS: [&str; 2] = ["clsact", "ingress"];
/// TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS).
const INGRESS: u32 = 0xffff_fff2;
/// More interfaces than this are not asked for programs of tcx.
const INTERFACES_MAX: usize = 4_096;
/// More are counted and not named.
const NAMED_MAX: usize = 6;

/// Says which interfaces have such a program; where there is none this takes a list of disciplines and a question an
/// interface.
pub(super) fn tell(gaps: &mut Gaps) {
    match names() {
        Ok(names) if names.is_empty() => {}
        Ok(names) => {
            let more = if names.len() > NAMED_MAX { ", …" } else { "" };
            let named: Vec<_> = names.iter().take(NAMED_MAX).map(String::as_str).collect();
            gaps.before_rules(names.len(), &(named.join(", ") + more));
        }
        Err(_) => gaps.missing(links::SOURCE),
    }
}

/// `XDP on eth0`, `tc bpf on eth1`, in order.
fn names() -> Result<BTreeSet<String>, NetlinkError> {
    let links = links::list()?;
    let named = |what: &str, link: &Link| format!("{what} on {}", link.name);
    let mut found: BTreeSet<_> =
        links.iter().filter(|link| link.has_xdp).map(|link| named("XDP", link)).collect();
    for link in with_ingress(&links)? {
        found.extend(filters(link.index)?.iter().map(|kind| named(&format!("tc {kind}"), link)));
    }
    for link in links.iter().take(INTERFACES_MAX) {
        match ingress_programs(link.index) {
            Ok(0) => {}
            Ok(_) => drop(found.insert(named("tcx", link))),
            // No tcx, or not the right to ask for it; an interface that went meanwhile is another matter.
            Err(Errno::NODEV) => {}
            Err(_) => break,
        }
    }
    Ok(found)
}

/// The interfaces that have a place for filters of what comes in.
fn with_ingress(links: &[Link]) -> Result<Vec<&Link>, NetlinkError> {
    let mut indexes = BTreeSet::new();
    dump(GET_QDISC, &[0; TRAFFIC_BYTES], |bytes| {
        let index = bytes_at(bytes, 4).map(u32::from_ne_bytes);
        let has_ingress = kind(bytes).is_some_and(|kind| WITH_INGRESS.contains(&kind.as_str()));
        indexes.extend(index.filter(|_| has_ingress));
    })?;
    Ok(links.iter().filter(|link| indexes.contains(&link.index)).collect())
}

/// The kinds of filters that see what comes in by an interface.
fn filters(index: u32) -> Result<BTreeSet<String>, NetlinkError> {
    let mut request = [0; TRAFFIC_BYTES];
    request[4..8].copy_from_slice(&index.to_ne_bytes());
    request[12..16].copy_from_slice(&INGRESS.to_ne_bytes());
    let mut kinds = BTreeSet::new();
    dump(GET_FILTER, &request, |bytes| kinds.extend(kind(bytes)))?;
    Ok(kinds)
}

/// A list of traffic control, which a kernel without it has not; one that changed meanwhile is told as far as it came.
fn dump(list: u16, request: &[u8], each: impl FnMut(&[u8])) -> Result<(), NetlinkError> {
    match Netlink::open(Family::Route)?.dump(list, request, each) {
        Err(
            NetlinkError::Interrupted | NetlinkError::Refused(Errno::OPNOTSUPP | Errno::NODEV | Errno::INVAL),
        ) => Ok(()),
        answer => answer,
    }
}

fn kind(bytes: &[u8]) -> Option<String> {
    let (_, value) = attributes(bytes.get(TRAFFIC_BYTES..)?).find(|(kind, _)| *kind == KIND)?;
    Some(proc::text(value.split(|&byte| byte == 0).next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_its_kind() {
        let mut bytes = vec![0; TRAFFIC_BYTES];
        bytes.extend(b"\x0b\0\x01\0clsact\0\0");
        assert_eq!(kind(&bytes).as_deref(), Some("clsact"));
        assert_eq!(kind(&bytes[..TRAFFIC_BYTES]), None);
        assert_eq!(kind(&bytes[..7]), None);
    }

    #[test]
    fn the_lists_of_this_kernel_are_read() {
        names().unwrap();
    }
}
