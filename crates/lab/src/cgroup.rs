//! Control groups: the handle by which everything of the lab is held, and taken away at once.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use crate::{error::LabError, name, tools};

/// How long killed processes may take to be gone.
const GONE_SECONDS_MAX: u64 = 20;

/// A control group of the lab, at the root of the cgroup2 hierarchy; it and all that live in it go when this
/// value does.
#[derive(Debug)]
pub struct Group {
    name: String,
    path: PathBuf,
}

impl Group {
    /// An empty group with a fresh name.
    ///
    /// The first of a process takes away what runners that were killed have left behind.
    ///
    /// # Errors
    ///
    /// Without root, tools or cgroup2.
    pub fn create() -> Result<Self, LabError> {
        tools::check()?;
        crate::reap::once();
        let name = name::fresh();
        let path = hierarchy()?.join(&name);
        fs::create_dir(&path).map_err(LabError::file("make the control group", &path))?;
        Ok(Self { name, path })
    }

    /// Its name, which nothing else of the lab has.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it stands in the file system.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A group below this one, such as `system.slice/web.service`.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses it.
    pub fn below(&self, relative: &str) -> Result<PathBuf, LabError> {
        let path = self.path.join(relative);
        fs::create_dir_all(&path).map_err(LabError::file("make the control group", &path))?;
        Ok(path)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.name) {
            eprintln!("the lab could not take away {}: {error}", self.name);
        }
    }
}

/// A command that runs `program` in the group at `path`; arguments can still be added.
///
/// A shell enters the group and becomes the program, so that not even its first moment is spent elsewhere.
#[must_use]
pub fn command(path: &Path, program: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(path.join("cgroup.procs")).arg(program);
    command
}

/// Kills all that live in the lab's group of this name, and removes it.
///
/// # Errors
///
/// Where processes do not go, or somebody keeps the group.
pub fn remove(name: &str) -> io::Result<()> {
    for hierarchy in hierarchies() {
        let path = hierarchy.join(name);
        if path.join("cgroup.kill").exists() {
            fs::write(path.join("cgroup.kill"), "1")?;
        }
    }
    for hierarchy in hierarchies() {
        remove_emptied(&hierarchy.join(name))?;
    }
    Ok(())
}

/// The lab's groups of every runner, by name.
#[must_use]
pub fn names() -> Vec<String> {
    let entries = hierarchies().iter().filter_map(|hierarchy| fs::read_dir(hierarchy).ok()).flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name::runner_of(name).is_some())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A group can be removed as soon as the kernel has buried its last process, a moment after it was killed.
fn remove_emptied(path: &Path) -> io::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(GONE_SECONDS_MAX);
    loop {
        match remove_tree(path) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

fn remove_tree(path: &Path) -> io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}

/// The group of this process.
///
/// # Errors
///
/// Without cgroup2.
pub fn own() -> Result<PathBuf, LabError> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/")).ok_or(LabError::NoCgroups)?;
    Ok(hierarchy()?.join(path))
}

/// Kills all that live in the group at `path`, which is no other runner's, and removes it.
///
/// # Errors
///
/// Where processes do not go, or somebody keeps the group.
pub fn remove_at(path: &Path) -> io::Result<()> {
    if path.join("cgroup.kill").exists() {
        fs::write(path.join("cgroup.kill"), "1")?;
    }
    remove_emptied(path)
}

/// Where cgroup2 is mounted.
fn hierarchy() -> Result<&'static PathBuf, LabError> {
    hierarchies().first().ok_or(LabError::NoCgroups)
}

/// cgroup2, then the older hierarchy of systemd's own names, in which systemd-nspawn makes a twin of each group.
fn hierarchies() -> &'static [PathBuf] {
    static FOUND: OnceLock<Vec<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let fields: Vec<Vec<_>> = mounts.lines().map(|line| line.split(' ').collect()).collect();
        let of = |wanted: fn(&str, &str) -> bool| {
            let found = fields.iter().find(|mount| mount.len() > 3 && wanted(mount[2], mount[3]));
            found.map(|mount| PathBuf::from(mount[1]))
        };
        let unified = of(|kind, _| kind == "cgroup2");
        let named =
            of(|kind, options| kind == "cgroup" && options.split(',').any(|word| word == "name=systemd"));
        unified.map(|unified| [Some(unified), named].into_iter().flatten().collect()).unwrap_or_default()
    })
}
