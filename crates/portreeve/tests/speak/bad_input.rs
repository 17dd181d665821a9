//! Snapshots and policies that are none: a sentence, little memory, and never a panic.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::run::{Said, on_web, program, run, web_with, with_input};

fn assert_refused(said: &Said, cause: &str) {
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.starts_with("error: "), "{said:?}");
    assert!(said.err.contains(cause), "{cause} in {}", said.err);
    assert!(said.out.is_empty(), "{}", said.out);
}

#[test]
fn what_is_no_snapshot_is_refused_with_a_sentence() {
    assert_refused(&run("ls --snapshot /dev/null"), "cause: it is empty");
    assert_refused(&run("ls --snapshot /dev/zero"), "cause: it is no JSON object");
    assert_refused(&run("ls --snapshot /nonexistent"), "cause: there is no such file");
    assert_refused(&run("ls --snapshot /"), "cause: it is a directory");
    assert_refused(&with_input("ls --snapshot -", b"[1,2]"), "cause: it is no JSON object");
    assert_refused(&with_input("ls --snapshot -", b"{\"version\":1}"), "missing field `taken`");
    assert_refused(&with_input("ls --snapshot -", b"{\"version\":1,"), "line 1, column 13");
    assert_refused(&with_input("ls --snapshot -", &b"{\"a\":".repeat(100_000)), "it nests deeper");
    let twice = [web_with(|_| ()), b"{}".to_vec()].concat();
    assert_refused(&with_input("ls --snapshot -", &twice), "trailing characters");
}

#[test]
fn a_snapshot_without_namespaces_is_not_whole() {
    let empty = web_with(|snapshot| snapshot["namespaces"] = json!([]));
    for line in ["audit --snapshot -", "ls --snapshot -"] {
        assert_refused(&with_input(line, &empty), "it holds no network namespace");
    }
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let marked = ["\u{feff}".as_bytes(), &web_with(|_| ())].concat();
    assert_eq!(with_input("who 443 --snapshot -", &marked).code, Some(0));
}

#[test]
fn a_named_pipe_is_no_policy_and_an_open_one_is() {
    let fifo = std::env::temp_dir().join(format!("portreeve-fifo-{}", std::process::id()));
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let said =
        ["check", "ls --snapshot", "exposure --ask"].map(|words| run(&format!("{words} {}", fifo.display())));
    std::fs::remove_file(&fifo).unwrap();
    for said in said {
        assert_refused(&said, "it is a named pipe");
    }
    for path in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
        let said = with_input(&format!("check {path}"), b"version = 1\n");
        assert_eq!(said.code, Some(0), "{path}: {said:?}");
    }
}

#[test]
fn a_newer_layout_is_refused_even_where_nothing_else_is_understood() {
    let cause = "it has layout 2, and this portreeve reads layout 1; a newer portreeve wrote it";
    assert_refused(&with_input("ls --snapshot -", b"{\"version\":2,\"sockets\":{}}"), cause);
    let last = web_with(|snapshot| snapshot["version"] = json!(2));
    assert_refused(&with_input("ls --snapshot -", &last), cause);
}

fn peak_kilobytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

/// Feeds up to a GiB of `start` and then `pattern`; answers what was said and the peak of memory in kB.
fn feed(start: &[u8], pattern: &[u8]) -> (Said, u64) {
    let mut child = program()
        .args(["ls", "--snapshot", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let (chunk, mut peak) = (pattern.repeat((1 << 20) / pattern.len()), 0);
    let mut open = input.write_all(start).is_ok();
    for _ in 0..1024 {
        open = open && input.write_all(&chunk).is_ok();
        peak = peak.max(peak_kilobytes(child.id()));
        if !open {
            break;
        }
    }
    drop(input);
    (child.wait_with_output().unwrap().into(), peak)
}

#[test]
fn a_gibibyte_of_garbage_takes_little_memory() {
    for (start, pattern) in [
        (&b""[..], &b"\x7fELF garbage "[..]),
        (b"", b" \n"),
        (b"{\"version\":1,\"x\":\"", b"aaaa"),
        (b"{\"version\":1,\"x\":", b"[[[["),
        (b"{\"version\":1,", b"\"a\":{"),
    ] {
        let (said, peak) = feed(start, pattern);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(peak < 32 * 1024, "{peak} kB for {}", String::from_utf8_lossy(start));
    }
}

#[test]
fn a_command_line_of_nothing_takes_little_memory() {
    let start = b"{\"version\":1,\"processes\":{\"1\":{\"cmdline\":[";
    let (said, peak) = feed(start, b"\"\",");
    assert_refused(&said, "more items, than any snapshot");
    assert!(peak < 128 * 1024, "{peak} kB");
}

#[test]
fn absurd_values_are_no_panic() {
    let absurd = web_with(|snapshot| {
        snapshot["gaps"] = json!([{"what": "too-many", "count": 4_294_967_295_u64, "detail": "\u{1b}[2J"}]);
        snapshot["namespaces"][0]["own"] = json!(false);
        let listener = &mut snapshot["listeners"][0];
        listener["netns"] = json!(0);
        listener["port"] = json!(0);
        listener["backlog"] = json!({"used": 4_294_967_295_u64, "limit": 0});
        listener["holders"] =
            json!([{"pid": 812, "fd": 6}, {"pid": 812, "fd": 7}, {"pid": 4_294_967_295_u64, "fd": 0}]);
        let process = &mut snapshot["processes"]["48211"];
        process["started"] = json!("9999-12-30T22:00:00Z");
        process["name"] = json!("");
        process["cmdline"] = json!(["x".repeat(100_000)]);
        process["parent"] = json!({"pid": 0, "name": ""});
    });
    for line in [
        "ls",
        "ls --each",
        "ls -o json",
        "who 3000",
        "who 0",
        "who -v 0-65535/tcp",
        "wait 0",
        "",
        "snapshot --redact",
    ] {
        let said = with_input(&format!("{line} --snapshot -"), &absurd);
        assert!(matches!(said.code, Some(0..=4)), "{line}: {said:?}");
        crate::run::assert_harmless(&said.out);
    }
}

#[test]
fn values_that_no_host_has_are_refused() {
    for (change, cause) in [
        (json!({"first": 9, "last": 3}), "the range 9-3 ends before it starts"),
        (json!({"first": 9, "last": 70_000}), "70000"),
    ] {
        let input = web_with(|snapshot| snapshot["namespaces"][0]["client_range"] = change);
        assert_refused(&with_input("ls --snapshot -", &input), cause);
    }
}

#[test]
fn a_policy_that_was_named_must_be_there() {
    assert_refused(&on_web("ls --policy /nonexistent.toml"), "cannot read the policy /nonexistent.toml");
    assert_refused(&on_web("ls --policy /dev/zero"), "it is larger than 4 MiB");
    let both = with_input("ls --snapshot - --policy -", b"");
    assert_refused(&both, "cannot both be read from standard input");
}

#[test]
fn a_directory_of_binaries_is_no_policy() {
    let directory = std::env::temp_dir().join(format!("portreeve-binaries-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let line = format!("ls --policy {}", directory.display());
    let empty = on_web(&line);
    std::fs::write(directory.join("a.toml"), [0x7f, b'E', b'L', b'F', 0xff, 0xfe]).unwrap();
    let binaries = on_web(&line);
    std::fs::remove_dir_all(&directory).unwrap();
    assert_refused(&empty, "it holds no *.toml");
    assert_refused(&binaries, "it is not text (UTF-8)");
}
