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
