//! What a cgroup path says about a process: its unit, its user's unit, its container (A12).
//!
//! Only the host manager's units count as units: otherwise anybody could start a user unit called nginx.service (A24).

use alloc::string::{String, ToString};

use crate::{facts::Container, unit::is_user_manager};

/// What a path in the cgroup2 hierarchy tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// The host manager's unit.
    pub unit: Option<String>,
    /// A user manager's own unit, below `user@N.service`.
    pub user_unit: Option<String>,
    /// The container.
    pub container: Option<Container>,
}

/// Reads a cgroup2 path such as `/system.slice/nginx.service`.
///
/// The unit is the first component that ends in `.service`, `.scope` or `.socket` (systemd.unit(5)); below a
/// container nothing is a unit of the host. Below `user.slice` and `user@N.service` a person makes cgroups of any
/// name (systemd.resource-control(5), Delegate=): a container there is rootless, whatever it is called.
#[must_use]
pub fn read(path: &str) -> Whereabouts {
    let mut found = Whereabouts::default();
    let mut above = Above::default();
    for component in path.split('/').filter(|component| !["", ".."].contains(component)) {
        if found.unit.is_none() && is_unit(component) {
            found.unit = Some(component.to_string());
        } else if found.unit.as_deref().is_some_and(is_user_manager) && is_unit(component) {
            found.user_unit = found.user_unit.or_else(|| Some(component.to_string()));
        }
        above.belongs_to_user |= component == "user.slice" || is_user_manager(component);
        if let Some(container) = container(&above, component) {
            found.container = Some(Container { rootless: above.belongs_to_user, ..container });
            break;
        }
        above.depth += 1;
        above.parent = component;
    }
    found
}

/// What stands above a component of a path.
#[derive(Default)]
struct Above<'a> {
    parent: &'a str,
    depth: usize,
    belongs_to_user: bool,
}

fn is_unit(component: &str) -> bool {
    [".service", ".scope", ".socket"]
        .iter()
        .any(|suffix| component.len() > suffix.len() && component.ends_with(suffix))
}

/// The prefixes with which each runtime names its scope under the systemd cgroup driver.
const SCOPES: [(&str, &str); 6] = [
    ("docker-", "docker"),
    ("libpod-conmon-", ""),
    ("libpod-", "podman"),
    ("cri-containerd-", "containerd"),
    ("crio-", "kubernetes"),
    ("nerdctl-", "containerd"),
];

/// The directories below which each runtime names its cgroup under the cgroupfs driver.
const PARENTS: [(&str, &str); 5] = [
    ("docker", "docker"),
    ("libpod_parent", "podman"),
    ("lxc", "lxc"),
    ("garden", "garden"),
    ("buildkit", "buildkit"),
];

fn container(above: &Above<'_>, component: &str) -> Option<Container> {
    by_scope(component).or_else(|| by_parent(above, component)).or_else(|| by_marker(above, component))
}

fn by_scope(component: &str) -> Option<Container> {
    let stem = component.strip_suffix(".scope")?;
    let (prefix, runtime) = SCOPES.into_iter().find(|(prefix, _)| stem.starts_with(prefix))?;
    let id = stem.strip_prefix(prefix).filter(|id| is_container_id(id))?;
    (!runtime.is_empty()).then(|| named(runtime, id))
}

/// LXC's names are a person's words, not ids: they are believed where LXC puts them, directly below the root.
fn by_parent(above: &Above<'_>, component: &str) -> Option<Container> {
    let (_, runtime) = PARENTS.into_iter().find(|(name, _)| *name == above.parent)?;
    let believed = if runtime == "lxc" { above.depth == 1 } else { is_container_id(component) };
    believed.then(|| named(runtime, component))
}

/// `lxc.payload.web` at the root, and `machine-web.scope`: whatever systemd-machined knows (systemd-nspawn, libvirt).
fn by_marker(above: &Above<'_>, component: &str) -> Option<Container> {
    if let Some(id) = component.strip_prefix("lxc.payload.").filter(|_| above.depth == 0) {
        return Some(named("lxc", id));
    }
    let machine = component.strip_prefix("machine-").and_then(|rest| rest.strip_suffix(".scope"));
    machine.map(|name| named("machine", &unescape(name)))
}

/// A name as it was before systemd made a unit's name of it: `web\x2d1` is web-1 (systemd.unit(5), unit_name_escape).
///
/// A dash stands for a slash there, which no machine's name has (machinectl(1)), so a plain one is left alone, and so
/// is what is no escape or would not be text.
fn unescape(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find("\\x") {
        let (before, escape) = rest.split_at(at);
        text.push_str(before);
        let byte = escape.get(2..4).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(u8::is_ascii_graphic) {
            Some(byte) => text.push(char::from(byte)),
            None => text.push_str(escape.get(..4).unwrap_or(escape)),
        }
        rest = escape.get(4..).unwrap_or_default();
    }
    text + rest
}

fn named(runtime: &str, id: &str) -> Container {
    Container { runtime: runtime.into(), id: id.into(), name: None, image: None, rootless: false }
}

/// Docker, podman, containerd and CRI-O name containers by 64 hexadecimal digits; a prefix of 12 is common too.
fn is_container_id(text: &str) -> bool {
    text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn seen(path: &str) -> (Option<String>, Option<String>, Option<String>) {
        let found = read(path);
        (found.unit, found.user_unit, found.container.map(|container| container.runtime))
    }

    fn some(text: &str) -> Option<String> {
        Some(text.into())
    }

    #[test]
    fn the_first_unit_from_the_root_is_the_unit() {
        assert_eq!(seen("/system.slice/nginx.service"), (some("nginx.service"), None, None));
        assert_eq!(
            seen("/system.slice/system-postfix.slice/postfix@-.service"),
            (some("postfix@-.service"), None, None)
        );
        assert_eq!(seen("/system.slice/ssh.socket"), (some("ssh.socket"), None, None));
        assert_eq!(seen("/init.scope"), (some("init.scope"), None, None));
        assert_eq!(seen("/"), (None, None, None));
    }

    #[test]
    fn a_unit_of_a_users_manager_is_not_the_hosts_unit() {
        assert_eq!(
            seen("/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service"),
            (some("user@1000.service"), some("nginx.service"), None)
        );
        assert_eq!(
            seen("/user.slice/user-1000.slice/session-4.scope"),
            (some("session-4.scope"), None, None)
        );
    }

    #[test]
    fn nothing_below_a_container_is_a_unit_of_the_host() {
        let inside = alloc::format!("/docker/{ID}/system.slice/x.service");
        assert_eq!(seen(&inside), (None, None, some("docker")));
        let scope = alloc::format!("docker-{ID}.scope");
        let path = alloc::format!("/system.slice/{scope}/system.slice/x.service");
        assert_eq!(seen(&path), (Some(scope), None, some("docker")));
    }

    #[test]
    fn runtimes_are_told_apart() {
        for (path, runtime) in [
            (alloc::format!("/machine.slice/libpod-{ID}.scope/container"), "podman"),
            (alloc::format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope"), "containerd"),
            ("/lxc.payload.web/system.slice/a.service".into(), "lxc"),
            ("/machine.slice/machine-web.scope/payload".into(), "machine"),
        ] {
            assert_eq!(seen(&path).2, some(runtime), "{path}");
        }
        assert_eq!(seen(&alloc::format!("/machine.slice/libpod-conmon-{ID}.scope")).2, None);
    }

    #[test]
    fn a_machine_is_called_as_its_person_calls_it() {
        let id = |scope: &str| read(&alloc::format!("/machine.slice/{scope}")).container.map(|it| it.id);
        for (scope, name) in [
            ("machine-web.scope", "web"),
            ("machine-web\\x2d1.scope", "web-1"),
            ("machine-qemu\\x2d3\\x2dweb.scope", "qemu-3-web"),
            ("machine-web-1.scope", "web-1"),
            ("machine-a\\x2.scope", "a\\x2"),
            ("machine-a\\xzzb.scope", "a\\xzzb"),
            ("machine-a\\x1bb.scope", "a\\x1bb"),
            ("machine-é\\xé.scope", "é\\xé"),
        ] {
            assert_eq!(id(scope).as_deref(), Some(name), "{scope}");
        }
    }

    #[test]
    fn a_container_that_a_user_made_is_marked_as_theirs() {
        let user = "/user.slice/user-1000.slice/user@1000.service";
        let rootless = |path: &str| read(path).container.map(|container| container.rootless);
        for path in [
            alloc::format!("{user}/user.slice/libpod-{ID}.scope/container"),
            alloc::format!("{user}/app.slice/docker-{ID}.scope"),
            alloc::format!("{user}/app.slice/a.service/docker/{ID}"),
            alloc::format!("/user.slice/user-1000.slice/docker-{ID}.scope"),
            "/../../user.slice/user-1000.slice/machine-web.scope".into(),
        ] {
            assert_eq!(rootless(&path), Some(true), "{path}");
        }
        assert_eq!(rootless(&alloc::format!("/system.slice/docker-{ID}.scope")), Some(false));
        assert_eq!(rootless(&alloc::format!("/docker/{ID}/user.slice/x.scope")), Some(false));
    }

    #[test]
    fn lxc_stands_at_the_root_alone() {
        assert_eq!(seen("/lxc/web/system.slice").2, some("lxc"));
        for path in [
            "/user.slice/user-1000.slice/user@1000.service/app.slice/a.service/lxc/web",
            "/user.slice/user-1000.slice/user@1000.service/lxc.payload.web",
            "/system.slice/a.service/lxc/web",
            "/system.slice/a.service/lxc.payload.web",
        ] {
            assert_eq!(seen(path).2, None, "{path}");
        }
    }
}
