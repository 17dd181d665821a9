//! Who owns a steered service no more gets nothing of it once its owner is there (A5, A12, A13).

use std::net::IpAddr;

use portreeve_lab::profile;

use super::site::{Site, lab};

const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.shop]
ports = ["443/tcp"]
address = ["ADDRESS"]
owner = { unit = "OWNER.service" }
reach = "world"
guard = "GUARD"
steer = { when_dead = "refuse" }
"#;
const SHOP: &str = r#"
import socket, sys
own = socket.socket()
own.bind(("127.0.0.1", int(sys.argv[2])))
own.listen(64)
while True:
    guest, _ = own.accept()
    guest.sendall(sys.argv[1].encode())
    guest.close()
"#;

struct Shop {
    site: Site,
    ip: IpAddr,
}

impl Shop {
    fn open() -> Self {
        let site = Site::boot(&profile::BARE);
        site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
        lab(site.host.write("/srv/shop.py", SHOP));
        let ip = site.host.place().ipv4.into();
        Self { site, ip }
    }

    fn policy(&self, owner: &str, guard: &str) {
        let text = POLICY.replace("ADDRESS", &self.ip.to_string());
        let text = text.replace("OWNER", owner).replace("GUARD", guard);
        lab(self.site.host.write("/etc/portreeve/policy.toml", &text));
    }

    fn starts(&self, name: &str, port: u16) {
        self.site.run(&format!("systemd-run -q -u {name} python3 /srv/shop.py {name} {port}"));
        let listens = format!("[ $(ss -Hltn sport = :{port} | wc -l) = 1 ]");
        self.site.run(&format!("timeout 10 sh -c 'until {listens}; do sleep 0.1; done'"));
    }

    fn answers(&self) -> String {
        let read = format!("timeout 3 bash -c 'cat </dev/tcp/{}/443'", self.ip);
        lab(self.site.client.run(&read)).stdout
    }

    fn finds(&self) -> String {
        self.site.ask("audit").stdout
    }
}

#[test]
fn what_comes_in_goes_to_the_new_owner_once_that_is_for_good() {
    let shop = Shop::open();
    shop.policy("former", "observe");
    shop.starts("former", 9_001);
    let applied = shop.site.ask("apply --no-session --no-trial");
    assert_eq!((applied.status, shop.answers().as_str()), (0, "former"), "{applied:#?}");

    // Nobody takes his place yet, which is no secret.
    shop.policy("present", "enforce");
    let planned = shop.site.ask("plan --no-session");
    assert!(planned.stderr.contains("goes to no owner of it"), "{planned:#?}");
    let found = shop.finds();
    assert!(found.contains("stolen-port") && found.contains("what comes in for shop is led to"), "{found}");

    shop.starts("present", 9_002);
    let tried = shop.site.ask("apply --no-session --trial 60s");
    assert_eq!((tried.status, shop.answers().as_str()), (0, "former"), "a trial takes nothing: {tried:#?}");
    assert!(
        tried.stderr.contains("nothing is led away from a stranger while this is on trial"),
        "{tried:#?}"
    );
    // Nor does anybody whose change this is not.
    let kept = shop.site.ask("confirm");
    assert_eq!((kept.status, shop.answers().as_str()), (0, "former"), "{kept:#?}");
    let led = shop.site.ask("apply --no-session --trial 60s");
    assert_eq!((led.status, shop.answers().as_str()), (0, "present"), "{led:#?}");
    assert!(led.stdout.contains("Applied at once") && led.stdout.contains("portreeve undo"), "{led:#?}");
    let found = shop.finds();
    assert!(!found.contains("what comes in for shop is led to"), "{found}");
    let undone = shop.site.ask("undo");
    assert_eq!((undone.status, shop.answers().as_str()), (0, "former"), "{undone:#?}");
}

#[test]
fn what_the_policy_steers_no_more_is_nobodys_to_register() {
    let shop = Shop::open();
    shop.policy("former", "observe");
    shop.starts("former", 9_001);
    shop.site.run("portreeve apply --no-session --no-trial");
    shop.site.run("sed -i '/service.shop/,$d' /etc/portreeve/policy.toml");

    let tried = shop.site.ask("apply --no-session --trial 60s");
    assert!(tried.stdout.contains("former does not listen there"), "{tried:#?}");
    let status = shop.site.ask("steer status").stdout;
    assert!(status.contains("In its place nothing is steered, on trial until"), "{status}");
    shop.site.run("portreeve confirm");
    let undone = shop.site.ask("undo --no-session");
    assert_eq!(undone.status, 0, "{undone:#?}");
    // Whoever had it has it again, though nobody knows whose it is by now.
    assert_eq!(shop.answers(), "former");
    shop.site.run("systemctl stop former");
    let refused = shop.site.ask("steer register shop");
    assert_eq!(refused.status, 2, "{refused:#?}");
    assert!(refused.stderr.contains("the policy does not steer shop any more"), "{refused:#?}");
    let found = shop.finds();
    assert!(found.contains("the policy does not steer it any more"), "{found}");
    assert!(!found.contains("steer register shop"), "{found}");
    shop.site.run("portreeve apply --no-session --no-trial");
    assert!(!shop.finds().contains("steered-to-nobody"));
}
