//! By what the kernel knows a container (A24).

use alloc::{format, string::String, vec::Vec};

use super::Badge;
use crate::{facts::Container, owner::is_container};

/// The unit of Docker's engine, where nothing else is known of it.
const ENGINE_UNIT: &str = "docker.service";

/// The containers of Docker's engine, also those that do not run. podman's are not among them: it opens what they publish in the
/// cgroup of whoever starts them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Containers {
    /// They.
    pub all: Vec<Container>,
    /// The unit of the engine, whose forwarders hold what its containers publish.
    pub engine_unit: Option<String>,
}

impl Containers {
    /// By what the kernel knows those that a policy calls `name`, and whoever holds for them what they publish; nothing where there
    /// are none.
    #[must_use]
    pub fn badges(&self, name: &str) -> Vec<Badge> {
        let meant = self.all.iter().filter(|container| is_container(name, container));
        let mut badges: Vec<Badge> = meant.flat_map(|container| self.badges_of(&container.id)).collect();
        badges.sort();
        badges.dedup();
        badges
    }

    /// As the engine calls their cgroups, by either of its drivers (moby, daemon/oci_linux.go, `withCgroups`).
    fn badges_of(&self, id: &str) -> [Badge; 3] {
        let engine = self.engine_unit.clone().unwrap_or_else(|| ENGINE_UNIT.into());
        let (scope, cgroup) = (format!("docker-{id}.scope"), format!("/docker/{id}"));
        [Badge::Unit(engine), Badge::Unit(scope), Badge::Cgroup(cgroup)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_known_by_its_engines_words() {
        let all = ["0123456789abcdef", "fedcba9876543210"].map(|id| Container {
            runtime: "docker".into(),
            id: id.into(),
            name: Some("web".into()),
            ..Container::default()
        });
        let containers =
            Containers { all: all.into(), engine_unit: Some("snap.docker.dockerd.service".into()) };
        let (unit, cgroup) = (|name: &str| Badge::Unit(name.into()), |path: &str| Badge::Cgroup(path.into()));
        let one = [
            unit("docker-0123456789abcdef.scope"),
            unit("snap.docker.dockerd.service"),
            cgroup("/docker/0123456789abcdef"),
        ];
        assert_eq!(containers.badges("0123456789ab"), one);
        assert_eq!(
            (containers.badges("web").len(), containers.badges("shop")),
            (5, [].into()),
            "the engine once"
        );
        let plain = Containers { engine_unit: None, ..containers };
        assert!(plain.badges("0123456789ab").contains(&unit("docker.service")));
    }
}
