//! A data store that anybody can reach, and the same after putting it right (A16, A20).

use portreeve_lab::profile;

use super::site::{Found, Site, found, lab, serious};

/// redis on every address is a finding; back on loopback it is none (A16, A20).
#[test]
fn redis_on_every_address_is_found_and_its_cure_is_seen() {
    let site = Site::boot(&profile::STORE);
    assert_eq!(site.audit("", 0).into_iter().filter(serious).collect::<Vec<_>>(), []);

    bind(&site, "* -::*");
    assert_eq!(ping(&site), "+PONG\r\n", "the witness: anybody is answered");
    let open: Vec<Found> = site.audit("", 1).into_iter().filter(serious).collect();
    assert_eq!(open, [found("6379/tcp", "datastore-open-to-world", "high")]);

    bind(&site, "127.0.0.1 -::1");
    assert_eq!(ping(&site), "", "the witness: nobody is answered");
    assert_eq!(site.audit("", 0).into_iter().filter(serious).collect::<Vec<_>>(), []);
}

fn bind(site: &Site, addresses: &str) {
    site.run(&format!(
        "sed -i -e 's/^bind .*/bind {addresses}/' -e 's/^protected-mode .*/protected-mode no/' /etc/redis/redis.conf && \
         systemctl restart redis-server"
    ));
    lab(site.host.wait_for_port(6379));
}

/// What a stranger on the network hears from redis; nothing where the port is closed.
fn ping(site: &Site) -> String {
    let address = site.host.place().ipv4;
    let command = format!("(printf 'PING\\r\\n'; sleep 1) | curl -s --max-time 5 telnet://{address}:6379");
    lab(site.client.run(&command)).stdout
}
