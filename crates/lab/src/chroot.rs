//! The lab's Debian with namespaces of its own and no service manager: what programs need that are only run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{error::LabError, namespace::Namespace, output::Output, root};

/// How long a command may take.
const RUN_SECONDS_MAX: &str = "60";

/// Where the root is mounted, seen by nobody else.
const ROOT: &str = "/mnt/root";

/// $0 is the finished root, $1 the program under test.
const MOUNT: &str = "set -e
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=\"$0\",upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
cd /mnt/root
mount -t proc proc proc
mount -t sysfs sysfs sys
for folder in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs $folder; done
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mkdir run/lock
touch usr/local/bin/portreeve
mount --bind \"$1\" usr/local/bin/portreeve";

/// Such a place; it goes when this value does, with everybody in it and every file that was written.
#[derive(Debug)]
pub struct Chroot {
    namespace: Namespace,
}

impl Chroot {
    /// A fresh one, with the program at `portreeve` as /usr/local/bin/portreeve.
    ///
    /// # Errors
    ///
    /// Where the lab cannot be built here.
    pub fn create(portreeve: &Path) -> Result<Self, LabError> {
        let root = root::ready()?;
        let namespace = Namespace::create_with_processes()?;
        let output = namespace
            .command_in(&namespace.group().below("mount")?, "sh")
            .args(["-c", MOUNT])
            .arg(root)
            .arg(portreeve)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| LabError::Start { program: "nsenter".into(), source })?;
        Output::from(output).success("mounting the root")?;
        Ok(Self { namespace })
    }

    /// Its network.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Runs a shell's command as root, whose environment is none of the machine's.
    ///
    /// # Errors
    ///
    /// Where it cannot be started; how it ends is in the output.
    pub fn run(&self, command: &str) -> Result<Output, LabError> {
        let output = self
            .namespace
            .command_in(&self.namespace.group().below("run")?, "chroot")
            .args([ROOT, "env", "-i", "HOME=/root", "USER=root", "LANG=C.UTF-8"])
            .arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .args(["timeout", "--kill-after=5", RUN_SECONDS_MAX, "/bin/sh", "-c", command])
            .stdin(Stdio::null())
            .output()
            .map_err(|source| LabError::Start { program: "nsenter".into(), source })?;
        Ok(output.into())
    }

    /// Writes a text to a file, whose folder must be there.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> Result<(), LabError> {
        let file = self.file(path);
        fs::write(&file, text).map_err(LabError::file("write", &file))
    }

    /// Where the machine sees a file of it.
    #[must_use]
    pub fn file(&self, path: &str) -> PathBuf {
        format!("/proc/{}/root{ROOT}{path}", self.namespace.pid()).into()
    }
}
