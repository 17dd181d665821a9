//! A line in the system's journal about a change that was made (RFC 3164, syslog(3)).

use std::os::unix::net::UnixDatagram;

use portreeve_core::receipt::Receipt;

/// Where the journal, or syslog, takes lines from anybody.
const SOCKET: &str = "/dev/log";
/// LOG_AUTHPRIV | LOG_NOTICE (syslog(3)): who changed what keeps others out.
const PRIORITY: u32 = (10 << 3) | 5;

/// Writes the line; where nobody takes it, the receipt is kept all the same.
pub(super) fn tell(receipt: &Receipt) {
    let Ok(socket) = UnixDatagram::unbound() else { return };
    if socket.set_nonblocking(true).is_ok() {
        let _ = socket.send_to(line(receipt, std::process::id()).as_bytes(), SOCKET);
    }
}

fn line(receipt: &Receipt, pid: u32) -> String {
    let who = &receipt.who;
    let login = who.login_uid.map_or_else(String::new, |uid| format!(", login uid {uid}"));
    let sudo = who.sudo_user.as_deref().map_or_else(String::new, |user| format!(", by sudo for {user}"));
    let (number, word, uid) = (receipt.number, super::word(&receipt.deed), who.uid);
    format!("<{PRIORITY}>portreeve[{pid}]: gate: {word}, receipt {number}, uid {uid}{login}{sudo}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use portreeve_core::receipt::{Deed, LAYOUT, Outcome, Who};

    #[test]
    fn the_line_says_who_did_what() {
        let who = Who { uid: 0, login_uid: Some(1000), sudo_user: Some("alice".into()) };
        let (at, outcome) = (Timestamp::UNIX_EPOCH, Outcome::Done);
        let deed = Deed::Confirm { of: 6 };
        let (seen, made, rehearsed, boot_id) = (None, None, None, None);
        let receipt =
            Receipt { layout: LAYOUT, number: 7, at, who, deed, seen, made, outcome, rehearsed, boot_id };
        let told = "<85>portreeve[9]: gate: confirm, receipt 7, uid 0, login uid 1000, by sudo for alice";
        assert_eq!(line(&receipt, 9), told);
    }
}
