//! Sends packets when it is told to, and tells which packets got past every rule of the namespace it stands in.
//!
//! A raw socket is given what the kernel delivers after the last hook of its firewall (net/ipv4/ip_input.c,
//! net/ipv6/ip6_input.c): what it shows has arrived, and what a rule answered in the host's name is not shown.

use std::{
    env,
    error::Error,
    fs,
    io::{self, BufRead, Write},
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    process::ExitCode,
    thread,
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{self, AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, sockopt},
};

/// What it reads and what it writes, a line each.
const USAGE: &str = "usage: probe, and on standard input
  tcp|udp FROM PORT TO PORT  sends the first packet of a connection
  (an empty line)            says `sent` once all of those before it are
  (the end)                  tells what was delivered here since `ready`:
    request tcp|udp FROM-PORT TO-PORT  a first packet
    answer PORT              an acknowledgement, a reset or an ICMP error about a packet from PORT
    lost COUNT               packets for which there was no room";

/// Room for what is delivered between two looks; the usual one holds a few hundred packets.
const ROOM_BYTES: usize = 64 << 20;
/// Longer than any header that is looked at.
const LOOK_BYTES: usize = 512;
/// The pause after so many packets, so that no queue of the kernel's own runs over.
const BURST: usize = 64;

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    if env::args_os().len() > 1 {
        return Err(USAGE.into());
    }
    let watched = [
        (AddressFamily::INET, ipproto::TCP),
        (AddressFamily::INET, ipproto::UDP),
        (AddressFamily::INET, ipproto::ICMP),
        (AddressFamily::INET6, ipproto::TCP),
        (AddressFamily::INET6, ipproto::UDP),
        (AddressFamily::INET6, ipproto::ICMPV6),
    ];
    let sockets = watched.map(|(family, protocol)| raw(family, protocol));
    say("ready")?;
    let mut sent = Vec::new();
    for line in io::stdin().lock().lines() {
        match line?.as_str() {
            "" => say("sent")?,
            order => sent.push(send(order).map_err(|error| format!("{order}: {error}"))?),
        }
        if sent.len().is_multiple_of(BURST) {
            thread::sleep(Duration::from_millis(1));
        }
    }
    let mut out = io::stdout().lock();
    for (socket, (family, protocol)) in sockets.into_iter().zip(watched) {
        let socket = socket?;
        while let Some(packet) = receive(&socket)? {
            if let Some(line) = tell(family, protocol, &packet) {
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(writeln!(out, "lost {}", lost()?)?)
}

fn say(word: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{word}")?;
    out.flush()
}

fn raw(family: AddressFamily, protocol: Protocol) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::RAW, flags, Some(protocol))?;
    sockopt::set_socket_recv_buffer_size_force(&socket, ROOM_BYTES)?;
    Ok(socket)
}

/// The socket must live until the answers are in: without it the kernel would answer for itself.
fn send(order: &str) -> Result<OwnedFd, Box<dyn Error>> {
    let words: Vec<_> = order.split(' ').collect();
    let [protocol, from, from_port, to, to_port] = words[..] else { return Err(USAGE.into()) };
    let kind = match protocol {
        "tcp" => SocketType::STREAM,
        "udp" => SocketType::DGRAM,
        _ => return Err(USAGE.into()),
    };
    let from = SocketAddr::new(from.parse::<IpAddr>()?, from_port.parse()?);
    let to = SocketAddr::new(to.parse::<IpAddr>()?, to_port.parse()?);
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = net::socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    net::bind(&socket, &from)?;
    match net::connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    if kind == SocketType::DGRAM {
        net::send(&socket, b"first", SendFlags::NOSIGNAL)?;
    }
    Ok(socket)
}

fn receive(socket: &OwnedFd) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = vec![0; LOOK_BYTES];
    match net::recv(socket, &mut buffer[..], RecvFlags::DONTWAIT) {
        Ok((length, _)) => {
            buffer.truncate(length);
            Ok(Some(buffer))
        }
        Err(Errno::AGAIN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What a packet says; raw sockets of IPv4 give its IP header too, those of IPv6 do not.
fn tell(family: AddressFamily, protocol: Protocol, packet: &[u8]) -> Option<String> {
    let body = if family == AddressFamily::INET { packet.get(header_bytes(packet)?..)? } else { packet };
    match protocol {
        ipproto::TCP => tell_tcp(body),
        ipproto::UDP => Some(format!("request udp {} {}", number(body, 0)?, number(body, 2)?)),
        ipproto::ICMP => {
            tell_error(body, matches!(body.first()?, 3 | 11 | 12), header_bytes(body.get(8..)?)?)
        }
        _ => tell_error(body, matches!(body.first()?, 1..=4), 40),
    }
}

fn tell_tcp(body: &[u8]) -> Option<String> {
    match body.get(13)? & (SYN | RST | ACK) {
        SYN => Some(format!("request tcp {} {}", number(body, 0)?, number(body, 2)?)),
        _ => Some(format!("answer {}", number(body, 2)?)),
    }
}

/// An error holds the beginning of the packet that it is about (RFC 792, RFC 4443).
fn tell_error(body: &[u8], is_error: bool, header_bytes: usize) -> Option<String> {
    is_error.then(|| Some(format!("answer {}", number(body, 8 + header_bytes)?)))?
}

fn header_bytes(packet: &[u8]) -> Option<usize> {
    Some(usize::from(packet.first()? & 0x0f) * 4)
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// The last column of every raw socket (net/ipv4/raw.c, net/ipv6/datagram.c).
fn lost() -> Result<u64, Box<dyn Error>> {
    let mut lost = 0;
    for file in ["/proc/net/raw", "/proc/net/raw6"] {
        for line in fs::read_to_string(file)?.lines().skip(1) {
            lost += line.split_whitespace().last().unwrap_or("0").parse::<u64>()?;
        }
    }
    Ok(lost)
}
