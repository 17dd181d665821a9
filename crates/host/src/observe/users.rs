//! Names of users from /etc/passwd (passwd(5)).

use std::collections::HashMap;

use crate::proc;

const PASSWD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The names of users by number.
#[derive(Debug, Default)]
pub(super) struct Users(HashMap<u32, String>);

impl Users {
    /// Reads the host's table; a user that stands elsewhere (LDAP) keeps the number.
    pub(super) fn read() -> Self {
        Self::parse(&proc::read("/etc/passwd", PASSWD_BYTES_MAX).unwrap_or_default())
    }

    fn parse(bytes: &[u8]) -> Self {
        let mut names = HashMap::new();
        for line in bytes.split(|&byte| byte == b'\n') {
            let mut fields = line.split(|&byte| byte == b':');
            let (Some(name), Some(uid)) = (fields.next(), fields.nth(1)) else { continue };
            let Some(uid) = std::str::from_utf8(uid).ok().and_then(|uid| uid.parse().ok()) else { continue };
            names.entry(uid).or_insert_with(|| proc::text(name));
        }
        Self(names)
    }

    /// The name, or the number as text where there is none.
    pub(super) fn name(&self, uid: u32) -> String {
        self.0.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_number_counts() {
        let users =
            Users::parse(b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbroken\nwww-data:x:33:33:::\n");
        assert_eq!([users.name(0), users.name(33), users.name(7)], ["root", "www-data", "7"]);
    }
}
