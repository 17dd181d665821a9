//! Rulesets of real programs: what is said of their listings is what becomes of real packets (A15, A17, A20).

use std::path::Path;

use portreeve_lab::{
    Host, Network, Perimeter,
    engine::Docker,
    profile,
    ruleset::{DOCKER, LIST, RULESETS},
};

use super::{
    place::{Place, QUESTIONS, ask},
    score::{Score, line},
};
use crate::lab::site::{PORTREEVE, lab};

/// Makes the ruleset of this name, and compares all answers about it with what becomes of packets.
#[track_caller]
fn judge(name: &str) {
    let ruleset = RULESETS.iter().find(|ruleset| ruleset.name == name).expect("it is listed");
    let asked = ruleset.questions();
    let place = Place::create();
    let said = place.answers(ruleset.script, LIST, &asked);
    let mut score = Score::of(name);
    score.add(&asked, &place.outcomes(&asked), &said);
    score.pass();
}

/// ufw, default deny, with allows, denies, a limit and a route.
#[test]
fn ufw() {
    judge("ufw");
}

/// firewalld, with zones by interface and by source, rich rules, forwarded ports and a policy.
#[test]
fn firewalld() {
    judge("firewalld");
}

/// fail2ban, with sets of nft and of ipset and with rules of iptables.
#[test]
fn fail2ban() {
    judge("fail2ban");
}

/// A set written by hand, with verdict maps, concatenations, intervals and timeouts.
#[test]
fn workstation() {
    judge("workstation");
}

/// The chains that kube-proxy writes.
#[test]
fn kubernetes() {
    judge("kubernetes");
}

/// Rules of the older iptables beside rules of nft.
#[test]
fn mixed() {
    judge("mixed");
}

/// Ports that Docker publishes, and ufw beside it, which says that they are closed.
#[test]
fn docker() {
    let network = lab(Network::create());
    let host = lab(Host::boot(&network, &profile::BARE, Path::new(PORTREEVE)));
    let mut perimeter = lab(Perimeter::around(host.namespace()));
    let docker = lab(Docker::start_without_forwarders(&host));
    let published = "-p 8080:80 -p 8443:443 -p 203.0.113.2:9090:9090 -p 53:5353/udp";
    lab(docker.serve("shop", published, 80));
    perimeter.watch("shop", host.network_of(lab(docker.pid("shop"))));
    let asked = DOCKER.questions();
    lab(host.write(QUESTIONS, &asked.iter().map(line).collect::<String>()));
    let said = [DOCKER.script, LIST, &ask()].map(|command| {
        let output = lab(host.run(command));
        assert_eq!(output.status, 0, "{command}: {output:#?}");
        output.stdout
    });
    let mut score = Score::of(DOCKER.name);
    score.add(&asked, &lab(perimeter.ask(&asked)), &said[2]);
    score.pass();
}
