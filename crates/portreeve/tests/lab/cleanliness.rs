//! The lab leaves nothing behind, and touches nothing of the machine's own.

use std::{
    env,
    io::{BufRead, BufReader},
    panic::catch_unwind,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use portreeve_lab::{Chroot, Network, machine::Machine, name, profile, reap};

use super::site::{PORTREEVE, Site, lab};

/// How long to wait for what others start and stop on the machine meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listeners, units and mounts of the machine are the same before, beside and after a host of the lab.
#[test]
fn the_machines_own_listeners_and_units_stay_the_same() {
    let before = lab(Machine::observe());
    let site = Site::boot(&profile::MAIL_WEB_FTP);
    assert_stays(&before);
    drop(site);
    assert_stays(&before);
}

fn assert_stays(before: &Machine) {
    let deadline = Instant::now() + PATIENCE;
    while lab(Machine::observe()) != *before && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(lab(Machine::observe()), *before);
}

/// Who loses his parent in a namespace with its own processes is gone when he ends, so that whoever counts finds no
/// dead.
#[test]
fn an_orphan_that_ends_is_gone() {
    let host = lab(Chroot::create(Path::new(PORTREEVE)));
    // Whoever looks at once may see the shell that is about to become it.
    let command = "sh -c 'sleep 5 & exec true'; sleep 0.2; ps ax -o stat=,comm=; echo then; sleep 6; ps ax -o stat=,comm=";
    let seen = lab(host.run(command)).stdout;
    let (before, after) = seen.split_once("then\n").expect("both lists");
    let sleeps = |list: &str| list.lines().filter(|line| line.ends_with("sleep")).count();
    assert_eq!((sleeps(before), sleeps(after)), (2, 1), "{seen}");
}

/// A test that panics takes its host with it.
#[test]
fn a_panic_leaves_nothing_behind() {
    let mine = thread::spawn(|| {
        let network = lab(Network::create());
        let name = network.name().to_string();
        let panicked = catch_unwind(move || {
            let _network = network;
            panic!("as a failed assertion would");
        });
        assert!(panicked.is_err());
        name
    });
    let name = mine.join().expect("the thread caught the panic");
    assert!(!reap::own().contains(&name), "{name} is left");
}

/// What a killed runner left is reaped by the next, and what a living one has is not.
#[test]
fn a_killed_runner_is_reaped_and_a_living_one_is_not() {
    let (mut living, living_name) = start_runner();
    let (mut killed, killed_name) = start_runner();
    killed.kill().and_then(|()| killed.wait()).expect("our own child can be killed");
    assert!(reap::dead().contains(&killed_name), "{killed_name} was left");
    assert!(!reap::dead().contains(&living_name), "{living_name} lives");
    reap::remove(&killed_name);
    assert!(!reap::dead().contains(&killed_name), "{killed_name} is gone");
    living.kill().and_then(|()| living.wait()).expect("our own child can be killed");
    reap::remove(&living_name);
}

/// Another process of this test program, in which [`a_runner_that_waits_to_be_killed`] has made a network.
fn start_runner() -> (std::process::Child, String) {
    let mut runner = Command::new(env::current_exe().expect("this program has a path"))
        .args(["--exact", "lab::cleanliness::a_runner_that_waits_to_be_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started again");
    let lines = BufReader::new(runner.stdout.take().expect("standard output was piped")).lines();
    let name = lines.map_while(Result::ok).find_map(|line| Some(line.split_once("made ")?.1.to_string()));
    (runner, name.expect("the runner makes a network and says its name"))
}

/// Not a test of its own.
#[test]
#[ignore = "started by a_killed_runner_is_reaped_and_a_living_one_is_not"]
fn a_runner_that_waits_to_be_killed() {
    let network = lab(Network::create());
    println!("made {}", network.name());
    assert!(name::runner_of(network.name()).is_some());
    thread::sleep(Duration::from_secs(120));
}
