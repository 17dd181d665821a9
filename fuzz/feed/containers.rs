//! Gives bytes to the readers of what container runtimes say: a user's own runtime may say anything.

use portreeve_host::observe::containers::{bundle, docker, engine, kubernetes, podman};

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A name is no longer than what it was read from.
pub(crate) fn feed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let bundle = bundle::read(bytes);
    let labels = [docker::read(bytes), podman::read(bytes, ID), bundle.as_ref().and_then(kubernetes::label)];
    let asked = engine::read(bytes).unwrap_or_default();
    for label in labels.into_iter().flatten().chain(asked.into_values()) {
        // A byte that is no UTF-8 is no JSON; slashes are put between the parts of a pod's name.
        assert!(label.name.is_none_or(|name| name.len() <= bytes.len() + 2));
    }
    assert!(kubernetes::pods_name(&text).is_none_or(|name| name.len() < text.len()));
    assert!(podman::list(&text, ID).is_none_or(|list| list.ends_with("-containers/containers.json")));
    let file = bundle.and_then(|bundle| docker::file(&bundle, ID));
    assert!(file.is_none_or(|file| file.ends_with("/config.v2.json")));
}
