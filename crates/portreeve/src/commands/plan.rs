//! `portreeve plan`: what would make the host agree with the policy, and what each zone gains and loses by it (A15, A16).

use clap::{Arg, ArgMatches};
use portreeve_core::{
    facts::{Foothold, Listing, Snapshot},
    gate::{Keep, Standing},
    plan::{Asked, Guards, KeptBack, Plan, Refused, Steers, plan, protect, refuse_diverted},
    policy::{Mistake, Policy},
    text,
    words::{Lang, Text, Words},
    world::World,
};
use portreeve_host::{
    Wanted,
    enforce::reserved::known,
    observe::{Connections, Firewall, Namespaces, sessions},
};
use rustix::process::geteuid;

use super::{Command, check::aliases};
use crate::{
    door,
    exit::Exit,
    failure::{Failure, warn},
    guards,
    look::Look,
    settings::{Common, Format, Input, PolicyChoice, Settings, Verbosity, options},
    show::{escape::visible, next, out::Out, plan as show},
    steers,
};

/// `--cut-my-own-session`.
pub(super) const CUT: &str = "cut-my-own-session";
/// `--evict`.
const EVICT: &str = "evict";
/// `--no-session`.
pub(super) const NO_SESSION: &str = "no-session";

/// `plan`.
pub(super) const COMMAND: Command = Command {
    name: "plan",
    about: Words {
        en: "What would make the host agree with the policy?",
        ja: "policy に合わせるための変更計画",
    },
    examples: &["portreeve plan", "portreeve plan -o nft", "portreeve plan -o json > plan.json"],
    takes: &[Common::Output(&[Format::Table, Format::Json, Format::Nft]), Common::Snapshot, Common::Policy],
    arguments,
    run,
};

/// The sockets with whoever holds them, the whole packet filter, and who is here.
pub(super) const WANTED: Wanted = Wanted {
    firewall: Firewall::Whole,
    connections: Connections::List,
    namespaces: Namespaces::Own,
    ..Wanted::LISTENERS
};

const FAILED: Words = Words { en: "nothing is planned", ja: "計画を作れません" };

fn arguments(lang: Lang) -> Vec<Arg> {
    let mut arguments = sessions_arguments(lang);
    arguments.push(evict_argument(lang));
    arguments
}

/// `--evict`.
pub(super) fn evict_argument(lang: Lang) -> Arg {
    let evict = Words {
        en: "Have strangers give up ports that the guard is to keep: what listens there of theirs does so no more",
        ja: "ガードの対象のポートで所有者以外が行っている待ち受けを終わらせる",
    };
    options::flag(EVICT, evict, lang)
}

/// What every change takes that could cut somebody off.
pub(super) fn sessions_arguments(lang: Lang) -> Vec<Arg> {
    let none = Words {
        en: "You are here by no connection: a serial console, configuration management",
        ja: "接続を使っていない(シリアルコンソール、構成管理ツールなど)",
    };
    vec![cut_argument(lang), options::flag(NO_SESSION, none, lang)]
}

/// What takes back what was done: whoever was here by no connection is so then too.
pub(super) fn undo(own: &ArgMatches) -> String {
    format!("portreeve undo{}", by_none(own))
}

/// The same of the change of one receipt.
pub(super) fn undo_of(number: u32, own: &ArgMatches) -> String {
    format!("portreeve undo {number}{}", by_none(own))
}

/// ` --no-session` again, where somebody is here by no connection.
pub(super) fn by_none(own: &ArgMatches) -> &'static str {
    if own.get_flag(NO_SESSION) { " --no-session" } else { "" }
}

/// ` --evict` again, where that was asked for.
pub(super) fn by_evicting(own: &ArgMatches) -> &'static str {
    if own.get_flag(EVICT) { " --evict" } else { "" }
}

/// `--cut-my-own-session`.
pub(super) fn cut_argument(lang: Lang) -> Arg {
    let cut = Words {
        en: "Even if you could not come back by the connection that you are here by",
        ja: "操作中の接続から再接続できなくなっても続行する",
    };
    options::flag(CUT, cut, lang)
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let planned = Planned::make(own, settings, FAILED)?;
    match settings.format {
        Format::Json => out.json(&show::view(&planned.plan, &planned.look.snapshot, settings.lang))?,
        Format::Nft => out.write(&planned.text()?)?,
        _ if settings.verbosity == Verbosity::Quiet => {}
        _ => {
            show::print(&planned.plan, settings.verbosity, out)?;
            planned.tell_dead(settings);
        }
    }
    let protected = planned.protect(own);
    match &protected {
        // To plan is no danger: whoever applies is asked.
        Ok(()) | Err(Refused::NoFoothold) => {}
        Err(refused) => return Err(failure(refused, NOT_SAFE)),
    }
    if planned.plan.changes.is_empty() {
        return Ok(Exit::Fine);
    }
    let is_told = settings.format == Format::Table && settings.verbosity != Verbosity::Quiet;
    if is_told && settings.snapshot.is_none() && protected.is_err() {
        out.say(ASKED)?;
    }
    if settings.format == Format::Table && settings.snapshot.is_none() {
        let stands = standing(&planned.look.snapshot)?;
        let is_anew = stands.is_some_and(|stands| stands.foundation.is_made_anew());
        let mut apply = String::from("portreeve apply");
        apply += if is_anew { " --no-trial" } else { "" };
        apply += by_evicting(own);
        apply += by_none(own);
        next::print(&further(&apply, &settings.policy), out)?;
    }
    Ok(Exit::Found)
}

/// What may follow, `apply` first, of the same policy; nothing where that cannot be named again.
pub(super) fn further(apply: &str, policy: &PolicyChoice) -> Vec<String> {
    let with = match policy {
        PolicyChoice::Usual | PolicyChoice::Without => String::new(),
        PolicyChoice::Named(Input::Stdin) => return Vec::new(),
        PolicyChoice::Named(Input::File(path)) => match path.to_str().filter(|path| is_plain(path)) {
            Some(path) => format!(" --policy {path}"),
            None => return Vec::new(),
        },
    };
    vec![format!("{apply}{with}"), format!("portreeve plan -o nft{with}")]
}

/// Whether a path is surely nothing but a path to a shell and to us.
fn is_plain(path: &str) -> bool {
    !path.starts_with('-') && path.chars().all(|letter| letter.is_alphanumeric() || "/._+-".contains(letter))
}

const ASKED: Words = Words {
    en: "No connection was found by which you are here: apply is refused without --no-session.",
    ja: "操作中の接続が見つからないため、apply には --no-session が必要です。",
};
const NOT_SAFE: Words = Words { en: "the plan is refused", ja: "この計画は実行できません" };

/// Tells of owners by whose name nobody runs: whoever does is taken for a stranger.
fn tell_aliases(world: &World<'_>, settings: &Settings) {
    let is_told = settings.snapshot.is_none() && settings.verbosity != Verbosity::Quiet;
    let all = world.policy.filter(|_| is_told).map(aliases).unwrap_or_default();
    for Mistake { text: Text { en, ja }, fix: Text { en: en_fix, ja: ja_fix }, .. } in all {
        let said = text!("warning: {en}; {en_fix}", "警告: {ja}。{ja_fix}");
        warn(&visible(said.in_lang(settings.lang)));
    }
}

/// A plan with the look that it was made from.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) look: Look,
    footholds: Vec<Foothold>,
}

impl Planned {
    /// Looks at the host and plans; `what` says what is attempted.
    ///
    /// # Errors
    ///
    /// What stands against changing anything.
    pub(super) fn make(own: &ArgMatches, settings: &Settings, what: Words) -> Result<Self, Failure> {
        let evicts = own.get_flag(EVICT);
        let make = |world: &World<'_>, asked: &Asked| {
            tell_aliases(world, settings);
            plan(world, &Asked { evicts, ..asked.clone() })
        };
        Self::by(settings, what, &WANTED, make)
    }

    /// Looks at what is `wanted` of the host and plans as `make` does.
    ///
    /// # Errors
    ///
    /// What stands against changing anything.
    pub(super) fn by(
        settings: &Settings,
        what: Words,
        wanted: &Wanted,
        make: impl FnOnce(&World<'_>, &Asked) -> Result<Plan, Refused>,
    ) -> Result<Self, Failure> {
        let look = Look::take(settings, wanted)?;
        let is_here = settings.snapshot.is_none();
        let footholds = if is_here { sessions::footholds(&look.snapshot) } else { Vec::new() };
        let kept = if is_here { known() } else { KeptBack::default() };
        let guards = if is_here { guards(&look, what)? } else { None };
        let steers = if is_here { steers(&look, what)? } else { None };
        let asked = Asked { footholds: footholds.clone(), kept, guards, steers, evicts: false };
        let plan = make(&look.world(), &asked).map_err(|refused| match refused {
            // It takes the command that was typed, and not portreeve alone.
            Refused::Unseen(_) if is_here && !geteuid().is_root() => {
                Failure::usage(what).because(refused.why()).hint(door::WITH_SUDO)
            }
            Refused::Unseen(_) | Refused::Unreadable(_) if is_here => {
                Failure::new(Exit::Unreachable, what).because(refused.why()).hint(refused.fix())
            }
            Refused::OnTrial { .. } | Refused::SpoiltTrial { .. } if is_here => {
                door::whose_trial().into_iter().fold(failure(&refused, what), Failure::because)
            }
            refused => failure(&refused, what),
        })?;
        Ok(Self { plan, look, footholds })
    }

    /// Tells why nothing can be led to services that are to be steered.
    pub(super) fn tell_dead(&self, settings: &Settings) {
        steers::warn_of(&self.plan.dead, settings);
    }

    /// Whether those who are here could come back, as far as whoever asks wants to know.
    ///
    /// # Errors
    ///
    /// The first one who could not.
    pub(super) fn protect(&self, own: &ArgMatches) -> Result<(), Refused> {
        if own.get_flag(CUT) {
            return Ok(());
        }
        self.refuse_diverted(own)?;
        match protect(&self.look.world(), &self.plan.changes, &self.footholds) {
            Err(Refused::NoFoothold) if own.get_flag(NO_SESSION) => Ok(()),
            answer => answer,
        }
    }

    /// Whether those who are here would still come to what they are here by, as far as whoever asks wants to know.
    ///
    /// # Errors
    ///
    /// The first one who would not.
    pub(super) fn refuse_diverted(&self, own: &ArgMatches) -> Result<(), Refused> {
        if own.get_flag(CUT) { Ok(()) } else { refuse_diverted(&self.plan.changes, &self.footholds) }
    }

    /// The text for nft that makes the changes at once.
    fn text(&self) -> Result<String, Failure> {
        let standing = standing(&self.look.snapshot)?;
        let now = self.look.snapshot.taken;
        let texts = self.plan.changes.iter().map(|change| {
            let transaction = change.what.transaction(standing.as_ref(), Keep::AtOnce, now);
            transaction.map(|transaction| transaction.as_str().to_owned())
        });
        texts.collect::<Result<_, _>>().map_err(|error| door::unwritten(error, FAILED))
    }
}

/// What the guard keeps here, where it can be asked; whoever does not speak of it need not know that it cannot.
fn guards(look: &Look, what: Words) -> Result<Option<Guards>, Failure> {
    let policy = look.policy.as_deref();
    match guards::known(policy) {
        Ok(known) => Ok(Some(known)),
        Err(_) if !policy.is_some_and(Policy::speaks_of_guard) => Ok(None),
        Err(_) if !geteuid().is_root() => Ok(None),
        Err(error) => Err(guards::failure(&error, what)),
    }
}

/// What is steered here, likewise.
fn steers(look: &Look, what: Words) -> Result<Option<Steers>, Failure> {
    let policy = look.policy.as_deref();
    match steers::known(policy) {
        Ok(known) => Ok(Some(known)),
        Err(_) if !policy.is_some_and(Policy::speaks_of_steering) => Ok(None),
        Err(_) if !geteuid().is_root() => Ok(None),
        Err(error) => Err(steers::failure(&error, what)),
    }
}

/// The gate as the look saw it.
pub(super) fn standing(snapshot: &Snapshot) -> Result<Option<Standing>, Failure> {
    let listing = snapshot.firewall.as_ref().and_then(|listings| listings.text(Listing::Nft));
    listing.map_or(Ok(None), Standing::read).map_err(|error| failure(&Refused::Table(error), FAILED))
}

/// Why nothing is changed: a missing policy is a mistake of the command line, all else is refused for safety.
pub(crate) fn failure(refused: &Refused, what: Words) -> Failure {
    let exit =
        if matches!(refused, Refused::NoPolicy | Refused::Gate(_)) { Exit::Usage } else { Exit::Refused };
    Failure::new(exit, what).because(refused.why()).hint(refused.fix())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever types what is offered applies what he has seen planned.
    #[test]
    fn what_is_offered_is_of_the_same_policy() {
        let named = |path: &str| further("portreeve apply", &PolicyChoice::Named(Input::File(path.into())));
        assert_eq!(
            further("portreeve apply", &PolicyChoice::Usual),
            ["portreeve apply", "portreeve plan -o nft"]
        );
        assert_eq!(
            named("./new/ポリシー.toml"),
            [
                "portreeve apply --policy ./new/ポリシー.toml",
                "portreeve plan -o nft --policy ./new/ポリシー.toml"
            ]
        );
        for path in ["a b.toml", "$(reboot).toml", "-x", "a\nb"] {
            assert!(named(path).is_empty(), "{path}");
        }
        assert!(further("portreeve apply", &PolicyChoice::Named(Input::Stdin)).is_empty());
    }
}
