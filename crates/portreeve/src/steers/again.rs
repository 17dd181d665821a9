//! Leads to whoever was led to before, as a change is taken back (A15, A22).

use portreeve_core::{
    facts::Led,
    plan::{Lead, Steers, joined, kept, leads},
    steer::Routes,
    words::Words,
};
use portreeve_host::enforce::steer::{Found, Slot, Steer};

use super::{
    NOT_LED, WANTED, failure,
    lead::{Untaken, lead_taken, take},
    led,
    seated::Seated,
    tell_failed,
};
use crate::{
    failure::Failure,
    look::Look,
    settings::{PolicyChoice, Settings},
};

/// The sockets that are led to again, taken from their processes.
#[derive(Debug, Default)]
pub(crate) struct Again {
    taken: Vec<(Lead, Found)>,
}

impl Again {
    /// Those of `former` that are open yet and of what `routes` lead, wherever nobody is led to, and then what else is found for those,
    /// where what is steered now is `before`. Nothing changes by it. Who is gone is told of, and stands in the way of nothing.
    ///
    /// # Errors
    ///
    /// One that is there is kept from this process.
    pub(crate) fn take(
        former: &[Led],
        (before, routes): (&Steers, &Routes),
        settings: &Settings,
        what: Words,
    ) -> Result<Self, Failure> {
        let wanted = wanted(former, (before, routes), settings).unwrap_or_else(|failure| {
            tell_failed(&failure, settings);
            Vec::new()
        });
        let mut taken = Vec::new();
        for lead in wanted {
            match take(&lead) {
                Ok(found) => taken.push((lead, found)),
                Err(untaken) if untaken.is_refused() => return Err(untaken.failure(&lead, what)),
                Err(untaken) => tell_failed(&Untaken::failure(&untaken, &lead, NOT_LED), settings),
            }
        }
        Ok(Self { taken })
    }

    /// The same of what goes on by itself soon: who is kept from this process is told of too.
    pub(crate) fn take_or_tell(former: &[Led], change: (&Steers, &Routes), settings: &Settings) -> Self {
        Self::take(former, change, settings, NOT_LED).unwrap_or_else(|failure| {
            tell_failed(&failure, settings);
            Self::default()
        })
    }

    /// Leads to them, before anything is led by `routes`: so each has his before anybody is led to him.
    pub(crate) fn lead(self, routes: &Routes, settings: &Settings) -> Seated {
        self.led(routes).unwrap_or_else(|failure| {
            tell_failed(&failure, settings);
            Seated::none()
        })
    }

    fn led(self, routes: &Routes) -> Result<Seated, Failure> {
        if self.taken.is_empty() {
            return Ok(Seated::none());
        }
        let seated = Seated::of(routes, NOT_LED)?;
        let steer = Steer::stand().map_err(|error| failure(&error, NOT_LED))?;
        lead_taken(&steer, self.taken.iter().map(|(lead, found)| (lead, found)), NOT_LED)?;
        Ok(seated)
    }
}

/// What is to be led to then.
fn wanted(
    former: &[Led],
    (before, routes): (&Steers, &Routes),
    settings: &Settings,
) -> Result<Vec<Lead>, Failure> {
    if routes.0.is_empty() {
        return Ok(Vec::new());
    }
    let fail = |error| failure(&error, NOT_LED);
    let led = led().map_err(fail)?;
    let is_missed = |it: &&Led| routes.use_socket(it) && !led.iter().any(|led| led.is_for_the_same(it));
    let look = Look::take(&Settings { policy: PolicyChoice::Without, ..settings.clone() }, &WANTED)?;
    let world = look.world();
    let had = |it: &Led| kept(world.snapshot, it.tenant(), (it.protocol, it.family), it.cookie);
    // Who went in the meantime is told of with those who are led to nobody.
    let mut wanted = joined(former.iter().filter(is_missed).filter_map(had));
    let slots =
        Steer::pinned().map_err(fail)?.map_or(Ok(Vec::new()), |it| it.steer.stands()).map_err(fail)?;
    let own = slots.into_iter().filter_map(Slot::led).filter(|led| routes.use_socket(led));
    let led: Vec<Led> =
        before.led.iter().cloned().chain(own).chain(wanted.iter().flat_map(Lead::led)).collect();
    wanted.extend(leads(&world, (&before.routes, routes), &led));
    Ok(wanted)
}
