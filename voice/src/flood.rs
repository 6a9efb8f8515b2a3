//! How much one person may send: no browser, and no other side, fills a listener's path.

/// Packets a second in the long run: those of 10 ms, the shortest that browsers send.
const PACKETS_PER_SECOND: u64 = 100;
/// Bytes of payload a second in the long run: four times what G.711 takes.
const BYTES_PER_SECOND: u64 = 32_000;
/// So many seconds of both at once: what has waited while a path stood still, ten seconds of speech.
const BURST_SECONDS: u64 = 5;
/// A flood is named at most so often.
const NAMED_EVERY_MS: u64 = 1_000;

/// What is done with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It goes on.
    Passes,
    /// It is let go, and named: the first for a second.
    Named,
    /// It is let go, and named already.
    LetGo,
}

/// What one person has left, in thousandths of a packet and of a byte.
#[derive(Clone, Debug)]
pub struct Allowance {
    packets: u64,
    bytes: u64,
    at_ms: u64,
    named_at_ms: Option<u64>,
}

impl Allowance {
    /// A full one.
    pub fn new(now_ms: u64) -> Allowance {
        let [packets, bytes] = [PACKETS_PER_SECOND, BYTES_PER_SECOND].map(|each| each * BURST_SECONDS * 1_000);
        Allowance { packets, bytes, at_ms: now_ms, named_at_ms: None }
    }

    /// Takes a packet of so many bytes of payload off it.
    pub fn take(&mut self, bytes: usize, now_ms: u64) -> Verdict {
        // What has come in the burst's time fills it, so that no longer time is multiplied.
        let passed_ms = now_ms.saturating_sub(self.at_ms).min(BURST_SECONDS * 1_000);
        self.at_ms = self.at_ms.max(now_ms);
        let filled = |left: u64, each: u64| (left + passed_ms * each).min(each * BURST_SECONDS * 1_000);
        self.packets = filled(self.packets, PACKETS_PER_SECOND);
        self.bytes = filled(self.bytes, BYTES_PER_SECOND);
        let bytes = bytes as u64 * 1_000;
        if self.packets >= 1_000 && self.bytes >= bytes {
            self.packets -= 1_000;
            self.bytes -= bytes;
            return Verdict::Passes;
        }
        if self.named_at_ms.is_some_and(|at| now_ms.saturating_sub(at) < NAMED_EVERY_MS) {
            return Verdict::LetGo;
        }
        self.named_at_ms = Some(now_ms);
        Verdict::Named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(allowance: &mut Allowance, packets: usize, bytes: usize, now_ms: u64) -> usize {
        (0..packets).filter(|_| allowance.take(bytes, now_ms) == Verdict::Passes).count()
    }

    #[test]
    fn whoever_speaks_is_never_limited_and_a_path_that_stood_still_for_ten_seconds_neither() {
        let mut allowance = Allowance::new(0);

        for packet in 0..3_000 {
            assert_eq!(allowance.take(160, packet * 20), Verdict::Passes);
        }
        assert_eq!(passes(&mut allowance, 500, 160, 70_000), 500);
    }

    #[test]
    fn a_flood_is_cut_to_the_limit_and_named_once_a_second() {
        let mut allowance = Allowance::new(0);
        let mut verdicts = [0; 3];

        for packet in 0..10_000_u64 {
            verdicts[allowance.take(20, packet) as usize] += 1;
        }

        assert_eq!(verdicts[Verdict::Passes as usize], 1_499, "500 at once, and 100 a second for ten seconds");
        assert!((9..=10).contains(&verdicts[Verdict::Named as usize]), "{verdicts:?}");
    }

    #[test]
    fn few_packets_that_are_large_are_a_flood_too() {
        let mut allowance = Allowance::new(0);

        assert_eq!(passes(&mut allowance, 200, 1_100, 0), 145);
        assert_eq!(passes(&mut allowance, 1_000, 1_100, 1_000), 29);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_gives_nothing() {
        let mut allowance = Allowance::new(10_000);

        assert_eq!(passes(&mut allowance, 600, 1, 10_000), 500);
        assert_eq!(passes(&mut allowance, 300, 1, 5_000), 0);
        assert_eq!(passes(&mut allowance, 600, 1, u64::MAX), 500);
    }
}
