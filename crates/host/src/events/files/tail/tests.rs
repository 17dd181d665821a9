//! A file is read on from where it was, whatever becomes of it.

use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    io::Write as _,
    path::PathBuf,
};

use portreeve_core::logs::LINE_BYTES_MAX;

use super::*;
use crate::events::files::opened;

/// A file of the test's own.
struct Log(PathBuf);

impl Log {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("portreeve-tail-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.join("log")
    }

    fn append(&self, text: &str) {
        let mut options = OpenOptions::new();
        options.append(true).create(true).open(self.path()).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn open(&self) -> Opened {
        opened::file(opened::directory(&self.0).unwrap(), OsStr::new("log")).unwrap()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What is read until the end; an old line has a star before it, and what was passed over is a number.
fn told(tail: &mut Tail) -> Vec<String> {
    told_at(tail, Instant::now(), usize::MAX).0
}

fn told_at(tail: &mut Tail, now: Instant, budget: usize) -> (Vec<String>, Until) {
    let mut all = Vec::new();
    let mut each = |piece: Piece<'_>| {
        all.push(match piece {
            Piece::Line { text, is_old, .. } => {
                format!("{}{}", if is_old { "*" } else { "" }, String::from_utf8_lossy(text))
            }
            Piece::Skipped(bytes) => bytes.to_string(),
        });
    };
    let until = tail.read(&mut vec![0; 4_096], budget, now, &mut each).unwrap();
    (all, until)
}

#[test]
fn what_is_appended_is_told_once_it_is_a_line() {
    let log = Log::new("appended");
    log.append("before\nhalf of ");
    let mut tail = Tail::end(log.open(), Instant::now()).unwrap();
    assert_eq!(told(&mut tail), [""; 0]);
    log.append("a line\nnew\nno");
    assert_eq!(told(&mut tail), ["new"], "nobody knows what stands before the end of the first");
    log.append(" end\n");
    assert_eq!(told(&mut tail), ["no end"]);
    assert!(tail.is_at_end);
}

#[test]
fn a_file_that_was_emptied_is_read_from_its_beginning() {
    let log = Log::new("emptied");
    log.append("one\ntwo\n");
    let mut tail = Tail::begin(log.open(), false, Instant::now());
    assert_eq!(told(&mut tail), ["one", "two"]);
    fs::write(log.path(), "").unwrap();
    assert_eq!(told(&mut tail), [""; 0]);
    log.append("three\n");
    assert_eq!(told(&mut tail), ["three"]);
    fs::write(log.path(), "a line that is longer than what was there\nand another\n").unwrap();
    assert_eq!(told(&mut tail), ["a line that is longer than what was there", "and another"]);
}

#[test]
fn a_hole_before_what_is_written_is_passed_over() {
    let log = Log::new("hole");
    log.append("one\n");
    let mut tail = Tail::begin(log.open(), false, Instant::now());
    told(&mut tail);
    let file = OpenOptions::new().write(true).open(log.path()).unwrap();
    file.set_len(0).unwrap();
    file.write_all_at(b"two\n", 1 << 40).unwrap();
    assert_eq!(told(&mut tail), ["two"]);
    log.append("three\n");
    assert_eq!(told(&mut tail), ["three"]);
}

#[test]
fn reading_goes_on_where_it_was_unless_the_file_is_another() {
    let log = Log::new("resumed");
    log.append("one\ntwo\nhal");
    let mut tail = Tail::begin(log.open(), false, Instant::now());
    assert_eq!(told(&mut tail), ["one", "two"]);
    let kept = tail.position().unwrap();
    assert_eq!((kept.offset, kept.is_within), (8, false), "half a line is read again");
    log.append("f\nthree\n");
    assert!(Tail::is_at(&log.open(), &kept));
    assert_eq!(told(&mut Tail::resume(log.open(), &kept, Instant::now())), ["*half", "*three"]);
    let mut tail = Tail::resume(log.open(), &kept, Instant::now());
    told(&mut tail);
    log.append("four\n");
    assert_eq!(told(&mut tail), ["four"]);
    fs::write(log.path(), "anew: one\nanew: two\nanew: three\n").unwrap();
    assert!(!Tail::is_at(&log.open(), &kept));
    let anew = ["anew: one", "anew: two", "anew: three"];
    assert_eq!(told(&mut Tail::resume(log.open(), &kept, Instant::now())), anew);
}

#[test]
fn what_is_left_of_a_line_that_was_too_long_is_not_told_after_a_restart() {
    let log = Log::new("within");
    log.append(&"x".repeat(2 * LINE_BYTES_MAX));
    let mut tail = Tail::begin(log.open(), false, Instant::now());
    assert_eq!(told(&mut tail), [""; 0]);
    let kept = tail.position().unwrap();
    assert!(kept.is_within && kept.offset == 2 * LINE_BYTES_MAX as u64);
    log.append("Failed password from 192.0.2.1\nnext\n");
    assert_eq!(told(&mut Tail::resume(log.open(), &kept, Instant::now())), ["*next"]);
    let lines = told(&mut tail);
    assert_eq!((lines[0].len(), lines[1].as_str()), (LINE_BYTES_MAX, "next"));
}

#[test]
fn what_has_waited_for_five_seconds_is_passed_over() {
    let log = Log::new("behind");
    let text = "line\n".repeat(10_000);
    log.append(&text);
    let mut tail = Tail::begin(log.open(), false, Instant::now());
    let began = Instant::now();
    let at = |seconds| began + Duration::from_secs(seconds);
    let (first, until) = told_at(&mut tail, at(0), 5_000);
    assert!(first.len() > 900 && until == Until::Budget, "{}", first.len());
    let (second, _) = told_at(&mut tail, at(5), 5_000);
    assert!(second.iter().all(|line| line == "line"));
    log.append("half of ");
    let (third, _) = told_at(&mut tail, at(6), 5_000);
    let skipped: usize = third.last().unwrap().parse().unwrap();
    let told = (first.len() + second.len() + third.len() - 1) * 5;
    assert!((told + skipped).abs_diff(text.len() + 8) < 5, "{told} {skipped}");
    log.append("it\nnews\n");
    assert_eq!(told_at(&mut tail, at(6), 5_000), (vec!["news".into()], Until::End));
}
