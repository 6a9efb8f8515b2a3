//! How fast frames may come: a bucket of tokens that slows reading and never drops anything.
//!
//! Each side has two: one from its own settings, for what it reads, and one from the peer's hello, so that what it pushes
//! does not pile up before its pings.

/// Frames per second, and how many may come at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Sustained; at least 1.
    pub per_second: u32,
    /// At once, after a pause; at least 1.
    pub burst: u32,
}

impl Default for Rate {
    fn default() -> Rate {
        Rate { per_second: 50, burst: 500 }
    }
}

/// A frame costs this much, so that a rate per second is a gain per millisecond.
const FRAME: i64 = 1_000;

/// A bucket that may go into debt. Times are monotonic milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    gain_per_ms: i64,
    full: i64,
    level: i64,
    at_ms: u64,
}

impl Bucket {
    pub(super) fn new(rate: Rate, now_ms: u64) -> Bucket {
        let full = i64::from(rate.burst.max(1)) * FRAME;
        Bucket { gain_per_ms: i64::from(rate.per_second.max(1)), full, level: full, at_ms: now_ms }
    }

    /// Pays for one frame; when it is in debt after that, the time at which it no longer is.
    pub(super) fn charge(&mut self, now_ms: u64) -> Option<u64> {
        self.level = self.level_at(now_ms).saturating_sub(FRAME);
        self.at_ms = self.at_ms.max(now_ms);
        (self.level < 0).then(|| self.reaches(0))
    }

    /// Whole frames that it could pay for now.
    pub(super) fn frames(&self, now_ms: u64) -> u64 {
        u64::try_from(self.level_at(now_ms) / FRAME).unwrap_or(0)
    }

    /// When it can pay for a frame.
    pub(super) fn ready_ms(&self) -> u64 {
        self.reaches(FRAME)
    }

    fn level_at(&self, now_ms: u64) -> i64 {
        let passed = i64::try_from(now_ms.saturating_sub(self.at_ms)).unwrap_or(i64::MAX);
        self.level.saturating_add(passed.saturating_mul(self.gain_per_ms)).min(self.full)
    }

    fn reaches(&self, level: i64) -> u64 {
        let missing = u64::try_from(level.saturating_sub(self.level)).unwrap_or(0);
        self.at_ms.saturating_add(missing.div_ceil(self.gain_per_ms.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    #[test]
    fn a_burst_is_free_and_what_exceeds_it_is_told_when_to_go_on() {
        let mut bucket = Bucket::new(RATE, 1_000);

        assert_eq!([(); 3].map(|()| bucket.charge(1_000)), [None; 3]);
        assert_eq!(bucket.charge(1_000), Some(1_100));
        assert_eq!(bucket.charge(1_000), Some(1_200));
        assert_eq!((bucket.frames(1_200), bucket.frames(1_300)), (0, 1));
        assert_eq!(bucket.ready_ms(), 1_300);
        assert_eq!(bucket.charge(1_300), None);
    }

    #[test]
    fn a_pause_fills_it_and_no_more_than_that_and_no_time_breaks_it() {
        let mut bucket = Bucket::new(RATE, 0);

        for _ in 0..3 {
            bucket.charge(0);
        }
        assert_eq!(bucket.frames(u64::MAX), 3);
        assert_eq!(bucket.charge(u64::MAX), None);
        assert_eq!(bucket.frames(0), 2); // a time that went back gives nothing and takes nothing
        bucket.charge(u64::MAX);
        bucket.charge(u64::MAX);
        assert_eq!(bucket.charge(u64::MAX), Some(u64::MAX));
    }
}
