//! That a host consents yet while it is scanned: it is asked again and again, as its address may be another's the next moment.

use std::{
    cell::Cell,
    io,
    net::{IpAddr, UdpSocket},
    time::Duration,
};

use portreeve_core::outside::consent::{Nonce, Parties, Secret, Unproven};

use super::{
    ScanError,
    consent::{self, ROOM_BYTES},
    warrant::Standing,
};

/// So long after the question that was answered last packets leave.
const SURE_FOR: Duration = Duration::from_secs(2);
/// So long before that is over it is asked again.
const AHEAD: Duration = Duration::from_secs(1);
/// A question may be lost, and so may its answer.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Whoever answers for so long no question does not consent any more.
const PATIENCE: Duration = Duration::from_secs(5);
/// As many messages are read at once, whoever floods the socket.
const TAKEN_MAX: usize = 64;

/// A host that consented, and is asked whether it still does.
#[derive(Debug)]
pub struct Renewal {
    socket: UdpSocket,
    parties: Parties,
    secret: Secret,
    state: Cell<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Until when it is known to, since the boot.
    sure_until: Duration,
    /// What has no answer yet.
    question: Option<Question>,
    /// Whether it said that it does no more.
    is_over: bool,
}

#[derive(Clone, Copy, Debug)]
struct Question {
    nonce: Nonce,
    begun: Duration,
    asked: Duration,
}

impl Renewal {
    /// Of `target`, which is asked at `port`; nothing is sent until somebody wants to know.
    ///
    /// # Errors
    ///
    /// No route leads there.
    pub fn of(target: IpAddr, interface: u32, port: u16, secret: Secret) -> Result<Self, ScanError> {
        let (socket, parties) = consent::reach(target, interface, port)?;
        socket.set_nonblocking(true).map_err(|error| ScanError::Call("set up a socket", error))?;
        Ok(Self { socket, parties, secret, state: Cell::default() })
    }

    /// Whether it consents, for whoever asks before each packet; it never waits.
    pub(super) fn standing(&self) -> Standing {
        let now = consent::since_boot();
        let state = self.heard(self.state.get());
        let state = if state.sure_until.saturating_sub(now) < AHEAD { self.asked(state, now) } else { state };
        self.state.set(state);
        let is_late = |question: Question| now.saturating_sub(question.begun) >= PATIENCE;
        match state.question {
            _ if state.is_over => Standing::Expired,
            _ if now < state.sure_until => Standing::Ours,
            Some(question) if is_late(question) => Standing::Expired,
            _ => Standing::Unsure,
        }
    }

    fn heard(&self, mut state: State) -> State {
        let Some(question) = state.question else { return state };
        let mut room = [0; ROOM_BYTES];
        for _ in 0..TAKEN_MAX {
            let length = match self.socket.recv(&mut room) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // What ICMP says of a question is no answer.
                Err(_) => continue,
            };
            let answer = room.get(..length).unwrap_or_default();
            match self.secret.consented(answer, question.nonce, self.parties) {
                Ok(_) => {
                    let sure_until = question.asked.saturating_add(SURE_FOR);
                    return State { sure_until, question: None, is_over: false };
                }
                Err(Unproven::Ended | Unproven::AtAnotherTime(_)) => state.is_over = true,
                Err(Unproven::Stranger) => {}
            }
        }
        state
    }

    /// Asks, unless it was asked just now.
    fn asked(&self, state: State, now: Duration) -> State {
        let question = match state.question {
            Some(question) if now.saturating_sub(question.asked) < AGAIN_AFTER => return state,
            Some(question) => Question { asked: now, ..question },
            // An answer to an earlier one proves nothing of now.
            None => match consent::nonce() {
                Ok(nonce) => Question { nonce, begun: now, asked: now },
                Err(_) => return State { is_over: true, ..state },
            },
        };
        // What does not get out has no answer.
        let _ = self.socket.send(&self.secret.question(question.nonce, self.parties, consent::now()));
        State { question: Some(question), ..state }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, thread, time::Instant};

    use super::*;

    fn secret() -> Secret {
        let mut bytes = [1; 32];
        bytes[0] = 0xff;
        Secret::read(&bytes).unwrap()
    }

    fn asked_host() -> (UdpSocket, Renewal) {
        let host = UdpSocket::bind("127.0.0.1:0").unwrap();
        host.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let port = host.local_addr().unwrap().port();
        let renewal = Renewal::of(Ipv4Addr::LOCALHOST.into(), 0, port, secret()).unwrap();
        (host, renewal)
    }

    fn answer(host: &UdpSocket, renewal: &Renewal, left: Duration) {
        let mut room = [0; ROOM_BYTES];
        let (length, from) = host.recv_from(&mut room).unwrap();
        let now = consent::now();
        let Some(portreeve_core::outside::consent::Asked::Now(nonce)) =
            secret().asked(&room[..length], renewal.parties, now)
        else {
            panic!("no question")
        };
        host.send_to(&secret().answer(nonce, renewal.parties, now, now + left), from).unwrap();
    }

    fn becomes(renewal: &Renewal, wanted: Standing) -> Duration {
        let begin = Instant::now();
        while renewal.standing() != wanted {
            assert!(begin.elapsed() < Duration::from_secs(50), "{renewal:?}");
            thread::sleep(Duration::from_millis(5));
        }
        begin.elapsed()
    }

    #[test]
    fn it_is_sure_only_once_it_is_answered_and_only_for_a_time() {
        let (host, renewal) = asked_host();
        assert_eq!(renewal.standing(), Standing::Unsure);
        answer(&host, &renewal, Duration::from_secs(60));
        becomes(&renewal, Standing::Ours);
        becomes(&renewal, Standing::Unsure);
        assert!(becomes(&renewal, Standing::Expired) >= Duration::from_secs(2));
    }

    #[test]
    fn it_is_asked_again_before_the_time_is_over() {
        let (host, renewal) = asked_host();
        assert_eq!(renewal.standing(), Standing::Unsure);
        for _ in 0..2 {
            answer(&host, &renewal, Duration::from_secs(60));
            becomes(&renewal, Standing::Ours);
            while renewal.state.get().question.is_none() {
                assert_eq!(renewal.standing(), Standing::Ours);
                thread::sleep(Duration::from_millis(5));
            }
        }
    }

    #[test]
    fn who_says_that_it_is_over_is_believed_and_an_old_answer_is_not() {
        let (host, renewal) = asked_host();
        assert_eq!(renewal.standing(), Standing::Unsure);
        let old = secret().answer([0; 16], renewal.parties, consent::now(), consent::now() * 2);
        host.send_to(&old, renewal.socket.local_addr().unwrap()).unwrap();
        thread::sleep(Duration::from_millis(50));
        assert_eq!(renewal.standing(), Standing::Unsure);
        answer(&host, &renewal, Duration::ZERO);
        becomes(&renewal, Standing::Expired);
    }
}
