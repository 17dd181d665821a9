//! The experiment behind each truth: whose death frees the number, and whose does not.
//!
//! A socket lives exactly as long as somebody keeps it, so to kill all but one of its holders leaves the number
//! taken and to kill the last one frees it. That asks the kernel alone, and no tool that lists sockets.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::truth::{List, Proof, Scene, Socket};

/// How long the kernel may take to bury a process and its sockets.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the kernel showed against the truth of a scene; empty where it bears it out. Its processes are killed.
#[must_use]
pub fn disproof(scene: &mut Scene) -> String {
    match try_out(scene) {
        Ok(()) => String::new(),
        Err(disproof) => disproof,
    }
}

fn try_out(scene: &Scene) -> Result<(), String> {
    let Some(endpoint) = endpoint(scene) else { return Ok(()) };
    match &scene.proof {
        Proof::Seen => Ok(()),
        Proof::Free => endpoint.must_be(Taken::No, "at first"),
        Proof::Deaths { bystanders, needed } => {
            endpoint.must_be(Taken::Yes, "at first")?;
            endpoint.must_answer(scene)?;
            let (last, others) =
                needed.split_last().map_or((None, &[][..]), |(last, rest)| (Some(*last), rest));
            for &pid in bystanders.iter().chain(others) {
                kill(pid)?;
                endpoint.must_be(Taken::Yes, &format!("without {pid}"))?;
            }
            let Some(last) = last else { return Ok(()) };
            kill(last)?;
            endpoint.must_be(Taken::No, &format!("without {last}, the last,"))
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Yes,
    No,
}

/// A number of a protocol at an address.
#[derive(Debug)]
struct Endpoint {
    protocol: &'static str,
    address: SocketAddr,
}

/// The one of a scene, where it has a port; a scene without sockets is about TCP on the loopback address.
fn endpoint(scene: &Scene) -> Option<Endpoint> {
    let port = u16::try_from(scene.port).ok()?;
    let first = scene.sockets.first();
    if first.is_some_and(|socket| socket.list == List::Other) {
        return None;
    }
    let (protocol, address) = first.map_or(("tcp", "127.0.0.1"), |socket| (socket.protocol, &socket.address));
    let address: IpAddr = address.parse().ok()?;
    Some(Endpoint { protocol, address: (address, port).into() })
}

impl Endpoint {
    /// Whoever binds it as well is refused while somebody has it (bind(2), EADDRINUSE).
    fn taken(&self) -> io::Result<Taken> {
        let bound = match self.protocol {
            "udp" => UdpSocket::bind(self.address).map(drop),
            _ => TcpListener::bind(self.address).map(drop),
        };
        match bound {
            Ok(()) => Ok(Taken::No),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(Taken::Yes),
            Err(error) => Err(error),
        }
    }

    /// A socket is closed a moment after its last holder has gone, so only what stays so is believed.
    fn must_be(&self, wanted: Taken, when: &str) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let taken = self.taken().map_err(|error| format!("cannot try {self:?}: {error}"))?;
            if taken == wanted {
                return Ok(());
            }
            if wanted == Taken::Yes || Instant::now() > deadline {
                return Err(format!(
                    "{when} the number is {}",
                    if taken == Taken::Yes { "taken" } else { "free" }
                ));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// A listener takes a caller, and a socket that is only bound does not.
    fn must_answer(&self, scene: &Scene) -> Result<(), String> {
        let calls = |socket: &&Socket| socket.protocol == "tcp" && socket.gap != Some(super::cases::KERNEL);
        let Some(socket) = scene.sockets.iter().find(calls) else { return Ok(()) };
        // Of an unspecified address the loopback one answers.
        let called = match self.address.ip() {
            ip if ip.is_unspecified() && ip.is_ipv6() => {
                (IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), self.address.port()).into()
            }
            _ => self.address,
        };
        let answers = TcpStream::connect_timeout(&called, PATIENCE).is_ok();
        match (answers, socket.state == "listen") {
            (true, false) => Err("it takes a caller".into()),
            (false, true) => Err("it takes no caller".into()),
            _ => Ok(()),
        }
    }
}

/// Kills a process and waits until each of its threads has let go of what it held: a zombie has.
fn kill(pid: u32) -> Result<(), String> {
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("no pid")?;
    kill_process(number, Signal::KILL).map_err(|error| format!("cannot kill {pid}: {error}"))?;
    let deadline = Instant::now() + PATIENCE;
    while !has_let_go(pid) {
        if Instant::now() > deadline {
            return Err(format!("{pid} does not end"));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn has_let_go(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    threads.map(|thread| fs::read_to_string(thread.path().join("stat")).unwrap_or_default()).all(|stat| {
        let state = stat.rsplit_once(") ").map_or("X", |(_, fields)| fields);
        state.starts_with(['Z', 'X'])
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::zoo::truth::listener;

    /// A listener of this very process, and what is claimed of it.
    fn claim(proof: impl FnOnce(u32) -> Proof) -> String {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stranger = Command::new("sleep").arg("60").spawn().unwrap();
        let port = held.local_addr().unwrap().port();
        let scene = Scene::new("", port.into(), vec![listener(0)], vec![]);
        let disproof = disproof(&mut Scene { proof: proof(stranger.id()), ..scene });
        let _ = stranger.kill();
        stranger.wait().unwrap();
        disproof
    }

    #[test]
    fn who_is_not_needed_can_die() {
        let proof = |stranger| Proof::Deaths { bystanders: vec![stranger], needed: vec![] };
        assert_eq!(claim(proof), "");
    }

    #[test]
    fn who_is_said_to_be_the_last_and_is_not_is_found_out() {
        let proof = |stranger| Proof::Deaths { bystanders: vec![], needed: vec![stranger] };
        assert!(claim(proof).ends_with("the last, the number is taken"));
    }

    #[test]
    fn a_number_that_is_said_to_be_free_and_is_not_is_found_out() {
        assert_eq!(claim(|_| Proof::Free), "at first the number is taken");
    }

    #[test]
    fn a_listener_that_is_said_to_be_there_and_is_not_is_found_out() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut scene = Scene::new("", port.into(), vec![listener(0)], vec![]);
        assert_eq!(disproof(&mut scene), "at first the number is free");
    }
}
