//! Which logs the services of a policy have, and whose a line in one of them is (A19).

mod understanding;
mod usual;

use alloc::{format, string::String, vec, vec::Vec};

pub use self::understanding::Understanding;
use self::usual::Writer;
use crate::{
    logs::{
        Form, Header, Program,
        journal::{Accounts, Entry},
    },
    owner::{Owner, is_unit},
    policy::{LogPlace, Policy, Service},
    unit,
};

/// What has to be known of a host to tell where its services write.
#[derive(Clone, Copy)]
pub struct Here<'h> {
    /// Whether there is a journal that can be read.
    pub has_journal: bool,
    /// Whether there is something of this path.
    pub has: &'h dyn Fn(&str) -> bool,
}

/// Where services write, and who.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// Each place once.
    pub all: Vec<Log>,
    /// The services that write logs which can be read, and of which none was found.
    pub without: Vec<String>,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Where.
    pub place: LogPlace,
    speakers: Vec<Speaker>,
}

/// A service that writes there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Speaker {
    service: String,
    /// As which program; of whatever program where the policy does not tell.
    writer: Option<Writer>,
}

impl Logs {
    /// Where the services of `policy` write: where it says so, else where programs of their owners usually do.
    #[must_use]
    pub fn of(policy: &Policy, here: Here<'_>) -> Self {
        let mut logs = Self::default();
        for service in &policy.services {
            let writer = writer(service);
            let said = policy.watch.log.iter().filter(|log| log.service == service.name);
            let mut places: Vec<_> = said.map(|log| log.place.clone()).collect();
            if places.is_empty() {
                places = writer.map(|writer| usual_places(service, writer, here)).unwrap_or_default();
                if places.is_empty() && writer.is_some() {
                    logs.without.push(service.name.clone());
                }
            }
            for place in places {
                logs.add(place, Speaker { service: service.name.clone(), writer });
            }
        }
        logs
    }

    /// Whose a line of the journal is, and what it is, where its writer may speak for its program; `forms` are those of all logs.
    #[must_use]
    pub fn spoken<'s, 'l>(
        &'s self,
        entry: &Entry<'l>,
        accounts: Accounts,
        forms: &mut [Form],
    ) -> Option<(&'s str, Header<'l>)> {
        let unit = entry.unit?;
        let header = entry.header(accounts)?;
        let is_of = |log: &Log| matches!(&log.place, LogPlace::Unit(pattern) if is_unit(pattern, unit));
        let mut own = self.all.iter().zip(forms).filter(|(log, _)| is_of(log));
        let service = own.find_map(|(log, form)| log.speaker(header.program, form))?;
        Some((service, header))
    }

    /// What is asked of the journal for all that is in it: matches of fields of which each is enough (journalctl(1)).
    #[must_use]
    pub fn journal_matches(&self) -> Vec<String> {
        let units = self.all.iter().filter_map(|log| match &log.place {
            LogPlace::Unit(unit) => Some(unit),
            LogPlace::File(_) => None,
        });
        let mut matches: Vec<_> = units.map(|unit| match_of(unit)).collect();
        matches.sort_unstable();
        matches.dedup();
        matches
    }

    fn add(&mut self, place: LogPlace, speaker: Speaker) {
        match self.all.iter_mut().find(|log| log.place == place) {
            Some(log) => log.speakers.push(speaker),
            None => self.all.push(Log { place, speakers: vec![speaker] }),
        }
    }
}

impl Log {
    /// The service whose the next line is, which looks like one of `program`, in a log of this form; `None` where anybody may have
    /// written it.
    #[must_use]
    pub fn speaker(&self, program: Program, form: &mut Form) -> Option<&str> {
        let is_own = form.admits(program);
        (is_own && program.is_witness()).then(|| self.service(program)).flatten()
    }

    /// The service whose a line of `program` is here: the first that the policy declares of those that write so.
    fn service(&self, program: Program) -> Option<&str> {
        let is_its = |speaker: &&Speaker| speaker.writer.is_none_or(|writer| writer.writes_as(program));
        self.speakers.iter().find(is_its).map(|speaker| speaker.service.as_str())
    }

    /// Whether a line of it is understood, which is none where nobody can tell what it is of; `None` where that says nothing: the
    /// journal and the files of syslog hold much besides, and only web servers write of each request one line of one form.
    #[must_use]
    pub fn understands(&self, header: Option<&Header<'_>>) -> Option<bool> {
        let is_of_requests = matches!(self.place, LogPlace::File(_))
            && self.speakers.iter().all(|speaker| speaker.writer.is_some_and(Writer::writes_requests));
        let is_own = |header: &Header<'_>| matches!(header.program, Program::Access | Program::Nginx);
        is_of_requests.then(|| header.is_some_and(is_own))
    }

    /// The services that write here.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.speakers.iter().map(|speaker| speaker.service.as_str())
    }
}

/// Which program a service is, where its logs can be read.
fn writer(service: &Service) -> Option<Writer> {
    service.owners.iter().find_map(|owner| match owner {
        Owner::Unit(name) => {
            let stem = unit::stem(name);
            Writer::of_unit(stem.split_once('@').map_or(stem, |(template, _)| template))
        }
        Owner::Exe(path) => Writer::of_program(path),
        _ => None,
    })
}

fn usual_places(service: &Service, writer: Writer, here: Here<'_>) -> Vec<LogPlace> {
    let files = || writer.files(here.has).into_iter().map(LogPlace::File).collect::<Vec<_>>();
    let units = || if here.has_journal { units(service, writer) } else { Vec::new() };
    let (first, second): (&dyn Fn() -> _, &dyn Fn() -> _) =
        if writer.prefers_files() { (&files, &units) } else { (&units, &files) };
    let found = first();
    if found.is_empty() { second() } else { found }
}

/// The units that write for a service: its owners, else those by the usual names of its program.
fn units(service: &Service, writer: Writer) -> Vec<LogPlace> {
    let owners = service.owners.iter().filter_map(|owner| match owner {
        Owner::Unit(name) => Some(name.as_str()),
        _ => None,
    });
    let mut units: Vec<String> = owners.flat_map(serving).collect();
    if units.is_empty() {
        units.extend(writer.units().iter().map(|unit| (*unit).into()));
    }
    units.into_iter().map(LogPlace::Unit).collect()
}

/// What serves for a unit: for a socket one service, or one for each connection (systemd.socket(5), `Accept=`).
fn serving(unit: &str) -> Vec<String> {
    let (name, kind) = unit::served_by(unit);
    let mut all = vec![format!("{name}{kind}")];
    if unit.ends_with(".socket") {
        all.push(format!("{name}@*.service"));
    }
    all
}

/// journald knows no patterns: for one, all is asked that programs write themselves.
fn match_of(unit: &str) -> String {
    if unit.contains('*') { "_TRANSPORT=syslog".into() } else { format!("_SYSTEMD_UNIT={unit}") }
}

#[cfg(test)]
mod tests;
