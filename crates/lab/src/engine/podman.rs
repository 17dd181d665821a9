//! podman, as Debian delivers it, for root or for a user with a service manager of their own.

use super::{ARCHIVE, IMAGE, prepare, web_server};
use crate::{error::LabError, host::Host, output::Output};

/// Layers are plain folders, since one overlay cannot stand on another; a host of the lab has no limits to set.
const STORAGE: &str = "[storage]\ndriver = \"vfs\"\n";
const SETTINGS: &str =
    "[containers]\npids_limit = 0\n[engine]\nruntime = \"runc\"\nevents_logger = \"file\"\n";

/// What a user needs who runs containers: numbers for those inside, a device for the network that
/// systemd-udevd(8) would have opened to all, and a service manager that stays (loginctl(1), enable-linger).
///
/// $0 is the user.
const PREPARE: &str = "set -e
echo $0:100000:65536 | tee /etc/subuid >/etc/subgid
chmod 666 /dev/net/tun
loginctl enable-linger $0
for i in $(seq 400); do test -S /run/user/$(id -u $0)/bus && exit 0; sleep 0.025; done
systemctl status user@$(id -u $0).service; exit 1";

/// podman of one user of a host; its containers go with the host.
#[derive(Clone, Copy, Debug)]
pub struct Podman<'a> {
    host: &'a Host,
    user: &'a str,
}

impl<'a> Podman<'a> {
    /// Makes podman ready for `user`, root or another, and gives it the image [`IMAGE`].
    ///
    /// # Errors
    ///
    /// With what was said, where that cannot be done.
    pub fn of(host: &'a Host, user: &'a str) -> Result<Self, LabError> {
        prepare(host)?;
        host.write("/etc/containers/storage.conf", &storage(user))?;
        host.write("/etc/containers/containers.conf", SETTINGS)?;
        if user != "root" {
            host.run(&format!("sh -c '{PREPARE}' {user}"))?.success("preparing a user for podman")?;
        }
        let podman = Self { host, user };
        podman.run(&format!("import {ARCHIVE} {IMAGE}"))?;
        Ok(podman)
    }

    /// Runs it with these arguments, in a unit of the user's own manager; it must end with 0.
    ///
    /// # Errors
    ///
    /// With what it said, where it does not.
    pub fn run(&self, arguments: &str) -> Result<Output, LabError> {
        let command = format!("podman {arguments}");
        let output = match self.user {
            "root" => self.host.run(&command)?,
            user => self.host.run_as(user, &format!(
                "XDG_RUNTIME_DIR=/run/user/$(id -u) exec systemd-run --user --quiet --wait --pipe --property=Delegate=yes {command}"
            ))?,
        };
        output.success(&command)
    }

    /// Starts a container called `name` with a web server on `port` inside, and gives its id.
    ///
    /// `options` are those of podman-run(1): `-p 8090:80`, `--network host`.
    ///
    /// # Errors
    ///
    /// With what podman said, where it refuses.
    pub fn serve(&self, name: &str, options: &str, port: u16) -> Result<String, LabError> {
        Ok(self.run(&web_server(name, options, port))?.stdout.trim().to_owned())
    }
}

/// Root must say where, once there is a file (containers-storage.conf(5)); a user has a place of their own.
fn storage(user: &str) -> String {
    let places = "runroot = \"/run/containers/storage\"\ngraphroot = \"/var/lib/containers/storage\"\n";
    if user == "root" { format!("{STORAGE}{places}") } else { STORAGE.into() }
}
