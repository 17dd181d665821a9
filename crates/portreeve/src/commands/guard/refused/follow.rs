//! `portreeve guard refused --follow`: each further time, as it happens (A17, A24).
//!
//! The kernel counts, and whoever follows compares: so several may, users without root too, and none takes from another what
//! happened.

use std::{collections::BTreeMap, mem, thread, time::Duration};

use portreeve_core::{policy::Policy, port::PortSpec, words::Words};

use super::{policy, refusals, told};
use crate::{
    exit::Exit,
    failure::Failure,
    reader,
    settings::{Format, Settings},
    show::{
        guard::refused::{self as show, Refusal},
        out::Out,
    },
};

/// So soon somebody hears of it.
const PAUSE: Duration = Duration::from_millis(200);

/// Who tried what: his namespace, the number, whether he was refused, his user, his cgroup and his program.
type Who = (u64, PortSpec, bool, u32, u64, String);

/// Tells those whom the kernel remembers, then each further time, until nobody reads it.
///
/// # Errors
///
/// The kernel does not tell, or the form is none of lines.
pub(super) fn run(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if settings.format == Format::Json {
        return Err(no_lines());
    }
    let mut known: BTreeMap<Who, Duration> = BTreeMap::new();
    let mut is_first = true;
    refusals(None)?;
    loop {
        let is_new =
            |known: &BTreeMap<Who, Duration>, it: &Refusal| known.get(&who(it)) != Some(&it.tried.last);
        let mut news = now(None)?;
        if news.iter().any(|it| is_new(&known, it)) {
            // The policy may have become another one meanwhile.
            news = now(policy(mem::take(&mut is_first), settings)?.as_ref())?;
        }
        news.retain(|it| is_new(&known, it));
        // The newest one stands where somebody looks who follows.
        for refusal in news.iter().rev() {
            known.insert(who(refusal), refusal.tried.last);
            tell(refusal, settings, out)?;
        }
        out.finish()?;
        if reader::has_gone() {
            return Ok(Exit::Fine);
        }
        thread::sleep(PAUSE);
    }
}

/// Those of now: nobody where no guard stands for a while.
fn now(policy: Option<&Policy>) -> Result<Vec<Refusal>, Failure> {
    Ok(told(policy)?.unwrap_or_default())
}

fn tell(refusal: &Refusal, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    match settings.format {
        Format::Ndjson => out.ndjson(&show::refusal_view(refusal)),
        _ if !refusal.is_here => Ok(()),
        _ => out.line(show::moment(refusal).in_lang(settings.lang)),
    }
}

fn who(refusal: &Refusal) -> Who {
    let tried = &refusal.tried;
    (tried.netns, refusal.spec(), tried.is_refused, tried.uid, tried.cgroup, tried.name.clone())
}

fn no_lines() -> Failure {
    Failure::usage(Words {
        en: "--follow has no end, and a JSON document has: ndjson is a document a line",
        ja: "--follow は終わりがないため、1 つの JSON 文書にはできません。1 行ごとの JSON は ndjson です",
    })
    .hint(Words {
        en: "portreeve guard refused --follow -o ndjson",
        ja: "portreeve guard refused --follow -o ndjson",
    })
}
