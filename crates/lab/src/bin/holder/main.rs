//! Holds sockets in the ways that tools get wrong, until it is killed; says `ready` once it does.

mod crowd;
mod disguise;
mod families;
mod handed;
mod plain;
mod silent;
mod storm;
mod traffic;

use std::{
    env,
    error::Error,
    ffi::OsString,
    io::{self, Write},
    net::{AddrParseError, SocketAddr},
    path::Path,
    process::{self, ExitCode},
    thread,
    time::Duration,
};

type Outcome = Result<(), Box<dyn Error>>;

/// The modes; their code is in the modules beside this file.
const USAGE: &str = "usage: holder MODE ARGUMENT...
  listen ADDRESS...          TCP, accepting nobody
  reuseport ADDRESS          TCP with SO_REUSEPORT; start it twice
  v6only ADDRESS             TCP with IPV6_V6ONLY
  udp ADDRESS...             UDP without a peer
  connected ADDRESS PEER     UDP with a peer
  bound ADDRESS              TCP, bound and not listening
  full ADDRESS               TCP with a full accept queue
  forked ADDRESS             TCP, held by a parent and its child
  passed ADDRESS             TCP, sent to another process whose sender is gone
  send ADDRESS               TCP, sent through standard input; then it ends
  receive                    what comes through standard input
  in-flight ADDRESS          TCP, held by the queue of a Unix socket alone
  bound-in-flight ADDRESS    the same, bound and not listening
  in-flight-twice ADDRESS    the same, where that Unix socket is in the queue of another
  in-flight-thrice ADDRESS   the same, where that is in the queue of yet another
  unaccepted ADDRESS         TCP, held by a connection to a Unix socket that nobody accepted
  vanished ADDRESS           TCP, by a program whose file is deleted
  memory ADDRESS             TCP, by a program that is in no file
  script FILE PROGRAM ADDRESS  TCP, by a script that PROGRAM runs
  renamed NAME ADDRESS       TCP, under a name of any bytes
  mptcp ADDRESS              Multipath TCP
  packet TYPE                frames of an Ethernet type
  silent KIND PLACE          a mount of fuse that never answers
  idle                       nothing at all
  crowd TCP UDP IDLE         so many processes of each kind
  connections PROCESSES EACH so many processes with so many loopback connections each
  namespaces COUNT ADDRESS   so many network namespaces with a TCP listener each
  brief COUNT MICROSECONDS PORT  TCP, one listener after the other, each living for so long; then it ends
  brief-udp COUNT PORT       UDP, one socket after the other; then it ends
  churn RATE SECONDS         so many connections a second that come and go; then it ends
  row PORT COUNT             TCP, so many ports of 127.0.0.1
  traffic PORT EACH          so many loopback connections a second, opened and closed
  short ADDRESS EACH         TCP, for so many milliseconds";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[OsString]) -> Outcome {
    let Some((mode, rest)) = arguments.split_first() else { return Err(USAGE.into()) };
    match mode.to_str().unwrap_or_default() {
        "listen" => plain::listen(&addresses(rest)?),
        "reuseport" => plain::reuseport(address(rest, 0)?),
        "v6only" => plain::v6only(address(rest, 0)?),
        "udp" => plain::udp(&addresses(rest)?),
        "connected" => plain::connected(address(rest, 0)?, address(rest, 1)?),
        "bound" => plain::bound(address(rest, 0)?),
        "full" => plain::full(address(rest, 0)?),
        "forked" => handed::forked(address(rest, 0)?),
        "passed" => handed::passed(address(rest, 0)?),
        "send" => handed::send_away(address(rest, 0)?),
        "receive" => handed::receive(),
        "in-flight" => handed::in_flight(plain::listener(address(rest, 0)?)?),
        "in-flight-twice" => handed::in_flight_deep(address(rest, 0)?, 2),
        "in-flight-thrice" => handed::in_flight_deep(address(rest, 0)?, 3),
        "unaccepted" => handed::unaccepted(address(rest, 0)?),
        "bound-in-flight" => handed::in_flight(plain::bound_stream(address(rest, 0)?)?),
        "vanished" => disguise::vanished(rest),
        "memory" => disguise::memory(rest),
        "ghost" => disguise::ghost(address(rest, 0)?),
        "script" => disguise::script(path(rest, 0)?, path(rest, 1)?, address(rest, 2)?),
        "mptcp" => families::mptcp(address(rest, 0)?),
        "packet" => families::packet(number(rest, 0)?),
        "renamed" => disguise::renamed(rest.first().ok_or(USAGE)?, address(rest, 1)?),
        "silent" => silent::silent(&rest.first().ok_or(USAGE)?.to_string_lossy(), path(rest, 1)?),
        "idle" => rest_forever(),
        "crowd" => crowd::crowd(number(rest, 0)?, number(rest, 1)?, number(rest, 2)?),
        "connections" => crowd::connections(number(rest, 0)?, number(rest, 1)?),
        "namespaces" => crowd::namespaces(number(rest, 0)?, address(rest, 1)?),
        "brief" => storm::brief(number(rest, 0)?, number(rest, 1)?, number(rest, 2)?),
        "brief-udp" => storm::brief_udp(number(rest, 0)?, number(rest, 1)?),
        "churn" => storm::churn(number(rest, 0)?, number(rest, 1)?),
        "row" => traffic::row(number(rest, 0)?, number(rest, 1)?),
        "traffic" => traffic::traffic(number(rest, 0)?, number(rest, 1)?),
        "short" => traffic::short(address(rest, 0)?, number(rest, 1)?),
        "connected-to-itself" => crowd::connected_to_itself(address(rest, 0)?, number(rest, 1)?),
        _ => Err(USAGE.into()),
    }
}

/// The exit status where the kernel cannot do it, of which standard output says more.
const MISSING: i32 = 3;

/// Ends the program where this kernel has no such thing.
fn lacks(feature: &str) -> ! {
    println!("missing: this kernel has no {feature}");
    process::exit(MISSING)
}

/// Says that everything is as asked, and keeps it so.
fn hold<T>(held: T) -> Outcome {
    println!("ready");
    io::stdout().flush()?;
    rest_forever()?;
    drop(held);
    Ok(())
}

fn rest_forever() -> Outcome {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

fn addresses(texts: &[OsString]) -> Result<Vec<SocketAddr>, AddrParseError> {
    texts.iter().map(|text| text.to_string_lossy().parse()).collect()
}

fn address(texts: &[OsString], place: usize) -> Result<SocketAddr, Box<dyn Error>> {
    Ok(texts.get(place).ok_or(USAGE)?.to_string_lossy().parse()?)
}

fn path(texts: &[OsString], place: usize) -> Result<&Path, &'static str> {
    texts.get(place).map(Path::new).ok_or(USAGE)
}

fn number(texts: &[OsString], place: usize) -> Result<u16, Box<dyn Error>> {
    Ok(texts.get(place).ok_or(USAGE)?.to_string_lossy().parse()?)
}
