//! Somebody else on the network, with the machine's own curl and openssl.

use std::process::Stdio;

use crate::{
    error::LabError,
    namespace::Namespace,
    network::{Network, Place},
    output::Output,
};

/// How long a client's command may take.
const SECONDS_MAX: &str = "60";

/// Somebody on a network who has an address and programs, but no services.
#[derive(Debug)]
pub struct Client {
    namespace: Namespace,
    place: Place,
}

impl Client {
    /// A client on `network`.
    ///
    /// # Errors
    ///
    /// Where the lab cannot be built here.
    pub fn create(network: &Network) -> Result<Self, LabError> {
        let namespace = Namespace::create()?;
        let place = network.plug(&namespace)?;
        Ok(Self { namespace, place })
    }

    /// Its addresses.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Runs a shell's command with its address as the source.
    ///
    /// # Errors
    ///
    /// Where it cannot be started; how it ends is in the output.
    pub fn run(&self, command: &str) -> Result<Output, LabError> {
        let group = self.namespace.group().below("run")?;
        let output = self
            .namespace
            .command_in(&group, "timeout")
            .args(["--kill-after=5", SECONDS_MAX, "/bin/sh", "-c", command])
            .stdin(Stdio::null())
            .output()
            .map_err(|source| LabError::Start { program: "nsenter".into(), source })?;
        Ok(output.into())
    }
}
