//! Reads who may send a protocol of which the gate judges no ports (A15, A16).

use alloc::vec::Vec;

use super::{
    lines::Mark,
    report::{Report, clip, did_you_mean},
    service::read_reach,
    value::{Key, Table},
};
use crate::{
    gate::{JUDGED, OtherProtocol},
    policy::ProtocolReach,
    text,
};

const REACH: Key = Key { name: "reach", example: "reach = \"host\"" };

/// The keys of a protocol.
pub(super) const KEYS: &[Key] = &[REACH];

/// No name of these is mistaken for another: `igmp` is one letter away (RFC 4890).
const CONTROL: [&str; 3] = ["icmp", "icmpv6", "ipv6-icmp"];

/// Reads the protocol `name`; `None` where the gate knows none of that name.
///
/// `places` are those of the zones of its reach, one behind the other.
pub(super) fn read(
    name: &str,
    table: &Table<'_, '_>,
    places: &mut Vec<Mark>,
    report: &mut Report<'_>,
) -> Option<ProtocolReach> {
    table.refuse_unknown(KEYS, report);
    let protocol = OtherProtocol::of(name);
    if protocol.is_none() {
        refuse(name, table.at, report);
    }
    if table.get(REACH).is_none() {
        let name = clip(name);
        report.missing(
            table.at,
            text!("protocol.{name} has no reach", "protocol.{name} に reach がありません"),
            text!(
                "add reach = \"host\", which closes it, or the zones that may send it",
                "reach = \"host\"(遮断)か、通すゾーンを書き足してください"
            ),
        );
        return None;
    }
    let protocol = protocol?;
    let reach = read_reach(table, places, report);
    Some(ProtocolReach { protocol, reach, place: report.place(table.at).0 })
}

fn refuse(name: &str, at: Mark, report: &mut Report<'_>) {
    if JUDGED.iter().any(|protocol| protocol.name() == name) {
        report.wrong(
            at,
            text!("{name} is judged port by port", "{name} はポートごとに判定します"),
            text!(
                "declare its ports as a service: ports = [\"443/{name}\"]",
                "サービスとしてポートを宣言してください: ports = [\"443/{name}\"]"
            ),
        );
        return;
    }
    if CONTROL.contains(&name) {
        report.wrong(
            at,
            text!("{name} passes as far as connections need it", "{name} は通信に必要な範囲で常に通します"),
            text!("take this out", "この項目を削除してください"),
        );
        return;
    }
    let known = || OtherProtocol::ALL.into_iter().map(OtherProtocol::name);
    let guess = report.guess(name, known()).map(|guess| alloc::format!("`{guess}`"));
    let all = known().collect::<Vec<_>>();
    let (en_all, ja_all) = (all.join(", "), all.join("、"));
    let name = clip(name);
    report.wrong(
        at,
        text!(
            "`{name}` is no protocol that the gate can close",
            "`{name}` はゲートで扱えるプロトコルではありません"
        ),
        did_you_mean(
            guess.as_deref(),
            text!("the protocols are: {en_all}", "指定できるプロトコルは次のとおりです: {ja_all}"),
        ),
    );
}
