//! Who asks a web server for what only those ask for who look for holes (A19).

use super::{
    Key, TICKS_EACH_SECOND,
    path::{self, Plain},
};
use crate::logs::Asked;

/// Beginnings of paths that nobody comes to by a link, in small letters: places of secrets, of consoles, and of what has been broken
/// before. A server that has one of them answers well, and is not meant.
const PROBED: &[&str] = &[
    "/.aws/",
    "/.ds_store",
    "/.env",
    "/.git/",
    "/.htpasswd",
    "/.ssh/",
    "/.svn/",
    "/.vscode/",
    "/_ignition/",
    "/actuator",
    "/admin.php",
    "/api/jsonws",
    "/autodiscover/",
    "/backup.sql",
    "/boaform/",
    "/cgi-bin/",
    "/config.json",
    "/console/",
    "/dana-na/",
    "/db.sql",
    "/druid/",
    "/dump.sql",
    "/ecp/",
    "/geoserver/",
    "/goform/",
    "/hnap1",
    "/jenkins/",
    "/manager/html",
    "/owa/",
    "/phpinfo",
    "/phpmyadmin",
    "/pma/",
    "/remote/login",
    "/sdk",
    "/server-status",
    "/setup.cgi",
    "/shell",
    "/solr/",
    "/sslvpn",
    "/struts",
    "/telescope/",
    "/vendor/phpunit",
    "/web-inf/",
    "/webui/",
    "/wls-wsat/",
    "/wp-admin",
    "/wp-content",
    "/wp-includes",
    "/wp-login.php",
    "/xmlrpc.php",
];

/// Endings of what makes up a page.
const PARTS: &[&str] = &[
    "avif", "css", "gif", "ico", "jpeg", "jpg", "js", "map", "mp4", "png", "svg", "ttf", "webm", "webp",
    "woff", "woff2",
];

/// So many of these, or so many others that are not there and nothing between that is.
const PROBED_MAX: u32 = 5;
const MISSED_MAX: u32 = 20;
/// All of them within so long, or twice as long at most.
const DAY_TICKS: u32 = 24 * 60 * 60 * TICKS_EACH_SECOND;

/// None of [`PROBED`] is longer.
const BYTES_MAX: usize = 16;

/// The number of a path that is probed for; `None` of any other.
fn probed(path: &str) -> Option<u8> {
    let mut begin = [0; BYTES_MAX];
    let plain = Plain::of(path);
    begin.iter_mut().zip(plain.iter()).for_each(|(own, byte)| *own = byte.to_ascii_lowercase());
    let place = PROBED.iter().position(|known| begin.starts_with(known.as_bytes()))?;
    u8::try_from(place).ok()
}

/// What a request tells of whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// It was answered well; which of those that are probed for it is, if any.
    Good(Option<u8>),
    /// It was refused, and is one of those that are probed for.
    Probed(u8),
    /// It has this digest, and there is no such thing.
    Missed(u64),
    /// Nothing.
    Other,
}

impl Request {
    /// What it tells. Whom a page leads to what is not there follows a link of somebody's who did not look.
    pub(super) fn of(key: Key, asked: &Asked<'_>) -> Self {
        match asked.status {
            ..400 => Self::Good(probed(asked.target())),
            status if !is_refusal(status) => Self::Other,
            status => match probed(asked.target()) {
                Some(place) => Self::Probed(place),
                None if is_missing(status) && !asked.is_led && !is_part_of_page(asked.target()) => {
                    Self::Missed(path::digest(key, asked))
                }
                None => Self::Other,
            },
        }
    }
}

/// Whether it is what pages have browsers ask for: of one that was moved many are dead, and no browser need say what led it there.
fn is_part_of_page(target: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit(['/', '.']).next().unwrap_or_default();
    path.contains('.') && PARTS.iter().any(|part| ending.eq_ignore_ascii_case(part))
}

/// Whether a server answers so what it has not or gives to nobody, 444 by silence; not where it is busy or down, nor where it asks for
/// a password, which the next request may bring.
const fn is_refusal(status: u16) -> bool {
    matches!(status, 400 | 402..=406 | 410 | 418 | 444 | 451)
}

const fn is_missing(status: u16) -> bool {
    matches!(status, 404 | 410)
}

/// What somebody asked for on one day.
#[derive(Clone, Copy, Debug, Default)]
struct Day {
    /// A bit for each of [`PROBED`].
    probed: u64,
    /// A bit for each path that was not there.
    missed: [u64; 4],
    /// When the first of all of them was asked for; 0 of none.
    first: u32,
}

/// What is remembered of one source at one server: of the last day, and of the one before, as what is looked at ends at no midnight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Paths {
    days: [Day; 2],
    /// A bit for each of [`PROBED`] that was given to him: such a server is not meant.
    given: u64,
    /// When the last of them began; 0 where none did.
    began: u32,
    is_told: bool,
}

impl Paths {
    /// He asked for one; whether it is to be told.
    pub(super) fn asks(&mut self, tick: u32, request: Request) -> bool {
        self.turn(tick.max(1));
        match request {
            Request::Good(place) => {
                self.given |= place.map_or(0, |place| 1 << (place % 64));
                self.days.iter_mut().for_each(|day| day.missed = [0; 4]);
            }
            Request::Probed(place) => self.today(tick).probed |= 1 << (place % 64),
            Request::Missed(path) => {
                self.today(tick).missed[(path >> 6) as usize % 4] |= 1 << (path % 64);
            }
            Request::Other => {}
        }
        let is_good = matches!(request, Request::Good(_));
        let is_news = !is_good && self.count() > 0 && !self.is_told;
        self.is_told |= is_news;
        is_news
    }

    /// When he asks for one more it is told once more.
    pub(super) const fn open(&mut self) {
        self.is_told = false;
    }

    /// When the first of those was asked for that are remembered.
    pub(super) fn first(&self) -> u32 {
        self.days.iter().map(|day| day.first).find(|first| *first != 0).unwrap_or(self.began)
    }

    /// A saved log may have its newest lines first.
    fn turn(&mut self, tick: u32) {
        match tick.abs_diff(self.began) / DAY_TICKS {
            0 if self.began != 0 => return,
            1 if self.began != 0 && self.began < tick => {
                self.days = [self.days[1], Day::default()];
                self.began += DAY_TICKS;
            }
            _ => *self = Self { began: tick, ..Self::default() },
        }
        self.is_told &= self.count() > 0;
    }

    fn today(&mut self, tick: u32) -> &mut Day {
        let day = &mut self.days[1];
        if day.first == 0 {
            day.first = tick.max(1);
        }
        day
    }

    /// How many different paths make him a suspect; 0 where they do not.
    pub(super) fn count(&self) -> u32 {
        let [before, today] = &self.days;
        let probed = ((before.probed | today.probed) & !self.given).count_ones();
        let both = before.missed.iter().zip(today.missed);
        let missed = both.map(|(before, today)| (before | today).count_ones()).sum();
        if probed >= PROBED_MAX {
            probed
        } else if missed >= MISSED_MAX {
            missed
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What somebody asked for who was led by nobody, and is not there.
    const fn missing(path: &str) -> Asked<'_> {
        Asked { host: None, request: path, status: 404, is_led: false }
    }

    #[test]
    fn each_has_a_bit_and_is_written_in_small_letters() {
        assert!(PROBED.len() <= 64 && PROBED.is_sorted());
        assert!(
            PROBED
                .iter()
                .all(|path| path.starts_with('/') && !path.contains(|letter: char| letter.is_uppercase()))
        );
        assert!(PROBED.iter().all(|path| path.len() <= BYTES_MAX));
    }

    #[test]
    fn a_path_that_is_probed_for_is_known_however_it_is_written() {
        for written in [
            "/.git/config",
            "/WP-Login.php?x=1",
            "//.git//config",
            "/%2egit/",
            "/x/../.git/",
            "http://h/vendor/phpunit/x",
        ] {
            assert!(probed(written).is_some(), "{written}");
        }
        assert_eq!(
            (probed("/"), probed("/blog/.git/"), probed("/é"), probed("/.gi")),
            (None, None, None, None)
        );
    }

    #[test]
    fn the_fifth_known_path_and_the_twentieth_that_is_not_there_are_told() {
        let told = |paths: &[&str], status| {
            let mut own = Paths::default();
            let led = |path| Asked { is_led: true, status, ..missing(path) };
            let mut nth_and_path = (1..).zip(paths);
            nth_and_path.find(|(_, path)| own.asks(1, Request::of([1, 2], &led(path)))).map(|(nth, _)| nth)
        };
        let known = ["/.env", "/.git/", "/.env", "/owa/", "/solr/", "/shell", "/sdk"];
        assert_eq!([404, 403, 405, 410, 444].map(|status| told(&known, status)), [Some(6); 5]);
        assert_eq!(
            [503, 429, 499].map(|status| told(&known, status)),
            [None; 3],
            "so is whatever is asked for"
        );
        assert_eq!([200, 401].map(|status| told(&known, status)), [None; 2], "he may bring a password next");
        let mut own = Paths::default();
        let mut daily = (1..50).map(|nth| (nth * 2 * (DAY_TICKS + 1), known[nth as usize % 7]));
        assert!(!daily.any(|(tick, path)| own.asks(tick, Request::of([1, 2], &missing(path)))));
        let missed = |between: Option<u64>| {
            let mut own = Paths::default();
            (1..60_u64).find(|nth| {
                if Some(*nth) == between {
                    own.asks(1, Request::Good(None));
                }
                own.asks(1, Request::Missed(*nth))
            })
        };
        assert_eq!((missed(None), missed(Some(15))), (Some(20), Some(34)), "a link that is good between");
    }

    /// However long ago he came first.
    #[test]
    fn what_is_asked_for_within_seconds_is_told_whatever_the_hour() {
        let told = |request: &dyn Fn(u32) -> Request| {
            let mut own = Paths::default();
            own.asks(1, Request::Good(None));
            (1..40).find(|nth| own.asks(DAY_TICKS - 3 + nth, request(*nth))).map(|nth| (nth, own.first()))
        };
        let probed = |nth: u32| Request::Probed(u8::try_from(nth % 64).unwrap());
        assert_eq!(told(&probed), Some((5, DAY_TICKS - 2)));
        assert_eq!(told(&|nth| Request::Missed(nth.into())), Some((20, DAY_TICKS - 2)));
    }

    /// The editor of a site that has what others probe for.
    #[test]
    fn what_was_given_to_somebody_he_does_not_probe_for() {
        let mut own = Paths::default();
        assert!(!(0..9).any(|place| own.asks(1, Request::Good(Some(place)))));
        assert!(!(0..9).chain(20..24).any(|place| own.asks(2, Request::Probed(place))));
        assert!(own.asks(3, Request::Probed(30)));
    }

    #[test]
    fn what_was_not_there_yesterday_counts_today() {
        let mut own = Paths::default();
        let mut misses = |day: u32, paths: core::ops::Range<u64>| {
            paths.into_iter().any(|path| own.asks(day * DAY_TICKS + 1, Request::Missed(path)))
        };
        assert!(!misses(0, 0..19) && !misses(1, 0..19));
        assert!(misses(2, 19..38));
    }

    #[test]
    fn what_was_asked_for_two_days_ago_is_forgotten() {
        let mut own = Paths::default();
        assert!(!(1..5).any(|nth| own.asks(nth, Request::Probed(u8::try_from(nth).unwrap()))));
        assert!(!own.asks(2 * DAY_TICKS + 1, Request::Probed(9)));
        assert!(size_of::<Paths>() <= 120, "with where it is, 2 MiB of all");
    }

    /// A page with many broken pictures, and a site that has moved.
    #[test]
    fn whoever_follows_dead_links_is_not_told_of() {
        let told = |is_led, ending: &str| {
            let mut own = Paths::default();
            (1..60).find(|nth| {
                let path = alloc::format!("/{nth}{ending}");
                own.asks(1, Request::of([1, 2], &Asked { is_led, ..missing(&path) }))
            })
        };
        // Of two paths both may have one bit.
        assert!(told(false, "").is_some_and(|nth| (20..24).contains(&nth)));
        assert!(told(false, ".zip").is_some() && told(false, "/png").is_some());
        assert_eq!((told(true, ""), told(false, ".PNG"), told(false, ".js?v=1")), (None, None, None));
    }
}
