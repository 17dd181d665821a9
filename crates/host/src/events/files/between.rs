//! Which files came between the one that was read last and the one that is written now, by what rotation calls them (logrotate(8)).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// What stands behind the log's own name: `1` of `log.1`, `20261129` of `log-20261129`.
fn suffix<'n>(log: &OsStr, name: &'n OsStr) -> Option<&'n [u8]> {
    let rest = name.as_bytes().strip_prefix(log.as_bytes())?;
    let suffix = rest.strip_prefix(b".").or_else(|| rest.strip_prefix(b"-"))?;
    let is_number = !suffix.is_empty() && suffix.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
    is_number.then_some(suffix)
}

/// Whether a file that is called so may be an older one of the log; what is compressed is none that can be read.
pub(super) fn is_older(log: &OsStr, name: &OsStr) -> bool {
    suffix(log, name).is_some()
}

/// Those of `names` that came after `found`, the oldest first. Dates grow, and numbers are counted up at each rotation.
pub(super) fn between(log: &OsStr, found: &OsStr, names: &[OsString]) -> Vec<OsString> {
    let Some(last) = suffix(log, found) else { return Vec::new() };
    let is_date = last.len() >= DATE_DIGITS;
    let mut later: Vec<_> = names
        .iter()
        .filter_map(|name| Some((suffix(log, name)?, name)))
        .filter(|(of, _)| {
            if is_date {
                of.len() == last.len() && *of > last
            } else {
                of.len() < DATE_DIGITS && order(of) < order(last)
            }
        })
        .collect();
    later
        .sort_by(|(one, _), (other, _)| if is_date { one.cmp(other) } else { order(other).cmp(&order(one)) });
    later.into_iter().map(|(_, name)| name.clone()).collect()
}

/// A date has as many digits (`dateformat`); nobody keeps so many files by number.
const DATE_DIGITS: usize = 6;

fn order(suffix: &[u8]) -> (usize, &[u8]) {
    (suffix.len(), suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(found: &str, names: &[&str]) -> Vec<OsString> {
        let names: Vec<_> = names.iter().map(OsString::from).collect();
        between(OsStr::new("log"), OsStr::new(found), &names)
    }

    #[test]
    fn what_came_later_is_known_by_number_or_date() {
        let numbered =
            ["log", "log.1", "log.2", "log.3", "log.10", "log.1.gz", "log.bak", "logs.1", "log.20261129"];
        assert_eq!(told("log.3", &numbered), ["log.2", "log.1"]);
        assert_eq!(told("log.11", &numbered), ["log.10", "log.3", "log.2", "log.1"]);
        assert_eq!(told("log.1", &numbered), [""; 0]);
        assert_eq!(told("log", &numbered), [""; 0]);
        let dated = ["log-20261127", "log-20261129", "log-20261128", "log-20261130.gz", "log.1"];
        assert_eq!(told("log-20261127", &dated), ["log-20261128", "log-20261129"]);
        let is = |name: &str| is_older(OsStr::new("log"), OsStr::new(name));
        assert_eq!([is("log.1"), is("log-2026-11-29"), is("log"), is("log.bak")], [true, true, false, false]);
    }
}
