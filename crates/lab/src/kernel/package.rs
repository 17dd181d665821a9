//! Finds Debian's package of a kernel, fetches it with the machine's apt and unpacks it beside the others.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{error::LabError, folder::Folder, name, output::Output};

/// What the name of a package with a kernel begins with; the kernel's release follows.
const PREFIX: &str = "linux-image-";

/// How a kernel of Debian's is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// For virtual machines: its modules are a quarter of the other's.
    Cloud,
    /// For every machine.
    Whole,
}

impl Flavour {
    /// What the release of one ends with; so does, with more before it, that of others than [`Flavour::Whole`].
    const fn ending(self) -> &'static str {
        match self {
            Self::Cloud => "-cloud-amd64",
            Self::Whole => "-amd64",
        }
    }

    /// Whether a release is of it: `6.1.0-56-amd64`, but no `6.1.0-56-rt-amd64`, is the whole.
    fn is_of(self, release: &str) -> bool {
        let version = release.strip_suffix(self.ending());
        version.is_some_and(|version| !["-cloud", "-rt"].iter().any(|other| version.ends_with(other)))
    }
}

/// Fetches the newest kernel of a series into a folder of its release below `kernels`.
///
/// Debian keeps only the newest builds: lists that are older than those name a package that is gone, so what fails
/// is tried once more with new lists.
///
/// # Errors
///
/// Where no source has one, or with what apt or dpkg said.
pub(super) fn unpack(series: &str, flavour: Flavour, kernels: &Path) -> Result<(), LabError> {
    let scratch = Folder::create(&name::fresh())?;
    let fetched = fetch(series, flavour, scratch.path()).or_else(|_| {
        run(apt("apt-get").arg("update"))?;
        fetch(series, flavour, scratch.path())
    });
    let (release, package) = fetched?;
    let half = scratch.path().join("kernel");
    run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&half))?;
    run(Command::new("busybox").args(["depmod", "-b"]).arg(&half).arg(&release))?;
    let place = kernels.join(&release);
    fs::rename(&half, &place).map_err(LabError::file("put in place", place))
}

/// The release and the file of its package.
fn fetch(series: &str, flavour: Flavour, folder: &Path) -> Result<(String, PathBuf), LabError> {
    let names = run(apt("apt-cache").args(["pkgnames", PREFIX]))?.stdout;
    let releases = names.lines().filter_map(|name| name.strip_prefix(PREFIX)).map(String::from);
    let release = newest(series, flavour, releases).ok_or_else(|| no_kernel(series, flavour))?;
    run(apt("apt-get").args(["download", &format!("{PREFIX}{release}")]).current_dir(folder))?;
    let files = fs::read_dir(folder).map_err(LabError::file("read", folder))?;
    let mut files = files.filter_map(|entry| Some(entry.ok()?.path()));
    let package = files.find(|file| file.extension().is_some_and(|end| end == "deb"));
    package.map(|package| (release, package)).ok_or_else(|| no_kernel(series, flavour))
}

/// The newest release of a series and a flavour.
pub(super) fn newest(
    series: &str,
    flavour: Flavour,
    releases: impl Iterator<Item = String>,
) -> Option<String> {
    let start = format!("{series}.");
    let ours = releases.filter(|release| release.starts_with(&start) && flavour.is_of(release));
    ours.max_by_key(|release| numbers(release))
}

/// `6.1.0-56-cloud-amd64` is 6, 1, 0, 56, so that -9 comes before -10.
fn numbers(release: &str) -> Vec<u32> {
    release.split(|letter: char| !letter.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

/// Says what was looked for.
pub(super) fn no_kernel(series: &str, flavour: Flavour) -> LabError {
    let packages = format!("{PREFIX}{series}.*{}", flavour.ending());
    LabError::NoKernel { series: series.into(), packages }
}

/// The folder of a runner is not open to the user that apt would otherwise become.
fn apt(program: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["--option", "APT::Sandbox::User=root"]);
    command
}

fn run(command: &mut Command) -> Result<Output, LabError> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.stdin(Stdio::null()).output() {
        Ok(output) => Output::from(output).success(&program),
        Err(source) => Err(LabError::Start { program, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest_of(series: &str, releases: &[&str]) -> Option<String> {
        newest(series, Flavour::Cloud, releases.iter().map(ToString::to_string))
    }

    #[test]
    fn the_newest_is_so_by_its_numbers() {
        let releases = ["6.1.0-9-cloud-amd64", "6.1.0-56-cloud-amd64", "6.1.0-10-cloud-amd64"];
        assert_eq!(newest_of("6.1", &releases).as_deref(), Some("6.1.0-56-cloud-amd64"));
    }

    #[test]
    fn neither_another_series_nor_another_flavour_is_taken() {
        let releases = ["6.12.9+deb12-cloud-amd64", "6.1.0-60-amd64", "6.1.0-60-cloud-amd64-dbg", "amd64"];
        assert_eq!(newest_of("6.1", &releases), None);
        assert_eq!(newest_of("6.12", &releases).as_deref(), Some("6.12.9+deb12-cloud-amd64"));
        let others = ["6.1.0-60-rt-amd64", "6.1.0-9-amd64"].iter().chain(&releases);
        let whole = newest("6.1", Flavour::Whole, others.map(ToString::to_string));
        assert_eq!(whole.as_deref(), Some("6.1.0-60-amd64"));
    }
}
