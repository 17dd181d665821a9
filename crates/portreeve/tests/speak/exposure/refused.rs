//! What cannot be read, or means nothing: each error says what, where, why, and what to type next.

use super::{Folder, on_firewall};
use crate::run::{Said, run};

fn assert_refused(said: &Said, words: &[&str]) {
    assert_eq!((said.out.as_str(), said.code), ("", Some(2)), "{said:?}");
    for words in words {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
}

#[test]
fn a_folder_that_is_none_is_named() {
    let said = run("exposure --from-files /no/such");
    assert_refused(
        &said,
        &["cannot read the listings of /no/such", "there is no such folder", "ip -j addr > addr.json"],
    );
    let said = run("exposure --from-files /no/such --lang ja");
    assert_refused(&said, &["/no/such の一覧を読めません", "そのようなフォルダはありません"]);
}

#[test]
fn an_empty_folder_is_told_what_belongs_there() {
    let folder = Folder::with(&[("readme", "x")]);
    let said = folder.exposure("");
    assert_refused(
        &said,
        &["there is no listing in it", "nft.json, nft-netlink.txt, iptables-save.txt", "route.json"],
    );
}

#[test]
fn without_the_addresses_nothing_is_judged() {
    let folder = Folder::with(&[("nft.json", r#"{"nftables":[]}"#)]);
    let said = folder.exposure("");
    assert_refused(&said, &["addr.json is missing", "on that host: ip -j addr > addr.json"]);
    assert_refused(&folder.exposure("--lang ja"), &["addr.json がありません", "対象のホストで実行"]);
}

#[test]
fn a_listing_that_is_none_is_named_with_its_place_and_what_prints_it() {
    for (name, content, why, command) in [
        ("addr.json", "[\n{x", "not JSON, line 2, column 2", "ip -j addr"),
        ("addr.json", "[{}]", "entry 1: `{}` is no interface", "ip -j addr"),
        ("addr.json", "", "no interface is listed", "ip -j addr"),
        ("route.json", "{}", "not a list", "ip -j -6 route"),
        ("nft.json", "{\n", "not JSON, line 2", "nft -j list ruleset"),
        ("iptables-save.txt", "*filter\nx\n", "line 2", "iptables-nft-save"),
        ("ip6tables-save.txt", "x\n", "line 1", "ip6tables-nft-save"),
        ("iptables-legacy-save.txt", "x\n", "line 1", "iptables-legacy-save"),
        ("ip6tables-legacy-save.txt", "x\n", "line 1", "ip6tables-legacy-save"),
        ("ipset.txt", "\nadd nowhere 1.2.3.4\n", "line 2", "ipset save"),
    ] {
        let said = Folder::with_listing(name, content).exposure("");
        assert_refused(&said, &["cannot judge", &format!("cause: {name}: "), why, command]);
    }
    let said = Folder::with_listing("nft.json", "{").exposure("--lang ja");
    assert_refused(
        &said,
        &["一覧からパケットフィルターを判定できません", "nft.json", "正しい内容の確認: nft -j list ruleset"],
    );
}

#[test]
fn a_place_that_is_none_is_told_what_there_is() {
    let said = on_firewall("22 --from lna0");
    assert_refused(&said, &["`lna0` is neither a zone", "did you mean lan0?"]);
    let said = on_firewall("22 --from 203.0.113.0/33 --lang ja");
    assert_refused(&said, &["`203.0.113.0/33` はゾーンでも", "world, host, lo, wan0, lan0, docker0"]);
}

#[test]
fn a_port_that_is_none_is_refused() {
    assert_refused(&on_firewall("443/tpc"), &["`443/tpc` names no port"]);
    assert_refused(&on_firewall("banana"), &["`banana` names no port"]);
}

#[test]
fn a_packet_that_cannot_be_followed_is_told_why() {
    for (line, why, next) in [
        ("--trace 203.0.113 22", "`203.0.113` is no IP address", "--trace 203.0.113.7 443/tcp"),
        ("--trace 8.8.8.8", "it is not said to which port", "--trace 203.0.113.7 443/tcp"),
        ("--trace 8.8.8.8 80-90/tcp", "80-90/tcp is several ports", "such as: 80/tcp"),
        ("--trace 8.8.8.8 22 --in wan9", "there is no interface `wan9`", ""),
        ("--trace 8.8.8.8 22 --to 2001:db8::1", "not of the same family", ""),
    ] {
        assert_refused(&on_firewall(line), &["cannot follow such a packet", why, next]);
    }
    assert_refused(
        &on_firewall("--trace 8.8.8.8 --lang ja"),
        &["このパケットは追跡できません", "宛先ポートが指定されていません"],
    );
    let folder = Folder::with(&[("addr.json", r#"[{"ifname":"lo"}]"#)]);
    assert_refused(
        &folder.exposure("--trace 8.8.8.8 22"),
        &["this host has no address of IPv4", "--to ADDRESS"],
    );
}
