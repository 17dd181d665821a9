//! The list of containers beside podman's bundles (containers/storage, containers.go; A12).

use serde::Deserialize;

use super::Label;

/// The path of the list in which the container with this bundle stands: `…/overlay-containers/ID/userdata` is a bundle,
/// for whatever driver.
#[must_use]
pub fn list(bundle: &str, id: &str) -> Option<String> {
    let folder = bundle.strip_suffix("/userdata")?.strip_suffix(id)?.strip_suffix('/')?;
    folder.ends_with("-containers").then(|| format!("{folder}/containers.json"))
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    metadata: Option<String>,
}

/// What podman keeps there as a text (podman, libpod/storage.go, `RuntimeContainerMetadata`).
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    image_name: Option<String>,
    image_id: Option<String>,
}

/// Reads the list, and in it the container with this id; `None` where it is not there.
#[must_use]
pub fn read(bytes: &[u8], id: &str) -> Option<Label> {
    let list: Vec<Entry> = serde_json::from_slice(bytes).ok()?;
    let entry = list.into_iter().find(|entry| entry.id == id)?;
    let metadata = entry.metadata.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let Metadata { image_name, image_id } = metadata;
    let image = image_name.filter(|name| !name.is_empty()).or(image_id);
    Some(Label { name: entry.names.into_iter().next(), image, ..Label::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_stands_above_the_bundle() {
        for driver in ["overlay", "vfs"] {
            let folder = format!("/home/dev/.local/share/containers/storage/{driver}-containers");
            assert_eq!(
                list(&format!("{folder}/ab/userdata"), "ab"),
                Some(format!("{folder}/containers.json"))
            );
        }
        for bundle in ["/x/overlay-containers/cd/userdata", "/x/overlay-containers/ab", "/x/ab/userdata", ""]
        {
            assert_eq!(list(bundle, "ab"), None, "{bundle}");
        }
    }

    #[test]
    fn the_list_tells_names_and_images() {
        let file = br#"[{"id":"aa","names":["web"],"image":"51","metadata":
            "{\"image-name\":\"localhost/web:1\",\"image-id\":\"51\",\"name\":\"web\"}"},
            {"id":"bb"},{"id":"cc","names":["cc"],"metadata":"{\"image-name\":\"\",\"image-id\":\"52\"}"},
            {"id":"dd","names":["dd"],"metadata":"no JSON"}]"#;
        let label = |name: Option<&str>, image: Option<&str>| {
            Some(Label { name: name.map(String::from), image: image.map(String::from), ..Label::default() })
        };
        assert_eq!(read(file, "aa"), label(Some("web"), Some("localhost/web:1")));
        assert_eq!(read(file, "bb"), label(None, None));
        assert_eq!(read(file, "cc"), label(Some("cc"), Some("52")), "its image has no name any more");
        assert_eq!(read(file, "dd"), label(Some("dd"), None));
        assert_eq!(read(file, "ee"), None);
        assert_eq!(read(b"no list", "aa"), None);
    }
}
