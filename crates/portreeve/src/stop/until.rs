//! Waits for whoever stops it or for the end of a time, whichever comes first, by one descriptor (epoll(7), timerfd_create(2)).

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, epoll, poll},
    time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime},
};

use super::{Stop, failed};
use crate::failure::Failure;

/// A timer of no time at all is none.
const LEAST: Duration = Duration::from_nanos(1);

/// What ends something: a signal, and a time where there is one.
#[derive(Debug)]
pub(crate) struct Until<'a> {
    stop: &'a Stop,
    time: Option<Time>,
}

#[derive(Debug)]
struct Time {
    timer: OwnedFd,
    both: OwnedFd,
}

impl<'a> Until<'a> {
    /// Either of `stop` and the end of `left`, which no setting of the clock moves.
    ///
    /// # Errors
    ///
    /// The kernel makes no timer.
    pub(crate) fn new(stop: &'a Stop, left: Option<Duration>) -> Result<Self, Failure> {
        let begin = |left| Time::begin(stop.signals(), left).map_err(|error| failed(&error));
        Ok(Self { stop, time: left.map(begin).transpose()? })
    }

    /// What can be read as soon as either came.
    pub(crate) fn either(&self) -> BorrowedFd<'_> {
        self.time.as_ref().map_or_else(|| self.stop.signals(), |time| time.both.as_fd())
    }

    /// Whether the time is over, and nobody stopped it.
    pub(crate) fn is_over(&self) -> bool {
        let is_over = self.time.as_ref().is_some_and(|time| can_be_read(time.timer.as_fd()));
        is_over && !can_be_read(self.stop.signals())
    }
}

impl Time {
    fn begin(signals: BorrowedFd<'_>, left: Duration) -> io::Result<Self> {
        let nothing = Timespec { tv_sec: 0, tv_nsec: 0 };
        let left = Timespec::try_from(left.max(LEAST)).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC)?;
        timerfd_settime(
            &timer,
            TimerfdTimerFlags::empty(),
            &Itimerspec { it_interval: nothing, it_value: left },
        )?;
        let both = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (number, descriptor) in [(0, signals), (1, timer.as_fd())] {
            epoll::add(&both, descriptor, epoll::EventData::new_u64(number), epoll::EventFlags::IN)?;
        }
        Ok(Self { timer, both })
    }
}

fn can_be_read(descriptor: BorrowedFd<'_>) -> bool {
    let nothing = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut one = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
    poll(&mut one, Some(&nothing)).is_ok_and(|count| count > 0)
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::unix::net::UnixStream, thread::sleep};

    use super::*;

    #[test]
    fn a_time_ends_it_and_whoever_stops_it_is_told_apart() {
        let (signals, mut write) = UnixStream::pair().unwrap();
        let stop = Stop { signals };
        let forever = Until::new(&stop, None).unwrap();
        let over = Until::new(&stop, Some(Duration::ZERO)).unwrap();
        let soon = Until::new(&stop, Some(Duration::from_millis(20))).unwrap();
        let late = Until::new(&stop, Some(Duration::MAX)).unwrap();
        sleep(Duration::from_millis(60));
        let all = [&forever, &over, &soon, &late];
        let read = || all.map(|until| (can_be_read(until.either()), until.is_over()));
        assert_eq!(read(), [(false, false), (true, true), (true, true), (false, false)]);
        write.write_all(b"x").unwrap();
        assert_eq!(read(), [(true, false); 4]);
    }
}
