//! How long a peer was connected and showed nothing new of our own log: after an hour of it root may open an epoch without what it
//! holds (`docs/protocol.md` §4.6). Time without a connection does not count: who is not connected cannot show.

/// A peer that was connected for so long and showed nothing withholds, in milliseconds.
pub const WITHHELD_AFTER_MS: u64 = 3_600_000;

/// Of one line, since the start or since the peer last showed something new; by the clock that never jumps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Withheld {
    /// Since when it is connected; `None`: it is not.
    since_ms: Option<u64>,
    /// How long earlier connections lasted.
    before_ms: u64,
}

impl Withheld {
    /// Its hello has come. On a connection that takes the place of another the time goes on.
    pub fn met(&mut self, now_ms: u64) {
        self.since_ms.get_or_insert(now_ms);
    }

    /// It has shown something that we did not have: it does not withhold, and is given its time anew.
    pub fn shows(&mut self, now_ms: u64) {
        self.before_ms = 0;
        self.since_ms = self.since_ms.map(|_| now_ms);
    }

    /// The connection has ended.
    pub fn parted(&mut self, now_ms: u64) {
        self.before_ms = self.for_ms(now_ms);
        self.since_ms = None;
    }

    /// For how long, in milliseconds.
    pub fn for_ms(&self, now_ms: u64) -> u64 {
        let now = self.since_ms.map_or(0, |since_ms| now_ms.saturating_sub(since_ms));
        self.before_ms.saturating_add(now)
    }

    /// Whether that is long enough.
    pub fn is_long(&self, now_ms: u64) -> bool {
        self.for_ms(now_ms) >= WITHHELD_AFTER_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn only_connected_time_counts_and_adds_up_over_connections() {
        let mut withheld = Withheld::default();

        withheld.met(0);
        withheld.parted(MINUTE);
        assert!(!withheld.is_long(24 * 60 * MINUTE), "a day without a connection is no hour with one");
        withheld.met(100 * MINUTE);
        assert_eq!(withheld.for_ms(158 * MINUTE), 59 * MINUTE);

        assert!(!withheld.is_long(158 * MINUTE) && withheld.is_long(159 * MINUTE));
    }

    #[test]
    fn a_connection_that_takes_the_place_of_another_does_not_begin_the_time_anew() {
        let mut withheld = Withheld::default();

        withheld.met(0);
        withheld.met(30 * MINUTE);

        assert_eq!(withheld.for_ms(40 * MINUTE), 40 * MINUTE);
    }

    #[test]
    fn a_peer_that_shows_something_new_is_given_its_time_anew() {
        let mut withheld = Withheld::default();
        withheld.met(0);
        withheld.parted(50 * MINUTE);
        withheld.met(60 * MINUTE);

        withheld.shows(65 * MINUTE);

        assert_eq!(withheld.for_ms(66 * MINUTE), MINUTE);
        withheld.parted(70 * MINUTE);
        withheld.shows(71 * MINUTE);
        assert_eq!(withheld.for_ms(80 * MINUTE), 0);
    }
}
