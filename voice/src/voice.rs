//! One person's voice on its way from their browser: numbered and timed so that a reload of the page, a mute or a hold leaves a
//! pause and nothing else.

use crate::numbering::{Numbered, Numbering};

/// Where the numbers of what is said aside begin. The other side has none of it, and its numbers do not show how much it was.
const ASIDE_FROM: u64 = 1 << 31;
/// What was said before its speaker went to another room and comes so long after it is not told apart any more.
const TURN_MS: u64 = 10_000;
/// Over so long what comes soonest shows how the browser's time stands to ours.
const LEAST_MS: u64 = 5_000;

/// What a seat of ours has sent. It belongs to the seat and not to who sits there, so that no number of a call comes back.
#[derive(Debug)]
pub struct Voice {
    line: Numbering,
    aside: Numbering,
    /// What is added to the browser's timestamps; none before a browser's first packet.
    shift: Option<u32>,
    /// The last timestamp that was sent, and when.
    last: Option<(u32, u64)>,
    /// When its speaker last went to another room.
    turned_at_ms: Option<u64>,
    least: Option<Least>,
}

/// How far the browser's timestamps are behind our time at least, in ticks: since a moment, and in the time before it.
#[derive(Clone, Copy, Debug)]
struct Least {
    since_ms: u64,
    now: u32,
    before: u32,
}

impl Voice {
    /// Its numbers begin where no voice of an earlier call can have been, at one for each millisecond: what is still told of such a
    /// call is none of this one's.
    pub fn new(now_ms: u64) -> Voice {
        let [line, aside] = [0, ASIDE_FROM].map(|from| Numbering::from(now_ms + from));
        Voice { line, aside, shift: None, last: None, turned_at_ms: None, least: None }
    }

    /// Nothing is sent for a while.
    pub fn pause(&mut self) {
        self.line.pause();
        self.aside.pause();
    }

    /// Another browser speaks from now on, or the same page loaded anew, with times of its own.
    pub fn renew(&mut self) {
        self.pause();
        (self.shift, self.least) = (None, None);
    }

    /// Its speaker goes to another room, or is heard again. What was said before it and comes late was not for who hears it now.
    pub fn turn(&mut self, now_ms: u64) {
        self.pause();
        self.turned_at_ms = Some(now_ms);
    }

    /// Whether what comes now was said before its speaker last went to another room: by the browser's times, as exactly as the soonest
    /// packet of the last seconds says what they are. One way's least delay is not known.
    pub fn is_of_before(&mut self, timestamp: u32, now_ms: u64, clock_hz: u32) -> bool {
        let behind = ticks(now_ms, clock_hz).wrapping_sub(timestamp);
        let less = |one: u32, other: u32| if one.wrapping_sub(other).cast_signed() < 0 { one } else { other };
        let least = match self.least {
            None => Least { since_ms: now_ms, now: behind, before: behind },
            Some(of) if now_ms >= of.since_ms + LEAST_MS => Least { since_ms: now_ms, now: behind, before: of.now },
            Some(of) => Least { now: less(behind, of.now), ..of },
        };
        self.least = Some(least);
        let late_ms = u64::from(behind.wrapping_sub(less(least.now, least.before)) / (clock_hz / 1_000));
        self.turned_at_ms.is_some_and(|at| now_ms < at + TURN_MS && now_ms.saturating_sub(late_ms) < at)
    }

    /// The number and the timestamp with which a packet goes out. `None` if it came before or too late.
    pub fn send(&mut self, sound: (u32, u32), to_peer: bool, now_ms: u64, clock_hz: u32) -> Option<(Numbered, u32)> {
        let (sequence, timestamp) = sound;
        let numbering = if to_peer { &mut self.line } else { &mut self.aside };
        let numbered = numbering.number(sequence, false)?;
        let shift = self.shift.unwrap_or_else(|| self.due(now_ms, clock_hz).wrapping_sub(timestamp));
        self.shift = Some(shift);
        let timestamp = timestamp.wrapping_add(shift);
        self.last = Some((timestamp, now_ms));
        Some((numbered, timestamp))
    }

    /// Where the timestamps would be by now; before the first, our own time.
    fn due(&self, now_ms: u64, clock_hz: u32) -> u32 {
        let (timestamp, at_ms) = self.last.unwrap_or((0, 0));
        timestamp.wrapping_add(ticks(now_ms.saturating_sub(at_ms), clock_hz))
    }
}

fn ticks(ms: u64, clock_hz: u32) -> u32 {
    ms.wrapping_mul(u64::from(clock_hz / 1_000)) as u32
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_loaded_anew_goes_on_where_the_old_one_was() {
        let mut voice = Voice::new(0);

        let old = [(60_000, 7_000), (60_001, 7_960)].map(|sound| voice.send(sound, true, 1_000, 48_000).unwrap());
        voice.renew();
        let new =
            [(9, 4_000_000_000), (10, 4_000_000_960)].map(|sound| voice.send(sound, true, 3_000, 48_000).unwrap());

        assert_eq!(old.map(|(n, t)| (n.number, n.begins, t)), [(0, true, 48_000), (1, false, 48_960)]);
        assert_eq!(new.map(|(n, t)| (n.number, n.begins, t)), [(2, true, 144_960), (3, false, 145_920)]);
    }

    #[test]
    fn what_was_said_before_a_turn_is_told_apart_also_when_the_clocks_run_apart_or_the_way_becomes_longer() {
        let mut voice = Voice::new(0);
        let mut says = |said_ms: u64, comes_ms: u64| {
            let timestamp = ticks(said_ms, 48_000).wrapping_add(4_294_000_000);
            voice.is_of_before(timestamp, comes_ms, 48_000)
        };

        assert!((0..500).all(|at| !says(at * 20, at * 20 + 40)), "nobody has gone anywhere");
        voice.turn(10_100);
        let mut says = |said_ms: u64, comes_ms: u64| {
            let timestamp = ticks(said_ms, 48_000).wrapping_add(4_294_000_000);
            voice.is_of_before(timestamp, comes_ms, 48_000)
        };
        assert!((500..503).all(|at| says(at * 20, 10_101)), "said before, and held up");
        assert!(!says(10_080, 10_140) && !says(10_120, 10_161));
        // Half a second later than before for longer than it is remembered: that is the way now.
        assert!((506..1_200).all(|at| !says(at * 20, at * 20 + 540)));
        voice.turn(30_000);
        assert!(!voice.is_of_before(ticks(29_500, 48_000).wrapping_add(4_294_000_000), 30_040, 48_000));
    }
}
