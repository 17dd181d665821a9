//! Who may say what a container is called: whoever watches over it from outside, and of what is their own (A24).

use portreeve_lab::profile;
use serde_json::{Value, json};

use super::site::{Site, lab};

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Calls itself a monitor, and starts a program in the cgroup that its first argument names; the third says whether it
/// goes there too.
const MONITOR: &str = r#"
import os, sys
cgroup, port, place = sys.argv[1:4]
os.makedirs(cgroup, exist_ok=True)
def enter():
    with open(cgroup + "/cgroup.procs", "w") as procs:
        procs.write("0")
if place == "inside":
    enter()
if os.fork() == 0:
    if place == "outside":
        enter()
    os.execv("/usr/local/bin/holder", ["holder", "listen", "127.0.0.1:" + port])
os.wait()
"#;

/// Starts a monitor as a service, and gives what is said of the container whose program holds `port`.
fn container(site: &Site, port: u16, properties: &str, cgroup: &str, place: &str, bundle: &str) -> Value {
    let monitor = "/srv/conmon /srv/monitor.py";
    site.run(&format!(
        "systemd-run --quiet --unit=monitor-{port} --property=Delegate=yes {properties} \
         {monitor} {cgroup} {port} {place} -c {ID} -b {bundle} -n stall"
    ));
    lab(site.host.wait_for_port(port));
    let answer = site.ask(&format!("who {port} -o json")).json();
    answer["listeners"][0]["holders"][0]["container"].clone()
}

fn prepare(site: &Site) {
    let _first = lab(site.host.hold_as("dev", "listen 127.0.0.1:7300"));
    lab(site.host.write("/srv/monitor.py", MONITOR));
    site.run("ln -s /usr/bin/python3 /srv/conmon");
}

/// Makes a storage of containers in `folder`, which says that the container is made of `secret:1`.
fn store(site: &Site, folder: &str, owner: &str) -> String {
    let list = json!([{"id": ID, "names": ["shown"], "metadata": r#"{"image-name": "secret:1"}"#}]);
    let storage = format!("{folder}/overlay-containers");
    lab(site.host.write(&format!("{storage}/containers.json"), &list.to_string()));
    site.run(&format!("mkdir -p {storage}/{ID}/userdata && chown -R {owner} {folder}"));
    format!("{storage}/{ID}/userdata")
}

/// Root's monitor is believed outside the container, and a program inside is not, whatever it calls itself (A24).
#[test]
fn nothing_inside_a_container_says_what_it_is_called() {
    let site = Site::boot(&profile::BARE);
    prepare(&site);
    let bundle = store(&site, "/srv/storage", "root");
    let scope = format!("/sys/fs/cgroup/machine.slice/libpod-{ID}.scope");
    let told = container(&site, 7301, "", &scope, "outside", &bundle);
    assert_eq!(told, json!({"runtime": "podman", "id": ID, "name": "shown", "image": "secret:1"}));
    let end =
        |port: u16| site.run(&format!("systemctl stop monitor-{port}.service; echo 1 >{scope}/cgroup.kill"));
    end(7301);
    let told = container(&site, 7302, "", &scope, "inside", &bundle);
    assert_eq!(told, json!({"runtime": "podman", "id": ID, "name": null, "image": null}));

    // A user's monitor does not speak for a container of the host.
    end(7302);
    let theirs = store(&site, "/srv/theirs", "dev");
    let given =
        format!("{scope}/cgroup.procs /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/system.slice/cgroup.procs");
    site.run(&format!("chmod 666 {given} && chown -R root {scope}"));
    let told = container(&site, 7303, "--property=User=dev", &scope, "outside", &theirs);
    assert_eq!(told, json!({"runtime": "podman", "id": ID, "name": null, "image": null}));
}

/// A user's monitor tells of a rootless container what is in files of that user's own, and nobody waits for it (A24).
#[test]
fn a_users_monitor_speaks_of_what_is_the_users() {
    let site = Site::boot(&profile::BARE);
    prepare(&site);
    let rootless = |name: &str, image: Option<&str>| json!({"runtime": "podman", "id": ID, "name": name, "image": image, "rootless": true});
    let at = |port: u16| format!("/sys/fs/cgroup/system.slice/monitor-{port}.service/libpod-{ID}.scope");
    let ask =
        |port: u16, bundle: &str| container(&site, port, "--property=User=dev", &at(port), "outside", bundle);
    let theirs = store(&site, "/srv/theirs", "dev");
    assert_eq!(ask(7311, &theirs), rootless("shown", Some("secret:1")));
    let roots = store(&site, "/srv/storage", "root");
    assert_eq!(ask(7312, &roots), rootless("stall", None), "root's files are none of the user's");
    let pipe = format!("/srv/pipe/overlay-containers/{ID}/userdata");
    site.run(&format!("mkdir -p {pipe} && mkfifo {pipe}/../../containers.json && chown -R dev /srv/pipe"));
    assert_eq!(ask(7313, &pipe), rootless("stall", None), "a pipe that nobody writes");
    let link = format!("/srv/link/overlay-containers/{ID}/userdata");
    site.run(&format!(
        "mkdir -p {link} && ln -s /dev/zero {link}/../../containers.json && chown -Rh dev /srv/link"
    ));
    assert_eq!(ask(7314, &link), rootless("stall", None), "a device that never ends");
}
