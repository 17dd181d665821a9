//! Names of what conntrack says (include/uapi/linux/netfilter/nf_conntrack_common.h).

use super::Table;

pub(super) const STATES: Table =
    &[("invalid", 1), ("established", 2), ("related", 4), ("new", 8), ("untracked", 64)];

pub(super) const STATUS: Table = &[
    ("expected", 1),
    ("seen-reply", 1 << 1),
    ("assured", 1 << 2),
    ("confirmed", 1 << 3),
    ("snat", 1 << 4),
    ("dnat", 1 << 5),
    ("dying", 1 << 9),
];

pub(super) const DIRECTIONS: Table = &[("original", 0), ("reply", 1)];
