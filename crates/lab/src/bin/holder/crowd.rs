//! Many processes and many connections, for the benchmarks.

use std::{
    env,
    io::{self, BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{Outcome, hold};

/// The first number of a crowd; the others follow.
const FIRST_PORT: u16 = 10_000;

/// Processes with one listener each, and processes that do nothing: three descriptors each, and the socket.
pub(crate) fn crowd(tcp: u16, udp: u16, idle: u16) -> Outcome {
    let mut children = Vec::new();
    for number in 0..tcp {
        children.push(start(&["listen", &wildcard(FIRST_PORT + number)])?);
    }
    for number in 0..udp {
        children.push(start(&["udp", &wildcard(FIRST_PORT + number)])?);
    }
    for child in &mut children {
        wait_until_ready(child)?;
    }
    for _ in 0..idle {
        children.push(start(&["idle"])?);
    }
    hold(children)
}

/// Processes with `each` established connections to themselves, both ends included.
pub(crate) fn connections(processes: u16, each: u16) -> Outcome {
    let each = each.to_string();
    let mut children = Vec::new();
    for number in 0..processes {
        let address = format!("127.0.0.1:{}", FIRST_PORT + number);
        children.push(start(&["connected-to-itself", &address, &each])?);
    }
    for child in &mut children {
        wait_until_ready(child)?;
    }
    hold(children)
}

/// Processes with a listener each, every one in a network namespace of its own.
pub(crate) fn namespaces(count: u16, address: SocketAddr) -> Outcome {
    let mut children = Vec::new();
    for _ in 0..count {
        let mut command = Command::new("unshare");
        command.arg("--net").arg(env::current_exe()?).args(["listen", &address.to_string()]);
        children.push(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
    }
    for child in &mut children {
        wait_until_ready(child)?;
    }
    hold(children)
}

pub(crate) fn connected_to_itself(address: SocketAddr, count: u16) -> Outcome {
    raise_descriptor_limit()?;
    let listener = TcpListener::bind(address)?;
    let mut ends = Vec::new();
    for _ in 0..count {
        let near = TcpStream::connect(address)?;
        ends.push((near, listener.accept()?));
    }
    hold((listener, ends))
}

/// As far as it goes without privilege (getrlimit(2)).
fn raise_descriptor_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}

fn start(arguments: &[&str]) -> io::Result<Child> {
    let mut command = Command::new(env::current_exe()?);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
}

fn wait_until_ready(child: &mut Child) -> Outcome {
    let stdout = child.stdout.as_mut().ok_or("standard output was piped")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    if line == "ready\n" { Ok(()) } else { Err("a process of the crowd gave up".into()) }
}

fn wildcard(port: u16) -> String {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).to_string()
}
