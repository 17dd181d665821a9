//! What vsftpd writes (vsftpd.conf(5), `xferlog_std_format=NO`; logging.c).

use super::{Deed, Reading, pam, place};

const CLIENT: &str = " LOGIN: Client \"";
/// A stranger chooses what follows the address in any other line.
const ADDRESSED: &str = " Client \"";

/// Reads `[pid 2] [user] FAIL LOGIN: Client "192.0.2.1"`, or what PAM says for it.
pub(super) fn read(message: &str) -> Reading<'_> {
    if let Some(reading) = pam::read(message) {
        return reading;
    }
    let Some(at) = message.find(CLIENT) else { return Reading::Nothing };
    if message.matches(ADDRESSED).count() > 1 {
        return Reading::Ambiguous;
    }
    let (before, after) = (&message[..at], &message[at + CLIENT.len()..]);
    let (before, deed) = match (before.strip_suffix(" FAIL"), before.strip_suffix(" OK")) {
        (Some(before), _) => (before, Deed::Failed),
        (None, Some(before)) => (before, Deed::Welcome),
        (None, None) => return Reading::Nothing,
    };
    let Some((source, rest)) = place::leading(after, &['"']) else { return Reading::Nothing };
    // Anybody may come as nobody.
    if rest.trim_end() != "\"" {
        return Reading::Nothing;
    }
    let user = before.strip_suffix(']').and_then(|before| before.split_once("] [")).map(|(_, user)| user);
    Reading::of(source, deed, user, None)
}
