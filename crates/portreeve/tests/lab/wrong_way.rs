//! A connection that conntrack takes the wrong way round keeps nobody out of what is declared (A15, A17).

use portreeve_lab::profile;

use super::site::{Site, lab};

const POLICY: &str = r#"version = 1
[service.web]
ports = ["80/tcp"]
owner = { unit = "web.service" }
reach = "world"
"#;

/// Takes all connections and ends none.
const SERVER: &str =
    "import socket; s = socket.create_server((\"\", 80)); all = []\nwhile True: all.append(s.accept())";

/// Ends a connection, of which conntrack knows nothing, behind a gate that has begun since: the first packet of it that conntrack
/// takes for one is the host's last, so that the host seems to have opened it (net/netfilter/nf_conntrack_proto_tcp.c, `tcp_new`).
/// Then opens one from the same port.
const CLIENT: &str = r#"import socket, subprocess, sys, time
def connects():
    one = socket.socket()
    one.settimeout(20)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("", 40000))
    one.connect((sys.argv[1], 80))
    return one
first = connects()
print("open", flush=True)
sys.stdin.readline()
first.close()
# It is forgotten here as soon as it may be.
time.sleep(4)
connects()
print("again")
"#;

#[test]
fn whoever_comes_again_from_the_same_port_is_let_in_though_conntrack_calls_it_invalid() {
    let site = Site::boot(&profile::WEB);
    lab(site.host.write("/etc/portreeve/policy.toml", POLICY));
    site.run(&format!("systemctl stop nginx; systemd-run -q -u web python3 -c '{SERVER}'"));
    site.run("timeout 10 sh -c 'until ss -Htln | grep -q :80; do sleep 0.1; done'");
    let name = format!("/tmp/portreeve-again-{}", std::process::id());
    let begin = format!(
        "sysctl -q net.ipv4.tcp_fin_timeout=1; rm -f {name}*; mkfifo {name}.go
cat >{name} <<'END'\n{CLIENT}END
python3 {name} {} <>{name}.go >{name}.said 2>&1 &
timeout 10 sh -c 'until grep -q open {name}.said; do sleep 0.1; done'",
        site.host.place().ipv4
    );
    assert_eq!(lab(site.client.run(&begin)).status, 0);
    site.run("portreeve apply --no-trial --no-session");
    let end = format!(
        "echo >{name}.go; timeout 30 sh -c 'until grep -e again -e Error {name}.said; do sleep 0.1; done'; rm {name}*"
    );
    let said = lab(site.client.run(&end)).stdout;
    assert_eq!(said, "again\n", "{}", site.run("portreeve gate status").stdout);
}
