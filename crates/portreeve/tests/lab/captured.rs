//! What tcpdump has written down of a probe tells of it afterwards, and of nobody who was answered (A14, A19).

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use portreeve_lab::{Client, name, profile};
use serde_json::Value;

use super::{
    probed::{PORTS, source},
    site::{Site, lab},
};

/// Ports that nobody declares, and on which somebody listens.
const SERVED: &str = "import selectors, socket
ready = selectors.DefaultSelector()
for port in range(8081, 8087):
    ready.register(socket.create_server(('', port)), selectors.EVENT_READ)
while True:
    for key, _ in ready.select():
        key.fileobj.accept()[0].close()
";

/// A tcpdump of the machine that listens where the host does.
pub(super) struct Capture {
    file: PathBuf,
    tcpdump: Child,
}

impl Capture {
    /// Returns once it listens on this interface.
    pub(super) fn begin(site: &Site, interface: &str) -> Self {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.pcap", name::fresh()));
        let mut tcpdump = Command::new("nsenter")
            .arg(format!("--net={}", site.host.namespace().path().display()))
            // Of whole packets the kernel keeps eight at once, and drops the rest of a burst.
            .args([
                "tcpdump",
                "-n",
                "-U",
                "--immediate-mode",
                "-s",
                "256",
                "-Z",
                "root",
                "-i",
                interface,
                "-w",
            ])
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()
            .expect("nsenter is there");
        let mut said = BufReader::new(tcpdump.stderr.take().expect("it is a pipe"));
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            assert_ne!(said.read_line(&mut line).expect("it is text"), 0, "tcpdump has ended");
        }
        // Nobody else reads what it says at the end.
        thread::spawn(move || said.read_to_end(&mut Vec::new()));
        Self { file, tcpdump }
    }

    /// Ends it, and has the host judge what it wrote.
    pub(super) fn judged(mut self, site: &Site, options: &str) -> Vec<Value> {
        self.tcpdump.kill().expect("it runs");
        self.tcpdump.wait().expect("it was killed");
        lab(site.host.put(&self.file, "/root/captured.pcap"));
        let said = site.ask(&format!("watch --read /root/captured.pcap -o ndjson --policy none {options}"));
        assert_eq!(said.status, 0, "{said:#?}");
        said.stdout.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
    }
}

#[test]
fn a_capture_tells_of_whoever_probed_and_of_nobody_who_was_answered() {
    let site = Site::boot(&profile::WEB);
    lab(site.host.write("/root/served.py", SERVED));
    site.run("systemd-run -q python3 /root/served.py");
    lab(site.host.wait_for_port(8086));
    // One with the headers of Ethernet, and one with those of Linux.
    let captures = ["eth0", "any"].map(|interface| Capture::begin(&site, interface));

    let (prober, guest) = (lab(Client::create(&site.network)), lab(Client::create(&site.network)));
    let to = site.host.place().ipv4;
    let scan = lab(prober.run(&format!("nmap -n -Pn -sS -p {PORTS} {to}")));
    assert_eq!(scan.status, 0, "{scan:#?}");
    let asks = format!(
        "for port in 8081 8082 8083 8084 8085 8086; do timeout 2 bash -c \"cat </dev/tcp/{to}/$port\"; done"
    );
    let page = lab(guest.run(&format!("curl -sk https://{to}/ && {asks}")));
    assert_eq!(page.stdout, "the web server\n", "{page:#?}");
    // What the kernel has captured tcpdump writes in its own time.
    thread::sleep(Duration::from_millis(500));

    for (capture, options) in captures.into_iter().zip(["", &format!("--local {to}")]) {
        let told = capture.judged(&site, options);
        let [suspicion, read] = told.as_slice() else { panic!("{told:#?}") };
        assert_eq!((&suspicion["event"], &suspicion["kind"]), (&"suspicion".into(), &"port-scan".into()));
        assert_eq!(suspicion["source"], source(&prober).as_str(), "{told:#?}");
        assert!(suspicion["contacts"].as_u64().is_some_and(|contacts| contacts <= 5), "{told:#?}");
        assert!(read["packets"].as_u64().is_some_and(|packets| packets > 40), "{told:#?}");
    }
}
