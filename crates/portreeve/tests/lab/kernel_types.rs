//! What is kept of the kernel's types is believed only where nobody else can have written it (A12).

use std::fs;

use portreeve_lab::Output;
use serde_json::Value;

use super::room::Room;

const FILE: &str = "/run/portreeve/kernel-types-sight";
/// Stands in the file for what a kernel has not.
const NONE: [u8; 4] = [0xff; 4];

/// What it is about, and how the good file becomes something else.
type Spoiling = (&'static str, fn(&[u8]) -> Vec<u8>);

/// Whoever may write the file could have put wrong places into it: then it is not read, and the answer stays (A12).
#[test]
fn a_file_that_others_could_have_written_is_not_believed() {
    let (room, good) = room_with_file();
    let right = look(&room);
    fs::write(room.file("/run/poison"), poisoned(&good)).expect("the room is ours");
    let put = "rm -rf /run/portreeve && mkdir /run/portreeve && cp /run/poison /run/portreeve/kernel-types-sight && \
               chmod 0600 /run/portreeve/kernel-types-sight";
    room.run(put);
    let wrong = look(&room);
    assert_ne!(wrong, right, "the poison works where it is believed, or this test proves nothing");

    let untrusted = [
        "chown nobody /run/portreeve/kernel-types-sight",
        "chmod 0620 /run/portreeve/kernel-types-sight",
        "chmod 0602 /run/portreeve/kernel-types-sight",
        "chmod 0777 /run/portreeve",
        "chmod 0775 /run/portreeve",
        "chown nobody /run/portreeve",
        "mv /run/portreeve/kernel-types-sight /run/moved; ln -s /run/moved /run/portreeve/kernel-types-sight",
    ];
    for made in untrusted {
        room.run(&format!("{put}; {made}"));
        assert_eq!(look(&room), right, "{made}");
    }
}

/// What is no such file at all is passed over, at once and whatever it is (A12).
#[test]
fn what_is_no_file_is_passed_over() {
    let (room, good) = room_with_file();
    let right = look(&room);
    let odd = [
        ("mkfifo", "mkfifo /run/portreeve/kernel-types-sight"),
        ("a folder", "mkdir /run/portreeve/kernel-types-sight"),
        ("a device without an end", "mknod /run/portreeve/kernel-types-sight c 1 5"),
        ("a link to nowhere", "ln -s /run/nowhere /run/portreeve/kernel-types-sight"),
        ("a link to itself", "ln -s kernel-types /run/portreeve/kernel-types-sight"),
        ("a file in place of the folder", "rmdir /run/portreeve; echo >/run/portreeve"),
        ("nothing that can be written", "mount -t tmpfs -o ro nothing /run/portreeve"),
    ];
    for (what, make) in odd {
        room.run(&format!("rm -rf /run/portreeve; mkdir /run/portreeve; {make}"));
        assert_eq!(look(&room), right, "{what}");
        room.try_run("umount /run/portreeve");
    }
    room.run("rm -rf /run/portreeve");
    assert_eq!(look(&room), right);
    assert_eq!(fs::read(room.file(FILE)).ok(), Some(good), "in the end it is kept again");
    let left = room.run("ls -A /run/portreeve").stdout;
    assert_eq!(left, "kernel-types-sight\n", "nothing else is left beside it");
}

/// What is damaged, or of another kernel, is looked up anew and put right (A12).
#[test]
fn a_damaged_file_is_put_right() {
    let (room, good) = room_with_file();
    let right = look(&room);
    let spoilings: [Spoiling; 9] = [
        ("empty", |_| Vec::new()),
        ("only the seal", |_| sealed(Vec::new())),
        ("cut", |good| good[..good.len() / 2].to_vec()),
        ("one bit", |good| good.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 200)).collect()),
        ("a seal of something else", |good| {
            [&poisoned(good)[..good.len() - 8], &good[good.len() - 8..]].concat()
        }),
        ("another kernel's", |good| {
            let other = String::from_utf8_lossy(&good[..head(good)]).replace("types 1 ", "types 1 f");
            sealed([other.as_bytes(), &poisoned(good)[head(good)..good.len() - 8]].concat())
        }),
        ("of another layout", |good| {
            let other = String::from_utf8_lossy(&good[..head(good)]).replace("types 1 ", "types 0 ");
            sealed([other.as_bytes(), &poisoned(good)[head(good)..good.len() - 8]].concat())
        }),
        ("longer", |good| sealed([&poisoned(good)[..good.len() - 8], &[0; 4]].concat())),
        ("huge", |good| sealed([&poisoned(good)[..good.len() - 8], &vec![0; 8 << 20]].concat())),
    ];
    for (what, spoil) in spoilings {
        fs::write(room.file(FILE), spoil(&good)).expect("the room is ours");
        assert_eq!(look(&room), right, "{what}");
        assert_eq!(fs::read(room.file(FILE)).ok().as_ref(), Some(&good), "{what}: it is put right");
    }
}

/// A room with a listener, and the file that a first look leaves.
fn room_with_file() -> (Room, Vec<u8>) {
    let room = Room::create();
    room.hold("listen 127.0.0.1:7001 [::1]:7002");
    room.run("portreeve ls >/dev/null");
    let said = room.run("stat -c '%a %U' /run/portreeve /run/portreeve/kernel-types-sight").stdout;
    assert_eq!(said, "755 root\n600 root\n");
    let good = fs::read(room.file(FILE)).expect("the first look keeps what it looked up");
    assert_eq!(sealed(good[..good.len() - 8].to_vec()), good, "it is sealed as this test believes");
    (room, good)
}

/// The listeners as they are told, within a time that no wait for anybody fits into.
#[track_caller]
fn look(room: &Room) -> Value {
    let output: Output = room.run("timeout 20 portreeve ls -o json");
    let mut answer = output.json();
    let listeners = answer["listeners"].take();
    assert_eq!(listeners.as_array().map(Vec::len), Some(2), "{listeners:#}");
    listeners
}

/// The same with other places, well sealed: as if the kernel had none of the iterators.
fn poisoned(good: &[u8]) -> Vec<u8> {
    let mut bytes = good[..good.len() - 8].to_vec();
    let at = head(good);
    bytes[at..at + 4].copy_from_slice(&NONE);
    sealed(bytes)
}

/// The length of the first line.
fn head(file: &[u8]) -> usize {
    file.iter().position(|&byte| byte == b'\n').expect("it begins with a line") + 1
}

/// With what tells damage behind it (FNV-1a).
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let seal = bytes.iter().fold(0xcbf2_9ce4_8422_2325, step);
    bytes.extend(seal.to_le_bytes());
    bytes
}
