//! Which ledger is asked: the host's for whoever may write it, else one of the user's own (A23, A25).

mod other;

pub(super) use self::other::replaced_usual;

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgMatches, builder::ValueParser};
use jiff::Timestamp;
use portreeve_core::{
    ledger::{Book, Lease, OtherClaim, Scope},
    policy::LedgerStore,
    port::PortRange,
    shell,
    words::{Lang, Words},
};
use portreeve_host::{
    claimant,
    enforce::reserved::{OtherLedger, Reason, claimed_besides, wanted_for},
    network::{Network, called, network},
};
use rustix::{
    fs::{Access as Right, access},
    io::Errno,
    process::geteuid,
};

use super::{
    ahead::Opened,
    place::{Place, place, real},
};
use crate::{
    directories,
    exit::Exit,
    failure::Failure,
    policy_file,
    settings::{PolicyChoice, Settings, Verbosity, options},
    store::{Access, Company, Etcd, Options, Sqlite, Store, StoreError, Turn, is_member},
    table_file::TableFile,
};

const LEDGER: &str = "ledger";
/// The same for every command of a shell.
const OVERRIDE: &str = "PORTREEVE_LEDGER";
/// Below the directory of what lasts, in a folder of its own: who may write the ledger may not write receipts.
const FILE: &str = "ledger/ledger.db";
/// What it takes to be let in to a fleet's.
pub(super) const CERTIFICATES: &str = "/etc/portreeve/etcd";

/// A ledger, and what its claims hold within.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// Where it is.
    place: Place,
    /// Within what a number has one owner, where nobody says otherwise.
    pub(crate) scope: Scope,
    /// This host (machine-id(5)).
    pub(crate) machine: String,
    /// Who else obeys it.
    pub(crate) obeyed: Obeyed,
    /// Whether somebody names it.
    is_named: bool,
    /// Whether it is another one than the usual one.
    is_other: bool,
    /// What the host's usual one is called.
    usual: String,
}

/// Who obeys a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obeyed {
    /// Everybody on the host: its kernel keeps what is claimed from clients.
    ByHost,
    /// Nobody but whoever asks it.
    ByUser,
}

/// `--ledger`.
pub(crate) fn argument(lang: Lang) -> Arg {
    let help = Words {
        en: "Another ledger: a file, or etcd+https://HOST:2379/PREFIX (or PORTREEVE_LEDGER)",
        ja: "別の台帳: ファイル、または etcd+https://HOST:2379/PREFIX(環境変数 PORTREEVE_LEDGER でも指定可)",
    };
    options::value(LEDGER, "LEDGER", help, lang).value_parser(ValueParser::os_string())
}

impl Home {
    /// Whether the ledger takes claims away itself when their time is over (etcd's leases), so that no host's clock counts.
    pub(crate) const fn ends_leases(&self) -> bool {
        self.is_of_fleet()
    }

    /// Whether it is a fleet's.
    pub(crate) const fn is_of_fleet(&self) -> bool {
        matches!(self.place, Place::Etcd(_))
    }

    /// The one that `own` names, else the environment, else the policy; else the usual one of whoever asks.
    ///
    /// # Errors
    ///
    /// The host has no name, a user has no home, or the policy is wrong.
    pub(crate) fn of(own: &ArgMatches, settings: &Settings) -> Result<Self, Failure> {
        Self::named(own.get_one::<OsString>(LEDGER).cloned(), settings)
    }

    /// The one that is asked where nobody names one on the command line.
    ///
    /// # Errors
    ///
    /// As [`Self::of`].
    pub(crate) fn unnamed(settings: &Settings) -> Result<Self, Failure> {
        Self::named(None, settings)
    }

    /// The host's own, which the boot reads; `None` where nobody who boots could.
    pub(crate) fn of_boot() -> Option<Self> {
        Some(Self::at(Place::File(of_host()?), Obeyed::ByHost, claimant::machine()?))
    }

    /// Whether the boot reads it.
    pub(crate) fn is_read_by_boot(&self) -> bool {
        !self.is_other && of_host().is_some_and(|own| self.file() == Some(&own))
    }

    fn at(place: Place, obeyed: Obeyed, machine: String) -> Self {
        let scope = match (obeyed, network()) {
            (Obeyed::ByUser, _) => Scope::User(geteuid().as_raw()),
            (Obeyed::ByHost, Network::Host) => Scope::Host(machine.as_str().into()),
            (Obeyed::ByHost, Network::Apart(id)) => Scope::Netns(called().unwrap_or(id).into()),
        };
        Self { place, scope, machine, obeyed, is_named: false, is_other: false, usual: system().told() }
    }

    fn named(named: Option<OsString>, settings: &Settings) -> Result<Self, Failure> {
        let machine = claimant::machine().ok_or_else(nameless)?;
        let Some(named) = named.or_else(of_environment) else {
            let (place, obeyed) = asked_by_all(&settings.policy)?;
            let usual = if obeyed == Obeyed::ByHost { place.told() } else { system().told() };
            return Ok(Self { usual, ..Self::at(place, obeyed, machine) });
        };
        let (place, obeyed) = place(named)?;
        if settings.verbosity != Verbosity::Quiet {
            place.warn_of_clear(settings.lang);
        }
        let asked_by_all = asked_by_all(&settings.policy).ok();
        let is_usual = asked_by_all.as_ref().is_some_and(|(usual, _)| usual.is(&place));
        let usual = asked_by_all.filter(|(_, obeyed)| *obeyed == Obeyed::ByHost);
        let usual = usual.map_or_else(system, |(usual, _)| usual).told();
        Ok(Self { is_named: true, is_other: !is_usual, usual, ..Self::at(place, obeyed, machine) })
    }

    /// Opens it to change it, and makes a new one where there never was any.
    ///
    /// # Errors
    ///
    /// It is not to be had.
    pub(crate) fn open(&self) -> Result<Opened, StoreError> {
        self.open_within(&self.scope)
    }

    /// The same to change claims of `scope`.
    ///
    /// # Errors
    ///
    /// As of [`Self::open`].
    pub(crate) fn open_within(&self, scope: &Scope) -> Result<Opened, StoreError> {
        Opened::at(self, scope)
    }

    /// Whether it is another one than the usual one.
    pub(super) const fn is_other(&self) -> bool {
        self.is_other
    }

    /// Opens it to look at it.
    ///
    /// # Errors
    ///
    /// It is not to be had.
    pub(crate) fn store(&self) -> Result<Box<dyn Store>, StoreError> {
        self.refuse_lost()?;
        Ok(match &self.place {
            Place::File(path) => Box::new(Sqlite::open(path)?),
            Place::Etcd(url) => Box::new(self.open_etcd(url)?),
        })
    }

    /// Whether nobody has ever made it.
    pub(crate) fn is_unmade(&self) -> bool {
        self.file().is_some_and(|path| !Sqlite::was_made(path)) && self.refuse_lost().is_ok()
    }

    /// Refuses a file of which nothing is there any more, not even a folder that tells of it, while the kernel keeps what it
    /// claimed: its disk may not be mounted yet.
    ///
    /// # Errors
    ///
    /// That is so.
    pub(crate) fn refuse_lost(&self) -> Result<(), StoreError> {
        let Place::File(path) = &self.place else { return Ok(()) };
        let lost = (!Sqlite::was_made(path)).then(|| self.kept()).flatten();
        lost.map_or(Ok(()), |kept| Err(StoreError::Lost { path: path.clone(), kept }))
    }

    /// Whether the host's usual ledger is the one at `place`, and nothing of it is there any more.
    pub(super) fn is_lost_at(place: &str) -> bool {
        Self::of_boot().is_some_and(|usual| usual.place.told() == place && usual.refuse_lost().is_err())
    }

    /// Whether anybody obeys a claim of `scope` that stands in it.
    pub(crate) fn is_obeyed_within(&self, scope: &Scope) -> bool {
        match self.obeyed {
            Obeyed::ByHost => !matches!(scope, Scope::User(_)),
            Obeyed::ByUser => *scope == self.scope,
        }
    }

    /// Whether the host obeys it beside its usual one, which knows nothing of it.
    pub(super) fn is_beside_usual(&self) -> bool {
        self.obeyed == Obeyed::ByHost && !self.is_read_by_boot()
    }

    /// A turn at asking the host's usual ledger, which what another one keeps waits for.
    ///
    /// # Errors
    ///
    /// Another one is asked, and no end of it.
    pub(crate) fn turn(&self) -> Result<Option<Turn>, StoreError> {
        if self.is_read_by_boot() { self.turn_among(Company::Others) } else { Ok(None) }
    }

    /// A turn at keeping what another one is about to claim: for a moment alone, so that no two of them keep the same number.
    ///
    /// # Errors
    ///
    /// Another one is asked, and no end of it.
    pub(super) fn turn_beside_usual(&self) -> Result<Option<Turn>, StoreError> {
        self.turn_among(Company::Nobody)
    }

    fn turn_among(&self, company: Company) -> Result<Option<Turn>, StoreError> {
        of_host().map_or(Ok(None), |usual| Turn::at_asking(&usual, company))
    }

    /// What other ledgers than the host's usual one and this one claim here.
    pub(super) fn claimed_besides(&self) -> Vec<OtherClaim> {
        let mut claimed = claimed_besides(&self.reason(), directories::reserved().as_deref());
        let is_this = self.is_this();
        claimed.retain(|(reason, _)| !reason.other_ledger().is_some_and(&is_this));
        let displaced = self.displaced_usual().filter(|(former, _)| !is_this(former));
        claimed.extend(displaced.map(|(former, ranges)| (Reason::OtherLedger(former), ranges)));
        let told = |(reason, ranges): (Reason, Vec<PortRange>)| {
            let ledger: Box<str> =
                reason.other_ledger().map_or(self.usual.as_str(), OtherLedger::place).into();
            ranges.into_iter().map(move |ports| OtherClaim { ports, ledger: ledger.clone() })
        };
        claimed.into_iter().flat_map(told).collect()
    }

    /// What other ledgers claim here, as far as that can be read.
    pub(crate) fn claimed_by_others(&self) -> Vec<OtherClaim> {
        let mut claimed = self.claimed_besides();
        claimed.extend(self.claimed_by_usual());
        claimed
    }

    /// What the host's usual ledger claims here, where this is another one; nothing where that cannot be read.
    pub(super) fn claimed_by_usual(&self) -> Vec<OtherClaim> {
        let usual = self.is_other.then(Self::of_boot).flatten();
        let Some(usual) = usual.filter(|usual| !usual.place.is(&self.place)) else { return Vec::new() };
        let Place::File(path) = &usual.place else { return Vec::new() };
        let ledger: Box<str> = usual.place.told().into();
        let claimed = self.claimed_at(path).into_iter();
        claimed.map(|ports| OtherClaim { ports, ledger: ledger.clone() }).collect()
    }

    /// What the ledger in the file at `path` claims here; nothing where that cannot be read.
    pub(super) fn claimed_at(&self, path: &Path) -> Vec<PortRange> {
        let Ok(Some(book)) = Sqlite::look(path) else { return Vec::new() };
        let now = Timestamp::now();
        let holds = |lease: &Lease| lease.outlasts_boot(now) || lease.process().is_some();
        let here = book.claims().filter(|claim| claim.scope.meets(&self.scope) && holds(&claim.lease));
        here.map(|claim| claim.ports).collect()
    }

    /// Opens it to read it, where there is one.
    ///
    /// # Errors
    ///
    /// It is not to be had.
    pub(crate) fn open_standing(&self) -> Result<Option<Box<dyn Store>>, StoreError> {
        match &self.place {
            Place::File(path) if !Sqlite::was_made(path) => self.refuse_lost().map(|()| None),
            Place::File(_) | Place::Etcd(_) => self.store().map(Some),
        }
    }

    /// What it says, for whoever would only like to know: he does not wait long, and writes nothing; nothing where there is none.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn look(&self) -> Result<Option<Book>, StoreError> {
        match &self.place {
            Place::File(path) if self.is_named && is_closed(path) => {
                Err(StoreError::Beside { path: path.clone(), source: io::ErrorKind::PermissionDenied.into() })
            }
            Place::File(path) => self.refuse_lost().and_then(|()| Sqlite::look(path)),
            Place::Etcd(url) => self.open_etcd(url)?.briefly().load().map(Some),
        }
    }

    /// Its file, where it is one of this host.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Etcd(_) => None,
        }
    }

    /// The same for claims of `scope`.
    pub(super) fn within(&self, scope: &Scope) -> Self {
        Self { scope: scope.clone(), ..self.clone() }
    }

    /// What is wrong with what a fleet's ledger has in etcd; of a file, nothing.
    ///
    /// # Errors
    ///
    /// It is not to be had.
    pub(crate) fn check_fleet(&self) -> Result<Vec<StoreError>, StoreError> {
        match &self.place {
            Place::Etcd(url) => self.open_etcd(url)?.check(),
            Place::File(_) => Ok(Vec::new()),
        }
    }

    /// `words` after `portreeve`, for this very ledger.
    pub(crate) fn command(&self, words: &str) -> String {
        self.asked_by(&format!("portreeve {words}"))
    }

    /// A whole command, for this very ledger.
    pub(crate) fn asked_by(&self, command: &str) -> String {
        asked_by(command, self.option())
    }

    /// The option by which it is asked, where another one would be without.
    pub(crate) fn option(&self) -> Option<String> {
        let place = match &self.place {
            Place::File(path) => path.display().to_string(),
            Place::Etcd(url) => url.clone(),
        };
        self.is_named.then(|| option(&place))
    }

    fn open_etcd(&self, url: &str) -> Result<Etcd, StoreError> {
        let access = Access::find(Path::new(CERTIFICATES), |name: &str| std::env::var_os(name))?;
        Etcd::open(url, Options { scope: self.scope.clone(), machine: self.machine.clone(), access })
    }
}

/// `words` after `portreeve`, for the ledger in the file at `path`, which is named where whoever types that would ask another.
pub(super) fn command_for(path: &Path, words: &str) -> String {
    let is_asked = of_environment().is_none() && usual().is_ok_and(|(usual, _)| usual == path);
    asked_by(&format!("portreeve {words}"), (!is_asked).then(|| option(&path.display().to_string())))
}

fn asked_by(command: &str, option: Option<String>) -> String {
    let option = option.map(|option| format!(" {option}"));
    format!("{command}{}", option.unwrap_or_default())
}

fn option(place: &str) -> String {
    format!("--{LEDGER} {}", shell::quoted(place))
}

fn of_environment() -> Option<OsString> {
    std::env::var_os(OVERRIDE).filter(|named| !named.is_empty())
}

/// The one that is asked where nobody names another: the policy's, else the usual one.
fn asked_by_all(choice: &PolicyChoice) -> Result<(Place, Obeyed), Failure> {
    match of_policy(choice)? {
        Some(LedgerStore::Etcd(url)) => Ok((Place::Etcd(url), Obeyed::ByHost)),
        Some(LedgerStore::Sqlite) | None => usual().map(|(path, obeyed)| (Place::File(path), obeyed)),
    }
}

/// What the policy says of the place.
fn of_policy(choice: &PolicyChoice) -> Result<Option<LedgerStore>, Failure> {
    let parsed = policy_file::load(choice, TableFile::load()?.registry())?;
    Ok(parsed.and_then(|parsed| parsed.policy.ledger.store))
}

/// The host's where it may be written, else the user's own.
pub(super) fn usual() -> Result<(PathBuf, Obeyed), Failure> {
    let own = || Ok(real(&directories::state().ok_or_else(homeless)?.join(FILE)));
    if geteuid().is_root() {
        return Ok((own()?, Obeyed::ByHost));
    }
    let shared = real(&Path::new(directories::SYSTEM).join(FILE));
    // A member of its group does; where its disk is away he is to hear of that, and not to begin another one.
    let is_away = || !shared.exists() && is_member() && !wanted_for(&Reason::LEDGER).is_empty();
    if may_write_beside(&shared) || is_away() {
        Ok((shared, Obeyed::ByHost))
    } else {
        Ok((own()?, Obeyed::ByUser))
    }
}

/// The host's own, which the boot reads.
fn system() -> Place {
    Place::File(real(&Path::new(directories::SYSTEM).join(FILE)))
}

/// Whether whoever asks may write beside the file at `path`, as who uses it does (<https://www.sqlite.org/wal.html>), but for a
/// file system that is mounted for reading alone.
pub(super) fn may_write_beside(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(path);
    match access(folder, Right::WRITE_OK | Right::EXEC_OK) {
        // It is told before anybody's rights are looked at; only who may write the ledger's folder may list it.
        Err(Errno::ROFS) => access(folder, Right::READ_OK | Right::EXEC_OK).is_ok(),
        answer => answer.is_ok(),
    }
}

/// Whether whoever asks may not write the file at `path`.
pub(super) fn may_not_write(path: &Path) -> bool {
    access(path, Right::WRITE_OK) == Err(Errno::ACCESS)
}

/// Whether it may not even be looked at.
fn is_closed(path: &Path) -> bool {
    matches!(fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::PermissionDenied)
}

/// The host's, where it may be written.
pub(super) fn of_host() -> Option<PathBuf> {
    usual().ok().filter(|(_, obeyed)| *obeyed == Obeyed::ByHost).map(|(path, _)| path)
}

fn nameless() -> Failure {
    Failure::new(
        Exit::Unreachable,
        Words {
            en: "this host has no name of its own, which claims hold for",
            ja: "このホストに machine-id がないため、申請を登録できません",
        },
    )
    .hint(Words { en: "systemd-machine-id-setup", ja: "systemd-machine-id-setup" })
}

fn homeless() -> Failure {
    Failure::new(
        Exit::Unreachable,
        Words {
            en: "nowhere to keep a ledger: neither HOME nor XDG_STATE_HOME is set",
            ja: "台帳の保存先がありません: HOME も XDG_STATE_HOME も設定されていません",
        },
    )
    .hint(Words {
        en: "set XDG_STATE_HOME to a directory of this user (StateDirectory= of a unit), or name a file: --ledger FILE",
        ja: "このユーザーのディレクトリを XDG_STATE_HOME に設定するか(ユニットでは StateDirectory= を使う)、--ledger FILE でファイルを指定してください",
    })
}
