//! What a container is called and what it was made from, as its runtime tells (A1, A12).
//!
//! A cgroup path tells a container's id, which changes whenever it is made anew; its name lasts. Files are read first,
//! by way of the process that watches over the container: it knows where its runtime keeps them. Only what they leave
//! open is asked of an engine.

pub mod bundle;
mod conmon;
pub mod docker;
pub mod engine;
pub mod kubernetes;
mod monitor;
pub mod podman;
mod shim;

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap},
};

use portreeve_core::facts::{Container, Process, Published};

use self::monitor::{Kind, Monitor};
use super::processes::view::Views;

/// The files of a runtime are a few kilobytes; a list of many containers may be more.
const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A pod's container is named by three names of at most 253 bytes each; an image by host, path, tag and digest.
const NAME_BYTES_MAX: usize = 1024;

/// A container's name and image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// What a person or a pod calls it.
    pub name: Option<String>,
    /// What it was made from.
    pub image: Option<String>,
    /// The ports of the host that lead to it.
    pub published: Vec<Published>,
}

impl Label {
    /// Without what is empty, or longer than anybody would write.
    fn bounded(self) -> Self {
        let sane = |text: &String| (1..=NAME_BYTES_MAX).contains(&text.len());
        Self { name: self.name.filter(sane), image: self.image.filter(sane), published: self.published }
    }

    /// What this one tells, and what `other` tells of the rest.
    fn or(self, other: impl FnOnce() -> Self) -> Self {
        if self.name.is_some() && self.image.is_some() {
            return self;
        }
        let other = other();
        let published = if self.published.is_empty() { other.published } else { self.published };
        Self { name: self.name.or(other.name), image: self.image.or(other.image), published }
    }
}

/// Gives every container that `processes` run in its name and image, where its runtime tells them.
///
/// Whether a container is rootless must be settled before: what its user's own runtime says is not said by the host's.
pub(super) fn label(processes: &mut BTreeMap<u32, Process>) {
    let mut runtimes = Runtimes::default();
    for (pid, process) in processes {
        if let Process { container: Some(container), cgroup: Some(cgroup), .. } = process {
            let Label { name, image, published } = runtimes.label(*pid, cgroup, container);
            container.published = published;
            container.name = container.name.take().or(name);
            container.image = container.image.take().or(image);
        }
    }
}

/// What is known of the containers that have been asked about, by their cgroup.
#[derive(Default)]
struct Runtimes {
    known: HashMap<String, Label>,
    views: Option<Views>,
    docker: OnceCell<HashMap<String, Label>>,
}

impl Runtimes {
    fn label(&mut self, pid: u32, cgroup: &str, container: &Container) -> Label {
        if let Some(label) = self.known.get(cgroup) {
            return label.clone();
        }
        let label = self.look_up(pid, container).bounded();
        self.known.insert(cgroup.to_owned(), label.clone());
        label
    }

    fn look_up(&mut self, pid: u32, container: &Container) -> Label {
        match container.runtime.as_str() {
            // Here the id is the name that a person gave.
            "lxc" | "machine" => Label { name: Some(container.id.clone()), ..Label::default() },
            _ if container.is_package() => Label::default(),
            runtime => {
                let told = self.by_files(pid, container).unwrap_or_default();
                let asks = runtime == "docker" && !container.rootless && told.name.is_none();
                if asks { told.or(|| self.by_engine(&container.id)) } else { told }
            }
        }
    }

    /// What the files say that the process watching over the container knows of.
    fn by_files(&mut self, pid: u32, container: &Container) -> Option<Label> {
        let monitor = Monitor::of(pid, container, self.views.get_or_insert_with(Views::new))?;
        match monitor.kind {
            Kind::Shim => shim::label(&monitor, &container.id),
            Kind::Conmon => conmon::label(&monitor, &container.id),
        }
    }

    fn by_engine(&self, id: &str) -> Label {
        self.docker
            .get_or_init(|| engine::containers(engine::RUNNING).unwrap_or_default())
            .get(id)
            .cloned()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(runtime: &str, id: &str) -> Container {
        Container { runtime: runtime.into(), id: id.into(), ..Container::default() }
    }

    #[test]
    fn a_container_that_a_person_named_is_called_so() {
        let web = container("lxc", "web");
        assert_eq!(Runtimes::default().label(1, "/lxc.payload.web", &web).name.as_deref(), Some("web"));
    }

    /// This test's own ancestors watch over no container, so nobody tells its name.
    #[test]
    fn what_nobody_watches_over_has_no_name() {
        let pod = container("kubernetes", &"ab".repeat(32));
        assert_eq!(
            Runtimes::default().label(std::process::id(), "/kubepods/pod1/ab", &pod),
            Label::default()
        );
    }

    #[test]
    fn a_name_that_nobody_would_write_is_none() {
        let label = Label {
            name: Some("a".repeat(NAME_BYTES_MAX + 1)),
            image: Some(String::new()),
            ..Label::default()
        };
        assert_eq!(label.bounded(), Label::default());
        let label =
            Label { name: Some("a".repeat(NAME_BYTES_MAX)), image: Some("b".into()), ..Label::default() };
        assert_eq!(label.clone().bounded(), label);
    }
}
