//! Which file describes a unit, and what of it and its drop-ins counts (systemd.unit(5), systemd.syntax(7)).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use portreeve_core::{
    facts::{Line, UnitOrigin},
    unit::NAME_BYTES_MAX,
};

use super::text;
use crate::{observe::clock, present::UNIT_DIRECTORIES};

/// Where the service manager keeps a link for each unit that runs, made anew for each run.
const RUNS: &str = "run/systemd/units";
/// Drop-ins of a unit that are read at most, and entries of a folder of drop-ins.
const DROP_INS_MAX: usize = 64;
const ENTRIES_MAX: usize = 1024;
/// Entries of a folder of units that are read at most.
const UNITS_MAX: usize = 16_384;
/// Lines that are told of a unit, and letters of each.
const LINES_MAX: usize = 16;
const LINE_CHARS_MAX: usize = 400;

/// What the files below `root` say of `unit`; `None` where they say nothing.
#[must_use]
pub fn origin(root: &Path, unit: &str) -> Option<UnitOrigin> {
    if unit.is_empty() || unit.len() > NAME_BYTES_MAX || unit.contains('/') || unit.starts_with('.') {
        return None;
    }
    let mut found = UnitOrigin { started: started(root, unit), ..UnitOrigin::default() };
    let file = fragment(root, unit);
    found.file = file.as_ref().map(|(path, _)| shown(root, path));
    for (path, text) in file.into_iter().chain(drop_ins(root, unit)) {
        apply(&mut found, unit, &shown(root, &path), &assignments(&text));
    }
    (found != UnitOrigin::default()).then_some(found)
}

/// The lines of the files below `root` by which `key` is set of the service `unit`, as far as none after them takes them back.
#[must_use]
pub fn settings(root: &Path, unit: &str, key: &str) -> Vec<Line> {
    let mut found = UnitOrigin::default();
    for (path, text) in fragment(root, unit).into_iter().chain(drop_ins(root, unit)) {
        take_over(&mut found, ("Service", &[key]), &shown(root, &path), &assignments(&text));
    }
    found.lines
}

/// The `.socket` units that have a file: which of them run nobody writes down.
pub(super) fn sockets(root: &Path) -> BTreeSet<String> {
    let directories = UNIT_DIRECTORIES.iter().filter_map(|directory| root.join(directory).read_dir().ok());
    let names = directories.flat_map(|entries| entries.take(UNITS_MAX).flatten());
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.ends_with(".socket") && !name.ends_with("@.socket")).collect()
}

/// When the link was made that names the present run (systemd.exec(5), `INVOCATION_ID`).
fn started(root: &Path, unit: &str) -> Option<Timestamp> {
    let link = fs::symlink_metadata(root.join(RUNS).join(format!("invocation:{unit}"))).ok()?;
    let nanoseconds = i128::from(link.mtime()) * 1_000_000_000 + i128::from(link.mtime_nsec());
    Some(clock::timestamp(nanoseconds))
}

/// The file of the unit itself, else of its template, in the first directory that has one.
fn fragment(root: &Path, unit: &str) -> Option<(PathBuf, String)> {
    let names = [Some(unit.to_owned()), template(unit)];
    let paths = names
        .into_iter()
        .flatten()
        .flat_map(|name| UNIT_DIRECTORIES.iter().map(move |directory| root.join(directory).join(&name)));
    paths.into_iter().find_map(|path| Some((path.clone(), text(&path)?)))
}

/// `postfix@.service` of `postfix@-.service`.
fn template(unit: &str) -> Option<String> {
    let (stem, instance) = unit.split_once('@')?;
    let (_, kind) = instance.rsplit_once('.')?;
    Some(format!("{stem}@.{kind}"))
}

/// The drop-ins by name of file, whichever folder they are in; of two with one name the first folder's counts.
fn drop_ins(root: &Path, unit: &str) -> Vec<(PathBuf, String)> {
    let mut paths: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in folders(unit) {
        for directory in UNIT_DIRECTORIES {
            let entries = fs::read_dir(root.join(directory).join(&folder)).into_iter().flatten();
            for entry in entries.take(ENTRIES_MAX).flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.ends_with(".conf") {
                    paths.entry(name).or_insert_with(|| entry.path());
                }
            }
        }
    }
    let paths = paths.into_values().take(DROP_INS_MAX);
    paths.filter_map(|path| Some((path.clone(), text(&path)?))).collect()
}

/// `a-b.service.d`, `a-.service.d`, `service.d`: the nearer first.
pub(crate) fn folders(unit: &str) -> Vec<String> {
    let mut folders = vec![format!("{unit}.d")];
    folders.extend(template(unit).map(|template| format!("{template}.d")));
    let Some((stem, kind)) = unit.rsplit_once('.') else { return folders };
    let stem = stem.split('@').next().unwrap_or(stem);
    let prefixes = stem.rmatch_indices('-').map(|(at, _)| format!("{}-.{kind}.d", &stem[..at]));
    folders.extend(prefixes);
    folders.push(format!("{kind}.d"));
    folders
}

/// The path as the host knows it.
fn shown(root: &Path, path: &Path) -> String {
    Path::new("/").join(path.strip_prefix(root).unwrap_or(path)).to_string_lossy().into_owned()
}

/// A setting, with the line on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The section, without brackets.
    pub section: String,
    /// The key.
    pub key: String,
    /// What stands behind it, lines that go on joined by spaces.
    pub value: String,
    /// The line, from 1.
    pub number: u32,
}

/// The settings of a file: lines that end in a backslash go on, and comments between them are passed over.
#[must_use]
pub fn assignments(text: &str) -> Vec<Assignment> {
    let mut found = Vec::new();
    let mut section = String::new();
    let mut open: Option<(u32, String)> = None;
    for (line, number) in text.lines().zip(1u32..) {
        let trimmed = line.trim_start();
        if trimmed.starts_with(['#', ';']) || (open.is_none() && trimmed.is_empty()) {
            continue;
        }
        let goes_on = line.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1;
        let part = if goes_on { &line[..line.len() - 1] } else { line };
        let (first, whole) = match open.take() {
            Some((first, before)) => (first, before + " " + part.trim()),
            None => (number, part.trim().to_owned()),
        };
        if goes_on {
            open = Some((first, whole));
        } else {
            found.extend(assignment(&whole, first, &mut section));
        }
    }
    found.extend(open.and_then(|(first, whole)| assignment(&whole, first, &mut section)));
    found
}

fn assignment(line: &str, number: u32, section: &mut String) -> Option<Assignment> {
    let line = line.trim();
    if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        name.clone_into(section);
        return None;
    }
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
    Some(Assignment { section: section.clone(), key, value, number })
}

/// Takes over what counts; an empty ExecStart= or Listen…= takes back all that stood before it.
fn apply(found: &mut UnitOrigin, unit: &str, path: &str, assignments: &[Assignment]) {
    let (section, keys): (&str, &[&str]) = if unit.ends_with(".socket") {
        ("Socket", &["ListenStream", "ListenDatagram", "ListenSequentialPacket"])
    } else {
        ("Service", &["ExecStart"])
    };
    take_over(found, (section, keys), path, assignments);
}

/// The same of these keys of a section.
fn take_over(
    found: &mut UnitOrigin,
    (section, keys): (&str, &[&str]),
    path: &str,
    assignments: &[Assignment],
) {
    for Assignment { section: own, key, value, number } in assignments {
        if (own.as_str(), key.as_str()) == ("Unit", "SourcePath") {
            found.source = Some(value.clone()).filter(|value| !value.is_empty());
        } else if own == section && keys.contains(&key.as_str()) {
            if value.is_empty() {
                found.lines.clear();
            } else if found.lines.len() < LINES_MAX {
                let text = format!("{key}={value}").chars().take(LINE_CHARS_MAX).collect();
                found.lines.push(Line { path: path.to_owned(), number: *number, text });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A host with `files`, gone when dropped.
    struct Host(PathBuf);

    impl Host {
        fn with(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("portreeve-units-{}-{name}", std::process::id()));
            for (path, text) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self(root)
        }

        fn lines(&self, unit: &str) -> Vec<String> {
            let lines = origin(&self.0, unit).unwrap_or_default().lines;
            lines.iter().map(|line| format!("{}:{} {}", line.path, line.number, line.text)).collect()
        }
    }

    impl Drop for Host {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).expect("the test made this directory");
        }
    }

    const NGINX: &str = "[Unit]\nDescription=x\n\n[Service]\nType=forking\nExecStartPre=/y -t\nExecStart=/usr/sbin/nginx -g \\\n# why\n  'daemon on;'\n";

    #[test]
    fn the_line_that_starts_a_service_is_found() {
        let host = Host::with("plain", &[("lib/systemd/system/nginx.service", NGINX)]);
        assert_eq!(
            host.lines("nginx.service"),
            ["/lib/systemd/system/nginx.service:7 ExecStart=/usr/sbin/nginx -g 'daemon on;'"]
        );
        assert_eq!(host.lines("ngnix.service"), Vec::<String>::new());
    }

    #[test]
    fn a_setting_counts_until_it_is_taken_back() {
        let host = Host::with(
            "settings",
            &[
                ("lib/systemd/system/a.service", "[Service]\nSocketBindDeny=any\nSocketBindAllow=80\n"),
                ("lib/systemd/system/b.service", "[Service]\nSocketBindDeny=any\n"),
                ("etc/systemd/system/b.service.d/x.conf", "[Service]\nSocketBindDeny=\n"),
            ],
        );
        let told = |unit| {
            let lines = settings(&host.0, unit, "SocketBindDeny");
            lines.into_iter().map(|line| (line.path, line.number, line.text)).collect::<Vec<_>>()
        };
        let expected = ("/lib/systemd/system/a.service".into(), 2, "SocketBindDeny=any".into());
        assert_eq!((told("a.service"), told("b.service")), (vec![expected], Vec::new()));
    }

    #[test]
    fn a_file_of_the_administrator_stands_before_the_packages() {
        let host = Host::with(
            "order",
            &[
                ("usr/lib/systemd/system/a.service", "[Service]\nExecStart=/old\n"),
                ("etc/systemd/system/a.service", "[Service]\nExecStart=/new\n"),
            ],
        );
        assert_eq!(host.lines("a.service"), ["/etc/systemd/system/a.service:2 ExecStart=/new"]);
    }

    #[test]
    fn a_drop_in_that_takes_back_and_sets_anew_counts() {
        let host = Host::with(
            "drop-in",
            &[
                ("lib/systemd/system/a-b.service", "[Service]\nExecStart=/old\n"),
                ("etc/systemd/system/a-b.service.d/20-x.conf", "[Service]\nExecStart=\nExecStart=/new\n"),
                ("lib/systemd/system/a-b.service.d/20-x.conf", "[Service]\nExecStart=/hidden\n"),
                ("etc/systemd/system/a-.service.d/10-y.conf", "[Service]\nExecStart=/taken-back\n"),
                ("etc/systemd/system/a-b.service.d/notes.txt", "[Service]\nExecStart=/none\n"),
            ],
        );
        assert_eq!(
            host.lines("a-b.service"),
            ["/etc/systemd/system/a-b.service.d/20-x.conf:3 ExecStart=/new"]
        );
    }

    #[test]
    fn an_instance_is_described_by_its_template() {
        let host = Host::with(
            "template",
            &[("lib/systemd/system/postfix@.service", "[Service]\nExecStart=postmulti -i %i\n")],
        );
        assert_eq!(
            host.lines("postfix@-.service"),
            ["/lib/systemd/system/postfix@.service:2 ExecStart=postmulti -i %i"]
        );
    }

    #[test]
    fn a_socket_tells_where_it_listens_and_a_generated_unit_from_what() {
        let host = Host::with(
            "socket",
            &[
                ("etc/systemd/system/a.socket", "[Socket]\nListenStream=80\nListenStream=443\nAccept=no\n"),
                ("lib/systemd/system/a@.socket", "[Socket]\nListenStream=%i\n"),
                ("run/systemd/generator.late/b.service", "[Unit]\nSourcePath=/etc/init.d/b\n"),
            ],
        );
        assert_eq!(
            host.lines("a.socket"),
            [
                "/etc/systemd/system/a.socket:2 ListenStream=80",
                "/etc/systemd/system/a.socket:3 ListenStream=443"
            ]
        );
        assert_eq!(sockets(&host.0), ["a.socket".to_owned()].into());
        let generated = origin(&host.0, "b.service").unwrap();
        assert_eq!(generated.source.as_deref(), Some("/etc/init.d/b"));
        assert_eq!(generated.file.as_deref(), Some("/run/systemd/generator.late/b.service"));
    }

    #[test]
    fn the_present_run_began_when_its_link_was_made() {
        let host = Host::with("run", &[("run/systemd/units/x", "")]);
        symlink("0123", host.0.join(RUNS).join("invocation:a.service")).unwrap();
        let started = origin(&host.0, "a.service").unwrap().started.unwrap();
        let now = clock::now();
        assert!((now.as_second() - started.as_second()).abs() < 60, "{started} {now}");
    }

    #[test]
    fn a_masked_unit_and_a_name_that_is_a_path_say_nothing() {
        let host = Host::with("masked", &[("etc/systemd/system/x", "")]);
        symlink("/dev/null", host.0.join("etc/systemd/system/a.service")).unwrap();
        for unit in ["a.service", "../x", "", ".service", "a/b.service"] {
            assert_eq!(origin(&host.0, unit), None, "{unit}");
        }
    }

    #[test]
    fn odd_lines_are_passed_over() {
        let read = |text: &str| -> Vec<(String, String, u32)> {
            assignments(text).into_iter().map(|one| (one.key, one.value, one.number)).collect()
        };
        assert_eq!(read("a=1\\\\\nb=2\\"), [("a".into(), "1\\\\".into(), 1), ("b".into(), "2".into(), 2)]);
        assert_eq!(read("[x\nno key\n=\n"), [(String::new(), String::new(), 3)]);
        assert_eq!(read("a=1 \\\n\nb=2"), [("a".into(), "1".into(), 1), ("b".into(), "2".into(), 3)]);
    }
}
