//! The lab's own small programs, built when they are first needed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{Mutex, OnceLock, PoisonError},
};

use crate::{error::LabError, folder, output::Output};

/// The program that holds sockets in awkward ways (`src/bin/holder`).
///
/// # Errors
///
/// With what cargo said, where it cannot be built.
pub fn holder() -> Result<PathBuf, LabError> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = BUILT.get() {
        return Ok(path.clone());
    }
    let path = build("holder")?;
    Ok(BUILT.get_or_init(|| path).clone())
}

/// The program that sends packets and sees which arrive (`src/bin/probe.rs`).
///
/// # Errors
///
/// With what cargo said, where it cannot be built.
pub fn probe() -> Result<PathBuf, LabError> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = BUILT.get() {
        return Ok(path.clone());
    }
    let path = build("probe")?;
    Ok(BUILT.get_or_init(|| path).clone())
}

/// The folder of all that the zoo consists of: `zoo`, which builds and judges it, beside `holder` and `odd`.
///
/// Where that folder is, only `ss`, `lsof`, `ip` and a shell are needed besides: a virtual machine can be given it.
///
/// # Errors
///
/// With what cargo or the C compiler said, where one of them cannot be built.
pub fn zoo() -> Result<PathBuf, LabError> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    // Two tests at once would build it into the same files.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = &*built {
        return Ok(path.clone());
    }
    let folder = folder::lab().join("zoo");
    fs::create_dir_all(&folder).map_err(LabError::file("make the folder", &folder))?;
    put(&holder()?, &folder.join("holder"))?;
    put(&build("zoo")?, &folder.join("zoo"))?;
    let odd = folder.join(format!("odd.{}", process::id()));
    compile(&folder::workspace().join("crates/lab/odd"), &odd)?;
    fs::rename(&odd, folder.join("odd")).map_err(LabError::file("name", &odd))?;
    Ok(built.insert(folder).clone())
}

/// Another runner may be running what stood there, so it is replaced and not written to.
fn put(program: &Path, place: &Path) -> Result<(), LabError> {
    let fresh = place.with_extension(process::id().to_string());
    fs::copy(program, &fresh).map_err(LabError::file("copy", program))?;
    fs::rename(&fresh, place).map_err(LabError::file("name", &fresh))
}

/// All C files of `folder` in one program, which runs wherever its kernel does.
fn compile(sources: &Path, program: &Path) -> Result<(), LabError> {
    let entries = fs::read_dir(sources).map_err(LabError::file("list", sources))?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "c"));
    let output = Command::new("cc")
        .args(["-static", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
        .arg(program)
        .args(files)
        .output()
        .map_err(|source| LabError::Start { program: "cc".into(), source })?;
    Output::from(output).success("compiling odd").map(drop)
}

/// A test of another crate is given no path to the programs of this one, so cargo is asked.
fn build(name: &str) -> Result<PathBuf, LabError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--package", "portreeve-lab", "--bin", name, "--message-format=json"])
        .current_dir(folder::workspace())
        .output()
        .map_err(|source| LabError::Start { program: "cargo".into(), source })?;
    let output = Output::from(output).success(&format!("building {name}"))?;
    executable(&output.stdout, name).ok_or_else(|| LabError::Failed {
        what: format!("finding {name}"),
        status: output.status,
        said: output.stderr,
    })
}

/// The path in cargo's messages (The Cargo Book, External tools).
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    messages
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| Some(message["executable"].as_str()?.into()))
}
