//! A terminal of 80 columns holds every table, and nothing that matters is cut off (A26).

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::Read as _,
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use unicode_width::UnicodeWidthStr as _;

use crate::run::{assert_harmless, on_web, program, saved};

/// What the words of `line` say about the saved host `snapshot` on a terminal of `columns`.
fn on_terminal(line: &str, snapshot: &str, columns: u16) -> String {
    on_terminal_of(line, &saved(snapshot), columns)
}

/// The same about the host in the file `snapshot`.
pub(crate) fn on_terminal_of(line: &str, snapshot: &Path, columns: u16) -> String {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("Linux has pseudo-terminals");
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&controller, size).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    let terminal =
        OpenOptions::new().read(true).write(true).open(OsStr::from_bytes(name.as_bytes())).unwrap();
    let mut command = program();
    command.env("NO_COLOR", "1").args(line.split_whitespace()).arg("--snapshot").arg(snapshot);
    let mut child = command.stdout(terminal).spawn().expect("the program starts");
    // The terminal ends when nobody has it open any more.
    drop(command);
    let mut said = Vec::new();
    // pty(7): the last writer's end is told as EIO.
    let _ = File::from(controller).read_to_end(&mut said);
    child.wait().unwrap();
    String::from_utf8(said).expect("the program writes UTF-8").replace("\r\n", "\n")
}

/// The lines are no wider than `columns`, but for commands to be copied.
pub(crate) fn assert_fits(text: &str, columns: usize) {
    assert_harmless(text);
    for line in text.lines().filter(|line| !line.starts_with("next: ") && !line.starts_with("次: ")) {
        assert!(line.width() <= columns, "{} columns: {line}\nin\n{text}", line.width());
    }
}

#[test]
fn eighty_columns_are_enough_in_either_language() {
    let judge = ["", "audit", "ls", "ls --each", "ls -v"].map(|line| (line, "judge-host.json"));
    let web = ["", "audit", "ls", "ls -v", "ls --each 443", "ls -u"].map(|line| (line, "web.json"));
    for (line, snapshot) in judge.into_iter().chain(web).chain([("ls -a", "connections.json")]) {
        for lang in ["en", "ja"] {
            assert_fits(&on_terminal(&format!("{line} --lang {lang}"), snapshot, 80), 80);
        }
    }
}

#[test]
fn addresses_and_numbers_stay_whole() {
    let text = on_terminal("ls", "web.json", 80);
    for whole in ["25,465,587/tcp", "127.0.0.53%lo ", "127.0.0.1 [::1] ", "container m…"] {
        assert!(text.contains(whole), "{whole} in\n{text}");
    }
    let text = on_terminal("ls 443", "web.json", 70);
    assert!(text.contains("nginx 812 +2"), "{text}");
}

#[test]
fn the_column_of_processes_is_left_out_before_others_are_illegible() {
    assert!(!on_terminal("ls", "web.json", 80).contains("PROCESS"));
    assert!(on_terminal("ls", "web.json", 160).contains("nginx 812 +2"));
}

#[test]
fn a_pipe_gets_everything() {
    let piped = on_web("ls").out;
    assert!(!piped.contains('…'), "{piped}");
    for whole in ["PROCESS", "REACH (BIND)", "postfix@-.service", "nginx 812 +2"] {
        assert!(piped.contains(whole), "{whole} in\n{piped}");
    }
}

#[test]
fn a_command_is_not_broken_where_a_sentence_is() {
    let text = on_terminal("audit", "judge-host.json", 60);
    assert!(text.contains("\n        portreeve who 6379/tcp\n"), "{text}");
    assert_fits(&text, 60);
}
