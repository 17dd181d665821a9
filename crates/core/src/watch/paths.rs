//! Who asks a web server for what only those ask for who look for holes (A19).

use super::{Key, TICKS_EACH_SECOND, path};
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

/// So many of these, or so many others that are not there and nothing between that is.
const PROBED_MAX: u32 = 5;
const MISSED_MAX: u8 = 20;
/// All of them within so long.
const DAY_SECONDS: u32 = 24 * 60 * 60;

/// None of [`PROBED`] is longer.
const BYTES_MAX: usize = 16;

/// The number of a path that is probed for; `None` of any other.
fn probed(path: &str) -> Option<u8> {
    let mut begin = [0; BYTES_MAX];
    begin.iter_mut().zip(path::plain(path)).for_each(|(own, byte)| *own = byte.to_ascii_lowercase());
    let place = PROBED.iter().position(|known| begin.starts_with(known.as_bytes()))?;
    u8::try_from(place).ok()
}

/// What a request tells of whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// It was answered well.
    Good,
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
        let Asked { host, path, status, is_led } = *asked;
        if status < 400 {
            return Self::Good;
        }
        // A server that is busy or down refuses whatever is asked for.
        if !(400..=404).contains(&status) {
            return Self::Other;
        }
        match probed(path) {
            Some(place) => Self::Probed(place),
            None if status == 404 && !is_led => Self::Missed(path::digest(key, host, path)),
            None => Self::Other,
        }
    }
}

/// What is remembered of one source at one server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Paths {
    /// A bit for each of [`PROBED`].
    probed: u64,
    /// A bit for each path that was not there.
    missed: [u64; 4],
    missed_count: u8,
    is_told: bool,
    pub(super) first: u32,
}

impl Paths {
    /// He asked for one; whether it is to be told.
    pub(super) fn asks(&mut self, tick: u32, request: Request) -> bool {
        if self.first == 0 || tick.abs_diff(self.first) > DAY_SECONDS * TICKS_EACH_SECOND {
            *self = Self { first: tick.max(1), ..Self::default() };
        }
        match request {
            Request::Good => (self.missed, self.missed_count) = ([0; 4], 0),
            Request::Probed(place) => self.probed |= 1 << (place % 64),
            Request::Missed(path) => self.misses(path),
            Request::Other => {}
        }
        let is_news = request != Request::Good && self.count() > 0 && !self.is_told;
        self.is_told |= is_news;
        is_news
    }

    /// When he asks for one more it is told once more.
    pub(super) const fn open(&mut self) {
        self.is_told = false;
    }

    fn misses(&mut self, path: u64) {
        let (word, bit) = ((path >> 6) as usize % 4, 1 << (path % 64));
        let is_new = self.missed[word] & bit == 0;
        self.missed[word] |= bit;
        self.missed_count = self.missed_count.saturating_add(u8::from(is_new));
    }

    /// How many different paths make him a suspect; 0 where they do not.
    pub(super) fn count(&self) -> u32 {
        let probed = self.probed.count_ones();
        if probed >= PROBED_MAX {
            probed
        } else if self.missed_count >= MISSED_MAX {
            self.missed_count.into()
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
        Asked { host: None, path, status: 404, is_led: false }
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
        assert_eq!((told(&known, 404), told(&known, 403), told(&known, 200)), (Some(6), Some(6), None));
        assert_eq!((told(&known, 503), told(&known, 429)), (None, None), "whatever is asked for is refused");
        let mut own = Paths::default();
        let mut daily =
            (1..50).map(|day| (day * (DAY_SECONDS + 1) * TICKS_EACH_SECOND, known[day as usize % 7]));
        assert!(!daily.any(|(tick, path)| own.asks(tick, Request::of([1, 2], &missing(path)))));
        let missed = |between: Option<u64>| {
            let mut own = Paths::default();
            (1..60_u64).find(|nth| {
                if Some(*nth) == between {
                    own.asks(1, Request::Good);
                }
                own.asks(1, Request::Missed(*nth))
            })
        };
        assert_eq!((missed(None), missed(Some(15))), (Some(20), Some(34)), "a link that is good between");
    }

    /// A page with many broken pictures, and a site that has moved.
    #[test]
    fn whoever_follows_dead_links_is_not_told_of() {
        let told = |is_led| {
            let mut own = Paths::default();
            (1..60).find(|nth| {
                let path = alloc::format!("/{nth}.png");
                own.asks(1, Request::of([1, 2], &Asked { is_led, ..missing(&path) }))
            })
        };
        // Of two paths both may have one bit.
        assert!(told(false).is_some_and(|nth| (20..24).contains(&nth)));
        assert_eq!(told(true), None);
    }
}
