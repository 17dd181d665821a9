//! What the policy has the guard keep, from plan to undo, on a host with a real systemd and nginx (A15, A24).

use portreeve_lab::{Output, profile};
use serde_json::{Value, json};

use super::site::{Site, lab};

const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.web]
ports = ["80/tcp", "443/tcp"]
owner = { unit = "nginx.service" }
reach = "world"
guard = "enforce"
"#;
/// Where the guard has its names.
const PINS: &str = "ls /sys/fs/bpf/portreeve/guard-3 2>/dev/null | wc -l";
const APPLY: &str = "apply --no-trial --no-session";

/// A host with nginx on port 80, and a bpffs as a machine that is no container has it.
fn site() -> Site {
    let site = Site::boot(&profile::WEB);
    site.run("mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys");
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site
}

/// What comes of it when somebody who is root, in no unit of the policy's, listens on `port`.
fn listens(site: &Site, port: u16) -> Output {
    lab(site.host.run(&format!("timeout 1 nc -l -s 127.0.0.1 -p {port}")))
}

#[track_caller]
fn is_refused(site: &Site, port: u16) {
    let output = listens(site, port);
    assert!(output.stderr.contains("Operation not permitted"), "{port}: {output:#?}");
}

/// By timeout(1), which ended it after its second.
#[track_caller]
fn is_bound(site: &Site, port: u16) {
    assert_eq!(listens(site, port).status, 124, "{port}");
}

#[track_caller]
fn pins(site: &Site) -> u32 {
    site.run(PINS).stdout.trim().parse().expect("a number")
}

/// How a change is told of, `what` it does.
fn planned(site: &Site, what: &str) -> bool {
    let plan = site.ask("plan --no-session -o json").json();
    plan["changes"].as_array().expect("`changes` is promised").iter().any(|change| change["kind"] == what)
}

/// Debian's systemd passes over the setting, and the kernel tells so.
#[test]
fn a_denial_that_nothing_carries_out_is_found() {
    let site = site();
    let found = || site.ask("audit -o json").stdout.contains("ineffective-socket-bind-deny");
    assert!(!found(), "nobody says it");
    site.run(
        "mkdir -p /etc/systemd/system/nginx.service.d && \
         printf '[Service]\\nSocketBindDeny=any\\n' > /etc/systemd/system/nginx.service.d/deny.conf && \
         systemctl daemon-reload && systemctl restart nginx",
    );
    let carries_out = site.run("systemctl --version").stdout.contains("+BPF_FRAMEWORK");
    assert!(!carries_out, "this systemd would need a test of its own");
    assert!(found());
    assert!(site.run("ss -Htln").stdout.contains(":80 "), "it has bound all the same");
}

/// Whoever follows hears of each time, root of everybody and a user of himself.
#[test]
fn each_further_try_is_told_as_it_happens() {
    let site = site();
    site.run(&format!("systemctl stop nginx && portreeve {APPLY}"));
    is_refused(&site, 443);
    for (unit, user) in [("all", "root"), ("own", "dev")] {
        site.run(&format!(
            "systemd-run -q --unit={unit} --uid={user} -p StandardOutput=file:/run/{unit} -p StandardError=file:/run/{unit}.err \
             portreeve guard refused --follow -o ndjson"
        ));
    }
    let followed = |unit: &str, lines: usize| {
        site.run(&format!("timeout 20 sh -c 'until test $(wc -l < /run/{unit}) -ge {lines}; do sleep 0.05; done'; cat /run/{unit}"))
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("a document a line"))
            .collect::<Vec<Value>>()
    };
    assert_eq!(followed("all", 1).len(), 1, "what was before is told first");
    is_refused(&site, 443);
    followed("all", 2);
    lab(site.host.run("runuser -u dev -- timeout 1 nc -l -s 127.0.0.1 -p 443"));
    let (all, own) = (followed("all", 3), followed("own", 1));
    let told = |it: &Value| (it["port"].clone(), it["user"].clone(), it["count"].clone());
    let expected =
        [("root", 1), ("root", 2), ("dev", 1)].map(|(user, count)| (443.into(), user.into(), count.into()));
    assert_eq!(all.iter().map(told).collect::<Vec<_>>(), expected, "{all:#?}");
    assert_eq!(own.iter().map(told).collect::<Vec<_>>(), expected[2..], "{own:#?}");
    // A guard that is gone for a while ends nothing, and services are called as the policy has them by now.
    site.run("portreeve off guard && sed -i s/service.web/service.site/ /etc/portreeve/policy.toml");
    site.run(&format!("portreeve {APPLY}"));
    lab(site.host.run("runuser -u dev -- timeout 1 nc -l -s 127.0.0.1 -p 443"));
    let services =
        [followed("all", 4), followed("own", 2)].map(|told| told.last().map(|it| it["service"].clone()));
    assert_eq!(services, [Some("site".into()), Some("site".into())]);
    assert_eq!(site.ask("guard refused --follow -o json").status, 2);
    assert_eq!(site.ask("guard status --follow").status, 2);
}

/// A stranger with every right is refused, whoever he is can be told afterwards, and the owner comes and goes with nobody of ours
/// about.
#[test]
fn an_enforced_port_is_its_owners_alone() {
    let site = site();
    assert!(planned(&site, "guard"));
    site.run("systemctl stop nginx");
    is_bound(&site, 443);
    site.run(&format!("portreeve {APPLY}"));
    assert!(!planned(&site, "guard"), "it is as the policy says");
    for port in [80, 443, 443] {
        is_refused(&site, port);
    }
    is_bound(&site, 8080);
    site.run(
        "! pgrep -x portreeve; systemctl start nginx && systemctl restart nginx && ss -Htln | grep -q ':80 '",
    );
    // One who is not in the policy's way is only written down.
    site.run("systemctl stop ssh");
    is_bound(&site, 22);
    site.run("systemctl start ssh");
    let why = site.run("portreeve why 443").stdout;
    assert!(why.contains("nc (pid ") && why.contains("of root in lab.scope: refused, 2 times"), "{why}");
    let refused = site.ask("guard refused -o json").json();
    let refused = refused["refusals"].as_array().expect("`refusals` is promised").clone();
    let told = |it: &Value| {
        let text = |key: &str| it[key].as_str().expect("text").to_owned();
        let number = |key: &str| it[key].as_u64().expect("a number");
        (number("port"), text("mode"), text("service"), text("name"), text("user"), number("count"))
    };
    let mut told: Vec<_> = refused.iter().map(told).collect();
    told.sort();
    let row = |port, mode: &str, service: &str, count| {
        (port, mode.to_owned(), service.to_owned(), "nc".to_owned(), "root".to_owned(), count)
    };
    assert_eq!(
        told,
        [row(22, "observe", "ssh", 1), row(80, "enforce", "web", 1), row(443, "enforce", "web", 2),],
        "{refused:#?}"
    );
}

/// Who asked for a number is known for certain from then on, also where he is gone, and to root and its group alone.
#[test]
fn who_opened_a_port_is_written_down() {
    let site = site();
    let found = || site.ask("audit").stdout.contains("opened-before-guard");
    site.run(&format!("portreeve {APPLY}"));
    assert!(found(), "nginx was there before");
    site.run("systemctl restart nginx");
    assert!(!found());
    site.run("systemd-run -q -u plain python3 -m http.server 9000");
    // One that leaves what it opened to its child.
    site.run("systemd-run -q -u leaving -p Type=forking python3 -c 'import os, socket, time; s = socket.socket(); s.bind((\"\", 9100)); s.listen(); os.fork() and os._exit(0); time.sleep(99)'");
    site.run("timeout 10 sh -c 'until ss -Htln | grep -q :9000; do sleep 0.1; done'");
    let main = site.run("systemctl show -P MainPID plain").stdout.trim().parse::<u64>().expect("a number");
    let opener = |port: u16| {
        let why = site.ask(&format!("why {port} -o json")).json();
        why["ports"][0]["opener"].clone()
    };
    let plain = opener(9000);
    assert_eq!((&plain["certainty"], &plain["process"]["pid"]), (&json!("certain"), &json!(main)), "{plain}");
    assert_eq!((&plain["latest"]["known_by"], &plain["earliest"]), (&json!("record"), &plain["latest"]));
    assert!(plain["process"]["exe"].is_string(), "it holds it yet: {plain}");
    // Whoever asks for another number with the same socket gets none, and is known for the first.
    site.run("systemd-run -q -u twice python3 -c 'import socket, time; s = socket.socket(); s.bind((\"\", 9200)); s.listen();\ntry: s.bind((\"\", 9201))\nexcept OSError: time.sleep(99)'");
    site.run("timeout 10 sh -c 'until ss -Htln | grep -q :9200; do sleep 0.1; done'; sleep 0.3");
    assert_eq!(opener(9200)["certainty"], "certain");
    let leaving = opener(9100);
    assert_eq!((&leaving["certainty"], &leaving["process"]["exe"]), (&json!("certain"), &Value::Null));
    assert_eq!(leaving["process"]["name"], "python3");
    // Its group may come after the guard.
    site.run(&format!("groupadd portreeve && useradd -G portreeve member && portreeve {APPLY}"));
    let said = |user: &str| site.ask_as(user, "why 9000").stdout.contains("as the guard recorded");
    assert!(said("member") && !said("dev"));
    let other = site.ask_as("dev", "why 9000").stdout;
    assert!(other.contains("a record would be for root and the group portreeve alone"), "{other}");
    site.run("portreeve off guard");
    assert_eq!(opener(9000)["certainty"], "likely");
}

/// A unit that asks for it is known by the sockets that it makes, also after a boot, and whoever else is root is not.
#[test]
fn an_owner_is_known_by_its_mark() {
    let site = site();
    let policy = POLICY.replace("owner = { unit = \"nginx.service\" }", "owner = { mark = \"web\" }");
    assert_ne!(policy, POLICY);
    lab(site.host.write("/etc/portreeve/policy.toml", &policy));
    let alone = site.ask("guard mark web");
    assert_eq!(alone.status, 2, "{alone:#?}");
    let (_, setting) = alone.stderr.split_once("[Service]: ").expect("it says how");
    let (setting, _) = setting.split_once(';').expect("and what else");
    site.run(&format!("mkdir /etc/systemd/system/nginx.service.d && printf '[Service]\\n{setting}\\n' > /etc/systemd/system/nginx.service.d/mark.conf"));
    let applied = site.run(&format!("systemctl daemon-reload && systemctl stop nginx && portreeve {APPLY}"));
    assert!(applied.stderr.contains("no socket is marked yet"), "{applied:#?}");
    is_refused(&site, 443);
    let listening = "systemctl restart nginx && ss -Htln | grep -q ':80 '";
    site.run(&format!("{listening} && {listening}"));
    let stolen = || site.ask("audit").stdout.contains("stolen-port");
    assert!(!stolen());
    assert!(site.run("portreeve guard status").stdout.contains("mark web"));
    // A boot forgets what is in the kernel.
    site.run("systemctl stop nginx && rm -r /sys/fs/bpf/portreeve && portreeve apply --boot");
    is_refused(&site, 443);
    site.run(listening);
    // Who runs is known by it still when a guard comes back.
    site.run(&format!("portreeve undo --no-session && portreeve {APPLY}"));
    let before = site.run("systemctl show -P MainPID nginx").stdout;
    let more = "echo 'server { listen 127.0.0.1:443; }' > /etc/nginx/conf.d/more.conf && nginx -s reload";
    site.run(&format!("{more} && timeout 10 sh -c 'until ss -Htln | grep -q :443; do sleep 0.1; done'"));
    assert_eq!(site.run("systemctl show -P MainPID nginx").stdout, before);
    site.run("rm /etc/nginx/conf.d/more.conf");
    // Whoever is in the very cgroup, and asked for no mark, is none.
    site.run(
        "rm /etc/systemd/system/nginx.service.d/mark.conf && systemctl daemon-reload && systemctl stop nginx",
    );
    assert_ne!(lab(site.host.run("systemctl start nginx")).status, 0);
    site.run("portreeve off guard && ! ls /sys/fs/bpf/portreeve 2>/dev/null && systemctl restart nginx");
}

/// Tries the number of somebody else, each time under another name.
const UNDER_MANY_NAMES: &str = r#"import socket
for at in range(900):
    open("/proc/self/comm", "w").write(f"name-{at}")
    try: socket.socket().bind(("127.0.0.1", 443))
    except PermissionError: pass
"#;

/// Whoever meets EPERM finds out why without being root, and of nobody but himself.
#[test]
fn a_user_is_told_of_himself_alone() {
    let site = site();
    let before = site.ask_as("dev", "guard refused");
    assert_eq!(before.status, 7, "nothing is shown yet: {before:#?}");
    assert!(before.stderr.contains("sudo portreeve guard status"), "{before:#?}");
    site.run(&format!(
        "systemctl stop nginx && sysctl -q net.ipv4.ip_unprivileged_port_start=0 && portreeve {APPLY}"
    ));
    let bind = "python3 -c 'import socket; socket.socket().bind((\"127.0.0.1\", 443))'";
    let refused = lab(site.host.run_as("dev", bind));
    assert!(refused.stderr.contains("Operation not permitted"), "{refused:#?}");
    is_refused(&site, 80);
    let told = site.ask_as("dev", "guard refused -o json").json();
    let told = told["refusals"].as_array().expect("`refusals` is promised").clone();
    let [row] = &told[..] else { panic!("one row: {told:#?}") };
    assert_eq!((&row["port"], &row["user"], &row["name"]), (&json!(443), &json!("dev"), &json!("python3")));
    let why = site.ask_as("dev", "why 443").stdout;
    assert!(why.contains("python3 (pid ") && why.contains(" of dev"), "{why}");
    // Each reads the file with his own rights, whoever the program is.
    let rows = |user: &str| {
        let read = "wc -c </run/portreeve/guard/refused-2";
        let read = if user == "root" { site.run(read) } else { lab(site.host.run_as(user, read)) };
        read.stdout.trim().parse::<u32>().expect("a number") / 160
    };
    assert_eq!((rows("root"), rows("dev")), (2, 1));
    lab(site.host.run_as("dev", &format!("python3 -c '{UNDER_MANY_NAMES}'")));
    assert_eq!((rows("root"), rows("dev")), (902, 901), "more than one read gives");
    let told = site.ask_as("dev", "guard refused -o json").json();
    assert_eq!(told["refusals"].as_array().map(Vec::len), Some(901));
    let alone = "unshare --pid --fork --mount-proc setpriv --reuid dev --regid dev --clear-groups portreeve guard refused";
    let alone = lab(site.host.run(alone));
    assert_eq!(alone.status, 7, "a part of it looks like all: {alone:#?}");
    assert_eq!(site.ask_as("dev", "guard status").status, 2, "whose ports are kept is not shown");
    site.run(
        "portreeve off guard && ! grep -q portreeve/guard /proc/mounts && test ! -e /run/portreeve/guard",
    );
}

/// Also what has gone since, which service it was of that stands on that address, and with a policy that has a mistake by now.
#[test]
fn who_tried_is_told_as_he_was() {
    let site = site();
    let policy = POLICY.replace("80/tcp\", \"443/tcp", "80/tcp")
        + "[service.one]\nports = [\"7000/tcp\"]\naddress = \"127.0.0.1\"\nowner = { unit = \"one.service\" }\nguard = \"enforce\"\n"
        + "[service.two]\nports = [\"7000/tcp\"]\naddress = \"127.0.0.2\"\nowner = { unit = \"two.service\" }\nguard = \"enforce\"\n";
    lab(site.host.write("/etc/portreeve/policy.toml", &policy));
    site.run(&format!("portreeve {APPLY}"));
    for (unit, address) in [("three", "127.0.0.2"), ("four", "127.0.0.1")] {
        let bind = format!("import socket; socket.socket().bind((\"{address}\", 7000))");
        site.run(&format!("! systemd-run -q --wait -u {unit} python3 -c '{bind}'"));
    }
    let rows = || {
        let told = site.ask("guard refused -o json").json();
        let told = told["refusals"].as_array().expect("`refusals` is promised").clone();
        let row = |it: &Value| (it["service"].clone(), it["unit"].clone(), it["cgroup"].clone());
        told.iter().map(row).collect::<Vec<_>>()
    };
    let expected = [
        (json!("one"), json!("four.service"), Value::Null),
        (json!("two"), json!("three.service"), Value::Null),
    ];
    assert_eq!(rows(), expected);
    lab(site.host.write("/etc/portreeve/policy.toml", "version = x"));
    let told = site.ask("guard refused");
    assert_eq!(told.status, 0, "{told:#?}");
    assert!(told.stdout.contains("three.service") && told.stderr.contains("portreeve check"), "{told:#?}");
    // Root of a namespace of his own is nobody here, and is told nothing that he would do as root.
    let nobody = site.ask_as("dev", "guard status");
    let root = lab(site.host.run_as("dev", "unshare -Ur portreeve guard status"));
    assert_eq!((root.status, root.stderr), (nobody.status, nobody.stderr));
}

/// The kernel takes back what nobody confirms, with the gate that it came with; what somebody does confirm stays, until it is
/// taken back.
#[test]
fn a_trial_of_the_guard_is_the_gates() {
    let site = site();
    site.run("systemctl stop nginx");
    // As long as it takes to look at it where every instruction is emulated.
    assert_eq!(site.ask("apply --trial 10s --no-session").status, 0);
    is_refused(&site, 443);
    let status = site.ask("guard status -o json").json();
    assert!(status["trial_until"].is_string() && status["kept"] == Value::Array(Vec::new()), "{status}");
    let ports = status["trial"].as_array().expect("it is on trial").iter().map(|kept| &kept["port"]);
    assert_eq!(ports.collect::<Vec<_>>(), [22, 80, 443], "{status}");
    site.run("sleep 10");
    is_bound(&site, 443);
    assert_eq!(site.ask("apply --trial 80s --no-session").status, 0);
    let told = site.run("portreeve guard status").stdout;
    assert!(told.contains("In its place this is on trial until 2") && told.contains("443/tcp"), "{told}");
    site.run("portreeve confirm");
    is_refused(&site, 443);
    let status = site.ask("guard status -o json").json();
    assert!(status["trial_until"].is_null() && status["trial"].is_null(), "{status}");
    assert_eq!(status["kept"].as_array().map(Vec::len), Some(3), "{status}");
    site.run("portreeve undo --no-session");
    is_bound(&site, 443);
    assert_eq!(pins(&site), 0, "nothing of ours is left");
}

/// Where the gate stays as it is.
#[test]
fn a_change_of_the_guard_alone_is_tried_kept_and_taken_back() {
    let site = site();
    let observing = POLICY.replace("enforce", "observe");
    lab(site.host.write("/etc/portreeve/policy.toml", &observing));
    site.run(&format!("systemctl stop nginx && portreeve {APPLY}"));
    is_bound(&site, 443);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    assert_eq!(site.ask("apply --trial 80s --no-session").status, 0);
    is_refused(&site, 443);
    assert_eq!(site.ask("apply --trial 80s --no-session").status, 5, "one at a time");
    older_is_not_taken_back(&site);
    site.run("portreeve undo --no-session");
    is_bound(&site, 443);
    site.run("portreeve apply --trial 80s --no-session && portreeve confirm");
    is_refused(&site, 443);
    site.run("portreeve undo --no-session");
    is_bound(&site, 443);
    assert!(pins(&site) > 0, "those who bind what is not theirs are written down as before");
    site.run("portreeve off guard");
    assert_eq!(pins(&site), 0);
}

/// With what was done before a trial half of that would be over, too.
fn older_is_not_taken_back(site: &Site) {
    let before = site.run("portreeve history").stdout;
    for older in ["undo 1 --no-session", "undo 2 --no-session", "close 9/tcp --no-session"] {
        let refused = site.ask(older);
        assert_eq!(refused.status, 5, "{older}: {refused:#?}");
        assert!(refused.stderr.contains("another change is on trial"), "{refused:#?}");
    }
    assert_eq!(site.run("portreeve history").stdout, before);
}

/// The same where the gate is on trial with it.
#[test]
fn nothing_older_is_taken_back_while_the_gate_and_the_guard_are_tried() {
    let site = site();
    site.run(&format!("systemctl stop nginx && portreeve {APPLY}"));
    lab(site.host.write("/etc/portreeve/policy.toml", &POLICY.replace("443/tcp", "8443/tcp")));
    assert_eq!(site.ask("apply --trial 80s --no-session").status, 0);
    older_is_not_taken_back(&site);
    // Either half of the trial stands for both.
    assert_eq!(site.ask("undo 4 --no-session").status, 0);
    is_bound(&site, 8443);
    assert!(site.run("portreeve history").stdout.contains("ended the trial of receipt 3"));
}

/// Nothing is taken from whoever has it, and nothing is changed by halves.
#[test]
fn what_stands_in_the_way_is_said_and_nothing_is_done() {
    let site = site();
    site.run("systemctl stop nginx; systemd-run -q -u thief python3 -m http.server --bind 127.0.0.1 443");
    site.run("timeout 10 sh -c 'until ss -Htln | grep -q :443; do sleep 0.1; done'");
    let refused = site.ask(APPLY);
    assert_eq!(refused.status, 5, "{refused:#?}");
    assert!(refused.stderr.contains("443/tcp is to be refused to whoever does not own web"), "{refused:#?}");
    assert!(refused.stderr.contains("python3 (user root) holds it"), "{refused:#?}");
    // He need not listen yet, nor be alone with it, nor be of TCP.
    site.run("systemctl stop thief; systemd-run -q -u thief python3 -c 'import socket, time; s = socket.socket(); s.bind((\"\", 443)); time.sleep(600)'");
    site.run("timeout 10 sh -c 'until portreeve who 443 | grep -q python3; do sleep 0.1; done'");
    let refused = site.ask(APPLY);
    assert_eq!(refused.status, 5, "{refused:#?}");
    assert!(refused.stderr.contains("python3 (user root), pid "), "{refused:#?}");
    site.run("systemctl stop thief && umount /sys/fs/bpf");
    for arguments in ["plan --no-session", APPLY] {
        let refused = site.ask(arguments);
        assert_eq!(refused.status, 7, "{refused:#?}");
        assert!(refused.stderr.contains("mount -t bpf bpf /sys/fs/bpf"), "{refused:#?}");
    }
    assert_eq!(site.run("nft list tables").stdout, "", "the gate neither");
    site.run("mount -t bpf bpf /sys/fs/bpf && mkdir -p /sys/fs/bpf/portreeve/guard-9");
    let refused = site.ask(APPLY);
    assert_eq!(refused.status, 5, "{refused:#?}");
    assert!(refused.stderr.contains("another version of portreeve put"), "{refused:#?}");
    assert_eq!(site.run("ls /sys/fs/bpf/portreeve").stdout, "guard-9\n", "it is left as it is");
}

/// Whoever has a port that is refused to him by now is told of by each plan.
#[test]
fn who_was_there_before_is_told_of() {
    let site = site();
    site.run(&format!("portreeve {APPLY}"));
    let held = || site.ask("plan --no-session -o json").json()["held"].clone();
    assert_eq!(held(), Value::Null, "it is its owner's");
    site.run("mkdir /sys/fs/cgroup/elsewhere && for pid in $(pgrep nginx); do echo $pid > /sys/fs/cgroup/elsewhere/cgroup.procs; done");
    let expected = json!({"protocol": "tcp", "port": 80, "service": "web", "who": "nginx (user root)"});
    assert_eq!(held(), expected);
    let told = site.ask("plan --no-session").stderr;
    assert!(
        told.contains("80/tcp is refused to whoever does not own web, but nginx (user root) bound it before"),
        "{told}"
    );
}

/// A unit that is not on the host owns nothing that anybody could bind.
#[test]
fn an_owner_that_is_not_there_is_told_of() {
    let site = site();
    site.run("systemctl stop nginx");
    let missed = |unit: &str| {
        let policy = POLICY.replace("nginx.service", unit);
        lab(site.host.write("/etc/portreeve/policy.toml", &policy));
        site.run(&format!("portreeve {APPLY}"));
        site.ask("audit").stdout.contains("guard-owner-never-seen")
    };
    assert!(missed("ngnix.service") && !missed("nginx.service"));
}

/// Who is in the way gives it up where that is asked for, once it is refused to him; nobody's way in is closed so.
#[test]
fn a_stranger_gives_up_what_he_listens_on() {
    let site = site();
    site.run("systemctl stop nginx; systemd-run -q -u thief python3 -m http.server --bind 127.0.0.1 443");
    site.run("timeout 10 sh -c 'until ss -Htln | grep -q :443; do sleep 0.1; done'");
    let refused = site.ask(APPLY);
    assert_eq!(refused.status, 5, "{refused:#?}");
    assert!(refused.stderr.contains("--evict"), "{refused:#?}");
    let plan = site.ask("plan --no-session --evict -o json").json();
    let changes = plan["changes"].as_array().expect("`changes` is promised").clone();
    let last = changes.last().expect("a change");
    assert_eq!((&last["kind"], &last["reversible"]), (&json!("evict"), &json!(false)));
    let tried = site.ask("apply --trial 5s --no-session --evict");
    assert!(tried.status == 5 && tried.stderr.contains("--no-trial --evict"), "{tried:#?}");
    assert!(site.run("ss -Htln").stdout.contains(":443"), "nothing is tried that cannot be taken back");
    site.run(&format!("portreeve {APPLY} --evict && ! ss -Htln | grep -q :443 && systemctl is-active thief"));
    site.run("systemctl start nginx && systemctl stop nginx");
    // He who came while nobody kept it goes too, where nothing else is to be done.
    site.run("rm -r /sys/fs/bpf/portreeve && systemctl restart thief");
    site.run("timeout 10 sh -c 'until ss -Htln | grep -q :443; do sleep 0.1; done'; portreeve apply --boot");
    let evicted = site.run(&format!("portreeve {APPLY} --evict && ! ss -Htln | grep -q :443"));
    assert!(evicted.stdout.contains("no stranger listens"), "{evicted:#?}");
    // The kernel takes nothing from him that he has bound, and he may do nothing but fail from then on.
    assert!(evicted.stderr.contains("systemctl stop thief.service"), "{evicted:#?}");
    // Who does it again has nothing to do, and who changes something else is not kept from it.
    site.run("sed -i 's|\"443/tcp\"|\"443/tcp\", \"8443/tcp\"|' /etc/portreeve/policy.toml");
    for _ in 0..2 {
        let again = site.ask(&format!("{APPLY} --evict"));
        assert!(again.status == 0 && again.stderr.contains("python3 (user root), pid "), "{again:#?}");
    }
    is_refused(&site, 8443);
    site.run("systemctl stop thief");
    let planned = site.ask("plan --no-session");
    assert!(planned.status == 0 && planned.stderr.is_empty(), "{planned:#?}");
}

/// What users read of it is put back too, one whose map is gone is not called absent, and what was confirmed is missed until it is
/// given up.
#[test]
fn what_is_gone_of_it_is_told_and_put_right() {
    let site = site();
    site.run(&format!("portreeve {APPLY} && umount /run/portreeve/guard"));
    for half in ["guard", "steer"] {
        let off = site.ask_as("dev", &format!("off {half}"));
        assert!(off.status == 2 && off.stderr.contains("sudo"), "{off:#?}");
    }
    assert_eq!(site.ask_as("dev", "guard refused").status, 7);
    site.run(&format!("portreeve {APPLY}"));
    assert_eq!(site.ask_as("dev", "guard refused").status, 0);
    site.run("rm /sys/fs/bpf/portreeve/guard-3/names");
    let torn = site.ask("guard status -o json").json();
    assert_eq!((&torn["stands"], &torn["whole"]), (&json!(true), &json!(false)));
    site.run("rm -r /sys/fs/bpf/portreeve");
    let missed = site.run("portreeve guard status").stdout;
    assert!(
        missed.contains("though one was confirmed") && missed.contains("portreeve off guard"),
        "{missed}"
    );
    // Who came meanwhile stays, and each plan says so.
    site.run("systemctl stop nginx; systemd-run -q -u thief python3 -m http.server --bind 127.0.0.1 443");
    site.run("timeout 10 sh -c 'until ss -Htln | grep -q :443; do sleep 0.1; done'; portreeve apply --boot");
    let told = site.ask("plan --no-session").stderr;
    assert!(
        told.contains("443/tcp is refused to whoever does not own web, but python3 (user root)"),
        "{told}"
    );
    site.run("portreeve off guard");
    assert!(!site.run("portreeve guard status").stdout.contains("confirmed"));
}

/// A part that somebody took away is put there again, and what was kept stays so.
#[test]
fn a_guard_that_is_not_whole_is_put_right() {
    let site = site();
    site.run(&format!("systemctl stop nginx && portreeve {APPLY}"));
    site.run("rm /sys/fs/bpf/portreeve/guard-3/asked4 /sys/fs/bpf/portreeve/guard-3/bound4");
    is_bound(&site, 443);
    assert!(site.run("portreeve guard status").stdout.contains("The guard is not whole"));
    assert!(planned(&site, "guard"));
    site.run(&format!("portreeve {APPLY}"));
    is_refused(&site, 443);
    assert_eq!(site.ask("guard status -o json").json()["whole"], true);
}

/// It comes back at each boot, by a unit with no more rights than that takes.
#[test]
fn a_confirmed_guard_stands_again_after_a_reboot() {
    let mut site = site();
    // Of a machine that is no container its first process mounts it.
    let bpffs = "[Unit]\nDefaultDependencies=no\nBefore=portreeve-early.service\n[Service]\nType=oneshot\nExecStart=mount -t bpf bpf /sys/fs/bpf\n[Install]\nWantedBy=sysinit.target\n";
    lab(site.host.write("/etc/systemd/system/bpffs.service", bpffs));
    site.run("systemctl disable --now nginx; systemctl daemon-reload; systemctl enable bpffs");
    site.run(&format!("portreeve {APPLY} && portreeve gate enable"));
    assert!(site.run("portreeve guard status").stdout.contains("also after the next boot"));
    // What was on trial then is nothing that anybody keeps.
    site.run("sed -i.kept 's/\"enforce\"/\"observe\"/' /etc/portreeve/policy.toml");
    site.run("portreeve apply --trial 300s --no-session && mv /etc/portreeve/policy.toml.kept /etc/portreeve/policy.toml");
    lab(site.host.reboot(&profile::BARE));
    let late = site.ask("confirm");
    assert_eq!(late.status, 6, "{late:#?}");
    assert!(late.stderr.contains("a reboot ended the trial of receipt"), "{late:#?}");
    assert!(
        pins(&site) > 0,
        "{}",
        site.run("systemctl status portreeve-boot; journalctl -u portreeve-boot; true").stdout
    );
    is_refused(&site, 443);
    assert!(!planned(&site, "guard"));
    let shown = site.ask_as("dev", "guard refused");
    assert_eq!(shown.status, 0, "users see theirs again: {shown:#?}");
    site.run("systemctl start nginx && systemctl stop nginx && portreeve off guard");
    lab(site.host.reboot(&profile::BARE));
    assert_eq!(pins(&site), 0, "what was given up does not come back");
}

/// Whatever is taken away in a trial, nobody confirms afterwards.
#[test]
fn what_is_taken_away_in_a_trial_is_not_confirmed() {
    let site = site();
    site.run("systemctl stop nginx");
    for off in ["off guard", "off gate --no-session"] {
        assert_eq!(site.ask("apply --trial 80s --no-session").status, 0);
        is_refused(&site, 443);
        site.run(&format!("portreeve {off}"));
        is_bound(&site, 443);
        let _ = site.ask("confirm");
        is_bound(&site, 443);
        assert_eq!(pins(&site), 0, "{off}");
        site.run("portreeve off --no-session");
    }
}

/// What is tried together is not taken apart: the other half would be over too.
#[test]
fn one_half_of_a_trial_is_not_taken_away_alone() {
    let site = site();
    site.run("printf 'steer = { when_dead = \"refuse\" }\\n' > /root/steer && sed -i '/^guard = /r /root/steer' /etc/portreeve/policy.toml");
    assert_eq!(site.ask("apply --trial 80s --no-session").status, 0);
    for off in ["off guard", "off steer"] {
        let refused = site.ask(off);
        assert_eq!(refused.status, 5, "{off}: {refused:#?}");
        assert!(refused.stderr.contains("both halves of it would be over"), "{refused:#?}");
    }
    assert_eq!(site.ask("confirm").status, 0);
    site.run("portreeve off guard && portreeve off steer");
    assert_eq!(pins(&site), 0);
}

/// A guard that somebody took apart is taken for none.
#[test]
fn one_of_which_a_map_is_gone_is_put_anew_and_taken_away() {
    let site = site();
    site.run(&format!("systemctl stop nginx && portreeve {APPLY}"));
    site.run("rm /sys/fs/bpf/portreeve/guard-3/names");
    assert!(planned(&site, "guard"));
    site.run(&format!("portreeve {APPLY}"));
    is_refused(&site, 443);
    site.run("rm /sys/fs/bpf/portreeve/guard-3/names && portreeve off guard");
    is_bound(&site, 443);
    assert_eq!(pins(&site), 0);
}

/// What ought to stand and does not is a finding.
#[test]
fn a_guard_that_is_gone_is_found() {
    let site = site();
    site.run(&format!("systemctl stop nginx && portreeve {APPLY}"));
    let found = |site: &Site| site.ask("audit -o json").stdout.contains("\"guard-missing\"");
    assert!(!found(&site));
    site.run("rm -r /sys/fs/bpf/portreeve");
    assert!(found(&site));
    site.run(&format!("portreeve {APPLY}"));
    assert!(!found(&site));
}

/// What the kernel gives to a client it asks no guard about: so it is to give no number that is guarded.
#[test]
fn a_guarded_number_is_kept_from_clients_also_without_a_gate() {
    let site = site();
    lab(site.host.write("/etc/portreeve/policy.toml", &POLICY.replace("443/tcp", "40000-40003/tcp")));
    site.run(&format!("systemctl stop nginx && portreeve {APPLY}"));
    let kept = || site.run("cat /proc/sys/net/ipv4/ip_local_reserved_ports").stdout;
    assert_eq!(kept(), "40000-40003\n");
    site.run("portreeve off gate --no-session");
    is_refused(&site, 40_000);
    assert_eq!(kept(), "40000-40003\n");
    site.run("portreeve off guard");
    assert_eq!(kept(), "\n");
}
