//! How much may be under way at once: what CUBIC says (RFC 9438), never less than a connection begins with, and more while the path
//! stands still.
//!
//! CUBIC takes every loss for a full path. A path that loses a tenth of its packets whatever it carries, or brings them out of order,
//! leaves it its least window, two packets a round trip: over 600 ms that is less than one voice. What a voice sends is bounded by
//! other means (§8.8 of `docs/protocol.md`), and what may be sent at once to a path of which nothing is known cannot fill it either.
//!
//! A path on which nothing arrives for some seconds fills any window, and then only the probes of RFC 9002 §6.2 go out, each after
//! twice the wait of the last: whoever speaks would be heard again only seconds after it passes again. So what was sent since the path
//! fell silent holds back nothing, up to a bound: a voice goes on, and its next packet is the probe.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics, CubicConfig};
use quinn_proto::RttEstimator;

/// RFC 9002 §7.2, for packets of 1,200 bytes.
const FLOOR_BYTES: u64 = 12_000;
/// A path is silent when for so long, and for two round trips, nothing of what was sent to it is acknowledged.
const SILENT: Duration = Duration::from_secs(1);
/// What may go out to a silent path: some six seconds of four voices.
const SILENT_BYTES: u64 = 192 * 1024;

/// Makes them.
pub(super) struct Floored;

impl ControllerFactory for Floored {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Cubic::new(now, current_mtu))
    }
}

struct Cubic {
    cubic: Box<dyn Controller>,
    unheard: Option<Unheard>,
    /// How long nothing must be acknowledged for the path to be silent.
    silent: Duration,
}

/// What was sent since something was acknowledged last.
#[derive(Clone, Copy)]
struct Unheard {
    since: Instant,
    bytes: u64,
    is_silent: bool,
}

impl Cubic {
    fn new(now: Instant, mtu: u16) -> Cubic {
        Cubic { cubic: Arc::new(CubicConfig::default()).build(now, mtu), unheard: None, silent: SILENT }
    }

    fn heard(&mut self, round_trip: Duration) {
        self.unheard = None;
        self.silent = SILENT.max(round_trip * 2);
    }
}

impl Controller for Cubic {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        let unheard = self.unheard.get_or_insert(Unheard { since: now, bytes: 0, is_silent: false });
        unheard.bytes = unheard.bytes.saturating_add(bytes);
        unheard.is_silent = now.saturating_duration_since(unheard.since) >= self.silent;
        self.cubic.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        self.heard(rtt.get());
        self.cubic.on_ack(now, sent, bytes, app_limited, rtt);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest_packet_num_acked: Option<u64>) {
        self.cubic.on_end_acks(now, in_flight, app_limited, largest_packet_num_acked);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, is_persistent_congestion: bool, lost_bytes: u64) {
        self.cubic.on_congestion_event(now, sent, is_persistent_congestion, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.cubic.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        let silent = self.unheard.filter(|unheard| unheard.is_silent);
        let let_go = silent.map_or(0, |unheard| unheard.bytes.min(SILENT_BYTES));
        self.cubic.window().max(FLOOR_BYTES) + let_go
    }

    fn metrics(&self) -> ControllerMetrics {
        self.cubic.metrics()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Cubic { cubic: self.cubic.clone_box(), unheard: self.unheard, silent: self.silent })
    }

    fn initial_window(&self) -> u64 {
        self.cubic.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const PACKET: u64 = 1_200;

    /// Sends a packet each `every` for as long as it may, until `until`: when it sent the last, and how many.
    fn send(cubic: &mut Cubic, begun: Instant, every: Duration, until: Duration) -> (Duration, u64) {
        let (mut at, mut last, mut sent) = (Duration::ZERO, Duration::ZERO, 0);
        while at < until {
            if sent * PACKET + PACKET <= cubic.window() {
                cubic.on_sent(begun + at, PACKET, sent);
                (last, sent) = (at, sent + 1);
            }
            at += every;
        }
        (last, sent)
    }

    #[test]
    fn a_path_that_falls_silent_is_sent_to_on_until_a_bound_and_what_is_heard_ends_that() {
        let begun = Clock::system().moment().instant();
        let mut cubic = Cubic::new(begun, 1_200);
        let first = cubic.window();
        // A packet each 200 ms is under way for more than a second before the window is full.
        let (last, sent) = send(&mut cubic, begun, Duration::from_millis(200), Duration::from_secs(10));
        assert_eq!((last, sent), (Duration::from_millis(9_800), 50));
        let mut cubic = Cubic::new(begun, 1_200);
        let (_, sent) = send(&mut cubic, begun, Duration::from_millis(120), Duration::from_secs(60));
        assert!(sent * PACKET > SILENT_BYTES && sent * PACKET <= first + SILENT_BYTES, "{sent}");

        cubic.heard(Duration::from_millis(40));
        assert_eq!(cubic.window(), first);
    }

    #[test]
    fn a_burst_to_a_path_that_was_idle_waits_for_what_it_says() {
        let begun = Clock::system().moment().instant();
        let mut cubic = Cubic::new(begun, 1_200);
        cubic.heard(Duration::from_millis(600));
        let first = cubic.window();
        let later = begun + Duration::from_secs(30);
        let (last, sent) = send(&mut cubic, later, Duration::from_millis(1), Duration::from_secs(10));
        assert!(last < Duration::from_millis(50) && sent * PACKET <= first, "{last:?} {sent}");
    }
}
