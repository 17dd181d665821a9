//! What programs in the kernel are told, in two generations: one for good, and one on trial until a moment, from which on the first
//! counts again with nobody of ours alive (bpf/trial.h).

use rustix::io::Errno;

use crate::{bpf::object::Map, events::listening::now, sys::bpf::OpenMap};

/// The maps, as the programs call them.
pub(super) const GENERATIONS: &str = "generations";
pub(super) const TRIAL: &str = "trial";
/// Those that count, and those that are on trial.
const FOR_GOOD: u32 = 0;
const ON_TRIAL: u32 = 1;
/// Where nothing is on trial.
const NO_TRIAL: u64 = 0;

/// A map that does not take or tell what it holds.
#[derive(Debug, thiserror::Error)]
#[error("the kernel does not take what `{0}` is to hold")]
pub struct Untold(pub(super) &'static str, #[source] pub(super) Errno);

/// Both of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Generations<'m> {
    pub(super) generations: &'m OpenMap,
    pub(super) trial: &'m OpenMap,
}

impl Generations<'_> {
    /// One write each: whoever is judged meanwhile is so by what was told before or by `told`, never by nothing. What was on trial is
    /// so no longer.
    ///
    /// # Errors
    ///
    /// The kernel does not take it: then what was told before counts.
    pub(super) fn keep(self, told: &OpenMap) -> Result<(), Untold> {
        begin(self.generations, told)?;
        self.until(NO_TRIAL)
    }

    /// The same until a moment, in nanoseconds since the boot.
    ///
    /// # Errors
    ///
    /// As of [`Self::keep`].
    pub(super) fn keep_until(self, told: &OpenMap, until: u64) -> Result<(), Untold> {
        put(self.generations, ON_TRIAL, told)?;
        self.until(until)
    }

    /// Until when something is on trial, in nanoseconds since the boot; `None` where nothing is.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub(super) fn trial(self) -> Result<Option<u64>, Untold> {
        let told = self.trial.look_up(&0_u32.to_ne_bytes()).map_err(|error| Untold(TRIAL, error))?;
        let until = told.and_then(|told| told.first_chunk().map(|until| u64::from_ne_bytes(*until)));
        Ok(until.filter(|until| *until > now()))
    }

    /// What counts for good, as a map like `inner`.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub(super) fn for_good(self, inner: &Map<'_>) -> Result<Option<OpenMap>, Untold> {
        self.generation(FOR_GOOD, inner)
    }

    /// What is on trial, the same way; `None` where nothing is.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub(super) fn on_trial(self, inner: &Map<'_>) -> Result<Option<OpenMap>, Untold> {
        if self.trial()?.is_some() { self.generation(ON_TRIAL, inner) } else { Ok(None) }
    }

    fn generation(self, which: u32, inner: &Map<'_>) -> Result<Option<OpenMap>, Untold> {
        let told = self.generations.look_up_map(&which.to_ne_bytes(), inner);
        told.map_err(|error| Untold(GENERATIONS, error))
    }

    fn until(self, moment: u64) -> Result<(), Untold> {
        let put = self.trial.put(&0_u32.to_ne_bytes(), &moment.to_ne_bytes());
        put.map_err(|error| Untold(TRIAL, error))
    }
}

/// Has `told` count for good, where nothing is on trial yet.
///
/// # Errors
///
/// What the kernel answers.
pub(super) fn begin(generations: &OpenMap, told: &OpenMap) -> Result<(), Untold> {
    put(generations, FOR_GOOD, told)
}

fn put(generations: &OpenMap, which: u32, told: &OpenMap) -> Result<(), Untold> {
    generations.put_map(&which.to_ne_bytes(), told).map_err(|error| Untold(GENERATIONS, error))
}
