//! How a stream arrives: what is lost and how unevenly it comes, by the numbers and times that its packets carry (RFC 3550 §6.4.1,
//! A.8).

use crate::numbering::Numbered;

/// One stream, as it arrives here.
#[derive(Clone, Default, Debug)]
pub struct Quality {
    expected: u64,
    received: u64,
    /// Of the last packet: when it came less when it was spoken, in ticks.
    transit: Option<u32>,
    /// Sixteenths of a tick.
    jitter: u64,
}

/// What can be said of a stream since it began.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Arrived {
    /// Packets that were sent, as far as their numbers show.
    pub expected: u64,
    /// Those that came in time to be heard. Never more than `expected`.
    pub received: u64,
    /// The mean deviation of the time between two packets, in microseconds.
    pub jitter_us: u64,
}

impl Arrived {
    /// How many of a thousand were lost. The other side says the numbers, and may say any.
    pub fn lost_permille(self) -> u64 {
        self.expected.saturating_sub(self.received).saturating_mul(1_000) / self.expected.max(1)
    }
}

impl Quality {
    /// A packet came.
    pub fn came(&mut self, numbered: Numbered, timestamp: u32, now_ms: u64, clock_hz: u32) {
        self.expected += u64::from(numbered.grown);
        self.received += 1;
        // Both go round at 32 bits; only differences count.
        let arrival = now_ms.wrapping_mul(u64::from(clock_hz / 1_000)) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        let before = self.transit.replace(transit).filter(|_| !numbered.begins);
        if let Some(before) = before {
            let apart = u64::from(transit.wrapping_sub(before).cast_signed().unsigned_abs());
            // More than ten seconds is a clock that was set anew.
            if apart < u64::from(clock_hz) * 10 {
                self.jitter = self.jitter + apart - (self.jitter + 8) / 16;
            }
        }
    }

    /// What can be said so far. `clock_hz` as before.
    pub fn arrived(&self, clock_hz: u32) -> Arrived {
        let jitter_us = self.jitter / 16 * 1_000_000 / u64::from(clock_hz.max(1));
        Arrived { expected: self.expected, received: self.received.min(self.expected), jitter_us }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbering::Numbering;

    /// Packets of 20 ms, each with the time at which it comes.
    fn arrived(packets: &[(u32, u64)]) -> Arrived {
        let mut numbering = Numbering::from(0);
        let mut quality = Quality::default();
        for (sequence, now_ms) in packets {
            if let Some(numbered) = numbering.number(*sequence, false) {
                quality.came(numbered, sequence.wrapping_mul(960), *now_ms, 48_000);
            }
        }
        quality.arrived(48_000)
    }

    #[test]
    fn an_even_stream_has_neither_loss_nor_jitter() {
        let even: Vec<_> = (0..500).map(|n| (n, u64::from(n) * 20)).collect();

        assert_eq!(arrived(&even), Arrived { expected: 500, received: 500, jitter_us: 0 });
    }

    #[test]
    fn what_is_missing_is_lost_and_what_comes_late_or_twice_is_not() {
        let kept: Vec<_> = (0..500).filter(|n| n % 10 != 3).map(|n| (n, u64::from(n) * 20)).collect();
        let mut disordered = kept.clone();
        disordered.swap(100, 103);
        disordered.push(kept[400]);

        assert_eq!(arrived(&kept).received, 450);
        assert_eq!(arrived(&kept).expected, 500);
        assert_eq!((arrived(&disordered).expected, arrived(&disordered).received), (500, 450));
    }

    #[test]
    fn a_stream_that_comes_by_turns_early_and_late_has_that_jitter() {
        let uneven: Vec<_> = (0..500).map(|n| (n, u64::from(n) * 20 + u64::from(n % 2) * 10)).collect();

        let jitter = arrived(&uneven).jitter_us;

        assert!((9_000..=10_500).contains(&jitter), "{jitter}");
    }
}
