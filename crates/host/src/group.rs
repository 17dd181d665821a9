//! The groups of /etc/group (group(5)).

use std::{io, path::Path};

use crate::proc;

/// As many bytes of the table are read; groups with many members have long lines.
const BYTES_MAX: usize = 8 << 20;

/// The table of groups.
#[derive(Debug, Default)]
pub struct Groups(Vec<u8>);

impl Groups {
    /// The table of this host.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn read() -> io::Result<Self> {
        Self::below(Path::new("/"))
    }

    fn below(root: &Path) -> io::Result<Self> {
        proc::read(root.join("etc/group"), BYTES_MAX).map(Self)
    }

    /// The number of the group of this name; a number is its own.
    ///
    /// The last number stands for none (chown(2)).
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        let listed = self.entries().find(|(listed, _)| listed == name).map(|(_, gid)| gid);
        let digits = name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok()).flatten();
        listed.or(digits).filter(|&gid| gid != u32::MAX)
    }

    /// The name of a group; its number as text where it has none.
    #[must_use]
    pub fn name(&self, gid: u32) -> String {
        let listed = self.entries().find(|(_, listed)| *listed == gid).map(|(name, _)| name);
        listed.unwrap_or_else(|| gid.to_string())
    }

    /// Every group, in the order of the table; a line that is none is passed over.
    fn entries(&self) -> impl Iterator<Item = (String, u32)> {
        self.0.split(|&byte| byte == b'\n').filter_map(|line| {
            let mut fields = line.split(|&byte| byte == b':');
            let (name, gid) = (fields.next().filter(|name| !name.is_empty())?, fields.nth(1)?);
            Some((proc::text(name), std::str::from_utf8(gid).ok()?.parse().ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_a_name_in_the_table_or_a_number() {
        let groups = Groups(b"root:x:0:\nbroken\n:x:7:\nstaff:x:50:a,b\nodd:x:-1:\n".into());
        let number = |name: &str| groups.number(name);
        assert_eq!(["staff", "50", "4711", "0"].map(number), [Some(50), Some(50), Some(4711), Some(0)]);
        assert_eq!(["", "stuff", "odd", "-1", "+1", "4294967295", "4294967296"].map(number), [None; 7]);
        assert_eq!((groups.name(50), groups.name(51)), ("staff".into(), "51".into()));
        assert!(Groups::below(Path::new("/nowhere")).is_err());
    }
}
