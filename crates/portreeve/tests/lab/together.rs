//! Web, mail and file servers at once on one address (A5, A11, A12, A13, A21, A22, A23).

use portreeve_lab::profile;
use serde_json::Value;

use super::site::{Site, lab};

/// What runs on the host, as its profile says: number, program, unit.
const EXPECTED: [(u16, &str, &str); 13] = [
    (21, "vsftpd", "vsftpd.service"),
    (22, "sshd", "ssh.service"),
    (25, "master", "postfix@-.service"),
    (80, "nginx", "nginx.service"),
    (110, "dovecot", "dovecot.service"),
    (143, "dovecot", "dovecot.service"),
    (443, "nginx", "nginx.service"),
    (465, "master", "postfix@-.service"),
    (587, "master", "postfix@-.service"),
    (993, "dovecot", "dovecot.service"),
    (995, "dovecot", "dovecot.service"),
    (3000, "app.py", "shop.service"),
    (6379, "redis-server", "redis-server.service"),
];

/// Each client is served by the right server, each by its own port of one address, and portreeve names them all
/// (A1, A5, A11, A12, A13, A21, A22).
#[test]
fn web_mail_and_file_servers_are_told_apart_on_one_address() {
    let site = Site::boot(&profile::MAIL_WEB_FTP);
    web_is_served(&site);
    files_are_served(&site);
    mail_is_taken_in_and_given_out(&site);
    every_server_is_named(&site);
}

fn web_is_served(site: &Site) {
    let address = site.host.place().ipv4;
    for url in [format!("http://{address}/"), format!("https://{address}/")] {
        assert_eq!(site.fetch(&format!("curl -sk {url}")), "the web server\n", "{url}");
    }
    let address = site.host.place().ipv6;
    assert_eq!(site.fetch(&format!("curl -sk https://[{address}]/")), "the web server\n");
    assert_eq!(site.fetch(&format!("curl -s http://[{address}]:3000/")), "the shop\n");
}

/// The passive mode leads the client to a second port, out of the pool of 30000 to 30099.
fn files_are_served(site: &Site) {
    let address = site.host.place().ipv4;
    let answer = site.fetch(&format!("curl -sv --disable-epsv ftp://{address}/welcome.txt 2>&1"));
    assert!(answer.contains("the file server\n"), "{answer}");
    let passive = answer.lines().find_map(|line| line.split_once("227 ")).expect("vsftpd answers PASV");
    let numbers: Vec<u16> = passive
        .1
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    let port = numbers[4] * 256 + numbers[5];
    assert!((30_000..=30_099).contains(&port), "{passive:?}");
}

/// A letter handed in on 25 is read on 993 and on 995, and the two other doors of postfix answer too.
fn mail_is_taken_in_and_given_out(site: &Site) {
    let address = site.host.place().ipv4;
    let letter = "printf 'Subject: a letter\\r\\n\\r\\nahoy\\r\\n'";
    site.fetch(&format!(
        "{letter} | curl -s smtp://{address}/client.example --mail-from client@client.example \
         --mail-rcpt dev@mail.example --upload-file -"
    ));
    let waiting = "for i in $(seq 200); do test -s /var/mail/dev && exit 0; sleep 0.05; done; exit 1";
    site.run(waiting);
    for url in [format!("imaps://{address}/INBOX;MAILINDEX=1"), format!("pop3s://{address}/1")] {
        let read = site.fetch(&format!("curl -sk --user dev:harbour '{url}'"));
        assert!(read.contains("Subject: a letter"), "{url}: {read}");
    }
    let greeting = site.fetch(&format!("curl -skv --max-time 20 smtps://{address}/x --request NOOP 2>&1"));
    assert!(greeting.contains("220 mail.example ESMTP"), "{greeting}");
    let greeting = site.fetch(&format!("curl -sv --max-time 20 smtp://{address}:587/x --request NOOP 2>&1"));
    assert!(greeting.contains("220 mail.example ESMTP"), "{greeting}");
}

fn every_server_is_named(site: &Site) {
    let answer = site.ask("ls -o json");
    assert_eq!(answer.status, 0, "{answer:#?}");
    let answer = answer.json();
    let listeners = answer["listeners"].as_array().expect("`listeners` is promised");
    for (port, name, unit) in EXPECTED {
        let here: Vec<&Value> = listeners.iter().filter(|listener| listener["port"] == port).collect();
        assert!(!here.is_empty(), "nobody on {port}");
        for listener in here {
            let main = &listener["holders"][0];
            assert_eq!((&main["name"], &main["unit"]), (&name.into(), &unit.into()), "{listener:#}");
        }
    }
    let mut ports: Vec<_> = listeners.iter().filter_map(|listener| listener["port"].as_u64()).collect();
    ports.dedup();
    let expected: Vec<_> = EXPECTED.iter().map(|(port, ..)| u64::from(*port)).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports, expected);
}

/// A client speaks from a number that the kernel lent it, and that number is no service's (A9, A10, A23).
#[test]
fn a_client_speaks_from_a_port_that_the_kernel_lent_it() {
    let site = Site::boot(&profile::WEB);
    let address = site.host.place().ipv4;
    let speak = |to: &str| format!("bash -c 'exec 3<>/dev/tcp/{to}/443; sleep 600'");
    // It goes on until the client does.
    site.fetch(&format!("{} >/dev/null 2>&1 &", speak(&address.to_string())));
    let wait = "for i in $(seq 200); do ss -Htn state established dport = :443 | grep . && exit 0; sleep 0.05; done; exit 1";
    let lent = near(&site.fetch(wait));
    // The host is a client too, of itself.
    let _own = lab(site.host.start_as("nobody", &speak("127.0.0.1")));
    let own_lent = near(&site.run(wait).stdout);

    let range = site.run("cat /proc/sys/net/ipv4/ip_local_port_range").stdout;
    let range: Vec<u16> = range.split_whitespace().map(|word| word.parse().expect("a port")).collect();
    assert!((range[0]..=range[1]).contains(&lent), "{lent} {range:?}");

    let answer = site.ask("ls -a -o json").json();
    let connections = answer["connections"].as_array().expect("`ls -a` lists connections");
    let from_afar = |connection: &&Value| connection["port"] == 443 && connection["peer"]["port"] == lent;
    let to_web: Vec<_> = connections.iter().filter(from_afar).collect();
    assert_eq!(to_web.len(), 1, "{connections:#?}");
    assert_eq!(to_web[0]["peer"]["address"], site.client.place().ipv4.to_string(), "{to_web:#?}");
    let listeners = answer["listeners"].as_array().expect("`listeners` is promised");
    assert!(listeners.iter().all(|listener| listener["port"] != own_lent), "nobody listens on it");
    let doors = listeners.iter().filter(|listener| listener["port"] == 443).count();
    assert_eq!(doors, 2, "one a family, and none for a client: {listeners:#?}");
}

/// The number on the near side of the connection that `ss` tells in a line.
fn near(line: &str) -> u16 {
    let local = line.split_whitespace().nth(2).and_then(|local| local.rsplit_once(':'));
    local.expect("ss tells both ends").1.parse().expect("a port")
}
