//! Builds small networks and whole Debian hosts in namespaces and watches them with other people's tools.
//!
//! It knows the path of the built portreeve and the JSON that it prints, and nothing else of ours: so it is an
//! independent witness. Everything it makes hangs on a control group that carries the name of the process that
//! made it ([`name`]): to kill that group is to take everything away, namespaces, mounts and interfaces too.

pub mod cgroup;
pub mod chroot;
pub mod client;
pub mod engine;
pub mod error;
pub mod etcd;
pub mod fixture;
pub mod folder;
pub mod host;
pub mod kernel;
pub mod machine;
pub mod name;
pub mod namespace;
pub mod network;
pub mod output;
pub mod perimeter;
pub mod profile;
pub mod programs;
pub mod reap;
pub mod root;
pub mod ruleset;
pub mod tools;
pub mod witness;
pub mod zoo;

pub use chroot::Chroot;
pub use client::Client;
pub use error::LabError;
pub use host::Host;
pub use network::Network;
pub use output::Output;
pub use perimeter::Perimeter;
pub use profile::Profile;
