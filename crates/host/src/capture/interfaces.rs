//! The interfaces of a capture, and what each packet says of the one that saw it.

use super::{blocks::Block, clock::Clock, link::Link};

/// A section that names more of them was made to; packets of the others are of nobody's.
const INTERFACES_MAX: usize = 4_096;
const MICROSECONDS: u128 = 1_000_000;
const NANOSECONDS: u128 = 1_000_000_000;

/// How an interface wrote packets down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    /// What they begin with, or the number of what nobody here can read.
    pub(super) link: Result<Link, u16>,
    pub(super) clock: Clock,
}

/// A packet as it was written down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'f> {
    /// Where it was seen; `None` where the capture does not say.
    pub(super) interface: Option<Interface>,
    /// When, in units of that interface's clock.
    pub(super) units: Option<u64>,
    pub(super) bytes: &'f [u8],
}

/// Those of the section that is read.
#[derive(Debug, Default)]
pub(super) struct Interfaces(Vec<Interface>);

impl Interfaces {
    /// The packet of a block; of any other it takes what it says of interfaces.
    pub(super) fn frame<'f>(&mut self, block: &Block<'f>) -> Option<Frame<'f>> {
        match *block {
            Block::Section => self.0.clear(),
            Block::Header { link, is_by_nanoseconds } => {
                let each_second = if is_by_nanoseconds { NANOSECONDS } else { MICROSECONDS };
                self.0 = vec![Interface::of(link, Clock::counting(each_second))];
            }
            Block::Interface { link, resolution, offset } if self.0.len() < INTERFACES_MAX => {
                self.0.push(Interface::of(link, Clock::of(resolution, offset)));
            }
            Block::Record { seconds, beyond, bytes } => {
                let interface = self.0.first().copied();
                let units = interface.and_then(|interface| interface.clock.units(seconds, beyond));
                return Some(Frame { interface, units, bytes });
            }
            Block::Packet { interface, units, bytes } => {
                let interface = usize::try_from(interface).ok().and_then(|at| self.0.get(at)).copied();
                return Some(Frame { interface, units, bytes });
            }
            Block::Interface { .. } | Block::Other => {}
        }
        None
    }
}

impl Interface {
    fn of(link: u16, clock: Clock) -> Self {
        Self { link: Link::of(link).ok_or(link), clock }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Block<'_> = Block::Interface { link: 1, resolution: 6, offset: 0 };

    #[test]
    fn no_section_has_more_interfaces_than_it_may() {
        let mut interfaces = Interfaces::default();
        (0..2 * INTERFACES_MAX).for_each(|_| assert!(interfaces.frame(&IDLE).is_none()));
        assert_eq!(interfaces.0.len(), INTERFACES_MAX);
        assert!(interfaces.frame(&Block::Section).is_none() && interfaces.0.is_empty());
    }

    #[test]
    fn a_packet_of_an_interface_that_is_not_there_is_of_nobodys() {
        let mut interfaces = Interfaces::default();
        let packet = Block::Packet { interface: 1, units: Some(0), bytes: &[] };
        interfaces.frame(&IDLE);
        assert!(interfaces.frame(&packet).is_some_and(|frame| frame.interface.is_none()));
        interfaces.frame(&Block::Interface { link: 147, resolution: 6, offset: 0 });
        let link = interfaces.frame(&packet).and_then(|frame| frame.interface).map(|it| it.link);
        assert_eq!(link, Some(Err(147)));
    }
}
