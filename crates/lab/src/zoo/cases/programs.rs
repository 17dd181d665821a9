//! Holders whose program is not what its name, or its file, says.

use std::{env, fs, path::PathBuf, process::Stdio};

use crate::{
    error::LabError,
    zoo::{
        Case,
        enclosure::Enclosure,
        keeper::Keeper,
        truth::{Point, Scene, Trouble, listener},
    },
};

pub(super) const CASES: &[Case] = &[
    Case { name: "deleted", build: deleted },
    Case { name: "memfd", build: memfd },
    Case { name: "script", build: script },
    Case { name: "odd-name", build: odd_name },
    Case { name: "painted-name", build: painted_name },
];

/// The end of a field of /proc/PID/stat, the end of a line, and red from there on; 15 bytes are kept (prctl(2)).
const ODD: &str = "a) b\n\u{1b}[31mred";

/// Red, and the cursor at the top.
const PAINTED: &str = "\u{1b}[31m\u{1b}[Hred";

/// The file of a running program can be deleted (unlink(2)).
fn deleted(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process whose executable was deleted";
    let keeper = zoo.at(says, "deleted.service").holder(&["vanished", "127.0.0.1:7026"])?;
    // The kernel keeps so much of a name.
    let name: String = format!("vanishing-{}", keeper.pid).chars().take(15).collect();
    let mut socket = listener(zoo.netns).held_by(&keeper, &name);
    socket.holders[0].exe_state = "deleted";
    let scene = Scene::new(says, 7026, vec![socket], vec![keeper]);
    Ok(Scene { point: Point::Executable("deleted"), ..scene })
}

/// Nor need it ever have been on a disk (memfd_create(2)).
fn memfd(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process whose executable is in memory alone";
    let keeper = zoo.at(says, "memfd.service").holder(&["memory", "127.0.0.1:7027"])?;
    let mut socket = listener(zoo.netns).held_by(&keeper, "ghost");
    socket.holders[0].exe_state = "memfd";
    let scene = Scene::new(says, 7027, vec![socket], vec![keeper]);
    Ok(Scene { point: Point::Executable("in memory"), ..scene })
}

/// A script is called by its own name, and not by that of its interpreter.
fn script(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a script, called by its name";
    let (interpreter, name, text) = interpreter();
    let file = zoo.folder().join(name);
    fs::write(&file, text).map_err(LabError::file("write", &file))?;
    let words = ["script", &file.to_string_lossy(), &interpreter.to_string_lossy(), "127.0.0.1:7028"];
    let keeper = zoo.at(says, "script.service").holder_reading(&words, Stdio::piped())?;
    let socket = listener(zoo.netns).held_by(&keeper, name);
    let scene = Scene::new(says, 7028, vec![socket], vec![keeper]);
    Ok(Scene { point: Point::Name(name), ..scene })
}

/// Python where it is, else the shell; each says that it runs and waits for input that never comes.
fn interpreter() -> (PathBuf, &'static str, &'static str) {
    let path = env::var_os("PATH").unwrap_or_default();
    let python = env::split_paths(&path).map(|folder| folder.join("python3")).find(|file| file.is_file());
    python.map_or_else(
        || ("/bin/sh".into(), "app.sh", "echo ready; read line\n"),
        |python| (python, "app.py", "print('ready', flush=True); input()\n"),
    )
}

/// A name may hold whatever ends a field of /proc or a line of a table.
fn odd_name(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process named with a bracket, a blank, a line feed and a colour";
    let keeper = zoo.at(says, "odd-name.service").holder(&["renamed", ODD, "127.0.0.1:7029"])?;
    named(zoo, says, 7029, keeper, ODD)
}

/// A name may act on the terminal of whoever looks.
fn painted_name(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process named with colours and movements of the cursor";
    let keeper = zoo.at(says, "painted.service").holder(&["renamed", PAINTED, "127.0.0.1:7030"])?;
    named(zoo, says, 7030, keeper, PAINTED)
}

fn named(
    zoo: &Enclosure,
    says: &'static str,
    port: u32,
    keeper: Keeper,
    name: &'static str,
) -> Result<Scene, Trouble> {
    let socket = listener(zoo.netns).held_by(&keeper, name);
    Ok(Scene { point: Point::Name(name), ..Scene::new(says, port, vec![socket], vec![keeper]) })
}
