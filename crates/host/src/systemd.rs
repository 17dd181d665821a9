//! Units of ours in the host's systemd: put there and enabled, or taken away, all of them or none (systemd.unit(5)).

mod before;

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use self::before::Before;
use crate::{
    keep::{self, KeepError, Readers},
    program::{Program, ProgramError},
};

/// Where an administrator's units are.
const FOLDER: &str = "/etc/systemd/system";
/// It is there where systemd is the first process (sd_booted(3)).
const RUNS: &str = "/run/systemd/system";
const SYSTEMCTL: &str = "systemctl";
/// How a file of ours begins: one that does not is somebody else's.
pub(crate) const OURS: &str = "# portreeve wrote this, and takes it away again: ";
/// What is read of a file that may be anybody's.
const BYTES_MAX: u64 = 64 << 10;

/// A unit of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its name, with what it ends in.
    pub name: &'static str,
    /// The content of its file.
    pub text: String,
}

/// How a unit of ours stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no such file.
    Absent,
    /// Somebody else's file has that name.
    Foreign,
    /// It is ours, but not as it would be written now.
    Other,
    /// It is as it would be written now.
    Same,
}

/// Whether a unit is started by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It is: its target wants it.
    ByItself,
    /// It is not.
    ByHand,
}

/// When what was put takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// At once.
    Now,
    /// From the next boot on.
    NextBoot,
}

/// Why units were not put, or not taken away.
#[derive(Debug, thiserror::Error)]
pub enum UnitError {
    /// systemd is not the first process here.
    #[error("systemd does not run here")]
    NoSystemd,
    /// A file of that name is somebody else's.
    #[error("{} is not portreeve's", .0.display())]
    Foreign(PathBuf),
    /// What is in this folder changes what the unit does.
    #[error("{} changes the unit", .0.display())]
    DropIn(PathBuf),
    /// This file masks the unit.
    #[error("{} masks the unit", .0.display())]
    Masked(PathBuf),
    /// A file cannot be written.
    #[error("cannot write a unit")]
    Keep(#[from] KeepError),
    /// A file cannot be taken away.
    #[error("cannot take {} away", path.display())]
    Stays {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// systemctl did not do what it should.
    #[error("systemctl did not do it")]
    Systemctl(#[from] ProgramError),
}

/// Whether systemd is the first process.
#[must_use]
pub fn runs() -> bool {
    fs::symlink_metadata(RUNS).is_ok_and(|about| about.is_dir())
}

/// The file of the unit of this name.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// How the file of `unit` stands.
#[must_use]
pub fn state(unit: &Unit) -> State {
    state_of(&path(unit.name), &unit.text)
}

/// How a file stands that would hold `text`.
pub(crate) fn state_of(path: &Path, text: &str) -> State {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => State::Absent,
        Ok(about) if about.is_file() => match read(path) {
            Ok(found) if found == text => State::Same,
            Ok(found) if found.starts_with(OURS) => State::Other,
            _ => State::Foreign,
        },
        // A link, which masks it, among them.
        _ => State::Foreign,
    }
}

/// The text of a file that may be anybody's, up to a bound.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Whether `target` wants the unit of this name (systemctl(1), "enable").
#[must_use]
pub fn started(name: &str, target: &str) -> Started {
    if fs::symlink_metadata(link(name, target)).is_ok() { Started::ByItself } else { Started::ByHand }
}

/// By which `target` wants the unit of this name.
fn link(name: &str, target: &str) -> PathBuf {
    path(&format!("{target}.wants")).join(name)
}

/// Whether the unit of this name is active now (systemctl(1), "is-active").
#[must_use]
pub fn is_active(name: &str) -> bool {
    systemctl(&["is-active", "--quiet", name]).is_ok()
}

/// Starts the unit of this name, and does not wait until it has started (systemctl(1), "--no-block").
pub(crate) fn begin(name: &str) -> Result<(), UnitError> {
    systemctl(&["start", "--no-block", name])
}

/// Whether the unit of this name failed when it was started last (systemctl(1), "is-failed").
#[must_use]
pub fn has_failed(name: &str) -> bool {
    systemctl(&["is-failed", "--quiet", name]).is_ok()
}

/// Writes `units` and enables those called `enabled`; where that fails all is as it was before.
///
/// # Errors
///
/// systemd does not run, or something is in the way.
pub fn put(units: &[Unit], enabled: &[&'static str], begins: Begins) -> Result<(), UnitError> {
    if !runs() {
        return Err(UnitError::NoSystemd);
    }
    let states = units.iter().map(state).collect::<Vec<_>>();
    if let Some((unit, _)) = units.iter().zip(&states).find(|(_, state)| **state == State::Foreign) {
        return Err(UnitError::Foreign(path(unit.name)));
    }
    let files: Vec<PathBuf> = units.iter().map(|unit| path(unit.name)).collect();
    let before = Before::of(&files)?;
    let put = write(units).and_then(|()| enable(enabled, begins));
    if put.is_err() {
        let fresh = units.iter().zip(&states).filter(|(_, state)| **state == State::Absent);
        let names: Vec<&'static str> = fresh.map(|(unit, _)| unit.name).collect();
        // What is left is told by the next run.
        let _ = take(&names);
        if before.put_back() {
            let _ = systemctl(&["daemon-reload"]);
        }
    }
    put
}

fn write(units: &[Unit]) -> Result<(), UnitError> {
    units
        .iter()
        .try_for_each(|unit| Ok(keep::replace(&path(unit.name), unit.text.as_bytes(), Readers::Everybody)?))
}

fn enable(names: &[&'static str], begins: Begins) -> Result<(), UnitError> {
    systemctl(&["daemon-reload"])?;
    let enable: &[_] = match begins {
        Begins::Now => &["enable", "--now"],
        Begins::NextBoot => &["enable"],
    };
    systemctl(&[enable, names].concat())
}

/// Takes the units of these names away, those that are ours; whether any was there.
///
/// # Errors
///
/// One is somebody else's, and then all stay; or one cannot be taken away.
pub fn take(names: &[&'static str]) -> Result<bool, UnitError> {
    let states: Vec<State> = names.iter().map(|name| state_of(&path(name), "")).collect();
    if let Some(at) = states.iter().position(|state| *state == State::Foreign) {
        return Err(UnitError::Foreign(path(names[at])));
    }
    let there: Vec<&str> = names
        .iter()
        .zip(states)
        .filter(|(_, state)| *state != State::Absent)
        .map(|(name, _)| *name)
        .collect();
    if there.is_empty() {
        return Ok(false);
    }
    if runs() {
        systemctl(&[&["disable", "--now"], &there[..]].concat())?;
    }
    there.iter().try_for_each(|name| remove(&path(name)))?;
    if runs() {
        systemctl(&["daemon-reload"])?;
    }
    Ok(true)
}

/// Takes away by what the `targets` want the unit of this name, and stops it; whether any did. `systemctl disable` leaves the
/// links of a unit that is masked.
///
/// # Errors
///
/// A link cannot be taken away, or systemctl did not do what it should.
pub fn unlink(name: &str, targets: &[&str]) -> Result<bool, UnitError> {
    let links: Vec<PathBuf> = targets.iter().map(|target| link(name, target)).collect();
    if !links.iter().any(|link| fs::symlink_metadata(link).is_ok()) {
        return Ok(false);
    }
    links.iter().try_for_each(|link| remove(link))?;
    if runs() {
        systemctl(&["stop", name])?;
        systemctl(&["daemon-reload"])?;
    }
    Ok(true)
}

/// Takes a file away; that it is gone already is no error.
pub(crate) fn remove(path: &Path) -> Result<(), UnitError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(UnitError::Stays { path: path.into(), source })
        }
        _ => Ok(()),
    }
}

fn systemctl(arguments: &[&str]) -> Result<(), UnitError> {
    Program::start(SYSTEMCTL, arguments).and_then(Program::finish).map(drop).map_err(UnitError::Systemctl)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_is_ours_by_its_first_line_and_a_link_is_nobodys() {
        let folder = std::env::temp_dir().join(format!("portreeve-units-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("a.service");
        let text = format!("{OURS}portreeve off gate\n[Unit]\n");
        assert_eq!(state_of(&path, &text), State::Absent);
        for (content, state) in [
            (text.as_str(), State::Same),
            (&format!("{OURS}portreeve off gate\n"), State::Other),
            ("[Unit]\n", State::Foreign),
            ("", State::Foreign),
        ] {
            fs::write(&path, content).unwrap();
            assert_eq!(state_of(&path, &text), state, "{content}");
        }
        fs::remove_file(&path).unwrap();
        symlink("/dev/null", &path).unwrap();
        assert_eq!(state_of(&path, &text), State::Foreign, "it is masked");
        fs::remove_dir_all(&folder).unwrap();
    }
}
