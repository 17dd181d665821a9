//! Docker's own file on a container, wherever its data root is (moby, daemon/container/container.go; A12).

use serde::Deserialize;

use super::{Label, bundle::Bundle};

/// What Docker mounts into every container out of the folder in which it keeps its file on it
/// (moby, daemon/container_operations_unix.go).
const MOUNTED: [&str; 3] = ["hostname", "hosts", "resolv.conf"];

/// The path of Docker's file on the container with this bundle; `None` where it is not Docker's.
#[must_use]
pub fn file(bundle: &Bundle, id: &str) -> Option<String> {
    let folder = MOUNTED.iter().find_map(|name| {
        let source = bundle.source(&format!("/etc/{name}"))?;
        let folder = source.strip_suffix(name)?.strip_suffix('/')?;
        folder.ends_with(&format!("/containers/{id}")).then_some(folder)
    })?;
    Some(format!("{folder}/config.v2.json"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    name: String,
    config: Config,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    image: Option<String>,
}

/// Reads a `config.v2.json`; `None` where it is none.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Label> {
    let file: File = serde_json::from_slice(bytes).ok()?;
    Some(Label { name: Some(plain(&file.name)), image: file.config.image })
}

/// Docker writes a slash before the name.
pub(super) fn plain(name: &str) -> String {
    name.trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{super::bundle, *};

    #[test]
    fn the_file_tells_name_and_image() {
        let file =
            br#"{"State":{"Running":true},"ID":"ab","Name":"/shop-db","Config":{"Image":"postgres:16"}}"#;
        let label = Label { name: Some("shop-db".into()), image: Some("postgres:16".into()) };
        assert_eq!(read(file), Some(label));
        assert_eq!(read(b"{\"Name\":3}"), None);
    }

    #[test]
    fn the_file_stands_beside_what_is_mounted() {
        let found = |text: &str| file(&bundle::read(text.as_bytes()).unwrap(), "ab");
        let mount = |destination: &str, source: &str| {
            format!(r#"{{"destination": "/etc/{destination}", "source": "{source}"}}"#)
        };
        let one = |destination: &str, source: &str| {
            found(&format!(r#"{{"mounts": [{}]}}"#, mount(destination, source)))
        };
        let expected = Some("/data/containers/ab/config.v2.json".to_owned());
        for name in MOUNTED {
            assert_eq!(one(name, &format!("/data/containers/ab/{name}")), expected);
        }
        assert_eq!(one("hosts", "/data/containers/cd/hosts"), None, "another's");
        assert_eq!(one("hosts", "/etc/hosts"), None, "a person's own");
        assert_eq!(one("passwd", "/data/containers/ab/passwd"), None);
        let both = format!(
            r#"{{"mounts": [{}, {}]}}"#,
            mount("hostname", "/home/me/hostname"),
            mount("hosts", "/data/containers/ab/hosts")
        );
        assert_eq!(found(&both), expected);
        assert_eq!(found("{}"), None);
    }
}
