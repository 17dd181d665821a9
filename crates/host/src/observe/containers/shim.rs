//! A container of containerd: Docker's, a pod's, or nerdctl's (A12).

use super::{Label, bundle, docker, kubernetes, monitor::Monitor};

/// What the bundle says, and Docker's own file where that is the client.
///
/// A shim works in the bundle of the container it was started for, and watches over its neighbours of the same pod and
/// namespace too (containerd, core/runtime/v2/bundle.go and README.md): each has a folder beside it, called by its id.
pub(super) fn label(shim: &Monitor, id: &str) -> Option<Label> {
    let directory = shim.directory()?;
    let (namespace, _) = directory.rsplit_once('/')?;
    let bundle = bundle::read(&shim.read(&format!("{namespace}/{id}/config.json"))?)?;
    if let Some(file) = docker::file(&bundle, id) {
        return docker::read(&shim.read(&file)?);
    }
    let name = bundle.annotation("nerdctl/name").map(String::from);
    Some(kubernetes::label(&bundle).unwrap_or(Label { name, image: None, ..Label::default() }))
}
