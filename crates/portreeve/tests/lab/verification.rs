//! Whether a port of this host answers is asked from a place beside it, by real packets (A15, A16).

use std::{
    env,
    fs::File,
    net::{IpAddr, Ipv4Addr},
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use portreeve_host::enforce::vantage::{Answer, Vantage};
use portreeve_lab::{engine::Docker, profile};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::site::{Site, lab};

/// Does `work` on a thread that is in this network namespace.
fn within<R: Send>(namespace: &Path, work: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let entered = scope.spawn(|| {
            let namespace = File::open(namespace).expect("the host runs");
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).expect("root may");
            work()
        });
        entered.join().expect("it does not panic")
    })
}

/// The links of the host, and what is asked about them.
fn links(site: &Site) -> String {
    site.run("ip -o link | cut -d: -f2; ip -o addr | awk '{print $2, $4}'; ip route; ip -6 route").stdout
}

fn policy(site: &Site, ports: &str) {
    let policy = format!(
        "version = 1\n[service.web]\nports = [{ports}]\nowner = {{ unit = \"nginx.service\" }}\nreach = \"world\"\n"
    );
    site.run(&format!("mkdir -p /etc/portreeve && printf '%s' '{policy}' > /etc/portreeve/policy.toml"));
}

/// What answers is told apart from what refuses and from what is silent, and nothing of it is left.
#[test]
fn a_port_is_asked_before_it_is_closed_and_after() {
    let site = Site::boot(&profile::WEB);
    let before = links(&site);
    let place = site.host.place();
    let addresses: Vec<IpAddr> = [place.ipv4.to_string(), place.ipv6.to_string()]
        .iter()
        .map(|address| address.parse().expect("the lab's addresses are some"))
        .collect();
    within(&site.host.namespace().path(), || {
        let vantage = Vantage::open().expect("root may");
        for &address in &addresses {
            assert_eq!(vantage.ask(address, 80), Answer::Connected, "{address}");
            assert_eq!(vantage.ask(address, 81), Answer::Refused, "{address}: nobody listens");
        }
        policy(&site, "\"443/tcp\"");
        assert_eq!(site.ask("apply --no-trial --no-session").status, 0);
        for &address in &addresses {
            assert_eq!(vantage.ask(address, 80), Answer::Silent, "{address}");
        }
        policy(&site, "\"80/tcp\"");
        assert_eq!(site.ask("apply --no-trial --no-session").status, 0);
        for &address in &addresses {
            assert_eq!(vantage.ask(address, 80), Answer::Connected, "{address}");
        }
        // Two at once do not meet.
        let other = Vantage::open().expect("root may");
        assert_eq!(other.ask(addresses[0], 80), Answer::Connected);
        assert_ne!(links(&site), before);
    });
    assert_eq!(links(&site), before);
    site.run("nft delete table inet portreeve");
    // Another firewall's word is the host's.
    for (rule, answer) in
        [("reject with icmp type host-prohibited", Answer::Refused), ("drop", Answer::Silent)]
    {
        site.run(&format!("nft 'table inet other {{ chain input {{ type filter hook input priority 0; tcp dport 80 {rule}; }}; }}'"));
        within(&site.host.namespace().path(), || {
            assert_eq!(Vantage::open().expect("root may").ask(addresses[0], 80), answer, "{rule}");
        });
        site.run("nft delete table inet other");
    }
}

/// A port that Docker publishes is asked where it leads: into the container.
#[test]
fn a_published_port_is_asked_too() {
    let site = Site::boot(&profile::BARE);
    let docker = lab(Docker::start(&site.host));
    lab(docker.serve("shop", "-p 8080:80", 80));
    site.fetch(&format!(
        "curl -s -o /dev/null --retry 20 --retry-connrefused http://{}:8080/",
        site.host.place().ipv4
    ));
    let address: IpAddr = site.host.place().ipv4.to_string().parse().expect("an address");
    within(&site.host.namespace().path(), || {
        let vantage = Vantage::open().expect("root may");
        assert_eq!(vantage.ask(address, 8080), Answer::Connected);
        policy(&site, "\"443/tcp\"");
        let applied = site.ask("apply --no-trial --no-session");
        assert_eq!(applied.status, 0, "{applied:#?}");
        assert!(applied.stdout.contains("Rehearsed with "), "{applied:#?}");
        assert_eq!(vantage.ask(address, 8080), Answer::Silent);
    });
}

/// Of a range that a rule sends into a container the closed number is asked, wherever in the range it is.
#[test]
fn a_number_within_a_published_range_is_asked() {
    let site = Site::boot(&profile::BARE);
    let docker = lab(Docker::start(&site.host));
    lab(docker.serve("shop", "-p 8080:80", 80));
    let address = lab(docker.run("inspect -f '{{.NetworkSettings.IPAddress}}' shop")).stdout;
    let address = address.trim();
    site.run(&format!(
        "nft 'table ip lab {{ chain dstnat {{ type nat hook prerouting priority -100; tcp dport 9000-9009 dnat to {address}:80; }}; }}'; \
         iptables -I FORWARD -d {address} -p tcp --dport 80 -j ACCEPT"
    ));
    let closed = site.ask("close 9005/tcp --no-session");
    assert_eq!(closed.status, 0, "{closed:#?}");
    assert!(closed.stdout.contains("9005/tcp over IPv4 answered before, and no longer does"), "{closed:#?}");
}

const HELD: &str = "PORTREEVE_LAB_HELD";

/// However whoever asks ends, the wire goes with him.
#[test]
fn the_wire_goes_with_whoever_asks() {
    let site = Site::boot(&profile::BARE);
    let before = links(&site);
    let program = env::current_exe().expect("this is a program");
    let mut held = Command::new(program)
        .args(["--ignored", "--exact", "lab::verification::a_wire_is_held_until_it_is_killed"])
        .env(HELD, site.host.namespace().path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("it is there");
    let is_up = || links(&site).contains("pr-v");
    let came = (0..50).any(|_| {
        is_up() || {
            thread::sleep(Duration::from_millis(100));
            false
        }
    });
    held.kill().expect("it runs");
    held.wait().expect("it runs");
    assert!(came, "it never came");
    // The kernel takes namespaces down one after the other.
    let _ = (0..100).find(|_| {
        thread::sleep(Duration::from_millis(100));
        links(&site) == before
    });
    assert_eq!(links(&site), before);
}

/// The other half of the test above.
#[test]
#[ignore = "the_wire_goes_with_whoever_asks starts it and kills it"]
fn a_wire_is_held_until_it_is_killed() {
    let host = PathBuf::from(env::var_os(HELD).expect("another test starts it"));
    within(&host, || {
        let vantage = Vantage::open().expect("root may");
        assert_eq!(vantage.ask(Ipv4Addr::LOCALHOST.into(), 1), Answer::Refused);
        thread::sleep(Duration::from_secs(30));
    });
}
