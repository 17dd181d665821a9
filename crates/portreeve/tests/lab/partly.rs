//! A new version that has no socket for all that the old one takes gets none of it unless it is meant so (A5, A12, A22).

use portreeve_lab::profile;

use super::site::{Site, lab};

const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.shop]
ports = ["8080/tcp"]
owner = { unit = "shop@*.service" }
reach = "world"
steer = { when_dead = "refuse" }
[service.names]
ports = ["5300/udp"]
address = ["ADDRESS"]
owner = { unit = "names.service" }
reach = "world"
steer = { when_dead = "refuse" }
"#;
/// What answers with its name at each of these addresses and ports.
const SHOP: &str = r#"
import socket, sys, threading
def serve(place):
    address, port = place.rsplit(",", 1)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    own = socket.socket(family)
    own.bind((address, int(port)))
    own.listen(64)
    while True:
        guest, _ = own.accept()
        guest.sendall(sys.argv[1].encode())
        guest.close()
for place in sys.argv[2:]:
    threading.Thread(target=serve, args=(place,)).start()
"#;
const NAMES: &str = "import socket, time; own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); own.bind(('127.0.0.1', 5300)); time.sleep(600)";

#[test]
fn who_takes_a_part_of_it_alone_gets_nothing_unless_it_is_meant_so() {
    let site = Site::boot(&profile::BARE);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
    let here = site.host.place();
    lab(site.host.write("/etc/portreeve/policy.toml", &POLICY.replace("ADDRESS", &here.ipv4.to_string())));
    lab(site.host.write("/srv/shop.py", SHOP));
    lab(site.host.write("/srv/names.py", NAMES));
    site.run("systemd-run -q -u names python3 /srv/names.py");
    site.run("systemd-run -q -u shop@1 python3 /srv/shop.py old 127.0.0.1,9001 ::1,9001");
    site.run("systemd-run -q -u shop@2 python3 /srv/shop.py new 127.0.0.1,9002");
    site.run("timeout 10 sh -c 'until [ $(ss -Hltn sport = :9001 or sport = :9002 | wc -l) = 3 ]; do sleep 0.1; done'");
    site.run("timeout 10 sh -c 'until [ $(ss -Hlun sport = :5300 | wc -l) = 1 ]; do sleep 0.1; done'");
    let applied = site.ask("apply --no-session --no-trial");
    assert_eq!(applied.status, 0, "{applied:#?}");
    // An answer of UDP would leave from where it is bound, so nothing is led there.
    assert!(applied.stderr.contains("it listens at 127.0.0.1, and an answer of UDP leaves"), "{applied:#?}");
    let of = |unit: &str| site.run(&format!("systemctl show -P MainPID {unit}")).stdout.trim().to_owned();
    let (old, new) = (of("shop@1"), of("shop@2"));
    site.run(&format!("portreeve steer register shop --pid {old}"));
    let answers = || {
        [here.ipv4.to_string(), here.ipv6.to_string()].map(|to| {
            let read = format!("timeout 3 bash -c 'cat </dev/tcp/{to}/8080'");
            lab(site.client.run(&read)).stdout
        })
    };
    assert_eq!(answers(), ["old", "old"]);

    let moved = site.ask(&format!("steer move shop --to-pid {new} --drain 5s"));
    assert_eq!(moved.status, 5, "{moved:#?}");
    assert!(moved.stderr.contains("has no socket for shop by tcp over IPv6"), "{moved:#?}");
    assert_eq!(answers(), ["old", "old"], "nothing is moved");

    // The first descriptor that a program opens.
    let moved = site.ask(&format!("steer move shop --to-pid {new} --fd 3 --drain 5s"));
    assert!(moved.stderr.contains("by tcp over IPv6 it goes to the socket that had it before"), "{moved:#?}");
    assert_eq!((moved.status, answers()), (0, ["new", "old"].map(String::from)));
}
