//! Where files of ours live that last: the system's for root, the XDG base directories for anybody else.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use portreeve_core::words::Words;
use portreeve_host::network::{Network, network};

use crate::{exit::Exit, failure::Failure};

/// Where the system's own live.
pub(crate) const SYSTEM: &str = "/var/lib/portreeve";
/// Where the system's own live until the next boot.
pub(crate) const RUN: &str = "/run/portreeve";
/// Where the system's own are that can be found out again.
const CACHE: &str = "/var/cache/portreeve";
const CONSENTS: &str = "consents";
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

/// Where what can be found out again is kept, to be quicker the next time; `None` where a user has no home.
pub(crate) fn cache() -> Option<PathBuf> {
    let kept = usual(&Kind::CACHE, is_root(), &environment)?;
    Some(if kept == Path::new(SYSTEM) { CACHE.into() } else { kept })
}

/// Where receipts of the gate are kept, and the gate of the next boot: a network namespace that is not the host's has a
/// gate of its own, which no boot brings back.
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
    Ok(of(&state, "gate", network()))
}

/// The same of the host's own, whoever asks: others than root may see of it what everybody may.
pub(crate) fn system_gate() -> PathBuf {
    let state = usual(&Kind::STATE, true, &environment).unwrap_or_else(|| SYSTEM.into());
    of(&state, "gate", network())
}

/// Where it is kept how far logs were read; `None` where a user has no home.
pub(crate) fn watch() -> Option<PathBuf> {
    Some(of(&state()?, "watch", network()))
}

/// Where it is written that this host consents to be scanned, as long as it does, which no boot outlives.
pub(crate) fn consents() -> Option<PathBuf> {
    let (state, network) = (state()?, network());
    Some(if state == Path::new(SYSTEM) && network == Network::Host {
        Path::new(RUN).join(CONSENTS)
    } else {
        of(&state, CONSENTS, network)
    })
}

/// What is of one network namespace alone.
fn of(state: &Path, what: &str, network: Network) -> PathBuf {
    match network {
        Network::Host => state.join(what),
        // Gone at the next boot, as the namespace is.
        Network::Apart(name) if state == Path::new(SYSTEM) => Path::new(RUN).join(format!("{what}-{name}")),
        Network::Apart(name) => state.join(format!("{what}-{name}")),
    }
}

/// Where it is written what the next boot is to keep from clients; `None` where no boot reads it.
pub(crate) fn reserved() -> Option<PathBuf> {
    // Whoever asks, it is the host's, which root writes.
    let state = usual(&Kind::STATE, true, &environment)?;
    (network() == Network::Host).then(|| state.join("reserved"))
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
    const CACHE: Self = Self { variable: "XDG_CACHE_HOME", below_home: ".cache" };
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
    fn a_namespace_that_no_boot_brings_back_leaves_nothing_behind() {
        let folder = |state: &str, network| of(Path::new(state), "gate", network).display().to_string();
        assert_eq!(folder(SYSTEM, Network::Host), "/var/lib/portreeve/gate");
        assert_eq!(folder(SYSTEM, Network::Apart("1f".into())), "/run/portreeve/gate-1f");
        assert_eq!(folder("/tmp/x", Network::Apart("1f".into())), "/tmp/x/gate-1f");
    }

    #[test]
    fn a_directory_that_is_named_counts_for_everybody() {
        assert_eq!(directory(true, &[("PORTREEVE_STATE", "/tmp/x")]).unwrap(), "/tmp/x");
    }
}
