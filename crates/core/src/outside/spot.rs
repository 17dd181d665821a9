//! What is known of one port while a scan is under way.

use core::{net::IpAddr, time::Duration};

use super::{Glimpse, Saying, Seen};

/// Linux answers a listener's repeated first packet at once, and then twice a second at most (net/ipv4/tcp_input.c,
/// `tcp_oow_rate_limited`; net.ipv4.tcp_invalid_ratelimit): whoever asks a third time sooner takes a lost answer for silence.
const AGAIN_AFTER: Duration = Duration::from_millis(520);

/// A port.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spot {
    pub(super) seen: Option<Seen>,
    pub(super) tries: u8,
    /// Which try was answered.
    pub(super) answered_try: u8,
    pub(super) is_confirmed: bool,
    /// The packets among which it was asked last.
    pub(super) window: u32,
    asked_at: Duration,
    by: Option<IpAddr>,
    trip: Option<Duration>,
    /// Whose filter stopped the last packet to it, where the own one did.
    kept_in: Option<IpAddr>,
}

impl Spot {
    /// It is asked now.
    pub(super) fn ask(&mut self, now: Duration, window: u32) {
        self.tries = self.tries.saturating_add(1);
        self.asked_at = now;
        self.window = window;
        self.kept_in = None;
    }

    /// The filter of this host, at `own`, stopped the packet.
    pub(super) fn keep_in(&mut self, own: IpAddr) {
        self.kept_in = Some(own);
    }

    /// Whether that is all that is known of it.
    pub(super) const fn is_kept_in(self) -> bool {
        self.seen.is_none() && self.kept_in.is_some()
    }

    /// When it may be asked again.
    pub(super) fn again_at(self) -> Duration {
        if self.tries > 1 { self.asked_at + AGAIN_AFTER } else { Duration::ZERO }
    }

    /// An answer: how long it took, where it is clear which packet it answers (RFC 6298 §3); `None` where it says nothing new.
    pub(super) fn hear(&mut self, now: Duration, saying: Saying, sender: IpAddr) -> Option<Option<Duration>> {
        // That somebody listens is proven, whatever else was said before.
        let is_news = self.seen.is_none() || saying == Saying::Open && self.seen != Some(Seen::Open);
        if self.tries == 0 || !is_news {
            return None;
        }
        self.seen = Some(match saying {
            Saying::Open => Seen::Open,
            Saying::Closed => Seen::Closed,
            Saying::Unreachable => Seen::Filtered,
        });
        self.by = (saying == Saying::Unreachable && !sender.is_unspecified()).then_some(sender);
        self.answered_try = self.tries;
        self.trip = (self.tries == 1).then(|| now.saturating_sub(self.asked_at));
        Some(self.trip)
    }

    /// Whether this answers the question if it is still open.
    pub(super) fn confirm(&mut self, saying: Saying) -> bool {
        if self.seen != Some(Seen::Open) || self.is_confirmed {
            return false;
        }
        self.is_confirmed = true;
        if saying == Saying::Closed {
            self.seen = Some(Seen::Closed);
            self.trip = None;
        }
        true
    }

    pub(super) fn glimpse(self, port: u16) -> Glimpse {
        if let (None, Some(own)) = (self.seen, self.kept_in) {
            return Glimpse { port, seen: Seen::Filtered, by: Some(own), trip: None };
        }
        Glimpse { port, seen: self.seen.unwrap_or(Seen::Silent), by: self.by, trip: self.trip }
    }
}
