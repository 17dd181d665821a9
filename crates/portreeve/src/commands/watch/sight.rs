//! What is heard of, beside what is known of the host at that moment.

pub(crate) mod gate;
mod keeping;
mod many;
mod remembered;

use std::{
    collections::{BTreeMap, HashMap},
    os::fd::{AsFd as _, BorrowedFd},
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use portreeve_core::{
    facts::Namespace,
    logs::{self, Reading},
    policy::{Policy, WatchChoice, WatchMode},
    text,
    watch::{Event, Happening, Known, ServiceNumber, Source, Suspicion, Watch, Written},
    words::Words,
};
use portreeve_host::{
    Wanted,
    chance::chance,
    enforce::receipts::history,
    events::{
        files::Left,
        probing::{Lasting, Place, Probing, ProbingError},
    },
    observe::{Holders, Namespaces, Way},
    root,
    sys::pages::enlarge,
};

use self::{gate::ByGate, keeping::Keeping, many::Many, remembered::Remembered};
use super::{
    binds::Binds,
    deeds::Deeds,
    followed::{Followed, Lost, Spoken, Standing, Told, Unread},
    kept_out::KeptOut,
    pen::{Pen, Turn},
    pulse::{Counting, HeardFrom},
    react::{Reacted, Seen, react},
    told::Told as Keep,
    traces::Traces,
};
use crate::{
    directories,
    door::{self, WITH_SUDO},
    exit::Exit,
    failure::{Failure, io_cause, warn},
    ledger::whole,
    look::{self, Look},
    pinned,
    settings::Settings,
    show::{escape::visible, guard::refused::Refusal, sees::Sees},
};

const FAILED: Words = Words {
    en: "cannot see who is probing this host",
    ja: "ポートを探る通信を監視できません",
};

/// Who listens, and at which addresses.
pub(super) const LOOK: Wanted =
    Wanted { holders: Holders::Skip, namespaces: Namespaces::Own, ..Wanted::LISTENERS };
/// What was seen so lately is still so.
const FRESH: Duration = Duration::from_secs(1);

/// So soon it is known that the policy has changed, where nothing happens.
const LOOK_EACH: Duration = Duration::from_secs(2);

/// What the kernel and logs tell, and what is remembered of it.
pub(super) struct Sight<'a> {
    settings: &'a Settings,
    probing: Result<Probing, Blind>,
    /// What tells where the kernel does not.
    by_gate: Option<ByGate>,
    followed: Followed,
    watch: Watch,
    deeds: Deeds,
    kept_out: KeptOut,
    binds: Binds,
    /// Whoever bound what is another's, and was not told of yet.
    bound: Vec<Refusal>,
    traces: Traces,
    kept: Keeping,
    many: Many,
    pen: Pen,
    counting: Counting,
    /// As it was read last.
    policy: Option<Rc<Policy>>,
    known: Known,
    seen: Instant,
    /// Whether the host, or its policy, could not be looked at since.
    is_stale: bool,
    /// When a service wrote last, as far as it was judged.
    wrote: HashMap<ServiceNumber, Timestamp>,
    has_more: bool,
    /// Who is to be told of by what the watch before left.
    left: Vec<Suspicion>,
}

/// What became known.
pub(super) struct Heard {
    /// Who seems to probe this host, and what became of him.
    pub(super) reacted: Vec<Reacted>,
    /// Whoever bound what is another's, or tried to.
    pub(super) binds: Vec<Refusal>,
    /// Events for which there was no room.
    pub(super) lost: u64,
    /// What nobody will read of logs.
    pub(super) unread: Vec<Lost>,
}

impl<'a> Sight<'a> {
    /// Begins to hear.
    ///
    /// # Errors
    ///
    /// The policy is wrong, or neither the kernel tells of packets nor any log is read.
    pub(super) fn open(settings: &'a Settings, lasting: Lasting) -> Result<Self, Failure> {
        let look = Look::take(settings, &LOOK)?;
        let own = look.snapshot.own_namespace().ok_or_else(|| Failure::new(Exit::Unreachable, FAILED))?;
        let [key_low, key_high, _] =
            chance().map_err(|error| Failure::new(Exit::Unreachable, FAILED).because(io_cause(&error)))?;
        let now = Timestamp::now();
        let followed = Followed::open(look.policy.as_deref(), directories::watch(), now)
            .map_err(|(path, layout)| newer(&path, layout))?;
        let probing = open(place(own), lasting)?;
        let by_gate =
            probing.as_ref().err().filter(|blind| **blind != Blind::NotRoot).map(|_| ByGate::open());
        if let Err(blind) = &probing
            && !by_gate.as_ref().is_some_and(ByGate::hears)
            && !followed.standing().iter().any(|(_, standing)| !matches!(standing, Standing::Unread(_)))
        {
            return Err(blind.failure());
        }
        warn_of_passing(probing.as_ref().ok(), settings);
        let remembered = Remembered::of(probing.as_ref().ok());
        // What was written while nobody read is judged at its own time.
        let mut watch = Watch::new([key_low, key_high], remembered.since(followed.since()));
        watch.far_memory().into_iter().for_each(enlarge);
        let folder = directories::gate()?;
        let history = history(&folder).map_err(|error| door::receipts(&error, FAILED))?;
        watch.recall(&history, now);
        let mut kept_out = KeptOut::default();
        kept_out.news().iter().for_each(|all| watch.compare(all, now));
        let known = Known::of(&look.snapshot, look.policy.as_deref());
        let (mut traces, kept) = (Traces::default(), Keeping::in_folder(directories::watch()));
        let left = remembered.judge(&history, (&mut watch, &known), &mut traces, now);
        let left = left.into_iter().filter(|suspicion| !kept.has(suspicion)).collect();
        kept.spared().for_each(|(source, reaction, at)| watch.reacted(source, reaction, at));
        // Whoever would have been kept out before is to be, where the policy says so by now.
        watch.reconsider(now, mode(look.policy.as_deref()) == WatchMode::Block);
        // After that: what was counted before is counted there.
        let many = Many::after(directories::watch(), &mut watch, now);
        Ok(Self {
            settings,
            probing,
            by_gate,
            followed,
            watch,
            deeds: Deeds::after(folder, &history),
            kept_out,
            binds: Binds::after(look.policy.as_deref()),
            bound: Vec::new(),
            traces,
            kept,
            many,
            pen: Pen::of(directories::watch()),
            counting: Counting::since(now),
            policy: look.policy,
            known,
            seen: Instant::now(),
            is_stale: false,
            wrote: HashMap::new(),
            // That it runs is said at once.
            has_more: true,
            left,
        })
    }

    /// Each is readable when something happened.
    pub(super) fn sources(&self) -> Vec<BorrowedFd<'_>> {
        let packets = self.probing.as_ref().ok().map(|probing| probing.as_fd());
        let by_gate = self.by_gate.iter().flat_map(ByGate::sources);
        packets.into_iter().chain(by_gate).chain(self.followed.sources()).collect()
    }

    /// How long nobody needs to listen, where something waits for its time.
    pub(super) fn due(&self) -> Option<Duration> {
        self.by_gate.as_ref()?.due()
    }

    /// Whether something happened that was not listened to yet.
    pub(super) const fn has_more(&self) -> bool {
        self.has_more
    }

    /// What is seen, and what is not.
    pub(super) fn sees(&self) -> Sees<'_> {
        Sees {
            blind: self.probing.as_ref().err(),
            by_gate: self.by_gate.as_ref(),
            logs: self.followed.standing(),
            trouble: self.followed.trouble(),
            another: self.pen.another(),
            lapses: self.kept.lapse().into_iter().chain(self.many.lapse()).collect(),
            is_stale: self.is_stale,
        }
    }

    /// What happened until now.
    pub(super) fn listen(&mut self) -> Heard {
        let mut events: Vec<Event<'static>> = Vec::new();
        let mut lost = self.probing.as_mut().map_or(0, |probing| probing.read(|event| events.push(event)));
        if let Some(by_gate) = &mut self.by_gate {
            (events, lost) = by_gate.read(&self.known, Timestamp::now());
        }
        let looks = self.seen.elapsed() > if events.is_empty() { LOOK_EACH } else { FRESH };
        if looks {
            self.look();
        }
        let heard_at = Timestamp::now();
        self.counting.pulse.lost += lost;
        for event in &events {
            self.counting.hears(event.at, heard_at);
            self.traces.keep_event(&self.known, event);
        }
        let mut suspicions = std::mem::take(&mut self.left);
        suspicions.extend(events.iter().flat_map(|event| self.watch.step(&self.known, event)));
        if self.heard_from() != HeardFrom::Nobody {
            let probing = self.probing.as_mut().ok();
            suspicions.extend(self.many.look(probing, &mut self.watch, &self.known));
        }
        let unread = self.read(&mut suspicions);
        let mut seen = None;
        let reacted: Vec<_> = suspicions.into_iter().map(|it| self.react(it, &mut seen)).collect();
        // After that: of several watches each tells of him whom one of them blocks.
        if looks {
            self.learn();
        }
        self.counting.pulse.lost_of_logs += unread.len() as u64;
        self.counting.pulse.packets = self.heard_from();
        self.kept.add(&reacted);
        self.keep();
        Heard { reacted, binds: std::mem::take(&mut self.bound), lost, unread }
    }

    fn react(&mut self, suspicion: Suspicion, seen: &mut Option<Seen>) -> Reacted {
        let traces = self.traces.of(&suspicion);
        react(suspicion, traces, (&mut self.watch, seen), (self.settings, self.policy.as_ref()))
    }

    /// Writes down what is known by now, where it is this watch's turn and the last time was long enough ago.
    fn keep(&mut self) {
        match self.pen.turn() {
            Turn::Own => {}
            Turn::Taken => self.kept.take_over(),
            Turn::Another => return,
        }
        let now = Timestamp::now();
        self.followed.keep(now);
        if self.heard_from() != HeardFrom::Nobody {
            self.many.keep(&self.watch);
        }
        let Self { kept, watch, followed, counting, policy, .. } = self;
        kept.keep(watch, || by_now(watch, followed, counting, mode(policy.as_deref()), now));
    }

    /// Writes down how far logs were read, and who was told of.
    pub(super) fn close(&mut self) {
        if self.pen.turn() == Turn::Another {
            return;
        }
        let now = Timestamp::now();
        self.followed.keep_now(now);
        self.counting.pulse.ended = true;
        if self.heard_from() != HeardFrom::Nobody {
            self.many.keep_now(&self.watch);
        }
        let Self { kept, watch, followed, counting, policy, .. } = self;
        kept.keep_now(watch, by_now(watch, followed, counting, mode(policy.as_deref()), now));
    }

    /// Who tells of packets.
    fn heard_from(&self) -> HeardFrom {
        match (&self.probing, &self.by_gate) {
            (Ok(_), _) => HeardFrom::Kernel,
            (_, Some(by_gate)) if by_gate.hears() => HeardFrom::Gate,
            _ => HeardFrom::Nobody,
        }
    }

    /// What logs tell; what nobody will read of them is the answer.
    fn read(&mut self, suspicions: &mut Vec<Suspicion>) -> Vec<Lost> {
        let Self { followed, watch, known, wrote, traces, counting, .. } = self;
        let mut unread = Vec::new();
        let left = followed.read(|told| match told {
            Told::Spoken(spoken) => {
                suspicions.extend(judge(&spoken, watch, known, (wrote, traces, counting)));
            }
            Told::Lost(lost) if unread.last() == Some(&lost) => {}
            Told::Lost(lost) => unread.push(lost),
        });
        self.has_more = left == Left::More;
        unread
    }

    /// Looks at the host and its policy again; where that cannot be, what was known of both holds.
    fn look(&mut self) {
        self.seen = Instant::now();
        self.by_gate.iter_mut().for_each(ByGate::look);
        let look = Look::take(self.settings, &LOOK);
        self.is_stale = look.is_err();
        if let Ok(look) = look {
            self.knows(look);
        }
    }

    /// Learns who is kept out by now and who is not any more; what they do from then on is news to whatever else remembers them.
    fn learn(&mut self) {
        let now = Timestamp::now();
        self.deeds.news().iter().for_each(|deed| self.watch.learn(deed, now));
        self.kept_out.news().iter().for_each(|all| self.watch.compare(all, now));
        for source in self.watch.forgotten(Timestamp::now()) {
            self.probing.iter().for_each(|probing| probing.forget(source.address()));
            self.by_gate.iter_mut().for_each(|by_gate| by_gate.forget(source.address()));
        }
    }

    /// The host and its policy are so by now.
    fn knows(&mut self, look: Look) {
        let (policy, now) = (look.policy, Timestamp::now());
        self.known = Known::of(&look.snapshot, policy.as_deref());
        self.bound = self.binds.news(policy.as_deref());
        self.followed.change(policy.as_deref(), now);
        self.watch.reconsider(now, policy != self.policy);
        self.watch.excuse_no_more(&look.snapshot.consents, now);
        self.watch.expect(&look.snapshot.consents, now);
        self.policy = policy;
    }
}

fn mode(policy: Option<&Policy>) -> WatchMode {
    policy.map_or_else(|| WatchChoice::default().mode, |policy| policy.watch.mode)
}

/// How the watch is, beside whom it told of.
fn by_now(
    watch: &Watch,
    followed: &Followed,
    counting: &mut Counting,
    mode: WatchMode,
    now: Timestamp,
) -> Keep {
    let (sources, sources_max) = watch.usage();
    let mode = match mode {
        WatchMode::Observe => "observe",
        WatchMode::Block => "block",
    };
    let own = &mut counting.pulse;
    (own.sources, own.sources_max, own.mode) = (sources as u64, sources_max as u64, mode.into());
    let (unread, not_understood) = (services_unread(followed), not_understood(followed));
    Keep { at: now, all: Vec::new(), unread, not_understood, pulse: counting.tell(now) }
}

/// The services of which no log is read.
fn services_unread(followed: &Followed) -> Vec<String> {
    let all = followed.standing();
    let is_unread = |standing: &Standing| matches!(standing, Standing::Unread(_));
    let is_read = |name: &str| all.iter().any(|(of, standing)| *of == name && !is_unread(standing));
    all.iter().filter(|(name, _)| !is_read(name)).map(|(name, _)| (*name).to_owned()).collect()
}

/// The files of which no line is understood, by their services.
fn not_understood(followed: &Followed) -> BTreeMap<String, String> {
    let all = followed.standing().into_iter();
    let files = all.filter_map(|(service, standing)| match standing {
        Standing::Unread(Unread::NotUnderstood(path)) => {
            Some((service.to_owned(), path.display().to_string()))
        }
        _ => None,
    });
    files.collect()
}

/// What a line of a log makes known.
fn judge(
    spoken: &Spoken<'_>,
    watch: &mut Watch,
    known: &Known,
    (wrote, traces, counting): (&mut HashMap<ServiceNumber, Timestamp>, &mut Traces, &mut Counting),
) -> Vec<Suspicion> {
    let read = if spoken.is_cut { logs::read_beginning } else { logs::read };
    let reading = read(spoken.header.program, spoken.header.message);
    counting.pulse.ambiguous += u64::from(reading == Reading::Ambiguous);
    let Reading::Attempt(attempt) = reading else { return Vec::new() };
    counting.pulse.attempts += 1;
    let service = watch.service(spoken.service);
    let now = Timestamp::now();
    let last = wrote.entry(service).or_insert(Timestamp::MIN);
    // Whatever a clock does, a line comes after the one before it.
    *last = spoken.at.unwrap_or(now).min(now).max(*last);
    traces.keep(Source::of(attempt.source), *last, spoken.service, spoken.header.message);
    let what = Happening::Written(Written::of(service, &spoken.header, attempt));
    watch.step(known, &Event { at: *last, what })
}

/// Why the kernel does not tell of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Blind {
    /// Somebody closed it for this run.
    Closed,
    /// Only root may ask.
    NotRoot,
    /// The kernel refused, and said so.
    Refused(String),
}

impl Blind {
    fn of(error: &ProbingError) -> Self {
        if root::is_of_host() { Self::Refused(visible(&whole(error)).into_owned()) } else { Self::NotRoot }
    }

    /// The end of a command that has nothing else to see by.
    fn failure(&self) -> Failure {
        match self {
            Self::Closed => {
                let because = look::closed_on_purpose();
                Failure::new(Exit::Unreachable, FAILED).because(because).because(NO_GATE).hint(look::UNSET)
            }
            Self::NotRoot => Failure::usage(FAILED).because(NOT_ROOT).hint(WITH_SUDO),
            Self::Refused(said) => {
                let because = text!("the kernel refused: {said}", "カーネルが拒否しました: {said}");
                Failure::new(Exit::Unreachable, FAILED).because(because).because(NO_GATE).hint(pinned::DOCTOR)
            }
        }
    }
}

const NO_GATE: Words = Words {
    en: "no gate tells of packets either (portreeve apply makes one that does), and no log is read",
    ja: "ゲートからの通知も得られず(ゲートは portreeve apply で作成)、読めるログもありません",
};
const NOT_ROOT: Words = Words {
    en: "only root may load the programs by which the kernel tells of packets",
    ja: "カーネルからパケットの情報を得るためのプログラムをロードできるのは root だけです",
};

fn open(place: Place, lasting: Lasting) -> Result<Result<Probing, Blind>, Failure> {
    if !look::ways()?.allow(Way::Bpf) {
        return Ok(Err(Blind::Closed));
    }
    Ok(Probing::open(place, lasting).map_err(|error| Blind::of(&error)))
}

/// What was written by a newer portreeve is not overwritten.
fn newer(path: &Path, layout: u32) -> Failure {
    let path = visible(&path.display().to_string()).into_owned();
    Failure::new(Exit::Unreachable, FAILED)
        .because(text!(
            "{path} has layout {layout}, which is newer than this program",
            "{path} のレイアウト {layout} は、このプログラムより新しいものです"
        ))
        .hint(text!(
            "use the newer portreeve, or have reading begin anew: rm {path}",
            "新しい portreeve を使うか、読み取り位置を破棄してください: rm {path}"
        ))
}

/// What the kernel remembers is lost with this watch though it should not be.
fn warn_of_passing(probing: Option<&Probing>, settings: &Settings) {
    let Some(why) = probing.and_then(Probing::passing) else { return };
    let why = visible(&whole(why)).into_owned();
    let warning = text!(
        "warning: the next watch begins anew: {why}",
        "警告: カーネル内の記録を次回の監視に引き継げません: {why}"
    );
    warn(warning.in_lang(settings.lang));
}

fn place(own: &Namespace) -> Place {
    let netns = u32::try_from(own.id).unwrap_or_default();
    Place { netns, client_range: own.client_range }
}
