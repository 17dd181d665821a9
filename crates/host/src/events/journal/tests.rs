//! What journalctl prints is told, and where it goes on is known.

use super::*;

fn line(number: u32, message: &str) -> String {
    format!(
        r#"{{"__CURSOR":"c{number}","__REALTIME_TIMESTAMP":"1764412902000000","_UID":"0","MESSAGE":{message}}}"#
    )
}

#[test]
fn a_line_is_told_and_its_cursor_kept() {
    let mut since = Since::Moment(Timestamp::UNIX_EPOCH);
    let mut told = Vec::new();
    let mut tell = |text: &str, is_cut| {
        tell(text.as_bytes(), is_cut, &mut since, &mut |what| {
            told.push(match what {
                Told::Line { entry, .. } => entry.message.map(str::to_owned),
                Told::Lost => Some("lost".into()),
            });
        })
    };
    assert!(tell(&line(1, r#""a""#), false) && tell(&line(2, "null"), false));
    assert!(!tell(&line(3, r#""a""#), true), "it was cut");
    assert!(!tell("Failed to seek", false));
    assert_eq!(told, [Some("a".into()), None, Some("lost".into()), Some("lost".into())]);
    assert_eq!(since, Since::Cursor("c2".into()));
}

/// `sh` in the place of a journal that ends at once, and of one that has told something.
#[test]
fn a_child_that_ends_is_started_again_later_and_later() {
    let mut journal = Journal {
        matches: Vec::new(),
        since: Since::Cursor("gone".into()),
        running: None,
        again: Instant::now() + PAUSE_LONGEST,
        pause: PAUSE_SHORTEST,
        buffer: vec![0; BUFFER_BYTES],
    };
    let mut lost = 0;
    let mut pauses = Vec::new();
    for script in ["", "", "", "echo '{\"__CURSOR\":\"c\",\"__REALTIME_TIMESTAMP\":\"1\"}'", ""] {
        let mut child = Command::new("/bin/sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        journal.running = Some(Running { child, output, lines: Lines::of(LINE_BYTES_MAX), has_told: false });
        while journal.running.is_some() {
            journal.read(|told| lost += u32::from(told == Told::Lost));
        }
        pauses.push(journal.pause.as_secs());
    }
    assert_eq!(pauses, [2, 4, 8, 2, 4]);
    assert!(journal.runs());
    journal.pause *= 2;
    assert!(!journal.runs());
    assert_eq!((lost, &journal.since), (1, &Since::Cursor("c".into())), "of the cursor that was none");
}
