//! What is not wrong with a policy but worth a look: what the parser doubts, and what this host does not have (A15).

use portreeve_core::{
    owner::Owner,
    policy::{Mistake, Parsed, Place, Policy, Service},
    text,
    words::Text,
};
use portreeve_host::present::{Presence, Tree};

/// A point to check. It is put into words only when it is told: a policy meant for another host raises thousands.
pub(super) enum Doubt<'p> {
    /// The writer may have meant something else.
    Written(&'p Mistake),
    /// This host lacks an owner; another may have it, so it is no mistake.
    Absent(&'p Service, &'p Owner),
    /// The executable is a link: the kernel shows this path, so the owner would never be recognised.
    Link(&'p Service, &'p str, String),
    /// No advisories stand where they are said to be, at this place and of this width.
    Unadvised(&'p str, &'p Place, u32),
    /// The unit runs by another name, so the owner would never be recognised.
    Alias(&'p Service, &'p str, String),
}

/// Every doubt about a policy, in order of place.
pub(super) fn doubts(parsed: &Parsed) -> Vec<Doubt<'_>> {
    let tree = Tree::default();
    let mut doubts: Vec<_> = parsed.warnings.iter().map(Doubt::Written).collect();
    for service in &parsed.policy.services {
        let absent = missing(&service.owners, |owner| presence(owner, &tree));
        doubts.extend(absent.into_iter().map(|owner| Doubt::Absent(service, owner)));
        doubts.extend(service.owners.iter().filter_map(|owner| link(service, owner, &tree)));
        doubts.extend(service.owners.iter().filter_map(|owner| alias(service, owner, &tree)));
    }
    doubts.extend(unadvised(parsed, &tree));
    doubts.sort_by(|a, b| a.place().cmp(b.place()));
    doubts
}

/// An audit ends there; whoever checks his policy hears of it before.
fn unadvised<'p>(parsed: &'p Parsed, tree: &Tree) -> Option<Doubt<'p>> {
    let path = parsed.policy.advisories.as_deref()?;
    let (place, width) = parsed.advisories.as_ref()?;
    (tree.file(path) == Presence::Absent).then_some(Doubt::Unadvised(path, place, *width))
}

/// The owners of `policy` that run by another name, each with what to write.
pub(in crate::commands) fn aliases(policy: &Policy) -> Vec<Mistake> {
    let tree = Tree::default();
    let of = |service: &Service| -> Vec<Mistake> {
        let found = service.owners.iter().filter_map(|owner| alias(service, owner, &tree));
        found.map(|doubt| doubt.told()).collect()
    };
    policy.services.iter().flat_map(of).collect()
}

/// The owners that are not there, but for a unit that somebody starts when he needs it, as his tests of the one that it is called
/// after.
fn missing(owners: &[Owner], presence: impl Fn(&Owner) -> Presence) -> Vec<&Owner> {
    let is_there = |other: &&Owner| presence(other) == Presence::Present;
    let is_helper = |owner: &Owner| owners.iter().filter(is_there).any(|other| owner.is_called_after(other));
    let absent = owners.iter().filter(|owner| presence(owner) == Presence::Absent);
    absent.filter(|owner| !is_helper(owner)).collect()
}

fn presence(owner: &Owner, tree: &Tree) -> Presence {
    match owner {
        Owner::Unit(unit) => tree.unit(unit),
        Owner::User(user) => tree.user(user),
        Owner::Exe(path) => tree.file(path),
        Owner::Cgroup(_) | Owner::Container(_) | Owner::Mark(_) => Presence::Unknown,
    }
}

fn link<'p>(service: &'p Service, owner: &'p Owner, tree: &Tree) -> Option<Doubt<'p>> {
    let Owner::Exe(path) = owner else { return None };
    let shown = tree.shown(path).filter(|shown| shown != path)?;
    Some(Doubt::Link(service, path, shown))
}

fn alias<'p>(service: &'p Service, owner: &'p Owner, tree: &Tree) -> Option<Doubt<'p>> {
    let Owner::Unit(unit) = owner else { return None };
    Some(Doubt::Alias(service, unit, tree.own_name(unit)?))
}

impl Doubt<'_> {
    fn place(&self) -> &Place {
        match self {
            Self::Written(mistake) => &mistake.place,
            Self::Unadvised(_, place, _) => place,
            Self::Absent(service, _) | Self::Link(service, ..) | Self::Alias(service, ..) => &service.place,
        }
    }

    /// The doubt in words.
    pub(super) fn told(&self) -> Mistake {
        match self {
            Self::Written(mistake) => (*mistake).clone(),
            Self::Absent(service, owner) => absence(service, owner),
            Self::Link(service, path, shown) => linking(service, path, shown),
            Self::Alias(service, unit, own) => calling(service, unit, own),
            Self::Unadvised(path, place, width) => silence(path, place, *width),
        }
    }
}

fn absence(service: &Service, owner: &Owner) -> Mistake {
    let (name, value) = (&service.name, owner.value());
    let what = match owner {
        Owner::Unit(_) => text!(
            "service.{name} belongs to the unit {value}, which this host does not have",
            "service.{name} の所有者であるユニット {value} がこのホストにありません"
        ),
        Owner::User(_) => text!(
            "service.{name} belongs to the user {value}, whom this host does not know",
            "service.{name} の所有者であるユーザー {value} がこのホストに存在しません"
        ),
        _ => text!(
            "service.{name} belongs to {value}, which does not exist on this host",
            "service.{name} の所有者である {value} がこのホストに存在しません"
        ),
    };
    let fix = text!(
        "install it, or correct the owner; on another host this may be right",
        "インストールするか、owner を直してください(別のホスト用の policy なら問題ありません)"
    );
    about(service, what, fix)
}

fn silence(path: &str, place: &Place, width: u32) -> Mistake {
    Mistake {
        place: place.clone(),
        width,
        also: None,
        text: text!(
            "there are no advisories: {path} does not exist on this host",
            "アドバイザリがありません。{path} がこのホストに存在しません"
        ),
        fix: text!(
            "put them there, or correct the path; on another host this may be right",
            "アドバイザリを置くか、パスを直してください(別のホスト用の policy なら問題ありません)"
        ),
    }
}

fn linking(service: &Service, path: &str, shown: &str) -> Mistake {
    let name = &service.name;
    about(
        service,
        text!(
            "service.{name} belongs to {path}, a link: the kernel shows {shown} for what runs",
            "service.{name} の所有者 {path} はシンボリックリンクです。実行中のプロセスについてカーネルが示すのは {shown} です"
        ),
        text!(
            "write {{ exe = \"{shown}\" }}, or name its unit",
            "{{ exe = \"{shown}\" }} と書くか、ユニットを指定してください"
        ),
    )
}

fn calling(service: &Service, unit: &str, own: &str) -> Mistake {
    let name = &service.name;
    about(
        service,
        text!(
            "service.{name} belongs to the unit {unit}, another name of {own}, by which it runs",
            "service.{name} の所有者であるユニット {unit} は {own} の別名です。実行中のユニット名は {own} になります"
        ),
        text!("write {{ unit = \"{own}\" }}", "{{ unit = \"{own}\" }} と書いてください"),
    )
}

fn about(service: &Service, what: Text, fix: Text) -> Mistake {
    Mistake {
        place: service.place.clone(),
        width: u32::try_from(service.name.chars().count()).unwrap_or(1),
        also: None,
        text: what,
        fix,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_tests_another_owner_need_not_be_there() {
        let missing = |units: &[&str]| {
            let owners: Vec<_> = units.iter().map(|unit| Owner::Unit((*unit).into())).collect();
            let is_nginx = |owner: &Owner| owner.value() == "nginx.service";
            let presence = |owner: &Owner| if is_nginx(owner) { Presence::Present } else { Presence::Absent };
            missing(&owners, presence).into_iter().map(|owner| owner.value().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(missing(&["nginx.service", "nginx-test.service"]), [""; 0]);
        for slip in ["ngnix.service", "nginxx.service", "nginx-test.socket", "apache2.service"] {
            assert_eq!(missing(&["nginx.service", slip]), [slip]);
        }
        let both = ["apache2.service", "apache2-test.service"];
        assert_eq!(missing(&both), both, "nobody is there whom it could test");
    }
}
