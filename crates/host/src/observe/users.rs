//! Names of users by number.

use std::{collections::HashMap, path::Path};

use crate::passwd::Passwd;

/// The names of users by number.
#[derive(Debug, Default)]
pub(super) struct Users(HashMap<u32, String>);

impl Users {
    /// Reads the host's table; a user that stands elsewhere (LDAP) keeps the number.
    pub(super) fn read() -> Self {
        Self::of(Passwd::below(Path::new("/")).unwrap_or_default().accounts())
    }

    fn of(accounts: impl Iterator<Item = (String, u32)>) -> Self {
        let mut names = HashMap::new();
        for (name, uid) in accounts {
            names.entry(uid).or_insert(name);
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
        let accounts = [("root".into(), 0), ("toor".into(), 0), ("www-data".into(), 33)];
        let users = Users::of(accounts.into_iter());
        assert_eq!([users.name(0), users.name(33), users.name(7)], ["root", "www-data", "7"]);
    }
}
