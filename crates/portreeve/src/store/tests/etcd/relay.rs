//! A relay before a member of etcd that can eat its replies.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use portreeve_lab::namespace::Namespace;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// It hands on what is said, and, while it eats, ends the connection in the place of each answer to a change.
pub(super) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    eats: AtomicBool,
    eaten: AtomicUsize,
}

impl Relay {
    /// One in `place`, before the member at `to`.
    pub(super) fn start(place: &Namespace, to: &str) -> Self {
        let namespace = File::open(place.path()).expect("the place is there");
        let to: SocketAddr = to.parse().expect("an address");
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = std::sync::mpsc::channel();
        let known = Arc::clone(&shared);
        // It goes with the test's process.
        thread::spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).expect("root may");
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            sender.send(listener.local_addr().expect("bound")).expect("somebody waits");
            for client in listener.incoming() {
                let (Ok(client), Ok(member)) = (client, TcpStream::connect(to)) else { continue };
                join(client, member, &known);
            }
        });
        Self { address: receiver.recv().expect("it listens"), shared }
    }

    pub(super) fn endpoint(&self) -> SocketAddr {
        self.address
    }

    /// Whether it eats the answers to changes from now on.
    pub(super) fn eat(&self, eats: bool) {
        self.shared.eats.store(eats, Ordering::SeqCst);
    }

    /// How many it ate.
    pub(super) fn eaten(&self) -> usize {
        self.shared.eaten.load(Ordering::SeqCst)
    }
}

fn join(client: TcpStream, member: TcpStream, shared: &Arc<Shared>) {
    let is_change = Arc::new(AtomicBool::new(false));
    let (mut from, mut to) = (client.try_clone().expect("a socket"), member.try_clone().expect("a socket"));
    let writes = Arc::clone(&is_change);
    thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            // A change writes something, whatever else it asks.
            if String::from_utf8_lossy(&bytes[..length]).contains("request_put") {
                writes.store(true, Ordering::SeqCst);
            }
            if to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    let shared = Arc::clone(shared);
    let (mut from, mut to) = (member, client);
    thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            if is_change.load(Ordering::SeqCst) && shared.eats.load(Ordering::SeqCst) {
                shared.eaten.fetch_add(1, Ordering::SeqCst);
                break;
            }
            is_change.store(false, Ordering::SeqCst);
            if to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
