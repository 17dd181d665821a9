//! What drops packets before any rule sees them is named where it is, and nowhere else (A15, A17, A20).

use portreeve_lab::profile;
use serde_json::{Value, json};

use super::site::{Site, lab};

/// Ties two instructions, `r0 = pass; exit`, to an interface, and stays: `XDP_PASS` is 2, and `TCX_NEXT` is -1.
const PASS: &str = r#"
import ctypes, os, socket, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 144)
    answer = libc.syscall(321, command, buffer, 144)
    if answer < 0:
        raise OSError(ctypes.get_errno(), command)
    return answer
kind, hook, verdict, name = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
code = ctypes.create_string_buffer(struct.pack("<BBhi", 0xb7, 0, 0, verdict) + struct.pack("<BBhi", 0x95, 0, 0, 0), 16)
license = ctypes.create_string_buffer(b"GPL")
program = bpf(5, struct.pack("<IIQQ", kind, 2, ctypes.addressof(code), ctypes.addressof(license)))
bpf(28, struct.pack("<IIII", program, socket.if_nametoindex(name), hook, 0))
open("/run/tied", "w").write("tied")
time.sleep(600)
"#;

/// What is said of programs before the rules, and how it ends.
fn said(site: &Site) -> (Value, i32) {
    let output = site.ask("exposure 80/tcp -o json");
    let gaps = output.json()["gaps"].as_array().expect("`gaps` is promised").clone();
    assert_eq!(output.json()["basis"], "firewall", "the rules are known all the same");
    let of_programs = gaps.iter().find(|gap| gap["what"] == "packet-programs");
    (of_programs.map_or(Value::Null, |gap| gap["why"].clone()), output.status)
}

/// Each kind of program is told with its interface, as a gap that matters, and none is told of a host without.
#[test]
fn programs_before_the_rules_are_named() {
    let site = Site::boot(&profile::WEB);
    lab(site.host.write("/srv/pass.py", PASS));
    assert_eq!(said(&site), (Value::Null, 0));
    let why = |what: &str| json!(format!("what may drop packets before any rule sees them: {what}"));
    for (kind, hook, verdict, what) in [(6, 37, 2, "XDP on eth0"), (3, 46, -1, "tcx on eth0")] {
        site.run("rm -f /run/tied");
        let held =
            lab(site.host.start_as("root", &format!("python3 /srv/pass.py {kind} {hook} {verdict} eth0")));
        site.run("for i in $(seq 200); do test -s /run/tied && exit 0; sleep 0.025; done; exit 1");
        assert_eq!(said(&site), (why(what), 3));
        drop(held);
        site.run(
            "for i in $(seq 200); do pgrep -f pas[s].py >/dev/null || exit 0; sleep 0.025; done; exit 1",
        );
        assert_eq!(said(&site), (Value::Null, 0), "it is gone");
    }
    // A place for filters is none.
    site.run("tc qdisc add dev eth0 clsact");
    assert_eq!(said(&site), (Value::Null, 0));
    site.run("tc filter add dev eth0 ingress protocol ip u32 match ip dport 81 0xffff action mirred egress redirect dev lo");
    assert_eq!(said(&site), (why("tc u32 on eth0"), 3));
    let audit = site.ask("audit");
    assert_eq!(audit.status, 3, "what is found could be otherwise: {audit:#?}");
    assert!(audit.stdout.contains("tc u32 on eth0"), "{audit:#?}");
}
