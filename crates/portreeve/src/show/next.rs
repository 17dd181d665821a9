//! What to type next: only commands that exist, and never made of bytes that a shell would act on.

use portreeve_core::{
    facts::Process,
    origin::is_cron,
    owner::is_service_manager,
    text, unit,
    words::{Lang, Words},
    world::World,
};

use unicode_width::UnicodeWidthStr as _;

use super::{out::Out, rows::Row, wrap::append_whole};
use crate::{cli, failure::Failure, footing::Footing};

/// More units than this are not stopped by one command.
const UNITS_MAX: usize = 4;
/// The unit of a service manager, the host's or a user's (systemd.special(7)).
const MANAGER: &str = "init.scope";

const NEXT: Words = Words { en: "next", ja: "次" };
/// More commands than this no person types one by one.
const SHOWN_MAX: usize = 8;

/// Prints `next:` with those of `commands` that exist here.
pub(crate) fn print(commands: &[String], out: &mut Out) -> Result<(), Failure> {
    let possible: Vec<_> = commands.iter().map(String::as_str).filter(|command| exists(command)).collect();
    if possible.is_empty() {
        return Ok(());
    }
    out.line(&format!("{}: {}", NEXT.in_lang(out.lang), possible.join(" · ")))
}

/// The same over as many lines as the terminal needs, with `all`, which tells of more than are shown.
pub(crate) fn print_many(commands: &[String], all: &str, out: &mut Out) -> Result<(), Failure> {
    let possible: Vec<_> = commands.iter().map(String::as_str).filter(|command| exists(command)).collect();
    if possible.is_empty() {
        return Ok(());
    }
    out.line(&lines(&possible, all, out.lang, out.width))
}

/// No command is broken, so that each can be copied as a whole.
fn lines(commands: &[&str], all: &str, lang: Lang, width: Option<usize>) -> String {
    let mut lines = format!("{}: ", NEXT.in_lang(lang));
    let indent = lines.width();
    let rest = commands.len().saturating_sub(SHOWN_MAX);
    let more = text!("… {rest} more: {all}", "… ほか {rest} 件: {all}");
    let more = (rest > 0).then(|| more.in_lang(lang));
    for (place, shown) in commands.iter().copied().take(SHOWN_MAX).chain(more).enumerate() {
        if place == 0 {
            lines += shown;
        } else {
            append_whole(&mut lines, shown, width, indent);
        }
    }
    lines
}

fn exists(command: &str) -> bool {
    let mut words = command.split(' ');
    match (words.next(), words.next()) {
        (Some("portreeve"), Some(name)) => cli::find(name).is_some(),
        _ => true,
    }
}

/// What frees a port in a way that lasts.
#[derive(Debug, PartialEq, Eq)]
enum Way<'a> {
    /// These units are stopped.
    Units(Vec<&'a str>),
    /// A command that ends the one process that holds it.
    Process(String),
    /// A person looks at this list first.
    Look(&'static str),
}

/// How to free what `row` holds in a way that lasts: by its units, else by the one process that holds it.
///
/// `None` where no single command would do it without harm: the service manager is never stopped, nor what whoever
/// types stands on.
pub(crate) fn stop<'a>(world: &World<'a>, row: &Row<'a>, footing: &Footing) -> Option<String> {
    Some(match way(world, row, footing)? {
        Way::Units(units) => format!("systemctl stop {}", units.join(" ")),
        Way::Process(command) => command,
        Way::Look(list) => list.into(),
    })
}

/// The units that [`stop`] names.
pub(crate) fn units_to_stop<'a>(world: &World<'a>, row: &Row<'a>, footing: &Footing) -> Option<Vec<&'a str>> {
    match way(world, row, footing)? {
        Way::Units(units) => Some(units),
        Way::Process(_) | Way::Look(_) => None,
    }
}

fn way<'a>(world: &World<'a>, row: &Row<'a>, footing: &Footing) -> Option<Way<'a>> {
    let activation = row.socket_unit();
    // A service without its socket, which would start it again, is not worth stopping.
    if activation.is_some_and(|socket| !unit::is_plain(socket)) {
        return None;
    }
    let mut units: Vec<_> = activation.into_iter().collect();
    let mut holders: Vec<_> =
        row.holders(world).into_iter().filter(|(pid, process)| !is_manager(*pid, process)).collect();
    holders.dedup_by_key(|(pid, _)| *pid);
    if holders.iter().any(|(pid, process)| footing.needs(*pid, process)) {
        return None;
    }
    if let Some(list) = list_of_sockets(world, row).filter(|_| activation.is_none()) {
        return Some(Way::Look(list));
    }
    for (_, process) in &holders {
        match unit_to_stop(process) {
            Some(unit) if !units.contains(&unit) => units.push(unit),
            Some(_) => {}
            None => {
                return match holders.as_slice() {
                    [(pid, _)] if activation.is_none() && row.pids().len() == 1 => {
                        footing.kill(*pid).map(Way::Process)
                    }
                    _ => None,
                };
            }
        }
    }
    let few = (1..=UNITS_MAX).contains(&units.len());
    let is_safe = !units.iter().any(|unit| footing.needs_unit(unit));
    (few && is_safe).then_some(Way::Units(units))
}

/// Where a service manager holds it too and its `.socket` cannot be told, the list of those tells a person which it is:
/// whoever stops the service alone sees it come back with the next connection (systemd.socket(5)).
fn list_of_sockets<'a>(world: &World<'a>, row: &Row<'a>) -> Option<&'static str> {
    let holders = row.holders(world);
    if holders.iter().any(|(_, process)| process.user_unit.as_deref() == Some(MANAGER)) {
        return Some("systemctl --user list-sockets");
    }
    let is_opened_by_manager =
        row.listeners.iter().any(|listener| listener.socket_unit.as_deref() == Some(MANAGER));
    let is_kept = is_opened_by_manager || holders.iter().any(|(_, process)| is_service_manager(process));
    is_kept.then_some("systemctl list-sockets")
}

/// How to end one process that alone is in the way: by its unit, else by its pid; never the service manager, nor what
/// whoever types stands on.
pub(crate) fn stop_one(pid: u32, process: &Process, footing: &Footing) -> Option<String> {
    if is_manager(pid, process) || footing.needs(pid, process) {
        return None;
    }
    match unit_to_stop(process) {
        Some(unit) if footing.needs_unit(unit) => None,
        Some(unit) => Some(format!("systemctl stop {unit}")),
        None => footing.kill(pid),
    }
}

/// The service of the host that is stopped to end `process`; a job of cron does not end with cron.
pub(crate) fn unit_to_stop(process: &Process) -> Option<&str> {
    let is_contained = process.container.as_ref().is_some_and(|container| !container.is_package());
    let unit = process.unit.as_deref().filter(|_| !is_contained);
    unit.filter(|unit| unit::is_service(unit) && unit::is_plain(unit) && !is_cron(unit))
}

/// Whether stopping this process would stop the host, a container or a person's whole session.
pub(crate) fn is_manager(pid: u32, process: &Process) -> bool {
    pid == 1 || is_service_manager(process) || process.user_unit.as_deref() == Some(MANAGER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_commands_stand_whole_and_the_rest_is_counted() {
        let commands = ["apt-get install a", "apt-get install b", "systemctl restart c.service"];
        let shown = lines(&commands, "all", Lang::En, Some(45));
        let expected = "next: apt-get install a · apt-get install b\n      systemctl restart c.service";
        assert_eq!(shown, expected);
        let shown = lines(&["a"; 11], "portreeve patches -o json", Lang::Ja, Some(80));
        assert!(shown.ends_with("a · … ほか 3 件: portreeve patches -o json"), "{shown}");
        assert_eq!(shown.matches("a ·").count(), 8, "{shown}");
    }

    #[test]
    fn only_a_service_with_a_harmless_name_is_stopped() {
        let stopped = |unit: &str| {
            let process = Process { unit: Some(unit.into()), ..Process::default() };
            stop_one(7, &process, &Footing::default())
        };
        assert_eq!(stopped("postfix@-.service").as_deref(), Some("systemctl stop postfix@-.service"));
        for unit in
            ["a;reboot.service", "session-4.scope", "user@1000.service", "$(id).service", "cron.service"]
        {
            assert_eq!(stopped(unit).as_deref(), Some("kill 7"), "{unit}");
        }
    }

    #[test]
    fn nobody_is_told_to_cut_himself_off() {
        let process = |name: &str, unit: &str| Process {
            name: name.into(),
            unit: Some(unit.into()),
            ..Process::default()
        };
        let footing = Footing::default();
        assert_eq!(stop_one(7, &process("x", "ssh.service"), &footing), None);
        assert_eq!(stop_one(7, &process("sshd", "session-4.scope"), &footing), None);
        assert_eq!(stop_one(7, &process("systemd-network", "systemd-networkd.service"), &footing), None);
        assert!(stop_one(7, &process("nc", "session-4.scope"), &footing).is_some());
    }

    #[test]
    fn a_manager_is_known_by_its_pid_or_its_unit() {
        let in_unit = |unit: &str| Process { unit: Some(unit.into()), ..Process::default() };
        assert!(is_manager(1, &Process::default()));
        assert!(is_manager(7, &in_unit("init.scope")));
        assert!(!is_manager(7, &in_unit("ssh.service")));
    }
}
