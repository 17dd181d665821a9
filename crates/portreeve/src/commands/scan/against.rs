//! What a scan is compared with: this host as it is now, or a snapshot of the one that is asked.

use std::ffi::OsString;

use clap::ArgMatches;
use portreeve_core::{
    address::Family,
    desired::desire,
    exposure::{Exposure, Senders, To, exposed},
    facts::{Gap, Snapshot},
    finding::Finding,
    firewall::{Intervals, number},
    outside::{Beside, Known, Line, Outcome, beside},
    port::{PortRange, Protocol},
    reach::Basis,
    shell::quoted,
    world::World,
};

use super::{AGAINST, other_host, target::Target};
use crate::{
    commands::exposure::{LOOK, Sight},
    failure::Failure,
    look::{Look, read_snapshot},
    settings::{Settings, input},
};

/// The commands that can be asked about a snapshot.
const READS: [&str; 2] = ["portreeve why ", "portreeve exposure "];

/// What is known of the target.
#[derive(Debug)]
pub(super) enum Against {
    /// All that a look tells; with the file where it is of a saved one.
    Known(Box<Look>, Box<Sight>, Option<String>),
    /// Nothing: it is another host, and no snapshot of it was given.
    Nothing,
}

impl Against {
    /// What the command line names, or this host.
    ///
    /// # Errors
    ///
    /// Where nothing can be observed, a file is no snapshot or one of another host, or the policy is wrong.
    pub(super) fn take(own: &ArgMatches, settings: &Settings, target: &Target) -> Result<Self, Failure> {
        let file = own.get_one::<OsString>(AGAINST);
        let look = match file {
            Some(file) => Look::of(settings, read_snapshot(&input(file.clone()))?)?,
            None if target.is_this_host() => Look::take(settings, &LOOK)?.beside_ledger(settings),
            None => return Ok(Self::Nothing),
        };
        let sight = Sight::of(&look.snapshot, file.is_none())?;
        let file = file.map(|file| quoted(&file.to_string_lossy()));
        if file.is_some() {
            other_host::check(target, &look.snapshot, &sight)?;
        }
        Ok(Self::Known(Box::new(look), Box::new(sight), file))
    }

    /// Each port as it was seen, beside what is known of it.
    pub(super) fn beside(&self, protocol: Protocol, outcome: &Outcome, line: Line) -> Vec<Beside> {
        let Self::Known(look, sight, _) = self else {
            return beside(outcome, protocol, line, None);
        };
        let exposures = said(sight, protocol, line);
        let policy = look.policy.as_deref();
        let desired = policy.map(desire).unwrap_or_default();
        let known = Known { exposures: &exposures, snapshot: &look.snapshot, policy, desired: &desired };
        beside(outcome, protocol, line, Some(known))
    }

    /// The packet filter of this host as it was a moment ago, where it was looked at.
    pub(super) fn sight_of_now(&self) -> Option<&Sight> {
        match self {
            Self::Known(_, sight, None) => Some(sight),
            _ => None,
        }
    }

    /// What was observed of the target, where anything was.
    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        match self {
            Self::Known(look, ..) => Some(&look.snapshot),
            Self::Nothing => None,
        }
    }

    /// What rules judge, where anything is known.
    pub(super) fn world(&self) -> Option<World<'_>> {
        match self {
            Self::Known(look, ..) => Some(look.world()),
            Self::Nothing => None,
        }
    }

    /// Has the commands of `findings` ask the host that is meant: what would change this one is left out.
    pub(super) fn aim(&self, findings: &mut [Finding]) {
        let Self::Known(.., Some(file)) = self else { return };
        for finding in findings {
            finding.commands.retain(|command| READS.iter().any(|word| command.starts_with(word)));
            for command in &mut finding.commands {
                command.push_str(&format!(" --snapshot {file}"));
            }
        }
    }

    /// What hides rules of the firewall.
    pub(super) fn gaps(&self) -> &[Gap] {
        match self {
            Self::Known(_, sight, _) => &sight.gaps,
            Self::Nothing => &[],
        }
    }

    /// Whether anything is known.
    pub(super) fn is_known(&self) -> bool {
        matches!(self, Self::Known(..))
    }
}

/// What becomes of packets over that line; nothing is said where the rules could not be read.
pub(super) fn said(sight: &Sight, protocol: Protocol, line: Line) -> Vec<Exposure> {
    if sight.basis() != Basis::Firewall {
        return Vec::new();
    }
    let senders = line.source.map_or(Senders::Host, |source| Senders::Network(source.into()));
    exposed(&sight.filter, &senders, &whole(protocol, line))
}

/// All ports of the target.
pub(super) fn whole(protocol: Protocol, line: Line) -> To {
    To {
        family: Family::of(line.target),
        protocol,
        addresses: Some(Intervals::one(number(line.target))),
        ports: PortRange::EVERY,
    }
}
