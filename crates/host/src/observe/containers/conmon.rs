//! A container that conmon watches over: podman's or CRI-O's (A12).

use super::{Label, bundle, kubernetes, monitor::Monitor, podman};

/// What the storage of containers says, then what the monitor was started with (conmon(8)), and of a pod its bundle.
///
/// podman renames a container in its storage alone.
pub(super) fn label(conmon: &Monitor, id: &str) -> Option<Label> {
    if conmon.argument(["-c", "--cid"]) != Some(id) {
        return None;
    }
    let folder = conmon.argument(["-b", "--bundle"]);
    let name = conmon.argument(["-n", "--name"]).map(String::from);
    if let Some(name) = name.as_deref().and_then(kubernetes::pods_name) {
        let image = || kubernetes::label(&bundle::read(&conmon.read(&format!("{}/config.json", folder?))?)?);
        return Some(Label {
            name: Some(name),
            image: image().unwrap_or_default().image,
            ..Label::default()
        });
    }
    let list = || podman::read(&conmon.read(&podman::list(folder?, id)?)?, id);
    Some(list().unwrap_or_default().or(|| Label { name, image: None, ..Label::default() }))
}
