//! What a pod's container is called: `namespace/pod/container` (A12).

use super::{Label, bundle::Bundle};

/// Where containerd notes namespace, pod, container and image (containerd, internal/cri/annotations/annotations.go).
const CONTAINERD: [&str; 4] = [
    "io.kubernetes.cri.sandbox-namespace",
    "io.kubernetes.cri.sandbox-name",
    "io.kubernetes.cri.container-name",
    "io.kubernetes.cri.image-name",
];

/// Where CRI-O does (cri-o, pkg/annotations; kubernetes, pkg/kubelet/types/labels.go).
const CRI_O: [&str; 4] = [
    "io.kubernetes.pod.namespace",
    "io.kubernetes.pod.name",
    "io.kubernetes.container.name",
    "io.kubernetes.cri-o.ImageName",
];

/// What the annotations of a bundle say; `None` where it is no pod's.
#[must_use]
pub fn label(bundle: &Bundle) -> Option<Label> {
    [CONTAINERD, CRI_O].into_iter().find_map(|keys| {
        let [namespace, pod, container, image] = keys.map(|key| bundle.annotation(key));
        // The sandbox that keeps a pod's namespaces is no container of its own.
        let pod = format!("{}/{}", namespace?, pod?);
        let name = container.map_or_else(|| pod.clone(), |container| format!("{pod}/{container}"));
        Some(Label { name: Some(name), image: image.map(String::from), ..Label::default() })
    })
}

/// Reads the name that CRI-O and cri-dockerd give a container: `k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT`
/// (cri-dockerd, core/naming.go), in which no part has an underscore (kubernetes, names and ids).
#[must_use]
pub fn pods_name(name: &str) -> Option<String> {
    let mut parts = name.strip_prefix("k8s_")?.split('_');
    let (container, pod, namespace) = (parts.next()?, parts.next()?, parts.next()?);
    let are_named = ![container, pod, namespace].contains(&"");
    (are_named && parts.count() == 2).then(|| format!("{namespace}/{pod}/{container}"))
}

#[cfg(test)]
mod tests {
    use super::{super::bundle, *};

    fn labelled(annotations: &str) -> Option<Label> {
        label(&bundle::read(format!(r#"{{"annotations": {{{annotations}}}}}"#).as_bytes()).unwrap())
    }

    #[test]
    fn both_runtimes_tell_namespace_pod_and_container() {
        let expected = Label {
            name: Some("shops/web-5d/nginx".into()),
            image: Some("docker.io/nginx:1".into()),
            ..Label::default()
        };
        let containerd = r#""io.kubernetes.cri.container-type": "container",
            "io.kubernetes.cri.container-name": "nginx", "io.kubernetes.cri.image-name": "docker.io/nginx:1",
            "io.kubernetes.cri.sandbox-name": "web-5d", "io.kubernetes.cri.sandbox-namespace": "shops""#;
        assert_eq!(labelled(containerd), Some(expected.clone()));
        let cri_o = r#""io.kubernetes.container.name": "nginx", "io.kubernetes.pod.name": "web-5d",
            "io.kubernetes.pod.namespace": "shops", "io.kubernetes.cri-o.ImageName": "docker.io/nginx:1""#;
        assert_eq!(labelled(cri_o), Some(expected));
    }

    #[test]
    fn a_sandbox_is_called_like_its_pod() {
        let sandbox = r#""io.kubernetes.cri.container-type": "sandbox",
            "io.kubernetes.cri.sandbox-name": "web-5d", "io.kubernetes.cri.sandbox-namespace": "shops""#;
        assert_eq!(
            labelled(sandbox),
            Some(Label { name: Some("shops/web-5d".into()), image: None, ..Label::default() })
        );
        assert_eq!(labelled(r#""nerdctl/name": "web""#), None);
    }

    #[test]
    fn the_long_name_is_taken_apart() {
        let name = "k8s_nginx_web-5d_shops_6a0c2f9e-0b7b-4b55-9d2a-3b9d8c1f0e11_0";
        assert_eq!(pods_name(name).as_deref(), Some("shops/web-5d/nginx"));
        for other in ["web", "k8s_", "k8s_a_b_c", "k8s_a_b_c_d", "k8s_a__c_d_0", "k8s_a_b_c_d_0_1"] {
            assert_eq!(pods_name(other), None, "{other}");
        }
    }
}
