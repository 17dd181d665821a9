//! Logs that are rotated in every way while ten thousand lines a second are written: none is lost, and none is told twice (A19).

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use portreeve_host::events::files::{Files, Left, Told};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// As many lines are written in a millisecond.
const LINES_EACH: u64 = 10;
const MILLISECOND: Duration = Duration::from_millis(1);
const ROTATED_EACH: u64 = 100;
const STORM: u64 = 2_000;

/// What is written, and how far it was told.
struct Storm {
    folder: PathBuf,
    told: AtomicU64,
    is_over: AtomicBool,
}

/// How a log is rotated.
type Rotate = fn(&Storm, File, u64) -> File;

impl Storm {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("portreeve-storm-{name}-{}", std::process::id()));
        fs::create_dir(&folder).expect("a folder of the test's own");
        Self { folder, told: AtomicU64::new(0), is_over: AtomicBool::new(false) }
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Waits until as many lines were told.
    fn waits(&self, lines: u64) {
        let until = Instant::now() + Duration::from_secs(60);
        while self.told.load(Ordering::Acquire) < lines {
            assert!(Instant::now() < until, "{lines} lines are not told");
            thread::sleep(MILLISECOND);
        }
    }

    /// Writes, at the rate that is meant, and tells how many lines.
    fn writes(&self, rotate: Rotate) -> u64 {
        let mut file = appended(&self.log());
        let (began, mut written) = (Instant::now(), 0);
        for milliseconds in 1..=STORM {
            for _ in 0..LINES_EACH {
                writeln!(file, "line {written} of whatever a program writes of whoever asks it")
                    .expect("room");
                written += 1;
            }
            if milliseconds % ROTATED_EACH == 0 {
                file = rotate(self, file, written);
            }
            let due = began + MILLISECOND * u32::try_from(milliseconds).expect("it is small");
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        self.is_over.store(true, Ordering::Release);
        written
    }

    /// Reads until all is over, and tells the numbers in their order.
    fn reads(&self, mut files: Files) -> Vec<u64> {
        let mut numbers = Vec::new();
        loop {
            let is_over = self.is_over.load(Ordering::Acquire);
            let left = files.read(|told| match told {
                Told::Line { text, is_cut: false, .. } => numbers.push(number(text)),
                other => panic!("{other:?}"),
            });
            self.told.store(numbers.len() as u64, Ordering::Release);
            if left == Left::Nothing {
                if is_over {
                    return numbers;
                }
                let mut all = [PollFd::new(&files, PollFlags::IN)];
                let _ = poll(&mut all, Some(&Timespec { tv_sec: 0, tv_nsec: 100_000_000 }));
            }
        }
    }
}

fn number(line: &[u8]) -> u64 {
    let text = std::str::from_utf8(line).expect("it was written so");
    text.split(' ').nth(1).and_then(|number| number.parse().ok()).expect("a whole line")
}

fn appended(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).expect("a log")
}

/// What is told of a storm, and how many lines were written.
fn told(name: &str, rotate: Rotate) -> (Vec<u64>, u64) {
    let storm = Storm::new(name);
    drop(appended(&storm.log()));
    let mut files = Files::open().expect("inotify");
    files.follow(&[storm.log()], &[].into());
    let (numbers, written) = thread::scope(|scope| {
        let reader = scope.spawn(|| storm.reads(files));
        let written = storm.writes(rotate);
        (reader.join().expect("it reads to the end"), written)
    });
    fs::remove_dir_all(&storm.folder).expect("it is the test's own");
    (numbers, written)
}

/// As by date, and whoever writes opens a new file (logrotate(8), `dateext`).
fn renames(storm: &Storm, file: File, written: u64) -> File {
    fs::rename(storm.log(), storm.folder.join(format!("log-{written:06}"))).expect("its own name");
    drop(file);
    appended(&storm.log())
}

/// As by number, all of which move on.
fn renames_all(storm: &Storm, file: File, _: u64) -> File {
    let name = |number: u64| storm.folder.join(format!("log.{number}"));
    for number in (1..=STORM / ROTATED_EACH).rev() {
        let _ = fs::rename(name(number), name(number + 1));
    }
    fs::rename(storm.log(), name(1)).expect("its own name");
    drop(file);
    appended(&storm.log())
}

/// Nothing leads to what was not opened before it is gone: so it is there until its first lines were told.
fn removes(storm: &Storm, file: File, written: u64) -> File {
    storm.waits(written - LINES_EACH * ROTATED_EACH + 1);
    fs::remove_file(storm.log()).expect("its own name");
    drop(file);
    appended(&storm.log())
}

/// What is written between the copy and the end of it is nobody's (logrotate(8), `copytruncate`), so nothing is: the copy takes as
/// long as reading does.
fn copies(storm: &Storm, file: File, written: u64) -> File {
    fs::copy(storm.log(), storm.folder.join("log.1")).expect("room");
    storm.waits(written);
    file.set_len(0).expect("its own file");
    file
}

/// As fast as it can be: what nobody has read by then is lost.
fn copies_at_once(storm: &Storm, file: File, _: u64) -> File {
    fs::copy(storm.log(), storm.folder.join("log.1")).expect("room");
    file.set_len(0).expect("its own file");
    file
}

#[test]
fn no_line_is_lost_or_told_twice_whatever_the_rotation() {
    let ways: [(&str, Rotate); 4] =
        [("renames", renames), ("renames-all", renames_all), ("removes", removes), ("copies", copies)];
    for (name, rotate) in ways {
        let (mut numbers, written) = told(name, rotate);
        assert_eq!(written, STORM * LINES_EACH);
        let is_in_order = numbers.is_sorted();
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(0..written), "{name}: {} of {written}", numbers.len());
        println!("{name}: {written} lines, in order: {is_in_order}");
    }
}

#[test]
fn what_is_emptied_at_once_is_never_told_twice() {
    let (numbers, written) = told("copies-at-once", copies_at_once);
    assert!(numbers.is_sorted_by(|one, other| one < other), "in order, and each once");
    println!("{} of {written} lines", numbers.len());
}
