//! Sessions of somebody who is blocked for trying passwords end, on that service alone, where the policy asks for it (A19).

use portreeve_lab::{Client, profile};
use serde_json::Value;

use super::{
    probed::source,
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
[watch]
mode = "block"
end_sessions = SESSIONS
"#;
/// Somebody who has a session with each service, and tries passwords; what becomes of both.
const GUESSER: &str = r#"
import socket, subprocess, sys
to = sys.argv[1]
shell = socket.create_connection((to, 22))
web = socket.create_connection((to, 80))
shell.recv(100)
options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=2"]
options = [word for option in options for word in ("-o", option)]
for nth in range(8):
    subprocess.run(["ssh", "-F", "none", *options, f"nobody-known@{to}", "true"], capture_output=True)
shell.settimeout(5)
try:
    print("ssh", "closed" if shell.recv(100) == b"" else "talks")
except ConnectionResetError:
    print("ssh reset")
except TimeoutError:
    print("ssh waits")
web.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
print("web", web.recv(8).decode())
"#;

#[test]
fn sessions_of_who_is_blocked_end_where_the_policy_says_so() {
    for (are_ended, expected) in [(false, "ssh waits\nweb HTTP/1.1\n"), (true, "ssh reset\nweb HTTP/1.1\n")] {
        let site = Site::boot(&profile::WEB);
        let policy = POLICY.replace("SESSIONS", &are_ended.to_string());
        lab(site.host.write("/etc/portreeve/policy.toml", &policy));
        site.run("portreeve apply --no-trial --no-session");
        site.run("systemd-run -q -u watched sh -c 'exec portreeve watch -o ndjson >/root/told'");
        site.run("timeout 20 sh -c 'until pgrep journalctl; do sleep 0.1; done'");
        let guesser = lab(Client::create(&site.network));
        let seen = lab(guesser.run(&format!("python3 -c '{GUESSER}' {}", site.host.place().ipv4)));
        assert_eq!(seen.stdout, expected, "{seen:#?}");
        let told = site.run("cat /root/told").stdout;
        let mut lines = told.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"));
        let line = lines.find(|line| line["source"] == source(&guesser)).expect("he is told of");
        assert_eq!((&line["event"], &line["kind"]), (&"block".into(), &"brute-force".into()), "{line:#}");
        // His own connections that sshd is about to close may be among them.
        let ended = line["action"]["sessions_ended"].as_u64().expect("a number");
        assert_eq!(ended > 0, are_ended, "{line:#}");
    }
}
