//! Two owners stand on one number, and the kernel deals clients out between them (A5, A13, A25).

use alloc::{collections::BTreeMap, format, vec::Vec};

use crate::{
    address::{Address, Breadth, Family},
    facts::Listener,
    finding::{Finding, Severity},
    owner::Lasting,
    port::Protocol,
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{Holding, World},
};

/// Two different owners share an undeclared number, or one shadows the other.
pub(super) const RULE: Rule = Rule {
    name: "shared-by-strangers",
    severity: Severity::Critical,
    article: &["A5", "A13", "A25"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "Two different owners share one undeclared port (SO_REUSEPORT), or one takes a specific address from under the other's wildcard.",
            ja: "宣言のない 1 つのポートを 2 つの所有者が共有している(SO_REUSEPORT)か、一方が特定のアドレスで待ち受け、全アドレスで待ち受ける他方宛ての通信を横取りしています。",
        },
        why: Words {
            en: "The kernel sends each client to one of them as it likes. One of the two reads what was meant for the other.",
            ja: "カーネルはクライアントをどちらか一方に振り分けます。そのため、一方が他方宛ての通信を読むことになります。",
        },
        fix: Words {
            en: "Stop the one that does not belong there or give it another number, and declare the other in the policy.",
            ja: "本来使うべきでない方を停止するか別の番号に移し、もう一方を policy に宣言します。",
        },
    },
    check,
};

/// UDP numbers that every program on a host shares for multicast or broadcast: DHCP, SSDP, WS-Discovery, mDNS, LLMNR.
const SHARED_BY_DESIGN: [u16; 8] = [67, 68, 546, 547, 1900, 3702, 5353, 5355];

fn check(world: &World<'_>) -> Vec<Finding> {
    let holdings: Vec<_> = world.holdings().filter(|holding| holding.declared.is_none()).collect();
    holdings.chunk_by(|a, b| number(a) == number(b)).filter_map(judge).collect()
}

fn number(holding: &Holding<'_>) -> (u64, Protocol, u16) {
    let listener = holding.widest();
    (listener.netns, listener.protocol, listener.port)
}

fn judge(holdings: &[&Holding<'_>]) -> Option<Finding> {
    let (_, protocol, port) = number(holdings.first()?);
    if holdings.len() < 2 || (protocol == Protocol::Udp && SHARED_BY_DESIGN.contains(&port)) {
        return None;
    }
    let meeting = meeting(holdings)?;
    let (one, other) = (meeting.one, meeting.other);
    let mut finding = RULE.finding(describe(&meeting), advise()).about(one);
    finding.address = Some(meeting.address.clone());
    finding.holders.extend(other.pids());
    Some(finding.run([format!("portreeve who {}", one.spec())]))
}

/// Two owners who can both be given the same packet.
struct Meeting<'m, 'a> {
    one: &'m Holding<'a>,
    other: &'m Holding<'a>,
    address: &'a Address,
    manner: Manner,
}

enum Manner {
    /// Both at the same address.
    Shared,
    /// `one` at a specific address, `other` at every one.
    Shadowed,
}

/// Where a socket takes packets: its address and device.
type Endpoint<'a> = (core::net::IpAddr, Option<&'a str>);

/// The first two holdings of one number that meet; each socket is looked at once or twice, however many there are.
fn meeting<'m, 'a>(holdings: &[&'m Holding<'a>]) -> Option<Meeting<'m, 'a>> {
    let mut owners: BTreeMap<Endpoint<'a>, (Lasting<'a>, &'m Holding<'a>)> = BTreeMap::new();
    for (lasting, holding, listener) in known(holdings) {
        for endpoint in endpoints(listener) {
            let (first, one) = owners.entry(endpoint).or_insert((lasting, holding));
            if *first != lasting {
                return Some(Meeting {
                    one,
                    other: holding,
                    address: &listener.address,
                    manner: Manner::Shared,
                });
            }
        }
    }
    known(holdings).filter(|(.., listener)| listener.breadth() != Breadth::Wildcard).find_map(
        |(lasting, holding, listener)| {
            let (other, wide) = owners.get(&wildcard_over(listener)?)?;
            let shadowed = *other != lasting;
            shadowed.then_some(Meeting {
                one: holding,
                other: wide,
                address: &listener.address,
                manner: Manner::Shadowed,
            })
        },
    )
}

fn known<'m, 'a>(
    holdings: &[&'m Holding<'a>],
) -> impl Iterator<Item = (Lasting<'a>, &'m Holding<'a>, &'a Listener)> {
    holdings.iter().filter_map(|holding| Some((holding.identity.lasting_owner()?, *holding))).flat_map(
        |(lasting, holding)| holding.listeners.iter().map(move |listener| (lasting, holding, *listener)),
    )
}

/// A dual-stack wildcard takes every address of both families.
fn endpoints(listener: &Listener) -> Vec<Endpoint<'_>> {
    let device = listener.device.as_deref();
    let ip = listener.address.ip.to_canonical();
    let mut endpoints = alloc::vec![(ip, device)];
    if ip.is_unspecified() && ip.is_ipv6() && listener.hears_ipv4() {
        endpoints.push((core::net::Ipv4Addr::UNSPECIFIED.into(), device));
    }
    endpoints
}

fn wildcard_over(listener: &Listener) -> Option<Endpoint<'_>> {
    let any = Family::of(listener.address.ip.to_canonical()).wildcard();
    // A device is chosen on purpose (SO_BINDTODEVICE): only sockets tied alike can take from each other unawares.
    Some((any, listener.device.as_deref()))
}

fn describe(meeting: &Meeting<'_, '_>) -> Text {
    let (Text { en, ja }, Text { en: en_other, ja: ja_other }) = (meeting.one.who(), meeting.other.who());
    let spec = meeting.one.spec();
    let address = meeting.address;
    match meeting.manner {
        Manner::Shared => text!(
            "{en} and {en_other} share {spec}: the kernel gives each client to one of them",
            "{ja} と {ja_other} が {spec} を共有しており、クライアントはどちらか一方に振り分けられます"
        ),
        Manner::Shadowed => text!(
            "{en} takes what is sent to {address} on {spec} from {en_other}, which listens on every address",
            "全アドレスで待ち受ける {ja_other} の {spec} のうち、{address} 宛ての通信を {ja} が受け取っています"
        ),
    }
}

fn advise() -> Text {
    text!(
        "stop one of them or give it another number, and declare the other in the policy",
        "一方を停止するか別の番号に移し、もう一方を policy に宣言してください"
    )
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::scene;

    #[test]
    fn two_owners_of_one_number_are_found_once() {
        let scene = scene()
            .listens("blue.service", "0.0.0.0:8080/tcp")
            .listens("green.service", "0.0.0.0:8080/tcp")
            .listens("red.service", "0.0.0.0:8080/tcp");
        assert_eq!(
            scene.texts("shared-by-strangers"),
            ["8080/tcp: blue and green share 8080/tcp: the kernel gives each client to one of them"]
        );
    }

    #[test]
    fn a_specific_address_shadows_anothers_wildcard() {
        let scene =
            scene().listens("wide.service", "[::]:8080/tcp").listens("narrow.service", "127.0.0.1:8080/tcp");
        assert_eq!(
            scene.texts("shared-by-strangers"),
            [
                "8080/tcp: narrow takes what is sent to 127.0.0.1 on 8080/tcp from wide, which listens on every address"
            ]
        );
    }

    #[test]
    fn one_owners_group_of_sockets_is_no_sharing() {
        let scene = scene()
            .listens("blue.service", "0.0.0.0:8080/tcp")
            .listens("blue.service", "0.0.0.0:8080/tcp")
            .listens("blue.service", "127.0.0.1:8080/tcp");
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn two_addresses_two_families_or_two_devices_do_not_meet() {
        let addresses = scene()
            .listens("blue.service", "127.0.0.53:53/udp")
            .listens("green.service", "192.168.1.1:53/udp");
        assert_eq!(addresses.rules(), [""; 0]);
        let families = scene()
            .listens("blue.service", "0.0.0.0:8080/tcp")
            .listens("green.service", "[::]:8080/tcp")
            .v6only();
        assert!(families.found("shared-by-strangers").is_empty());
        let devices = scene()
            .listens("blue.service", "0.0.0.0:8080/tcp")
            .listens("green.service", "0.0.0.0:8080/tcp")
            .socket(|socket| socket.device = Some("br-a".into()));
        assert!(devices.found("shared-by-strangers").is_empty());
    }

    #[test]
    fn multicast_numbers_are_shared_by_design() {
        let scene = scene()
            .listens("avahi-daemon.service", "0.0.0.0:5353/udp")
            .listens("session-2.scope", "0.0.0.0:5353/udp")
            .program("chrome", "dev");
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn an_owner_that_cannot_be_seen_may_be_the_same() {
        let scene = scene()
            .listens("blue.service", "0.0.0.0:8080/tcp")
            .listens("session-2.scope", "0.0.0.0:8080/tcp")
            .hidden();
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn on_a_declared_port_the_thief_has_a_name() {
        let scene = scene()
            .service("shop", "8080/tcp", "blue.service")
            .reach("world")
            .listens("blue.service", "0.0.0.0:8080/tcp")
            .listens("green.service", "0.0.0.0:8080/tcp");
        assert_eq!(scene.rules(), ["stolen-port"]);
    }
}
