//! The lab's own small programs, built when they are first needed.

use std::{env, path::PathBuf, process::Command, sync::OnceLock};

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
