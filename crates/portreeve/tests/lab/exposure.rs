//! What `exposure` says of a firewall, beside what becomes of real packets (A17, A20).

mod oracle;
mod pitfalls;
mod place;
mod random;
mod rulesets;
mod score;
mod twin;

pub(super) use self::random::dice::Dice;
