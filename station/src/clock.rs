//! The only clock. Everything else takes the time as an argument or asks a [`Clock`]; `clippy.toml` bans the rest.
//!
//! Two kinds of time are kept apart: the *time of day*, which people read, which entries claim and which a story may tell;
//! and *moments*, which only measure waits and are always the machine's own.

#![allow(clippy::disallowed_methods, reason = "this is the file that reads the machine's clocks")]

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time of day, in milliseconds since 1970-01-01 UTC without leap seconds, and moments for waits. Clones share the time.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    System,
    Told(Arc<AtomicU64>),
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Clock {
        Clock { source: Source::System }
    }

    /// A clock that stands at `start_ms` until a story moves it.
    pub fn told(start_ms: u64) -> Clock {
        Clock { source: Source::Told(Arc::new(AtomicU64::new(start_ms))) }
    }

    /// The time of day in milliseconds since 1970 UTC. It may step back when the machine's clock is set; a machine that
    /// believes to be before 1970 reads 0.
    pub fn now(&self) -> u64 {
        match &self.source {
            Source::Told(ms) => ms.load(Ordering::SeqCst),
            Source::System => {
                let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
                u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
            }
        }
    }

    /// The time of day by the machine's own clock, whatever a story tells, in milliseconds since 1970 UTC: sessions and links of a spectator
    /// end by it.
    pub fn machine_now(&self) -> u64 {
        Clock::system().now()
    }

    /// Whether a story tells the time: it stands between two steps.
    pub fn is_told(&self) -> bool {
        matches!(self.source, Source::Told(_))
    }

    /// Moves a told clock and all its clones to `ms`; a told clock never goes back, so an earlier `ms` changes nothing.
    ///
    /// # Errors
    /// [`NotTold`] if this is the machine's own clock.
    pub fn advance_to(&self, ms: u64) -> Result<(), NotTold> {
        match &self.source {
            Source::System => Err(NotTold),
            Source::Told(now) => {
                now.fetch_max(ms, Ordering::SeqCst);
                Ok(())
            }
        }
    }

    /// This moment, in real time whatever a story tells.
    pub fn moment(&self) -> Moment {
        Moment(Instant::now())
    }
}

/// A point in real time that never goes back; it has no date and means nothing in another process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moment(Instant);

impl Moment {
    /// Milliseconds from `earlier` to this; 0 if `earlier` is later.
    pub fn ms_since(self, earlier: Moment) -> u64 {
        u64::try_from(self.0.saturating_duration_since(earlier.0).as_millis()).unwrap_or(u64::MAX)
    }

    /// Microseconds from `earlier` to this; 0 if `earlier` is later.
    pub fn us_since(self, earlier: Moment) -> u64 {
        u64::try_from(self.0.saturating_duration_since(earlier.0).as_micros()).unwrap_or(u64::MAX)
    }

    /// The moment `ms` milliseconds later, or this one if the machine cannot count so far.
    pub fn plus_ms(self, ms: u64) -> Moment {
        Moment(self.0.checked_add(Duration::from_millis(ms)).unwrap_or(self.0))
    }

    /// For libraries that wait until an [`Instant`].
    pub fn instant(self) -> Instant {
        self.0
    }
}

/// A story tried to move the machine's own clock. The fault of the program: a story must be given a told clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotTold;

impl fmt::Display for NotTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a told clock")
    }
}

impl std::error::Error for NotTold {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_told_clock_stands_until_it_is_moved_and_moves_for_all_clones() {
        let clock = Clock::told(1_360_627_200_000);
        let other = clock.clone();

        assert_eq!(other.now(), 1_360_627_200_000);
        assert_eq!(clock.advance_to(1_360_630_800_000), Ok(()));

        assert_eq!(other.now(), 1_360_630_800_000);
    }

    #[test]
    fn a_told_clock_never_goes_back() {
        let clock = Clock::told(2_000);

        assert_eq!(clock.advance_to(1_000), Ok(()));

        assert_eq!(clock.now(), 2_000);
    }

    #[test]
    fn the_machines_own_clock_cannot_be_moved() {
        assert_eq!(Clock::system().advance_to(1), Err(NotTold));
    }

    #[test]
    fn moments_pass_while_a_told_clock_stands() {
        let clock = Clock::told(5);
        let start = clock.moment();

        while clock.moment().us_since(start) == 0 {}

        assert_eq!(clock.now(), 5);
        assert_eq!(start.plus_ms(7).ms_since(start), 7);
        assert_eq!(start.ms_since(start.plus_ms(7)), 0);
    }
}
