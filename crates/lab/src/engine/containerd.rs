//! containerd, the one below a Docker engine, told by its own client what Kubernetes' or nerdctl would tell it.

use super::{Docker, TREE};
use crate::{error::LabError, host::Host};

/// A containerd on a host; it goes with the host.
#[derive(Clone, Copy, Debug)]
pub struct Containerd<'a> {
    host: &'a Host,
}

/// A container as an engine above containerd asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The namespace of that engine.
    pub namespace: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Where its cgroup shall be: a path, or `slice:prefix:id` for a scope of the host's service manager.
    pub cgroup: &'a str,
    /// The annotations of its bundle, as a JSON object.
    pub annotations: &'a str,
    /// Where a web server listens in it, in the host's own network.
    pub port: u16,
}

/// Limits would need controllers, which a host of the lab does not have.
const SPECIFY: &str = ".root = {path: $tree, readonly: true} | .annotations = $annotations
  | .process.args = [\"/bin/httpd\", \"-f\", \"-p\", $port, \"-h\", \"/www\"]
  | .linux.cgroupsPath = $cgroup | .linux.namespaces |= map(select(.type != \"network\"))";

impl<'a> Containerd<'a> {
    /// That of a Docker engine.
    #[must_use]
    pub fn of(docker: &Docker<'a>) -> Self {
        Self { host: docker.host() }
    }

    /// Starts a container.
    ///
    /// # Errors
    ///
    /// With what containerd said, where it refuses.
    pub fn serve(&self, wanted: &Wanted<'_>) -> Result<(), LabError> {
        let Wanted { namespace, id, cgroup, annotations, port } = wanted;
        let manager = match cgroup.contains(':') {
            true => format!("--runc-systemd-cgroup --cgroup {cgroup}"),
            false => String::new(),
        };
        let bundle = format!("/run/lab/{id}.json");
        self.host
            .run(&format!(
                "ctr oci spec | jq --arg tree {TREE} --arg port {port} --arg cgroup '{cgroup}' \
                 --argjson annotations '{annotations}' '{SPECIFY}' >{bundle} && \
                 ctr --address /run/lab/docker/containerd/containerd.sock --namespace {namespace} \
                 run --detach {manager} --config {bundle} {id}"
            ))?
            .success("starting a container of containerd")
            .map(drop)
    }
}
