//! Asks the kernel which tables of nftables there are, and of which generation (include/uapi/linux/netfilter/nf_tables.h).

use rustix::io::Errno;

use crate::{
    proc,
    sys::netlink::{Family, Netlink, NetlinkError, attributes, bytes_at},
};

/// NFNL_SUBSYS_NFTABLES, in the upper byte of a message's kind.
const NFTABLES: u16 = 10 << 8;
/// NFT_MSG_GETTABLE and NFT_MSG_GETGEN.
const GET_TABLE: u16 = NFTABLES | 1;
const GET_GENERATION: u16 = NFTABLES | 16;
/// struct nfgenmsg: the family, the version 0, and a number of which nothing is made here.
const HEADER_BYTES: usize = 4;
/// NFTA_TABLE_NAME and NFTA_GEN_ID.
const TABLE_NAME: u16 = 1;
const GENERATION: u16 = 1;

/// NFPROTO_IPV4 and NFPROTO_IPV6 (include/uapi/linux/netfilter.h).
pub(super) const IPV4: u8 = 2;
pub(super) const IPV6: u8 = 10;

/// The names that iptables gives its tables (iptables(8)).
const OF_IPTABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];

/// Why the kernel does not tell.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// It takes CAP_NET_ADMIN (net/netfilter/nfnetlink.c, `nfnetlink_rcv`).
    #[error("only root may read them")]
    NotPermitted,
    /// It cannot be asked.
    #[error("nfnetlink: {0}")]
    Netlink(#[source] NetlinkError),
}

impl FilterError {
    /// Whether it takes more rights.
    #[must_use]
    pub const fn is_of_rights(&self) -> bool {
        matches!(self, Self::NotPermitted)
    }
}

/// The tables of nftables in this network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tables {
    /// Counts the changes to all of them; `None` where the kernel has no nftables.
    pub(crate) generation: Option<u32>,
    /// Each by its family and name.
    pub(crate) names: Vec<(u8, String)>,
}

impl Tables {
    /// Whether one of this family is called as iptables calls its own.
    pub(super) fn may_be_of_iptables(&self, family: u8) -> bool {
        self.names.iter().any(|(own, name)| *own == family && OF_IPTABLES.contains(&name.as_str()))
    }
}

/// The tables of nftables in the network namespace of the calling thread.
pub(crate) fn tables() -> Result<Tables, FilterError> {
    let mut netlink = match Netlink::open(Family::Netfilter) {
        Ok(netlink) => netlink,
        // A kernel without nfnetlink filters nothing by it.
        Err(NetlinkError::Call(_, Errno::PROTONOSUPPORT)) => return Ok(Tables::default()),
        Err(error) => return Err(FilterError::Netlink(error)),
    };
    let mut tables = Tables::default();
    let header = [0; HEADER_BYTES];
    let answer = netlink
        .ask(GET_GENERATION, &header, |bytes| tables.generation = generation(bytes))
        .and_then(|()| netlink.dump(GET_TABLE, &header, |bytes| tables.names.extend(table(bytes))));
    match answer {
        Ok(()) => Ok(tables),
        Err(NetlinkError::Refused(Errno::PERM)) => Err(FilterError::NotPermitted),
        // net/netfilter/nfnetlink.c: no such subsystem, and none that could be loaded.
        Err(NetlinkError::Refused(Errno::INVAL | Errno::OPNOTSUPP)) => Ok(Tables::default()),
        Err(error) => Err(FilterError::Netlink(error)),
    }
}

fn generation(bytes: &[u8]) -> Option<u32> {
    let mut attributes = attributes(bytes.get(HEADER_BYTES..)?);
    let (_, value) = attributes.find(|(kind, _)| *kind == GENERATION)?;
    bytes_at(value, 0).map(u32::from_be_bytes)
}

fn table(bytes: &[u8]) -> Option<(u8, String)> {
    let family = *bytes.first()?;
    let (_, name) = attributes(bytes.get(HEADER_BYTES..)?).find(|(kind, _)| *kind == TABLE_NAME)?;
    Some((family, proc::text(name.split(|&byte| byte == 0).next().unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_family_and_a_name() {
        let bytes = b"\x02\0\0\0\x0b\0\x01\0filter\0\0";
        assert_eq!(table(bytes), Some((IPV4, "filter".into())));
        assert_eq!(table(&bytes[..3]), None);
        let tables = Tables { generation: Some(1), names: vec![(IPV4, "filter".into()), (1, "nat".into())] };
        assert!(tables.may_be_of_iptables(IPV4) && !tables.may_be_of_iptables(IPV6));
    }

    #[test]
    fn a_generation_is_written_as_networks_write_numbers() {
        assert_eq!(generation(b"\0\0\0\0\x08\0\x01\0\0\0\x01\x02"), Some(0x102));
        assert_eq!(generation(b"\0\0\0\0\x06\0\x01\0\0\0"), None);
    }
}
