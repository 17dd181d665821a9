//! Processes of more threads and mappings than anybody has (A18).

use serde_json::Value;

use super::room::Room;

/// Listens on 4545, once so many mappings of code, each between two of another kind, or so many threads are there.
const TEEMS: &str = r#"
import ctypes, os, socket, sys, threading, time
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
page, code, private = os.sysconf("SC_PAGESIZE"), 5, 2
def maps(count):
    file = os.open("/run/code", os.O_RDWR | os.O_CREAT)
    os.ftruncate(file, 2 * page * count)
    for nth in range(count):
        assert libc.mmap(None, page, code, private, file, 2 * page * nth) != ctypes.c_void_p(-1).value
def threads(count):
    threading.stack_size(32768)
    for nth in range(count):
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
{"maps": maps, "threads": threads}[sys.argv[1]](int(sys.argv[2]))
listener = socket.create_server(("127.0.0.1", 4545))
time.sleep(3600)
"#;
/// Prints what is answered, and the most memory that it took, in KiB.
const ASKS: &str = r#"
import resource, subprocess
words = ["portreeve", "patches", "4545", "--all", "--policy", "none", "-o", "json"]
print(subprocess.run(words, stdout=subprocess.PIPE, text=True).stdout)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"#;
const KIBIBYTES_MAX: u64 = 64 * 1024;

/// What is said of such a process, within bounds.
fn told(what: &str) -> Value {
    let room = Room::create();
    for (name, text) in [("teems", TEEMS), ("asks", ASKS)] {
        room.run(&format!("cat >/run/{name} <<'END'\n{text}END"));
    }
    room.run(&format!(
        "/usr/bin/python3 /run/teems {what} </dev/null >/run/said 2>&1 & \
         for nth in $(seq 600); do ss -Hltn | grep -q :4545 && exit 0; sleep 0.05; done; cat /run/said; exit 1"
    ));
    let said = room.run("/usr/bin/python3 /run/asks").stdout;
    let (answer, peak) = said.trim_end().rsplit_once('\n').expect("two answers");
    let peak: u64 = peak.parse().expect("a number of KiB");
    assert!(peak <= KIBIBYTES_MAX, "{what}: {peak} KiB");
    serde_json::from_str(answer).expect("it is JSON")
}

fn packages(answer: &Value) -> Vec<&str> {
    let patches = answer["patches"].as_array().expect("`patches` is promised");
    patches.iter().filter_map(|patch| patch["package"].as_str()).collect()
}

/// Nearly as many as a process may have (vm.max_map_count).
#[test]
fn a_process_of_sixty_thousand_mappings_is_read_to_its_end() {
    let answer = told("maps 60000");
    assert!(packages(&answer).contains(&"libc6"), "{answer:#}");
    let is_code = |patch: &&Value| patch["package"].is_null() && patch["file"] == "/run/code";
    let patches = answer["patches"].as_array().expect("`patches` is promised");
    assert_eq!(patches.iter().filter(is_code).count(), 1, "{answer:#}");
}

#[test]
fn a_process_of_ten_thousand_threads_is_one_holder() {
    let answer = told("threads 10000");
    assert!(packages(&answer).contains(&"libc6"), "{answer:#}");
}
