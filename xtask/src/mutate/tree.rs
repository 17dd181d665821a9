//! A copy of the tree that may be broken.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::patch::Patch;
use crate::{
    shell::{Result, command, output, target},
    tally::count,
};

/// A copy of every file that git knows or would take, below `target/mutate`.
pub(super) struct Tree {
    folder: PathBuf,
    built: PathBuf,
}

impl Tree {
    /// Copies the tree in `root` as it stands, committed or not.
    ///
    /// A file that did not change keeps its time, so that a second run builds only what it breaks.
    ///
    /// # Errors
    ///
    /// Git is missing, or a file cannot be copied.
    pub(super) fn copy(root: &Path) -> Result<Self> {
        let tree = Self { folder: target().join("mutate/tree"), built: target().join("mutate/target") };
        let listed =
            output(&mut command(&["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
        let files: BTreeSet<PathBuf> =
            listed.split('\0').map(PathBuf::from).filter(|file| root.join(file).is_file()).collect();
        for file in &files {
            copy_changed(&root.join(file), &tree.folder.join(file))?;
        }
        prune(&tree.folder, Path::new(""), &files)?;
        tree.share_lab()?;
        Ok(tree)
    }

    /// The lab's Debian root depends on nothing of ours: one serves the tree and its copy.
    fn share_lab(&self) -> Result {
        let (shared, link) = (target().join("lab"), self.built.join("lab"));
        fs::create_dir_all(&shared)?;
        fs::create_dir_all(&self.built)?;
        if !link.exists() {
            symlink(shared, link)?;
        }
        Ok(())
    }

    /// Whether the tests that `arguments` name pass; naming none is an error, and so is a tree that does not build.
    pub(super) fn passes(&self, arguments: &[String]) -> Result<bool> {
        let mut build = self.cargo(&["test", "--quiet", "--no-run"]);
        let (cargo, _) = split(arguments);
        output(build.args(cargo)).map_err(|error| format!("the tree does not build: {error}"))?;
        let tally = count(self.cargo(&["test", "--no-fail-fast"]).args(arguments).stderr(Stdio::inherit()))?;
        match (tally.passed, tally.failed) {
            (0, 0) => Err(format!("`{}` names no test", arguments.join(" ")).into()),
            (_, failed) => Ok(failed == 0),
        }
    }

    pub(super) fn apply(&self, patch: &Patch) -> Result {
        self.git_apply(patch, &["apply", "-"])
    }

    pub(super) fn revert(&self, patch: &Patch) -> Result {
        self.git_apply(patch, &["apply", "--reverse", "-"])
    }

    /// The ceiling keeps git from finding the repository around the copy and thinking itself within it.
    fn git_apply(&self, patch: &Patch, arguments: &[&str]) -> Result {
        let ceiling = self.folder.parent().expect("the copy lies below the target folder");
        let mut git = Command::new("git");
        git.args(arguments)
            .current_dir(&self.folder)
            .env("GIT_CEILING_DIRECTORIES", ceiling)
            .stdin(Stdio::piped());
        let mut child = git.spawn()?;
        child.stdin.take().expect("standard input was asked for").write_all(patch.text.as_bytes())?;
        if child.wait()?.success() {
            Ok(())
        } else {
            Err(format!("{} does not apply any more", patch.file).into())
        }
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = crate::shell::cargo(arguments);
        cargo.current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.built);
        cargo
    }
}

fn copy_changed(from: &Path, to: &Path) -> Result {
    let bytes = fs::read(from)?;
    if fs::read(to).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    fs::create_dir_all(to.parent().expect("a file of the tree lies in the tree"))?;
    Ok(fs::write(to, bytes)?)
}

/// Removes from the copy what the tree no longer has; `below` is the path from `folder`.
fn prune(folder: &Path, below: &Path, files: &BTreeSet<PathBuf>) -> Result {
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            prune(folder, &path, files)?;
        } else if !files.contains(&path) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What cargo reads, and what it hands on to the tests.
fn split(arguments: &[String]) -> (&[String], &[String]) {
    let at = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
    arguments.split_at(at)
}
