//! Lets the host audit itself regularly: by a timer of systemd, else by cron (A17, A20).

mod cron;

use std::{fs, path::Path, time::SystemTime};

use rustix::system::uname;

use crate::{
    keep::{self, Readers},
    systemd::{self, Begins, OURS, Started, State, Unit, UnitError},
};

/// The unit that audits.
pub const SERVICE: &str = "portreeve-audit.service";
/// The unit that starts it.
pub const TIMER: &str = "portreeve-audit.timer";
const TARGET: &str = "timers.target";
/// Where cron looks for crontabs of programs (cron(8)).
const CRON_FOLDER: &str = "/etc/cron.d";
/// Ours: a name with a dot in it would be passed over.
pub const CRONTAB: &str = "/etc/cron.d/portreeve";
/// What is run.
const ARGUMENTS: &str = "audit --since-last --tell";

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Once an hour.
    Hour,
    /// Once a day.
    Day,
}

impl Every {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Day, Self::Hour];

    /// As it is typed, and as systemd.time(7) calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hourly",
            Self::Day => "daily",
        }
    }

    /// Hosts that are made alike do not all begin at the same moment.
    const fn spread(self) -> &'static str {
        match self {
            Self::Hour => "10min",
            Self::Day => "1h",
        }
    }
}

/// What starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The timer.
    Systemd,
    /// The crontab.
    Cron,
}

/// What came of asking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was so already.
    Already(By),
    /// It is so now.
    Now(By),
}

/// Why the host does not audit itself as asked.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// There is neither systemd nor cron.
    #[error("there is neither systemd nor cron")]
    Nothing,
    /// Something is in the way.
    #[error("cannot put it")]
    Unit(#[from] UnitError),
}

/// The service and its timer.
#[must_use]
pub fn units(program: &Path, every: Every) -> [Unit; 2] {
    let program = program.display();
    // Nothing is closed to it: it looks at everything, and what the policy names to tell somebody may be anything.
    let service = format!(
        "{OURS}portreeve schedule off
[Unit]
Description=What changed about the ports of this host since the last look

[Service]
Type=oneshot
ExecStart={program} {ARGUMENTS}
# Findings, and what could not be seen, are told and no failure.
SuccessExitStatus=1 3
TimeoutStartSec=15min
Nice=10
"
    );
    let timer = format!(
        "{OURS}portreeve schedule off
[Unit]
Description=Looks regularly what changed about the ports of this host

[Timer]
OnCalendar={name}
RandomizedDelaySec={spread}
Persistent=true

[Install]
WantedBy={TARGET}
",
        name = every.name(),
        spread = every.spread(),
    );
    [Unit { name: SERVICE, text: service }, Unit { name: TIMER, text: timer }]
}

/// The crontab as Debian's cron takes it (crontab(5), "DEBIAN SPECIFIC"), on the host of this name.
fn crontab(program: &Path, every: Every, host: &[u8]) -> String {
    let program = program.display();
    let mixed = host.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    let (minute, hour) = (mixed % 60, mixed / 60 % 6);
    let times = match every {
        Every::Hour => format!("{minute} * * * *"),
        Every::Day => format!("{minute} {hour} * * *"),
    };
    format!(
        "{OURS}portreeve schedule off
# {name}: what is printed is mailed, and nothing is where nothing changed.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
{times} root {program} {ARGUMENTS}
",
        name = every.name(),
    )
}

/// Lets the host audit itself; the first time at the next hour or day.
///
/// # Errors
///
/// There is nothing that would start it, or something is in the way.
pub fn put(program: &Path, every: Every) -> Result<Put, ScheduleError> {
    if systemd::runs() {
        return put_timer(program, every);
    }
    if !Path::new(CRON_FOLDER).is_dir() || !cron::is_there() {
        return Err(ScheduleError::Nothing);
    }
    let path = Path::new(CRONTAB);
    let text = crontab(program, every, uname().nodename().to_bytes());
    match systemd::state_of(path, &text) {
        State::Same => return Ok(Put::Already(By::Cron)),
        State::Foreign => return Err(UnitError::Foreign(path.into()).into()),
        State::Absent | State::Other => {}
    }
    keep::replace(path, text.as_bytes(), Readers::Everybody).map_err(UnitError::Keep)?;
    Ok(Put::Now(By::Cron))
}

fn put_timer(program: &Path, every: Every) -> Result<Put, ScheduleError> {
    let units = units(program, every);
    // Of a time before there was systemd: it goes when the timer does its work.
    let crontab = systemd::state_of(Path::new(CRONTAB), "");
    if crontab == State::Foreign {
        return Err(UnitError::Foreign(CRONTAB.into()).into());
    }
    let is_same = units.iter().all(|unit| systemd::state(unit) == State::Same);
    if is_same && crontab == State::Absent && systemd::started(TIMER, TARGET) == Started::ByItself {
        return Ok(Put::Already(By::Systemd));
    }
    systemd::put(&units, &[TIMER], Begins::Now)?;
    take_crontab()?;
    Ok(Put::Now(By::Systemd))
}

/// Ends it; whether there was anything to end.
///
/// # Errors
///
/// What is there is somebody else's, or cannot be taken away.
pub fn take() -> Result<bool, ScheduleError> {
    let had_crontab = take_crontab()?;
    // The timer first: what it starts must not begin meanwhile.
    Ok(systemd::take(&[TIMER, SERVICE])? || had_crontab)
}

fn take_crontab() -> Result<bool, UnitError> {
    let path = Path::new(CRONTAB);
    match systemd::state_of(path, "") {
        State::Absent => Ok(false),
        State::Foreign => Err(UnitError::Foreign(path.into())),
        State::Same | State::Other => systemd::remove(path).map(|()| true),
    }
}

/// How often this host audits itself, and what starts that; `None` where it does not.
#[must_use]
pub fn scheduled() -> Option<(Every, By)> {
    let every = |path: &Path, line: fn(Every) -> String| {
        let is_ours = systemd::state_of(path, "") == State::Other;
        let text = is_ours.then(|| systemd::read(path).ok()).flatten()?;
        Every::ALL.into_iter().find(|every| text.lines().any(|own| own.starts_with(&line(*every))))
    };
    let timer = every(&systemd::path(TIMER), |every| format!("OnCalendar={}", every.name()));
    let timer = timer.filter(|_| systemd::started(TIMER, TARGET) == Started::ByItself);
    let crontab = || every(Path::new(CRONTAB), |every| format!("# {}:", every.name()));
    timer.map(|every| (every, By::Systemd)).or_else(|| Some((crontab()?, By::Cron)))
}

/// Whether the unit's last run failed: it could not look, or not tell what it saw.
#[must_use]
pub fn has_failed() -> bool {
    systemd::has_failed(SERVICE)
}

/// When the file at `path` was written last: what an audit leaves behind.
#[must_use]
pub fn written(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|about| about.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron_is_given_a_line_that_it_takes() {
        let line = |every, host: &[u8]| {
            let text = crontab(Path::new("/usr/bin/portreeve"), every, host);
            assert!(text.starts_with(OURS) && text.ends_with('\n'), "{text}");
            text.lines().last().unwrap().to_owned()
        };
        let tail = "root /usr/bin/portreeve audit --since-last --tell";
        // "b" is 98: minute 38, and the hour after the first.
        assert_eq!(line(Every::Day, b"b"), format!("38 1 * * * {tail}"));
        assert_eq!(line(Every::Hour, b"b"), format!("38 * * * * {tail}"));
        assert_eq!(line(Every::Hour, b""), format!("0 * * * * {tail}"));
        for host in [&[255_u8; 64][..], b"web-1"] {
            let line = line(Every::Day, host);
            let numbers: Vec<u32> = line.split(' ').take(2).map(|number| number.parse().unwrap()).collect();
            assert!(numbers[0] < 60 && numbers[1] < 24, "{line}");
        }
    }

    #[test]
    fn the_timer_makes_up_for_what_was_missed() {
        let [service, timer] = units(Path::new("/usr/bin/portreeve"), Every::Day);
        assert!(service.text.contains("\nExecStart=/usr/bin/portreeve audit --since-last --tell\n"));
        for line in ["OnCalendar=daily", "Persistent=true", "RandomizedDelaySec=1h", "WantedBy=timers.target"]
        {
            assert!(timer.text.lines().any(|own| own == line), "{line}");
        }
    }
}
