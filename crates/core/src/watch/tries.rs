//! Who tries passwords: failed logins of one source at one service (A19).

use super::TICKS_EACH_SECOND;

/// Somebody fails so often within so long; whoever is slower, so often within the other.
const SHORT: (u8, u32) = (5, 10 * 60);
const LONG: (u8, u32) = (FAILURES_MAX, 24 * 60 * 60);
const FAILURES_MAX: u8 = 10;
/// Where anybody may have good ones, so many in a day are too many, whatever is taken back.
const ENDLESS: u16 = 100;
/// So many failures a good login takes back.
const FORGIVEN: u8 = 4;
/// Whoever names so many users does not know one of them.
const SPRAYED_USERS: u32 = 5;

/// A login, as it is told by a line of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Try {
    pub(super) tick: u32,
    /// A digest of the user's name; `None` where none is told.
    pub(super) user: Option<u64>,
    /// A digest of the connection, and for how long further lines of it are of the same try.
    pub(super) session: Option<(u64, u32)>,
    /// Whether a good one may be had where no password is asked for.
    pub(super) may_good_be_free: bool,
}

impl Try {
    fn tag(&self) -> u32 {
        self.session.map_or(0, |(session, _)| u32::try_from(session >> 32).unwrap_or(0).max(1))
    }
}

/// A try that failed.
#[derive(Clone, Copy, Debug, Default)]
struct Failure {
    tick: u32,
    /// Half of the connection's digest; 0 where none is told.
    session: u32,
}

/// What is remembered of one source at one service.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    /// The last ones, of which `count` count.
    failures: [Failure; FAILURES_MAX as usize],
    count: u8,
    next: u8,
    is_told: bool,
    /// Whether it was told of how many there were in a day.
    is_endless_told: bool,
    /// When all that is counted below was halved.
    halved: u32,
    pub(super) failed: u16,
    pub(super) welcomed: u16,
    /// A bit for each user who was named.
    users: u64,
    pub(super) first: u32,
}

impl Tries {
    /// One more failed; whether it is to be told.
    pub(super) fn fails(&mut self, it: &Try) -> bool {
        self.halve(it.tick);
        if self.is_same(it) {
            return false;
        }
        if self.count == 0 {
            (self.first, self.users, self.is_told) = (it.tick, 0, false);
        }
        self.failures[usize::from(self.next)] = Failure { tick: it.tick, session: it.tag() };
        self.next = (self.next + 1) % FAILURES_MAX;
        self.count = (self.count + 1).min(FAILURES_MAX);
        self.failed = self.failed.saturating_add(1);
        self.users |= it.user.map_or(0, |user| 1 << (user % 64));
        let is_news = self.is_too_many(it.tick) && !self.is_told;
        let is_endless = it.may_good_be_free && self.failed >= ENDLESS && !self.is_endless_told;
        self.is_told |= is_news || is_endless;
        self.is_endless_told |= is_endless;
        is_news || is_endless
    }

    /// When one more fails it is told once more.
    pub(super) const fn open(&mut self) {
        self.is_told = false;
    }

    /// Somebody was let in.
    pub(super) fn welcomes(&mut self, tick: u32) {
        self.halve(tick);
        self.welcomed = self.welcomed.saturating_add(1);
        let back = self.count.min(FORGIVEN);
        self.count -= back;
        self.next = (self.next + FAILURES_MAX - back) % FAILURES_MAX;
    }

    /// How many of the last failures count.
    pub(super) const fn count(&self) -> u8 {
        self.count
    }

    /// How many users were named, at least.
    pub(super) const fn users(&self) -> u32 {
        self.users.count_ones()
    }

    pub(super) const fn is_spray(&self) -> bool {
        self.users() >= SPRAYED_USERS
    }

    /// Behind one address there may be many people: of those who are let in four are one who is not.
    fn is_too_many(&self, tick: u32) -> bool {
        let within = |(count, seconds): (u8, u32)| {
            self.at(count).is_some_and(|at| tick.abs_diff(at) <= seconds * TICKS_EACH_SECOND)
        };
        (within(SHORT) || within(LONG)) && u32::from(self.welcomed) * 4 < u32::from(self.failed)
    }

    /// When the last failure but so many was.
    fn at(&self, back: u8) -> Option<u32> {
        let place = (self.next + 2 * FAILURES_MAX - back) % FAILURES_MAX;
        (back <= self.count).then(|| self.failures[usize::from(place)].tick)
    }

    /// Several lines of one connection are one try, also where those of other connections come between.
    fn is_same(&self, it: &Try) -> bool {
        let Some((_, seconds)) = it.session else { return false };
        // The first line's age: whoever never pauses would else try once for ever.
        let is_recent = |tick| it.tick.abs_diff(tick) <= seconds * TICKS_EACH_SECOND;
        self.failures.iter().any(|failure| failure.session == it.tag() && is_recent(failure.tick))
    }

    /// What was a day ago is worth half.
    fn halve(&mut self, tick: u32) {
        let day = LONG.1 * TICKS_EACH_SECOND;
        let days = tick.saturating_sub(self.halved) / day;
        if days > 0 {
            self.failed = self.failed.checked_shr(days).unwrap_or(0);
            self.welcomed = self.welcomed.checked_shr(days).unwrap_or(0);
            self.halved = tick;
            self.is_endless_told = false;
        }
        let last = self.at(1).unwrap_or(0);
        // A saved log may have its newest lines first.
        if tick.abs_diff(last) > day {
            self.count = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u32 = 60 * TICKS_EACH_SECOND;

    /// The number of the try that is told, where somebody fails so often and so many minutes apart.
    fn told(count: u32, apart: u32, welcomed_at: &[u32]) -> Option<u32> {
        let mut tries = Tries::default();
        (1..=count).find(|nth| {
            if welcomed_at.contains(nth) {
                tries.welcomes(nth * apart * MINUTE);
            }
            tries.fails(&Try {
                tick: nth * apart * MINUTE,
                user: Some(u64::from(*nth)),
                session: None,
                ..Try::default()
            })
        })
    }

    #[test]
    fn the_fifth_in_ten_minutes_and_the_tenth_in_a_day_are_too_many() {
        assert_eq!((told(4, 1, &[]), told(5, 1, &[]), told(5, 2, &[])), (None, Some(5), Some(5)));
        assert_eq!((told(9, 3, &[]), told(10, 3, &[]), told(10, 160, &[])), (None, Some(10), Some(10)));
        assert_eq!(told(1_000, 161, &[]), None, "nine in a day");
    }

    /// As `journalctl --reverse` has them.
    #[test]
    fn the_newest_first_is_no_shorter_a_time() {
        let told = |apart: u32| {
            let mut tries = Tries::default();
            (1..=9_u32).find(|nth| {
                let tick = 10_000_000 - nth * apart * MINUTE;
                tries.fails(&Try { tick, ..Try::default() })
            })
        };
        assert_eq!((told(1), told(120)), (Some(5), None));
    }

    #[test]
    fn a_good_login_takes_four_back_and_many_raise_the_limit() {
        assert_eq!(told(8, 1, &[5]), None);
        assert_eq!(told(9, 1, &[5]), Some(9));
        assert_eq!(told(40, 1, &(1..=10).map(|nth| nth * 4).collect::<alloc::vec::Vec<_>>()), None);
    }

    #[test]
    fn lines_of_one_connection_are_one_try() {
        let mut tries = Tries::default();
        let mut fails = |seconds: u32, session: u64| {
            let session = Some((session << 32, 120));
            tries.fails(&Try { tick: seconds * TICKS_EACH_SECOND, user: None, session, ..Try::default() })
        };
        assert!((0..30).all(|second| !fails(second, 1)));
        assert!(!(0..3).any(|nth| fails(40 + nth, 2 + u64::from(nth))), "four by now");
        assert!(fails(50, 9));
    }

    /// sshd writes of each wrong password twice, and whoever shares an address comes while others do.
    #[test]
    fn lines_of_connections_at_the_same_time_are_one_try_each() {
        let mut tries = Tries::default();
        let fails = |tries: &mut Tries, session: u64| {
            tries.fails(&Try { tick: 1, user: None, session: Some((session << 32, 600)), ..Try::default() })
        };
        for round in 0..10 {
            let people = 1 + round * 3..4 + round * 3;
            assert!(people.clone().chain(people.clone()).all(|one| !fails(&mut tries, one)), "{round}");
            assert_eq!(tries.count(), 3);
            people.for_each(|_| tries.welcomes(2));
        }
        let mut tries = Tries::default();
        assert!((1..6).any(|one| fails(&mut tries, one)), "of five at once nobody has come in");
    }

    /// Dovecot tells no connection, so that one is who a user was within some seconds.
    #[test]
    fn whoever_never_pauses_tries_more_than_once() {
        let mut tries = Tries::default();
        let mut fails = |tick: u32| {
            tries.fails(&Try { tick, user: Some(1), session: Some((1 << 32, 3)), ..Try::default() })
        };
        let told = (0..60 * TICKS_EACH_SECOND).find(|tick| fails(*tick));
        assert_eq!(told.map(|tick| tick / TICKS_EACH_SECOND), Some(12));
    }

    #[test]
    fn it_is_told_once_until_he_was_quiet_for_a_day() {
        let mut tries = Tries::default();
        let mut fails = |minute: u32| tries.fails(&Try { tick: minute * MINUTE, ..Try::default() });
        assert_eq!((0..60).filter(|minute| fails(*minute)).count(), 1);
        let later = 60 + 2 * 24 * 60;
        assert_eq!((later..later + 60).filter(|minute| fails(*minute)).count(), 1);
    }

    #[test]
    fn whoever_names_many_users_sprays() {
        let users = |count: u64| {
            let mut tries = Tries::default();
            for user in 0..count {
                tries.fails(&Try { tick: 1, user: Some(user), ..Try::default() });
            }
            (tries.users(), tries.is_spray())
        };
        assert_eq!([users(4), users(5)], [(4, false), (5, true)]);
    }
}
