//! To whose sockets packets were led, as the receipts tell, and what takes a change of that back (A15, A22).

use jiff::Timestamp;

use super::{Back, Deed, Edge, History, Receipt};
use crate::steer::Tenancy;

impl History {
    /// What takes the change of `receipt` back, before which the sockets `was` got what came in for `service`: no socket outlives
    /// a boot, and what was on trial alone is over with it.
    pub(super) fn back_of_lead<'a>(
        &'a self,
        receipt: &'a Receipt,
        service: (&'a str, Tenancy),
        was: &'a [u64],
        now: Timestamp,
    ) -> Result<Back<'a>, Edge<'a>> {
        let takes_back =
            |deed: &Deed| matches!(deed, Deed::Lead { undoes: Some(of), .. } if *of == receipt.number);
        if self.done_to(receipt, takes_back) {
            return Err(Edge::Back(receipt));
        }
        if self.is_before_boot(receipt) || !self.is_steered(service, now) {
            return Err(Edge::Gone(receipt));
        }
        Ok(Back::Lead(receipt, service, was))
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;
    use crate::{
        gate::Temporary,
        port::{PortRange, Protocol},
        programs::Programs,
        receipt::tests::{at, receipt},
        steer::{Route, Routes, WhenDead},
    };

    fn moved(number: u32, now: u64, was: u64, undoes: Option<u32>) -> Receipt {
        let tenancy = Tenancy(7);
        let deed = Deed::Lead { service: "web".into(), tenancy, now: vec![now], was: vec![was], undoes };
        Receipt { boot_id: Some("this".into()), ..receipt(number, deed, None) }
    }

    fn back(history: &History, number: Option<u32>) -> Result<Back<'_>, Edge<'_>> {
        history.back(number, None, &Temporary::default(), at(99))
    }

    #[test]
    fn it_is_taken_back_once_and_not_after_a_boot() {
        let alone = [moved(1, 8, 7, None)];
        let in_boot = |id: &str| alone.clone().into_iter().collect::<History>().at_boot(Some(id.into()));
        let (this, next) = (in_boot("this"), in_boot("next"));
        assert!(matches!(back(&this, None), Ok(Back::Lead(it, ("web", Tenancy(7)), [7])) if it.number == 1));
        assert!(matches!(back(&next, None), Err(Edge::Gone(it)) if it.number == 1));
        let undone: History = [moved(1, 8, 7, None), moved(2, 7, 8, Some(1))].into_iter().collect();
        assert!(matches!(back(&undone, Some(1)), Err(Edge::Back(_))));
        assert!(matches!(back(&undone, None), Err(Edge::Again { undo, .. }) if undo.number == 2));
        assert!(
            matches!(back(&undone, Some(2)), Ok(Back::Lead(_, ("web", Tenancy(7)), [8]))),
            "and there again"
        );
    }

    /// Its trial is over, and the one before it can be taken back.
    #[test]
    fn what_was_moved_on_trial_alone_is_over_with_it() {
        let route = Route {
            service: "web".into(),
            tenancy: Tenancy(7),
            owners: Vec::new(),
            protocol: Protocol::Tcp,
            address: None,
            ports: PortRange { first: 443, last: 443 },
            when_dead: WhenDead::Refuse,
            local: false,
            target_port: None,
        };
        let tried = |until| {
            let now = Programs { routes: Routes(vec![route.clone()]), ..Programs::default() };
            let (was, led) = (Programs::default(), Vec::new());
            let deed = Deed::Programs { now, was, led, until, with: None, confirms: None, undoes: None };
            [receipt(1, deed, None), moved(2, 8, 7, None)].into_iter().collect::<History>()
        };
        assert!(matches!(back(&tried(None), Some(2)), Ok(Back::Lead(..))));
        assert!(matches!(back(&tried(Some(at(100))), Some(2)), Ok(Back::Lead(..))), "as long as it lasts");
        assert!(matches!(back(&tried(Some(at(98))), None), Err(Edge::Gone(it)) if it.number == 2));
    }
}
