//! A roll of observed identities that answers whom an owner means without asking each of them (A24).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use super::{Identity, Match, Owner, service_of};

/// Identities by every name that an owner could call them.
#[derive(Clone, Debug, Default)]
pub struct Roll<'a> {
    identities: Vec<Identity<'a>>,
    by_name: BTreeMap<String, Vec<usize>>,
}

impl<'a> Roll<'a> {
    /// The roll of `identities`; answers are positions in it.
    #[must_use]
    pub fn new(identities: Vec<Identity<'a>>) -> Self {
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, identity) in identities.iter().enumerate() {
            for name in names(identity) {
                by_name.entry(name).or_default().push(index);
            }
        }
        Self { identities, by_name }
    }

    /// The positions of those whom any of `owners` surely means, in order.
    #[must_use]
    pub fn meant_by(&self, owners: &[Owner]) -> BTreeSet<usize> {
        owners
            .iter()
            .flat_map(|owner| {
                self.candidates(owner).filter(|&index| self.identities[index].matches(owner) == Match::Yes)
            })
            .collect()
    }

    /// Those with a name that begins as the owner's does: a few, among whom are all that it means.
    fn candidates(&self, owner: &Owner) -> impl Iterator<Item = usize> {
        let stem = stem(owner);
        self.by_name
            .range(stem.clone()..)
            .take_while(move |(name, _)| name.starts_with(&stem))
            .flat_map(|(_, indices)| indices.iter().copied())
    }
}

/// How every name that `owner` means begins.
fn stem(owner: &Owner) -> String {
    match owner {
        Owner::Unit(pattern) => match pattern.split_once('*') {
            Some((before, _)) => before.into(),
            None => service_of(pattern),
        },
        Owner::Cgroup(path) => path.trim_matches('/').into(),
        other => other.value().into(),
    }
}

fn names(identity: &Identity<'_>) -> Vec<String> {
    let container = identity.container.into_iter().flat_map(|container| {
        [Some(container.id.as_str()), container.name.as_deref()].into_iter().flatten().map(String::from)
    });
    let plain = [identity.exe, identity.script, identity.user].into_iter().flatten().map(String::from);
    identity
        .unit
        .map(service_of)
        .into_iter()
        .chain(identity.cgroup.map(|path| path.trim_matches('/').into()))
        .chain(container)
        .chain(plain)
        .chain(identity.uid.map(|uid| alloc::format!("{uid}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Container;

    #[test]
    fn the_roll_finds_all_whom_asking_each_would_find() {
        let container = Container {
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
            Identity { exe: Some("/usr/bin/python3"), script: Some("/srv/app.py"), ..Identity::default() },
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
            Owner::Exe("/srv/app.py".into()),
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
