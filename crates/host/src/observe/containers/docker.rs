//! Docker's own file on a container, wherever its data root is (moby, daemon/container/container.go; A12).

use std::collections::BTreeMap;

use portreeve_core::facts::Published;
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

/// As many ports as there are, of one address and protocol.
const PUBLISHED_MAX: usize = 65_536;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    name: String,
    config: Config,
    #[serde(default)]
    network_settings: NetworkSettings,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    image: Option<String>,
}

/// Of every published port, as `80/tcp`, where the host takes it; null of one that is merely exposed.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkSettings {
    ports: Option<BTreeMap<String, Option<Vec<Binding>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Binding {
    host_ip: String,
    host_port: String,
}

impl NetworkSettings {
    /// The first so many: what an engine writes of more is no container that anybody runs.
    fn published(self) -> Vec<Published> {
        let ports = self.ports.unwrap_or_default().into_iter();
        let places = ports.flat_map(|(inside, places)| {
            places.unwrap_or_default().into_iter().map(move |place| (inside.clone(), place))
        });
        places.filter_map(|(inside, place)| published(&inside, &place)).take(PUBLISHED_MAX).collect()
    }
}

/// A person may leave the address out, which means all of IPv4.
fn published(inside: &str, place: &Binding) -> Option<Published> {
    let (inside, protocol) = inside.split_once('/')?;
    let address = if place.host_ip.is_empty() { "0.0.0.0" } else { &place.host_ip };
    Some(Published {
        protocol: protocol.parse().ok()?,
        address: address.parse().ok()?,
        port: place.host_port.parse().ok()?,
        inside: inside.parse().ok()?,
    })
}

/// Reads a `config.v2.json`; `None` where it is none.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Label> {
    let file: File = serde_json::from_slice(bytes).ok()?;
    let (image, published) = (file.config.image, file.network_settings.published());
    Some(Label { name: Some(plain(&file.name)), image, published })
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
        let label =
            Label { name: Some("shop-db".into()), image: Some("postgres:16".into()), ..Label::default() };
        assert_eq!(read(file), Some(label));
        assert_eq!(read(b"{\"Name\":3}"), None);
    }

    #[test]
    fn the_file_tells_where_the_host_takes_a_port() {
        let file = br#"{"Name": "/shop", "Config": {}, "NetworkSettings": {"Ports": {
            "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}],
            "53/udp": [{"HostIp": "", "HostPort": "53"}, {"HostIp": "127.0.0.1", "HostPort": "?"}],
            "443/tcp": null, "8/ip": [{"HostIp": "0.0.0.0", "HostPort": "8"}]}}}"#;
        let told = |protocol: &str, address: &str, port, inside| Published {
            protocol: protocol.parse().unwrap(),
            address: address.parse().unwrap(),
            port,
            inside,
        };
        let expected =
            [told("udp", "0.0.0.0", 53, 53), told("tcp", "0.0.0.0", 8080, 80), told("tcp", "::", 8080, 80)];
        assert_eq!(read(file).unwrap().published, expected);
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
