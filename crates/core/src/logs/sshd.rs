//! What OpenSSH writes of those who ask it (auth.c, auth2.c, packet.c, session.c; A19).
//!
//! A user's name is a stranger's word, and may look like all that follows it.

use core::net::IpAddr;

use super::{Deed, Reading, pam, place};

/// What may stand behind a port: of what came by version 2, and what was read before it was known who asks.
const ENDS: [&str; 6] = ["", " [preauth]", " ssh1", " ssh2", " ssh1 [preauth]", " ssh2 [preauth]"];

/// Why a user is refused (auth.c, `allowed_user`).
const REASONS: [&str; 5] = [
    "not listed in AllowUsers",
    "listed in DenyUsers",
    "not in any group",
    "a group is listed in DenyGroups",
    "none of user's groups are listed in AllowGroups",
];

/// Reads a line of it.
pub(super) fn read(message: &str) -> Reading<'_> {
    if let Some(reading) = pam::read(message) {
        return reading;
    }
    let message =
        message.strip_prefix("error: ").or_else(|| message.strip_prefix("fatal: ")).unwrap_or(message);
    let message = message.trim_end();
    FORMS.iter().find_map(|form| form(message)).unwrap_or(Reading::Nothing)
}

type Form = for<'l> fn(&'l str) -> Option<Reading<'l>>;

const FORMS: [Form; 9] =
    [tried, unknown, by_pam, too_many, not_allowed, root_refused, stopped, wrapped, went];

/// `Failed password for invalid user x from 192.0.2.1 port 5 ssh2: key`, or `Accepted …`.
fn tried(message: &str) -> Option<Reading<'_>> {
    let (word, rest) = place::word(message);
    let deed = match word {
        "Failed" => Deed::Failed,
        "Accepted" => Deed::Welcome,
        _ => return None,
    };
    let (method, rest) = rest.split_once(" for ")?;
    if method.contains(' ') {
        return None;
    }
    let is_known = !rest.starts_with(INVALID);
    let reading = from(rest, deed, is_end_of_try);
    // Whoever has several keys offers one after the other.
    let is_offer = method == "publickey" && deed == Deed::Failed && is_known;
    Some(if is_offer && matches!(reading, Reading::Attempt(_)) { Reading::Nothing } else { reading })
}

/// Its port, and perhaps what was asked with, in which no address can be read.
fn is_end_of_try(rest: &str) -> End {
    let (port, rest) = place::port(rest);
    let Some((version, info)) = rest.split_once(": ") else {
        return End { port, is: port.is_some() && ENDS.contains(&rest), is_plain: true };
    };
    End {
        port,
        is: port.is_some() && [" ssh1", " ssh2"].contains(&version),
        is_plain: !info.contains(" from "),
    }
}

const INVALID: &str = "invalid user ";
const ILLEGAL: &str = "illegal user ";

/// How a line goes on behind an address.
struct End {
    port: Option<u16>,
    /// Whether it may be so.
    is: bool,
    /// Whether nothing else could be meant.
    is_plain: bool,
}

fn is_end(rest: &str) -> End {
    let (port, rest) = place::port(rest);
    End { port, is: ENDS.contains(&rest), is_plain: true }
}

/// `x from 192.0.2.1`, where only one address stands so that the line may end behind it as `end` says.
fn from<'l>(text: &'l str, deed: Deed<'l>, end: fn(&str) -> End) -> Reading<'l> {
    at(text, " from ", deed, end)
}

fn at<'l>(text: &'l str, before: &str, deed: Deed<'l>, end: fn(&str) -> End) -> Reading<'l> {
    let found = text.match_indices(before).filter_map(|(at, _)| {
        let (source, rest) = place::leading(&text[at + before.len()..], &[' '])?;
        let end = end(rest);
        end.is.then_some((at, source, end))
    });
    match place::only(found) {
        Ok(Some((at, source, End { port, is_plain: true, .. }))) => {
            let user = &text[..at];
            let named =
                [INVALID, ILLEGAL].iter().find_map(|unknown| user.strip_prefix(unknown)).unwrap_or(user);
            Reading::of(source, deed, Some(named).filter(|name| !name.is_empty()), port)
        }
        Ok(None) => Reading::Nothing,
        _ => Reading::Ambiguous,
    }
}

/// `Invalid user x from 192.0.2.1 port 5`.
fn unknown(message: &str) -> Option<Reading<'_>> {
    let rest = message.strip_prefix("Invalid user ").or_else(|| message.strip_prefix("Illegal user "))?;
    Some(from(rest, Deed::Failed, is_end))
}

/// `PAM: Authentication failure for x from 192.0.2.1`; some add by which of the host's addresses.
fn by_pam(message: &str) -> Option<Reading<'_>> {
    let (why, rest) = message.strip_prefix("PAM: ")?.split_once(" for ")?;
    let is_failure =
        ["authentication failure", "authentication error"].iter().any(|is| why.eq_ignore_ascii_case(is));
    let is_unknown = why.starts_with("User not known to the underlying authentication module");
    if !is_failure && !is_unknown {
        return None;
    }
    let end = |rest: &str| {
        let is_via = rest.strip_prefix(" via ").is_some_and(|via| place::address(via).is_some());
        End { is: is_via || is_end(rest).is, ..is_end(rest) }
    };
    Some(from(rest, Deed::Failed, end))
}

/// `maximum authentication attempts exceeded for x from 192.0.2.1 port 5 ssh2 [preauth]`.
fn too_many(message: &str) -> Option<Reading<'_>> {
    let rest = message.strip_prefix("maximum authentication attempts exceeded for ")?;
    Some(from(rest, Deed::Failed, is_end))
}

/// `User x from 192.0.2.1 not allowed because listed in DenyUsers`.
fn not_allowed(message: &str) -> Option<Reading<'_>> {
    let (rest, why) = message.strip_prefix("User ")?.rsplit_once(" not allowed because ")?;
    if !REASONS.contains(&why) {
        return Some(Reading::Nothing);
    }
    let end = |rest: &str| End { port: None, is: rest.is_empty(), is_plain: true };
    Some(from(rest, Deed::Failed, end))
}

/// `ROOT LOGIN REFUSED FROM 192.0.2.1 port 5 [preauth]`.
fn root_refused(message: &str) -> Option<Reading<'_>> {
    let rest = message.strip_prefix("ROOT LOGIN REFUSED FROM ")?;
    Some(plain(rest, Deed::Failed).unwrap_or(Reading::Nothing))
}

/// `Disconnecting invalid user x 192.0.2.1 port 5: Too many authentication failures [preauth]`.
fn stopped(message: &str) -> Option<Reading<'_>> {
    let rest = message.strip_prefix("Disconnecting ")?;
    let is = |why: &str| {
        why.starts_with("Too many authentication failures")
            || why.starts_with("Change of username or service not allowed")
    };
    let end = |rest: &str| {
        let (port, rest) = place::port(rest);
        let why = rest.strip_prefix(": ");
        End { port, is: why.is_some(), is_plain: true }
    };
    let (_, why) = rest.rsplit_once(": ")?;
    let why_end = rest.find(": ").map_or("", |at| &rest[at + 2..]);
    if !is(why) && !is(why_end) {
        return Some(Reading::Nothing);
    }
    let (kind, name) = place::word(rest);
    let name = name.strip_prefix("user ").filter(|_| kind == "invalid" || kind == "authenticating")?;
    Some(at(name, " ", Deed::Failed, end))
}

/// `refused connect from name (192.0.2.1)`, as tcpd's library has it.
fn wrapped(message: &str) -> Option<Reading<'_>> {
    let rest = message.strip_prefix("refused connect from ")?;
    let (_, address) = rest.strip_suffix(')')?.rsplit_once(" (")?;
    Some(Reading::of(place::address(address)?, Deed::Left, None, None))
}

/// Whoever went before it was decided whether he may come in.
fn went(message: &str) -> Option<Reading<'_>> {
    const PLAIN: [&str; 7] = [
        "Connection closed by ",
        "Connection reset by ",
        "Disconnected from ",
        "Received disconnect from ",
        "Unable to negotiate with ",
        "Did not receive identification string from ",
        "banner exchange: Connection from ",
    ];
    if let Some(rest) = PLAIN.iter().find_map(|begin| message.strip_prefix(begin)) {
        let (kind, name) = place::word(rest);
        let named = name.strip_prefix("user ").filter(|_| kind == "invalid" || kind == "authenticating");
        return Some(match named {
            Some(name) => at(name, " ", Deed::Left, is_end),
            None => plain(rest, Deed::Left).unwrap_or(Reading::Nothing),
        });
    }
    let version = message.strip_prefix("Bad protocol version identification '")?;
    let end = |rest: &str| {
        let (port, rest) = place::port(rest);
        End { port, is: port.is_some() && rest.is_empty(), is_plain: true }
    };
    Some(at(version, "' from ", Deed::Left, end))
}

/// An address at the very beginning, where no stranger's word stands before it.
fn plain<'l>(text: &'l str, deed: Deed<'l>) -> Option<Reading<'l>> {
    let (source, rest): (IpAddr, &str) = leading(text)?;
    Some(Reading::of(source, deed, None, place::port(rest).0))
}

/// An address, behind which a colon may stand that is not its own.
fn leading(text: &str) -> Option<(IpAddr, &str)> {
    let (first, _) = place::word(text);
    let end = first.strip_suffix(':').map_or(first.len(), str::len);
    Some((place::address(&text[..end])?, &text[end..]))
}
