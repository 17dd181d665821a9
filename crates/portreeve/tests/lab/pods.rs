//! Containers of a real containerd, as Kubernetes and nerdctl ask for them (A12).

use portreeve_lab::{
    engine::{Containerd, Docker, Wanted},
    profile,
};
use serde_json::{Value, json};

use super::site::{Site, lab};

/// What containerd's CRI notes in the bundle of a container of one pod; the shim that it has started for the sandbox
/// of that pod serves all of them.
fn annotations(sandbox: &str, container: Value) -> String {
    let mut noted = json!({
        "io.kubernetes.cri.sandbox-id": sandbox,
        "io.kubernetes.cri.sandbox-name": "web-5d",
        "io.kubernetes.cri.sandbox-namespace": "shops",
    });
    let Value::Object(container) = container else { panic!("annotations are an object") };
    noted.as_object_mut().expect("it is one").extend(container);
    noted.to_string()
}

/// A pod's container is called by namespace, pod and its own name; nerdctl's by what a person called it (A12).
#[test]
fn containers_of_pods_and_of_nerdctl_have_their_names() {
    let site = Site::boot(&profile::BARE);
    let docker = lab(Docker::start(&site.host));
    let containerd = Containerd::of(&docker);
    let [sandbox, inner, flat, nerdctl] = ["aa", "bb", "cc", "dd"].map(|byte| byte.repeat(32));
    let slice = "kubepods-burstable-pod1.slice:cri-containerd";
    let nginx = json!({
        "io.kubernetes.cri.container-name": "nginx",
        "io.kubernetes.cri.image-name": "docker.io/nginx:1",
    });
    let serve = |namespace, id: &str, cgroup: &str, annotations: &str, port| {
        lab(containerd.serve(&Wanted { namespace, id, cgroup, annotations, port }));
        lab(site.host.wait_for_port(port));
    };
    serve("k8s.io", &sandbox, &format!("{slice}:{sandbox}"), &annotations(&sandbox, json!({})), 8100);
    serve("k8s.io", &inner, &format!("{slice}:{inner}"), &annotations(&sandbox, nginx.clone()), 8101);
    let path = format!("/kubepods/burstable/pod2/{flat}");
    serve("k8s.io", &flat, &path, &annotations(&flat, nginx), 8102);
    serve("default", &nerdctl, &format!("/default/{nerdctl}"), r#"{"nerdctl/name": "stall"}"#, 8103);

    let shims = site.run("ps -C containerd-shim -o args= | grep -c ' -namespace k8s.io '").stdout;
    assert_eq!(shims.trim(), "2", "the witness: one a pod");
    let pod = |id: &str, name: &str, image: Option<&str>| json!({"runtime": "kubernetes", "id": id, "name": name, "image": image});
    for (port, container) in [
        (8100, pod(&sandbox, "shops/web-5d", None)),
        (8101, pod(&inner, "shops/web-5d/nginx", Some("docker.io/nginx:1"))),
        (8102, pod(&flat, "shops/web-5d/nginx", Some("docker.io/nginx:1"))),
        (8103, json!({"runtime": "containerd", "id": nerdctl, "name": "stall", "image": null})),
    ] {
        let answer = site.ask(&format!("who {port} -o json")).json();
        let holder = &answer["listeners"][0]["holders"][0];
        assert_eq!((&holder["container"], &holder["name"]), (&container, &json!("httpd")), "{answer:#}");
    }
    let said = site.ask("who 8101").stdout;
    assert!(said.contains("kubernetes shops/web-5d/nginx (docker.io/nginx:1)"), "{said}");
}
