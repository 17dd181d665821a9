//! `cargo xtask lab zoo`: sockets that tools get wrong, and what portreeve, `ss` and `lsof` say of each.

use std::path::{Path, PathBuf};

use portreeve_lab::zoo::fixture::Fixture;

use crate::shell::{self, Result, cargo, option, target};

/// `[--portreeve PATH]` asks another than the debug build of this tree.
pub(crate) fn run(words: &[String]) -> Result {
    let portreeve = if let Some(path) = option(words, "--portreeve")? {
        Path::new(path).canonicalize().map_err(|error| format!("cannot find {path}: {error}"))?
    } else {
        built()?
    };
    let fixture = Fixture::create()?;
    let status = fixture.command(&portreeve)?.status()?;
    match status.code() {
        Some(0) => Ok(()),
        Some(1) => Err("portreeve is wrong about the zoo".into()),
        _ => Err(format!("the zoo ended with {status}").into()),
    }
}

fn built() -> Result<PathBuf> {
    shell::run(&mut cargo(&["build", "--package", "portreeve"]))?;
    Ok(target().join("debug/portreeve"))
}
