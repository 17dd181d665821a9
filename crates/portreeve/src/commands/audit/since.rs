//! What an audit is compared with, what of it is news, and whom it is told (A17, A20).

use std::path::{Path, PathBuf};

use portreeve_core::{
    diff::diff,
    policy::Policy,
    text,
    words::{Lang, Text, Words},
    world::World,
};
use portreeve_host::{
    keep::KeepError,
    told::{TellError, tell, trust},
};
use rustix::process::geteuid;

use crate::{
    commands::strange,
    directories,
    exit::Exit,
    failure::{Failure, io_cause, keep_cause},
    judgement::Judgement,
    last_audit::{LastAudit, LastAuditError, RECORD},
    last_look::LastLook,
    look::Look,
    settings::{Colour, Settings, Verbosity},
    show::{diff::Comparison, findings},
};

/// What earlier audits left behind.
#[derive(Debug)]
pub(super) struct Since {
    pub(super) audit: LastAudit,
    /// A saved snapshot is compared by its findings alone: `diff` compares two of them.
    look: Option<LastLook>,
}

impl Since {
    /// Reads what is kept.
    pub(super) fn read(settings: &Settings) -> Result<Self, Failure> {
        let folder = directories::state().ok_or_else(|| {
            Failure::new(
                Exit::Unreachable,
                Words {
                    en: "nowhere to keep what was found: neither HOME nor XDG_STATE_HOME is set",
                    ja: "結果の保存先がありません: HOME も XDG_STATE_HOME も設定されていません",
                },
            )
        })?;
        let audit = LastAudit::read(&folder.join(RECORD)).map_err(|error| not_told(&error))?;
        let is_live = settings.snapshot.is_none();
        let look = is_live.then(|| LastLook::read(&folder, &settings.netns)).transpose();
        let look = look.map_err(|error| not_told(&error))?.flatten();
        Ok(Self { audit, look })
    }

    /// This host as it was, as the registry's table of `look` names it.
    pub(super) fn was<'a>(
        &'a self,
        look: &'a Look,
        settings: &Settings,
    ) -> Result<Option<World<'a>>, Failure> {
        let Some(before) = self.look.as_ref().and_then(|last| last.before.as_ref()) else { return Ok(None) };
        let scope = settings.scope(&look.snapshot)?;
        Ok(Some(World::new(before, None, look.registry(), before.taken, scope)))
    }

    /// Keeps both; the old ones stay where that fails.
    pub(super) fn save(&mut self, look: &Look) -> Result<(), Failure> {
        let kept = self.look.as_ref().map_or(Ok(()), |last| last.save(&look.snapshot));
        kept.and_then(|()| self.audit.save()).map_err(|error| not_kept(&error))
    }
}

/// What changed from one look to the other.
pub(super) fn compare<'w, 'a>(
    was: &'w World<'a>,
    is: &'w World<'a>,
    settings: &Settings,
) -> Result<Comparison<'w, 'a>, Failure> {
    let scope = settings.scope(is.snapshot)?;
    let difference = diff(was.snapshot, is.snapshot, &scope);
    Ok(Comparison { before: was, after: is, difference })
}

/// Whether there is anything to tell that nobody was told yet.
pub(super) fn is_news(judgement: &Judgement<'_>, changes: Option<&Comparison<'_, '_>>) -> bool {
    let Some(known) = &judgement.known else { return true };
    let was_seen = |gap: &portreeve_core::facts::Gap| {
        changes.is_none_or(|changes| {
            let mut before = changes.before.snapshot.gaps.iter();
            before.any(|other| (other.what, &other.detail) == (gap.what, &gap.detail))
        })
    };
    known.is_first
        || judgement.counted().next().is_some()
        || !known.gone.is_empty()
        || changes.is_some_and(|changes| !changes.difference.changes.is_empty())
        || judgement.snapshot.gaps.iter().any(|gap| judgement.gaps.contains(&gap) && !was_seen(gap))
}

/// The report for a person: which ports changed, and then what is wrong.
pub(super) fn report(
    judgement: &Judgement<'_>,
    changes: Option<&Comparison<'_, '_>>,
    lang: Lang,
    colour: Colour,
    width: Option<usize>,
) -> String {
    let changed = changes.filter(|changes| !changes.difference.changes.is_empty());
    let table = changed.map(|changes| changes.table(lang).render(lang, width, colour) + "\n");
    table.unwrap_or_default() + &findings::report(judgement, lang, colour, width)
}

/// Hands the news to the command that the policy names; none is named by most.
///
/// # Errors
///
/// The command was not run or failed, and nothing is kept: the next audit tells the same.
pub(super) fn hand_over(policy: Option<&Policy>, text: &str, settings: &Settings) -> Result<(), Failure> {
    let Some(policy) = policy else { return Ok(()) };
    let Some((program, arguments)) = policy.audit_command.split_first() else { return Ok(()) };
    let program = Path::new(program);
    let file = if geteuid().is_root() { trusted(policy, program) } else { Ok(program.into()) };
    file.and_then(|file| tell(&file, program, arguments, text)).map_err(|error| untold(&error))?;
    if settings.verbosity == Verbosity::Verbose {
        let program = program.display();
        let said = text!("told {program}", "{program} に通知しました");
        eprintln!("{}", crate::show::escape::visible(said.in_lang(settings.lang)));
    }
    Ok(())
}

/// The file of `program`, where root alone says what is run: by the policy, and by what stands there.
fn trusted(policy: &Policy, program: &Path) -> Result<PathBuf, TellError> {
    policy.files.iter().try_for_each(|file| trust(Path::new(&**file)).map(drop))?;
    trust(program)
}

fn untold(error: &TellError) -> Failure {
    let what = Words {
        en: "what is new was not handed over, and will be told again",
        ja: "新しい結果を通知できませんでした。次回あらためて通知します",
    };
    match error {
        TellError::Foreign(stranger) => {
            let path = &stranger.path;
            Failure::new(Exit::Refused, what)
                .because(text!(
                    "others than root could say what root runs: {path}",
                    "root が実行する内容を root 以外が変更できます: {path}"
                ))
                .because(strange(stranger.what))
        }
        TellError::Run { path, source } => {
            let path = path.display();
            Failure::new(Exit::Unreachable, what)
                .because(text!("cannot run {path}", "{path} を実行できません"))
                .because(io_cause(source))
        }
        TellError::Slow(path) => {
            let path = path.display();
            Failure::new(Exit::Unreachable, what).because(text!(
                "{path} did not end within a minute",
                "{path} が 1 分以内に終了しませんでした"
            ))
        }
        TellError::Failed { path, status } => {
            let path = path.display();
            Failure::new(Exit::Unreachable, what)
                .because(text!("{path} failed: {status}", "{path} が失敗しました: {status}"))
        }
    }
}

fn not_told(error: &LastAuditError) -> Failure {
    let failure = Failure::new(
        Exit::Unreachable,
        Words { en: "cannot tell what is new", ja: "前回との違いを判定できません" },
    );
    let (cause, path) = match error {
        LastAuditError::Read { path, source } => {
            let path = path.display();
            let Text { en, ja } = source.text();
            (text!("{path}: {en}", "{path}: {ja}"), path)
        }
        LastAuditError::Garbled { path } => {
            let path = path.display();
            (text!("{path} is not a record of an audit", "{path} は audit の記録ではありません"), path)
        }
        LastAuditError::Newer { path, layout } => {
            let path = path.display();
            let cause = text!(
                "{path} has layout {layout}: a newer portreeve wrote it",
                "{path} の形式は {layout} で、より新しい portreeve で作られています"
            );
            (cause, path)
        }
    };
    failure
        .because(cause)
        .hint(text!("remove it to begin anew: rm {path}", "最初からやり直すには: rm {path}"))
}

fn not_kept(error: &KeepError) -> Failure {
    let path = error.path().display();
    Failure::new(
        Exit::Unreachable,
        text!("cannot remember this audit in {path}", "今回の結果を {path} に保存できません"),
    )
    .because(keep_cause(error))
}
