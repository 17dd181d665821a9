//! The packet filter: lists all of its rules once, by the programs that they take.

use super::Reason;
use crate::{
    observe::firewall::{self, Hidden, kernel::FilterError},
    program::ProgramError,
};

pub(super) fn probe() -> Result<(), Reason> {
    match firewall::rules() {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(Reason::Unsteady),
        Err(hidden) => Err(reason(&hidden)),
    }
}

fn reason(hidden: &Hidden) -> Reason {
    match hidden {
        Hidden::Filter(FilterError::NotPermitted) => Reason::NotPermitted,
        Hidden::Program(ProgramError::Missing(name)) => Reason::NotInstalled((*name).into()),
        Hidden::Program(error) => Reason::Failed(error.to_string()),
        Hidden::Filter(FilterError::Netlink(_)) => Reason::Error(hidden.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_fail_has_its_reason() {
        assert_eq!(reason(&FilterError::NotPermitted.into()), Reason::NotPermitted);
        assert_eq!(reason(&ProgramError::Missing("nft").into()), Reason::NotInstalled("nft".into()));
        let slow = Reason::Failed("nft did not end within 30 s".into());
        assert_eq!(reason(&ProgramError::Slow("nft").into()), slow);
    }
}
