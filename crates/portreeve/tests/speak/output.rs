//! Pipes that break, outputs that are closed or full, colour, and hostile bytes.

use std::{fs::File, io::Read as _, process::Stdio};

use serde_json::Value;

use crate::run::{assert_harmless, on_web, program, saved, web_with, with_input};

#[test]
fn hostile_names_never_reach_the_output_raw() {
    for line in [
        "",
        "ls",
        "ls --each",
        "who 4444",
        "who -v 4444",
        "ls -o csv",
        "ls -o json",
        "ls -o ndjson",
        "snapshot",
    ] {
        for lang in ["en", "ja"] {
            let said = on_web(&format!("{line} --lang {lang}"));
            assert_harmless(&said.out);
            assert_harmless(&said.err);
        }
    }
    assert!(on_web("ls 4444").out.contains("\\x1b[2J\\x1b[31mevil\\u{202e}gpj.exe\\u{200b}"));
}

#[test]
fn hostile_words_of_the_command_line_are_made_visible_too() {
    let output = program().args(["who", "\x1b[2Jbanana\u{202e}"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_harmless(&text);
    assert!(text.contains("\\x1b[2Jbanana\\u{202e}"), "{text}");
}

#[test]
fn a_long_unit_name_pushes_no_other_row_aside() {
    let said = on_web("ls");
    assert!(said.out.contains(&"u".repeat(992)), "a pipe gets it whole");
    let nginx = said.out.lines().find(|line| line.starts_with("80,443/tcp")).unwrap();
    assert!(nginx.len() < 250, "{nginx}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for line in [&["ls", "-o", "json"][..], &["snapshot"], &["ls", "--each"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output =
            program().args(line).arg("--snapshot").arg(saved("web.json")).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line:?}");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_full_device_is_told() {
    let full = File::options().write(true).open("/dev/full").expect("Linux has /dev/full");
    let output = program().args(["ls", "--snapshot"]).arg(saved("web.json")).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, "error: cannot write to standard output\ncause: no space is left\n");
}

#[test]
fn a_closed_output_ends_quietly() {
    let program = env!("CARGO_BIN_EXE_portreeve");
    let line = format!("exec {program} ls 443 --snapshot {} >&- 2>&-", saved("web.json").display());
    let mut child = std::process::Command::new("sh")
        .args(["-c", &line])
        .env("PORTREEVE_POLICY", "none")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn colour_is_used_only_where_it_is_asked_for() {
    assert!(!on_web("ls").out.contains('\x1b'), "a pipe has no colour");
    assert!(on_web("ls --color always").out.contains("\x1b[1mPORT"));
    let output =
        program().args(["ls", "--snapshot"]).arg(saved("web.json")).env("NO_COLOR", "1").output().unwrap();
    assert!(!output.stdout.contains(&0x1b));
    assert_eq!(on_web("ls --color sometimes").code, Some(2));
}

#[test]
fn a_hyphen_is_standard_output_or_input() {
    let directory = std::env::temp_dir().join(format!("portreeve-hyphen-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let snapshot = saved("web.json");
    let output = program()
        .args(["init", "-", "--allow-gaps", "--snapshot"])
        .arg(snapshot)
        .current_dir(&directory)
        .output()
        .unwrap();
    let is_written = directory.join("-").exists();
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(!is_written, "a file called - was written");
    assert!(String::from_utf8(output.stdout).unwrap().contains("nginx.service"));
    let said = with_input("registry import -", b"no table");
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("cannot import <stdin>"), "{}", said.err);
}

#[test]
fn a_diff_tells_wildcards_and_hosts_apart() {
    let after = web_with(|snapshot| {
        snapshot["host"]["name"] = "web-2".into();
        let mut more = snapshot["listeners"][0].clone();
        for (key, value) in [("address", "::"), ("family", "ipv6")] {
            more[key] = value.into();
        }
        more["port"] = 7777.into();
        more["v6only"] = true.into();
        snapshot["listeners"].as_array_mut().unwrap().push(more);
    });
    let said = with_input(&format!("diff {} -", saved("web.json").display()), &after);
    assert!(said.out.starts_with("two hosts are compared: web-1 and web-2\n"), "{}", said.out);
    assert!(said.out.contains("7777/tcp  [::]"), "{}", said.out);
}

#[test]
fn a_path_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let name = std::ffi::OsStr::from_bytes(b"/nonexistent/\xff.toml");
    let run = |mut command: std::process::Command| command.output().unwrap().status.code();
    let mut by_environment = program();
    by_environment.args(["ls", "--snapshot"]).arg(saved("web.json")).env("PORTREEVE_POLICY", name);
    assert_eq!(run(by_environment), Some(2), "a policy that is named must be there");
    let directory = std::env::temp_dir().join(format!("portreeve-bytes-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join(std::ffi::OsStr::from_bytes(b"\xff.json"));
    std::fs::copy(saved("web.json"), &file).unwrap();
    let mut by_option = program();
    by_option.args(["who", "443", "--snapshot"]).arg(&file);
    let code = run(by_option);
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(code, Some(0));
}

/// The web server's main process under another name, which it may choose.
fn renamed(name: &str) -> Vec<u8> {
    web_with(|snapshot| {
        let process = &mut snapshot["processes"]["812"];
        (process["name"], process["unit"]) = (name.into(), Value::Null);
    })
}

#[test]
fn a_formula_that_a_process_calls_itself_is_text_in_csv_alone() {
    let input = renamed("=HYPERLINK(1)");
    let record = with_input("ls 443 -o csv --snapshot -", &input).out;
    assert!(record.contains(",'=HYPERLINK(1),") && !record.contains(",=HYPERLINK"), "{record}");
    assert!(record.contains(",'=HYPERLINK(1) (root),"), "the owner too: {record}");
    let answer = with_input("ls 443 -o json --snapshot -", &input).json();
    assert_eq!(answer["listeners"][0]["holders"][0]["name"], "=HYPERLINK(1)");
    assert!(!with_input("who 443 --snapshot -", &input).out.contains('\''), "nor in a sentence");
}

#[test]
fn a_process_without_a_name_is_shown_to_have_none() {
    let input = renamed("");
    let said = with_input("who 443 --snapshot -", &input).out;
    assert!(said.contains(r#"is held by "" (pid 812)"#), "{said}");
    let listed = with_input("ls 443 --snapshot -", &input).out;
    assert!(listed.contains(r#""" (root)"#) && listed.contains(r#""" 812"#), "{listed}");
    let told = with_input("why 443 --snapshot -", &input).out;
    assert!(told.contains(r#"  holder   "" 812"#), "{told}");
}
