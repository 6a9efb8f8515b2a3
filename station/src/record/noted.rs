//! What is noted of a line beside its entries: what somebody here took note of, how its link is, that a key of ours is retired.

use counterpart_core::fault::Refusal;
use counterpart_core::ids::{EntryRef, Epoch, LineId};
use counterpart_core::line::broken::Tally;

use super::calls::Turn;
use super::inbox::Link;
use super::lines::entry_key;
use super::thread::Record;

impl Record {
    /// Takes note of an act of theirs, or at the charter that opened the epoch that serves of what broke off before; if it stands in that
    /// epoch: by its name alone it would be another.
    pub(super) fn note(
        &mut self,
        line: LineId,
        (epoch, at, tally): (Epoch, EntryRef, Option<Tally>),
        user: String,
        turn: &mut Turn,
    ) -> Result<(), Refusal> {
        if epoch != self.serving(&line) {
            return Err(Refusal::EpochEnded);
        }
        let Some(kept) = self.lines.kept.get_mut(&line) else { return Ok(()) };
        let noted = if kept.line.note(at) { vec![(epoch, at)] } else { kept.line.note_broken_off(at, tally)? };
        if !noted.is_empty() {
            turn.batch.noted.extend(noted.into_iter().map(|(epoch, at)| (entry_key(line, epoch, at), user.clone())));
            turn.touched.insert(line);
        }
        Ok(())
    }

    pub(super) fn clock_moved(&mut self) {
        self.lines.kept.values_mut().for_each(|kept| kept.stirred = true);
    }

    pub(super) fn note_retired(&mut self, line: LineId, link: &[u8; 32], highest: u64) {
        if let Some(kept) = self.lines.kept.get_mut(&line)
            && kept.line.retire(link, highest)
        {
            kept.retires = Some(highest);
        }
    }

    pub(super) fn note_link(&mut self, line: LineId, link: Link) {
        let now = self.monotonic_ms();
        let Some(kept) = self.lines.kept.get_mut(&line) else { return };
        let before = kept.steady;
        match link {
            Link::Begins { even } => kept.steady.begins(even, now),
            Link::Up { even } => kept.steady.up(even, now),
            Link::Down => kept.steady.ends(now),
        }
        kept.stirred |= kept.steady.is_even() != before.is_even() || kept.steady.is_up() != before.is_up();
    }
}
