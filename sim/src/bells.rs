//! What rings at a simulated station, and who takes note of it.

use std::collections::BTreeSet;

use counterpart_core::record::codes::Channel;
use counterpart_core::record::kind::Kind;

use crate::promises::{self, Held};
use crate::station::Kept;
use crate::world::{Event, World};

impl World {
    /// Brings the bells up to what the line says must ring.
    pub(crate) fn ring(&mut self, station: usize, at: usize) -> Held {
        let it = &self.stations[station];
        let (honest, run) = (it.honest(), it.run);
        let kept = &it.kept[at];
        let epoch = kept.line.epoch();
        let mut now_ringing = BTreeSet::new();
        let (mut fresh, mut told, mut broke_off) = (Vec::new(), Vec::new(), false);
        for ring in kept.line.rings() {
            if honest {
                promises::ring(&kept.line, &kept.journal, &ring)?;
            }
            now_ringing.insert((epoch, ring.at));
            if !kept.ringing.contains(&(epoch, ring.at)) && ring.climbs {
                fresh.push(ring.at);
            }
            match ring.kind {
                Kind::State => self.counts.note("a closing rings"),
                Kind::Text | Kind::Notice if ring.tells => self.counts.note("a text rings on a closed line"),
                _ => {}
            }
            match ring.kind {
                Kind::Charter => broke_off = true,
                _ if ring.tells => told.push(ring.at),
                _ => {}
            }
        }
        let kept = &mut self.stations[station].kept[at];
        kept.ringing = now_ringing;
        // Somebody takes note of every third, as soon as it rings.
        for act in told.into_iter().filter(|act| act.index.is_multiple_of(3)) {
            if kept.line.note(act) {
                kept.journal.note(epoch, act);
                self.counts.note("noted");
            }
        }
        if broke_off {
            self.counts.note("what broke off rings");
            self.counts.add("what broke off is noted", note_broken_off(kept));
        }
        for attempt in fresh {
            self.counts.note("rang");
            // Not every device that rings can say so.
            if self.chance.percent(60) {
                let (after, channel) =
                    (self.chance.scaled(20, 5_000), self.chance.one([Channel::Terminal, Channel::Desk]));
                self.after(after, Event::Rung(station, run, at, (epoch, attempt), channel));
            }
        }
        Ok(())
    }
}

/// Somebody takes note of every third list of what broke off, as it is told; of how much.
fn note_broken_off(kept: &mut Kept) -> u64 {
    let tally = kept.line.tally().filter(|tally| tally.0[0].is_multiple_of(3));
    let Some((at, tally)) = kept.line.opened_by().zip(tally) else { return 0 };
    let noted = kept.line.note_broken_off(at, Some(tally)).unwrap_or_default();
    noted.iter().for_each(|(epoch, at)| kept.journal.note(*epoch, *at));
    noted.len() as u64
}
