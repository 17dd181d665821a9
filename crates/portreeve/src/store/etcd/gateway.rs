//! Asks the members of an etcd in turn until one answers, and not for long.

use std::{
    io::{self, BufRead, BufReader, Read as _},
    thread,
    time::{Duration, Instant},
};

use serde::{Serialize, de::DeserializeOwned};
use ureq::{
    Agent, Body,
    http::{Response, StatusCode},
    tls::TlsConfig,
    unversioned::transport::DefaultConnector,
};

use super::{
    access::Secret,
    names::Names,
    trouble::{Ours, Trouble, trouble},
    wire::{Authenticate, News, Refused, Token, Watch, WatchLine},
};
use crate::store::{Said, Tried};

/// As long as one member may take to answer.
const TRY: Duration = Duration::from_secs(2);
/// As long as it may take to take a connection; of what was not connected nothing was sent. Together with one who does not
/// answer less than three seconds: so long a fleet may be silent whose leader is cut off.
const CONNECT: Duration = Duration::from_millis(900);
/// As long as whoever asks waits for any of them.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// As long as whoever would only like to know: until one who does not answer, and another one, were asked.
pub(super) const PATIENCE_BRIEF: Duration = Duration::from_secs(4);
/// Before all of them are asked again.
const PAUSE: Duration = Duration::from_millis(100);
/// Bytes of an answer: as many as a page of claims may have, with room.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Bytes of what is told about a failure.
const SAID_BYTES_MAX: usize = 300;

/// What gRPC calls its failures (<https://grpc.io/docs/guides/status-codes/>).
mod code {
    pub(super) const INVALID_ARGUMENT: u32 = 3;
    pub(super) const PERMISSION_DENIED: u32 = 7;
    pub(super) const UNAVAILABLE: u32 = 14;
    pub(super) const UNAUTHENTICATED: u32 = 16;
}

/// The members of an etcd.
#[derive(Debug)]
pub(super) struct Gateway {
    agent: Agent,
    endpoints: Vec<String>,
    /// Who is asked next: whoever answered last.
    at: usize,
    user: Option<(String, Secret)>,
    token: Option<String>,
    /// What we show of ourselves.
    ours: Ours,
    /// As long as whoever asks waits.
    patience: Duration,
    /// Until when somebody may be asked.
    end: Instant,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Heard<T> {
    pub(super) answer: T,
    /// Whether it was asked before of somebody who did not answer, and may have done it.
    pub(super) is_repeated: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unheard {
    /// etcd refused.
    Refused {
        /// Who said so.
        endpoint: String,
        /// Why, for people.
        said: String,
        /// Whether because of who asks.
        is_denied: bool,
    },
    /// Nobody answered in time.
    Nobody {
        /// Who was asked, and what he said last.
        tried: Vec<Tried>,
        /// Whether somebody may have done it.
        was_sent: bool,
    },
}

/// What one member said.
enum Word<T> {
    Answer(T),
    Refused(Refused),
}

impl Gateway {
    pub(super) fn new(endpoints: Vec<String>, tls: TlsConfig, user: Option<(String, Secret)>) -> Self {
        let ours = if tls.client_cert().is_some() { Ours::Certificate } else { Ours::Nothing };
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            // What is set for browsers is not meant for the fleet's own machines.
            .proxy(None)
            .timeout_connect(Some(CONNECT))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Names::default());
        Self { agent, endpoints, at: 0, user, token: None, ours, patience: PATIENCE, end: Instant::now() }
    }

    /// The same for whoever waits so long.
    pub(super) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// From now on, somebody waits for an answer.
    pub(super) fn begin(&mut self) {
        self.end = Instant::now() + self.patience;
    }

    /// Asks until somebody answers or time is over.
    pub(super) fn ask<T: DeserializeOwned>(
        &mut self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<Heard<T>, Unheard> {
        let body = body(request);
        let mut tried: Vec<Option<Tried>> = vec![None; self.endpoints.len()];
        let (mut is_repeated, mut asked) = (false, 0);
        // Whoever is begun with must be able to end in time.
        while asked == 0 || self.end.saturating_duration_since(Instant::now()) >= TRY {
            match self.ask_one(path, &body) {
                Ok(Word::Answer(answer)) => return Ok(Heard { answer, is_repeated }),
                Ok(Word::Refused(refused)) => return Err(self.refused(&refused)),
                Err(Trouble { said, was_sent }) => {
                    is_repeated |= was_sent;
                    tried[self.at] = Some(Tried { endpoint: self.endpoints[self.at].clone(), said });
                }
            }
            self.turn();
            asked += 1;
            if asked % self.endpoints.len() == 0 {
                if tried.iter().flatten().all(|tried| tried.said.is_lasting()) {
                    break;
                }
                thread::sleep(PAUSE);
            }
        }
        Err(Unheard::Nobody { tried: tried.into_iter().flatten().collect(), was_sent: is_repeated })
    }

    /// Waits on one member until something of `spans` is changed after `revision`; not where he has nothing to tell.
    pub(super) fn wait(&mut self, watches: &[Watch], patience: Duration) -> bool {
        let request: Vec<u8> = watches.iter().flat_map(body).collect();
        let Ok(response) = self.post("/v3/watch", &request, patience) else {
            self.turn();
            return true;
        };
        let reader = response.into_body().into_with_config().limit(ANSWER_BYTES_MAX).reader();
        match news(&mut BufReader::new(reader)) {
            Ok(News::Moved) => true,
            // He waited as long as he was told to.
            Err(error) if is_over(&error) => false,
            Ok(News::Ended | News::Nothing) | Err(_) => {
                thread::sleep(PAUSE);
                self.turn();
                true
            }
        }
    }

    /// One member, to whom a password is told where he wants to know who asks, and once more where he has forgotten.
    fn ask_one<T: DeserializeOwned>(&mut self, path: &str, body: &[u8]) -> Result<Word<T>, Trouble> {
        let is_new = self.token.is_none();
        if let Some(refused) = self.introduce()? {
            return Ok(Word::Refused(refused));
        }
        match self.hear(path, body)? {
            Word::Refused(refused) if self.user.is_some() && !is_new && refused.is_forgotten() => {
                self.token = None;
                match self.introduce()? {
                    Some(refused) => Ok(Word::Refused(refused)),
                    None => self.hear(path, body),
                }
            }
            word => Ok(word),
        }
    }

    /// Says who asks, where that is not known yet; why not, where etcd does not like it.
    fn introduce(&mut self) -> Result<Option<Refused>, Trouble> {
        let (Some((name, password)), None) = (&self.user, &self.token) else { return Ok(None) };
        let request = body(&Authenticate { name, password: password.reveal() });
        // Nothing of what is to be done was sent.
        let heard = self.hear::<Token>("/v3/auth/authenticate", &request);
        match heard.map_err(|trouble| Trouble { was_sent: false, ..trouble })? {
            Word::Answer(Token { token }) => self.token = Some(token),
            Word::Refused(refused) => return Ok(Some(Refused { code: code::PERMISSION_DENIED, ..refused })),
        }
        Ok(None)
    }

    fn hear<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<Word<T>, Trouble> {
        let left = self.end.saturating_duration_since(Instant::now());
        let trouble = |error| self.trouble(error);
        let mut response = self.post(path, body, TRY.min(left)).map_err(trouble)?;
        let status = response.status();
        let body =
            response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(trouble)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map(Word::Answer).map_err(|error| unread(&error));
        }
        // Whoever has users refuses a certificate with a name in plain words.
        let code = if status.is_client_error() { code::PERMISSION_DENIED } else { code::UNAVAILABLE };
        let refused = serde_json::from_slice::<Refused>(&body)
            .unwrap_or_else(|_| Refused { code, message: told(status, &body) });
        if refused.is_passing() {
            return Err(Trouble { said: Said::Replied(shown(&refused.message)), was_sent: true });
        }
        Ok(Word::Refused(refused))
    }

    fn post(&self, path: &str, body: &[u8], patience: Duration) -> Result<Response<Body>, ureq::Error> {
        let url = format!("{}{path}", self.endpoints[self.at]);
        let mut request = self.agent.post(url).content_type("application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", token);
        }
        request.config().timeout_global(Some(patience)).build().send(body)
    }

    fn trouble(&self, error: ureq::Error) -> Trouble {
        trouble(error, self.ours, self.endpoints[self.at].starts_with("https://"))
    }

    fn turn(&mut self) {
        self.at = (self.at + 1) % self.endpoints.len();
    }

    fn refused(&self, refused: &Refused) -> Unheard {
        Unheard::Refused {
            endpoint: self.endpoints[self.at].clone(),
            said: shown(&refused.message),
            is_denied: refused.is_denied(),
        }
    }
}

impl Refused {
    /// Whether somebody else, or the same one later, may do it (etcd's `server/etcdserver/api/v3rpc/rpctypes/error.go`).
    fn is_passing(&self) -> bool {
        let is_lasting = matches!(self.code, code::INVALID_ARGUMENT | 5..=12 | code::UNAUTHENTICATED);
        !is_lasting || self.message.contains("too many requests")
    }

    /// Whether who asks is no longer known: his token ran out, its maker was started anew, or users were changed.
    fn is_forgotten(&self) -> bool {
        self.code == code::UNAUTHENTICATED
            || self.message.contains("invalid auth token")
            || self.message.contains("revision of auth store is old")
    }

    fn is_denied(&self) -> bool {
        matches!(self.code, code::PERMISSION_DENIED | code::UNAUTHENTICATED)
            || self.code == code::INVALID_ARGUMENT
                && (self.message.contains("authentication failed")
                    || self.message.contains("user name is empty"))
    }
}

/// The first news of a watch.
fn news(lines: &mut impl BufRead) -> io::Result<News> {
    let mut line = Vec::new();
    loop {
        line.clear();
        // Who never ends a line is no etcd.
        let length = lines.by_ref().take(ANSWER_BYTES_MAX).read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(News::Ended);
        }
        let told: WatchLine = serde_json::from_slice(&line)?;
        match told.news() {
            News::Nothing => {}
            news => return Ok(news),
        }
    }
}

/// What somebody says who is no etcd, or stands before it.
fn told(status: StatusCode, body: &[u8]) -> String {
    format!("HTTP {status} {}", String::from_utf8_lossy(&body[..body.len().min(SAID_BYTES_MAX)]))
}

fn body(request: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(request).expect("texts, numbers and lists are JSON")
}

fn is_over(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    matches!(inner, Some(ureq::Error::Timeout(_))) || error.kind() == io::ErrorKind::TimedOut
}

fn unread(error: &serde_json::Error) -> Trouble {
    Trouble { said: Said::Unreadable(shown(&error.to_string())), was_sent: true }
}

/// What another program said, in one line that is not too long.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    while shown.len() > SAID_BYTES_MAX {
        shown.pop();
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        net::{TcpListener, TcpStream},
    };

    use super::{
        super::wire::{Integer, RangeAnswer},
        *,
    };

    /// Reads one request to its end, so that nobody takes the answer for a broken connection.
    fn take_request(stream: &mut TcpStream) {
        let (mut request, mut piece) = (Vec::new(), [0; 4096]);
        while !request.ends_with(b"{}") {
            match stream.read(&mut piece).expect("a request") {
                0 => return,
                length => request.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// What comes of a member that answers with these very bytes.
    fn heard(bytes: &[u8]) -> Result<Word<RangeAnswer>, Trouble> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let place = format!("http://{}", listener.local_addr().expect("an address"));
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("somebody asks");
                take_request(&mut stream);
                // Whoever has heard enough may hang up.
                let _ = stream.write_all(bytes);
            });
            let mut gateway = Gateway::new(vec![place], TlsConfig::default(), None);
            gateway.begin();
            gateway.ask_one("/v3/kv/range", b"{}")
        })
    }

    fn answer(status: &str, body: &str) -> Vec<u8> {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    fn answered(body: &str) -> RangeAnswer {
        match heard(&answer("200 OK", body)) {
            Ok(Word::Answer(answer)) => answer,
            Ok(Word::Refused(refused)) => panic!("{refused:?}"),
            Err(Trouble { said, .. }) => panic!("{said}"),
        }
    }

    fn refused(status: &str, body: &str) -> Refused {
        match heard(&answer(status, body)) {
            Ok(Word::Refused(refused)) => refused,
            Ok(Word::Answer(answer)) => panic!("{answer:?}"),
            Err(Trouble { said, .. }) => panic!("{said}"),
        }
    }

    /// What is said of an answer that is none; that it was sent is never forgotten, since it may have been done.
    fn trouble(bytes: &[u8]) -> Said {
        match heard(bytes) {
            Err(Trouble { said, was_sent: true }) => said,
            Err(Trouble { said, .. }) => panic!("it was sent: {said}"),
            Ok(_) => panic!("an answer: {}", String::from_utf8_lossy(&bytes[..bytes.len().min(80)])),
        }
    }

    #[test]
    fn an_answer_is_read() {
        assert_eq!(answered("{\"header\":{\"revision\":\"7\"},\"count\":\"3\"}").count, Integer(3));
        assert!(answered("{}").kvs.is_empty());
    }

    #[test]
    fn an_answer_that_is_cut_short_is_none() {
        let whole = answer("200 OK", "{\"count\":\"3\"}");
        for length in [0, 5, 17, 30, whole.len() - 1] {
            trouble(&whole[..length]);
        }
        assert!(matches!(trouble(&answer("200 OK", "{\"count\":\"3\"")), Said::Unreadable(_)));
        assert!(matches!(trouble(&answer("200 OK", "<html>")), Said::Unreadable(_)));
        assert!(matches!(trouble(&answer("200 OK", "{\"count\":\"-3\"}")), Said::Unreadable(_)));
    }

    /// Nobody sets room aside for what somebody only says that he will send.
    #[test]
    fn an_absurd_size_is_no_answer() {
        for size in ["9223372036854775807", "18446744073709551615", "99999999999999999999", "-1", "x"] {
            trouble(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{{}}").as_bytes());
        }
        let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}";
        trouble(chunk.as_bytes());
        let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n{{}}", "x".repeat(1 << 20));
        trouble(head.as_bytes());
        let deep = "[".repeat(100_000);
        trouble(&answer("200 OK", &format!("{{\"kvs\":{deep}")));
    }

    #[test]
    fn a_refusal_has_one_of_two_shapes_or_plain_words() {
        let old = "{\"error\":\"etcdserver: permission denied\",\"message\":\"etcdserver: permission denied\",\"code\":7}";
        let new = "{\"code\":7,\"message\":\"etcdserver: permission denied\",\"details\":[]}";
        for body in [old, new] {
            let refused = refused("403 Forbidden", body);
            assert!(refused.is_denied() && !refused.is_forgotten() && !refused.is_passing());
        }
        let token = "{\"code\":16,\"message\":\"etcdserver: invalid auth token\"}";
        assert!(refused("401 Unauthorized", token).is_forgotten());
        let other = refused(
            "400 Bad Request",
            "{\"code\":11,\"message\":\"etcdserver: mvcc: required revision has been compacted\"}",
        );
        assert!(!other.is_denied() && !other.is_forgotten());
        let plain =
            refused("400 Bad Request", "CommonName of client sending a request is not allowed\x1b[31m");
        assert!(plain.is_denied() && plain.message.contains("CommonName"), "{plain:?}");
        assert!(!shown(&plain.message).contains('\x1b'));
    }

    /// Somebody else may do what this one cannot now.
    #[test]
    fn what_passes_is_no_refusal() {
        let said = trouble(&answer(
            "503 Service Unavailable",
            "{\"code\":14,\"message\":\"etcdserver: no leader\"}",
        ));
        assert_eq!(said, Said::Replied("etcdserver: no leader".into()));
        let busy = "{\"code\":8,\"message\":\"etcdserver: too many requests\"}";
        assert_eq!(
            trouble(&answer("429 Too Many Requests", busy)),
            Said::Replied("etcdserver: too many requests".into())
        );
        let said = trouble(&answer("502 Bad Gateway", &format!("<html>{}", "x".repeat(9_000))));
        assert!(
            matches!(&said, Said::Replied(text) if text.starts_with("HTTP 502") && text.len() <= SAID_BYTES_MAX)
        );
    }

    #[test]
    fn what_others_say_is_one_short_line() {
        assert_eq!(shown("a\r\nb\x1b[31m"), "a  b [31m");
        let long = shown(&"日".repeat(SAID_BYTES_MAX));
        assert!(long.len() <= SAID_BYTES_MAX && long.chars().all(|letter| letter == '日'), "{long}");
    }

    #[test]
    fn a_watch_ends_where_its_lines_do() {
        let news = |text: &str| news(&mut text.as_bytes());
        let created = "{\"result\":{\"created\":true}}\n";
        assert_eq!(news("").expect("an end"), News::Ended);
        assert_eq!(news(created).expect("an end"), News::Ended);
        assert_eq!(
            news(&format!("{created}{{\"result\":{{\"events\":[{{}}]}}}}\n")).expect("news"),
            News::Moved
        );
        assert!(news(&format!("{created}{{\"result\":")).is_err() && news("\n").is_err());
        // Who never ends a line is heard so far, and no further.
        let mut endless = BufReader::new(io::repeat(b' '));
        assert!(super::news(&mut endless).is_err());
    }
}
