//! What a line's link lets its station write by itself (`docs/protocol.md` §7.3): no lapse before the records have been even, or
//! grace has passed, since the last connection began.
//!
//! The time without even records adds up over connections. Otherwise a peer that connects anew before grace has passed, and
//! never lets the records be even, would keep every lapse from being written and could accept when the time is long over.

/// Of one line, by the clock that never jumps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Steady {
    /// Since when a connection is up; `None`: none is.
    up_since_ms: Option<u64>,
    /// The records have been even once since it began.
    even: bool,
    /// How long earlier connections were up without the records having been even since.
    waited_ms: u64,
}

impl Steady {
    /// A connection begins, whether or not it takes the place of another.
    pub fn begins(&mut self, even: bool, now_ms: u64) {
        self.ends(now_ms);
        self.up_since_ms = Some(now_ms);
        self.up(even, now_ms);
    }

    /// It is up, and the records are even or not. Once is enough: every trailing `received` makes them uneven for a moment.
    pub fn up(&mut self, even: bool, now_ms: u64) {
        self.up_since_ms.get_or_insert(now_ms);
        self.even |= even;
        if self.even {
            self.waited_ms = 0;
        }
    }

    /// None is up any more.
    pub fn ends(&mut self, now_ms: u64) {
        if let Some(since_ms) = self.up_since_ms.take().filter(|_| !self.even) {
            self.waited_ms = self.waited_ms.saturating_add(now_ms.saturating_sub(since_ms));
        }
        self.even = false;
    }

    /// Whether one is up.
    pub fn is_up(&self) -> bool {
        self.up_since_ms.is_some()
    }

    /// Whether the records have been even since it began.
    pub fn is_even(&self) -> bool {
        self.even
    }

    /// How long there has been nothing to wait for: since the start while no connection is up, else what was waited for.
    pub fn steady_ms(&self, now_ms: u64) -> u64 {
        match self.up_since_ms {
            None => now_ms,
            Some(since_ms) => self.waited_ms.saturating_add(now_ms.saturating_sub(since_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_takes_the_place_of_another_is_waited_for_like_the_first() {
        let mut steady = Steady::default();
        steady.begins(true, 1_000);

        steady.begins(false, 50_000);

        assert_eq!((steady.is_up(), steady.is_even(), steady.steady_ms(50_010)), (true, false, 10));
        steady.up(true, 50_020);
        steady.up(false, 50_030);
        assert!(steady.is_even());
    }

    #[test]
    fn what_was_waited_adds_up_until_the_records_are_even() {
        let mut steady = Steady::default();

        for n in 0..10 {
            steady.begins(false, n * 10_000);
            steady.ends(n * 10_000 + 7_000);
        }
        steady.begins(false, 100_000);
        assert_eq!(steady.steady_ms(100_000), 70_000);

        steady.up(true, 101_000);
        steady.begins(false, 102_000);
        assert_eq!(steady.steady_ms(102_000), 0);
    }

    #[test]
    fn without_a_connection_the_time_counts_from_the_start() {
        let mut steady = Steady::default();
        assert_eq!(steady.steady_ms(5_000), 5_000);

        steady.begins(true, 6_000);
        steady.ends(9_000);

        assert_eq!((steady.is_up(), steady.is_even(), steady.steady_ms(10_000)), (false, false, 10_000));
    }
}
