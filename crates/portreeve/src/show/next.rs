//! What to type next: only commands that exist, and never made of bytes that a shell would act on.

use portreeve_core::{facts::Process, owner::is_service_manager, words::Words, world::World};

use super::{out::Out, rows::Row};
use crate::{cli, failure::Failure};

/// More units than this are not stopped by one command.
const UNITS_MAX: usize = 4;

const NEXT: Words = Words { en: "next", ja: "次" };

/// Prints `next:` with those of `commands` that exist here.
pub(crate) fn print(commands: &[String], out: &mut Out) -> Result<(), Failure> {
    let possible: Vec<_> = commands.iter().map(String::as_str).filter(|command| exists(command)).collect();
    if possible.is_empty() {
        return Ok(());
    }
    out.line(&format!("{}: {}", NEXT.in_lang(out.lang), possible.join(" · ")))
}

fn exists(command: &str) -> bool {
    let mut words = command.split(' ');
    match (words.next(), words.next()) {
        (Some("portreeve"), Some(name)) => cli::find(name).is_some(),
        _ => true,
    }
}

/// How to free what `row` holds in a way that lasts: by its units, else by the one process that holds it.
///
/// `None` where no single command would do it without harm: the service manager is never stopped.
pub(crate) fn stop<'a>(world: &World<'a>, row: &Row<'a>) -> Option<String> {
    let mut units = row.socket_unit().filter(|unit| is_harmless(unit)).into_iter().collect::<Vec<_>>();
    let is_activated = row.socket_unit().is_some();
    let mut holders: Vec<_> =
        row.holders(world).into_iter().filter(|(pid, process)| !is_manager(*pid, process)).collect();
    holders.dedup_by_key(|(pid, _)| *pid);
    for (_, process) in &holders {
        match process.unit.as_deref().filter(|unit| is_stoppable(unit) && process.container.is_none()) {
            Some(unit) if !units.contains(&unit) => units.push(unit),
            Some(_) => {}
            None => {
                return match holders.as_slice() {
                    [(pid, _)] if !is_activated && row.pids().len() == 1 => Some(format!("kill {pid}")),
                    _ => None,
                };
            }
        }
    }
    let few = (1..=UNITS_MAX).contains(&units.len());
    few.then(|| format!("systemctl stop {}", units.join(" ")))
}

/// How to end one process that alone is in the way: by its unit, else by its pid; never the service manager.
pub(crate) fn stop_one(pid: u32, process: &Process) -> Option<String> {
    if is_manager(pid, process) {
        return None;
    }
    let unit = process.unit.as_deref().filter(|unit| is_stoppable(unit) && process.container.is_none());
    Some(unit.map_or_else(|| format!("kill {pid}"), |unit| format!("systemctl stop {unit}")))
}

/// Whether stopping this process would stop the host, a container or a person's whole session.
pub(crate) fn is_manager(pid: u32, process: &Process) -> bool {
    pid == 1 || is_service_manager(process) || process.user_unit.as_deref() == Some("init.scope")
}

fn is_stoppable(unit: &str) -> bool {
    unit.ends_with(".service") && !unit.starts_with("user@") && is_harmless(unit)
}

fn is_harmless(unit: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'.' | b'_' | b'-' | b':');
    !unit.starts_with('-') && unit.len() <= 255 && unit.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_harmless_unit_is_named() {
        assert!(is_stoppable("postfix@-.service"));
        for unit in
            ["a;reboot.service", "session-4.scope", "user@1000.service", "$(id).service", "--x.service"]
        {
            assert!(!is_stoppable(unit), "{unit}");
        }
    }

    #[test]
    fn a_manager_is_known_by_its_pid_or_its_unit() {
        let in_unit = |unit: &str| Process { unit: Some(unit.into()), ..Process::default() };
        assert!(is_manager(1, &Process::default()));
        assert!(is_manager(7, &in_unit("init.scope")));
        assert!(!is_manager(7, &in_unit("ssh.service")));
    }
}
