//! A policy written from what runs, and what an audit says under it (A15, A16, A17, A24, A25).

use portreeve_lab::profile;

use super::site::{Found, Site, found, lab};

/// What is wrong with the host, and why it is found under a policy that was written from that very host.
fn expected() -> Vec<Found> {
    let mut expected = Vec::new();
    // FTP, POP3 and IMAP without encryption on every address are dangerous: the policy declares them narrowly, so
    // each is found wider than declared and by its danger's own name.
    for port in ["21/tcp", "110/tcp", "143/tcp"] {
        expected.push(found(port, "bound-wider-than-declared", "high"));
        expected.push(found(port, "cleartext-service", "warning"));
    }
    // Nothing about ssh, postfix, nginx, the shop and redis: they are declared as they were seen, and none of them
    // lets passwords pass in the clear or hands data to strangers.
    expected.push(found("", "firewall-absent", "notice"));
    // The shop is a script that somebody wrote.
    expected.push(found("3000/tcp", "code-of-no-package", "notice"));
    expected.sort();
    expected
}

/// The written policy is right, its audit gives exactly what is written down above, and then strangers are found
/// (A15, A16, A17, A24).
#[test]
fn a_written_policy_gives_exactly_the_expected_findings() {
    let site = Site::boot(&profile::MAIL_WEB_FTP);
    site.run("portreeve init > /root/p.toml && portreeve check /root/p.toml");
    let audit = || site.audit("--policy /root/p.toml", 1);
    assert_eq!(audit(), expected(), "{}", site.run("cat /root/p.toml").stdout);

    let unneeded = lab(site.host.start_as("dev", "nc -l 8099"));
    lab(site.host.wait_for_port(8099));
    let mut with_unneeded = expected();
    with_unneeded.push(found("8099/tcp", "unneeded-open-port", "high"));
    with_unneeded.sort();
    assert_eq!(audit(), with_unneeded);
    drop(unneeded);

    site.run("systemctl stop shop");
    let _stranger = lab(site.host.hold_as("nobody", "listen [::]:3000"));
    let mut with_stolen = expected();
    with_stolen.push(found("3000/tcp", "stolen-port", "critical"));
    with_stolen.sort();
    assert_eq!(audit(), with_stolen);
}

/// Debian calls a unit of ssh by two names, and it runs by one.
#[test]
fn a_unit_by_another_name_is_doubted_with_its_own() {
    let site = Site::boot(&profile::BARE);
    site.run("ln -sf /lib/systemd/system/ssh.service /etc/systemd/system/sshd.service");
    let checked = |unit: &str| {
        let policy =
            format!("version = 1\n[service.ssh]\nports = \"22/tcp\"\nowner = {{ unit = \"{unit}\" }}\n");
        lab(site.host.write("/root/p.toml", &policy));
        site.run("portreeve check /root/p.toml").stderr
    };
    let doubted = checked("sshd.service");
    assert!(doubted.contains("sshd.service, another name of ssh.service"), "{doubted}");
    assert!(doubted.contains("write { unit = \"ssh.service\" }"), "{doubted}");
    let planned = site.ask("plan --no-session --policy /root/p.toml").stderr;
    assert!(planned.contains("sshd.service, another name of ssh.service"), "{planned}");
    assert_eq!(checked("ssh.service"), "");
}
