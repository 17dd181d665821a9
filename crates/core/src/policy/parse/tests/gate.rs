//! What a policy says of the gate, and what nobody can mean by it.

use alloc::{format, vec::Vec};

use super::*;
use crate::{gate::Refusal, policy::Management};

#[test]
fn a_policy_says_what_becomes_of_the_rest() {
    let refusal = |text: &str| parsed(text).unwrap().policy.refusal;
    assert_eq!(refusal("version = 1\n"), Refusal::Drop);
    assert_eq!(refusal("version = 1\nrefuse = \"drop\"\n"), Refusal::Drop);
    assert_eq!(refusal("version = 1\nrefuse = \"reject\"\n"), Refusal::Reject);
}

#[test]
fn another_way_to_refuse_is_a_mistake() {
    let found = |value: &str| mistakes(&format!("version = 1\nrefuse = {value}\n"));
    let near = found("\"rejct\"");
    assert_eq!(near, ["2:10 \"rejct\" | nothing is refused by `rejct` | did you mean \"reject\"?"]);
    assert!(found("\"tarpit\"")[0].contains("| write \"drop\" (the sender hears nothing) or"));
    assert!(found("true")[0].starts_with("2:10 true | `refuse` is text, not true or false | "));
    let below = mistakes("version = 1\n[zone.a]\nfrom = \"10.0.0.1\"\nrefuse = \"drop\"\n");
    assert!(below[0].starts_with("4:1 refuse | `refuse` is not a key here"), "{below:?}");
}

#[test]
fn two_files_say_it_once() {
    let texts = ["version = 1\nrefuse = \"drop\"\n", "# more\nrefuse = \"reject\"\n"];
    let sources = texts.map(|text| Source { name: "x".into(), text });
    let found = parse(&sources, Registry::builtin()).unwrap_err();
    assert_eq!(found[0].text.en, "`refuse` is written twice");
    assert_eq!((found[0].place.line, found[0].also.as_ref().unwrap().line), (2, 2));
}

#[test]
fn a_policy_says_who_may_send_what_has_no_ports() {
    let text = "version = 1\n[zone.peers]\nfrom = \"10.0.0.0/8\"\n[protocol.gre]\nreach = [\"peers\", \"peers\"]\n\
                [protocol.ospf]\nreach = \"host\"\n";
    let protocols = parsed(text).unwrap().policy.protocols;
    let told: Vec<_> = protocols.iter().map(|it| (it.protocol.name(), it.reach.join(" "))).collect();
    assert_eq!(told, [("gre", "peers".into()), ("ospf", "host".into())]);
    assert_eq!((protocols[1].place.line, protocols[1].place.column), (6, 11));
}

#[test]
fn a_protocol_that_the_gate_cannot_close_is_a_mistake() {
    let found = |lines: &str| mistakes(&format!("version = 1\n{lines}\n"));
    let near = found("[protocol.ospff]\nreach = \"host\"");
    assert_eq!(near, ["2:11 ospff | `ospff` is no protocol that the gate can close | did you mean `ospf`?"]);
    assert!(found("[protocol.hopopt]\nreach = \"host\"")[0].contains("| the protocols are: gre, esp, "));
    let control = found("[protocol.icmp]\nreach = \"host\"");
    assert_eq!(control, ["2:11 icmp | icmp passes as far as connections need it | take this out"]);
    let judged = found("[protocol.tcp]\nreach = \"host\"");
    assert!(judged[0].starts_with("2:11 tcp | tcp is judged port by port | declare its ports"), "{judged:?}");
    assert!(found("[protocol.gre]")[0].starts_with("2:11 gre | protocol.gre has no reach | "));
    assert!(found("[protocol.gre]\nreech = \"host\"")[1].contains("| did you mean `reach`?"));
    let zone = found("[protocol.gre]\nreach = \"wrold\"");
    assert_eq!(zone, ["3:9 \"wrold\" | no zone is called `wrold` | did you mean \"world\"?"]);
    // The places of a reach are not those of another protocol that could not be read.
    let second = found("[protocol.g]\nreach = \"host\"\n[protocol.esp]\nreach = \"none\"");
    assert!(second[1].starts_with("5:9 \"none\" | no zone is called `none`"), "{second:?}");
}

#[test]
fn a_protocol_is_spoken_of_once() {
    let texts = ["version = 1\n[protocol.gre]\nreach = \"host\"\n", "[protocol.gre]\nreach = \"world\"\n"];
    let sources = texts.map(|text| Source { name: "x".into(), text });
    let found = parse(&sources, Registry::builtin()).unwrap_err();
    assert_eq!(found[0].text.en, "protocol.gre is written twice");
}

#[test]
fn a_policy_says_from_where_the_host_is_managed() {
    let management = |value: &str| {
        let text = format!("version = 1\n[zone.admin]\nfrom = \"10.0.0.0/8\"\n{value}\n");
        parsed(&text).unwrap().policy.zones[0].management.clone()
    };
    let ports =
        |ports: &[&str]| Some(Management::Ports(ports.iter().map(|spec| spec.parse().unwrap()).collect()));
    assert_eq!(management(""), None);
    assert_eq!(management("management = true"), Some(Management::Ssh));
    assert_eq!(management("management = false"), None);
    assert_eq!(management("management = \"ssh/tcp\""), ports(&["22/tcp"]));
    assert_eq!(
        management("management = [\"22/tcp\", \"60000-61000/udp\"]"),
        ports(&["22/tcp", "60000-61000/udp"])
    );
}

#[test]
fn a_zone_that_manages_by_no_port_is_a_mistake() {
    let found = |value: &str| {
        mistakes(&format!("version = 1\n[zone.admin]\nfrom = \"10.0.0.0/8\"\nmanagement = {value}\n"))
    };
    assert!(
        found("22")[0].starts_with("4:14 22 | `management` is true, a port or a list of ports, not a number")
    );
    assert!(found("\"22\"")[0].contains("`22` names no protocol"));
    assert!(found("[]")[0].contains("`management` is empty"));
    let word = &found("\"Yes\"")[0];
    assert!(word.contains("is true, a port or a list of ports, not text"), "{word}");
    assert!(word.contains("management = true"), "{word}");
    assert!(found("[true]")[0].contains("`management` is text or a list of texts"));
    // It says nothing of where packets come from.
    let empty = mistakes("version = 1\n[zone.admin]\nmanagement = true\n");
    assert!(empty[0].contains("zone.admin is empty"), "{empty:?}");
}
