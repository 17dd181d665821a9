//! What is for an address that no interface has comes in where the policy says so, and no longer than it does (A5, A12).

use portreeve_lab::profile;

use super::site::{Site, lab};

/// In no network that the host has.
const ADDRESSES: [&str; 2] = ["203.0.113.77", "2001:db8:77::77"];
const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.shop]
ports = ["8080/tcp"]
address = ["203.0.113.77", "2001:db8:77::77"]
owner = { unit = "shop.service" }
reach = "world"
steer = { when_dead = "refuse", local = true, target_port = 9000 }
"#;
const SHOP: &str = r#"
import http.server, socket, threading
class V6(http.server.HTTPServer):
    address_family = socket.AF_INET6
for server in (http.server.HTTPServer, V6):
    one = server(("localhost" if server is not V6 else "::1", 9000), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=one.serve_forever).start()
"#;
const APPLY: &str = "apply --no-session";
/// The routes of a host, but for those that come some time after it.
const ROUTES: &str = "ip route show table all | grep -v fe80";

#[test]
fn what_is_for_an_address_of_nobodys_comes_in_while_it_is_declared() {
    let site = Site::boot(&profile::BARE);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    lab(site.host.write("/srv/shop.py", SHOP));
    site.run("systemd-run -q -u shop python3 /srv/shop.py");
    site.run("timeout 10 sh -c 'until [ $(ss -Hltn sport = :9000 | wc -l) = 2 ]; do sleep 0.1; done'");
    let host = &site.host;
    site.fetch(&format!("ip route add 203.0.113.0/24 via {}", host.place().ipv4));
    site.fetch(&format!("ip -6 route add 2001:db8:77::/64 via {}", host.place().ipv6));
    let answers = || {
        ADDRESSES.map(|address| {
            let place = if address.contains(':') { format!("[{address}]") } else { address.into() };
            let asked = format!("curl -sgo /dev/null -m 3 -w '%{{http_code}}' http://{place}:8080/");
            lab(site.client.run(&asked)).stdout
        })
    };
    let routes = || site.run(ROUTES).stdout;
    let before = routes();
    let added = || site.run("ip route show table local proto 112; ip -6 route show table local proto 112");

    // On trial nothing that outlasts it is done.
    site.run(&format!("portreeve {APPLY} --trial 60s"));
    assert_eq!((added().stdout, answers()), (String::new(), ["000", "000"].map(String::from)));
    site.run("portreeve confirm");
    assert_eq!(answers(), ["200", "200"]);
    assert_eq!(added().stdout.lines().count(), 2);
    let nothing = site.ask("plan --no-session");
    assert!(nothing.stdout.contains("Nothing to do"), "{nothing:#?}");

    // Whoever takes a route away is told of, and it comes back.
    site.run("ip route del local 203.0.113.77 table local");
    assert!(site.ask("audit").stdout.contains("steered-to-nobody"));
    site.run(&format!("portreeve {APPLY} --no-trial"));
    assert_eq!(answers(), ["200", "200"]);
    site.run("portreeve undo --no-session");
    assert_eq!(answers(), ["000", "200"], "as it was before");
    site.run(&format!("portreeve {APPLY} --no-trial"));

    // What another has the host take in stays his.
    site.run("portreeve off steer --no-session");
    assert_eq!(routes(), before);
    site.run("ip route add local 203.0.113.77 dev lo");
    site.run(&format!("portreeve {APPLY} --no-trial && portreeve off steer --no-session"));
    assert!(site.run("ip route show table local").stdout.contains("local 203.0.113.77 "));
    site.run("ip route del local 203.0.113.77 dev lo");
    assert_eq!(routes(), before);
}

#[test]
fn a_boot_takes_it_in_again() {
    let mut site = Site::boot(&profile::BARE);
    let mount = "mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys";
    site.run(mount);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site.run(&format!("portreeve {APPLY} --no-trial && portreeve gate enable"));
    lab(site.host.reboot(&profile::BARE));
    site.run(mount);
    // The lab's wire outlasts the host, and with it what is routed.
    site.run("ip route del local 203.0.113.77 table local");
    site.run("portreeve apply --boot");
    assert_eq!(site.run("ip route show table local proto 112").stdout.lines().count(), 1);
}

#[test]
fn nobody_is_cut_off_who_is_here_from_there() {
    let site = Site::boot(&profile::BARE);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site.run(
        "ip netns add out && ip link add w0 type veth peer name o0 netns out && ip addr add 10.99.0.1/24 dev w0 && \
         ip link set w0 up && ip -n out addr add 203.0.113.77/24 dev o0 && ip -n out link set o0 up && \
         ip -n out route add 10.99.0.0/24 dev o0 && ip route add 203.0.113.77 dev w0 && \
         mkdir -p /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && \
         cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys",
    );
    let ssh = "ip netns exec out ssh -o StrictHostKeyChecking=no -o ConnectTimeout=3 root@10.99.0.1";
    let refused =
        lab(site.host.run(&format!("timeout 15 {ssh} 'portreeve apply --no-trial' 2>&1 </dev/null")));
    assert_eq!(refused.status, 5, "{refused:#?}");
    assert!(refused.stdout.contains("you are here from 203.0.113.77 (sshd"), "{refused:#?}");
    assert!(site.run("ip route show table local proto 112").stdout.is_empty());
}
