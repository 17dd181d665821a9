//! An update of sshd, from the moment it waits in an archive until the service has started again (A18).

use portreeve_lab::profile;
use serde_json::{Value, json};

use super::site::{Found, Site, found, lab, serious};

/// Makes the package $1 once more of what it has on the disk, with the version $2, for the archive below $3.
const REPACK: &str = r#"set -e
tree=$(mktemp -d); chmod 755 "$tree"; mkdir -p "$tree/DEBIAN" "$3/pool"
dpkg-query -L "$1" | while read -r file; do test -d "$file" || test ! -e "$file" || echo "$file"; done |
  tar -c -T - | tar -xC "$tree"
dpkg-query -W -f 'Package: ${Package}\nSource: ${source:Package}\nArchitecture: ${Architecture}
Maintainer: ${Maintainer}\nDescription: made once more\n' "$1" >"$tree/DEBIAN/control"
echo "Version: $2" >>"$tree/DEBIAN/control"
dpkg-deb --root-owner-group -Znone -b "$tree" "$3/pool"
rm -r "$tree""#;

/// Lists the packages below $1 as an archive of the label $2 does (dpkg-scanpackages(1), apt-secure(8)).
const LIST: &str = r#"set -e
cd "$1"; list=main/binary-$(dpkg --print-architecture)/Packages
mkdir -p "dists/lab/${list%/*}"
dpkg-scanpackages --multiversion pool >"dists/lab/$list"
cd dists/lab
printf '%s\n' "Origin: Debian" "Label: $2" "Suite: lab" "Codename: lab" "Date: $(date -Ru)" \
  "Architectures: $(dpkg --print-architecture)" "Components: main" "SHA256:" \
  " $(sha256sum "$list" | cut -d' ' -f1) $(stat -c %s "$list") $list" >Release"#;

/// The two archives, and what they are called by those who make them.
const ARCHIVES: [(&str, &str); 2] = [("/srv/main", "Debian"), ("/srv/security", "Debian-Security")];

/// The versions that the package is made of, from older to newer than what the host came with (deb-version(7)).
struct Versions {
    old: String,
    secure: String,
    later: String,
}

impl Versions {
    fn of(site: &Site) -> Self {
        let own = site.run("dpkg-query -W -f '${Version}' openssh-server").stdout;
        Self { old: format!("{own}~lab1"), secure: format!("{own}+lab1"), later: format!("{own}+lab2") }
    }
}

/// What portreeve says of a package, or of no package, behind a TCP port of this host's own network.
#[track_caller]
pub(super) fn patch(answer: &Value, port: u16, package: impl Into<Value>) -> Value {
    let package = package.into();
    let patches = answer["patches"].as_array().expect("`patches` is promised");
    let is_meant = |patch: &&Value| patch["port"] == port && patch["package"] == package;
    let meant: Vec<_> = patches.iter().filter(is_meant).collect();
    assert_eq!(meant.len(), 1, "{port} and {package}: {answer:#}");
    meant[0].clone()
}

/// The words by which a test knows a patch.
fn told(patch: &Value) -> Value {
    let key = |key: &str| patch[key].clone();
    json!([key("installed"), key("candidate"), key("security"), key("running"), key("root")])
}

/// A host on which apt knows the two archives alone, and in which nothing but a test starts sshd again.
fn site_with_archives() -> (Site, Versions) {
    let site = Site::boot(&profile::BARE);
    let versions = Versions::of(&site);
    lab(site.host.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n"));
    lab(site.host.write("/srv/repack", REPACK));
    lab(site.host.write("/srv/list", LIST));
    let sources = ARCHIVES.map(|(folder, _)| format!("deb [trusted=yes] file:{folder} lab main\n")).concat();
    site.run("chmod 755 /usr/sbin/policy-rc.d && rm -rf /etc/apt/sources.list.d/* /var/lib/apt/lists/*");
    lab(site.host.write("/etc/apt/sources.list", &sources));
    site.run(&format!(
        "sh /srv/repack openssh-server {} /srv/main && dpkg -i /srv/main/pool/*.deb",
        versions.old
    ));
    site.run("systemctl restart ssh");
    update(&site);
    (site, versions)
}

/// Has apt take up what the archives have now.
fn update(site: &Site) {
    for (folder, label) in ARCHIVES {
        site.run(&format!("mkdir -p {folder}/pool && sh /srv/list {folder} {label}"));
    }
    site.run("apt-get update");
}

/// The version that apt itself would install.
fn candidate(site: &Site) -> String {
    site.run("apt-cache policy openssh-server | sed -n 's/^  Candidate: //p'").stdout.trim().into()
}

/// The main process of sshd.
fn main_pid(site: &Site) -> String {
    site.run("systemctl show --property=MainPID --value ssh").stdout.trim().into()
}

/// Whether checkrestart and needrestart each would have sshd started again.
fn witnesses(site: &Site) -> [bool; 2] {
    let checked = site.run("checkrestart").stdout;
    let needed = site.run("needrestart -b -r l").stdout;
    [
        checked.lines().any(|line| line.trim() == "openssh-server:"),
        needed.lines().any(|line| line.trim() == "NEEDRESTART-SVC: ssh.service"),
    ]
}

/// What portreeve says of the package.
fn ask(site: &Site, status: i32) -> Value {
    let output = site.ask("patches 22 -o json");
    assert_eq!(output.status, status, "{output:#?}");
    let answer = output.json();
    assert_eq!(answer["gaps"], json!([]), "{answer:#}");
    patch(&answer, 22, "openssh-server")
}

/// What an audit finds that matters.
fn audit(site: &Site, status: i32) -> Vec<Found> {
    site.audit("", status).into_iter().filter(serious).collect()
}

/// Types the first command that portreeve named, while a needrestart that would restart services may only list them.
fn type_first(site: &Site, patch: &Value) {
    let command = patch["commands"][0].as_str().expect("a command is named");
    site.run(&format!("export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l; {command}"));
}

/// From a security archive: high before the update and until the restart, and nothing after it (A18).
#[test]
fn a_security_update_is_told_until_the_service_has_started_again() {
    let (site, Versions { old, secure, later }) = site_with_archives();
    assert_eq!(told(&ask(&site, 0)), json!([old, candidate(&site), "no", "same", "host"]));
    assert_eq!((candidate(&site).as_str(), audit(&site, 0)), (old.as_str(), Vec::new()));

    site.run(&format!("sh /srv/repack openssh-server {secure} /srv/security"));
    update(&site);
    let waits = ask(&site, 1);
    assert_eq!(candidate(&site), secure);
    assert_eq!(told(&waits), json!([old, secure, "yes", "same", "host"]));
    let restart = "systemctl restart ssh.service";
    assert_eq!(waits["commands"], json!(["apt-get install --only-upgrade openssh-server", restart]));
    assert_eq!(audit(&site, 1), [found("22/tcp", "security-update-waiting", "high")]);
    assert_eq!(witnesses(&site), [false, false], "what runs is still what is installed");

    let before = main_pid(&site);
    type_first(&site, &waits);
    assert_eq!(main_pid(&site), before, "nobody has started it again");
    let stale = ask(&site, 1);
    assert_eq!(told(&stale), json!([secure, secure, "no", "replaced", "host"]));
    assert_eq!(stale["commands"], json!([restart]));
    assert_eq!(audit(&site, 1), [found("22/tcp", "stale-executable", "high")]);
    assert_eq!(witnesses(&site), [true, true]);

    type_first(&site, &stale);
    assert_ne!(main_pid(&site), before);
    assert_eq!(told(&ask(&site, 0)), json!([secure, secure, "no", "same", "host"]));
    assert_eq!((audit(&site, 0), witnesses(&site)), (Vec::new(), [false, false]));
    an_update_from_elsewhere_is_less(&site, &secure, &later);
}

/// The same from an archive of another label: it may take up a security fix, and nobody can tell.
fn an_update_from_elsewhere_is_less(site: &Site, before: &str, later: &str) {
    site.run(&format!("sh /srv/repack openssh-server {later} /srv/main"));
    update(site);
    let waits = ask(site, 0);
    assert_eq!(candidate(site), later);
    assert_eq!(told(&waits), json!([before, later, "unknown", "same", "host"]));
    assert_eq!(audit(site, 0), []);
    site.run("portreeve snapshot >/srv/before.json");
    type_first(site, &waits);
    // A connection is served by the new program, which sshd executes for it; the listening one is old.
    let _connection = lab(site.host.start_as("dev", "sh -c 'sleep 60 | nc 127.0.0.1 22'"));
    assert_eq!(told(&ask(site, 1)), json!([later, later, "no", "replaced", "host"]));
    assert_eq!(audit(site, 1), [found("22/tcp", "stale-executable", "warning")]);
    assert_eq!(witnesses(site), [true, true]);
    a_snapshot_keeps_it(site);
    site.run("systemctl restart ssh");
    assert_eq!(told(&ask(site, 0)), json!([later, later, "no", "same", "host"]));
}

/// What was seen is judged elsewhere as it is here, and that it became old is a difference.
fn a_snapshot_keeps_it(site: &Site) {
    site.run("portreeve snapshot >/srv/after.json");
    let saved = site.ask("patches 22 --snapshot /srv/after.json -o json");
    assert_eq!((saved.status, patch(&saved.json(), 22, "openssh-server")), (1, ask(site, 1)));
    let difference = site.ask("diff /srv/before.json /srv/after.json");
    let is_told = |line: &str| line.contains("runs replaced code") && line.contains("22/tcp");
    assert!(difference.stdout.lines().any(is_told), "{difference:#?}");
}
