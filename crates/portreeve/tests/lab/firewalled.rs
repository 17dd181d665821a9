//! What a host's firewall lets in, as the commands tell it, beside what a client gets (A15, A17, A20).

use portreeve_lab::{
    engine::{ANSWER, Docker},
    profile,
};
use serde_json::{Value, json};

use super::{
    scanned_docker::a_neighbour_sees_what_docker_publishes_past_ufw,
    site::{Site, found, lab},
};

/// The rows about one port from the world, by family.
fn row(site: &Site, family: &str, port: u16) -> Value {
    let answer = site.ask(&format!("exposure {port}/tcp -o json")).json();
    let rows = answer["exposure"].as_array().expect("`exposure` is promised");
    let is_it = |row: &&Value| row["zone"] == "world" && row["family"] == family;
    rows.iter().find(is_it).unwrap_or_else(|| panic!("no row of {family}: {answer:#}")).clone()
}

/// Whether the client gets an answer over HTTP.
fn answers(site: &Site, port: u16) -> bool {
    let url = format!("http://{}:{port}/", site.host.place().ipv4);
    lab(site.client.run(&format!("curl -s -o /dev/null -m 2 {url}"))).status == 0
}

/// How the reach of a listener is told by `ls`.
fn reach(site: &Site, port: u16) -> Value {
    let answer = site.ask("ls -o json").json();
    let listeners = answer["listeners"].as_array().expect("`listeners` is promised");
    listeners.iter().find(|listener| listener["port"] == port).expect("somebody listens")["reach"][0].clone()
}

/// ufw denies a port that Docker publishes: everybody believes that it is closed, and a client gets its answer.
#[test]
fn a_port_that_ufw_denies_and_docker_publishes_is_told_to_be_open() {
    let site = Site::boot(&profile::WEB);
    let docker = lab(Docker::start(&site.host));
    lab(docker.serve("shop", "-p 8080:80", 80));
    assert!(answers(&site, 80), "nginx");
    assert_eq!(row(&site, "ipv4", 80)["verdict"], "reachable", "no rule stands before it");

    site.run("ufw --force enable && ufw allow 22/tcp");
    assert!(site.run("ufw status").stdout.contains("22/tcp"));
    assert!(!answers(&site, 80) && answers(&site, 8080), "ufw closes the one and not the other");
    let url = format!("http://{}:8080/", site.host.place().ipv4);
    assert_eq!(site.fetch(&format!("curl -s {url}")), ANSWER);

    let shop = row(&site, "ipv4", 8080);
    assert_eq!(shop["how"], json!({"kind": "forwarded", "to": {"address": "172.17.0.2", "port": 80}}));
    assert_eq!(shop["verdict"], "partly", "containers get to the proxy, which ufw closes: {shop:#}");
    assert_eq!(shop["passing"][0]["interfaces"], json!(["eth0"]));
    let decided: Vec<_> = shop["decided_by"].as_array().unwrap().iter().map(|rule| &rule["chain"]).collect();
    assert!(decided.contains(&&json!("DOCKER")), "{shop:#}");
    assert_eq!(row(&site, "ipv6", 8080)["verdict"], "dropped");
    assert_eq!(reach(&site, 80), json!({"zone": "world", "verdict": "blocked", "basis": "firewall"}));

    assert_eq!(site.audit("", 1), [found("8080/tcp", "says-closed-is-open", "critical")]);
    site.run("portreeve snapshot > /tmp/host.json");
    assert_eq!(
        site.audit("--snapshot /tmp/host.json", 1),
        [found("8080/tcp", "says-closed-is-open", "critical")],
        "whoever has the snapshot knows as much"
    );

    a_neighbour_sees_what_docker_publishes_past_ufw(&site);

    site.run("ufw allow 80/tcp");
    assert!(answers(&site, 80));
    let nginx = row(&site, "ipv4", 80);
    assert_eq!(
        (&nginx["verdict"], &nginx["how"]["kind"]),
        (&json!("reachable"), &json!("local")),
        "{nginx:#}"
    );
    assert_eq!(nginx["decided_by"][0]["chain"], "ufw-user-input");
}

/// Docker puts its bridge in a zone of firewalld that lets everything in: to everybody else firewalld keeps the port closed.
#[test]
fn a_port_that_firewalld_closes_and_docker_publishes_is_told_to_be_open() {
    let site = Site::boot(&profile::WEB);
    site.run("systemctl unmask firewalld && systemctl start firewalld && firewall-cmd --add-service=http");
    let docker = lab(Docker::start(&site.host));
    lab(docker.serve("shop", "-p 8080:80", 80));
    assert!(site.run("firewall-cmd --info-zone=docker").stdout.contains("target: ACCEPT"));
    assert_eq!(lab(site.host.run("firewall-cmd --zone=public --query-port=8080/tcp")).stdout, "no\n");
    assert!(answers(&site, 8080), "all the same");
    let told = site.audit("", 1);
    assert!(told.contains(&found("8080/tcp", "says-closed-is-open", "critical")), "{told:#?}");
}

/// A rule leads another port to a service whose own is closed: a client gets its answer there, and nowhere else.
#[test]
fn a_port_that_is_redirected_to_a_closed_one_is_told_to_lead_there() {
    let site = Site::boot(&profile::WEB);
    site.run(
        "nft -f - <<'RULES'
table ip fw {
  chain pre { type nat hook prerouting priority -100; tcp dport 2222 redirect to :80; }
  chain in { type filter hook input priority 0; policy drop;
    iifname lo accept; ct state established accept; ct status dnat accept; }
}
RULES",
    );
    assert!(answers(&site, 2222) && !answers(&site, 80));
    let led = row(&site, "ipv4", 2222);
    assert_eq!((&led["how"]["kind"], &led["how"]["to"]["port"]), (&json!("local"), &json!(80)), "{led:#}");
    assert_ne!(reach(&site, 80)["verdict"], "blocked");
    let told = site.ask("exposure").stdout;
    assert!(told.lines().any(|line| line.starts_with("2222/tcp") && line.contains(":80")), "{told}");
}

/// ufw closes a port, and a rule in front of its own opens it.
#[test]
fn a_rule_in_front_of_ufw_is_told() {
    let site = Site::boot(&profile::WEB);
    site.run("ufw --force enable && iptables -I INPUT -p tcp --dport 80 -j ACCEPT");
    assert!(answers(&site, 80));
    assert_eq!(site.audit("", 1), [found("80/tcp", "says-closed-is-open", "critical")]);
    site.run("iptables -D INPUT -p tcp --dport 80 -j ACCEPT");
    assert!(!answers(&site, 80));
    assert_eq!(site.audit("", 0), []);
}

/// Without root the rules are hidden: the addresses alone tell, and it is said.
#[test]
fn without_root_the_addresses_tell_and_a_gap_says_so() {
    let site = Site::boot(&profile::WEB);
    site.run("nft add table inet t && nft 'add chain inet t in { type filter hook input priority 0; policy drop; }'");
    assert!(!answers(&site, 80));
    assert_eq!(row(&site, "ipv4", 80)["verdict"], "dropped");
    let answer = site.ask_as("nobody", "exposure 80/tcp -o json");
    assert_eq!(answer.status, 3, "{answer:#?}");
    let answer = answer.json();
    assert_eq!((&answer["basis"], &answer["gaps"][0]["what"]), (&json!("bind"), &json!("hidden-firewall")));
    let said = site.ask_as("nobody", "exposure 80/tcp").stdout;
    assert!(said.contains("VERDICT (BIND)") && said.contains("only root may read them"), "{said}");
}

/// A declared service that somebody's rule keeps closed is named with the command that opens it there.
#[test]
fn a_declared_service_that_is_blocked_is_opened_by_the_command_that_is_told() {
    let site = Site::boot(&profile::WEB);
    site.run("nft add table inet t && nft 'add chain inet t in { type filter hook input priority 0; policy drop; }'");
    let policy = "version = 1\n[service.web]\nports = [\"80/tcp\"]\nowner = { unit = \"nginx.service\" }\nreach = \"world\"\n";
    site.run(&format!("printf '%s' '{policy}' > /tmp/policy.toml"));
    let answer = site.ask("audit --policy /tmp/policy.toml -o json").json();
    let findings = answer["findings"].as_array().expect("`findings` is promised");
    let blocked = findings.iter().find(|finding| finding["rule"] == "declared-but-blocked");
    let blocked = blocked.unwrap_or_else(|| panic!("{answer:#}"));
    let command = blocked["commands"][0].as_str().expect("a command is told");
    assert_eq!(command, "nft add rule inet t in tcp dport 80 accept");
    assert!(!answers(&site, 80));
    site.run(command);
    // What comes back of the connection is let in by the same rule's port.
    assert!(answers(&site, 80));
}
