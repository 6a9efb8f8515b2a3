//! One person's voice on its way from their browser: numbered and timed so that a reload of the page, a mute or a hold leaves a
//! pause and nothing else.

use crate::numbering::{Numbered, Numbering};

/// What a seat of ours has sent. It belongs to the seat and not to who sits there, so that no number of a call comes back.
#[derive(Debug)]
pub struct Voice {
    numbering: Numbering,
    /// What is added to the browser's timestamps; none before a browser's first packet.
    shift: Option<u32>,
    /// The last timestamp that was sent, and when.
    last: Option<(u32, u64)>,
}

impl Default for Voice {
    fn default() -> Voice {
        Voice { numbering: Numbering::from(0), shift: None, last: None }
    }
}

impl Voice {
    /// Nothing is sent for a while: a mute, a hold, another room.
    pub fn pause(&mut self) {
        self.numbering.pause();
    }

    /// Another browser speaks from now on, or the same page loaded anew, with times of its own.
    pub fn renew(&mut self) {
        self.numbering.pause();
        self.shift = None;
    }

    /// The number and the timestamp with which a packet goes out. `None` if it came before or too late.
    pub fn send(&mut self, sequence: u32, timestamp: u32, now_ms: u64, clock_hz: u32) -> Option<(Numbered, u32)> {
        let numbered = self.numbering.number(sequence, false)?;
        let shift = self.shift.unwrap_or_else(|| self.due(now_ms, clock_hz).wrapping_sub(timestamp));
        self.shift = Some(shift);
        let timestamp = timestamp.wrapping_add(shift);
        self.last = Some((timestamp, now_ms));
        Some((numbered, timestamp))
    }

    /// Where the timestamps would be by now.
    fn due(&self, now_ms: u64, clock_hz: u32) -> u32 {
        self.last.map_or(0, |(timestamp, at_ms)| {
            let passed = now_ms.saturating_sub(at_ms).wrapping_mul(u64::from(clock_hz / 1_000));
            timestamp.wrapping_add(passed as u32)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_loaded_anew_goes_on_where_the_old_one_was() {
        let mut voice = Voice::default();

        let old = [(60_000, 7_000), (60_001, 7_960)].map(|(n, t)| voice.send(n, t, 1_000, 48_000).unwrap());
        voice.renew();
        let new = [(9, 4_000_000_000), (10, 4_000_000_960)].map(|(n, t)| voice.send(n, t, 3_000, 48_000).unwrap());

        assert_eq!(old.map(|(n, t)| (n.number, n.begins, t)), [(0, true, 0), (1, false, 960)]);
        assert_eq!(new.map(|(n, t)| (n.number, n.begins, t)), [(2, true, 96_960), (3, false, 97_920)]);
    }
}
