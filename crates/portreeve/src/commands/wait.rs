//! `portreeve wait 5432 --for 30s`: is it up yet (A12)?

use std::{
    thread,
    time::{Duration, Instant},
};

use clap::{Arg, ArgMatches};
use portreeve_core::{
    facts::{Gap, HolderGap, Listener, Process},
    owner::{Identity, Match, Owner, is_service_manager},
    policy::Policy,
    port::PortSpec,
    steered::Steered,
    text,
    words::{Lang, Text, Words},
    world::World,
};
use portreeve_host::{
    Wanted,
    observe::{Connections, Holders, Namespaces},
    passwd,
};

use super::{Command, who::steered};
use crate::{
    asked::{self, Asked, spoken},
    exit::Exit,
    failure::Failure,
    look::{self, Look},
    settings::{Common, PolicyChoice, Settings, Verbosity, options},
    show::{
        escape::visible,
        gaps,
        occupants::{ended, ended_text, occupants},
        out::Out,
        owner,
    },
    table_file::TableFile,
};

/// `wait`.
pub(super) const COMMAND: Command = Command {
    name: "wait",
    about: Words {
        en: "Is it up yet? (for scripts)", ja: "ポートが開くまでの待機(スクリプト用)"
    },
    examples: &[
        "portreeve wait 5432 --for 30s",
        "portreeve wait 3000 --gone",
        "portreeve wait 443 --owner nginx.service",
    ],
    takes: &[Common::Snapshot, Common::AllowGaps],
    arguments,
    run,
};

const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at first, and at most: whoever waits long can wait a little longer.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_millis(500);

fn arguments(lang: Lang) -> Vec<Arg> {
    let port = Words {
        en: "443, https, 443/udp; of 80,443 and 9200-9210 any one that comes up, or all with --gone",
        ja: "443、https、443/udp など。80,443 や 9200-9210 はどれか 1 つが開けば終了し、--gone ではすべて空くまで待つ",
    };
    let patience = Words { en: "How long to wait (default: 30s)", ja: "待つ時間(既定値: 30s)" };
    let gone = Words {
        en: "Wait until nobody holds it, not even a socket that does not listen",
        ja: "誰も使わなくなるまで待つ(待ち受けていないソケットを含む)",
    };
    let owner = Words {
        en: "Whose it must be: a unit, an absolute path, a user as user=NAME, or a process name",
        ja: "期待する所有者: ユニット、絶対パス、user=名前、またはプロセス名",
    };
    vec![
        Arg::new("what").value_name("PORT").required(true).help(port.in_lang(lang)),
        options::value("for", "TIME", patience, lang).value_parser(options::duration),
        options::flag("gone", gone, lang),
        options::value("owner", "OWNER", owner, lang).conflicts_with("gone"),
    ]
}

/// What is waited for.
struct Goal {
    asked: Vec<Asked>,
    /// Whether nobody knows what the policy says of it.
    is_policy_unread: bool,
    gone: bool,
    owner: Option<Sought>,
}

/// How far the goal is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reached {
    /// It is up: the number, and its owner.
    Up(PortSpec, String),
    /// Nobody keeps it; so many connections have ended and are not forgotten yet.
    Free(usize),
    /// Nobody listens; whether somebody keeps it, a snapshot without connections does not tell.
    Silent,
    Nobody,
    Still(PortSpec, String),
    /// Nobody listens, and somebody keeps it, as the clause says.
    Kept(Text),
    Another(PortSpec, String),
    Unseen(PortSpec),
    /// The service manager holds it, for a unit that nothing tells.
    Untold(PortSpec),
    /// Nobody listens; whether it is led to somebody, as the policy says, only root sees.
    Hidden,
}

impl Reached {
    const fn is_goal(&self) -> bool {
        matches!(self, Self::Up(..) | Self::Free(_) | Self::Silent)
    }
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let word = own.get_one::<String>("what").expect("clap requires it");
    let patience = own.get_one::<Duration>("for").copied().unwrap_or(PATIENCE);
    let asked = asked::any_of(word, TableFile::load()?.registry())?;
    // What the policy says of anything but the steering is no matter of whoever waits.
    let policy = look::checked_policy(settings);
    let is_steered = |policy: &Policy| asked.iter().any(|it| policy.steers_any(it.protocol, it.range));
    let is_said = policy.as_ref().is_ok_and(|policy| policy.as_deref().is_some_and(is_steered));
    let choice = if is_said { settings.policy.clone() } else { PolicyChoice::Without };
    let settings = Settings { policy: choice, ..settings.clone() };
    // A saved host's names are its own.
    let uid = |name: &str| if settings.snapshot.is_none() { passwd::number(name) } else { None };
    let goal = Goal {
        asked,
        is_policy_unread: policy.is_err(),
        gone: own.get_flag("gone"),
        owner: own.get_one::<String>("owner").map(|owner| Sought::new(owner, uid)),
    };
    if goal.owner.as_ref().is_some_and(|owner| owner.word.is_empty() || owner.word.ends_with('=')) {
        return Err(Failure::usage(Words { en: "--owner names nobody", ja: "--owner が空です" })
            .hint(text!("portreeve help wait", "portreeve help wait")));
    }
    let mut look = Look::take(&settings, &goal.wanted(goal.first()))?;
    let started = Instant::now();
    let mut reached = goal.answer(&look, &settings)?;
    let (mut pause, mut waited) = (PAUSE, Duration::ZERO);
    while !reached.is_goal() && settings.snapshot.is_none() && started.elapsed() < patience {
        thread::sleep(pause.min(patience.saturating_sub(started.elapsed())));
        pause = (pause * 2).min(PAUSE_MAX);
        look = look.again(&goal.wanted(goal.first()))?;
        reached = goal.answer(&look, &settings)?;
        waited = started.elapsed();
    }
    if settings.verbosity != Verbosity::Quiet {
        let sentence = goal.sentence(&reached, waited);
        out.line(&visible(sentence.in_lang(settings.lang)))?;
    }
    Ok(match reached {
        Reached::Up(..) | Reached::Free(_) | Reached::Silent => Exit::Fine,
        Reached::Another(..) => Exit::Taken,
        Reached::Unseen(_) | Reached::Untold(_) | Reached::Hidden
            if gaps::exit(&settings, true) == Exit::Gaps =>
        {
            Exit::Gaps
        }
        Reached::Nobody
        | Reached::Still(..)
        | Reached::Kept(_)
        | Reached::Unseen(_)
        | Reached::Untold(_)
        | Reached::Hidden => Exit::Found,
    })
}

impl Goal {
    fn wanted(&self, holders: Holders) -> Wanted {
        Wanted { ports: asked::span(&self.asked), holders, namespaces: Namespaces::Own, ..Wanted::LISTENERS }
    }

    /// How far holders are looked for before anything is known to be open.
    fn first(&self) -> Holders {
        if self.owner.is_some() { Holders::Skip } else { Holders::Quick }
    }

    /// What costs more is looked at only where the answer depends on it: every holder of a port that is open, and of
    /// one that has become silent the sockets that keep it without listening.
    fn answer(&self, look: &Look, settings: &Settings) -> Result<Reached, Failure> {
        let is_silent = self.found(&look.world()).is_empty();
        if is_silent && !self.gone && settings.snapshot.is_none() {
            return self.led(look, settings);
        }
        let further = if self.gone && is_silent {
            Some(Wanted { connections: Connections::List, ..self.wanted(Holders::Quick) })
        } else if self.owner.is_some() && !is_silent {
            Some(self.wanted(Holders::All))
        } else {
            None
        };
        match further.filter(|_| settings.snapshot.is_none()) {
            Some(wanted) => Ok(self.reached(&look.again(&wanted)?.world(), settings.lang)),
            None => Ok(self.reached(&look.world(), settings.lang)),
        }
    }

    /// Where nobody listens somebody may be led to, wherever he listens himself.
    fn led(&self, look: &Look, settings: &Settings) -> Result<Reached, Failure> {
        let steered = look.clone().with_steering();
        if steered::among(&steered.world(), &self.asked).is_empty() {
            return Ok(self.reached(&steered.world(), settings.lang));
        }
        let holders = if self.owner.is_some() { Holders::All } else { Holders::Quick };
        let everywhere = look.again(&Wanted { ports: None, ..self.wanted(holders) })?.with_steering();
        Ok(self.reached(&everywhere.world(), settings.lang))
    }

    /// A socket that is merely bound is not up, and not gone either.
    fn found<'a>(&self, world: &World<'a>) -> Vec<&'a Listener> {
        world
            .snapshot
            .listeners
            .iter()
            .filter(|listener| world.judges(listener.netns) && (self.gone || listener.hears()))
            .filter(|listener| self.asked.iter().any(|asked| asked.means(listener)))
            .collect()
    }

    /// Those to whom packets for what is asked about are led.
    fn takers<'a>(&self, world: &World<'a>) -> Vec<&'a Listener> {
        let mut steered = steered::among(world, &self.asked);
        // The most precise route leads.
        steered.sort_by_key(|Steered { route, .. }| (route.ports.count(), route.address.is_none()));
        steered.into_iter().flat_map(|steered| steered.takers).map(|taker| taker.listener).collect()
    }

    fn reached<'a>(&self, world: &World<'a>, lang: Lang) -> Reached {
        let mut found = self.found(world);
        if found.is_empty() && !self.gone {
            found = self.takers(world);
        }
        let Some(first) = found.first() else {
            return match self.may_be_led(world) {
                _ if self.gone => self.silent(world),
                true => Reached::Hidden,
                false => Reached::Nobody,
            };
        };
        let holder = owner::owner(world, first, lang);
        match &self.owner {
            _ if self.gone => Reached::Still(first.spec(), holder),
            None => Reached::Up(first.spec(), holder),
            Some(sought) => owned(world, &found, sought, lang),
        }
    }

    /// Whether packets for it are led to somebody, as far as whoever asks may know, or may be.
    fn may_be_led(&self, world: &World<'_>) -> bool {
        let is_untold = |gap: &Gap| gap.hides_steering() && gap.detail.is_empty();
        steered::hidden(world, &self.asked).is_some()
            || self.is_policy_unread && world.snapshot.gaps.iter().any(is_untold)
    }

    /// Whether a number on which nobody listens is free.
    fn silent(&self, world: &World<'_>) -> Reached {
        match occupants(world, &self.asked).first() {
            Some(occupant) => Reached::Kept(occupant.clause(world)),
            None if world.snapshot.connections.is_none() => Reached::Silent,
            None => Reached::Free(ended(world, &self.asked)),
        }
    }

    fn sentence(&self, reached: &Reached, waited: Duration) -> Text {
        let Text { en: en_ports, ja: ja_ports } = spoken(&self.asked);
        let port = |spec: &PortSpec| self.spoken(*spec);
        let wanted = self.owner.as_ref().map_or("", |owner| &owner.word);
        let sentence = match reached {
            Reached::Up(spec, holder) => {
                let (Text { en, ja }, holder) = (port(spec), named(holder));
                let (en_holder, ja_holder) = (holder.en, holder.ja);
                text!("{en} is up, held by {en_holder}", "{ja}では{ja_holder}が待ち受けています")
            }
            Reached::Free(0) => text!("{en_ports} is free", "{ja_ports}は空いています"),
            Reached::Free(count) => {
                let Text { en, ja } = ended_text(*count);
                text!("{en_ports} is free; {en}", "{ja_ports}は空いています。{ja}")
            }
            Reached::Silent | Reached::Nobody => {
                text!("nobody listens on {en_ports}", "{ja_ports}では誰も待ち受けていません")
            }
            Reached::Hidden => text!(
                "nobody listens on {en_ports}; whether it is led to somebody elsewhere only root sees: sudo portreeve wait",
                "{ja_ports}では誰も待ち受けていません。別のポートへ誘導されているかどうかは root だけが確認できます: sudo portreeve wait"
            ),
            Reached::Still(spec, holder) => {
                let (Text { en, ja }, holder) = (port(spec), named(holder));
                let (en_holder, ja_holder) = (holder.en, holder.ja);
                text!("{en} is still held by {en_holder}", "{ja}はまだ{ja_holder}が保持しています")
            }
            Reached::Kept(clause) => clause.clone(),
            Reached::Another(spec, holder) => {
                let (Text { en, ja }, holder) = (port(spec), named(holder));
                let (en_holder, ja_holder) = (holder.en, holder.ja);
                text!(
                    "{en} is held by {en_holder}, not by {wanted}",
                    "{ja}は {wanted} ではなく{ja_holder}が保持しています"
                )
            }
            Reached::Unseen(spec) if self.owner.as_ref().is_some_and(Sought::is_told_by_socket) => {
                let Text { en, ja } = port(spec);
                text!(
                    "{en} is held, and whether by {wanted} cannot be told; run as root",
                    "{ja}の保持者が {wanted} かどうかを判定できません。root で実行してください"
                )
            }
            Reached::Unseen(spec) => {
                let Text { en, ja } = port(spec);
                text!(
                    "{en} is held, and whether by {wanted} cannot be told; run as root, or name the unit or user",
                    "{ja}の保持者が {wanted} かどうかを判定できません。root で実行するか、ユニットかユーザーを指定してください"
                )
            }
            Reached::Untold(spec) => {
                let Text { en, ja } = port(spec);
                text!(
                    "{en} is held by the service manager; whether for {wanted}, systemctl list-sockets tells",
                    "{ja}はサービスマネージャーが保持しています。{wanted} のためかどうかは systemctl list-sockets で分かります"
                )
            }
        };
        with_time(sentence, waited)
    }

    /// A single number as it was asked for; of several, the one that is meant; in Japanese up to the particle.
    fn spoken(&self, spec: PortSpec) -> Text {
        let Text { en, ja } = spoken(&self.asked);
        match self.asked.as_slice() {
            [asked] if asked.range.is_one() => Text { en, ja },
            // Who is led to listens on a number of his own.
            all if !all.iter().any(|asked| asked.range.contains(spec.range.first)) => Text { en, ja },
            [_] => text!("{spec}, one of {en},", "{ja}のうち {spec} "),
            _ => Text { en: spec.to_string(), ja: format!("{spec} ") },
        }
    }
}

/// Who holds it, as a sentence goes on about him; in Japanese with the spaces around a name.
fn named(holder: &str) -> Text {
    match holder {
        owner::UNSEEN => text!("somebody who cannot be seen", "所有者不明のプロセス"),
        _ => Text { en: holder.into(), ja: format!(" {holder} ") },
    }
}

/// Adds how long it took, where it took a while.
fn with_time(sentence: Text, waited: Duration) -> Text {
    if waited < Duration::from_millis(100) {
        return sentence;
    }
    let (Text { en, ja }, seconds) = (sentence, format!("{:.1}", waited.as_secs_f32()));
    text!("{en} (waited {seconds} s)", "{ja}({seconds} 秒待機)")
}

/// Of several listeners the one that `sought` holds counts, else one that `sought` may hold.
fn owned<'a>(world: &World<'a>, found: &[&'a Listener], sought: &Sought, lang: Lang) -> Reached {
    let matches: Vec<Match> = found.iter().map(|listener| sought.holds(world, listener)).collect();
    let first = |wanted| found.iter().zip(&matches).find(|(_, is)| **is == wanted).map(|(found, _)| *found);
    let holder = |listener| owner::owner(world, listener, lang);
    match (first(Match::Yes), first(Match::Unknown), first(Match::No)) {
        (Some(theirs), ..) => {
            let process = sought.holder(world, theirs);
            let named = process.map(|process| owner::of_process(process, theirs));
            Reached::Up(theirs.spec(), named.unwrap_or_else(|| holder(theirs)))
        }
        (None, Some(activated), _) if is_seen_in_manager(world, activated) => {
            Reached::Untold(activated.spec())
        }
        (None, Some(hidden), _) => Reached::Unseen(hidden.spec()),
        (None, None, Some(other)) => Reached::Another(other.spec(), holder(other)),
        (None, None, None) => Reached::Nobody,
    }
}

/// Whether every holder was seen and one is the service manager: root would see no more.
fn is_seen_in_manager(world: &World<'_>, listener: &Listener) -> bool {
    listener.holders_complete
        && world.snapshot.holders(listener).any(|(_, process)| is_service_manager(process))
}

/// Whose it must be.
struct Sought {
    /// As it was written.
    word: String,
    /// What it may mean.
    owners: Vec<Owner>,
}

impl Sought {
    /// `uid` finds the number of a user by name.
    fn new(word: &str, uid: impl Fn(&str) -> Option<u32>) -> Self {
        let owner = owner_named(word);
        let more = match &owner {
            Owner::Unit(unit) if *unit == format!("{word}.service") => Some(Owner::Container(word.into())),
            // Of a socket whose holder is not seen the kernel tells a number.
            Owner::User(name) => uid(name).map(|uid| Owner::User(uid.to_string())),
            _ => None,
        };
        Self { word: word.into(), owners: [owner].into_iter().chain(more).collect() }
    }

    /// A bare name may be that of a process.
    fn is_bare(&self) -> bool {
        matches!(self.owners.as_slice(), [_, Owner::Container(_)])
    }

    /// Whether it is a unit or a user, which the socket alone may tell.
    fn is_told_by_socket(&self) -> bool {
        !self.is_bare() && matches!(self.owners.first(), Some(Owner::Unit(_) | Owner::User(_)))
    }

    /// The first process that holds `listener` and is meant: of several in several units the one in the right one.
    ///
    /// Like a bare name, a bare path is what a process calls itself; who wants proof names a unit or a user.
    fn holder<'a>(&self, world: &World<'a>, listener: &'a Listener) -> Option<&'a Process> {
        let is_meant = |process: &Process| {
            process.script.as_deref() == Some(&self.word)
                || (self.is_bare() && process.name == self.word)
                || Identity::of_holder(process, listener).matches_any(&self.owners) == Match::Yes
        };
        world.snapshot.holders(listener).map(|(_, process)| process).find(|process| is_meant(process))
    }

    /// Whether somebody who is meant holds `listener`.
    fn holds<'a>(&self, world: &World<'a>, listener: &'a Listener) -> Match {
        if self.holder(world, listener).is_some() {
            return Match::Yes;
        }
        let matches: Vec<_> =
            world.identities(listener).iter().map(|identity| identity.matches_any(&self.owners)).collect();
        let best = [Match::Yes, Match::Unknown].into_iter().find(|best| matches.contains(best));
        if listener.gap == Some(HolderGap::Kernel) {
            let is_kernel = self.word == owner::KERNEL.en || best == Some(Match::Yes);
            return if is_kernel { Match::Yes } else { Match::No };
        }
        // Processes cannot be told by their names while one is hidden.
        let unseen = self.is_bare() && (listener.holders.is_empty() || !listener.holders_complete);
        best.unwrap_or(if unseen { Match::Unknown } else { Match::No })
    }
}

fn owner_named(wanted: &str) -> Owner {
    let is_unit = [".service", ".scope", ".socket"].iter().any(|suffix| wanted.ends_with(suffix));
    match wanted.split_once('=') {
        Some(("user", name)) => Owner::User(name.into()),
        Some(("unit", name)) => Owner::Unit(name.into()),
        Some(("exe", path)) => Owner::Exe(path.into()),
        Some(("cgroup", path)) => Owner::Cgroup(path.into()),
        Some(("container", name)) => Owner::Container(name.into()),
        Some(("mark", name)) => Owner::Mark(name.into()),
        _ if wanted.starts_with('/') => Owner::Exe(wanted.into()),
        _ if is_unit => Owner::Unit(wanted.into()),
        _ => Owner::Unit(format!("{wanted}.service")),
    }
}

#[cfg(test)]
mod tests {
    use portreeve_core::{facts::Snapshot, registry::Registry, steered::hidden, world::Scope};

    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(options::duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(options::duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(options::duration("1m30s"), Ok(Duration::from_secs(90)));
        for text in ["", "soon", "-3s", "1e9"] {
            assert!(options::duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_user_is_known_by_number_where_the_holder_is_not_seen() {
        let text = include_bytes!("../../tests/data/web.json");
        let snapshot: Snapshot = serde_json::from_slice(text).unwrap();
        let world = World::new(&snapshot, None, Registry::builtin(), snapshot.taken, Scope::Own);
        let hidden = snapshot.listeners.iter().find(|listener| listener.uid == Some(997)).unwrap();
        assert!(hidden.hides_every_holder());
        let holds = |uid| Sought::new("user=exporter", |_| uid).holds(&world, hidden);
        assert_eq!(holds(Some(997)), Match::Yes);
        assert_eq!([holds(Some(0)), holds(None)], [Match::Unknown; 2], "it may have been handed on");
        let is_told = |word| Sought::new(word, |_| Some(0)).is_told_by_socket();
        assert_eq!(["user=root", "a.service", "a", "/a"].map(is_told), [true, true, false, false]);
        assert!(Sought::new("a", |_| None).is_bare() && !Sought::new("user=a", |_| Some(0)).is_bare());
    }

    /// Whoever may not see what is steered is not told that nobody is there.
    #[test]
    fn nobody_is_not_there_for_certain_where_packets_may_be_led() {
        let text = include_bytes!("../../tests/data/web.json");
        let snapshot: Snapshot = serde_json::from_slice(text).unwrap();
        let reached = |steered: Option<&[&str]>, is_policy_unread| {
            let mut snapshot = snapshot.clone();
            let ports = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
            snapshot.gaps.extend(steered.map(|texts| hidden::gap(&ports(texts))));
            let world = World::new(&snapshot, None, Registry::builtin(), snapshot.taken, Scope::Own);
            let asked = asked::any_of(&"9/tcp".to_owned(), Registry::builtin()).unwrap();
            let goal = Goal { asked, is_policy_unread, gone: false, owner: None };
            let reached = goal.reached(&world, Lang::En);
            (reached.is_goal(), goal.sentence(&reached, Duration::ZERO).en)
        };
        let nobody = (false, "nobody listens on 9/tcp".to_owned());
        for (steered, is_policy_unread) in
            [(None, true), (Some(&["10/tcp"][..]), true), (Some(&[]), false), (None, false)]
        {
            assert_eq!(reached(steered, is_policy_unread), nobody, "{steered:?}");
        }
        for (steered, is_policy_unread) in [(Some(&["9/tcp"][..]), false), (Some(&[]), true)] {
            let (is_goal, said) = reached(steered, is_policy_unread);
            assert!(
                !is_goal && said.contains("whether it is led to somebody elsewhere only root sees"),
                "{said}"
            );
        }
    }

    #[test]
    fn a_bare_word_is_a_service() {
        assert_eq!(owner_named("nginx"), Owner::Unit("nginx.service".into()));
        assert_eq!(owner_named("ssh.socket"), Owner::Unit("ssh.socket".into()));
        assert_eq!(owner_named("/usr/bin/x"), Owner::Exe("/usr/bin/x".into()));
        assert_eq!(owner_named("user=dev"), Owner::User("dev".into()));
    }
}
