//! What starts a service again (A18, A26).

use alloc::{
    format,
    string::{String, ToString as _},
};

use crate::{
    facts::{Container, Process},
    owner::Identity,
    unit,
};

/// Engines that start a container again with what was changed in it (docker-restart(1), podman-restart(1)).
const ENGINES: [&str; 2] = ["docker", "podman"];

/// The command that restarts the service or the container, where its name is surely nothing but a name to a shell.
#[must_use]
pub fn restart_command(identity: &Identity<'_>) -> Option<String> {
    match identity.container {
        Some(container) => of_container(container),
        None => of_unit(identity.unit?),
    }
}

/// The command after which `process`, by which its owner is known, runs what is on the disk.
///
/// Pid 1 is not restarted but executes itself anew (systemctl(1)).
#[must_use]
pub fn renew_command(process: &Process, identity: &Identity<'_>) -> Option<String> {
    match process.unit.as_deref() {
        Some("init.scope") => Some("systemctl daemon-reexec".to_string()),
        _ => restart_command(identity),
    }
}

fn of_unit(unit: &str) -> Option<String> {
    (unit::is_service(unit) && unit::is_plain(unit)).then(|| format!("systemctl restart {unit}"))
}

/// A rootless one has an engine of its user's, which root does not ask.
fn of_container(container: &Container) -> Option<String> {
    let engine =
        ENGINES.into_iter().find(|engine| *engine == container.runtime).filter(|_| !container.rootless)?;
    let name = container.name.as_deref().unwrap_or(&container.id);
    unit::is_plain(name).then(|| format!("{engine} restart {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restarted(runtime: &str, name: Option<&str>, rootless: bool) -> Option<String> {
        let container = Container {
            runtime: runtime.into(),
            id: "0123abcd".into(),
            name: name.map(Into::into),
            image: None,
            rootless,
            published: [].into(),
        };
        let unit = Some("docker-0123abcd.scope");
        restart_command(&Identity { unit, container: Some(&container), ..Identity::default() })
    }

    #[test]
    fn an_engine_restarts_its_container_by_name() {
        assert_eq!(restarted("docker", Some("web"), false).as_deref(), Some("docker restart web"));
        assert_eq!(restarted("podman", None, false).as_deref(), Some("podman restart 0123abcd"));
        assert_eq!(restarted("docker", Some("$(id)"), false), None);
        assert_eq!(restarted("podman", Some("web"), true), None);
        assert_eq!(restarted("kubernetes", Some("a/b/c"), false), None);
    }

    #[test]
    fn a_service_is_restarted_and_no_other_unit() {
        let of = |unit| restart_command(&Identity { unit: Some(unit), ..Identity::default() });
        assert_eq!(of("ssh.service").as_deref(), Some("systemctl restart ssh.service"));
        assert_eq!((of("session-1.scope"), of("a b.service")), (None, None));
    }
}
