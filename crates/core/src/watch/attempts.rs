//! What is written of those who ask a service: too many failed logins, or too many paths that only probes ask for (A19).

use alloc::string::String;
use core::ops::Range;

use jiff::Timestamp;

use super::{
    Confidence, Key, Kind, Source, Suspicion,
    buckets::Buckets,
    crowd::Crowd,
    digest,
    guarded::Guarded,
    moment, path,
    paths::{Paths, Request},
    tries::{Tries, Try},
};
use crate::logs::{Attempt, Deed, Header, Program};

/// So many sources at services are remembered: 2 MiB of those who log in, and as much of those who ask for paths.
const BUCKETS: usize = 1 << 11;
/// Services that are told apart.
const SERVICES_MAX: usize = 1_024;
/// A process of sshd or vsftpd is there for one connection, which is over by then.
const CONNECTION_SECONDS: u32 = 600;
/// Dovecot writes of one try twice: as who asked, and as who was asked. Postfix writes of one mechanism after the other, between which
/// PAM makes it wait.
const PAUSE_SECONDS: u32 = 30;

/// A web server asks for a user and his password so, and gives what was asked for so (RFC 9110 §15).
const UNAUTHORIZED: u16 = 401;
const GIVEN: Range<u16> = 200..300;

/// How a login ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    /// He was not let in.
    Failed,
    /// He was let in.
    Welcome,
}

/// A service, by its place among those that were named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServiceNumber(u16);

/// What a line told of somebody at a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written<'l> {
    /// The service.
    pub service: ServiceNumber,
    /// Who wrote it.
    pub program: Program,
    /// As which process.
    pub pid: Option<u32>,
    /// What.
    pub attempt: Attempt<'l>,
}

impl<'l> Written<'l> {
    /// What `header` and what was read behind it tell of `service`.
    #[must_use]
    pub const fn of(service: ServiceNumber, header: &Header<'l>, attempt: Attempt<'l>) -> Self {
        Self { service, program: header.program, pid: header.pid, attempt }
    }
}

/// What is remembered of it. It does not grow.
#[derive(Debug)]
pub(super) struct Attempts {
    services: alloc::vec::Vec<String>,
    /// Of each service, by its number.
    crowds: alloc::vec::Vec<Crowd>,
    /// Likewise.
    guarded: alloc::vec::Vec<Guarded>,
    tries: Buckets<Tries>,
    paths: Buckets<Paths>,
}

impl Attempts {
    pub(super) fn new() -> Self {
        let (services, crowds, guarded) = Default::default();
        Self { services, crowds, guarded, tries: Buckets::new(BUCKETS), paths: Buckets::new(BUCKETS) }
    }

    /// The number of a service by this name; of more than can be told apart the last one's.
    pub(super) fn service(&mut self, name: &str) -> ServiceNumber {
        let known = self.services.iter().position(|service| service == name);
        let place = known.unwrap_or_else(|| {
            if self.services.len() < SERVICES_MAX {
                self.services.push(name.into());
                self.crowds.push(Crowd::default());
                self.guarded.push(Guarded::default());
            }
            self.services.len() - 1
        });
        ServiceNumber(u16::try_from(place).unwrap_or(u16::MAX))
    }

    /// Nothing is remembered of `source` any more.
    pub(super) fn forget(&mut self, key: Key, source: Source) {
        for place in self.places(key, source) {
            self.tries.forget(place);
            self.paths.forget(place);
        }
    }

    /// Where `source` is remembered, of each service.
    fn places(&self, key: Key, source: Source) -> impl Iterator<Item = u64> + use<> {
        let numbers = 0..u16::try_from(self.services.len()).unwrap_or(u16::MAX);
        numbers.map(move |number| digest(key, &(source, ServiceNumber(number))))
    }

    /// As soon as `source` goes on anywhere, that is told once more.
    pub(super) fn open(&mut self, key: Key, source: Source) {
        for place in self.places(key, source) {
            self.tries.change(place, Tries::open);
            self.paths.change(place, Paths::open);
        }
    }

    /// What a line makes known, at `at`, which is `tick`: of its source, and of many that share the work.
    pub(super) fn step(
        &mut self,
        key: Key,
        written: &Written<'_>,
        (at, tick): (Timestamp, u32),
        began: Timestamp,
    ) -> [Option<Suspicion>; 2] {
        let source = Source::of(written.attempt.source);
        let place = digest(key, &(source, written.service));
        let login = self.login(key, written);
        let one = self.of_source(key, (written, login), place, (at, tick), began);
        let many = self.of_crowd(key, (written, login), place, (at, tick), began);
        [one, many]
    }

    /// How somebody's login ended, where the line tells of one. Of a web server it is a request as a user; one without is a browser
    /// that asks whether it needs any.
    fn login(&mut self, key: Key, written: &Written<'_>) -> Option<Login> {
        let asked = match written.attempt.deed {
            Deed::Failed => return Some(Login::Failed),
            Deed::Welcome => return Some(Login::Welcome),
            Deed::Asked(asked) => asked,
            Deed::Refused | Deed::Left => return None,
        };
        let guarded = self.guarded.get_mut(usize::from(written.service.0))?;
        let place = || path::digest_of_request(key, &asked);
        let has_user = written.attempt.user.is_some();
        match asked.status {
            UNAUTHORIZED => {
                guarded.keep(place());
                has_user.then_some(Login::Failed)
            }
            // Others answer so, too, but not well: a redirect asks nobody for anything.
            status if !GIVEN.contains(&status) || guarded.is_empty() => None,
            _ if has_user => guarded.has(place()).then_some(Login::Welcome),
            _ => {
                guarded.open(place());
                None
            }
        }
    }

    fn of_crowd(
        &mut self,
        key: Key,
        (written, login): (&Written<'_>, Option<Login>),
        place: u64,
        (at, tick): (Timestamp, u32),
        began: Timestamp,
    ) -> Option<Suspicion> {
        let crowd = self.crowds.get_mut(usize::from(written.service.0))?;
        let source = Source::of(written.attempt.source);
        let rush = match login? {
            Login::Failed => {
                let failed = self.tries.get(place).map_or(0, |(_, tries)| tries.count());
                crowd.fails(source, failed, written.attempt.user.map(|user| digest(key, &user)), tick)?
            }
            Login::Welcome => {
                crowd.welcomes(tick);
                return None;
            }
        };
        let blank = self.blank(written, at);
        Some(Suspicion {
            kind: Kind::DistributedBruteForce,
            first: moment(began, rush.first),
            contacts: rush.group.count,
            users: rush.users,
            group: Some(rush.group),
            ..blank
        })
    }

    fn of_source(
        &mut self,
        key: Key,
        (written, login): (&Written<'_>, Option<Login>),
        place: u64,
        (at, tick): (Timestamp, u32),
        began: Timestamp,
    ) -> Option<Suspicion> {
        if login == Some(Login::Welcome) {
            self.tries.entry(place, tick).welcomes(tick);
        }
        let (kind, first, contacts, users, welcomed) = match (login, written.attempt.deed) {
            (Some(Login::Failed), _) => {
                let tries = self.tries.entry(place, tick);
                let is_news = tries.fails(&a_try(key, written, tick));
                let kind = if tries.is_spray() { Kind::PasswordSpray } else { Kind::BruteForce };
                is_news
                    .then(|| (kind, tries.first, tries.failed.into(), tries.users(), tries.welcomed.into()))?
            }
            (_, Deed::Asked(asked)) => {
                let paths = self.paths.entry(place, tick);
                let is_news = paths.asks(tick, Request::of(key, &asked));
                is_news.then(|| (Kind::PathProbing, paths.first(), paths.count(), 0, 0))?
            }
            _ => return None,
        };
        // A saved log may have its newest lines first.
        let first = moment(began, first);
        let (first, last) = (first.min(at), first.max(at));
        Some(Suspicion { kind, first, last, contacts, users, welcomed, ..self.blank(written, at) })
    }

    /// What of it the line tells by itself.
    fn blank(&self, written: &Written<'_>, at: Timestamp) -> Suspicion {
        Suspicion {
            at,
            source: Source::of(written.attempt.source),
            kind: Kind::BruteForce,
            // A service of TCP wrote it, or whoever could make it do so.
            confidence: if written.program.is_witness() { Confidence::Proven } else { Confidence::Unproven },
            score: 0,
            first: at,
            last: at,
            contacts: 0,
            ports: alloc::vec::Vec::new(),
            service: self.services.get(usize::from(written.service.0)).cloned(),
            users: 0,
            welcomed: 0,
            group: None,
        }
    }
}

fn a_try(key: Key, written: &Written<'_>, tick: u32) -> Try {
    let Written { program, pid, attempt, .. } = written;
    let user = attempt.user.map(|user| digest(key, &user));
    let session = match program {
        Program::Sshd | Program::Vsftpd => pid.map(|pid| (digest(key, &pid), CONNECTION_SECONDS)),
        Program::Dovecot => user.map(|user| (user, PAUSE_SECONDS)),
        // Its process is there for the next one soon.
        Program::Postfix => pid.map(|pid| (digest(key, &pid), PAUSE_SECONDS)),
        Program::Nginx | Program::Access => None,
    };
    // Another host that writes the same log may ask for none at the same path.
    let may_good_be_free = matches!(attempt.deed, Deed::Asked(asked) if asked.host.is_none());
    Try { tick, user, session, may_good_be_free }
}
