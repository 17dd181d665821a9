//! Strangers on declared and undeclared ports, and a service that was moved by mistake (A16, A17, A24).

use portreeve_lab::profile;

use super::site::{Found, Site, found, lab, serious};

/// The policy of a web server.
const WEB: &str = "version = 1
[service.web]
ports = [\"80/tcp\", \"443/tcp\"]
owner = { unit = \"nginx.service\" }
reach = \"world\"
[service.ssh]
ports = [\"22/tcp\"]
owner = { unit = \"ssh.service\" }
reach = \"world\"
";

fn declare(site: &Site, policy: &str) {
    lab(site.host.write("/etc/portreeve/policy.toml", policy));
    assert_eq!(site.ask("check").status, 0);
}

fn serious_findings(site: &Site, status: i32) -> Vec<Found> {
    site.audit("", status).into_iter().filter(serious).collect()
}

/// Somebody else on a declared port is found, and nobody when its owner is back (A24).
#[test]
fn a_stranger_on_443_is_found() {
    let site = Site::boot(&profile::WEB);
    declare(&site, &WEB.replace("\"80/tcp\", ", ""));
    site.run("sed -i '/80 default_server/d' /etc/nginx/sites-available/default && systemctl restart nginx");
    assert_eq!(serious_findings(&site, 0), []);

    site.run("systemctl stop nginx");
    let stranger = lab(site.host.hold_as("root", "listen 0.0.0.0:443"));
    assert_eq!(serious_findings(&site, 1), [found("443/tcp", "stolen-port", "critical")]);
    let answer = site.ask("audit -o json").json();
    let stolen =
        answer["findings"].as_array().and_then(|all| all.iter().find(|one| one["rule"] == "stolen-port"));
    let stolen = stolen.expect("the finding was there a moment ago");
    assert_eq!(stolen["holders"][0]["pid"], stranger.pid, "{stolen:#}");
    assert_eq!(stolen["service"], "web", "{stolen:#}");

    drop(stranger);
    site.run("systemctl start nginx");
    assert_eq!(serious_findings(&site, 0), []);
}

/// A user manager's unit called nginx.service is not nginx.service (A24).
#[test]
fn a_users_own_nginx_service_is_a_stranger() {
    let site = Site::boot(&profile::WEB);
    declare(&site, &WEB.replace("\"80/tcp\", \"443/tcp\"", "\"8080/tcp\""));
    site.run("systemctl stop nginx && loginctl enable-linger dev");
    site.run("for i in $(seq 200); do test -S /run/user/1000/bus && exit 0; sleep 0.05; done; exit 1");
    let unit = "[Service]\nExecStart=/usr/bin/python3 -m http.server 8080\n";
    lab(site.host.write("/home/dev/.config/systemd/user/nginx.service", unit));
    let start = "XDG_RUNTIME_DIR=/run/user/1000 systemctl --user start nginx.service";
    let started = lab(site.host.run_as("dev", start));
    assert_eq!(started.status, 0, "{started:#?}");
    lab(site.host.wait_for_port(8080));

    assert_eq!(serious_findings(&site, 1), [found("8080/tcp", "stolen-port", "critical")]);
    let answer = site.ask("who 8080 -o json").json();
    let holder = &answer["listeners"][0]["holders"][0];
    assert_eq!(
        (&holder["unit"], &holder["user_unit"]),
        (&"user@1000.service".into(), &"nginx.service".into())
    );
}

/// A port of the policy that was changed by mistake is told from one that is merely silent (A20, A24).
#[test]
fn nginx_moved_by_a_wrong_edit_is_found() {
    let site = Site::boot(&profile::WEB);
    declare(&site, WEB);
    assert_eq!(serious_findings(&site, 0), []);
    site.run("sed -i 's/443 ssl/8443 ssl/' /etc/nginx/sites-available/default && systemctl restart nginx");
    let address = site.host.place().ipv4;
    assert_eq!(site.fetch(&format!("curl -sk https://{address}:8443/")), "the web server\n");
    let refused = lab(site.client.run(&format!("curl -sk https://{address}/")));
    assert_eq!(refused.status, 7, "the witness: nobody is served on 443: {refused:#?}");

    assert_eq!(serious_findings(&site, 1), [found("443/tcp", "moved-from-declared-port", "warning")]);
    let told = site.ask("audit").stdout;
    assert!(told.contains("8443"), "the text names the new number: {told}");
}

/// Two programs behind one undeclared port, and a queue that nobody empties (A8, A20, A24).
///
/// The kernel lets only programs of one user share a number (SO_REUSEPORT, socket(7)).
#[test]
fn two_programs_on_one_port_and_a_full_queue_are_found() {
    let site = Site::boot(&profile::BARE);
    let _one = lab(site.host.hold_as("dev", "reuseport 0.0.0.0:7006"));
    let _full = lab(site.host.hold_as("dev", "full 127.0.0.1:7007"));
    assert_eq!(serious_findings(&site, 1), [found("7007/tcp", "backlog-full", "warning")]);

    lab(site.host.write("/home/dev/share.py", SHARE));
    let _other = lab(site.host.start_as("dev", "python3 /home/dev/share.py"));
    site.run("for i in $(seq 200); do ss -Hltnp 'sport = :7006' | grep -q python3 && exit 0; sleep 0.05; done; exit 1");
    let expected =
        [found("7006/tcp", "shared-by-strangers", "critical"), found("7007/tcp", "backlog-full", "warning")];
    assert_eq!(serious_findings(&site, 1), expected);
}

/// Joins whoever shares 7006/tcp.
const SHARE: &str = "import socket, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind((\"0.0.0.0\", 7006))
s.listen()
time.sleep(600)
";
