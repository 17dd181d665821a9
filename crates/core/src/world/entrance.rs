//! By which interfaces others come in (A15, A17, A20).

use super::{Passage, World};
use crate::{
    facts::Listener,
    firewall::{Interval, Intervals},
    plan::outer,
};

impl World<'_> {
    /// The numbers of the interfaces by which others get to `listener`, at its own number or led there from another one, as far
    /// as address and filter tell; none where it is not known which there are, as without any rule nobody asks.
    #[must_use]
    pub fn entrances(&self, listener: &Listener) -> Intervals {
        let led = self.leading_to(listener).map(Passage::entrances);
        led.fold(self.entrances_beyond(listener, &[]), |all, some| all.or(some))
    }

    /// The names of these interfaces.
    pub fn named<'b>(&'b self, interfaces: &'b Intervals) -> impl Iterator<Item = &'b str> {
        self.filter().into_iter().flat_map(|filter| filter.around.names(interfaces))
    }

    /// The numbers of the interfaces by which others come in than this host's own containers and virtual machines.
    #[must_use]
    pub fn outer(&self) -> &Intervals {
        self.reaching.outer.get_or_init(|| {
            let Some(filter) = self.filter() else { return Intervals::none() };
            let outer = outer(self, filter);
            filter.around.those(|interface| outer.iter().any(|it| it.name == interface.name))
        })
    }

    /// Those of them by which a default route goes; all, where there is none.
    #[must_use]
    pub fn leading_out(&self) -> Intervals {
        let routes = self.filter().into_iter().flat_map(|filter| &filter.around.routes);
        let by_default = routes.filter(|route| route.to.prefix_len() == 0);
        let numbers = by_default.filter_map(|route| Some(route.interface? as u128));
        let leading: Intervals = numbers.map(|number| Interval { first: number, last: number }).collect();
        if leading.is_empty() { self.outer().clone() } else { leading }
    }
}
