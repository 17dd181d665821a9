//! Whatever becomes of a log, its lines are told once.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::symlink,
    thread,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::*;

/// A folder of the test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("portreeve-files-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn append(&self, name: &str, text: &str) {
        appended(&self.path(name)).write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn appended(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

fn follow(paths: &[PathBuf], kept: &BTreeMap<PathBuf, Position>) -> Files {
    let mut files = Files::open().unwrap();
    files.follow(paths, kept);
    files
}

fn fresh(folder: &Folder) -> Files {
    follow(&[folder.path("log")], &BTreeMap::new())
}

/// What is told until nothing is left; what was lost is `lost`.
fn told(files: &mut Files) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let left = files.read(|told| {
            all.push(match told {
                Told::Line { text, .. } => String::from_utf8_lossy(text).into_owned(),
                Told::Lost { .. } => "lost".into(),
            });
        });
        if left == Left::Nothing {
            return all;
        }
    }
}

fn wait(files: &Files) -> usize {
    let mut all = [PollFd::new(files, PollFlags::IN)];
    poll(&mut all, Some(&Timespec { tv_sec: 0, tv_nsec: 50_000_000 })).unwrap()
}

#[test]
fn what_is_written_wakes_and_is_told() {
    let folder = Folder::new("woken");
    folder.append("log", "before\n");
    let mut files = fresh(&folder);
    assert_eq!(told(&mut files), [""; 0], "what was there is not news");
    assert_eq!(wait(&files), 0);
    folder.append("log", "one\n");
    assert_eq!(wait(&files), 1);
    assert_eq!(told(&mut files), ["one"]);
    assert_eq!(wait(&files), 0);
}

#[test]
fn the_old_file_is_read_to_its_end_and_on_while_it_is_written_to() {
    let folder = Folder::new("renamed");
    let mut old = appended(&folder.path("log"));
    let mut files = fresh(&folder);
    old.write_all(b"one\n").unwrap();
    fs::rename(folder.path("log"), folder.path("log.1")).unwrap();
    old.write_all(b"two\n").unwrap();
    folder.append("log", "three\n");
    assert_eq!(told(&mut files), ["one", "two", "three"]);
    old.write_all(b"four\n").unwrap();
    assert_eq!(wait(&files), 1);
    assert_eq!(told(&mut files), ["four"], "a worker that has not heard of it yet");
}

#[test]
fn files_that_came_and_went_between_two_looks_are_read_too() {
    let folder = Folder::new("twice");
    folder.append("log", "");
    let mut files = fresh(&folder);
    for line in ["one", "two", "three", "four"] {
        folder.append("log", &format!("{line}\n"));
        for number in (1..4).rev() {
            let _ = fs::rename(
                folder.path(&format!("log.{number}")),
                folder.path(&format!("log.{}", number + 1)),
            );
        }
        fs::rename(folder.path("log"), folder.path("log.1")).unwrap();
    }
    folder.append("log", "five\n");
    assert_eq!(told(&mut files), ["one", "two", "three", "four", "five"]);
}

#[test]
fn a_log_that_is_taken_away_or_not_there_yet_is_waited_for() {
    let folder = Folder::new("removed");
    let mut files = fresh(&folder);
    assert!(files.refused().all(|(_, refused)| refused == Some(Refused::Missing)));
    folder.append("log", "one\n");
    assert_eq!((wait(&files), told(&mut files)), (1, vec!["one".into()]));
    let mut held = appended(&folder.path("log"));
    fs::remove_file(folder.path("log")).unwrap();
    held.write_all(b"two\n").unwrap();
    assert_eq!(told(&mut files), ["two"]);
    assert_eq!(files.refused().next().unwrap().1, Some(Refused::Missing));
    folder.append("log", "three\n");
    assert_eq!(told(&mut files), ["three"]);
    assert_eq!(files.refused().next().unwrap().1, None);
}

#[test]
fn what_is_no_file_or_leads_elsewhere_is_refused_and_read_once_it_is_one() {
    let folder = Folder::new("refused");
    folder.append("other", "secret\n");
    symlink("/etc/passwd", folder.path("log")).unwrap();
    let mut files = fresh(&folder);
    let why = |files: &Files| files.refused().next().unwrap().1;
    assert_eq!((told(&mut files), why(&files)), (vec![], Some(Refused::Elsewhere)));
    fs::remove_file(folder.path("log")).unwrap();
    fs::create_dir(folder.path("log")).unwrap();
    assert_eq!((told(&mut files), why(&files)), (vec![], Some(Refused::NoFile)));
    fs::remove_dir(folder.path("log")).unwrap();
    folder.append("log", "one\n");
    assert_eq!((told(&mut files), why(&files)), (vec!["one".into()], None));
    // Whoever may write to the directory puts a link where the log was.
    fs::remove_file(folder.path("log")).unwrap();
    symlink("/etc/passwd", folder.path("log")).unwrap();
    assert_eq!((told(&mut files), why(&files)), (vec![], Some(Refused::Elsewhere)));
}

#[test]
fn a_directory_that_comes_later_or_is_another_is_found() {
    let folder = Folder::new("directory");
    let path = folder.path("sub/log");
    let mut files = follow(std::slice::from_ref(&path), &BTreeMap::new());
    fs::create_dir(folder.path("sub")).unwrap();
    appended(&path).write_all(b"one\n").unwrap();
    thread::sleep(LOOK_AGAIN);
    assert_eq!(told(&mut files), ["one"]);
    fs::rename(folder.path("sub"), folder.path("old")).unwrap();
    fs::create_dir(folder.path("sub")).unwrap();
    appended(&path).write_all(b"two\n").unwrap();
    thread::sleep(LOOK_AGAIN);
    assert_eq!(told(&mut files), ["two"]);
}

#[test]
fn a_restart_goes_on_where_it_was_also_after_rotations() {
    let folder = Folder::new("restart");
    folder.append("log", "before\n");
    let paths = [folder.path("log")];
    let mut files = fresh(&folder);
    folder.append("log", "one\n");
    assert_eq!(told(&mut files), ["one"]);
    let kept = files.positions();
    drop(files);
    folder.append("log", "two\n");
    assert_eq!(told(&mut follow(&paths, &kept)), ["two"]);
    for (line, rotated) in [("three", "log.1"), ("four", "log.2")] {
        if rotated == "log.2" {
            fs::rename(folder.path("log.1"), folder.path("log.2")).unwrap();
        }
        fs::rename(folder.path("log"), folder.path("log.1")).unwrap();
        folder.append("log", &format!("{line}\n"));
    }
    folder.append("log.bak", "copied\n");
    let mut files = follow(&paths, &kept);
    assert_eq!(told(&mut files), ["two", "three", "four"]);
    let kept = files.positions();
    assert_eq!(told(&mut follow(&paths, &kept)), [""; 0]);
    // What it was read in is compressed by now.
    fs::remove_file(folder.path("log")).unwrap();
    drop(files);
    folder.append("log", "five\n");
    let again = told(&mut follow(&paths, &kept));
    assert!(again == ["lost", "five"] || again == ["five"], "the inode may be given again: {again:?}");
}

#[test]
fn logs_are_added_and_left_while_others_go_on() {
    let folder = Folder::new("set");
    let [one, two] = ["one", "two"].map(|name| folder.path(name));
    folder.append("one", "");
    folder.append("two", "before\n");
    let mut files = follow(std::slice::from_ref(&one), &BTreeMap::new());
    folder.append("one", "a\n");
    files.follow(&[two.clone(), one.clone()], &BTreeMap::new());
    folder.append("two", "b\n");
    assert_eq!(told(&mut files), ["b", "a"]);
    files.follow(&[two], &BTreeMap::new());
    folder.append("one", "c\n");
    folder.append("two", "d\n");
    assert_eq!((wait(&files), told(&mut files)), (1, vec!["d".into()]));
    assert_eq!(files.positions().len(), 1);
}
