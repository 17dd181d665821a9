//! Who holds a listener, in the words of a table.

use portreeve_core::{
    facts::{Container, HolderGap, Listener, Process},
    owner::Identity,
    unit::is_service_or_socket,
    words::{Lang, Words},
    world::World,
};

/// Stands where somebody exists and cannot be seen.
pub(crate) const UNSEEN: &str = "?";
/// Stands where the kernel itself holds it, and no process.
pub(crate) const KERNEL: Words = Words { en: "kernel", ja: "カーネル" };
/// Follows the unit of whoever opened a socket, where it is not known who holds it now.
const OPENER: Words = Words { en: " (opener)", ja: "(開いたユニット)" };

/// What tells the owner of `listener` from others and outlasts a restart; `None` where too little was seen.
pub(crate) fn lasting<'a>(world: &World<'a>, listener: &'a Listener) -> Option<String> {
    world.identities(listener).first().and_then(Identity::lasting)
}

/// Everybody who is seen to hold it, each owner once; the unit that opened it where nobody is.
pub(crate) fn owners<'a>(world: &World<'a>, listener: &'a Listener, lang: Lang) -> Vec<String> {
    let mut owners: Vec<String> = Vec::new();
    for (_, process) in world.snapshot.holders(listener) {
        let owner = of_process(process, listener);
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    if owners.is_empty() { vec![of_socket(listener, lang)] } else { owners }
}

/// The owner: container, service unit, or program with its user; marked as such, the unit that opened it where nobody
/// is seen to hold it.
pub(crate) fn owner<'a>(world: &World<'a>, listener: &'a Listener, lang: Lang) -> String {
    match world.main_holder(listener) {
        Some((_, process)) => of_process(process, listener),
        None => of_socket(listener, lang),
    }
}

/// The owner that a holder of `listener` is.
pub(crate) fn of_process(process: &Process, listener: &Listener) -> String {
    let identity = Identity::of_holder(process, listener);
    let is_program = identity.container.is_none() && !identity.unit.is_some_and(is_service_or_socket);
    let owner = identity.lasting().filter(|_| !is_program).unwrap_or_else(|| program(process));
    match identity.container.and_then(|container| container.image.as_deref()) {
        Some(image) => format!("{owner} ({image})"),
        None => owner,
    }
}

/// A container as its person knows it: `docker shop (nginx:1)`, and whose it is where it is not the host's.
pub(crate) fn container(container: &Container) -> String {
    let Container { runtime, id, name, image, rootless, published: _ } = container;
    let rootless = if *rootless && !container.is_package() { "rootless " } else { "" };
    let image = image.as_ref().map(|image| format!(" ({image})")).unwrap_or_default();
    format!("{rootless}{runtime} {}{image}", name.as_deref().unwrap_or(id))
}

/// The main process and how many others hold it: `nginx 812 +4`.
pub(crate) fn process<'a>(world: &World<'a>, listener: &'a Listener, lang: Lang) -> String {
    let mut pids: Vec<_> = listener.holders.iter().map(|hold| hold.pid).collect();
    pids.dedup();
    match world.main_holder(listener) {
        None if listener.gap == Some(HolderGap::Kernel) => KERNEL.in_lang(lang).into(),
        None => UNSEEN.into(),
        Some((hold, process)) if pids.len() < 2 => format!("{} {}", process.called(), hold.pid),
        Some((hold, process)) => format!("{} {} +{}", process.called(), hold.pid, pids.len() - 1),
    }
}

fn of_socket(listener: &Listener, lang: Lang) -> String {
    match (listener.gap, &listener.socket_unit) {
        (Some(HolderGap::Kernel), _) => KERNEL.in_lang(lang).into(),
        (_, Some(unit)) => format!("{unit}{}", OPENER.in_lang(lang)),
        (_, None) => UNSEEN.into(),
    }
}

fn program(process: &Process) -> String {
    match &process.user {
        Some(user) => format!("{} ({user})", process.called()),
        None => process.called().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_called_by_its_name_and_else_by_its_id() {
        let shop = Container {
            runtime: "podman".into(),
            id: "ab".into(),
            name: Some("shop".into()),
            image: Some("shop:1".into()),
            rootless: false,
            published: Vec::new(),
        };
        assert_eq!(container(&shop), "podman shop (shop:1)");
        assert_eq!(container(&Container { rootless: true, ..shop.clone() }), "rootless podman shop (shop:1)");
        assert_eq!(container(&Container { name: None, image: None, ..shop.clone() }), "podman ab");
        let package = Container { runtime: "flatpak".into(), image: None, rootless: true, ..shop };
        assert_eq!(container(&package), "flatpak shop", "what is in a package is anybody's");
    }
}
