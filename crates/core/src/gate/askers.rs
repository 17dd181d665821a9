//! Who alone may send to a port of UDP for a while, as to a host that consents to be scanned (A15, A20; nft(8), "SETS").

use alloc::{format, string::String, vec::Vec};
use core::net::IpAddr;

use serde_json::Value;

use super::{
    Timeout, Transaction,
    elements::{close, put},
};
use crate::{
    address::Family,
    port::{PortRange, PortSpec, Protocol},
};

/// The sets of the gate, of IPv4 and of IPv6.
const SETS: [(Family, &str); 2] = [(Family::Ipv4, "askers4"), (Family::Ipv6, "askers6")];

/// Lets `sources`, and nobody else, send to a port of UDP for so long from now on.
///
/// The kernel refuses it where the table was made by a version of this program that had no such sets.
#[must_use]
pub fn ask_for(sources: &[IpAddr], port: u16, timeout: Timeout) -> Transaction {
    of_each(sources, port, |set, elements| put(set, elements, Some(timeout)))
}

/// Ends that early, and takes it as ended where its time is over already.
#[must_use]
pub fn ask_no_more(sources: &[IpAddr], port: u16) -> Transaction {
    of_each(sources, port, |set, elements| {
        let mut transaction = Transaction::default();
        close(set, elements, &mut transaction);
        transaction
    })
}

fn of_each(sources: &[IpAddr], port: u16, change: impl Fn(&str, &[String]) -> Transaction) -> Transaction {
    let each = SETS.into_iter().map(|(family, set)| {
        let own = sources.iter().map(IpAddr::to_canonical).filter(|source| Family::of(*source) == family);
        (set, own.map(|source| element(source, port)).collect::<Vec<_>>())
    });
    let filled = each.filter(|(_, elements)| !elements.is_empty());
    filled.fold(Transaction::default(), |all, (set, elements)| all.then(&change(set, &elements)))
}

/// The element of one who may send there.
pub(super) fn element(source: IpAddr, port: u16) -> String {
    format!("{source} . {port}")
}

/// The set that `source` is in.
pub(super) const fn set_of(source: IpAddr) -> &'static str {
    match source {
        IpAddr::V4(_) => SETS[0].1,
        IpAddr::V6(_) => SETS[1].1,
    }
}

/// Who may send where by a `value` of the set of this name: `{"concat": ["192.0.2.7", 29317]}`; `None` of any other set.
pub(super) fn read(set: &str, value: &Value) -> Option<(IpAddr, PortSpec)> {
    let [source, port] = value.get("concat")?.as_array()?.as_slice() else { return None };
    let source: IpAddr = source.as_str()?.parse().ok()?;
    let range = PortRange::one(u16::try_from(port.as_u64()?).ok()?);
    (set_of(source) == set).then_some((source, PortSpec { range, protocol: Protocol::Udp }))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use serde_json::json;

    use super::*;

    fn addresses(all: &[&str]) -> Vec<IpAddr> {
        all.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn each_is_put_in_the_set_of_its_family_for_that_time() {
        let minute = Timeout::of(Duration::from_secs(60)).unwrap();
        let all = addresses(&["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.8"]);
        let text = ask_for(&all, 29_317, minute);
        let lines: Vec<_> = text.as_str().lines().filter(|line| line.contains("timeout")).collect();
        assert_eq!(
            lines,
            [
                "add element inet portreeve askers4 { 192.0.2.7 . 29317 timeout 1m, 192.0.2.8 . 29317 timeout 1m }",
                "add element inet portreeve askers6 { 2001:db8::7 . 29317 timeout 1m }",
            ]
        );
        assert_eq!(ask_for(&[], 29_317, minute).as_str(), "", "nobody may");
        let ended = ask_no_more(&addresses(&["192.0.2.7"]), 29_317);
        assert_eq!(
            ended.as_str(),
            "add element inet portreeve askers4 { 192.0.2.7 . 29317 }\ndelete element inet portreeve askers4 { 192.0.2.7 . 29317 }\n"
        );
    }

    #[test]
    fn an_element_is_read_as_it_is_listed() {
        let listed = json!({"concat": ["192.0.2.7", 29317]});
        let port = "29317/udp".parse().unwrap();
        assert_eq!(read("askers4", &listed), Some(("192.0.2.7".parse().unwrap(), port)));
        assert_eq!(read("askers6", &listed), None, "of another family");
        for other in [json!(29317), json!({"concat": ["x", 1]}), json!({"concat": ["192.0.2.7", 65_536]})] {
            assert_eq!(read("askers4", &other), None);
        }
    }
}
