//! What vsftpd writes (vsftpd.conf(5), `xferlog_std_format=NO`; logging.c).

use super::{Deed, Reading, pam, place};

const CLIENT: &str = " LOGIN: Client \"";

/// Reads `[pid 2] [user] FAIL LOGIN: Client "192.0.2.1"`, or what PAM says for it.
pub(super) fn read(message: &str) -> Reading<'_> {
    if let Some(reading) = pam::read(message) {
        return reading;
    }
    let mut found = message.match_indices(CLIENT);
    let Some((at, _)) = found.next() else { return Reading::Nothing };
    if found.next().is_some() {
        return Reading::Ambiguous;
    }
    let (before, after) = (&message[..at], &message[at + CLIENT.len()..]);
    let (before, deed) = match (before.strip_suffix(" FAIL"), before.strip_suffix(" OK")) {
        (Some(before), _) => (before, Deed::Failed),
        (None, Some(before)) => (before, Deed::Welcome),
        (None, None) => return Reading::Nothing,
    };
    let Some((source, _)) = place::leading(after, &['"']) else { return Reading::Nothing };
    let user = before.strip_suffix(']').and_then(|before| before.split_once("] [")).map(|(_, user)| user);
    Reading::of(source, deed, user, None)
}
