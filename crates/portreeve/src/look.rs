//! A look at this host, or at a saved one, with everything that a judgement needs beside it.

mod saved;
mod watched;

pub(crate) use saved::read as read_snapshot;

use std::{path::Path, rc::Rc};

use portreeve_core::{
    advised::Advised,
    facts::{Gap, Snapshot},
    policy::Policy,
    registry::Registry,
    steered::hidden,
    text,
    words::{Text, Words},
    world::{Claims, Scope, World},
};
use portreeve_host::{
    Wanted, consents,
    observe::{
        Files, Firewall, ObserveError, Way, Ways, foreign_steering, left_gate, left_guard, left_steer,
        left_watch, observe, packages, socket_denials,
    },
};

use rustix::process::geteuid;

use crate::{
    advisories::advised, directories, exit::Exit, failure::Failure, ledger::beside, policy_file,
    settings::Settings, table_file::TableFile,
};

/// Names ways of looking that are not taken, so that a fallback can be seen at work.
pub(crate) const WITHOUT: &str = "PORTREEVE_WITHOUT";

/// A snapshot, the registry's table and the policy.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// What is.
    pub(crate) snapshot: Snapshot,
    /// What numbers are assigned to.
    pub(crate) table: TableFile,
    /// What a person wrote, if anybody did.
    pub(crate) policy: Option<Rc<Policy>>,
    scope: Scope,
    /// What is claimed, where it was asked for.
    claims: Option<Rc<Claims>>,
    /// What advisories say of the packages that run, where there are any.
    advised: Option<Rc<Advised>>,
}

impl Look {
    /// Looks at what `settings` ask for.
    ///
    /// # Errors
    ///
    /// Where there is nothing to look at, the policy is wrong, or the namespace is not there.
    pub(crate) fn take(settings: &Settings, wanted: &Wanted) -> Result<Self, Failure> {
        // A policy that is wrong is said before anything is looked at.
        let (table, policy) = judges(settings)?;
        let mut snapshot = take_snapshot(settings, wanted)?;
        let is_seen = geteuid().is_root() || snapshot.gaps.iter().any(Gap::hides_steering);
        if settings.snapshot.is_none() && !is_seen {
            // What is on trial nobody else is told of.
            snapshot.gaps.push(hidden::gap(&[]));
        }
        hidden::forget_untold(&mut snapshot, policy.as_deref());
        let scope = settings.scope(&snapshot)?;
        Ok(Self { snapshot, table, policy, scope, claims: None, advised: None })
    }

    /// The same where the policy may be half written at this moment: then `policy`, which was read before, holds.
    ///
    /// # Errors
    ///
    /// Where there is nothing to look at.
    pub(crate) fn take_by(
        settings: &Settings,
        wanted: &Wanted,
        policy: Option<&Rc<Policy>>,
    ) -> Result<Self, Failure> {
        Self::take(settings, wanted).or_else(|_| {
            let snapshot = take_snapshot(settings, wanted)?;
            let scope = settings.scope(&snapshot)?;
            Ok(Self {
                snapshot,
                table: TableFile::load()?,
                policy: policy.cloned(),
                scope,
                claims: None,
                advised: None,
            })
        })
    }

    /// What `snapshot` shows, by the policy that `settings` ask for.
    ///
    /// # Errors
    ///
    /// Where the policy is wrong, or the namespace is not there.
    pub(crate) fn of(settings: &Settings, snapshot: Snapshot) -> Result<Self, Failure> {
        let (table, policy) = judges(settings)?;
        let scope = settings.scope(&snapshot)?;
        Ok(Self { snapshot, table, policy, scope, claims: None, advised: None })
    }

    /// The same beside what is claimed on this host; of a saved one nobody knows that.
    pub(crate) fn beside_ledger(mut self, settings: &Settings) -> Self {
        if settings.snapshot.is_none() {
            match beside::claims(settings) {
                Ok(claims) => self.claims = claims.map(Rc::new),
                Err(gap) => self.snapshot.gaps.push(gap),
            }
        }
        self
    }

    /// The same beside what the advisories at `path` say, or else those that the policy names.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub(crate) fn beside_advisories(mut self, path: Option<&Path>) -> Result<Self, Failure> {
        let named = self.policy.as_ref().and_then(|policy| policy.advisories.as_ref()).map(Path::new);
        if let (Some(path), Some(code)) = (path.or(named), &self.snapshot.code) {
            let (advised, silent) = advised(path, code)?;
            let open = self.snapshot.gaps.iter().filter(|gap| !advised.settle(gap, code)).cloned();
            self.snapshot.gaps = open.chain(silent).collect();
            self.advised = Some(Rc::new(advised));
        }
        Ok(self)
    }

    /// Looks at this host again, with the same policy and table.
    ///
    /// # Errors
    ///
    /// Where nothing can be observed.
    pub(crate) fn again(&self, wanted: &Wanted) -> Result<Self, Failure> {
        Ok(self.with(here(wanted)?))
    }

    /// The same with what is steered here, as far as whoever asks may know that.
    pub(crate) fn with_steering(mut self) -> Self {
        left_steer::add(&directories::system_gate(), &mut self.snapshot);
        self
    }

    /// Another snapshot of this host, with the same policy and table, and what is not known of the ledger and the steering.
    pub(crate) fn with(&self, mut snapshot: Snapshot) -> Self {
        let unread = self.snapshot.gaps.iter().filter(|gap| gap.hides_claims() || gap.hides_steering());
        let missing: Vec<Gap> = unread.filter(|gap| !snapshot.gaps.contains(gap)).cloned().collect();
        snapshot.gaps.extend(missing);
        hidden::forget_untold(&mut snapshot, self.policy.as_deref());
        Self { snapshot, ..self.clone() }
    }

    /// The same with the connections of another look at this host, and whoever has them.
    pub(crate) fn with_connections_of(&self, near: &Self) -> Self {
        self.with(joined(self.snapshot.clone(), &near.snapshot))
    }

    /// What numbers are assigned to.
    pub(crate) fn registry(&self) -> Registry<'_> {
        self.table.registry()
    }

    /// What rules judge; the time is that of the look, so that a saved one is judged alike everywhere.
    pub(crate) fn world(&self) -> World<'_> {
        self.world_of(&self.snapshot)
    }

    /// The same of another snapshot, judged by the same policy and table.
    pub(crate) fn world_of<'a>(&'a self, snapshot: &'a Snapshot) -> World<'a> {
        let policy = self.policy.as_deref();
        let world = World::new(snapshot, policy, self.registry(), snapshot.taken, self.scope.clone());
        world.beside(self.claims.as_deref()).advised_by(self.advised.as_deref())
    }
}

/// The policy alone, where there is one that can be read.
pub(crate) fn policy(settings: &Settings) -> Option<Rc<Policy>> {
    checked_policy(settings).ok()?
}

/// The policy alone, where there is one.
///
/// # Errors
///
/// It is wrong.
pub(crate) fn checked_policy(settings: &Settings) -> Result<Option<Rc<Policy>>, Failure> {
    Ok(judges(settings)?.1)
}

/// What a look is judged by.
fn judges(settings: &Settings) -> Result<(TableFile, Option<Rc<Policy>>), Failure> {
    let table = TableFile::load()?;
    let parsed = policy_file::load(&settings.policy, table.registry())?;
    Ok((table, parsed.map(|parsed| Rc::new(parsed.policy))))
}

/// One look with the connections of another; a number that meanwhile became another process's holds none of them.
fn joined(mut snapshot: Snapshot, near: &Snapshot) -> Snapshot {
    snapshot.connections.clone_from(&near.connections);
    for connection in snapshot.connections.iter_mut().flatten() {
        let is_same = |pid: &u32| {
            let started = |snapshot: &Snapshot| snapshot.processes.get(pid).map(|process| process.started);
            snapshot.processes.get(pid).is_none_or(|process| started(near) == Some(process.started))
        };
        connection.pids = connection.pids.iter().copied().filter(is_same).collect();
    }
    for (pid, process) in &near.processes {
        snapshot.processes.entry(*pid).or_insert_with(|| process.clone());
    }
    for gap in &near.gaps {
        let is_it = |known: &&mut Gap| (known.what, &known.detail) == (gap.what, &gap.detail);
        match snapshot.gaps.iter_mut().find(is_it) {
            Some(known) => known.count = known.count.max(gap.count),
            None => snapshot.gaps.push(gap.clone()),
        }
    }
    snapshot
}

/// The snapshot that `settings` ask for: of this host as `wanted`, or a saved one whole.
///
/// # Errors
///
/// Where nothing can be observed, or what was named is no snapshot.
pub(crate) fn take_snapshot(settings: &Settings, wanted: &Wanted) -> Result<Snapshot, Failure> {
    match &settings.snapshot {
        Some(input) => read_snapshot(input),
        None => here(wanted),
    }
}

/// This host, by the ways that are not closed.
pub(crate) fn here(wanted: &Wanted) -> Result<Snapshot, Failure> {
    let ways = ways()?;
    let mut snapshot = observe(&Wanted { ways, ..*wanted }).map_err(|error| nothing_seen(&error, ways))?;
    if let Some(folder) = directories::consents() {
        consents::add(&folder, &mut snapshot);
    }
    if wanted.firewall != Firewall::Skip {
        if let Ok(folder) = directories::gate() {
            left_gate::add(&folder, &mut snapshot);
            left_guard::add(&folder, &mut snapshot);
        }
        left_steer::add(&directories::system_gate(), &mut snapshot);
        foreign_steering::add(&mut snapshot);
    }
    // The files of every unit are read for it, which a judgement alone is worth.
    if wanted.files == Files::Mappings {
        packages::add(directories::cache().as_deref(), &mut snapshot);
        socket_denials::add(&mut snapshot);
        watched::add(&mut snapshot);
        if let Some(folder) = directories::watch() {
            left_watch::add(&folder, &mut snapshot);
        }
    }
    Ok(snapshot)
}

/// The ways of looking that nobody closed on purpose.
///
/// # Errors
///
/// Where somebody closed one that there is not.
pub(crate) fn ways() -> Result<Ways, Failure> {
    let closed = std::env::var_os(WITHOUT).unwrap_or_default();
    Ways::without(&closed.to_string_lossy()).map_err(no_way)
}

/// What somebody closed for this run is opened so.
pub(crate) const UNSET: Words = Words { en: "unset PORTREEVE_WITHOUT", ja: "unset PORTREEVE_WITHOUT" };

/// That ways are closed, and by what.
pub(crate) fn closed_on_purpose() -> Text {
    let closed = std::env::var_os(WITHOUT).unwrap_or_default().display().to_string();
    text!(
        "{WITHOUT}={closed} closes what would tell",
        "{WITHOUT}={closed} により取得方法が無効にされています"
    )
}

fn no_way(name: &str) -> Failure {
    let ways = Way::ALL.map(Way::name).join(", ");
    Failure::usage(text!(
        "{WITHOUT} closes ways of looking, and `{name}` is none",
        "{WITHOUT} に指定された `{name}` という取得方法はありません"
    ))
    .hint(text!("any of: {ways}", "指定できるのは次のものです: {ways}"))
}

fn nothing_seen(error: &ObserveError, ways: Ways) -> Failure {
    let cause = match error {
        ObserveError::NoSource => Words {
            en: "neither sock_diag nor /proc/net answers",
            ja: "sock_diag も /proc/net も応答しません",
        },
    };
    let what = Words {
        en: "cannot list the sockets of this host",
        ja: "このホストのソケットを一覧できません",
    };
    if ways != Ways::ALL {
        return Failure::new(Exit::Gaps, what).because(closed_on_purpose()).hint(UNSET);
    }
    let hint = Words {
        en: "mount -t proc proc /proc, or read a saved snapshot with --snapshot FILE",
        ja: "mount -t proc proc /proc を実行するか、--snapshot FILE で保存済みのスナップショットを読んでください",
    };
    Failure::new(Exit::Gaps, what).because(cause).hint(hint)
}
