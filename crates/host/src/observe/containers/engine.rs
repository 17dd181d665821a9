//! Asks a running Docker engine for the names of its containers, where no file told them (A12).
//!
//! A member of its group may ask it who cannot read its files. Its socket rules the host, so nothing but the list is
//! asked for, and nothing is started: systemd would start an engine that is not running for whoever connects
//! (systemd.socket(5)).

use std::{
    collections::HashMap,
    fs,
    io::{Read, Write},
    os::{
        linux::fs::MetadataExt,
        unix::{fs::FileTypeExt, net::UnixStream},
    },
    path::Path,
    time::{Duration, Instant},
};

use portreeve_core::{cgroup, facts::Container, guard::Containers};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use serde::Deserialize;

use super::{FILE_BYTES_MAX, Label, docker};
use crate::proc::{self, stat};

/// Where an engine listens, and says which process it is, unless it is told otherwise (dockerd(8)).
const SOCKET: &str = "/run/docker.sock";
const PID_FILE: &str = "/run/docker.pid";

/// What its containers are known by.
const RUNTIME: &str = "docker";

/// An engine answers within a few milliseconds; a look waits no longer than this for one that does not.
const WAIT_MAX: Duration = Duration::from_millis(200);

/// HTTP/1.0, so that the answer is not cut into chunks and ends with the connection (RFC 9112, sections 2.2 and 6.3).
pub(super) const RUNNING: &[u8] = b"GET /containers/json HTTP/1.0\r\nHost: docker\r\n\r\n";
/// Those that do not run, too.
const ALL: &[u8] = b"GET /containers/json?all=1 HTTP/1.0\r\nHost: docker\r\n\r\n";

/// The containers that `request` is about, by id; `None` where no engine of root's runs, and where it says nothing in time.
pub(super) fn containers(request: &[u8]) -> Option<HashMap<String, Label>> {
    pid()?;
    read(&ask(Path::new(SOCKET), request, 0, Instant::now() + WAIT_MAX)?)
}

/// The containers of root's engine, also those that do not run; none where it does not run itself.
#[must_use]
pub fn all() -> Containers {
    let known = containers(ALL).unwrap_or_default().into_iter();
    let container =
        |(id, Label { name, .. })| Container { runtime: RUNTIME.into(), id, name, ..Container::default() };
    let engine_unit = pid().and_then(proc::cgroup).and_then(|path| cgroup::read(&path).unit);
    Containers { all: known.map(container).collect(), engine_unit }
}

/// The process of the engine.
fn pid() -> Option<u32> {
    let pid = proc::read_text(PID_FILE)?.trim().parse().ok()?;
    (stat::of(pid)?.comm == "dockerd").then_some(pid)
}

/// What is said to `request` at the socket of `owner` until `deadline`; nothing where it is not all said by then.
fn ask(path: &Path, request: &[u8], owner: u32, deadline: Instant) -> Option<Vec<u8>> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if !metadata.file_type().is_socket() || metadata.st_uid() != owner {
        return None;
    }
    let mut stream = open(path)?;
    stream.set_write_timeout(Some(left(deadline)?)).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while answer.len() < FILE_BYTES_MAX {
        stream.set_read_timeout(Some(left(deadline)?)).ok()?;
        match stream.read(&mut buffer).ok()? {
            0 => return Some(answer),
            length => answer.extend_from_slice(&buffer[..length]),
        }
    }
    None
}

/// To connect would wait for a place in the queue of an engine that accepts nobody (unix(7)).
fn open(path: &Path) -> Option<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).ok()?;
    connect(&socket, &SocketAddrUnix::new(path).ok()?).ok()?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false).ok()?;
    Some(stream)
}

fn left(deadline: Instant) -> Option<Duration> {
    deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
}

/// A container in the answer (Docker Engine API, `ContainerList`).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    image: Option<String>,
}

/// Reads an answer: its head, and the list below.
#[must_use]
pub fn read(answer: &[u8]) -> Option<HashMap<String, Label>> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let (head, body) = answer.split_at(end);
    let mut words = head.split(|&byte| byte == b' ');
    if !words.next()?.starts_with(b"HTTP/1.") || words.next()? != b"200" {
        return None;
    }
    let list: Vec<Entry> = serde_json::from_slice(body.strip_prefix(b"\r\n\r\n")?).ok()?;
    Some(list.into_iter().map(|entry| (entry.id.clone(), label(entry))).collect())
}

/// Links lend a container further names, with another's before theirs: its own has no slash but the first.
fn label(entry: Entry) -> Label {
    let mut names = entry.names.iter().map(|name| docker::plain(name));
    Label { name: names.find(|name| !name.contains('/')), image: entry.image, ..Label::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::net::UnixListener, path::PathBuf, thread};

    #[test]
    fn an_answer_tells_names_and_images() {
        let answer =
            b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\n\r\n[{\"Id\":\"ab\",\"Names\":[\"/proxy/web\",\
            \"/shop\"],\"Image\":\"shop:1\",\"Ports\":[{\"PrivatePort\":80}]},{\"Id\":\"cd\"}]";
        let expected = HashMap::from([
            (
                "ab".into(),
                Label { name: Some("shop".into()), image: Some("shop:1".into()), ..Label::default() },
            ),
            ("cd".into(), Label::default()),
        ]);
        assert_eq!(read(answer), Some(expected));
    }

    #[test]
    fn what_is_no_answer_tells_nothing() {
        for answer in [
            b"".as_slice(),
            b"HTTP/1.0 200 OK\r\n\r\n",
            b"HTTP/1.0 200 OK\r\n\r\n{}",
            b"HTTP/1.0 200 OK\r\n\r\n[{\"Id\":1}]",
            b"HTTP/1.0 500 Internal Server Error\r\n\r\n[]",
            b"HTTP/1.0 200 OK\r\n",
            b"SSH-2.0-OpenSSH 200\r\n\r\n[]",
            b"\r\n\r\n[]",
        ] {
            assert_eq!(read(answer), None, "{}", String::from_utf8_lossy(answer));
        }
    }

    /// A socket at which `answer` is done to whoever comes; it is gone when dropped.
    struct Engine(PathBuf);

    impl Engine {
        fn start(name: &str, answer: impl FnOnce(UnixStream) + Send + 'static) -> Self {
            let path = std::env::temp_dir().join(format!("portreeve-engine-{}-{name}", std::process::id()));
            let listener = UnixListener::bind(&path).unwrap();
            thread::spawn(move || answer(listener.accept().unwrap().0));
            Self(path)
        }

        /// What it says, and whether that took no longer than it may.
        fn ask(&self) -> Option<Vec<u8>> {
            let uid = rustix::process::geteuid().as_raw();
            let start = Instant::now();
            let said = ask(&self.0, RUNNING, uid, start + WAIT_MAX);
            assert!(start.elapsed() < WAIT_MAX * 5, "{:?}", start.elapsed());
            said
        }
    }

    impl Drop for Engine {
        fn drop(&mut self) {
            fs::remove_file(&self.0).unwrap();
        }
    }

    #[test]
    fn an_engine_is_heard_to_its_end() {
        let engine = Engine::start("plain", |mut stream| {
            let mut asked = [0; RUNNING.len()];
            stream.read_exact(&mut asked).unwrap();
            assert_eq!(asked, RUNNING);
            stream.write_all(b"one ").unwrap();
            stream.write_all(b"two").unwrap();
        });
        assert_eq!(engine.ask().as_deref(), Some(b"one two".as_slice()));
    }

    #[test]
    fn a_silent_engine_is_left() {
        let engine = Engine::start("silent", |stream| {
            thread::sleep(WAIT_MAX * 2);
            drop(stream);
        });
        assert_eq!(engine.ask(), None);
    }

    #[test]
    fn an_engine_that_says_a_little_for_ever_is_left() {
        let engine = Engine::start("drip", |mut stream| {
            while stream.write_all(b"x").is_ok() {
                thread::sleep(WAIT_MAX / 10);
            }
        });
        assert_eq!(engine.ask(), None);
    }

    #[test]
    fn an_engine_that_says_too_much_is_left() {
        let engine =
            Engine::start("flood", |mut stream| while stream.write_all(&[b'x'; 64 * 1024]).is_ok() {});
        assert_eq!(engine.ask(), None);
    }

    #[test]
    fn nobody_waits_in_the_queue_of_an_engine() {
        let path = std::env::temp_dir().join(format!("portreeve-engine-{}-full", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let engine = Engine(path);
        let _first = open(&engine.0).expect("one fits");
        assert_eq!(engine.ask(), None);
    }

    #[test]
    fn only_the_socket_of_its_owner_is_asked() {
        let engine = Engine::start("owner", |mut stream| stream.write_all(b"x").unwrap());
        let uid = rustix::process::geteuid().as_raw();
        let deadline = Instant::now() + WAIT_MAX;
        assert_eq!(ask(&engine.0, RUNNING, uid + 1, deadline), None);
        assert_eq!(ask(Path::new("/proc/self/exe"), RUNNING, uid, deadline), None);
        assert_eq!(ask(Path::new("/no/such/socket"), RUNNING, uid, deadline), None);
    }
}
