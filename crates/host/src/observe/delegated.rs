//! Tells the containers whose cgroup stands where a user makes cgroups of any name (cgroups(7), Delegation; A24).

use std::{collections::BTreeMap, fs, os::linux::fs::MetadataExt};

use portreeve_core::{cgroup, facts::Process};

/// Marks the containers below a cgroup that was given to a user as that user's.
///
/// The service manager gives a service with User= and Delegate= its cgroup (systemd.resource-control(5)); what is below
/// may be called like a container of the host.
pub(super) fn disown(processes: &mut BTreeMap<u32, Process>, mount: Option<&str>) {
    let Some(mount) = mount else { return };
    for process in processes.values_mut() {
        let Process { container: Some(container), cgroup: Some(path), .. } = process else { continue };
        if !container.rootless && is_given_away(above(path), |path| owner(&format!("{mount}{path}"))) {
            container.rootless = true;
        }
    }
}

fn owner(path: &str) -> Option<u32> {
    Some(fs::metadata(path).ok()?.st_uid())
}

/// Whether the cgroup `path` or one above it belongs to another than root and whoever has the whole hierarchy.
///
/// In a user namespace that may be somebody else than root.
fn is_given_away(path: &str, owner: impl Fn(&str) -> Option<u32>) -> bool {
    let root = owner("/");
    let ends = path.match_indices('/').map(|(at, _)| at).filter(|&at| at > 0).chain([path.len()]);
    let mut owners = ends.filter_map(|end| owner(&path[..end]));
    owners.any(|uid| uid != 0 && Some(uid) != root)
}

/// What stands above the container in a cgroup path: a container's own cgroup may belong to its own root.
fn above(path: &str) -> &str {
    let container = cgroup::read(path).container;
    let starts = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    let mut whole = starts.filter(|&end| cgroup::read(&path[..end]).container != container);
    whole.next_back().map_or("", |end| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef";

    #[test]
    fn only_what_stands_above_the_container_counts() {
        assert_eq!(above(&format!("/system.slice/docker-{ID}.scope")), "/system.slice");
        assert_eq!(
            above(&format!("/system.slice/a.service/docker/{ID}/b")),
            "/system.slice/a.service/docker"
        );
        assert_eq!(above("/lxc.payload.web"), "");
        let service = "/system.slice/snap.docker.dockerd.service";
        assert_eq!(above(&format!("{service}/docker-{ID}.scope/a")), service);
    }

    #[test]
    fn a_cgroup_below_a_users_is_given_away() {
        let owned = |uid: u32, root: u32| {
            let owner = move |path: &str| match path {
                "/" => Some(root),
                "/system.slice/a.service" => Some(uid),
                _ => Some(0),
            };
            is_given_away("/system.slice/a.service/docker", owner)
        };
        assert!(owned(1000, 0));
        assert!(!owned(0, 0));
        assert!(!owned(65_534, 65_534), "the host's root, seen from a user namespace");
        assert!(!is_given_away("", |_| Some(0)));
        assert!(!is_given_away("/gone", |_| None));
    }
}
