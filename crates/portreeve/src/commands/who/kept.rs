//! The answer of `who` where nobody listens and somebody keeps the number all the same (A5, A12).

use portreeve_core::{
    facts::{Gap, TcpState},
    text,
    words::Text,
    world::World,
};

use super::answer::{about, command_line, since};
use crate::{
    asked::{Asked, spoken},
    failure::Failure,
    footing::Footing,
    settings::Settings,
    show::{escape::visible, gaps, next, occupants::Occupant, out::Out},
};

const OCCUPANTS_MAX: usize = 8;

/// Says who of `kept` keeps what was asked for, how, and what to type next.
pub(super) fn print<'a>(
    world: &World<'a>,
    asked: &[Asked],
    kept: &[Occupant<'a>],
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let Text { en: en_ports, ja: ja_ports } = spoken(asked);
    for (at, occupant) in kept.iter().take(OCCUPANTS_MAX).enumerate() {
        let clause = occupant.clause(world);
        let Text { en, ja } = &clause;
        let line = match at {
            0 => text!(
                "nobody listens on {en_ports}, but {en}",
                "{ja_ports}では誰も待ち受けていませんが、{ja}"
            ),
            _ => text!("also {en}", "ほかに {ja}"),
        };
        out.line(&visible(line.in_lang(out.lang)))?;
        details(world, occupant, settings, out)?;
    }
    let more = kept.len().saturating_sub(OCCUPANTS_MAX);
    if more > 0 {
        out.line(text!("and {more} others", "ほか {more} 件").in_lang(out.lang))?;
    }
    about(world, asked, out)?;
    if kept.iter().any(|occupant| occupant.is_unseen(world)) {
        for gap in world.snapshot.gaps.iter().filter(|gap: &&Gap| gap.hides_holders()) {
            out.line(&gaps::line(gap, out.lang))?;
        }
    }
    next::print(&commands(world, asked, kept, &Footing::of(settings)), out)
}

/// Of a process that is seen: since when, from where, by which command.
fn details<'a>(
    world: &World<'a>,
    occupant: &Occupant<'a>,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let Some((pid, process)) = occupant.process(world) else { return Ok(()) };
    let since = since(process, world.snapshot.taken);
    let cwd = process.cwd.as_ref().map(|cwd| format!(" · cwd {cwd}")).unwrap_or_default();
    let command = command_line(process, settings.verbosity);
    let command = if command.is_empty() { command } else { format!(": `{command}`") };
    out.line(&visible(&format!("  pid {pid}{}{command}{cwd}", since.in_lang(out.lang))))
}

/// A connection ends by itself, so there is waiting; an idle socket does not, so there is its one process to end.
fn commands<'a>(world: &World<'a>, asked: &[Asked], kept: &[Occupant<'a>], footing: &Footing) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    if let [asked] = asked {
        commands.push(format!("portreeve wait {asked} --gone"));
    }
    if let [occupant] = kept
        && occupant.sockets().iter().all(|socket| socket.state == TcpState::BoundInactive)
        && let Some((pid, process)) = occupant.process(world)
        && occupant.sockets().iter().all(|socket| *socket.pids == [pid])
    {
        commands.extend(next::stop_one(pid, process, footing));
    }
    commands
}
