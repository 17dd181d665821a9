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

/// So long after a question that was answered packets leave.
const SURE_FOR: Duration = Duration::from_secs(2);
/// So long before that is over it is asked again.
const AHEAD: Duration = Duration::from_secs(1);
/// A question may be lost, and so may its answer.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Whoever answers none of so many, which takes five seconds, does not consent any more.
const TRIES_MAX: u32 = 25;
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
    /// When it was asked last, whether it answered or not.
    asked: Duration,
    /// What has no answer yet.
    question: Option<Question>,
    /// Whether it said that it does no more.
    is_over: bool,
}

#[derive(Clone, Copy, Debug)]
struct Question {
    nonce: Nonce,
    /// When it was asked first: whoever may be on the way can keep the answer to that back.
    begun: Duration,
    tries: u32,
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
        self.standing_at(consent::since_boot())
    }

    fn standing_at(&self, now: Duration) -> Standing {
        let state = self.heard(self.state.get());
        let state = if state.sure_until.saturating_sub(now) < AHEAD { self.asked(state, now) } else { state };
        self.state.set(state);
        match state.question {
            _ if state.is_over => Standing::Expired,
            _ if now < state.sure_until => Standing::Ours,
            Some(question) if question.tries > TRIES_MAX => Standing::Expired,
            _ => Standing::Unsure,
        }
    }

    fn heard(&self, state: State) -> State {
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
            let sure_until = match self.secret.consented(answer, question.nonce, self.parties) {
                Ok(left) => question.begun.saturating_add(left.min(SURE_FOR)),
                // A clock was set since: it is there all the same, and for how long it consents was told at first.
                Err(Unproven::AtAnotherTime(_)) => question.begun.saturating_add(SURE_FOR),
                Err(Unproven::Ended) => return State { is_over: true, ..state },
                Err(Unproven::Stranger) => continue,
            };
            return State { sure_until, question: None, ..state };
        }
        state
    }

    /// Asks, unless it was asked just now.
    fn asked(&self, state: State, now: Duration) -> State {
        if now.saturating_sub(state.asked) < AGAIN_AFTER {
            return state;
        }
        let tries = state.question.map_or(0, |question| question.tries).saturating_add(1);
        let question = match state.question {
            Some(question) if now.saturating_sub(question.begun) < SURE_FOR => Question { tries, ..question },
            // An answer to an earlier one proves nothing of now.
            _ => match consent::nonce() {
                Ok(nonce) => Question { nonce, begun: now, tries },
                Err(_) => return State { is_over: true, ..state },
            },
        };
        // What does not get out has no answer.
        let _ = self.socket.send(&self.secret.question(question.nonce, self.parties, consent::now()));
        State { question: Some(question), asked: now, ..state }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use portreeve_core::outside::consent::{Asked, MESSAGE_BYTES};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn secret() -> Secret {
        let mut bytes = [1; 32];
        bytes[0] = 0xff;
        Secret::read(&bytes).unwrap()
    }

    /// A host, and whoever asks it, first at the second minute since the boot.
    struct Pair(UdpSocket, Renewal);

    impl Pair {
        fn new() -> Self {
            let host = UdpSocket::bind("127.0.0.1:0").unwrap();
            host.set_nonblocking(true).unwrap();
            let port = host.local_addr().unwrap().port();
            Self(host, Renewal::of(Ipv4Addr::LOCALHOST.into(), 0, port, secret()).unwrap())
        }

        fn at(&self, milliseconds: u64) -> Standing {
            self.1.standing_at(2 * MINUTE + Duration::from_millis(milliseconds))
        }

        /// The answers to what was asked since, each of which consents for so long.
        fn answers(&self, left: Duration) -> Vec<[u8; MESSAGE_BYTES]> {
            let mut room = [0; ROOM_BYTES];
            let questions = std::iter::from_fn(|| {
                let length = self.0.recv(&mut room).ok()?;
                let now = consent::now();
                match secret().asked(&room[..length], self.1.parties, now) {
                    Some(Asked::Now(nonce)) => Some(secret().answer(nonce, self.1.parties, now, now + left)),
                    other => panic!("no question: {other:?}"),
                }
            });
            questions.collect()
        }

        fn say(&self, answer: &[u8]) {
            self.0.send_to(answer, self.1.socket.local_addr().unwrap()).unwrap();
        }
    }

    #[test]
    fn it_is_sure_only_once_it_is_answered_and_only_for_a_time() {
        let pair = Pair::new();
        assert_eq!(pair.at(0), Standing::Unsure);
        pair.say(&pair.answers(MINUTE)[0]);
        assert_eq!([10, 1_999].map(|at| pair.at(at)), [Standing::Ours; 2]);
        assert_eq!(pair.at(2_000), Standing::Unsure);
        let last = (2_001..20_000).find(|at| pair.at(*at) == Standing::Expired).unwrap();
        assert!((6_000..9_000).contains(&last), "{last}");
    }

    #[test]
    fn it_is_asked_again_before_the_time_is_over_and_so_it_goes_on() {
        let pair = Pair::new();
        pair.at(0);
        pair.say(&pair.answers(MINUTE)[0]);
        for at in (1..600).map(|nth| nth * 100) {
            assert_eq!(pair.at(at), Standing::Ours, "{at}");
            pair.answers(MINUTE).iter().for_each(|answer| pair.say(answer));
        }
    }

    #[test]
    fn an_answer_that_was_kept_back_proves_nothing_of_now() {
        let pair = Pair::new();
        pair.at(0);
        let early = pair.answers(MINUTE);
        (1..30).for_each(|nth| assert_eq!(pair.at(nth * 100), Standing::Unsure));
        pair.say(&early[0]);
        assert_eq!(pair.at(3_000), Standing::Unsure);
        pair.say(pair.answers(MINUTE).last().unwrap());
        assert_eq!(pair.at(3_050), Standing::Ours);
    }

    #[test]
    fn it_is_sure_no_longer_than_the_host_consents_and_who_says_that_it_is_over_is_believed() {
        let pair = Pair::new();
        pair.at(0);
        pair.say(&pair.answers(Duration::from_millis(500))[0]);
        assert_eq!((pair.at(400), pair.at(600)), (Standing::Ours, Standing::Unsure));
        pair.say(&pair.answers(Duration::ZERO)[0]);
        assert_eq!(pair.at(700), Standing::Expired);
    }

    #[test]
    fn in_its_last_second_it_is_asked_no_more_often() {
        let pair = Pair::new();
        pair.at(0);
        let mut count = 1;
        pair.say(&pair.answers(Duration::from_millis(500))[0]);
        for at in 1..400 {
            assert_eq!(pair.at(at), Standing::Ours, "{at}");
            for answer in pair.answers(Duration::from_millis(500 - at)) {
                count += 1;
                pair.say(&answer);
            }
        }
        assert_eq!(count, 2, "at the beginning, and after a fifth of a second");
    }

    #[test]
    fn a_clock_that_was_set_ends_nothing() {
        let pair = Pair::new();
        pair.at(0);
        let mut room = [0; ROOM_BYTES];
        let length = pair.0.recv(&mut room).unwrap();
        let later = consent::now() + 10 * MINUTE;
        let Some(Asked::AtAnotherTime(nonce)) = secret().asked(&room[..length], pair.1.parties, later) else {
            panic!("it is another time")
        };
        pair.say(&secret().another_time(nonce, pair.1.parties, later));
        assert_eq!(pair.at(100), Standing::Ours);
    }
}
