//! Claimed times and windows (`docs/protocol.md` §2.5). No zones: those are for people and live in the station.

/// Milliseconds since 1970-01-01 UTC, without leap seconds; at most [`Timestamp::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// 9999-12-31T23:59:59.999Z: the last that calendars and databases agree on.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999);

    /// `None` beyond [`Timestamp::MAX`].
    pub fn new(ms: u64) -> Option<Timestamp> {
        (ms <= Timestamp::MAX.0).then_some(Timestamp(ms))
    }

    /// This time plus `ms`, at most [`Timestamp::MAX`].
    pub fn plus(self, ms: u64) -> Timestamp {
        Timestamp(self.0.saturating_add(ms).min(Timestamp::MAX.0))
    }

    /// Milliseconds from `earlier` to this; 0 if `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// An interval from `start` up to, not including, `end`; never empty.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Window {
    start: Timestamp,
    end: Timestamp,
}

impl Window {
    /// `None` if `end` does not follow `start`.
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Window> {
        (start < end).then_some(Window { start, end })
    }

    /// Its first millisecond.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The first millisecond after it.
    pub fn end(&self) -> Timestamp {
        self.end
    }
}
