//! Where a program of the machine lies, and the shared libraries without which it does not start.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{error::LabError, output::Output};

/// A program by its name, on the path.
///
/// # Errors
///
/// Where it is not there.
pub(super) fn find(name: &str) -> Result<PathBuf, LabError> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| LabError::file("find", name)(std::io::ErrorKind::NotFound.into()))
}

/// The libraries and the loader of a program, as ldd(1) tells them; none of one that is linked statically.
///
/// # Errors
///
/// Where ldd cannot be started, or a library is missing.
pub(super) fn libraries(program: &Path) -> Result<Vec<PathBuf>, LabError> {
    let output = Command::new("ldd").arg(program).env("LC_ALL", "C").output();
    let output: Output = output.map_err(|source| LabError::Start { program: "ldd".into(), source })?.into();
    if output.stderr.contains("not a dynamic executable") {
        return Ok(Vec::new());
    }
    let what = format!("ldd {}", program.display());
    let said = output.success(&what)?.stdout;
    if said.contains("=> not found") {
        return Err(LabError::Failed { what, status: 0, said });
    }
    Ok(paths(&said).collect())
}

/// `libc.so.6 => /lib/libc.so.6 (0x…)` and `/lib64/ld-linux-x86-64.so.2 (0x…)`, but not the kernel's own.
fn paths(text: &str) -> impl Iterator<Item = PathBuf> {
    text.lines().filter_map(|line| {
        let path = line.split_once("=> ").map_or(line, |(_, path)| path);
        let path = path.trim().split(' ').next().unwrap_or_default();
        path.starts_with('/').then(|| path.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_loader_are_read() {
        let text = "\tlinux-vdso.so.1 (0x00007f)\n\
            \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n\
            \tstatically linked\n";
        let found: Vec<_> = paths(text).collect();
        let expected = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(found, expected.map(PathBuf::from));
    }
}
