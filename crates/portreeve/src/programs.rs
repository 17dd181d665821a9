//! Tells the programs in the kernel what the policy declares, and how long that is in force (A12, A24).

use jiff::{SignedDuration, Timestamp};
use portreeve_core::{
    facts::AtBoot,
    programs::Programs,
    receipt::Deed,
    text,
    words::{Text, Words},
};
use portreeve_host::{
    boot::at_boot,
    enforce::{Door, Passed, headroom::Headroom, receipts},
    events::listening::now as boot_clock,
};

use crate::{directories, door, failure::Failure, guards, steers};

/// A receipt is replaced as it ends, and the next boot has a file of its own.
const COPIES: u64 = 4;
/// What else is written: the end of the receipt of the gate, and its file for the next boot.
const BESIDE_BYTES: u64 = 256 << 10;

/// What it comes with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Comes {
    /// The receipt of the change of the gate that it came with.
    pub(crate) with: Option<u32>,
    /// The receipt whose trial it ends by keeping what was tried.
    pub(crate) confirms: Option<u32>,
    /// The receipt whose change it takes back.
    pub(crate) undoes: Option<u32>,
    /// When the kernel takes it back.
    pub(crate) until: Option<Timestamp>,
}

/// What they are told for good in this network namespace.
///
/// # Errors
///
/// They cannot be asked.
pub(crate) fn standing(what: Words) -> Result<Programs, Failure> {
    let rules = guards::standing().map_err(|error| guards::failure(&error, what))?;
    let routes = steers::standing().map_err(|error| steers::failure(&error, what))?;
    Ok(Programs { rules, routes })
}

/// What was confirmed last, and is not given up; nothing where that cannot be read.
pub(crate) fn confirmed() -> Programs {
    let folder = directories::gate().ok();
    folder.and_then(|folder| receipts::programs(&folder).ok().flatten()).unwrap_or_default()
}

/// Room on the disk to write down that they are told `now` after a change of the gate that `door` makes, so that it is not made alone.
///
/// # Errors
///
/// There is none.
pub(crate) fn headroom(door: &Door, now: &Programs, what: Words) -> Result<Headroom, Failure> {
    let written = serde_json::to_vec(&(now, standing(what)?)).map_or(0, |text| text.len() as u64);
    door.headroom(written * COPIES + BESIDE_BYTES).map_err(|error| door::failure(error, what))
}

/// Tells them `now`, and nothing else.
///
/// # Errors
///
/// The kernel refuses, or nothing can be written.
pub(crate) fn tell(now: &Programs, comes: Comes, what: Words) -> Result<Passed, Failure> {
    tell_through(door::open(what)?, now, comes, what)
}

/// The same through a `door` that is open.
///
/// # Errors
///
/// As of [`tell`].
pub(crate) fn tell_through(door: Door, now: &Programs, comes: Comes, what: Words) -> Result<Passed, Failure> {
    let (was, led) = (standing(what)?, steers::led().map_err(|error| steers::failure(&error, what))?);
    let Comes { with, confirms, undoes, until } = comes;
    let deed = Deed::Programs { now: now.clone(), was, led, until, with, confirms, undoes };
    door.tell(deed).map_err(|error| door::failure(error, what))
}

/// What the clock of the wall said so many nanoseconds after the boot, by what both say now.
pub(crate) fn moments() -> impl Fn(u64) -> Timestamp {
    let (wall, boot) = (Timestamp::now(), boot_clock());
    move |since_boot| {
        let ahead = i64::try_from(i128::from(since_boot) - i128::from(boot)).unwrap_or_default();
        wall.checked_add(SignedDuration::from_nanos(ahead)).unwrap_or(wall)
    }
}

/// How long what they are told for good is in force, and what makes it longer.
pub(crate) fn in_force() -> (Text, Option<&'static str>) {
    match at_boot() {
        AtBoot::Enabled => (text!("in force, also after the next boot", "再起動後も有効"), None),
        _ => (
            text!("in force until the machine is rebooted", "再起動するまで有効"),
            Some("portreeve gate enable"),
        ),
    }
}

/// What of it is told something, with its verb, and what shows it.
pub(crate) fn called(now: &Programs) -> (Text, Vec<&'static str>) {
    const GUARD: &str = "portreeve guard status";
    const STEER: &str = "portreeve steer status";
    match (now.rules.entries.is_empty(), now.routes.0.is_empty()) {
        (true, true) => (text!("the change is", "変更は"), Vec::new()),
        (false, true) => (text!("the guard is", "ガードは"), vec![GUARD]),
        (true, false) => (text!("the steering is", "誘導は"), vec![STEER]),
        (false, false) => (text!("the guard and the steering are", "ガードと誘導は"), vec![GUARD, STEER]),
    }
}
