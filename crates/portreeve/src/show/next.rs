//! What to type next: only commands that exist, and never made of bytes that a shell would act on.

use portreeve_core::{facts::Process, words::Words};

use super::out::Out;
use crate::{cli, failure::Failure};

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

/// How to stop a process in a way that lasts: its unit where it has one.
pub(crate) fn stop(pid: u32, process: &Process) -> String {
    match process.unit.as_deref().filter(|unit| is_stoppable(unit)) {
        Some(unit) if process.container.is_none() => format!("systemctl stop {unit}"),
        _ => format!("kill {pid}"),
    }
}

fn is_stoppable(unit: &str) -> bool {
    let is_harmless =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'.' | b'_' | b'-' | b':');
    unit.ends_with(".service")
        && !unit.starts_with("user@")
        && !unit.starts_with('-')
        && unit.len() <= 255
        && unit.bytes().all(is_harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped(unit: &str) -> String {
        stop(7, &Process { unit: Some(unit.into()), ..Process::default() })
    }

    #[test]
    fn only_a_harmless_unit_is_named() {
        assert_eq!(stopped("postfix@-.service"), "systemctl stop postfix@-.service");
        for unit in
            ["a;reboot.service", "session-4.scope", "user@1000.service", "$(id).service", "--x.service"]
        {
            assert_eq!(stopped(unit), "kill 7", "{unit}");
        }
    }
}
