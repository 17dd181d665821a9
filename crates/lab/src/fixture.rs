//! Hosts made only of sockets and processes, for benchmarks: the same numbers on every machine.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::{cgroup, error::LabError, namespace::Namespace, programs};

/// Listeners of the small host.
pub const SMALL_LISTENERS: u32 = 20;
/// Processes of the small host, with three descriptors each beside the listeners.
pub const SMALL_PROCESSES: u32 = 200;
/// Processes that share the busy host's connections.
pub const BUSY_PROCESSES: u32 = 50;
/// Connections of each of them, both ends of which it holds: below the 20,000 descriptors that a process may have.
pub const BUSY_CONNECTIONS_EACH: u32 = 2_000;

/// Connections of a process where their number is chosen: 20,000 descriptors would be the most it may have.
const CONNECTIONS_EACH: u32 = 1_000;

/// Such a host: its own network, process numbers and /proc, but the machine's files. It goes when this value does.
#[derive(Debug)]
pub struct Fixture {
    namespace: Namespace,
    programs: Vec<Child>,
}

/// No socket and no process.
///
/// # Errors
///
/// Where the lab cannot be built here.
pub fn empty() -> Result<Fixture, LabError> {
    Ok(Fixture { namespace: Namespace::create_with_processes()?, programs: Vec::new() })
}

/// 20 listeners (16 of TCP, 4 of UDP), 200 processes, 600 descriptors beside the listeners' own.
///
/// # Errors
///
/// Where the lab cannot be built here.
pub fn small() -> Result<Fixture, LabError> {
    let mut fixture = Fixture { namespace: Namespace::create_with_processes()?, programs: Vec::new() };
    let idle = SMALL_PROCESSES - SMALL_LISTENERS;
    fixture.start("system.slice/crowd.service", &["crowd", "16", "4", &idle.to_string()])?;
    Ok(fixture)
}

/// 100,000 established connections in 50 processes, and a listener on 443/tcp that is alone in its unit's group.
///
/// # Errors
///
/// Where the lab cannot be built here.
pub fn busy() -> Result<Fixture, LabError> {
    shared_out(BUSY_PROCESSES, BUSY_CONNECTIONS_EACH)
}

/// The same with so many thousand sockets, which are the ends of half as many connections, 2,000 sockets a process.
///
/// # Errors
///
/// Where the lab cannot be built here.
pub fn connected(sockets: u32) -> Result<Fixture, LabError> {
    shared_out(sockets / (2 * CONNECTIONS_EACH), CONNECTIONS_EACH)
}

fn shared_out(processes: u32, each: u32) -> Result<Fixture, LabError> {
    let mut fixture = Fixture { namespace: Namespace::create_with_processes()?, programs: Vec::new() };
    fixture.start("system.slice/web.service", &["listen", "0.0.0.0:443"])?;
    let arguments = ["connections", &processes.to_string(), &each.to_string()];
    fixture.start("system.slice/busy.service", &arguments)?;
    Ok(fixture)
}

/// So many network namespaces with a listener each, on 443/tcp, beside the host's own, which has none.
///
/// # Errors
///
/// Where the lab cannot be built here.
pub fn divided(namespaces: u16) -> Result<Fixture, LabError> {
    let mut fixture = Fixture { namespace: Namespace::create_with_processes()?, programs: Vec::new() };
    fixture.start("system.slice/divided.service", &["namespaces", &namespaces.to_string(), "0.0.0.0:443"])?;
    Ok(fixture)
}

/// Becomes a program without the descriptors that the lab's own caller left open, so that their number is known.
const CLOSED: &str = "for fd in /proc/self/fd/*; do n=${fd##*/}; [ $n -gt 2 ] && eval \"exec $n>&-\"; done; exec \"$0\" \"$@\"";

impl Fixture {
    /// A command that runs on this host; `words` are a program by its path and its arguments.
    ///
    /// Entering costs about a millisecond: whoever measures short programs runs a loop inside, in a shell.
    #[must_use]
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.namespace.command_in(&self.namespace.group().path().join("anchor"), "env");
        command.arg("--").args(words);
        command
    }

    fn start(&mut self, group: &str, arguments: &[&str]) -> Result<(), LabError> {
        let holder = programs::holder()?;
        let group = self.namespace.group().below(group)?;
        let mut child = self
            .namespace
            .command_in(&group, "bash")
            .args(["-c", CLOSED])
            .arg(&holder)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| LabError::Start { program: "holder".into(), source })?;
        let stdout = child.stdout.take().expect("standard output was piped");
        self.programs.push(child);
        let mut line = String::new();
        match BufReader::new(stdout).read_line(&mut line) {
            Ok(_) if line == "ready\n" => Ok(()),
            _ => Err(LabError::Failed { what: arguments.join(" "), status: -1, said: line }),
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = cgroup::remove(self.namespace.group().name());
        for program in &mut self.programs {
            let _ = program.wait();
        }
    }
}
