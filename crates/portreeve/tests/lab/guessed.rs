//! hydra is told of and kept out of each service that it tries; people who mistype, share an address or have many keys are not (A19).

use portreeve_lab::{Client, Output, profile};

use super::{
    probed::{of, source, watched},
    site::{Site, lab},
};

const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.web]
ports = ["80/tcp", "443/tcp"]
owner = { unit = "nginx.service" }
reach = "world"
[service.ftp]
ports = ["21/tcp", "30000-30099/tcp"]
owner = { unit = "vsftpd.service" }
reach = "world"
[watch]
mode = "block"
log = { service = "ftp", unit = "vsftpd.service" }
"#;
/// Asks nginx for a name and a password, but for what anybody may read.
const LOCKED: &str = "server {
  listen 80 default_server;
  auth_basic lab;
  auth_basic_user_file /etc/nginx/users;
  root /var/www/html;
  location /open/ { auth_basic off; }
}
";
/// Who share one address, and each of whom types a wrong password once.
const PEOPLE: u32 = 30;
/// Follows every link of a site of which many are dead: ten, then one that is not, and so on; tells what nginx answers.
const CRAWLS: &str = "for round in 1 2 3 4; do
  for nth in 1 2 3 4 5 6 7 8 9 10; do ask http://$1/open/gone-$round-$nth; done; ask http://$1/open/here
done | sort | uniq -c | tr -s ' '";
/// ssh as somebody who types each of the given passwords in turn until one is right; `$1` is where to.
const TYPES: &str = r#"
folder=$(mktemp -d); trap 'rm -r $folder' EXIT; to=$1; shift
printf '%s\n' "$@" >$folder/words
printf '#!/bin/sh\nhead -n 1 %s/words; sed -i 1d %s/words\n' $folder $folder >$folder/ask; chmod 755 $folder/ask
SSH_ASKPASS=$folder/ask SSH_ASKPASS_REQUIRE=force ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
  -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=3 dev@$to echo in
"#;
/// ssh with five keys, of which the last one is known.
const KEYS: &str = r#"
folder=$1; to=$2
keys=$(for nth in 1 2 3 4 5; do echo -i $folder/key$nth; done)
ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes $keys dev@$to echo in
"#;

struct Host {
    site: Site,
    to: String,
}

impl Host {
    fn boot() -> Self {
        let site = Site::boot(&profile::MAIL_WEB_FTP);
        lab(site.host.write("/etc/nginx/sites-available/default", LOCKED));
        site.run("echo \"dev:$(openssl passwd -6 right)\" >/etc/nginx/users; systemctl reload nginx");
        site.run("echo dev:right | chpasswd; mkdir -p /home/dev/.ssh; chown dev: /home/dev/.ssh");
        watched(&site, POLICY);
        site.run("portreeve apply --no-trial --no-session");
        let to = site.host.place().ipv4.to_string();
        Self { site, to }
    }

    fn client(&self) -> Client {
        lab(Client::create(&self.site.network))
    }

    fn types(&self, client: &Client, words: &str) -> Output {
        lab(client.run(&format!("set -- {} {words}\n{TYPES}", self.to)))
    }
}

#[test]
fn hydra_is_kept_out_and_people_who_make_mistakes_are_not() {
    let host = Host::boot();
    let clumsy = host.client();
    assert_eq!(host.types(&clumsy, "wrong wrnog right").stdout, "in\n");
    let shared = host.client();
    // Were five of them wrong at the same moment, nobody could tell them from one who guesses.
    let three = "for one in 1 2 3; do types $1 wrong right & done; wait";
    for _ in 0..PEOPLE / 3 {
        let script = format!("set -- {}\ntypes() {{ ( {TYPES} ) }}\n{three}", host.to);
        assert_eq!(lab(shared.run(&script)).stdout, "in\n".repeat(3));
    }
    let agent = host.client();
    let folder = format!("/tmp/portreeve-keys-{}", std::process::id());
    let make = format!("for nth in 1 2 3 4 5; do ssh-keygen -q -t ed25519 -N '' -f {folder}/key$nth; done");
    lab(agent.run(&format!("mkdir {folder}; {make}")));
    let known = lab(agent.run(&format!("cat {folder}/key5.pub"))).stdout;
    lab(host.site.host.write("/home/dev/.ssh/authorized_keys", &known));
    host.site.run("chown dev: /home/dev/.ssh/authorized_keys; chmod 600 /home/dev/.ssh/authorized_keys");
    for _ in 0..2 {
        let seen = lab(agent.run(&format!("set -- {folder} {}\n{KEYS}", host.to)));
        assert_eq!(seen.stdout, "in\n", "{seen:#?}");
    }
    lab(agent.run(&format!("rm -r {folder}")));

    let crawler = host.client();
    host.site.run("mkdir -p /var/www/html/open; echo here >/var/www/html/open/here");
    let ask = "ask() { curl -s -o /dev/null -w '%{http_code}\\n' $1; }";
    let seen = lab(crawler.run(&format!("set -- {}\n{ask}\n{CRAWLS}", host.to)));
    assert_eq!(seen.stdout, " 4 200\n 40 404\n", "{seen:#?}");

    for (service, where_to, kind) in [
        ("ssh", format!("ssh://{}", host.to), "brute-force"),
        ("ftp", format!("ftp://{}", host.to), "brute-force"),
        ("web", format!("http-get://{}/", host.to), "brute-force"),
    ] {
        let guesser = host.client();
        // Whoever is kept out waits for an answer, so somebody has to end it.
        let hydra = format!("timeout 15 hydra -l dev -x 2:2:a {where_to}; true");
        lab(guesser.run(&format!("folder=$(mktemp -d); (cd $folder; {hydra}); rm -r $folder")));
        let lines = of(&host.site, &source(&guesser));
        let [line] = lines.as_slice() else { panic!("{service}: {lines:#?}") };
        assert_eq!((&line["event"], &line["kind"]), (&"block".into(), &kind.into()), "{line:#}");
        assert_eq!(
            (&line["services"][0], &line["confidence"]),
            (&service.into(), &"proven".into()),
            "{line:#}"
        );
        let kept_out = host.site.run("nft list set inet portreeve blocked4").stdout;
        assert!(kept_out.contains(&guesser.place().ipv4.to_string()), "{kept_out}");
    }
    for innocent in [&clumsy, &shared, &agent, &crawler] {
        assert_eq!(of(&host.site, &source(innocent)), [serde_json::Value::Null; 0]);
    }
}
