//! The zoo on a machine that has other things to do: with a network, mounts and a control group of its own.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::{error::LabError, folder::Folder, namespace::Namespace, programs};

/// A place for one zoo; all of it goes when this value does.
#[derive(Debug)]
pub struct Fixture {
    namespace: Namespace,
    folder: Folder,
}

impl Fixture {
    /// An empty place.
    ///
    /// # Errors
    ///
    /// Where the lab cannot be built here.
    pub fn create() -> Result<Self, LabError> {
        let namespace = Namespace::create_with_mounts()?;
        let folder = Folder::create(namespace.group().name())?;
        Ok(Self { namespace, folder })
    }

    /// The program that builds the zoo and asks the `portreeve` of this path about it; it prints a table.
    ///
    /// # Errors
    ///
    /// Where the programs of the zoo cannot be built.
    pub fn command(&self, portreeve: &Path) -> Result<Command, LabError> {
        let zoo = programs::zoo()?.join("zoo");
        let group = self.namespace.group().below("zoo")?;
        let mut command = self.namespace.command_in(&group, &zoo.to_string_lossy());
        command.arg(portreeve).env("TMPDIR", self.folder.path()).stdin(Stdio::null());
        Ok(command)
    }
}
