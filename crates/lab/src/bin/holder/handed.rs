//! Sockets that go from hand to hand: inherited, sent, or still on the way (unix(7), SCM_RIGHTS).

use std::{
    env,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    net::SocketAddr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        linux::net::SocketAddrExt,
        unix::net,
    },
    process::{self, Command, Stdio},
};

use rustix::{
    cmsg_space,
    io::{FdFlags, fcntl_setfd},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
    },
};

use crate::{Outcome, hold, plain};

/// A child inherits the descriptor, as it would after fork(2).
pub(crate) fn forked(address: SocketAddr) -> Outcome {
    let socket = plain::listener(address)?;
    fcntl_setfd(&socket, FdFlags::empty())?;
    let child = Command::new(env::current_exe()?).arg("idle").spawn()?;
    hold((socket, child))
}

/// The opener sends the socket to a process that never opened anything, and ends.
pub(crate) fn passed(address: SocketAddr) -> Outcome {
    let (near, far) = pair()?;
    send(&near, plain::listener(address)?.as_fd())?;
    Command::new(env::current_exe()?).arg("receive").stdin(Stdio::from(far)).spawn()?;
    Ok(())
}

/// The opener sends the socket through standard input, a Unix socket, and ends.
pub(crate) fn send_away(address: SocketAddr) -> Outcome {
    send(io::stdin(), plain::listener(address)?.as_fd())?;
    println!("ready");
    Ok(())
}

pub(crate) fn receive() -> Outcome {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(io::stdin(), &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let sockets: Vec<OwnedFd> = control.drain().filter_map(received).flatten().collect();
    if sockets.is_empty() {
        return Err("nothing was sent on standard input".into());
    }
    hold(sockets)
}

/// Nobody has a descriptor any more; the queue of `near` keeps the socket alive.
pub(crate) fn in_flight(socket: OwnedFd) -> Outcome {
    let (near, far) = pair()?;
    send(&near, socket.as_fd())?;
    drop(socket);
    hold((near, far))
}

/// Nor has anybody a descriptor of the Unix socket whose queue keeps it: only of the last of so many.
pub(crate) fn in_flight_deep(address: SocketAddr, queues: u32) -> Outcome {
    let mut last = plain::listener(address)?;
    for _ in 1..queues {
        let (near, far) = pair()?;
        send(&near, last.as_fd())?;
        last = far;
    }
    in_flight(last)
}

/// What was sent waits in a connection that nobody has a descriptor of before it is accepted.
pub(crate) fn unaccepted(address: SocketAddr) -> Outcome {
    let name = net::SocketAddr::from_abstract_name(format!("unaccepted {address} {}", process::id()))?;
    let server = net::UnixListener::bind_addr(&name)?;
    let client = net::UnixStream::connect_addr(&name)?;
    send(&client, plain::listener(address)?.as_fd())?;
    hold((server, client))
}

fn received(message: RecvAncillaryMessage<'_>) -> Option<impl Iterator<Item = OwnedFd> + use<'_>> {
    match message {
        RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
        _ => None,
    }
}

fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

fn send(through: impl AsFd, socket: BorrowedFd<'_>) -> io::Result<()> {
    let sockets = [socket];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&sockets)), "the space is for one descriptor");
    sendmsg(through, &[IoSlice::new(b"x")], &mut control, SendFlags::empty())?;
    Ok(())
}
