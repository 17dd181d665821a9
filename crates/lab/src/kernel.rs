//! Another kernel than the machine's own: Debian's, made ready once below `target/lab` and booted under qemu.
//!
//! [`Kernel::ready`] fetches it, [`Initramfs`] is the whole system that it finds, [`Guest`] is that system running.

mod archive;
pub mod guest;
pub mod initramfs;
pub mod machine;
mod modules;
mod package;
mod programs;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use self::package::Flavour;
pub use self::{guest::Guest, initramfs::Initramfs};
use crate::{error::LabError, folder, root, tools};

/// The oldest series on which portreeve uses BPF, and Debian 12's own.
pub const OLDEST: &str = "6.1";

/// The environment variable that names another series for a whole run of tests.
pub const SERIES_VARIABLE: &str = "PORTREEVE_LAB_KERNEL";

/// A kernel with its modules, unpacked and never installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    release: String,
    folder: PathBuf,
}

impl Kernel {
    /// The newest that is here of a series (`6.1`), fetched with the machine's own apt where there is none.
    ///
    /// # Errors
    ///
    /// Without root or tools, where no source of apt has such a kernel, or with what apt said.
    pub fn ready(series: &str) -> Result<Self, LabError> {
        Self::of(series, Flavour::Cloud)
    }

    /// The same with every module that Debian has.
    ///
    /// # Errors
    ///
    /// As of [`Kernel::ready`].
    pub fn whole(series: &str) -> Result<Self, LabError> {
        Self::of(series, Flavour::Whole)
    }

    fn of(series: &str, flavour: Flavour) -> Result<Self, LabError> {
        tools::check()?;
        let kernels = folder::lab().join("kernel");
        fs::create_dir_all(&kernels).map_err(LabError::file("make the folder", &kernels))?;
        let _lock = root::lock(&folder::lab().join("kernel.lock"))?;
        if let Some(kernel) = Self::newest(series, flavour, &kernels)? {
            return Ok(kernel);
        }
        package::unpack(series, flavour, &kernels)?;
        Self::newest(series, flavour, &kernels)?.ok_or_else(|| package::no_kernel(series, flavour))
    }

    /// What `uname -r` says on it.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// The image that a boot loader takes.
    #[must_use]
    pub fn image(&self) -> PathBuf {
        self.folder.join("boot").join(format!("vmlinuz-{}", self.release))
    }

    /// What it was built with, as /boot has it.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.folder.join("boot").join(format!("config-{}", self.release))
    }

    /// The folder of its modules, with what depmod(8) found out about them.
    #[must_use]
    pub fn modules(&self) -> PathBuf {
        self.folder.join("lib/modules").join(&self.release)
    }

    fn newest(series: &str, flavour: Flavour, kernels: &Path) -> Result<Option<Self>, LabError> {
        let entries = fs::read_dir(kernels).map_err(LabError::file("read", kernels))?;
        let releases = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let newest = package::newest(series, flavour, releases);
        Ok(newest.map(|release| Self { folder: kernels.join(&release), release }))
    }
}

/// The series that this run of tests is about: [`OLDEST`], or what [`SERIES_VARIABLE`] says.
#[must_use]
pub fn series() -> String {
    env::var(SERIES_VARIABLE).unwrap_or_else(|_| OLDEST.into())
}
