//! A line in the system's journal about a change that was made (RFC 3164, syslog(3)).

use std::{fmt::Display, os::unix::net::UnixDatagram};

use portreeve_core::receipt::{Cause, Deed, Means, Receipt};

/// Where the journal, or syslog, takes lines from anybody.
const SOCKET: &str = "/dev/log";
/// LOG_AUTHPRIV | LOG_NOTICE (syslog(3)): who changed what keeps others out.
const PRIORITY: u32 = (10 << 3) | 5;
/// Ports that one line names.
const PORTS_MAX: usize = 16;

/// Writes the line; where nobody takes it, the receipt is kept all the same.
pub(super) fn tell(receipt: &Receipt) {
    let Ok(socket) = UnixDatagram::unbound() else { return };
    if socket.set_nonblocking(true).is_ok() {
        let _ = socket.send_to(line(receipt, std::process::id()).as_bytes(), SOCKET);
    }
}

/// The word for what a change does.
fn word(deed: &Deed) -> &'static str {
    match deed {
        Deed::Gate { cause: Cause::Apply, .. } => "apply",
        Deed::Gate { cause: Cause::Close | Cause::ClosePorts(_), .. } => "close",
        Deed::Gate { cause: Cause::Off, .. } => "off",
        Deed::Gate { cause: Cause::Boot, .. } => "boot",
        Deed::Gate { cause: Cause::Undo(_), .. } => "undo",
        Deed::Confirm { .. } => "confirm",
        Deed::TakeBack { .. } => "take-back",
        Deed::Open { .. } => "open",
        Deed::Shut { .. } => "shut",
        Deed::Block { .. } => "block",
        Deed::Unblock { .. } => "unblock",
        Deed::Reserve { .. } => "reserve",
        Deed::Programs { now, was, .. } if now.rules == was.rules && now.routes != was.routes => "steer",
        Deed::Programs { .. } => "guard",
        Deed::Lead { .. } => "move",
        Deed::Halt { by: Means::Stop, .. } => "stop",
        Deed::Halt { by: Means::Unlisten, .. } => "unlisten",
    }
}

fn line(receipt: &Receipt, pid: u32) -> String {
    let who = &receipt.who;
    let login = who.login_uid.map_or_else(String::new, |uid| format!(", login uid {uid}"));
    let sudo = who.sudo_user.as_deref().map_or_else(String::new, |user| format!(", by sudo for {user}"));
    let (number, word, uid) = (receipt.number, word(&receipt.deed), who.uid);
    let what = what(&receipt.deed);
    let whose = match receipt.deed {
        Deed::Programs { .. } => "guard",
        Deed::Lead { .. } => "steer",
        _ => "gate",
    };
    format!("<{PRIORITY}>portreeve[{pid}]: {whose}: {word}{what}, receipt {number}, uid {uid}{login}{sudo}")
}

/// The ports or the source that it is about, behind a space.
fn what(deed: &Deed) -> String {
    match deed {
        Deed::Gate { cause: Cause::ClosePorts(ports), .. } | Deed::Halt { ports, .. } => {
            named(ports.iter().map(|ports| &ports.0))
        }
        Deed::Open { ports, .. } | Deed::Shut { ports, .. } => format!(" {}", ports.0),
        Deed::Block { source, .. } | Deed::Unblock { source } => format!(" {source}"),
        Deed::Reserve { ports, .. } => named(ports.iter()),
        Deed::Programs { now, .. } => {
            format!(" {} ports, {} routes", now.rules.entries.len(), now.routes.0.len())
        }
        Deed::Lead { service, .. } => format!(" {}", service.escape_debug()),
        _ => String::new(),
    }
}

/// Each behind a space, as many as one line names.
fn named(ports: impl ExactSizeIterator<Item = impl Display>) -> String {
    let more = if ports.len() > PORTS_MAX { " …" } else { "" };
    ports.take(PORTS_MAX).map(|port| format!(" {port}")).collect::<String>() + more
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use portreeve_core::receipt::{Becomes, LAYOUT, Outcome, Ports, Was, Who};

    #[test]
    fn the_line_says_who_did_what() {
        let who = Who { uid: 0, login_uid: Some(1000), sudo_user: Some("alice".into()) };
        let (at, outcome) = (Timestamp::UNIX_EPOCH, Outcome::Done);
        let deed = Deed::Confirm { of: 6 };
        let (seen, made, rehearsed) = (None, None, None);
        let receipt = Receipt {
            layout: LAYOUT,
            number: 7,
            at,
            who,
            deed,
            seen,
            made,
            outcome,
            gate: None,
            rehearsed,
            reserves: None,
            tells: None,
            boot_id: None,
            booted: None,
        };
        let told = "<85>portreeve[9]: gate: confirm, receipt 7, uid 0, login uid 1000, by sudo for alice";
        assert_eq!(line(&receipt, 9), told);
        let ports = |ports: &str| Ports(ports.parse().unwrap());
        let cause = Cause::ClosePorts(vec![ports("8080/tcp"), ports("53/udp")]);
        let deed = Deed::Gate { cause, becomes: Becomes::Gate, was: Was::Nothing, until: None };
        let told = line(&Receipt { deed, ..receipt }, 9);
        assert!(
            told.starts_with("<85>portreeve[9]: gate: close 8080/tcp 53/udp, receipt 7, uid 0"),
            "{told}"
        );
    }
}
