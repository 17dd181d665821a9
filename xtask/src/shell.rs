//! How chores run other programs, and what they know of the place they run in.

use std::{
    error::Error,
    fmt::Write as _,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What a chore comes to: a chore has nobody to handle its errors, so it only says what went wrong.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace's folder")
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    let chosen = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    root().join(chosen.unwrap_or_else(|| "target".into()))
}

/// A command that starts in the workspace's folder.
pub(crate) fn command<S: AsRef<str>>(words: &[S]) -> Command {
    let (program, arguments) = words.split_first().expect("a command has a first word");
    let mut command = Command::new(program.as_ref());
    command.args(arguments.iter().map(AsRef::as_ref)).current_dir(root()).stdin(Stdio::null());
    command
}

/// Cargo, the very one that runs this.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut words = vec![std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())];
    words.extend(arguments.iter().map(ToString::to_string));
    command(&words)
}

/// Says what is run, runs it, and fails where it fails.
pub(crate) fn run(command: &mut Command) -> Result {
    let line = shown(command);
    eprintln!("$ {line}");
    let status = command.status().map_err(|error| format!("cannot start `{line}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` ended with {status}").into()) }
}

/// What a command prints on its standard output; its complaints go where ours go.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start `{line}`: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{line}` ended with {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        let plain = !argument.is_empty() && !argument.contains([' ', '\'', '"', '*', '$']);
        let _ = if plain { write!(line, " {argument}") } else { write!(line, " '{argument}'") };
    }
    line
}

/// Whether this is the superuser (proc_pid_status(5): the files of a process belong to its effective user).
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Where a program lies, if it is to be had by name.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let beside = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(beside).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The value after `--name`, if it was given.
///
/// # Errors
///
/// The option stands last, without a value.
pub(crate) fn option<'a>(words: &'a [String], name: &str) -> Result<Option<&'a str>> {
    let Some(at) = words.iter().position(|word| word == name) else { return Ok(None) };
    words.get(at + 1).map(|value| Some(value.as_str())).ok_or_else(|| format!("{name} wants a value").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let command = command(&["/usr/bin/ss", "-ltn", "sport = :443"]);
        assert_eq!(shown(&command), "ss -ltn 'sport = :443'");
    }

    #[test]
    fn an_option_without_its_value_is_a_mistake() {
        let words = ["--seconds".to_owned(), "5".to_owned(), "--rounds".to_owned()];
        assert_eq!(option(&words, "--seconds").unwrap(), Some("5"));
        assert_eq!(option(&words, "--target").unwrap(), None);
        assert_eq!(option(&words, "--rounds").unwrap_err().to_string(), "--rounds wants a value");
    }
}
