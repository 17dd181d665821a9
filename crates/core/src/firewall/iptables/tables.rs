//! The tables of iptables and where their chains are hooked in (include/uapi/linux/netfilter_ipv4.h, `NF_IP_PRI_*`).

use alloc::vec::Vec;

use crate::firewall::ruleset::{Base, Hook, Kind, Policy};

/// A table of iptables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// Before connections are tracked.
    Raw,
    /// Where packets are marked.
    Mangle,
    /// Where the first packet of a connection is sent on.
    Nat,
    /// Where packets are let pass or dropped.
    Filter,
    /// The same, for mandatory access control.
    Security,
}

const HOOKS: [(&str, Hook); 5] = [
    ("PREROUTING", Hook::Prerouting),
    ("INPUT", Hook::Input),
    ("FORWARD", Hook::Forward),
    ("OUTPUT", Hook::Output),
    ("POSTROUTING", Hook::Postrouting),
];

impl Table {
    const ALL: [Self; 5] = [Self::Raw, Self::Mangle, Self::Nat, Self::Filter, Self::Security];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name.trim_end())
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Mangle => "mangle",
            Self::Nat => "nat",
            Self::Filter => "filter",
            Self::Security => "security",
        }
    }

    /// The hook of the table's own chain with this name.
    pub(super) fn hook(self, name: &str) -> Option<Hook> {
        let (_, hook) = HOOKS.into_iter().find(|(chain, _)| *chain == name)?;
        let is_here = match self {
            Self::Raw => matches!(hook, Hook::Prerouting | Hook::Output),
            Self::Mangle => true,
            Self::Nat => hook != Hook::Forward,
            Self::Filter | Self::Security => matches!(hook, Hook::Input | Hook::Forward | Hook::Output),
        };
        is_here.then_some(hook)
    }

    /// How the table's own chain with this name is hooked in.
    pub(super) fn base(self, name: &str, policy: Policy) -> Option<Base> {
        let hook = self.hook(name)?;
        let is_before_routing = matches!(hook, Hook::Prerouting | Hook::Output);
        let priority = match self {
            Self::Raw => -300,
            Self::Mangle => -150,
            Self::Nat if is_before_routing => -100,
            Self::Nat => 100,
            Self::Filter => 0,
            Self::Security => 50,
        };
        let kind = match self {
            Self::Nat => Kind::Nat,
            Self::Mangle if hook == Hook::Output => Kind::Route,
            _ => Kind::Filter,
        };
        Some(Base { hook, priority, kind, policy, devices: Vec::new(), since: None })
    }
}
