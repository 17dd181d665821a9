//! A host whose code is known, for the tests of what it runs.

use alloc::vec;

use crate::{
    facts::{Code, CodeFile, CodeRoot, Database, ExeState, Offer, Package},
    rules::testing::{Scene, scene},
};

/// sshd at `address`, whose program and library are those of two packages.
pub(crate) fn sshd(address: &str, change: impl FnOnce(&mut Code)) -> Scene {
    let mut scene = scene().listens("ssh.service", address);
    let pid = *scene.snapshot.processes.keys().next().unwrap();
    let file = |path: &str, package: Option<u32>| CodeFile {
        path: path.into(),
        state: ExeState::Same,
        since: None,
        root: Some(0),
        package,
        build: None,
    };
    let package = |name: &str, version: &str| Package {
        name: name.into(),
        version: version.into(),
        offer: Some(Offer { candidate: Some(version.into()), newest: Some(version.into()), security: None }),
        is_from_security: Some(false),
        ..Package::default()
    };
    let mut code = Code {
        files: vec![file("/usr/sbin/ssh", Some(0)), file("/usr/lib/libkrb5.so.3", Some(1))],
        processes: [(pid, vec![0, 1])].into(),
        roots: vec![CodeRoot {
            database: Some(Database::Dpkg),
            packages: vec![package("openssh-server", "1:9.2-2"), package("libkrb5-3", "1.20-2")],
            ..CodeRoot::default()
        }],
        kernel: None,
    };
    change(&mut code);
    scene.snapshot.code = Some(code);
    scene
}
