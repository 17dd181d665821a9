//! A container's port that nobody published: found where a neighbour's packets get to it by a route, and nowhere else
//! (A15, A16, A20).

use portreeve_lab::{engine::Docker, profile};

use super::site::{Found, Site, found, lab};

/// What is found of ports that a route leads to.
fn by_route(site: &Site) -> Vec<Found> {
    let all = site.audit("--fail-on never", 0);
    all.into_iter().filter(|found| found.rule == "container-port-by-route").collect()
}

/// Whether the client gets an answer from the container's own address.
fn answers(site: &Site, address: &str) -> bool {
    lab(site.client.run(&format!("curl -s -o /dev/null -m 2 http://{address}/"))).status == 0
}

/// The container's own address.
fn docker_address(site: &Site, name: &str) -> String {
    let address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let asked = format!("docker -H unix:///run/lab/docker.sock inspect -f '{address}' {name}");
    site.run(&asked).stdout.trim().into()
}

/// What is said is what packets do: with FORWARD open to all, closed, and closed for this one alone.
#[test]
fn an_unpublished_port_is_found_where_a_route_reaches_it() {
    let site = Site::boot(&profile::BARE);
    let docker = lab(Docker::start(&site.host));
    lab(docker.serve("inner", "", 81));
    lab(docker.serve("shop", "-p 8080:80", 80));
    let way = format!("ip route add 172.17.0.0/16 via {}", site.host.place().ipv4);
    assert_eq!(lab(site.client.run(&way)).status, 0);
    let inner = "172.17.0.2:81";

    site.run("iptables -P FORWARD ACCEPT");
    site.fetch(&format!("curl -s --retry 20 --retry-connrefused http://{inner}/"));
    assert!(answers(&site, inner));
    assert_eq!(by_route(&site), [found("81/tcp", "container-port-by-route", "warning")]);
    let said = site.ask("audit --fail-on never").stdout;
    assert!(said.contains("in container inner is not published") && said.contains(inner), "{said}");

    site.run("iptables -P FORWARD DROP");
    assert!(!answers(&site, inner));
    assert_eq!(by_route(&site), []);

    site.run("iptables -P FORWARD ACCEPT && iptables -I DOCKER-USER ! -i docker0 -d 172.17.0.2 -j DROP");
    assert!(!answers(&site, inner));
    assert_eq!(by_route(&site), []);
    let url = format!("{}:8080", site.host.place().ipv4);
    assert!(answers(&site, &url), "what is published goes on");

    // What is published and closed is still routed to.
    site.run("iptables -F DOCKER-USER && iptables -A DOCKER-USER -j RETURN");
    let shop = format!("{}:80", docker_address(&site, "shop"));
    let said = site.ask("close 8080/tcp --no-session").stdout;
    assert!(said.contains(&format!("still gets to {shop} itself")), "{said}");
    assert!(!answers(&site, &url) && answers(&site, &shop));
    let both = ["80/tcp", "81/tcp"].map(|ports| found(ports, "container-port-by-route", "warning"));
    assert_eq!(by_route(&site), both);
}
