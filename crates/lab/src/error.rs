//! What can go wrong while a laboratory is built or used.

use std::{io, path::PathBuf};

/// Why the lab could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Namespaces and mounts are root's.
    #[error("the lab needs root, for it makes namespaces and mounts: sudo cargo xtask lab")]
    NotRoot,
    /// Programs of the machine that are not there.
    #[error("the lab needs {programs}: apt-get install --no-install-recommends {packages}")]
    MissingTools {
        /// The programs, joined by commas.
        programs: String,
        /// The packages that bring them, joined by blanks.
        packages: String,
    },
    /// The cgroup2 hierarchy is not mounted.
    #[error("the lab needs a mounted cgroup2 hierarchy: mount -t cgroup2 none /sys/fs/cgroup")]
    NoCgroups,
    /// apt knows no kernel of a series.
    #[error("apt knows no kernel {series}: none of its sources has a package {packages}")]
    NoKernel {
        /// The first two numbers of its version.
        series: String,
        /// What the package would be called, with a star for what varies.
        packages: String,
    },
    /// A kernel was packed without a module that a guest was to have.
    #[error("the kernel {release} has no module {name}")]
    NoModule {
        /// The kernel.
        release: String,
        /// The module.
        name: String,
    },
    /// A file or folder could not be read, written or removed.
    #[error("cannot {what} {path}")]
    File {
        /// The verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program said no.
    #[error("{what} ended with status {status}:\n{said}")]
    Failed {
        /// What was being done.
        what: String,
        /// Its exit status, or -1 after a signal.
        status: i32,
        /// The end of what it printed.
        said: String,
    },
    /// Something did not come about in time.
    #[error("{what} did not come about within {seconds} s:\n{said}")]
    TooLate {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// What is known about it.
        said: String,
    },
}

impl LabError {
    /// Turns an I/O error about `path` into one that names it.
    pub(crate) fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}
