//! The same on the oldest kernel that is supported, which the programs were not compiled on.

use std::{
    fs, io,
    net::{TcpListener, UdpSocket},
    path::Path,
    process,
};

use portreeve_core::port::Protocol;
use portreeve_host::{
    enforce::guard::{Guard, Home},
    events::listening::now,
    network::cookie,
};

use super::{Badge, Entry, Mode, entry, rules, unit};
use crate::lab::kernel::{pass_within, run};

const CGROUPS: &str = "/sys/fs/cgroup";

#[test]
fn a_number_is_guarded_on_the_oldest_kernel() {
    let guest = pass_within("lab::guard::oldest::within_the_guest");
    // It went with the program that held it.
    assert!(!run(&guest, "bpftool prog show").stdout.contains("asked4"));
}

/// Moves this process to the cgroup `place`, and tells whether it binds 8443 there.
fn binds(place: &str, address: &str) -> bool {
    let group = Path::new(CGROUPS).join(place);
    fs::create_dir_all(&group).expect("it is root's");
    fs::write(group.join("cgroup.procs"), process::id().to_string()).expect("it is root's");
    told(TcpListener::bind((address, 8443)))
}

/// Whether somebody bound; every other reason than the guard is a mistake.
fn told<T>(bound: io::Result<T>) -> bool {
    match bound {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => false,
        bound => bound.map(drop).is_ok(),
    }
}

/// The other half of the test above.
#[test]
#[ignore = "a_number_is_guarded_on_the_oldest_kernel runs it in its guest"]
fn within_the_guest() {
    let guard = Guard::load(Home { folder: CGROUPS.into() }).expect("the kernel takes it");
    let cookie = cookie().expect("the kernel tells it");
    let mut web = rules(&[(8443, entry(unit("web.service")))]);
    web.entries.insert((Protocol::Udp, 8443), vec![entry(Badge::User(65_534))]);
    guard.keep(cookie, &web).expect("the kernel takes them");
    for address in ["0.0.0.0", "::", "127.0.0.1"] {
        assert!(binds("system.slice/web.service", address), "{address}");
        assert!(binds("system.slice/web.socket", address), "{address}: opened for it");
        assert!(!binds("system.slice/other.service", address), "{address}");
    }
    assert!(!told(UdpSocket::bind("127.0.0.1:8443")), "root is a stranger too");
    fs::remove_dir(Path::new(CGROUPS).join("system.slice/web.service")).expect("nobody is in it");
    assert!(binds("system.slice/web.service", "0.0.0.0"), "it was started again");

    let tried = guard.tried().expect("it is told");
    let count: u64 = tried.iter().filter(|it| it.is_refused).map(|it| it.count).sum();
    assert_eq!(count, 4, "{tried:?}");
    let observed = Entry { mode: Mode::Observe, ..entry(unit("web.service")) };
    let until = now() + 1_000_000_000;
    guard.try_keeping(cookie, &rules(&[(8443, observed)]), until).expect("the kernel takes them");
    assert!(binds("system.slice/other.service", "0.0.0.0") && now() < until, "on trial it is written down");
    while now() < until {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(!binds("system.slice/other.service", "0.0.0.0"), "nobody confirmed it");
}
