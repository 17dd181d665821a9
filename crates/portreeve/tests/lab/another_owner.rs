//! Who owns a steered service no more gets nothing of it once its owner is there (A5, A12, A13).

use std::{net::IpAddr, thread, time::Duration};

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
steer = { when_dead = "refuse", target_port = 9000 }
"#;
const SHOP: &str = r#"
import socket, sys
own = socket.socket()
own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
address, port = sys.argv[2].split(":")
own.bind((address, int(port)))
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
        self.policy_at(owner, guard, 443);
    }

    fn policy_at(&self, owner: &str, guard: &str, port: u16) {
        let text = POLICY.replace("ADDRESS", &self.ip.to_string()).replace("443", &port.to_string());
        let text = text.replace("OWNER", owner).replace("GUARD", guard);
        lab(self.site.host.write("/etc/portreeve/policy.toml", &text));
    }

    /// Without the port that is meant in the place of the declared one.
    fn listens_there(&self) {
        self.site.run("sed -i 's/, target_port = 9000//' /etc/portreeve/policy.toml");
    }

    /// At this address of loopback.
    fn starts(&self, name: &str, address: &str) {
        self.site.run(&format!("systemd-run -q -u {name} python3 /srv/shop.py {name} {address}:9000"));
        let listens = format!("[ $(ss -Hltn src {address}:9000 | wc -l) = 1 ]");
        self.site.run(&format!("timeout 10 sh -c 'until {listens}; do sleep 0.1; done'"));
    }

    /// The number of the newest receipt of a gate.
    fn newest(&self) -> u32 {
        let lines = self.site.run("portreeve history").stdout;
        let mut gates = lines.lines().filter(|line| line.contains("applied the policy"));
        let newest = gates.find_map(|line| line.split_whitespace().next()?.parse().ok());
        newest.expect("something was done")
    }

    /// Goes on once both of these ports of the loopback are listened at.
    fn waits_for(&self, both: &str) {
        let listens = format!("[ $(ss -Hltn | grep -cE \"127.0.0.1:({both}) \") = 2 ]");
        self.site.run(&format!("timeout 20 sh -c 'until {listens}; do sleep 0.1; done'"));
    }

    /// Who answers a client at this port; nobody as an empty text.
    fn answers(&self, port: u16) -> String {
        let read = format!("timeout 3 bash -c 'cat </dev/tcp/{}/{port}' 2>/dev/null; true", self.ip);
        lab(self.site.client.run(&read)).stdout
    }

    fn finds(&self) -> String {
        self.site.ask("audit").stdout
    }
}

#[test]
fn what_comes_in_goes_to_the_new_owner_as_long_as_that_holds() {
    let shop = Shop::open();
    shop.policy("former", "observe");
    shop.starts("former", "127.0.0.1");
    let applied = shop.site.ask("apply --no-session --no-trial");
    assert_eq!((applied.status, shop.answers(443).as_str()), (0, "former"), "{applied:#?}");

    // Nobody takes his place yet, which is no secret.
    shop.policy("present", "enforce");
    let planned = shop.site.ask("plan --no-session");
    assert!(planned.stdout.contains("former gets nothing more"), "{planned:#?}");
    assert!(planned.stderr.contains("nothing is led to shop"), "{planned:#?}");
    let found = shop.finds();
    assert!(found.contains("stolen-port") && found.contains("what comes in for shop is led to"), "{found}");

    shop.starts("present", "127.0.0.2");
    let tried = shop.site.ask("apply --no-session --trial 60s");
    assert_eq!((tried.status, shop.answers(443).as_str()), (0, "present"), "{tried:#?}");
    let undone = shop.site.ask("undo");
    assert_eq!((undone.status, shop.answers(443).as_str()), (0, "former"), "{undone:#?}");
    shop.site.run("portreeve apply --no-session --trial 10s");
    assert_eq!(shop.answers(443), "present");
    thread::sleep(Duration::from_secs(11));
    assert_eq!(shop.answers(443), "former", "the kernel took it back by itself");
    let led = shop.site.ask("apply --no-session --no-trial");
    assert_eq!((led.status, shop.answers(443).as_str()), (0, "present"), "{led:#?}");
    assert!(!shop.finds().contains("what comes in for shop is led to"));
    let undone = shop.site.ask("undo");
    assert_eq!((undone.status, shop.answers(443).as_str()), (0, "former"), "{undone:#?}");
}

/// A name is not whose it is: whoever gets it with another port never gets what came in for the port before.
#[test]
fn a_name_that_another_has_now_leads_nobody_to_him() {
    let shop = Shop::open();
    shop.policy("former", "observe");
    shop.starts("former", "127.0.0.1");
    shop.starts("present", "127.0.0.2");
    shop.site.run("portreeve apply --no-session --no-trial");
    let begun = shop.newest();

    // Given up, and the name given to somebody else at another port.
    shop.site.run("sed -i '/service.shop/,$d' /etc/portreeve/policy.toml");
    shop.site.run("portreeve apply --no-session --no-trial");
    let given_up = shop.newest();
    assert!(given_up > begun);
    shop.policy_at("present", "observe", 444);
    shop.site.run("portreeve apply --no-session --no-trial");
    assert_eq!((shop.answers(443).as_str(), shop.answers(444).as_str()), ("", "present"));
    let undone = shop.site.ask(&format!("undo --no-session {given_up}"));
    assert_eq!((undone.status, shop.answers(443).as_str()), (0, "former"), "{undone:#?}");

    // Both at once on trial, while the former one is away: what lapses leaves nothing behind.
    shop.policy("former", "observe");
    shop.site.run("portreeve apply --no-session --no-trial");
    shop.site.run("systemctl stop former");
    shop.policy_at("present", "observe", 444);
    shop.site.run("portreeve apply --no-session --trial 10s");
    assert_eq!(shop.answers(444), "present");
    thread::sleep(Duration::from_secs(11));
    assert_eq!((shop.answers(443).as_str(), shop.answers(444).as_str()), ("", ""));
    shop.policy("former", "observe");
    shop.starts("former", "127.0.0.1");
    let applied = shop.site.ask("apply --no-session --trial 60s");
    assert_eq!((applied.status, shop.answers(443).as_str()), (0, "former"), "{applied:#?}");
}

#[test]
fn what_is_steered_knows_whose_it_is_without_the_policy() {
    let shop = Shop::open();
    shop.policy("former", "observe");
    shop.starts("former", "127.0.0.1");
    shop.site.run("portreeve apply --no-session --no-trial");
    shop.site.run("sed -i '/service.shop/,$d' /etc/portreeve/policy.toml");

    let tried = shop.site.ask("apply --no-session --trial 60s");
    assert!(tried.stdout.contains("former does not listen there"), "{tried:#?}");
    let status = shop.site.ask("steer status").stdout;
    assert!(status.contains("In its place nothing is steered, on trial until"), "{status}");
    shop.site.run("portreeve confirm");
    let undone = shop.site.ask("undo --no-session");
    assert_eq!(undone.status, 0, "{undone:#?}");
    assert_eq!(shop.answers(443), "former");
    shop.site.run("systemctl stop former");
    let refused = shop.site.ask("steer register shop");
    assert_eq!(refused.status, 5, "{refused:#?}");
    let found = shop.finds();
    assert!(found.contains("the policy does not steer it any more"), "{found}");
    shop.starts("former", "127.0.0.1");
    shop.site.run("portreeve steer register shop");
    assert_eq!(shop.answers(443), "former");
    shop.site.run("portreeve apply --no-session --no-trial");
    assert!(!shop.finds().contains("steered-to-nobody"));
    let unknown = shop.site.ask("steer register shop");
    assert_eq!(unknown.status, 2, "{unknown:#?}");
}

/// Of one owner's sockets too each gets what is for its own place, whatever is tried and taken back.
#[test]
fn other_places_of_one_owner_have_another_socket() {
    let shop = Shop::open();
    shop.site.run(
        "systemd-run -q -u former sh -c 'python3 /srv/shop.py old 127.0.0.1:9080 & exec python3 /srv/shop.py new 127.0.0.1:9443'",
    );
    shop.waits_for("9080|9443");
    shop.policy_at("former", "observe", 9_080);
    shop.listens_there();
    shop.site.run("portreeve apply --no-session --no-trial");
    assert_eq!(shop.answers(9_080), "old");
    shop.policy_at("former", "observe", 9_443);
    shop.listens_there();
    shop.site.run("portreeve apply --no-session --trial 10s");
    assert_eq!(shop.answers(9_443), "new");
    thread::sleep(Duration::from_secs(11));
    assert_eq!(shop.answers(9_080), "old", "the trial is over");
    shop.site.run("portreeve apply --no-session --no-trial");
    assert_eq!(shop.answers(9_443), "new");
    shop.site.run("portreeve undo --no-session");
    assert_eq!(shop.answers(9_080), "old");

    // What was moved during a trial is another change than the trial, and stays.
    shop.policy_at("former", "observe", 9_080);
    shop.listens_there();
    shop.site.run("sed -i 's/\"refuse\"/\"pass\"/' /etc/portreeve/policy.toml");
    shop.site.run("portreeve apply --no-session --trial 60s");
    shop.site.run("portreeve steer move shop --to-pid $(pgrep -f '[s]hop.py new') --fd 3");
    let undone = shop.site.ask("undo --no-session");
    assert_eq!((undone.status, shop.answers(9_080).as_str()), (0, "new"), "{undone:#?}");
    assert!(undone.stderr.contains("what is for shop was moved since"), "{undone:#?}");
}

/// Whoever owns it before, in the trial and after it is led to all the time.
#[test]
fn who_starts_again_during_a_trial_is_led_to_after_it() {
    let shop = Shop::open();
    shop.policy("former", "observe");
    shop.starts("former", "127.0.0.1");
    shop.site.run("portreeve apply --no-session --no-trial");
    shop.site.run(
        "sed -i 's/owner = .*former.*/owner = [{ unit = \"former.service\" }, { unit = \"present.service\" }]/' /etc/portreeve/policy.toml",
    );
    shop.site.run("portreeve apply --no-session --trial 4s");
    assert_eq!(shop.answers(443), "former");
    shop.site.run("systemctl stop former");
    shop.starts("former", "127.0.0.3");
    shop.site.run("portreeve steer register shop");
    assert_eq!(shop.answers(443), "former");
    thread::sleep(Duration::from_secs(5));
    assert_eq!(shop.answers(443), "former", "the trial is over");

    // Nor is he forgotten where it takes away the other owner, who has a socket, too.
    shop.site.run("portreeve apply --no-session --no-trial");
    shop.starts("present", "127.0.0.2");
    shop.policy("former", "observe");
    shop.site.run("portreeve apply --no-session --trial 4s");
    shop.site.run("systemctl stop former");
    shop.starts("former", "127.0.0.1");
    shop.site.run("portreeve steer register shop");
    thread::sleep(Duration::from_secs(5));
    assert_eq!(shop.answers(443), "former", "that trial is over, too");

    // Nor where that is taken back for good, though both would do by then.
    shop.site.run("portreeve apply --no-session --no-trial");
    shop.site.run("systemctl stop former");
    shop.starts("former", "127.0.0.3");
    shop.site.run("portreeve steer register shop");
    let undone = shop.site.ask("undo --no-session");
    assert_eq!((undone.status, shop.answers(443).as_str()), (0, "former"), "{undone:#?}");
}

#[test]
fn what_was_moved_on_trial_alone_is_over_with_it() {
    let shop = Shop::open();
    shop.starts("former", "127.0.0.1");
    shop.policy("former", "observe");
    shop.site.run("portreeve apply --no-session --no-trial");
    shop.starts("present@1", "127.0.0.2");
    shop.policy("present@*", "observe");
    shop.site.run("portreeve apply --no-session --trial 15s");
    shop.starts("present@2", "127.0.0.3");
    shop.site.run("portreeve steer move shop --to-pid $(systemctl show -P MainPID present@2)");
    assert_eq!(shop.answers(443), "present@2");
    thread::sleep(Duration::from_secs(15));
    assert_eq!(shop.answers(443), "former");
    let undone = shop.site.ask("undo --no-session");
    assert_eq!(undone.status, 6, "{undone:#?}");
    assert!(undone.stderr.contains("it is not steered so any more"), "{undone:#?}");
    assert!(undone.stderr.contains("takes back the one before it"), "{undone:#?}");
}

/// Also where what was led to before was closed since.
#[test]
fn nobody_is_refused_while_a_change_is_taken_back() {
    let shop = Shop::open();
    let starts = || {
        shop.site.run(
            "systemctl stop former 2>/dev/null; systemd-run -q -u former sh -c 'python3 /srv/shop.py old 127.0.0.1:9000 & exec python3 /srv/shop.py new 127.0.0.1:9001'",
        );
        shop.waits_for("9000|9001");
    };
    starts();
    shop.policy("former", "observe");
    shop.site.run("portreeve apply --no-session --no-trial");
    shop.site.run("sed -i 's/target_port = 9000/target_port = 9001/' /etc/portreeve/policy.toml");
    shop.site.run("portreeve apply --no-session --no-trial");
    starts();
    shop.site.run("portreeve steer register shop");
    assert_eq!(shop.answers(443), "new");
    let storm = format!(
        "
import collections, socket, time
told, end = collections.Counter(), time.time() + 6
while time.time() < end:
    try:
        with socket.create_connection((\"{}\", 443), 5) as one:
            told[one.recv(9).decode()] += 1
    except OSError as error:
        told[error.strerror] += 1
print(*sorted(told))",
        shop.ip
    );
    let told = thread::scope(|scope| {
        let asked = scope.spawn(|| lab(shop.site.client.run(&format!("python3 -c '{storm}'"))));
        thread::sleep(Duration::from_secs(2));
        shop.site.run("portreeve undo --no-session");
        asked.join().expect("it ends").stdout
    });
    assert_eq!(told.trim(), "new old");
}

/// The kernel looks for a socket where packets are led, and so does not find the stranger's.
#[test]
fn a_stranger_is_evicted_where_packets_are_led_away_from_him() {
    let shop = Shop::open();
    shop.starts("former", "127.0.0.1");
    shop.policy("former", "enforce");
    shop.site.run("sed -i '/^address/d' /etc/portreeve/policy.toml");
    let listens = || shop.site.run("ss -Hltn sport = :443 | wc -l").stdout.trim().to_owned();
    let starts = "systemd-run -q --collect -u stranger python3 /srv/shop.py stranger 0.0.0.0:443; timeout 5 sh -c 'until ss -Htln | grep -q :443; do sleep 0.1; done'";
    shop.site.run(starts);
    let applied = shop.site.ask("apply --evict --no-trial --no-session");
    assert_eq!((applied.status, listens().as_str()), (0, "0"), "{applied:#?}");
    assert_eq!(shop.answers(443), "former");

    // Nor does it where somebody else has it closed.
    shop.site
        .run("systemctl stop stranger 2>/dev/null; sed -i 's/enforce/observe/' /etc/portreeve/policy.toml");
    shop.site.run("portreeve apply --no-trial --no-session");
    shop.site.run(starts);
    let closed = shop.site.ask("close 443/tcp --unlisten --no-session");
    assert_eq!((closed.status, listens().as_str()), (0, "0"), "{closed:#?}");
}

/// What contains the lab's first process lets no unit take another's descriptor (seccomp(2)): there nothing is half-done.
#[test]
fn nothing_is_changed_where_a_socket_cannot_be_taken() {
    let shop = Shop::open();
    shop.starts("former", "127.0.0.1");
    shop.policy("former", "enforce");
    let contained = "systemd-run -q -P --wait portreeve apply --no-trial --no-session";
    let applied = lab(shop.site.host.run(contained));
    assert_eq!(applied.status, 7, "{applied:#?}");
    assert!(applied.stdout.contains("pidfd_getfd") || applied.stderr.contains("pidfd_getfd"), "{applied:#?}");
    let left = shop.site.run("nft list tables; portreeve guard status; portreeve history").stdout;
    assert!(!left.contains("table inet portreeve") && left.contains("No guard is in the kernel"), "{left}");
    shop.site.run("portreeve apply --no-trial --no-session");
    assert_eq!(shop.answers(443), "former");
}
