//! Marks of packets and of connections (net/netfilter/{xt_mark,xt_connmark}.c).

use alloc::vec;

use super::{Given, Match};
use crate::firewall::{
    iptables::{
        numbers::mark,
        questions::{has_no_connection, is, masked, not, not_if},
        tables::Table,
    },
    packets::Field,
    ruleset::Question,
};

pub(super) const MARK: Match =
    Match { name: "mark", options: &[("--mark", 1)], read: |given, _| asked(given, Field::Mark) };

/// What has no connection has no mark of one either, whether or not the match is negated.
pub(super) const CONNMARK: Match = Match {
    name: "connmark",
    options: &[("--mark", 1)],
    read: |given, scope| {
        let question = asked(given, Field::ConnectionMark)?;
        let is_tracked = scope.table != Table::Raw;
        is_tracked.then(|| Question::All(vec![not(has_no_connection()), question]))
    },
};

fn asked(given: &[Given<'_>], field: Field) -> Option<Question> {
    let [option] = given else { return None };
    let (value, mask) = mark(option.value())?;
    let question = if mask == u32::MAX.into() { is(field, value) } else { masked(field, value, mask) };
    Some(not_if(option.is_negated, question))
}
