//! Where the zoo stands: the namespaces and the control group of the process that runs it.

use std::{
    cell::RefCell,
    env, fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{self, Command},
};

use rustix::mount::{UnmountFlags, unmount};

use super::keeper::Place;
use crate::{cgroup, error::LabError, name, output::Output, tools};

/// What it needs of the machine beside a shell.
pub const TOOLS: [&str; 3] = ["ip", "ss", "lsof"];

/// Where the zoo stands; its groups with all their processes, its files and its mounts go when this value does.
#[derive(Debug)]
pub struct Enclosure {
    /// The inode of the network namespace.
    pub netns: u64,
    programs: PathBuf,
    folder: PathBuf,
    group: PathBuf,
    mounts: RefCell<Vec<PathBuf>>,
}

impl Enclosure {
    /// The place of this process; the programs of the cases stand beside its own.
    ///
    /// # Errors
    ///
    /// Without root, cgroup2 or the tools of [`TOOLS`].
    pub fn create() -> Result<Self, LabError> {
        tools::check_for(&TOOLS)?;
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).output();
        let up = up.map_err(|source| LabError::Start { program: "ip".into(), source })?;
        Output::from(up).success("ip link set lo up")?;
        let own = env::current_exe().map_err(LabError::file("find", "/proc/self/exe"))?;
        let folder = env::temp_dir().join(format!("zoo-{}", process::id()));
        fs::create_dir_all(&folder).map_err(LabError::file("make the folder", &folder))?;
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&folder, open).map_err(LabError::file("open the folder", &folder))?;
        let network =
            fs::metadata("/proc/self/ns/net").map_err(LabError::file("read", "/proc/self/ns/net"))?;
        Ok(Self {
            netns: network.ino(),
            programs: own.parent().unwrap_or(Path::new("/")).into(),
            folder,
            // A name that nobody else has: whatever is in it is killed in the end.
            group: cgroup::own()?.join(name::fresh()),
            mounts: RefCell::default(),
        })
    }

    /// Where a program of this unit starts, in a case of which this is true.
    #[must_use]
    pub const fn at(&self, truth: &'static str, unit: &'static str) -> Place<'_> {
        Place { zoo: self, truth, unit }
    }

    /// A folder for files of the cases, which everybody may enter.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A program of the lab.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        if name.starts_with('/') { name.into() } else { self.programs.join(name) }
    }

    /// The control group of this unit.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses it.
    pub fn unit(&self, name: &str) -> Result<PathBuf, LabError> {
        let path = self.group.join("system.slice").join(name);
        fs::create_dir_all(&path).map_err(LabError::file("make the control group", &path))?;
        Ok(path)
    }

    /// A place for a mount, which goes with the zoo.
    #[must_use]
    pub fn place(&self, name: &str) -> PathBuf {
        let place = self.folder.join(name);
        self.mounts.borrow_mut().push(place.clone());
        place
    }
}

impl Drop for Enclosure {
    fn drop(&mut self) {
        if let Err(error) = cgroup::remove_at(&self.group) {
            eprintln!("the zoo could not take away {}: {error}", self.group.display());
        }
        for place in self.mounts.take() {
            let _ = unmount(place, UnmountFlags::DETACH);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
