//! A host of a fleet, whose ledger is in etcd: what it claims stays with its kernel, whatever it claims for others (A9, A24).

use std::path::Path;

use portreeve_lab::{
    Host, Network,
    etcd::{Door, Etcd},
    profile,
};

use super::site::{PORTREEVE, lab};

#[test]
fn what_is_claimed_elsewhere_takes_nothing_from_this_host() {
    let network = lab(Network::create());
    let host = lab(Host::boot(&network, &profile::BARE, Path::new(PORTREEVE)));
    let etcd = lab(Etcd::start(&network, Door::Open));
    let run = |words: &str| {
        let ledger = format!("etcd+http://{}/fleet", etcd.endpoints().join(","));
        let output = lab(host.run(&format!("export PORTREEVE_LEDGER={ledger}; {words}")));
        assert_eq!(output.status, 0, "{words}: {output:#?}");
        output.stdout
    };
    let reserved = || run("cat /proc/sys/net/ipv4/ip_local_reserved_ports");
    run("mount -o remount,rw /proc/sys");
    run("portreeve claim own 50001-50010/tcp");
    run("portreeve claim inside 24990/tcp --scope netns:foo");
    run("portreeve claim theirs --scope host:ffff && portreeve release theirs --scope host:ffff");
    run(r#"echo '{"name":"more","scope":"netns:foo"}' | portreeve claim --batch -"#);
    assert_eq!(reserved(), "50001-50010\n");
    run("portreeve claim all 24991/tcp --scope fleet");
    assert_eq!(reserved(), "24991,50001-50010\n");
}

/// Whoever joins a fleet takes his claims along: once the policy names the new ledger, what the host's file claims is in nobody's way.
#[test]
fn a_host_that_joins_a_fleet_takes_its_claims_along() {
    let network = lab(Network::create());
    let host = lab(Host::boot(&network, &profile::BARE, Path::new(PORTREEVE)));
    let etcd = lab(Etcd::start(&network, Door::Certified));
    let run = |words: &str| {
        let output = lab(host.run(words));
        assert_eq!(output.status, 0, "{words}: {output:#?}");
        output.stdout
    };
    run("mount -o remount,rw /proc/sys; mkdir -p /etc/portreeve/etcd");
    for file in ["ca.pem", "client.pem", "client-key.pem"] {
        lab(host.put(&etcd.file(file), &format!("/etc/portreeve/etcd/{file}")));
    }
    run("portreeve claim web 25000 && portreeve ledger export >/root/claims");
    let store =
        format!("version = 1\n[ledger]\nstore = \"etcd+https://{}/fleet\"\n", etcd.endpoints().join(","));
    lab(host.write("/etc/portreeve/policy.toml", &store));
    assert_eq!(run("portreeve claims | grep -c 25000; true"), "0\n", "it is the fleet's that is asked now");
    run("portreeve ledger import /root/claims");
    assert_eq!(run("portreeve claim web"), "25000\n");
    assert_eq!(run("cat /proc/sys/net/ipv4/ip_local_reserved_ports"), "25000\n");
}
