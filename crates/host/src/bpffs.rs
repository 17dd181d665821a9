//! Names in a bpffs, by which what portreeve puts into the kernel stays there when every process of ours is gone (bpf(2),
//! BPF_OBJ_PIN).
//!
//! A folder gets its name when all is in it, so that whoever is killed in the middle leaves nothing that is taken for a whole one.

use std::{
    ffi::CString,
    fs::{self, DirBuilder},
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, OwnedFd},
        unix::{ffi::OsStrExt as _, fs::DirBuilderExt as _},
    },
    path::{Path, PathBuf},
};

use rustix::fs::statfs;

use crate::{
    pins::{BPF_FS_MAGIC, stranger::Stranger},
    sys::bpf,
};

/// Where systemd mounts a bpffs.
pub const BPFFS: &str = "/sys/fs/bpf";
/// Where portreeve keeps what goes on without it.
const PLACE: &str = "/sys/fs/bpf/portreeve";
/// What a folder's name begins with before all is in it, and when it goes.
const UNFINISHED: &str = "new-";
const GOING: &str = "old-";
const FOLDER_MODE: u32 = 0o700;

/// Why nothing keeps its name, or what has one cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum PinnedError {
    /// Nothing keeps names.
    #[error("no bpffs is mounted at {BPFFS}")]
    NoBpffs,
    /// Something stands there that portreeve did not make.
    #[error("{} was not created by portreeve", .0.path)]
    Foreign(Stranger),
    /// Another portreeve put it there.
    #[error("{} is of another portreeve", .0.display())]
    OtherLayout(PathBuf),
    /// A step failed.
    #[error("cannot {what}")]
    Step {
        /// The step.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl PinnedError {
    /// The error of a step that failed.
    pub(crate) fn step(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Step { what, source }
    }
}

/// Refuses a host on which nothing would keep names.
pub(crate) fn refuse_without_bpffs() -> Result<(), PinnedError> {
    let is_bpffs = statfs(BPFFS).is_ok_and(|about| u32::try_from(about.f_type) == Ok(BPF_FS_MAGIC));
    if is_bpffs { Ok(()) } else { Err(PinnedError::NoBpffs) }
}

/// The folder of one thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder {
    /// What it is of.
    pub(crate) what: &'static str,
    /// Raised whenever what stands in it changes its structure.
    pub(crate) layout: u32,
    /// The network namespace that it is of, by its cookie, where each has one.
    pub(crate) netns: Option<u64>,
}

impl Folder {
    /// Whether it is there.
    ///
    /// # Errors
    ///
    /// Another portreeve or somebody else put something there.
    pub(crate) fn exists(&self) -> Result<bool, PinnedError> {
        if !place_exists()? {
            return Ok(false);
        }
        self.refuse_other_layouts()?;
        Ok(self.path().exists())
    }

    /// What has this name in it.
    ///
    /// # Errors
    ///
    /// Nothing has, or it cannot be opened.
    pub(crate) fn open(&self, name: &str) -> io::Result<OwnedFd> {
        Ok(bpf::open_pinned(&named(&self.path().join(name)))?)
    }

    /// Gives each of these its name in it, in the place of all that was there.
    ///
    /// # Errors
    ///
    /// There is no bpffs, the place is somebody else's, or the kernel refuses.
    pub(crate) fn put<'f>(
        &self,
        things: impl IntoIterator<Item = (&'f str, BorrowedFd<'f>)>,
    ) -> Result<(), PinnedError> {
        self.make_place()?;
        let [folder, unfinished, going] = self.paths();
        remove(&unfinished)?;
        remove(&going)?;
        make(&unfinished)?;
        for (name, thing) in things {
            let pinned = bpf::pin(thing, &named(&unfinished.join(name)));
            pinned.map_err(|error| PinnedError::step("pin a part")(error.into()))?;
        }
        // Until the old one goes both are at work, and told the same.
        if folder.exists() {
            fs::rename(&folder, &going).map_err(PinnedError::step("put what was pinned aside"))?;
        }
        fs::rename(&unfinished, &folder).map_err(PinnedError::step("give what is pinned its name"))?;
        remove(&going)
    }

    /// Takes it out of the kernel; whether there was any.
    ///
    /// # Errors
    ///
    /// Another portreeve or somebody else put something there, or the kernel refuses.
    pub(crate) fn take_away(&self) -> Result<bool, PinnedError> {
        if !place_exists()? {
            return Ok(false);
        }
        self.refuse_other_layouts()?;
        let had_any = self.path().exists();
        for path in self.paths() {
            remove(&path)?;
        }
        // What is left is not of this one.
        match fs::remove_dir(PLACE) {
            Err(error)
                if !matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound) =>
            {
                Err(PinnedError::step("remove a folder")(error))
            }
            _ => Ok(had_any),
        }
    }

    /// Takes away what other layouts put there of the same thing, where nobody misses it.
    ///
    /// # Errors
    ///
    /// They cannot be listed, or the kernel refuses.
    pub(crate) fn take_away_other_layouts(&self) -> Result<(), PinnedError> {
        match self.refuse_other_layouts() {
            Err(PinnedError::OtherLayout(path)) => {
                remove(&path)?;
                self.take_away_other_layouts()
            }
            rest => rest,
        }
    }

    /// Those of every namespace.
    ///
    /// # Errors
    ///
    /// They cannot be listed.
    pub(crate) fn of_every_namespace(self) -> Result<Vec<Self>, PinnedError> {
        let start = format!("{}-{}-", self.what, self.layout);
        let plain = |name: &str| {
            let name = name.strip_prefix(UNFINISHED).or_else(|| name.strip_prefix(GOING)).unwrap_or(name);
            name.strip_prefix(&start)?.parse().ok()
        };
        let mut found: Vec<u64> = listed()?.iter().filter_map(|name| plain(name)).collect();
        found.sort_unstable();
        found.dedup();
        Ok(found.into_iter().map(|cookie| Self { netns: Some(cookie), ..self }).collect())
    }

    fn name(&self) -> String {
        let name = format!("{}-{}", self.what, self.layout);
        self.netns.map_or(name.clone(), |cookie| format!("{name}-{cookie}"))
    }

    fn path(&self) -> PathBuf {
        Path::new(PLACE).join(self.name())
    }

    /// It, and what it is called before all is in it and when it goes.
    fn paths(&self) -> [PathBuf; 3] {
        ["", UNFINISHED, GOING].map(|start| Path::new(PLACE).join(format!("{start}{}", self.name())))
    }

    fn make_place(&self) -> Result<(), PinnedError> {
        refuse_without_bpffs()?;
        if place_exists()? { self.refuse_other_layouts() } else { make(Path::new(PLACE)) }
    }

    /// What another layout means nobody here knows.
    fn refuse_other_layouts(&self) -> Result<(), PinnedError> {
        let (any, own) = (format!("{}-", self.what), format!("{}-{}", self.what, self.layout));
        let is_own = |name: &String| *name == own || name.starts_with(&format!("{own}-"));
        match listed()?.into_iter().find(|name| name.starts_with(&any) && !is_own(name)) {
            Some(other) => Err(PinnedError::OtherLayout(Path::new(PLACE).join(other))),
            None => Ok(()),
        }
    }
}

/// Whether the place is there, and is root's alone.
fn place_exists() -> Result<bool, PinnedError> {
    match Stranger::at(Path::new(PLACE)) {
        None => Ok(true),
        Some(stranger) if stranger.is_missing() => Ok(false),
        Some(stranger) => Err(PinnedError::Foreign(stranger)),
    }
}

/// What has a name there; nothing where the place is not.
fn listed() -> Result<Vec<String>, PinnedError> {
    match fs::read_dir(PLACE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(PinnedError::step("read the folder of what is pinned")(error)),
        Ok(entries) => {
            Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        }
    }
}

fn make(folder: &Path) -> Result<(), PinnedError> {
    DirBuilder::new().mode(FOLDER_MODE).create(folder).map_err(PinnedError::step("make a folder"))
}

/// A number that the kernel tells of what ties a program to its hook (proc_pid_fdinfo(5)); of one that was cut it tells no place.
pub(crate) fn number_of(tie: &OwnedFd, what: &str) -> Option<u64> {
    let told = fs::read_to_string(format!("/proc/self/fdinfo/{}", tie.as_raw_fd())).ok()?;
    let mut lines = told.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(name, _)| *name == what)?.1.trim().parse().ok()
}

/// A folder with what is in it; nothing is no error.
fn remove(folder: &Path) -> Result<(), PinnedError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(PinnedError::step("take a pin away")(error))
        }
        _ => Ok(()),
    }
}

fn named(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no name of ours holds a NUL")
}
