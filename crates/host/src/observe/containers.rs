//! What a container is called and what it was made from, as its runtime's own files say (A1, A12).
//!
//! A cgroup path tells a container's id, which changes whenever it is made anew; its name lasts.

use std::{cell::OnceCell, collections::HashMap};

use portreeve_core::facts::Container;
use serde::Deserialize;

use crate::proc;

/// Where docker keeps a folder for each container (moby, daemon/container/container.go).
const DOCKER: &str = "/var/lib/docker/containers";
/// Where podman lists all of root's containers (containers/storage, containers.go).
const PODMAN: &str = "/var/lib/containers/storage/overlay-containers/containers.json";
/// The files of a runtime are a few kilobytes; a list of many containers may be more.
const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A container's name and image.
type Label = (Option<String>, Option<String>);

/// The containers that have been asked about, and podman's list once it was read.
#[derive(Debug, Default)]
pub(super) struct Containers {
    known: HashMap<(String, String), Label>,
    podman: OnceCell<Vec<PodmanEntry>>,
}

impl Containers {
    /// `container` with its name and image, where its runtime keeps them in a file that can be read.
    pub(super) fn label(&mut self, container: Container) -> Container {
        if container.rootless {
            // The files are of root's containers, and a user may borrow any of their ids.
            return container;
        }
        let key = (container.runtime.clone(), container.id.clone());
        let podman = &self.podman;
        let (name, image) = self.known.entry(key).or_insert_with(|| look_up(&container, podman)).clone();
        Container { name: container.name.or(name), image: container.image.or(image), ..container }
    }
}

fn look_up(container: &Container, podman: &OnceCell<Vec<PodmanEntry>>) -> Label {
    let id = container.id.as_str();
    let label = match container.runtime.as_str() {
        "docker" => read(&format!("{DOCKER}/{id}/config.v2.json")).as_deref().and_then(docker),
        "podman" => {
            let list = podman.get_or_init(|| read(PODMAN).as_deref().map(podman_list).unwrap_or_default());
            list.iter().find(|entry| entry.id == id).map(|entry| (entry.names.first().cloned(), None))
        }
        // Here the id is the name that a person gave.
        "lxc" | "machine" => Some((Some(id.to_owned()), None)),
        _ => None,
    };
    label.unwrap_or_default()
}

/// The whole file; one that is longer than any runtime writes is not read as something else.
fn read(path: &str) -> Option<Vec<u8>> {
    proc::read(path, FILE_BYTES_MAX).ok().filter(|bytes| bytes.len() < FILE_BYTES_MAX)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerFile {
    name: String,
    config: DockerConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerConfig {
    image: Option<String>,
}

/// Docker writes a slash before the name.
fn docker(bytes: &[u8]) -> Option<Label> {
    let file: DockerFile = serde_json::from_slice(bytes).ok()?;
    let name = file.name.trim_start_matches('/').to_owned();
    Some((Some(name).filter(|name| !name.is_empty()), file.config.image))
}

#[derive(Debug, Deserialize)]
struct PodmanEntry {
    id: String,
    #[serde(default)]
    names: Vec<String>,
}

fn podman_list(bytes: &[u8]) -> Vec<PodmanEntry> {
    serde_json::from_slice(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_tells_name_and_image() {
        let file =
            br#"{"State":{"Running":true},"ID":"ab","Name":"/shop-db","Config":{"Image":"postgres:16"}}"#;
        assert_eq!(docker(file), Some((Some("shop-db".into()), Some("postgres:16".into()))));
        assert_eq!(docker(b"{\"Name\":3}"), None);
    }

    #[test]
    fn podman_lists_all_containers_in_one_file() {
        let file = br#"[{"id":"aa","names":["web"]},{"id":"bb"}]"#;
        let list = OnceCell::from(podman_list(file));
        let label = |id: &str| {
            let container = Container {
                runtime: "podman".into(),
                id: id.into(),
                name: None,
                image: None,
                rootless: false,
            };
            look_up(&container, &list)
        };
        assert_eq!(label("aa"), (Some("web".into()), None));
        assert_eq!(label("bb"), (None, None));
        assert_eq!(label("cc"), (None, None));
        assert!(podman_list(b"no list").is_empty());
    }

    #[test]
    fn a_container_that_a_person_named_is_called_so() {
        let web =
            Container { runtime: "lxc".into(), id: "web".into(), name: None, image: None, rootless: false };
        assert_eq!(Containers::default().label(web).name.as_deref(), Some("web"));
    }
}
