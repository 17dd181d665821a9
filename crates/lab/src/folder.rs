//! Where the lab keeps files: below the workspace's `target/lab`, in folders that carry their maker's name.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::error::LabError;

/// A folder that goes when this value does.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// An empty folder of this name.
    ///
    /// # Errors
    ///
    /// Where the target folder cannot be written.
    pub fn create(name: &str) -> Result<Self, LabError> {
        let path = runs().join(name);
        fs::create_dir_all(&path).map_err(LabError::file("make the folder", &path))?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// `target/lab`.
#[must_use]
pub fn lab() -> PathBuf {
    target().join("lab")
}

/// The parent of every folder that belongs to a runner.
#[must_use]
pub fn runs() -> PathBuf {
    lab().join("run")
}

/// The workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).expect("the lab stands two folders below the workspace").to_path_buf()
}

fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => workspace().join(folder),
        None => workspace().join("target"),
    }
}
