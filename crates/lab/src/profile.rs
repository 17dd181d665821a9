//! What a host runs: its services and their files, before the first boot.

mod bare;
mod base;
mod mail_web_ftp;
mod store;
mod web;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
};

pub use self::{bare::BARE, mail_web_ftp::MAIL_WEB_FTP, store::STORE, web::WEB};
use crate::error::LabError;

/// A kind of host.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Its host name.
    pub name: &'static str,
    /// The units of servers that run on it; every other server of the root is masked.
    pub units: &'static [&'static str],
    /// Its files, over those of the root.
    pub files: &'static [File],
}

/// A file of a host.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Where, from the root and without a leading slash.
    pub path: &'static str,
    /// What.
    pub content: Content,
    /// Its permission bits.
    pub mode: u32,
    /// The number of its user and group.
    pub owner: u32,
}

/// What stands in a file.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// This text.
    Text(&'static str),
    /// What the root has, and then this text.
    Append(&'static str),
    /// A symbolic link to this path.
    Link(&'static str),
    /// Nothing: it is a folder.
    Folder,
}

impl File {
    /// A file of root's that everybody may read.
    const fn text(path: &'static str, text: &'static str) -> Self {
        Self { path, content: Content::Text(text), mode: 0o644, owner: 0 }
    }

    const fn append(path: &'static str, text: &'static str) -> Self {
        Self { content: Content::Append(text), ..Self::text(path, "") }
    }

    const fn link(path: &'static str, to: &'static str) -> Self {
        Self { content: Content::Link(to), ..Self::text(path, "") }
    }

    const fn folder(path: &'static str) -> Self {
        Self { content: Content::Folder, mode: 0o755, ..Self::text(path, "") }
    }

    const fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    const fn owner(self, owner: u32) -> Self {
        Self { owner, ..self }
    }
}

/// Writes the profile's files below `layer`, as they will stand over those of `root`.
///
/// # Errors
///
/// Where a file cannot be read or written.
pub(crate) fn write(profile: &Profile, root: &Path, layer: &Path) -> Result<(), LabError> {
    for file in base::FILES.iter().chain(profile.files) {
        write_file(file, root, layer)?;
    }
    for unit in base::SERVERS.iter().filter(|unit| !profile.units.contains(unit)) {
        link(&layer.join("etc/systemd/system").join(unit), "/dev/null")?;
    }
    let name = layer.join("etc/hostname");
    fs::write(&name, format!("{}\n", profile.name)).map_err(LabError::file("write", name))
}

fn write_file(file: &File, root: &Path, layer: &Path) -> Result<(), LabError> {
    let path = layer.join(file.path);
    let parent = path.parent().expect("a file of a profile stands below the layer");
    fs::create_dir_all(parent).map_err(LabError::file("make the folder", parent))?;
    match file.content {
        Content::Link(to) => return link(&path, to),
        Content::Text(text) => fs::write(&path, text).map_err(LabError::file("write", &path))?,
        Content::Append(text) => append(&root.join(file.path), text, &path)?,
        Content::Folder => fs::create_dir_all(&path).map_err(LabError::file("make the folder", &path))?,
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))
        .and_then(|()| chown(&path, Some(file.owner), Some(file.owner)))
        .map_err(LabError::file("set the permissions of", &path))
}

fn append(original: &Path, text: &str, path: &Path) -> Result<(), LabError> {
    let before = fs::read_to_string(original).map_err(LabError::file("read", original))?;
    fs::write(path, before + text).map_err(LabError::file("write", path))
}

fn link(path: &Path, to: &str) -> Result<(), LabError> {
    let parent = path.parent().expect("a link of a profile stands below the layer");
    fs::create_dir_all(parent).map_err(LabError::file("make the folder", parent))?;
    symlink(to, path).map_err(LabError::file("link", path))
}
