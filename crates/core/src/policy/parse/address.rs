//! Reads the addresses, networks and interfaces that a policy names (A4).

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};
use core::net::IpAddr;

use ipnet::IpNet;

use super::{
    lines::Mark,
    report::{Report, clip},
};
use crate::{
    address::{self, Address},
    text,
};

/// IFNAMSIZ with its final zero (include/uapi/linux/if.h).
const INTERFACE_BYTES_MAX: usize = 15;

/// Addresses where a service may be bound, each once.
pub(super) fn addresses(written: &[(Mark, &str)], report: &mut Report<'_>) -> Vec<Address> {
    let mut seen = BTreeSet::new();
    let mut addresses = Vec::with_capacity(written.len());
    for &(at, text) in written {
        addresses.extend(address(text, at, report).filter(|address| seen.insert(address.clone())));
    }
    addresses
}

fn address(written: &str, at: Mark, report: &mut Report<'_>) -> Option<Address> {
    let read: Option<Address> = written.parse().ok();
    let clipped = clip(written);
    let Some(address) = read else {
        let fix = match written.parse::<IpNet>() {
            Ok(_) => text!(
                "a service is bound to one address; networks belong in a zone's `from`",
                "`address` に書けるのは個々のアドレスです。ネットワークはゾーンの `from` に書いてください"
            ),
            Err(_) if written == "localhost" => {
                text!("write [\"127.0.0.1\", \"::1\"]", "[\"127.0.0.1\", \"::1\"] と書いてください")
            }
            Err(_) if written == "*" => {
                text!(
                    "leave `address` out: then it may be bound anywhere",
                    "待ち受けるアドレスを問わないなら `address` を省いてください"
                )
            }
            Err(_) => text!(
                "write it like \"127.0.0.1\", \"::1\" or \"fe80::1%eth0\"",
                "\"127.0.0.1\"、\"::1\"、\"fe80::1%eth0\" のように書いてください"
            ),
        };
        report.wrong(at, text!("`{clipped}` is not an address", "`{clipped}` はアドレスではありません"), fix);
        return None;
    };
    if address.interface.as_deref().is_some_and(|interface| !is_interface(interface)) {
        refuse_interface(&clipped, at, report);
        return None;
    }
    Some(address)
}

/// Networks of a zone; a bare address is a network of one.
pub(super) fn networks(written: &[(Mark, &str)], report: &mut Report<'_>) -> Vec<IpNet> {
    let mut networks = Vec::with_capacity(written.len());
    for &(at, text) in written {
        if let Some(network) = network(text, at, report) {
            networks.push(network);
        }
    }
    networks
}

fn network(written: &str, at: Mark, report: &mut Report<'_>) -> Option<IpNet> {
    let read = written.parse::<IpNet>().ok().or_else(|| written.parse::<IpAddr>().ok().map(IpNet::from));
    let clipped = clip(written);
    let Some(network) = read else {
        report.wrong(
            at,
            text!("`{clipped}` is not a network", "`{clipped}` はネットワークではありません"),
            text!(
                "write it like \"203.0.113.0/24\" or \"2001:db8:1::/48\"",
                "\"203.0.113.0/24\" や \"2001:db8:1::/48\" のように書いてください"
            ),
        );
        return None;
    };
    let whole = network.trunc();
    if whole != network {
        report.doubt(
            at,
            text!("{clipped} means all of {whole}", "{clipped} は {whole} 全体を意味します"),
            text!(
                "write \"{whole}\", or the address alone if only that host is meant",
                "\"{whole}\" と書くか、そのホストだけならアドレスだけを書いてください"
            ),
        );
    }
    doubt_mapped(whole, at, report);
    Some(whole)
}

/// Packets of IPv4 carry addresses of IPv4, whatever the socket that takes them shows (RFC 4291, 2.5.5.2).
fn doubt_mapped(network: IpNet, at: Mark, report: &mut Report<'_>) {
    let IpNet::V6(mapped) = network else { return };
    let Some(ipv4) = address::mapped(mapped) else { return };
    report.doubt(
        at,
        text!(
            "{network} is IPv4 in the clothes of IPv6: no packet comes from there",
            "{network} は IPv6 形式で書いた IPv4 です。そこから届くパケットはありません"
        ),
        text!("write \"{ipv4}\"", "\"{ipv4}\" と書いてください"),
    );
}

/// Interfaces of a zone: names, or beginnings of names with `*`.
pub(super) fn interfaces(written: &[(Mark, &str)], report: &mut Report<'_>) -> Vec<String> {
    let mut interfaces = Vec::with_capacity(written.len());
    for &(at, text) in written {
        let stem = text.strip_suffix('*').unwrap_or(text);
        if !text.is_empty() && (stem.is_empty() || is_interface(stem)) {
            interfaces.push(text.into());
        } else {
            refuse_interface(&clip(text), at, report);
        }
    }
    interfaces
}

/// The interface that a service is tied to.
pub(super) fn device(written: &str, at: Mark, report: &mut Report<'_>) -> Option<String> {
    if is_interface(written) {
        return Some(written.into());
    }
    refuse_interface(&clip(written), at, report);
    None
}

/// Whether the kernel takes it as the name of an interface (dev_valid_name in net/core/dev.c), with no `*` in it.
#[must_use]
pub fn is_interface(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= INTERFACE_BYTES_MAX
        && name != "."
        && name != ".."
        && !name.contains(|letter: char| {
            "/:*%\"\\".contains(letter) || letter.is_whitespace() || letter.is_control()
        })
}

fn refuse_interface(written: &str, at: Mark, report: &mut Report<'_>) {
    let most = format!("{INTERFACE_BYTES_MAX}");
    report.wrong(
        at,
        text!("`{written}` cannot be an interface", "`{written}` はインターフェース名として使えません"),
        text!(
            "write a name of up to {most} letters like \"eth1\"; in a zone `*` at the end stands for anything",
            "\"eth1\" のように {most} 文字以内で書いてください。ゾーンでは末尾の `*` が任意の文字列を表します"
        ),
    );
}
