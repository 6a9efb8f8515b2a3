//! Pings: the one evidence that a path still carries, and how long it takes.

use super::output::{Now, Path};
use crate::time::Timestamp;

/// From one ping to the next, in milliseconds.
const PING_EVERY_MS: u64 = 15_000;
/// A path is silent when nothing was heard for this long and a ping stands unanswered, in milliseconds.
pub(super) const SILENT_AFTER_MS: u64 = 30_000;

/// When to ping, and what is awaited. At most one ping is on its way, so no list of them can grow.
#[derive(Debug)]
pub(super) struct Pulse {
    /// Of the last ping.
    number: u64,
    /// When it left, while it is unanswered.
    sent: Option<Now>,
    next_ms: u64,
    heard_ms: u64,
}

impl Pulse {
    /// The first ping is due at once.
    pub(super) fn new(now_ms: u64) -> Pulse {
        Pulse { number: 0, sent: None, next_ms: now_ms, heard_ms: now_ms }
    }

    /// Any frame counts: a pong may stand behind much else on a thin link.
    pub(super) fn heard(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
    }

    /// Ping as soon as none is on its way.
    pub(super) fn hurry(&mut self, now_ms: u64) {
        self.next_ms = now_ms;
    }

    /// The number of the ping that is to leave now, if one is due.
    pub(super) fn due(&mut self, now: Now) -> Option<u64> {
        if self.sent.is_some() || now.ms < self.next_ms {
            return None;
        }
        self.number += 1;
        self.sent = Some(now);
        self.next_ms = now.ms.saturating_add(PING_EVERY_MS);
        Some(self.number)
    }

    /// Takes a pong; `None` if nothing was asked under that number.
    pub(super) fn pong(&mut self, number: u64, clock: Timestamp, now: Now) -> Option<Path> {
        let sent = self.sent.filter(|_| number == self.number)?;
        self.sent = None;
        let rtt_ms = now.ms.saturating_sub(sent.ms);
        let halfway = sent.wall.plus(rtt_ms / 2);
        // Both are below 2^48, so neither the conversion nor the difference can overflow.
        let offset_ms = clock.0.cast_signed() - halfway.0.cast_signed();
        Some(Path { rtt_ms, offset_ms })
    }

    /// Whether the path is silent.
    pub(super) fn silent(&self, now_ms: u64) -> bool {
        self.silent_at().is_some_and(|at| at <= now_ms)
    }

    /// Whether nothing at all has come for as long as the peer's next ping, or its answer to ours, may take.
    pub(super) fn stalls(&self, now_ms: u64) -> bool {
        self.heard_ms.saturating_add(PING_EVERY_MS) < now_ms
    }

    /// When something is due next.
    pub(super) fn next_ms(&self) -> u64 {
        self.silent_at().unwrap_or(self.next_ms)
    }

    fn silent_at(&self) -> Option<u64> {
        let sent = self.sent?;
        Some(sent.ms.max(self.heard_ms).saturating_add(SILENT_AFTER_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now { ms, wall: Timestamp(1_000_000 + ms) }
    }

    #[test]
    fn a_pong_tells_the_round_trip_and_how_far_the_clocks_are_apart() {
        let mut pulse = Pulse::new(0);
        let number = pulse.due(at(0));

        let path = pulse.pong(1, Timestamp(1_000_000 + 300 - 5_000), at(600));

        assert_eq!(number, Some(1));
        assert_eq!(path, Some(Path { rtt_ms: 600, offset_ms: -5_000 }));
        assert_eq!(pulse.pong(1, Timestamp(0), at(700)), None); // answered already
        assert_eq!(pulse.next_ms(), 15_000);
    }

    #[test]
    fn a_path_is_silent_when_nothing_at_all_was_heard_since_the_ping() {
        let mut pulse = Pulse::new(0);
        pulse.due(at(0));

        pulse.heard(20_000);

        assert_eq!(pulse.due(at(40_000)), None); // one ping at a time
        assert!(!pulse.silent(49_999));
        assert!(pulse.silent(50_000));
        assert_eq!(pulse.next_ms(), 50_000);
    }
}
