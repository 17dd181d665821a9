//! Strangers who never stop trying while rules are put in each other's place and programs in each other's.
//!
//! `cargo xtask soak` has them try twenty times as often.

use std::{env, io::Read as _, mem, process::Stdio};

use portreeve_core::guard::Badge;
use portreeve_host::enforce::guard::{Guard, Home};

use super::{Scene, entry, rules};
use crate::lab::site::lab;

/// Whoever wants all of it sets this to `full`.
const STORM: &str = "PORTREEVE_STORM";
const ALL_TRIES: u32 = 200_000;
const SOME_TRIES: u32 = 10_000;
/// At least so often, however soon the strangers are through with it.
const SWAPS_MIN: u32 = 100;
const UPGRADES_MIN: u32 = 3;
const SWAPS_EACH: u16 = 34;
const PORT: u16 = 8001;

/// Tries until nobody wants it any more, but so often at least.
const TRY: &str = "import socket,sys,select
through = tries = 0
while tries < int(sys.argv[1]) or not select.select([sys.stdin], [], [], 0)[0]:
    s = socket.socket()
    tries += 1
    try: s.bind(('127.0.0.1', 8001)); through += 1
    except PermissionError: pass
    s.close()
print(tries, through)";

/// Of those that judge side by side for a moment each knows the rules before it is asked.
#[test]
fn no_stranger_gets_through_while_rules_and_programs_change() {
    let tries = if env::var(STORM).is_ok_and(|storm| storm == "full") { ALL_TRIES } else { SOME_TRIES };
    let Scene { namespace, mut guard, cookie } = Scene::create();
    let owned = || (PORT, entry(Badge::User(1)));
    guard.keep(cookie, &rules(&[owned()])).expect("the kernel takes them");
    let group = lab(namespace.group().below("a"));
    let mut command = namespace.command_beside(&group, "/usr/bin/python3");
    command.args(["-c", TRY, &tries.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut strangers = command.spawn().expect("it is started");
    let (stdin, mut stdout) = (strangers.stdin.take(), strangers.stdout.take().expect("it is a pipe"));
    let home = || {
        let mount = namespace.group().path().parent().expect("it lies below the root of the hierarchy");
        Home { folder: mount.join(namespace.group().name()) }
    };
    let (mut swaps, mut upgrades) = (0, 0);
    while swaps < SWAPS_MIN || upgrades < UPGRADES_MIN {
        for turn in 0..SWAPS_EACH {
            let others = (8100 + turn, entry(Badge::User(2)));
            guard.keep(cookie, &rules(&[owned(), others])).expect("the kernel takes them");
            swaps += 1;
        }
        let next = Guard::load(home()).expect("the kernel takes it");
        next.keep(cookie, &rules(&[owned()])).expect("the kernel takes them");
        drop(mem::replace(&mut guard, next));
        upgrades += 1;
    }
    drop(stdin);
    let mut said = String::new();
    stdout.read_to_string(&mut said).expect("two numbers");
    assert!(strangers.wait().expect("it ends").success(), "{said}");
    let numbers: Vec<u32> = said.split_whitespace().map(|word| word.parse().expect("a number")).collect();
    println!("{} tries, {swaps} swaps, {upgrades} upgrades: {} through", numbers[0], numbers[1]);
    assert!(numbers[0] >= tries && numbers[1] == 0, "{said}");
}
