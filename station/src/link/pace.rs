//! What one peer may make this station do: connections, and what it may have stored. Slower is the only answer: nothing is
//! dropped, and no status rests on it (`docs/protocol.md` §8.5).
//!
//! A session has its own rate, and a peer that connects anew begins with a fresh one. So what counts here is kept by line
//! and by link key, for as long as the station runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use counterpart_core::ids::LineId;

const DAY_MS: i128 = 86_400_000;
/// Days of which a peer may use the allowance at once: one that was away for a fortnight is read without delay.
const SAVED_DAYS: u64 = 14;
/// Connections of one line that a peer may begin at once, and then one every two seconds.
const CONNECTIONS_SAVED: u64 = 10;
const CONNECTIONS_PER_DAY: u64 = 43_200;
/// Connections of one link key beside two for each of its lines: callers that have not yet said for which line they come.
const CALLERS_BESIDE: usize = 4;

/// What one peer may have stored here in a day, on one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Daily {
    /// Entries.
    pub entries: u64,
    /// Bytes of entries and bodies.
    pub bytes: u64,
}

impl Default for Daily {
    fn default() -> Daily {
        Daily { entries: 50_000, bytes: 256 << 20 }
    }
}

/// A store of units that fills steadily. It may go into debt; then one waits.
#[derive(Debug)]
struct Allowance {
    per_day: u64,
    /// Units, times the milliseconds of a day.
    level: i128,
    full: i128,
    at_ms: u64,
}

impl Allowance {
    fn new(per_day: u64, saved: u64, now_ms: u64) -> Allowance {
        let full = i128::from(saved.max(1)) * DAY_MS;
        Allowance { per_day: per_day.max(1), level: full, full, at_ms: now_ms }
    }

    /// Takes so many; when it is in debt after that, the time at which it no longer is.
    fn take(&mut self, units: u64, now_ms: u64) -> Option<u64> {
        let passed = i128::from(now_ms.saturating_sub(self.at_ms));
        self.at_ms = self.at_ms.max(now_ms);
        self.level = (self.level + passed * i128::from(self.per_day)).min(self.full) - i128::from(units) * DAY_MS;
        let debt = u128::try_from(-self.level).ok().filter(|debt| *debt > 0)?;
        let wait = debt.div_ceil(u128::from(self.per_day));
        Some(self.at_ms.saturating_add(u64::try_from(wait).unwrap_or(u64::MAX)))
    }

    /// Takes one only if there is one.
    fn take_one(&mut self, now_ms: u64) -> bool {
        let _ = self.take(0, now_ms);
        let there = self.level >= DAY_MS;
        if there {
            let _ = self.take(1, now_ms);
        }
        there
    }
}

/// What is left to one line.
#[derive(Debug)]
struct Left {
    entries: Allowance,
    bytes: Allowance,
    connections: Allowance,
}

#[derive(Debug, Default)]
struct Table {
    lines: BTreeMap<LineId, Left>,
    callers: BTreeMap<[u8; 32], usize>,
}

/// What is left to every line and link key; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    daily: Daily,
    table: Arc<Mutex<Table>>,
}

impl Pace {
    /// With these allowances.
    pub fn new(daily: Daily) -> Pace {
        Pace { daily, table: Arc::default() }
    }

    /// The peer has sent an entry of so many bytes, its body among them; until when nothing more of it is to be read, in
    /// monotonic milliseconds, if its allowance is used up.
    pub fn entry(&self, line: LineId, bytes: usize, now_ms: u64) -> Option<u64> {
        let mut table = self.table();
        let left = self.left(&mut table, line, now_ms);
        let entries = left.entries.take(1, now_ms);
        entries.max(left.bytes.take(bytes as u64, now_ms))
    }

    /// Until when nothing of that peer is to be read on a new connection, if its allowance is used up.
    pub fn owed(&self, line: LineId, now_ms: u64) -> Option<u64> {
        let mut table = self.table();
        let left = self.left(&mut table, line, now_ms);
        left.entries.take(0, now_ms).max(left.bytes.take(0, now_ms))
    }

    /// Whether the peer may begin a connection of this line now.
    pub(super) fn may_connect(&self, line: LineId, now_ms: u64) -> bool {
        self.left(&mut self.table(), line, now_ms).connections.take_one(now_ms)
    }

    /// A place for a caller with this link key, which serves so many lines; `None` if it holds too many already.
    pub(super) fn caller(&self, key: [u8; 32], lines: usize) -> Option<CallerPlace> {
        let mut table = self.table();
        let held = table.callers.entry(key).or_insert(0);
        let room = *held < lines.saturating_mul(2).saturating_add(CALLERS_BESIDE);
        room.then(|| {
            *held += 1;
            CallerPlace { pace: self.clone(), key }
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Numbers are whole at every point where a thread could have died.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left<'a>(&self, table: &'a mut Table, line: LineId, now_ms: u64) -> &'a mut Left {
        let saved = |per_day: u64| Allowance::new(per_day, per_day.saturating_mul(SAVED_DAYS), now_ms);
        table.lines.entry(line).or_insert_with(|| Left {
            entries: saved(self.daily.entries),
            bytes: saved(self.daily.bytes),
            connections: Allowance::new(CONNECTIONS_PER_DAY, CONNECTIONS_SAVED, now_ms),
        })
    }
}

/// A caller's place, free again when dropped.
pub(super) struct CallerPlace {
    pace: Pace,
    key: [u8; 32],
}

impl Drop for CallerPlace {
    fn drop(&mut self) {
        let mut table = self.pace.table();
        match table.callers.get_mut(&self.key) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(table.callers.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: LineId = LineId([1; 16]);
    const OTHER: LineId = LineId([2; 16]);
    const DAY: u64 = DAY_MS as u64;

    #[test]
    fn a_fortnights_allowance_may_come_at_once_and_then_a_days_each_day() {
        let pace = Pace::new(Daily { entries: 10, bytes: 1_000_000 });

        let at_once = (0..140).filter_map(|_| pace.entry(LINE, 1, 0)).count();
        let after = pace.entry(LINE, 1, 0);
        let on_a_new_connection = pace.owed(LINE, DAY / 20);
        let later = (0..10).filter_map(|_| pace.entry(LINE, 1, DAY)).next_back();

        assert_eq!((at_once, after), (0, Some(DAY / 10)));
        assert_eq!(on_a_new_connection, Some(DAY / 10));
        assert_eq!(later, Some(DAY + DAY / 10));
        assert_eq!(pace.entry(OTHER, 1, 0), None);
    }

    #[test]
    fn few_large_entries_use_the_allowance_up_as_many_small_ones_do() {
        let pace = Pace::new(Daily { entries: 1_000, bytes: 100 });

        assert_eq!(pace.entry(LINE, 1_400, 0), None);
        assert_eq!(pace.entry(LINE, 50, 0), Some(DAY / 2));
        assert_eq!(pace.entry(LINE, 0, u64::MAX), None);
    }

    #[test]
    fn a_peer_that_connects_again_and_again_is_let_in_every_two_seconds() {
        let pace = Pace::default();

        let let_in = (0..1_000).filter(|n| pace.may_connect(LINE, n * 10)).count();

        assert_eq!(let_in, 10 + 4); // ten seconds
        assert!(pace.may_connect(OTHER, 10_000));
    }

    #[test]
    fn a_link_key_holds_few_places_and_gives_them_back() {
        let pace = Pace::default();
        let mut held: Vec<_> = (0..6).map(|_| pace.caller([7; 32], 1).unwrap()).collect();

        assert!(pace.caller([7; 32], 1).is_none());
        assert!(pace.caller([8; 32], 0).is_some());
        held.pop();
        assert!(pace.caller([7; 32], 1).is_some());
        held.clear();
        assert!(pace.table().callers.is_empty());
    }
}
