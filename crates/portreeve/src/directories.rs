//! Where files of ours live that last: the system's for root, the XDG base directories for anybody else.

use std::{ffi::OsString, fs, os::unix::fs::MetadataExt as _, path::PathBuf};

use portreeve_core::words::Words;

use crate::{exit::Exit, failure::Failure};

/// Where the system's own live.
pub(crate) const SYSTEM: &str = "/var/lib/portreeve";
/// Takes the place of all of them.
const OVERRIDE: &str = "PORTREEVE_STATE";

/// Where imported data is written; `None` where a user has no home.
pub(crate) fn data() -> Option<PathBuf> {
    usual(&Kind::DATA, is_root(), &environment)
}

/// Where what was seen last is kept; `None` where a user has no home.
pub(crate) fn state() -> Option<PathBuf> {
    usual(&Kind::STATE, is_root(), &environment)
}

/// Where receipts of the gate are kept, and the gate of the next boot: a network namespace that is not the host's has a
/// gate of its own.
///
/// # Errors
///
/// Where a user has no home.
pub(crate) fn gate() -> Result<PathBuf, Failure> {
    let state = state().ok_or_else(|| {
        Failure::new(
            Exit::Unreachable,
            Words {
                en: "nowhere to keep receipts: neither HOME nor XDG_STATE_HOME is set",
                ja: "記録の保存先がありません: HOME も XDG_STATE_HOME も設定されていません",
            },
        )
    })?;
    let namespace = |pid: &str| Some(fs::metadata(format!("/proc/{pid}/ns/net")).ok()?.ino());
    // Where that of the first process is hidden, ours is taken for the host's.
    let is_apart = namespace("1").is_some_and(|host| namespace("self") != Some(host));
    let own = namespace("self").filter(|_| is_apart);
    Ok(state.join(own.map_or_else(|| "gate".into(), |own| format!("gate-{own}"))))
}

/// Where those of the host's own gate are kept, which the next boot reads.
pub(crate) fn usual_gate() -> PathBuf {
    PathBuf::from(SYSTEM).join("gate")
}

/// Where imported data may stand, the one that counts first.
pub(crate) fn data_in_order() -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = data().into_iter().collect();
    if environment(OVERRIDE).is_none() && !is_root() {
        directories.push(SYSTEM.into());
    }
    directories
}

/// A kind of directory of the XDG Base Directory Specification.
struct Kind {
    variable: &'static str,
    below_home: &'static str,
}

impl Kind {
    const DATA: Self = Self { variable: "XDG_DATA_HOME", below_home: ".local/share" };
    const STATE: Self = Self { variable: "XDG_STATE_HOME", below_home: ".local/state" };
}

fn usual(kind: &Kind, root: bool, variable: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(directory) = variable(OVERRIDE) {
        return Some(directory.into());
    }
    if root {
        return Some(SYSTEM.into());
    }
    // The specification has relative paths ignored.
    let named = variable(kind.variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = named.or_else(|| Some(PathBuf::from(variable("HOME")?).join(kind.below_home)))?;
    Some(base.join("portreeve"))
}

fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(root: bool, set: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            set.iter().find(|(variable, _)| *variable == name).map(|(_, value)| OsString::from(value))
        };
        usual(&Kind::STATE, root, &variable).map(|path| path.display().to_string())
    }

    #[test]
    fn root_writes_to_the_system_and_a_user_below_home() {
        assert_eq!(directory(true, &[("HOME", "/root")]).unwrap(), "/var/lib/portreeve");
        assert_eq!(directory(false, &[("HOME", "/home/a")]).unwrap(), "/home/a/.local/state/portreeve");
        assert_eq!(directory(false, &[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]).unwrap(), "/s/portreeve");
        assert_eq!(
            directory(false, &[("XDG_STATE_HOME", "s"), ("HOME", "/h")]).unwrap(),
            "/h/.local/state/portreeve"
        );
        assert_eq!(directory(false, &[]), None);
    }

    #[test]
    fn a_directory_that_is_named_counts_for_everybody() {
        assert_eq!(directory(true, &[("PORTREEVE_STATE", "/tmp/x")]).unwrap(), "/tmp/x");
    }
}
