//! What Postfix writes (smtpd/smtpd.c, smtpd_sasl_glue.c, postscreen): a client is `name[address]`, and its name has been looked up, so
//! that it holds no space and no bracket.

use core::net::IpAddr;

use super::{Deed, Reading, place};

/// Reads what a daemon of it says of a client.
pub(super) fn read(message: &str) -> Reading<'_> {
    let found = if let Some(rest) = message.strip_prefix("warning: ") { sasl(rest) } else { said(message) };
    found.unwrap_or(Reading::Nothing)
}

/// `host[192.0.2.1]: SASL LOGIN authentication failed: reason`.
fn sasl(warning: &str) -> Option<Reading<'_>> {
    let (source, rest) = client(warning)?;
    let rest = rest.strip_prefix(": SASL ")?;
    let (_, why) = rest.split_once(" authentication failed:")?;
    let why = why.trim_start();
    // It is the server's own fault.
    if why.starts_with("Connection lost to authentication server") || why.starts_with("temporary failure") {
        return Some(Reading::Nothing);
    }
    // Nothing was tried that could have been right.
    if why.starts_with("Invalid authentication mechanism") {
        return Some(Reading::of(source, Deed::Left, None, None));
    }
    let user = why.rsplit_once("sasl_username=").map(|(_, user)| user);
    Some(Reading::of(source, Deed::Failed, user, None))
}

fn said(message: &str) -> Option<Reading<'_>> {
    let (first, rest) = place::word(message);
    if let ("disconnect", Some(rest)) = (first, rest.strip_prefix("from ")) {
        return client(rest).map(|(source, _)| Reading::of(source, Deed::Left, None, None));
    }
    if let ("lost" | "improper" | "too", Some((_, rest))) = (first, rest.split_once(" after ")) {
        // A command is one word.
        let rest = place::word(rest).1.strip_prefix("from ")?;
        return client(rest).map(|(source, _)| Reading::of(source, Deed::Left, None, None));
    }
    if ["PREGREET", "HANGUP", "COMMAND"].contains(&first) {
        // What the client said comes after it.
        let (_, rest) = rest.split_once(" from ")?;
        return client(rest).map(|(source, _)| Reading::of(source, Deed::Left, None, None));
    }
    let rest = first.strip_suffix(':').map(|_| rest)?;
    if let Some(rest) = rest.strip_prefix("client=") {
        let (source, rest) = client(rest)?;
        let user = rest.split_once(", sasl_username=").map(|(_, user)| user)?;
        return Some(Reading::of(source, Deed::Welcome, Some(user), None));
    }
    let rest = rest.strip_prefix("reject: ").or_else(|| rest.strip_prefix("milter-reject: "))?;
    let rest = place::word(rest).1.strip_prefix("from ")?;
    client(rest).map(|(source, _)| Reading::of(source, Deed::Refused, None, None))
}

/// A client at the beginning of `text`, and what follows.
fn client(text: &str) -> Option<(IpAddr, &str)> {
    let at = text.find(['[', ' '])?;
    let rest = text[at..].strip_prefix('[')?;
    let (source, rest) = place::leading(rest, &[']'])?;
    let rest = rest.strip_prefix(']')?;
    // postscreen adds the port.
    let digits = |rest: &'_ str| rest.bytes().take_while(u8::is_ascii_digit).count();
    let count = rest.strip_prefix(':').map_or(0, digits);
    Some((source, if count == 0 { rest } else { &rest[1 + count..] }))
}
