//! A change of the gate is tried with real packets where nobody is, before it is made (A15, A16).

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use portreeve_lab::{Chroot, Output};

use super::site::{PORTREEVE, lab};

const POLICY: &str = r#"version = 1
[zone.office]
from = ["198.51.100.0/25", "2001:db8:1::/48"]
[zone.lan]
interface = ["lan*"]
[service.web]
ports = ["80/tcp", "443/tcp", "443/udp"]
owner = { unit = "nginx.service" }
reach = "world"
[service.pool]
ports = ["30000-30099/tcp"]
owner = { unit = "vsftpd.service" }
reach = "office"
[service.db]
ports = ["5432/tcp"]
owner = { unit = "postgresql@15-main.service" }
reach = "lan"
[service.own]
ports = ["8443/tcp"]
address = ["203.0.113.1", "2001:db8::1"]
owner = { user = "root" }
reach = "world"
"#;

/// A host with a wire to others, and a policy.
fn host() -> Chroot {
    let host = lab(Chroot::create(Path::new(PORTREEVE)));
    run(
        &host,
        "mkdir -p /etc/portreeve && ip link set lo up && ip link add wan0 type veth peer name far0 && \
         ip link set wan0 up && ip link set far0 up && ip addr add 203.0.113.1/24 dev wan0 && \
         ip addr add 2001:db8::1/64 dev wan0 nodad && ip route add default via 203.0.113.254 dev wan0",
    );
    lab(host.write("/etc/portreeve/policy.toml", POLICY));
    host
}

#[track_caller]
fn run(host: &Chroot, command: &str) -> Output {
    let output = lab(host.run(command));
    assert_eq!(output.status, 0, "{command}: {output:#?}");
    output
}

#[track_caller]
fn ends(output: &Output, status: i32, said: &str) {
    assert_eq!(output.status, status, "{said}: {output:#?}");
    assert!(output.stderr.contains(said) || output.stdout.contains(said), "{output:#?}");
}

/// What of the host a rehearsal could leave behind: links, tables, namespaces, processes.
fn traces(host: &Chroot) -> String {
    let command = "ip -o link | cut -d: -f2; ip -o addr | awk '{print $2, $4}'; ip route; nft list tables; \
                   lsns -t net -n -o NS 2>/dev/null | sort; cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/rp_filter; \
                   pgrep -x 'nft|portreeve|ip' | wc -l";
    run(host, command).stdout
}

const APPLY: &str = "portreeve apply --no-trial --no-session";

/// What is made anew as a whole is tried as well, whatever is open or kept out for a while.
#[test]
fn a_table_that_is_made_anew_is_rehearsed() {
    let host = host();
    run(&host, APPLY);
    run(&host, "portreeve open 8080 --for 2h && portreeve close --from 203.0.113.77");
    run(&host, "nft insert rule inet portreeve input iifname wan9 accept");
    ends(&run(&host, "portreeve apply --rehearse-only"), 0, "each was let in or refused as the policy says");
    ends(&lab(host.run("portreeve apply --trial 1m --no-session")), 5, "portreeve apply --no-trial");
    ends(&run(&host, APPLY), 0, "Rehearsed with ");
    let listed = run(&host, "nft list table inet portreeve").stdout;
    assert!(!listed.contains("wan9") && listed.contains("203.0.113.77"), "{listed}");
    ends(&run(&host, APPLY), 0, "Nothing to do");
}

/// What is right passes, from the first gate to the next ones, at once and on trial, and leaves nothing behind.
#[test]
fn a_right_plan_passes_its_rehearsal_and_nothing_of_it_is_left() {
    let host = host();
    let before = traces(&host);
    let tried = run(&host, "portreeve apply --rehearse-only");
    ends(&tried, 0, "each was let in or refused as the policy says");
    ends(&tried, 0, "Nothing was changed");
    assert_eq!(traces(&host), before);
    assert_eq!(lab(host.run("nft list table inet portreeve")).status, 1, "nothing is changed");
    ends(&run(&host, APPLY), 0, "Rehearsed with ");
    ends(&run(&host, "portreeve history"), 0, "rehearsed");
    // What is open or blocked for a while is no part of what is tried.
    run(&host, "portreeve open 6379 --for 1h && portreeve open 22 --from lan --for 1h");
    run(&host, "portreeve close --from 198.51.100.9 --for 1h");
    let next = POLICY
        .replace("5432/tcp", "5433/tcp")
        .replace("[zone.lan]", "[zone.new]\nfrom = [\"10.0.0.0/8\", \"fe80::/64\"]\n[zone.lan]");
    lab(host.write("/etc/portreeve/policy.toml", &next));
    ends(&run(&host, "portreeve apply --trial 100ms --no-session"), 0, "Rehearsed with ");
    run(&host, "sleep 0.2");
    // The generation that nobody confirmed is still there, and goes by the next change.
    ends(&run(&host, APPLY), 0, "Rehearsed with ");
    run(&host, "portreeve off gate --no-session");
    assert_eq!(traces(&host), before);
}

/// Where something between the policy and the kernel is wrong, the packets tell: here nft is given another text than
/// was written.
#[test]
fn a_text_that_does_something_else_is_refused() {
    let host = host();
    let nft = "#!/bin/sh\nif [ \"$*\" = '-f -' ]; then exec sed \"$(cat /tmp/wrong)\" | /usr/sbin/nft.real -f -; fi\nexec /usr/sbin/nft.real \"$@\"\n";
    run(&host, "mv /usr/sbin/nft /usr/sbin/nft.real");
    lab(host.write("/usr/sbin/nft", &nft.replace("exec sed", "sed")));
    run(&host, "chmod 755 /usr/sbin/nft");
    for (wrong, said) in [
        ("/_world_tcp /s/ 443 / 444 /", "443/tcp"),
        ("s/30000-30099/30000-30100/", "30100/tcp"),
        ("s/30000-30099/30001-30099/", "30000/tcp"),
        ("s#198.51.100.0/25#198.51.100.0/24#", "from 198.51.100.128"),
        ("s/\"lan\\*\"/\"*\"/", "5432/tcp"),
        ("s/ip daddr/ip saddr/", "8443/tcp"),
        ("/chain [ab]_forward {/,/^\t}/s/goto dropped/accept/", "(published)"),
    ] {
        lab(host.write("/tmp/wrong", wrong));
        for apply in ["--rehearse-only", "--no-trial --no-session", "--trial 60s --no-session"] {
            let refused = lab(host.run(&format!("portreeve apply {apply} # {wrong}")));
            assert_eq!(refused.status, 5, "{wrong}: {refused:#?}");
            ends(&refused, 5, "the rehearsal went wrong");
            ends(&refused, 5, said);
        }
        assert_eq!(lab(host.run("/usr/sbin/nft.real list table inet portreeve")).status, 1, "{wrong}");
    }
    ends(&run(&host, "portreeve history"), 0, "Nothing of the gate was changed");
    lab(host.write("/tmp/wrong", ""));
    ends(&run(&host, APPLY), 0, "Rehearsed with ");
}

/// The kernel leads to an address of IPv6 a moment after it has it (net/ipv6/addrconf.c, `addrconf_dad_work`): here it never
/// does.
#[test]
fn an_address_to_which_the_kernel_leads_late_is_the_hosts_and_what_passes_by_is_told() {
    let host = host();
    let late = r"s#^address add 2001:db8::1/64 \(dev [^ ]*\) nodad#route add 2001:db8::/64 \1#";
    let ip = "#!/bin/sh\nif [ \"$*\" = '-batch -' ]; then sed \"$(cat /tmp/late)\" | /usr/sbin/ip.real -batch -; exit; fi\nexec /usr/sbin/ip.real \"$@\"\n";
    run(&host, "mv /usr/sbin/ip /usr/sbin/ip.real");
    lab(host.write("/usr/sbin/ip", ip));
    run(&host, "chmod 755 /usr/sbin/ip");
    lab(host.write("/tmp/late", late));
    ends(&run(&host, "portreeve apply --rehearse-only"), 0, "each was let in or refused as the policy says");
    lab(host.write("/tmp/late", &format!("{late}\n/^route append local 2001:db8::1 /d")));
    let passed_by = lab(host.run("portreeve apply --rehearse-only"));
    ends(&passed_by, 7, "never got to the gate");
    ends(&passed_by, 7, "each of the others was let in or refused as the policy says");
}

/// Whenever it is killed, its namespaces and links go with it.
#[test]
fn whoever_is_killed_in_a_rehearsal_leaves_nothing() {
    let host = host();
    let before = traces(&host);
    for round in 1..=25 {
        run(
            &host,
            &format!(
                "portreeve apply --rehearse-only >/dev/null 2>&1 & sleep 0.{:03}; kill -9 $! || true; wait $! || true",
                round * 12
            ),
        );
        // The program that it had started ends by itself.
        let ends = Instant::now() + Duration::from_secs(10);
        while traces(&host) != before && Instant::now() < ends {
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(traces(&host), before, "round {round}");
    }
}

/// Where no namespace may be made, as in a container, it says so and goes on.
#[test]
fn where_no_namespace_may_be_made_it_says_so() {
    let host = host();
    let limited = "capsh --drop=cap_sys_admin -- -c";
    let tried = lab(host.run(&format!("{limited} 'portreeve apply --rehearse-only'")));
    ends(&tried, 7, "no network namespace may be made here");
    let applied = lab(host.run(&format!("{limited} 'portreeve apply --no-trial --no-session'")));
    ends(&applied, 0, "warning: not rehearsed: no network namespace may be made here");
    assert!(!run(&host, "portreeve history").stdout.contains("rehearsed"), "it was not");
    let japanese =
        lab(host.run(&format!("{limited} 'portreeve apply --rehearse-only --lang ja --policy /dev/null'")));
    assert_ne!(japanese.status, 0);
}

/// A hundred packets are sent within two seconds.
#[test]
fn a_rehearsal_takes_less_than_two_seconds() {
    let host = host();
    let timed = run(&host, "portreeve apply --rehearse-only; cat /proc/uptime");
    ends(&timed, 0, "Rehearsed with ");
    // Whoever works beside it only adds to its time.
    let took = run(
        &host,
        "for i in 1 2 3 4 5; do a=$(date +%s%N); portreeve apply --rehearse-only >/dev/null; b=$(date +%s%N); echo $(((b-a)/1000000)); done \
         | sort -n | head -n 1",
    );
    let took: u64 = took.stdout.trim().parse().expect("milliseconds");
    eprintln!("{took} ms: {}", timed.stdout);
    assert!(took < 2_000, "{took} ms");
}
