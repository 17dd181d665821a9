//! Container engines on a host of the lab, which go with it.
//!
//! What they change (interfaces, firewall, settings of the network) is in the host's own namespaces.

mod containerd;
mod docker;
mod podman;

pub use self::{
    containerd::{Containerd, Wanted},
    docker::Docker,
    podman::Podman,
};
use crate::{error::LabError, host::Host};

/// The image that engines are given.
pub const IMAGE: &str = "shop:1";

/// What a container made of it answers over HTTP.
pub const ANSWER: &str = "the shop\n";

/// The file system of the image on a host, and the same as an archive for `import`.
const TREE: &str = "/run/lab/image";
const ARCHIVE: &str = "/run/lab/image.tar";

/// Makes a file system of busybox and one page; $0 is where.
const MAKE_TREE: &str = "set -e
mkdir -p $0/bin $0/www $0/proc $0/dev $0/sys $0/run && cd $0
cp /bin/busybox bin/ && ln -s busybox bin/sh && ln -s busybox bin/httpd
echo \"the shop\" >www/index.html
tar -c . >$0.tar";

/// Lets engines set up networks: /proc/sys of a host cannot be written, as in any container, and the part below `net`
/// is that of its own network namespace.
const OPEN_SETTINGS: &str = "test -w /proc/sys/net/ipv4/ip_forward || \
{ mount --bind /proc/sys/net /proc/sys/net && mount -o remount,bind,rw /proc/sys/net; }";

/// Does what every engine needs, once a host: opens the network's settings, and puts the image where it can be imported.
fn prepare(host: &Host) -> Result<(), LabError> {
    host.run(OPEN_SETTINGS)?.success("opening the settings of the network")?;
    host.run(&format!("test -e {ARCHIVE} || sh -c '{MAKE_TREE}' {TREE}"))?
        .success("making the image")
        .map(drop)
}

/// The end of a command that makes a container called `name` of the image, with a web server on `port` inside.
fn web_server(name: &str, options: &str, port: u16) -> String {
    format!("run --detach --name {name} {options} {IMAGE} /bin/httpd -f -p {port} -h /www")
}
