//! How a port came to be so, beside what systemd, cron and the login manager say themselves (A5, A12, A20).

use portreeve_lab::profile;
use serde_json::Value;

use super::site::{Site, lab};

/// The only story that is told of a port.
#[track_caller]
fn story(site: &Site, arguments: &str) -> Value {
    let answer = site.ask(&format!("why -o json {arguments}"));
    assert_eq!(answer.status, 0, "{answer:#?}");
    let mut answer = answer.json();
    let ports = answer["ports"].as_array_mut().expect("`ports` is promised");
    assert_eq!(ports.len(), 1, "{ports:#?}");
    ports.remove(0)
}

/// The processes of a story's chain with this role.
fn pids(story: &Value, role: &str) -> Vec<u64> {
    let links = story["chain"].as_array().expect("`chain` is promised").iter();
    links.filter(|link| link["role"] == role).filter_map(|link| link["pid"].as_u64()).collect()
}

/// A property of a unit as its own manager tells it.
fn property(site: &Site, unit: &str, name: &str) -> String {
    site.run(&format!("systemctl show --value -p {name} {unit}")).stdout.trim().to_owned()
}

/// Asserts that `story` names the file, the line and the main process that the manager knows of `unit`.
#[track_caller]
fn assert_started_by(site: &Site, story: &Value, unit: &str) {
    let origin = &story["origin"];
    assert_eq!((&origin["kind"], &origin["unit"]), (&"unit".into(), &unit.into()), "{story:#}");
    let named = origin["file"].as_str().expect("the unit has a file");
    let known = property(site, unit, "FragmentPath");
    let same = format!("test $(realpath {named}) = $(realpath {known}) && grep -n ^ExecStart= {known}");
    let witness = site.run(&same).stdout;
    let line = &origin["lines"][0];
    let told = format!("{}:{}\n", line["number"], line["text"].as_str().unwrap_or_default());
    assert_eq!(told, witness, "{story:#}");
    let main: u64 = property(site, unit, "MainPID").parse().expect("systemd prints a number");
    assert_eq!(pids(story, "main"), [main], "{story:#}");
    assert_eq!(pids(story, "above"), [1], "{story:#}");
}

/// A service is told with its unit file, its line, its processes and its guests (A5, A12).
#[test]
fn why_names_the_unit_file_and_the_chain_of_a_web_server() {
    let site = Site::boot(&profile::WEB);
    let web = story(&site, "80/tcp");
    assert_started_by(&site, &web, "nginx.service");
    let workers = site.run("pgrep -P $(systemctl show --value -p MainPID nginx.service) | sort -n").stdout;
    let workers: Vec<u64> = workers.lines().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(pids(&web, "worker"), workers, "{web:#}");

    let opener = &web["opener"];
    assert_eq!(opener["certainty"], "likely", "{opener:#}");
    assert_eq!(opener["process"]["pid"], web["chain"][1]["pid"], "{opener:#}");
    assert_eq!(opener["unit"], "nginx.service");
    assert_eq!(opener["earliest"]["known_by"], "unit-start", "{opener:#}");
    let began = property(&site, "nginx.service", "InactiveExitTimestamp");
    let bound = opener["earliest"]["at"].as_str().expect("a time");
    let apart = site.run(&format!("echo $(( $(date -d '{bound}' +%s) - $(date -d '{began}' +%s) ))")).stdout;
    // Which tells whole seconds; what the kernel tells is right to a hundredth.
    assert!(
        ["-1\n", "0\n", "1\n"].contains(&apart.as_str()),
        "systemd's own time of the start: {apart} s apart"
    );
    let ssh = story(&site, "22/tcp");
    assert_started_by(&site, &ssh, "ssh.service");

    let here = site.host.place().ipv4;
    let fetch = format!("(sleep 4) | timeout 4 curl -s telnet://{here}:443 >/dev/null & sleep 1; wait");
    let counted = "for i in $(seq 30); do portreeve why 443/tcp -o json | jq -ce \
         '.ports[0].connected | select(.count > 0)' && exit; sleep 0.1; done; exit 1";
    let counted = std::thread::scope(|scope| {
        let guest = scope.spawn(|| lab(site.client.run(&fetch)));
        let counted = lab(site.host.run(counted));
        drop(guest.join());
        counted
    });
    assert_eq!(counted.status, 0, "{counted:#?}");
    let octets = site.client.place().ipv4.octets();
    let network = format!("{}.{}.{}.0/24", octets[0], octets[1], octets[2]);
    assert_eq!(counted.json(), serde_json::json!({"count": 1, "peers": [{"network": network, "count": 1}]}));

    let unseen = site.ask_as("nobody", "why 80/tcp");
    assert_eq!(unseen.status, 3, "{unseen:#?}");
    assert!(unseen.stdout.contains("/nginx.service:"), "anybody may read unit files: {}", unseen.stdout);

    let said = site.ask("why 80");
    assert!(said.stdout.lines().count() <= 24, "one screen: {}", said.stdout);
    assert!(said.stdout.contains("nginx.service:"), "{}", said.stdout);
}

/// A saved snapshot tells what was different, and bounds when a port was opened (A5, A12, A20).
#[test]
fn why_tells_what_an_earlier_snapshot_shows() {
    let site = Site::boot(&profile::WEB);
    site.run("portreeve snapshot > /before.json");
    let same = story(&site, "80/tcp --before /before.json");
    assert_eq!(same["earlier"]["changes"], serde_json::json!([]), "{same:#}");
    assert_eq!(same["opener"]["latest"]["known_by"], "seen-earlier", "{same:#}");
    assert_eq!(same["opener"]["latest"]["at"], same["earlier"]["taken"], "{same:#}");

    site.run("systemctl restart nginx");
    let anew = story(&site, "80/tcp --before /before.json");
    assert_eq!(
        anew["earlier"]["changes"],
        serde_json::json!([]),
        "a new process of the same owner: {anew:#}"
    );
    assert_eq!(anew["opener"]["latest"]["known_by"], "look", "another socket: {anew:#}");

    let _nc = lab(site.host.hold_as("dev", "listen 0.0.0.0:8099"));
    let new = story(&site, "8099 --before /before.json");
    assert_eq!(new["earlier"]["changes"][0]["kind"], "opened", "{new:#}");
    let saved = site.run("portreeve snapshot > /now.json && portreeve why 80/tcp --snapshot /now.json");
    assert!(saved.stdout.contains("/nginx.service:"), "a snapshot keeps the origins: {}", saved.stdout);
}

/// A job of cron is told with its line (A5, A12).
#[test]
fn why_names_the_crontab_line_of_a_job_that_listens() {
    let site = Site::boot(&profile::BARE);
    let table = "# opened at boot\nSHELL=/bin/sh\n@reboot dev cd /tmp && python3 -m http.server 8123\n";
    lab(site.host.write("/etc/cron.d/opener", table));
    site.run("rm /etc/systemd/system/cron.service && systemctl daemon-reload && systemctl start cron");
    lab(site.host.wait_for_port(8123));
    let job = story(&site, "8123");
    let origin = &job["origin"];
    assert_eq!((&origin["kind"], &origin["unit"]), (&"cron".into(), &"cron.service".into()), "{job:#}");
    assert_eq!(origin["lines"][0]["path"], "/etc/cron.d/opener", "{job:#}");
    assert_eq!(origin["lines"][0]["number"], 3, "{job:#}");
    let daemon: u64 = property(&site, "cron.service", "MainPID").parse().expect("systemd prints a number");
    assert!(pids(&job, "above").contains(&daemon), "{job:#}");
    let said = site.ask("why 8123").stdout;
    assert!(said.contains("cron.service by /etc/cron.d/opener:3 `@reboot dev "), "{said}");
}

/// Answers once on the socket that it was handed.
const FRONT: &str = "import socket
door = socket.socket(fileno=3)
while True:
    guest, _ = door.accept()
    guest.sendall(b\"the front\\n\")
    guest.close()
";

/// A socket that systemd opened is told apart from the service that it was handed to (A5, A12).
#[test]
fn why_tells_who_opened_a_socket_for_whom() {
    let site = Site::boot(&profile::BARE);
    lab(site.host.write("/srv/front.py", FRONT));
    lab(site.host.write("/etc/systemd/system/front.socket", "[Socket]\nListenStream=8081\n"));
    let service = "[Service]\nExecStart=/usr/bin/python3 /srv/front.py\n";
    lab(site.host.write("/etc/systemd/system/front.service", service));
    site.run("systemctl daemon-reload && systemctl start front.socket");
    let waiting = site.ask("why 8081").stdout;
    assert!(waiting.contains("front.socket"), "{waiting}");

    let here = site.host.place().ipv4;
    let heard = lab(site.client.run(&format!("sleep 1 | curl -s --max-time 5 telnet://{here}:8081"))).stdout;
    assert_eq!(heard, "the front\n", "the witness: the service answers");
    assert_eq!(property(&site, "front.service", "TriggeredBy"), "front.socket");
    let handed = story(&site, "8081");
    assert_eq!(handed["origin"]["unit"], "front.service", "{handed:#}");
    let opener = &handed["opener"];
    let said = site.ask("why 8081").stdout;
    assert_eq!(opener["certainty"], "certain", "{handed:#}");
    assert_eq!(handed["origin"]["socket"], "front.socket", "{handed:#}");
    assert!(said.contains("systemd opened it for front.socket and handed it to front.service"), "{said}");
}

/// What a person started over ssh is told with who it was and from where (A5, A12).
#[test]
fn why_names_the_person_who_came_over_ssh() {
    let site = Site::boot(&profile::BARE);
    site.run(
        "ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && mkdir -p /home/dev/.ssh && \
         cp /root/.ssh/id_ed25519.pub /home/dev/.ssh/authorized_keys && chown -R dev: /home/dev/.ssh && \
         chmod 700 /home/dev /home/dev/.ssh",
    );
    let here = site.host.place().ipv4;
    let command =
        format!("ssh -o StrictHostKeyChecking=no dev@{here} python3 -m http.server 3456 --bind 127.0.0.1");
    let _ssh = lab(site.host.start_as("root", &command));
    lab(site.host.wait_for_port(3456));
    let shop = story(&site, "3456");
    let origin = &shop["origin"];
    assert_eq!((&origin["kind"], &origin["user"]), (&"login".into(), &"dev".into()), "{shop:#}");
    assert_eq!(origin["remote"], here.to_string(), "{shop:#}");
    let session = site.run("loginctl --no-legend list-sessions | awk '$3 == \"dev\" { print $1 }'").stdout;
    assert_eq!(origin["unit"], format!("session-{}.scope", session.trim()), "{shop:#}");
    let said = site.ask("why 3456").stdout;
    assert!(
        said.contains(&format!("user dev, session-{}.scope, sshd from {here}", session.trim())),
        "{said}"
    );
}
