//! What a cgroup path says about a process: its unit, its user's unit, its container (A12).
//!
//! Only the host manager's units count as units: otherwise anybody could start a user unit called nginx.service (A24).

mod package;
mod runtime;

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
/// name (systemd.resource-control(5), Delegate=): a container there is rootless, whatever it is called. An engine that
/// comes as a snap has containers of its own below its service, and those count.
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
        above.belongs_to_pod |= runtime::is_pods(component);
        if let Some(container) = runtime::container(&above, component) {
            found.container = Some(Container { rootless: above.belongs_to_user, ..container });
            break;
        }
        if let Some(package) = package::container(&above, component) {
            found.container = Some(Container { rootless: above.belongs_to_user, ..package });
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
    belongs_to_pod: bool,
}

/// A container that only its cgroup tells of.
fn named(runtime: &str, id: &str) -> Container {
    Container { runtime: runtime.into(), id: id.into(), ..Container::default() }
}

fn is_unit(component: &str) -> bool {
    [".service", ".scope", ".socket"]
        .iter()
        .any(|suffix| component.len() > suffix.len() && component.ends_with(suffix))
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
    fn each_runtime_is_told_by_its_path() {
        let pod = "pod6a0c2f9e-0b7b-4b55-9d2a-3b9d8c1f0e11";
        let slice = "kubepods-burstable-pod6a0c2f9e_0b7b_4b55_9d2a_3b9d8c1f0e11.slice";
        for (path, runtime) in [
            (alloc::format!("/docker/{ID}"), "docker"),
            (alloc::format!("/system.slice/docker-{ID}.scope"), "docker"),
            (alloc::format!("/machine.slice/libpod-{ID}.scope/container"), "podman"),
            (alloc::format!("/machine.slice/machine-libpod_pod_ab.slice/libpod-{ID}.scope"), "podman"),
            (alloc::format!("/libpod_parent/libpod-{ID}"), "podman"),
            (alloc::format!("/system.slice/shop.service/libpod-payload-{ID}"), "podman"),
            (alloc::format!("/system.slice/nerdctl-{ID}.scope"), "containerd"),
            (alloc::format!("/default/{ID}"), "containerd"),
            (alloc::format!("/kubepods.slice/{slice}/cri-containerd-{ID}.scope"), "kubernetes"),
            (alloc::format!("/kubepods.slice/{slice}/crio-{ID}.scope/container"), "kubernetes"),
            (alloc::format!("/kubepods.slice/{slice}/docker-{ID}.scope"), "docker"),
            (alloc::format!("/system.slice/containerd.service/{slice}:cri-containerd:{ID}"), "kubernetes"),
            (alloc::format!("/kubepods/burstable/{pod}/{ID}"), "kubernetes"),
            (alloc::format!("/kubepods/{pod}/crio-{ID}"), "kubernetes"),
            ("/lxc.payload.web/system.slice/a.service".into(), "lxc"),
            ("/lxc/web".into(), "lxc"),
            ("/garden/0123456789ab".into(), "garden"),
            ("/machine.slice/machine-web.scope/payload".into(), "machine"),
        ] {
            let container = read(&path).container.expect(&path);
            assert_eq!(container.runtime, runtime, "{path}");
            assert!(["web", "0123456789ab", ID].contains(&container.id.as_str()), "{path}");
        }
    }

    #[test]
    fn what_stands_beside_a_container_is_none() {
        for path in [
            alloc::format!("/machine.slice/libpod-conmon-{ID}.scope"),
            alloc::format!("/kubepods.slice/kubepods-pod1.slice/crio-conmon-{ID}.scope"),
            "/kubepods.slice/kubepods-burstable.slice".into(),
            "/system.slice/shop.service/runtime".into(),
            "/system.slice/docker-.scope".into(),
            "/system.slice/docker-short.scope".into(),
            "/default/web".into(),
            alloc::format!("/system.slice/default/{ID}"),
            alloc::format!("/system.slice/{ID}"),
            "/lxc.monitor.web".into(),
        ] {
            assert_eq!(seen(&path).2, None, "{path}");
        }
    }

    #[test]
    fn a_program_of_a_package_is_named_by_it() {
        let user = "/user.slice/user-1000.slice/user@1000.service/app.slice";
        let uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
        for (path, runtime, id, name, rootless) in [
            (
                alloc::format!("{user}/app-flatpak-org.example.Shop\\x2dFront-4711.scope"),
                "flatpak",
                "org.example.Shop-Front",
                "org.example.Shop-Front",
                true,
            ),
            (
                alloc::format!("{user}/snap.firefox.firefox-{uuid}.scope"),
                "snap",
                "firefox.firefox",
                "firefox",
                true,
            ),
            (alloc::format!("{user}/snap.code.code.{uuid}.scope"), "snap", "code.code", "code", true),
            ("/system.slice/snap.lxd_two.daemon.service".into(), "snap", "lxd_two.daemon", "lxd_two", false),
        ] {
            let container = read(&path).container.expect(&path);
            assert_eq!((container.runtime.as_str(), container.id.as_str()), (runtime, id), "{path}");
            assert_eq!((container.name.as_deref(), container.rootless), (Some(name), rootless), "{path}");
            assert!(container.is_package(), "{path}");
        }
    }

    #[test]
    fn what_only_looks_like_a_package_is_none() {
        let user = "/user.slice/user-1000.slice/user@1000.service/app.slice";
        for path in [
            "/system.slice/app-flatpak-org.example.Shop-4711.scope".into(),
            alloc::format!("{user}/app-flatpak-org.example.Shop.scope"),
            alloc::format!("{user}/app-flatpak--1.scope"),
            alloc::format!("{user}/app-flatpak-a\\x1bb-1.scope"),
            alloc::format!("{user}/snap.firefox.firefox.scope"),
            alloc::format!("{user}/snap.firefox-0f8fad5b-d9cb-469f-a165-70867728950e.scope"),
            "/system.slice/snapd.service".into(),
            "/system.slice/snap.lxd.service".into(),
            "/system.slice/snap..daemon.service".into(),
            "/system.slice/snap.lxd.slice".into(),
        ] {
            assert_eq!(seen(&path).2, None, "{path}");
        }
    }

    /// A snap is a unit like any other; an engine that comes as one has containers of its own.
    #[test]
    fn a_container_below_a_package_is_that_container() {
        assert_eq!(
            seen("/system.slice/snap.lxd.daemon.service"),
            (some("snap.lxd.daemon.service"), None, some("snap"))
        );
        let below = alloc::format!("/system.slice/snap.docker.dockerd.service/docker/{ID}");
        assert_eq!(seen(&below), (some("snap.docker.dockerd.service"), None, some("docker")));
        let inside = alloc::format!("/docker/{ID}/system.slice/snap.lxd.daemon.service");
        assert_eq!(seen(&inside).2, some("docker"));
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
            alloc::format!("{user}/app.slice/a.service/libpod-payload-{ID}"),
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
