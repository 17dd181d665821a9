//! Who writes the addresses of others on what he sends gets none of them kept out, and hides nobody (A16, A19).

use std::thread;

use portreeve_lab::{Client, profile};

use super::{
    blocked::{POLICY, kept_out},
    probed::{PORTS, is_early, proven, source, told_of, watched},
    site::{Site, lab},
};

/// A name server that knows one address for all names.
const RESOLVER: &str = "import socket
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind((\"0.0.0.0\", 53))
while True:
    asked, who = one.recvfrom(512)
    end = asked.index(0, 12) + 5
    answer = bytes.fromhex(\"c00c00010001000000000004cb007163\") if asked[end - 3] == 1 else b\"\"
    head = asked[:2] + bytes.fromhex(\"81800001\") + bytes([0, 1 if answer else 0]) + bytes(4)
    one.sendto(head + asked[12:end] + answer, who)
";
const ANSWERED: &str = "203.0.113.99";
/// Asks for so many names while others write in the resolver's name, and says how many were answered.
const LOOK_UPS: u32 = 40;

/// A host behind its gate, which keeps out whoever is proven to probe.
fn guarded(policy: &str) -> Site {
    let site = Site::boot(&profile::BARE);
    watched(&site, policy);
    site.run("portreeve apply --no-trial --no-session");
    site
}

/// A client who answers whatever names the host looks up.
fn resolver(site: &Site) -> Client {
    let resolver = lab(Client::create(&site.network));
    let is_up =
        "for nth in $(seq 100); do ss -Hlun 'sport = 53' | grep -q . && exit 0; sleep 0.1; done; exit 1";
    let begun =
        lab(resolver.run(&format!("(timeout 60 python3 -c '{RESOLVER}' >/dev/null 2>&1 &) ; {is_up}")));
    assert_eq!(begun.status, 0, "{begun:#?}");
    lab(site.host.write("/etc/resolv.conf", &format!("nameserver {}\n", source(&resolver))));
    assert!(site.run("getent ahostsv4 before.example").stdout.contains(ANSWERED));
    resolver
}

/// hping3 asks for one port after the other, some seconds long, in the name of `whom`.
fn floods(site: &Site, whom: &str) {
    let forger = lab(Client::create(&site.network));
    let to = site.host.place().ipv4;
    let flood = format!("timeout 8 hping3 -q -S --faster -a {whom} -p ++1 {to} 2>&1; true");
    let said = lab(forger.run(&flood)).stdout;
    assert!(said.contains("HPING"), "it sends: {said}");
}

/// How many of the names that the host looks up meanwhile are answered.
fn answered(site: &Site) -> String {
    site.run(&format!(
        "for nth in $(seq {LOOK_UPS}); do getent ahostsv4 name$nth.example | grep -c -m 1 {ANSWERED}; sleep 0.1; done | grep -c 1; true"
    ))
    .stdout
}

#[test]
fn a_flood_in_the_name_of_the_resolver_hides_nobody_and_costs_no_names() {
    for (unproven, event) in [("", "suspicion"), ("block_unproven = true\n", "refused-block")] {
        let site = guarded(&format!("{POLICY}{unproven}"));
        let (resolver, prober) = (resolver(&site), proven(&site));
        let answers = thread::scope(|scope| {
            scope.spawn(|| floods(&site, &source(&resolver)));
            let answers = scope.spawn(|| answered(&site));
            let slow = format!(
                "nmap -n -Pn -sT --max-retries 0 --max-rtt-timeout 100ms --scan-delay 500ms -p {PORTS} {}",
                site.host.place().ipv4
            );
            assert_eq!(lab(prober.run(&slow)).status, 0);
            answers.join().expect("it asks")
        });
        assert_eq!(answers.trim(), LOOK_UPS.to_string(), "each name is answered");
        let lines = told_of(&site, &source(&prober), 1);
        let [line] = lines.as_slice() else { panic!("{lines:#?}") };
        assert!(is_early(line) && line["event"] == "block" && line["confidence"] == "proven", "{line:#?}");

        let lines = told_of(&site, &source(&resolver), 1);
        let [line] = lines.as_slice() else { panic!("{lines:#?}") };
        assert_eq!((&line["event"], &line["confidence"]), (&event.into(), &"unproven".into()), "{line:#?}");
        let kept = kept_out(&site);
        assert!(kept.contains(&source(&prober)) && !kept.contains(&source(&resolver)), "{kept}");
        assert!(site.run("getent ahostsv4 after.example").stdout.contains(ANSWERED));
    }
}

#[test]
fn whoever_hides_among_decoys_is_kept_out_alone() {
    let site = guarded(POLICY);
    let prober = proven(&site);
    let decoys = ["198.51.100.201", "198.51.100.202", "198.51.100.203"];
    let way = format!("nmap -n -Pn -sS --max-retries 0 -D {},ME -p {PORTS}", decoys.join(","));
    assert_eq!(lab(prober.run(&format!("{way} {}", site.host.place().ipv4))).status, 0);
    let own = told_of(&site, &source(&prober), 1);
    assert!(matches!(own.as_slice(), [line] if line["event"] == "block" && is_early(line)), "{own:#?}");
    for decoy in decoys {
        let lines = told_of(&site, decoy, 1);
        let [line] = lines.as_slice() else { panic!("{decoy}: {lines:#?}") };
        assert_eq!((&line["event"], &line["confidence"]), (&"suspicion".into(), &"unproven".into()));
        assert_eq!(line["action"]["what"], "none", "{line:#?}");
        assert!(!kept_out(&site).contains(decoy));
    }
}

#[test]
fn masscan_is_told_of_as_early_as_any() {
    let site = guarded(POLICY);
    let prober = proven(&site);
    let (to, from) = (site.host.place().ipv4, source(&prober));
    let way = format!(
        "masscan {to} -p1-1000 --rate 1000 --wait 0 -e eth0 --adapter-ip {from} --router-mac $(ip neigh show {to} | grep -o 'lladdr [^ ]*' | cut -d ' ' -f 2)"
    );
    let output = lab(prober.run(&way));
    assert_eq!(output.status, 0, "{output:#?}");
    let lines = told_of(&site, &from, 1);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(is_early(line) && line["event"] == "block", "{line:#?}");
    assert!(kept_out(&site).contains(&from));
}
