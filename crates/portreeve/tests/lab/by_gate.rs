//! Where the kernel runs no programs of ours, whoever probes a host behind a gate is told of as early (A14, A16, A19).

use std::{net::Ipv4Addr, thread, time::Duration};

use portreeve_lab::{Client, profile};

use super::{
    probed::{self, PORTS, innocents_are_not_told_of, is_early, of, probed, probes, source, told_of},
    site::{Site, lab},
};

/// Two services of a web server's, besides those of [`probed::POLICY`].
const WEB: &str = "[service.web]\nports = [\"80/tcp\", \"443/tcp\"]\nreach = \"world\"\n";
const BLOCK: &str = "[watch]\nmode = \"block\"\n";
/// What the watch says of itself.
const SEES: &str = "/root/sees";
/// Who listens to which log group, as the kernel lists it, and the group of the gate.
const GROUPS: &str = "/proc/net/netfilter/nfnetlink_log";
const GROUP: &str = "28786";
/// So long it takes at most until a change is noticed.
const SOON: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(100);

/// A web server, with this policy but no gate.
fn declared(policy: &str) -> Site {
    let site = Site::boot(&profile::WEB);
    lab(site.host.write("/etc/portreeve/policy.toml", policy));
    site
}

fn policy(more: &str) -> String {
    [probed::POLICY, WEB, more].concat()
}

fn apply(site: &Site) {
    site.run("portreeve apply --no-trial --no-session");
}

/// Begins to watch without programs in the kernel.
fn watch(site: &Site) {
    site.run(&format!(
        "systemd-run -q -u watched -E PORTREEVE_WITHOUT=bpf sh -c 'exec portreeve watch -o ndjson >/root/told 2>{SEES}'"
    ));
}

/// The same behind a gate, once the kernel has a listener.
fn watched(policy: &str) -> Site {
    let site = declared(policy);
    apply(&site);
    assert!(!listens(&site), "nobody listens by itself");
    watch(&site);
    soon(&site, "the group has a listener", listens);
    soon(&site, "it says what it sees", |site| sees(site).contains("(sockets)"));
    site
}

fn listens(site: &Site) -> bool {
    let groups = site.run(&format!("cat {GROUPS} 2>/dev/null; true")).stdout;
    groups.lines().any(|line| line.split_whitespace().next() == Some(GROUP))
}

/// What the watch said last that it sees.
fn sees(site: &Site) -> String {
    site.run(&format!("tail -n 1 {SEES}; true")).stdout
}

#[track_caller]
fn soon(site: &Site, what: &str, is_so: impl Fn(&Site) -> bool) {
    for _ in 0..SOON.as_millis() / STEP.as_millis() {
        if is_so(site) {
            return;
        }
        thread::sleep(STEP);
    }
    panic!("{what}: {}", site.run(&format!("cat {SEES} {GROUPS}; true")).stdout);
}

fn fetches(site: &Site, client: &Client) -> bool {
    lab(client.run(&format!("curl -sk -m 2 https://{}/", site.host.place().ipv4))).stdout
        == "the web server\n"
}

fn new(site: &Site) -> Client {
    lab(Client::create(&site.network))
}

#[test]
fn without_programs_in_the_kernel_the_gate_tells_who_probes() {
    let site = watched(&policy(""));
    let said = sees(&site);
    assert!(
        said.starts_with("sees: packets that the gate refuses (log group), handshakes (sockets)"),
        "{said}"
    );
    assert!(said.contains("not: packets that others refuse, PORTREEVE_WITHOUT=bpf closes"), "{said}");

    // One who was there before, by his handshake.
    let peer = new(&site);
    assert!(fetches(&site, &peer));
    // Few enough that all of it is remembered.
    probes(&peer, &format!("-sT -p {PORTS}"), site.host.place().ipv4.into());
    let lines = told_of(&site, &source(&peer), 1);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(is_early(line) && line["confidence"] == "proven", "{line:#}");
    assert_eq!((&line["event"], &line["kind"]), (&"would-block".into(), &"port-scan".into()), "{line:#}");
    soon(&site, "nobody says why", |site| {
        let why = site.run(&format!("portreeve why {}; true", source(&peer))).stdout;
        why.contains("kernel  handshake") && why.contains("kernel  SYN to ")
    });

    // Whoever was not may be forged. What conntrack takes for no connection is refused before, and told of.
    for way in ["-sS", "-sT", "-sF", "-sN", "-sX", "-sA"] {
        let line = probed(&site, &format!("{way} -p 500-1000"));
        assert!(is_early(&line) && line["confidence"] == "unproven", "{way}: {line:#}");
    }
    for way in ["-sU -p 1-30".to_owned(), format!("-sT --scan-delay 1s -p {PORTS}")] {
        let line = probed(&site, &way);
        assert!(is_early(&line), "{way}: {line:#}");
    }
    let six = new(&site);
    probes(&six, &format!("-6 -sT -p {PORTS}"), site.host.place().ipv6.into());
    let lines = told_of(&site, "2001:db8:51::", 1);
    assert!(matches!(lines.as_slice(), [line] if is_early(line)), "{lines:#?}");
    innocents_are_not_told_of(&site);

    // One whose connection goes on while he probes.
    let open = new(&site);
    let to = site.host.place().ipv4;
    is_connected(&open, to, 30);
    probes(&open, &format!("-sT -p {PORTS}"), to.into());
    let lines = told_of(&site, &source(&open), 1);
    assert!(matches!(lines.as_slice(), [line] if line["confidence"] == "proven"), "{lines:#?}");

    // Who is told of before he shakes hands is told of once more.
    let late = new(&site);
    probes(&late, &format!("-sT -p {PORTS}"), site.host.place().ipv4.into());
    assert!(fetches(&site, &late));
    let lines = told_of(&site, &source(&late), 2);
    assert!(
        matches!(lines.as_slice(), [first, second] if first["confidence"] == "unproven" && second["confidence"] == "proven"),
        "{lines:#?}"
    );

    thread::sleep(Duration::from_secs(2));
    let status = site.ask("watch status -o ndjson").json();
    let pulse = &status["pulse"];
    assert_eq!((&pulse["packets"], &pulse["lost"]), (&"gate".into(), &0.into()), "{status:#}");
    site.run("systemctl stop watched");
    assert!(!listens(&site), "the group is free again");
}

#[test]
fn whom_the_gate_tells_of_is_kept_out_where_he_is_proven() {
    let site = watched(&policy(BLOCK));
    let [prober, friend]: [Client; 2] = std::array::from_fn(|_| new(&site));
    assert!(fetches(&site, &prober) && fetches(&site, &friend));
    probes(&prober, &format!("-sT -p {PORTS}"), site.host.place().ipv4.into());
    let is_told = || !of(&site, &source(&prober)).is_empty();
    assert!((0..20).any(|_| is_told()), "an emulated machine takes its time to change the gate");
    let lines = told_of(&site, &source(&prober), 1);
    assert!(matches!(lines.as_slice(), [line] if line["event"] == "block"), "{lines:#?}");
    assert!(!fetches(&site, &prober) && fetches(&site, &friend), "he alone is kept out");

    // Whoever forges an address cannot prove that it is his, though conntrack believes half of all numbers.
    forges(&site, &new(&site), NOBODY, GUESS);
    let lines = told_of(&site, NOBODY, 1);
    assert!(
        matches!(lines.as_slice(), [line] if line["event"] == "suspicion" && line["confidence"] == "unproven"),
        "{lines:#?}"
    );

    site.run(&format!("portreeve watch forgive {}", source(&prober)));
    assert!(fetches(&site, &prober));

    // The unit that watches by itself may do all of that, too.
    site.run(
        "systemctl stop watched; systemctl set-environment PORTREEVE_WITHOUT=bpf; portreeve watch enable",
    );
    soon(&site, "the unit hears", listens);
    let again = new(&site);
    assert!(fetches(&site, &again));
    probes(&again, &format!("-sT -p {PORTS}"), site.host.place().ipv4.into());
    soon(&site, "he is kept out, too", |site| {
        site.run("nft list set inet portreeve blocked4").stdout.contains(&source(&again))
    });
}

/// Has the client open a connection to ssh that lasts so many seconds.
fn is_connected(client: &Client, to: Ipv4Addr, seconds: u32) {
    let begun = format!(
        "bash -c 'exec 3<>/dev/tcp/{to}/22; sleep {seconds}' >/dev/null 2>&1 & \
         timeout 10 sh -c 'until ss -Htn state established dport = :22 | grep -q {to}; do sleep 0.1; done'"
    );
    let output = lab(client.run(&begun));
    assert_eq!(output.status, 0, "{output:#?}");
}

/// Has the client send what `script` makes of `send`, with these addresses of IPv4 as both ends.
fn forges(site: &Site, forger: &Client, from: &str, script: &str) {
    let host = site.host.place().ipv4;
    let prelude = format!(
        "import random, socket, struct, time
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
named, to = struct.unpack('>I', socket.inet_aton('{from}'))[0], socket.inet_aton('{host}')
def folded(whole):
    whole = (whole & 0xffff) + (whole >> 16)
    return ~((whole & 0xffff) + (whole >> 16)) & 0xffff
def send(source, port, sequence, acknowledged, flags):
    source = struct.pack('>I', source)
    tcp = [40000, port, sequence, acknowledged, 0x50, flags, 1024, 0, 0]
    pseudo = source + to + struct.pack('>HH', 6, 20) + struct.pack('>HHIIBBHHH', *tcp)
    tcp[7] = folded(sum(struct.unpack('>16H', pseudo)))
    head = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 40, 0, 0, 64, 6, 0, source, to)
    raw.sendto(head + struct.pack('>HHIIBBHHH', *tcp), ('{host}', 0))
"
    );
    let output = lab(forger.run(&format!("python3 -c \"{prelude}{script}\"")));
    assert_eq!(output.status, 0, "{output:#?}");
}

/// An address of the wire that nobody has, so that nobody resets what is begun in its name.
const NOBODY: &str = "198.51.100.250";

/// Begins a connection to a port that is open, acknowledges many numbers, of which conntrack believes the first at the latest when
/// half of them are through, and then asks for ports of nobody's.
const GUESS: &str = "
send(named, 443, 1000, 0, 2)
time.sleep(0.1)
for guess in range(0, 1 << 32, 60000):
    send(named, 443, 1001, guess, 16)
time.sleep(0.5)
for port in (23, 3389, 5432, 5900, 6379, 9200):
    send(named, port, 1000, 0, 2)
";

/// For one port, in the name of as many as the gate can tell apart, for some seconds.
const FLOOD: &str = "
random.seed(1)
end = time.monotonic() + 15
while time.monotonic() < end:
    send(0x0b000000 + random.randrange(20000), 23, 1, 0, 2)
";

/// In the name of many more.
const CROWD: &str = "
for source in range(90000):
    send(0x0c000000 + source, 23, 1, 0, 2)
";

/// Each source has a rate of its own.
#[test]
fn a_flood_in_the_name_of_others_hides_nobody_from_whoever_listens_to_the_gate() {
    let site = watched(&policy(""));
    let (slow, flooding) = (new(&site), new(&site));
    thread::scope(|scope| {
        scope.spawn(|| forges(&site, &flooding, NOBODY, FLOOD));
        thread::sleep(Duration::from_secs(1));
        probes(&slow, "-sT --scan-delay 1500ms -p 23,3389,5900,6379,9200", site.host.place().ipv4.into());
    });
    let lines = told_of(&site, &source(&slow), 1);
    assert!(matches!(lines.as_slice(), [line] if is_early(line)), "{lines:#?}");
    assert!(!sees(&site).contains("tells apart"), "{}", sees(&site));

    // Where there are more, whoever comes then may be hidden, and that is said.
    forges(&site, &flooding, NOBODY, CROWD);
    soon(&site, "it says so", |site| {
        sees(site).contains("none of the 65536 sources that the gate tells apart")
    });
}

#[test]
fn what_the_gate_does_not_tell_is_said() {
    let site = declared(&policy(""));
    watch(&site);
    // Its log is read at least.
    soon(&site, "it says why not", |site| {
        sees(site).contains("probes of closed ports, which cannot be seen here: there is no gate that would tell (portreeve apply)")
    });
    assert!(!listens(&site));
    let packets = |site: &Site| site.ask("watch status -o ndjson").json()["pulse"]["packets"].clone();
    soon(&site, "it is kept", |site| packets(site) == "nobody");

    // A gate that comes is heard, and one that goes is missed, also where the kernel takes it back.
    site.run("portreeve apply --trial 5s --no-session");
    soon(&site, "it hears of a trial", listens);
    soon(&site, "the trial is over", |site| !listens(site));
    apply(&site);
    soon(&site, "it hears", |site| listens(site) && sees(site).contains("(sockets)"));
    let line = probed(&site, &format!("-sS -p {PORTS}"));
    assert!(is_early(&line), "{line:#}");
    site.run("portreeve off gate --no-session");
    soon(&site, "the gate is gone", |site| !listens(site) && sees(site).contains("there is no gate"));
    // One that only closes a port tells of that one alone.
    site.run("portreeve close 6379/tcp --no-session");
    soon(&site, "it is not all", |site| {
        listens(site) && sees(site).contains("ports that the gate does not close")
    });
    apply(&site);
    soon(&site, "it is all again", |site| !sees(site).contains("does not close"));

    // The kernel has one reader for each group: another one is named, and heard once the first is gone.
    let japanese = "LANG=ja_JP.UTF-8 PORTREEVE_WITHOUT=bpf timeout 4 portreeve watch 2>&1; true";
    let pid = site.run("systemctl show -P MainPID watched").stdout;
    let second = site.run(japanese).stdout;
    let holder = format!("ロググループ 28786 を portreeve(pid {})が使用しているため", pid.trim());
    assert!(second.contains(&holder), "{second}");
    site.run("systemctl stop watched");
    let third = site.run(japanese).stdout;
    assert!(
        third.contains("監視対象: ゲートが拒否したパケット(ロググループ)、ハンドシェイク(ソケット)"),
        "{third}"
    );

    // Where conntrack is silent a connection proves who is there once it has ended.
    site.run("mount -o remount,rw /proc/sys; echo 0 >/proc/sys/net/netfilter/nf_conntrack_events");
    watch(&site);
    soon(&site, "it says so", |site| {
        sees(site)
            .contains("handshakes of connections before they end, net.netfilter.nf_conntrack_events is 0")
    });
    let (peer, to) = (new(&site), site.host.place().ipv4);
    is_connected(&peer, to, 15);
    probes(&peer, &format!("-sT -p {PORTS}"), to.into());
    let lines = told_of(&site, &source(&peer), 1);
    assert!(matches!(lines.as_slice(), [line] if line["confidence"] == "unproven"), "{lines:#?}");
    soon(&site, "it has ended", |site| of(site, &source(&peer)).len() == 2);
    assert_eq!(of(&site, &source(&peer))[1]["confidence"], "proven");
}
