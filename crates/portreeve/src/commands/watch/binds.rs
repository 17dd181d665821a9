//! Who binds what is another's, or tries to: what the guard refuses is told of while somebody watches (A16, A24).

use std::collections::BTreeSet;

use portreeve_core::{policy::Policy, port::Protocol};

use crate::{guards, show::guard::refused::Refusal};

/// Who tried what: whoever does so again within the same unit and as the same user is no news.
type Who = (Protocol, u16, u32, Option<String>);

/// Those whom the guard has written down, as far as they were told of.
pub(super) struct Binds(BTreeSet<Who>);

impl Binds {
    /// After all those who are written down by now.
    pub(super) fn after(policy: Option<&Policy>) -> Self {
        let mut own = Self(BTreeSet::new());
        own.news(policy);
        own
    }

    /// Whoever tried for the first time since the last call.
    pub(super) fn news(&mut self, policy: Option<&Policy>) -> Vec<Refusal> {
        // Where no guard stands nobody is refused; what cannot be read now may be with the next call.
        let Ok(Some(refused)) = guards::refused(policy) else { return Vec::new() };
        let here = refused.into_iter().filter(|refusal| refusal.is_here);
        let (mut news, mut known) = (Vec::new(), BTreeSet::new());
        for refusal in here {
            let who = who(&refusal);
            let is_known = self.0.contains(&who);
            if known.insert(who) && !is_known {
                news.push(refusal);
            }
        }
        // Of whom the kernel has forgotten nothing is kept here either.
        self.0 = known;
        news
    }
}

fn who(Refusal { tried, unit, cgroup, .. }: &Refusal) -> Who {
    (tried.protocol, tried.port, tried.uid, unit.clone().or_else(|| cgroup.clone()))
}
