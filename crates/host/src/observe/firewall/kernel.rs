//! Asks the kernel which tables of nftables there are, and of which generation (include/uapi/linux/netfilter/nf_tables.h).

use portreeve_core::gate::TABLE;
use rustix::io::Errno;

use super::sets::{open, refused};
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
/// NFTA_TABLE_NAME, NFTA_TABLE_FLAGS and NFTA_GEN_ID.
const TABLE_NAME: u16 = 1;
const TABLE_FLAGS: u16 = 2;
const GENERATION: u16 = 1;

/// The families of tables (include/uapi/linux/netfilter.h), as nft calls them.
const FAMILIES: [(u8, &str); 6] =
    [(INET, "inet"), (IPV4, "ip"), (3, "arp"), (5, "netdev"), (7, "bridge"), (IPV6, "ip6")];

/// NFPROTO_INET, NFPROTO_IPV4 and NFPROTO_IPV6 (include/uapi/linux/netfilter.h).
pub(crate) const INET: u8 = 1;
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
    /// Each of them.
    pub(crate) all: Vec<Table>,
}

/// A table of nftables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) family: u8,
    pub(crate) name: String,
    /// What is set of it, such as that the kernel asks none of its chains.
    pub(crate) flags: u32,
}

impl Table {
    /// What nft calls its family; nothing where that is none it knows.
    pub(super) fn family_name(&self) -> Option<&'static str> {
        FAMILIES.into_iter().find_map(|(number, name)| (number == self.family).then_some(name))
    }

    /// Whether it is called as iptables calls its own.
    fn may_be_of_iptables(&self) -> bool {
        [IPV4, IPV6].contains(&self.family) && OF_IPTABLES.contains(&self.name.as_str())
    }

    /// Whether its rules may ask or its chains be for what the JSON of nft 1.0.6 leaves out: those of iptables and of the
    /// gate do not.
    pub(super) fn may_hide(&self) -> bool {
        !self.may_be_of_iptables() && !self.is_of_gate()
    }

    /// Whether it is the gate's.
    pub(crate) fn is_of_gate(&self) -> bool {
        self.family == INET && self.name == TABLE
    }
}

impl Tables {
    /// Whether one of this family is called as iptables calls its own.
    pub(super) fn may_be_of_iptables(&self, family: u8) -> bool {
        self.all.iter().any(|table| table.family == family && table.may_be_of_iptables())
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
        .and_then(|()| netlink.dump(GET_TABLE, &header, |bytes| tables.all.extend(table(bytes))));
    match answer {
        Ok(()) => Ok(tables),
        Err(NetlinkError::Refused(Errno::PERM)) => Err(FilterError::NotPermitted),
        // net/netfilter/nfnetlink.c: no such subsystem, and none that could be loaded.
        Err(NetlinkError::Refused(Errno::INVAL | Errno::OPNOTSUPP)) => Ok(Tables::default()),
        Err(error) => Err(FilterError::Netlink(error)),
    }
}

/// Counts the changes to what nftables has in the network namespace of the calling thread, but those that time makes.
pub(crate) fn changes() -> Result<u32, FilterError> {
    let mut found = None;
    let header = [0; HEADER_BYTES];
    let asked = open()?.ask(GET_GENERATION, &header, |bytes| found = generation(bytes));
    asked.map_err(refused)?;
    found.ok_or(FilterError::Netlink(NetlinkError::Short))
}

fn generation(bytes: &[u8]) -> Option<u32> {
    let mut attributes = attributes(bytes.get(HEADER_BYTES..)?);
    let (_, value) = attributes.find(|(kind, _)| *kind == GENERATION)?;
    bytes_at(value, 0).map(u32::from_be_bytes)
}

fn table(bytes: &[u8]) -> Option<Table> {
    let family = *bytes.first()?;
    let value = |wanted| {
        let mut all = attributes(bytes.get(HEADER_BYTES..)?);
        all.find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    };
    let name = proc::text(value(TABLE_NAME)?.split(|&byte| byte == 0).next().unwrap_or_default());
    let flags = value(TABLE_FLAGS).and_then(|value| bytes_at(value, 0)).map_or(0, u32::from_be_bytes);
    Some(Table { family, name, flags })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(family: u8, name: &str) -> Table {
        Table { family, name: name.into(), flags: 0 }
    }

    #[test]
    fn a_table_has_a_family_a_name_and_flags() {
        let bytes = b"\x02\0\0\0\x0b\0\x01\0filter\0\0";
        assert_eq!(table(bytes), Some(bare(IPV4, "filter")));
        assert_eq!(table(&bytes[..3]), None);
        let flagged = |flags: u8| [&bytes[..], b"\x08\0\x02\0\0\0\0", &[flags]].concat();
        let told = |flags| table(&flagged(flags)).unwrap().flags;
        assert_eq!([0, 1, 3].map(told), [0, 1, 3]);
        let tables = Tables { generation: Some(1), all: vec![bare(IPV4, "filter"), bare(1, "nat")] };
        assert!(tables.may_be_of_iptables(IPV4) && !tables.may_be_of_iptables(IPV6));
        let may_hide =
            [bare(IPV4, "filter"), bare(1, "filter"), bare(1, "portreeve"), bare(IPV4, "portreeve")];
        assert_eq!(may_hide.map(|table| table.may_hide()), [false, true, false, true]);
    }

    #[test]
    fn a_generation_is_written_as_networks_write_numbers() {
        assert_eq!(generation(b"\0\0\0\0\x08\0\x01\0\0\0\x01\x02"), Some(0x102));
        assert_eq!(generation(b"\0\0\0\0\x06\0\x01\0\0\0"), None);
    }
}
