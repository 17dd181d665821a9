//! A roll of observed identities that answers whom an owner means without asking each of them (A24).

use alloc::{collections::BTreeSet, vec::Vec};

use super::{Identity, Match, Owner};
use crate::unit;

/// Identities by every name that an owner could call them.
#[derive(Clone, Debug, Default)]
pub struct Roll<'a> {
    identities: Vec<Identity<'a>>,
    /// Each with a position, in order of name.
    by_name: Vec<(&'a str, usize)>,
    by_uid: Vec<(u32, usize)>,
}

impl<'a> Roll<'a> {
    /// The roll of `identities`; answers are positions in it.
    #[must_use]
    pub fn new(identities: Vec<Identity<'a>>) -> Self {
        let (mut by_name, mut by_uid) = (Vec::new(), Vec::new());
        for (index, identity) in identities.iter().enumerate() {
            by_name.extend(names(identity).into_iter().flatten().map(|name| (name, index)));
            by_uid.extend(identity.uid.map(|uid| (uid, index)));
        }
        by_name.sort_unstable();
        by_uid.sort_unstable();
        Self { identities, by_name, by_uid }
    }

    /// The positions of those whom any of `owners` surely means, in order.
    #[must_use]
    pub fn meant_by(&self, owners: &[Owner]) -> BTreeSet<usize> {
        let meant = |owner: &Owner| {
            let candidates = self.named(beginning(owner)).chain(self.numbered(owner));
            candidates
                .filter(|&index| self.identities[index].matches(owner) == Match::Yes)
                .collect::<Vec<_>>()
        };
        owners.iter().flat_map(meant).collect()
    }

    /// Those with a name that begins as the owner's does: a few, among whom are all that it names.
    fn named(&self, beginning: &str) -> impl Iterator<Item = usize> {
        let first = self.by_name.partition_point(|(name, _)| *name < beginning);
        self.by_name[first..]
            .iter()
            .take_while(move |(name, _)| name.starts_with(beginning))
            .map(|(_, index)| *index)
    }

    fn numbered(&self, owner: &Owner) -> impl Iterator<Item = usize> {
        let uid: Option<u32> = match owner {
            Owner::User(user) => user.parse().ok(),
            _ => None,
        };
        let first = self.by_uid.partition_point(|(own, _)| Some(*own) < uid);
        self.by_uid[first..].iter().take_while(move |(own, _)| Some(*own) == uid).map(|(_, index)| *index)
    }
}

/// How every name that `owner` means begins: `x` for x.service, since x.socket is meant too.
fn beginning(owner: &Owner) -> &str {
    match owner {
        Owner::Unit(pattern) => match pattern.split_once('*') {
            Some((before, _)) => unit::accepting(pattern).unwrap_or(before),
            None => unit::served_by(pattern).0,
        },
        Owner::Cgroup(path) => path.trim_matches('/'),
        other => other.value(),
    }
}

fn names<'a>(identity: &Identity<'a>) -> [Option<&'a str>; 6] {
    let container = identity.container;
    [
        identity.unit,
        identity.cgroup.map(|path| path.trim_matches('/')),
        container.map(|container| container.id.as_str()),
        container.and_then(|container| container.name.as_deref()),
        identity.exe,
        identity.user,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Container;

    #[test]
    fn the_roll_finds_all_whom_asking_each_would_find() {
        let container = Container {
            rootless: false,
            published: Vec::new(),
            runtime: "docker".into(),
            id: "0123456789abcdef".into(),
            name: Some("shop".into()),
            image: None,
        };
        let identities = alloc::vec![
            Identity {
                unit: Some("nginx.service"),
                cgroup: Some("/system.slice/nginx.service"),
                ..Identity::default()
            },
            Identity {
                unit: Some("postgresql@15-main.service"),
                cgroup: Some("/system.slice/x"),
                ..Identity::default()
            },
            Identity { exe: Some("/usr/sbin/named"), ..Identity::default() },
            Identity { user: Some("dev"), uid: Some(1000), ..Identity::default() },
            Identity { container: Some(&container), cgroup: Some("/docker/1"), ..Identity::default() },
            Identity {
                unit: Some("ssh.socket"),
                cgroup: Some("/system.slice/ssh.socket"),
                ..Identity::default()
            },
        ];
        let owners = [
            Owner::Unit("nginx.service".into()),
            Owner::Unit("postgresql@*.service".into()),
            Owner::Unit("ssh.service".into()),
            Owner::Unit("ssh.socket".into()),
            Owner::Unit("ssh@*.service".into()),
            Owner::Exe("/usr/sbin/named".into()),
            Owner::User("1000".into()),
            Owner::User("dev".into()),
            Owner::Container("shop".into()),
            Owner::Container("0123456789ab".into()),
            Owner::Cgroup("/system.slice/".into()),
            Owner::Cgroup("/".into()),
        ];
        let roll = Roll::new(identities.clone());
        for owner in owners {
            let each: BTreeSet<usize> = identities
                .iter()
                .enumerate()
                .filter(|(_, identity)| identity.matches(&owner) == Match::Yes)
                .map(|(index, _)| index)
                .collect();
            assert!(!each.is_empty(), "{owner}");
            assert_eq!(roll.meant_by(core::slice::from_ref(&owner)), each, "{owner}");
        }
    }
}
