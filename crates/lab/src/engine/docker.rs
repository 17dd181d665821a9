//! Docker, as Debian delivers it, on a socket and in a folder of the test's own.

use super::{ARCHIVE, IMAGE, prepare, web_server};
use crate::{error::LabError, host::Host, output::Output};

/// A Docker engine on a host; it goes with the host.
#[derive(Clone, Copy, Debug)]
pub struct Docker<'a> {
    host: &'a Host,
}

impl<'a> Docker<'a> {
    /// Where it listens for its client.
    pub const SOCKET: &'static str = "/run/lab/docker.sock";
    /// Where it keeps what it knows.
    pub const DATA: &'static str = "/var/lib/lab-docker";
    /// The unit that it runs in, with the forwarders of published ports.
    pub const UNIT: &'static str = "engine.service";

    /// Starts one, and gives it the image [`IMAGE`].
    ///
    /// The layers are plain folders (`vfs`), since one overlay cannot stand on another.
    ///
    /// # Errors
    ///
    /// With what it said, where it does not come up.
    pub fn start(host: &'a Host) -> Result<Self, LabError> {
        Self::start_with(host, "")
    }

    /// The same, where the kernel alone passes published ports on.
    ///
    /// # Errors
    ///
    /// With what it said, where it does not come up.
    pub fn start_without_forwarders(host: &'a Host) -> Result<Self, LabError> {
        Self::start_with(host, "--userland-proxy=false")
    }

    fn start_with(host: &'a Host, options: &str) -> Result<Self, LabError> {
        prepare(host)?;
        let docker = Self { host };
        let (socket, data, unit) = (Self::SOCKET, Self::DATA, Self::UNIT);
        host.run(&format!(
            "systemd-run --quiet --unit={unit} --property=Type=notify --property=Delegate=yes dockerd \
             --host=unix://{socket} --data-root={data} --exec-root=/run/lab/docker --pidfile=/run/lab/docker.pid \
             --storage-driver=vfs {options} || {{ journalctl --no-pager --unit={unit}; exit 1; }}"
        ))?
        .success("starting dockerd")?;
        docker.run(&format!("import {ARCHIVE} {IMAGE}"))?;
        Ok(docker)
    }

    pub(super) fn host(&self) -> &'a Host {
        self.host
    }

    /// Runs its client with these arguments; it must end with 0.
    ///
    /// # Errors
    ///
    /// With what the client said, where it does not.
    pub fn run(&self, arguments: &str) -> Result<Output, LabError> {
        let command = format!("docker --host unix://{} {arguments}", Self::SOCKET);
        self.host.run(&command)?.success(&command)
    }

    /// Starts a container called `name` with a web server on `port` inside, and gives its id.
    ///
    /// `options` are those of docker-run(1): `-p 8080:80`, `--network host`, or none.
    ///
    /// # Errors
    ///
    /// With what the engine said, where it refuses.
    pub fn serve(&self, name: &str, options: &str, port: u16) -> Result<String, LabError> {
        Ok(self.run(&web_server(name, options, port))?.stdout.trim().to_owned())
    }

    /// The number, on the host, of the first process of the container called `name`.
    ///
    /// # Errors
    ///
    /// With what the client said, where there is none.
    pub fn pid(&self, name: &str) -> Result<u32, LabError> {
        let output = self.run(&format!("inspect --format '{{{{.State.Pid}}}}' {name}"))?;
        output.stdout.trim().parse().map_err(|_| LabError::Failed {
            what: format!("finding the container {name}"),
            status: output.status,
            said: output.stdout.clone(),
        })
    }
}
