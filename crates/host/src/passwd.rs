//! Reads the accounts of /etc/passwd (passwd(5)).

use std::{io, path::Path};

use crate::proc;

/// As many bytes of the table are read: a hundred thousand accounts.
const BYTES_MAX: usize = 8 << 20;

/// The number of the account of this name on this host; `None` where the table has no such account, or cannot be read.
#[must_use]
pub fn number(name: &str) -> Option<u32> {
    let passwd = Passwd::below(Path::new("/")).ok()?;
    passwd.accounts().find(|(listed, _)| listed == name).map(|(_, uid)| uid)
}

/// The name of the first account with this number; `None` where the table has none, or cannot be read.
#[must_use]
pub fn name(uid: u32) -> Option<String> {
    let passwd = Passwd::below(Path::new("/")).ok()?;
    passwd.accounts().find(|(_, listed)| *listed == uid).map(|(name, _)| name)
}

/// The table below a root, `/` on a real host.
#[derive(Debug, Default)]
pub(crate) struct Passwd(Vec<u8>);

impl Passwd {
    pub(crate) fn below(root: &Path) -> io::Result<Self> {
        proc::read(root.join("etc/passwd"), BYTES_MAX).map(Self)
    }

    /// Whether it was read to its end.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.len() < BYTES_MAX
    }

    /// Every account's name and number, in the order of the table; a line that is none is passed over.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = (String, u32)> {
        self.0.split(|&byte| byte == b'\n').filter_map(|line| {
            let mut fields = line.split(|&byte| byte == b':');
            let (name, uid) = (fields.next()?, fields.nth(1)?);
            Some((proc::text(name), std::str::from_utf8(uid).ok()?.parse().ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_accounts_are_passed_over() {
        let passwd =
            Passwd(b"root:x:0:0::/root:/bin/sh\nbroken\n\na:x:-1:\n+::::::\nwww-data:x:33:33:::".into());
        let accounts: Vec<_> = passwd.accounts().collect();
        assert_eq!(accounts, [("root".into(), 0), ("www-data".into(), 33)]);
        assert!(passwd.is_whole());
    }

    #[test]
    fn what_is_cut_off_is_not_whole() {
        assert!(!Passwd(vec![b'x'; BYTES_MAX]).is_whole());
        assert!(Passwd::below(Path::new("/nowhere")).is_err());
    }

    #[test]
    fn an_account_has_a_number() {
        assert_eq!((number("root"), number("no such account")), (Some(0), None));
    }
}
