//! What an executable carries about its build: the modules or crates that are in it, of which no package database knows (A18).

pub mod elf;
pub mod go;
pub mod rust;

use alloc::{string::String, vec::Vec};

pub use self::{go::go, rust::rust};

use crate::facts::Build;

/// What an executable was built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildInfo {
    /// It was written in Go.
    Go(GoBuild),
    /// It was written in Rust, and built with `cargo auditable`.
    Rust(RustBuild),
}

impl BuildInfo {
    /// What a person is told of it.
    #[must_use]
    pub fn into_build(self) -> Build {
        match self {
            Self::Go(GoBuild { toolchain, main, .. }) => {
                let (name, version) = main.map(|main| (main.path, main.version)).unzip();
                Build { by: toolchain, name, version: version.filter(|version| !version.is_empty()) }
            }
            Self::Rust(RustBuild { root, .. }) => {
                let (name, version) = root.map(|root| (root.name, root.version)).unzip();
                Build { by: "rust".into(), name, version }
            }
        }
    }
}

/// What the Go linker wrote into an executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoBuild {
    /// The version of Go whose standard library is in it, such as `go1.22.4`.
    pub toolchain: String,
    /// The module of the program itself, where it was built as one.
    pub main: Option<Module>,
    /// The modules that went into it, each as what it was replaced by; the first 10,000.
    pub dependencies: Vec<Module>,
}

/// A module of Go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its path, such as `golang.org/x/net`.
    pub path: String,
    /// Its version, such as `v0.17.0`; of a folder on the disk of whoever built it `(devel)` or none.
    pub version: String,
}

/// What `cargo auditable` wrote into an executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RustBuild {
    /// The crate of the program itself, where one is called so.
    pub root: Option<Crate>,
    /// The other crates that went into it or helped to build it, of the first 10,000 in all.
    pub dependencies: Vec<Crate>,
}

/// A crate of Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version, as semver writes it.
    pub version: String,
    /// Where it came from: `crates.io`, `git`, `local`, `registry`, or whatever a later format says.
    pub source: String,
    /// What it was for.
    pub role: Role,
}

/// What a crate was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its code runs.
    Runtime,
    /// It ran while the program was built: what is wrong with it is not in the program.
    Build,
}

/// So many modules or crates are told of one executable.
const DEPENDENCIES_MAX: usize = 10_000;
