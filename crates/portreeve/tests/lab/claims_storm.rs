//! Claims where processes are killed, disks are full, and many are asked for at once: what was acknowledged stands (A23, A25).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{claims::site, site::Site};

/// Clients that claim one port after another, and of whose claims some are killed at any moment. What was printed was
/// acknowledged, also by one that was killed after that.
const KILLED: &str = r#"python3 - <<'END'
import json, random, signal, subprocess, threading
CLIENTS, KILLS = 24, 30
acknowledged, killed, lock = {}, [], threading.Lock()
def client(number):
    turn = 0
    while len(killed) < KILLS:
        name = f"c{number}-{turn}"
        turn += 1
        words = ["portreeve", "claim", name, "-q"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        if random.random() < 0.3:
            try:
                process.wait(random.uniform(0, 0.4))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        said = process.communicate()[0].strip()
        with lock:
            if said:
                acknowledged[name] = int(said)
            if process.returncode == -signal.SIGKILL:
                killed.append(name)
            elif process.returncode != 0:
                raise SystemExit(f"{name} ended with {process.returncode}")
threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps({"acknowledged": acknowledged, "killed": killed}))
END"#;

/// Debian's own SQLite, which is none of ours, looks through the file.
const WHOLE: &str = r#"python3 -c 'import sqlite3
print(sqlite3.connect("/var/lib/portreeve/ledger/ledger.db").execute("pragma integrity_check").fetchall())'"#;

#[test]
fn what_was_acknowledged_outlives_kill_9() {
    let site = site();
    let storm: Value = serde_json::from_str(&site.run(KILLED).stdout).expect("what came of it");
    let acknowledged: BTreeMap<String, u64> =
        serde_json::from_value(storm["acknowledged"].clone()).expect("names and ports");
    let killed = storm["killed"].as_array().expect("names").len();
    assert!(killed >= 30 && acknowledged.len() >= 24, "{killed} of {}", acknowledged.len());
    assert_eq!(site.run(WHOLE).stdout.trim(), "[('ok',)]");
    let standing = standing(&site);
    let lost: Vec<_> = acknowledged.iter().filter(|(name, port)| standing.get(*name) != Some(port)).collect();
    assert!(lost.is_empty(), "{lost:?} of {}", acknowledged.len());
    let numbers: BTreeSet<u64> = standing.values().copied().collect();
    assert_eq!(numbers.len(), standing.len(), "no number has two owners");
    // Whoever was killed asks again, and has either what was written or a port of his own.
    for name in storm["killed"].as_array().expect("names").iter().filter_map(Value::as_str) {
        let port = site.run(&format!("portreeve claim {name} -q")).stdout;
        let port = port.trim().parse().expect("a port");
        let is_own = standing.get(name).map_or(!numbers.contains(&port), |standing| *standing == port);
        assert!(is_own, "{name} {port}");
    }
}

/// The port of each claim.
fn standing(site: &Site) -> BTreeMap<String, u64> {
    let listed = site.ask("claims -o json").json();
    let claims = listed["claims"].as_array().expect("`claims` is promised");
    let named = |claim: &Value| Some((claim["name"].as_str()?.to_owned(), claim["port"].as_u64()?));
    claims.iter().map(|claim| named(claim).expect("both are promised")).collect()
}

/// Where the disk is full nothing is written, nobody is told that it was, and everybody still reads.
#[test]
fn a_full_disk_takes_no_claim_and_loses_none() {
    let site = site();
    site.run(
        "mkdir -p /var/lib/portreeve/ledger && mount -t tmpfs -o size=1m tmpfs /var/lib/portreeve/ledger",
    );
    site.run("seq 20 | xargs -I@ portreeve claim n@");
    let before = standing(&site);
    assert_eq!(before.len(), 20);
    site.run("dd if=/dev/zero of=/var/lib/portreeve/ledger/full bs=4096 2>/dev/null; true");
    full_or_closed(&site, &before, "no space is left");
    site.run("rm /var/lib/portreeve/ledger/full && mount -o remount,ro /var/lib/portreeve/ledger");
    full_or_closed(&site, &before, "the file system is read-only");
    site.run("mount -o remount,rw /var/lib/portreeve/ledger");
    let revision = || site.ask("claims -o json").json()["revision"].as_u64().expect("`revision` is promised");
    let known = revision();
    // Somebody who was killed has left what he wrote in the log, and the list of it is lost.
    let writer = "import sqlite3,os; c=sqlite3.connect(\"/var/lib/portreeve/ledger/ledger.db\"); c.execute(\"update ledger set revision = revision + 1\"); c.commit(); os.kill(os.getpid(), 9)";
    site.run(&format!(
        "python3 -c '{writer}'; cd /var/lib/portreeve/ledger; test -s ledger.db-wal && rm ledger.db-shm"
    ));
    site.run("dd if=/dev/zero of=/var/lib/portreeve/ledger/full bs=4096 2>/dev/null; true");
    assert_eq!(revision(), known + 1);
    full_or_closed(&site, &before, "no space is left");
    site.run("rm /var/lib/portreeve/ledger/full && mount -o remount,ro /var/lib/portreeve/ledger");
    full_or_closed(&site, &before, "the file system is read-only");
    site.run("mount -o remount,rw /var/lib/portreeve/ledger");
    // Somebody reads meanwhile, as a daemon or a shell of SQLite does.
    let reader = "import sqlite3,time; c=sqlite3.connect(\"/var/lib/portreeve/ledger/ledger.db\"); c.execute(\"select * from claim\").fetchall(); open(\"/run/reads\",\"w\"); time.sleep(600)";
    site.run(&format!("systemd-run -q -u reader python3 -c '{reader}'"));
    site.run("timeout 10 sh -c 'until test -e /run/reads; do sleep 0.1; done'");
    site.run("dd if=/dev/zero of=/var/lib/portreeve/ledger/full bs=4096 2>/dev/null; true");
    let asks: String = (0..200).map(|number| format!("{{\"name\":\"m{number}\"}}\n")).collect();
    for arguments in ["claim other", "claim other 20999/tcp -o json", "release n1"] {
        let refused = site.ask(arguments);
        assert_eq!((refused.status, refused.stdout.as_str()), (7, ""), "{arguments}: {refused:#?}");
    }
    let refused = site.ask(&format!("claim --batch - <<'END'\n{asks}END"));
    assert_eq!((refused.status, refused.stdout.as_str()), (7, ""), "{refused:#?}");
    assert_eq!(standing(&site), before, "it is still read, and as it was");
    site.run("rm /var/lib/portreeve/ledger/full");
    assert_eq!(standing(&site), before);
    assert_eq!(site.run(WHOLE).stdout.trim(), "[('ok',)]");
    let answers = site.run(&format!("portreeve claim --batch - <<'END'\n{asks}END")).stdout;
    assert_eq!(answers.lines().count(), 200);
    assert_eq!(standing(&site).len(), 220);
}

/// Where nobody can write: why, and who has what all the same, also of somebody who asks again for what is his.
fn full_or_closed(site: &Site, before: &BTreeMap<String, u64>, why: &str) {
    for arguments in ["claim other", "release n1"] {
        let refused = site.ask(arguments);
        assert_eq!((refused.status, refused.stdout.as_str()), (7, ""), "{arguments}: {refused:#?}");
        assert!(refused.stderr.contains(why), "{refused:#?}");
    }
    assert_eq!(standing(site), *before);
    assert_eq!(site.run("portreeve claim n1").stdout.trim(), before["n1"].to_string());
    assert_eq!(site.run("portreeve ledger export").stdout.lines().count(), 1 + before.len());
    let port = before["n1"];
    assert!(site.run(&format!("portreeve who {port}")).stdout.contains("n1"), "who knows it");
    assert!(site.run("portreeve ledger check").stdout.contains("whole"));
}

/// Where a part of a batch does not find room, what is behind it is not asked for: whoever was told of a port has it, and nobody
/// else has one.
#[test]
fn a_batch_that_finds_no_room_claims_for_nobody_who_is_not_told() {
    let site = site();
    site.run("mount -t tmpfs -o size=200k tmpfs /mnt && portreeve claim one --ledger /mnt/ledger.db");
    site.run("seq 1500 | sed 's/.*/{\"name\":\"f&\"}/' >/root/asks");
    let output = site.ask("claim --batch /root/asks --ledger /mnt/ledger.db");
    assert_eq!(output.status, 7, "{}", output.stderr);
    let listed = site.ask("claims -o json --ledger /mnt/ledger.db").json();
    let standing = listed["claims"].as_array().expect("`claims` is promised").len();
    assert_eq!(standing, 1 + output.stdout.lines().count());
    assert!(standing < 1_501, "else nothing is shown");
}

/// Each line is answered in its place, the kernel keeps all of it, and to ask again is safe.
#[test]
fn a_batch_is_answered_line_by_line() {
    let site = site();
    let batch = r#"cat > /root/asks <<'END'
{"name":"web","ports":"8443/tcp"}
{"name":"web","ports":"8443/tcp"}
nonsense

{"name":"smtp-like","ports":"25/tcp"}
{"name":"other","ports":"8000-8999/tcp"}
{"name":"job","lease":"10m","note":"日本語","address":"127.0.0.1"}
END"#;
    site.run(batch);
    let output = site.ask("claim --batch /root/asks");
    assert_eq!(output.status, 2, "{output:#?}");
    let answers: Vec<Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).expect("a document a line")).collect();
    let told = |at: usize, key: &str| answers[at][key].clone();
    assert_eq!(
        (told(0, "port"), told(0, "fresh"), told(0, "kernel")),
        (json!(8443), json!(true), json!("reserved"))
    );
    assert_eq!((told(1, "claim"), told(1, "fresh")), (told(0, "claim"), json!(false)));
    assert_eq!(told(2, "line"), json!(3));
    assert_eq!((told(3, "refused"), told(4, "refused")), (json!("well-known"), json!("port-held")));
    assert_eq!(told(4, "owner")["name"], "web");
    assert_eq!((told(5, "note"), told(5, "lease")["kind"].clone()), (json!("日本語"), json!("until")));
    assert_eq!(answers.len(), 6);
    assert_eq!(told(5, "revision"), told(0, "revision"), "one commit");
    let before = standing(&site);
    site.run("sed -i 3d /root/asks");
    let again = site.ask("claim --batch - < /root/asks");
    assert_eq!((again.status, again.stdout.lines().count()), (4, 5), "{again:#?}");
    assert_eq!(standing(&site), before);
    site.run("printf '{\"name\":\"web\"}\\n' | portreeve claim --batch -");
}
