//! How each container runtime names the cgroup of a container (A12).

use alloc::string::String;

use super::{Above, named};
use crate::facts::Container;

/// The prefixes with which each runtime names its scope under the systemd cgroup driver.
const SCOPES: [(&str, &str); 5] = [
    ("docker-", "docker"),
    ("libpod-", "podman"),
    ("cri-containerd-", "kubernetes"),
    ("crio-", "kubernetes"),
    ("nerdctl-", "containerd"),
];

/// The directories below which each runtime names its cgroup under the cgroupfs driver; containerd's is called like the
/// namespace that its client works in (containerd, pkg/oci/spec_opts.go, `WithNamespacedCgroup`).
const PARENTS: [(&str, &str); 6] = [
    ("docker", "docker"),
    ("libpod_parent", "podman"),
    ("lxc", "lxc"),
    ("garden", "garden"),
    ("buildkit", "buildkit"),
    ("default", "containerd"),
];

/// The container whose cgroup is called `component`.
pub(super) fn container(above: &Above<'_>, component: &str) -> Option<Container> {
    by_scope(component)
        .or_else(|| by_split(component))
        .or_else(|| by_pod(above, component))
        .or_else(|| by_parent(above, component))
        .or_else(|| by_marker(above, component))
}

/// Whether everything below is of Kubernetes' pods: `kubepods` or `kubepods.slice`, also of a kubelet in a container,
/// which stands deeper (kubernetes, pkg/kubelet/cm/cgroup_manager_linux.go).
pub(super) fn is_pods(component: &str) -> bool {
    ["kubepods", "kubepods.slice"].contains(&component)
}

fn by_scope(component: &str) -> Option<Container> {
    let stem = component.strip_suffix(".scope")?;
    let (prefix, runtime) = SCOPES.into_iter().find(|(prefix, _)| stem.starts_with(prefix))?;
    let id = stem.strip_prefix(prefix).filter(|id| is_container_id(id))?;
    Some(named(runtime, id))
}

/// A podman container that shares the cgroup of its unit with its monitor, as Quadlet makes them
/// (`web.service/libpod-payload-ID`, podman-run(1), `--cgroups=split`), and one of containerd where it takes a slice of
/// the kubelet for a name (`kubepods-pod1.slice:cri-containerd:ID`, containerd, docs/cri/config.md, `SystemdCgroup`).
fn by_split(component: &str) -> Option<Container> {
    let payload = component.strip_prefix("libpod-payload-").map(|id| ("podman", id));
    let (runtime, id) =
        payload.or_else(|| Some(("kubernetes", component.rsplit_once(":cri-containerd:")?.1)))?;
    is_container_id(id).then(|| named(runtime, id))
}

/// `kubepods/burstable/podUID/ID`, and `crio-ID` there, under the cgroupfs driver.
fn by_pod(above: &Above<'_>, component: &str) -> Option<Container> {
    let id = component.strip_prefix("crio-").unwrap_or(component);
    (above.belongs_to_pod && above.parent.contains("pod") && is_container_id(id))
        .then(|| named("kubernetes", id))
}

/// LXC's names are a person's words, not ids: they are believed where LXC puts them, directly below the root.
fn by_parent(above: &Above<'_>, component: &str) -> Option<Container> {
    let (parent, runtime) = PARENTS.into_iter().find(|(name, _)| *name == above.parent)?;
    let id = match parent {
        "libpod_parent" => component.strip_prefix("libpod-").unwrap_or(component),
        _ => component,
    };
    let believed = match parent {
        "lxc" => above.depth == 1,
        "default" => above.depth == 1 && is_container_id(id),
        _ => is_container_id(id),
    };
    believed.then(|| named(runtime, id))
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
pub(super) fn unescape(name: &str) -> String {
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

/// Docker, podman, containerd and CRI-O name containers by 64 hexadecimal digits; a prefix of 12 is common too.
fn is_container_id(text: &str) -> bool {
    text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
