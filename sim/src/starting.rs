//! How a simulated station stops and starts: a commit that failed, a crash, and what is read from disk.

use crate::fault::Fault;
use crate::journal::Reading;
use crate::plan::LENGTH_MS;
use crate::promises::{self, Held};
use crate::station::{Message, Tentative};
use crate::world::{Event, World};

impl World {
    /// A commit failed: the tentative state is dropped, and whoever fed it is hung up on.
    pub(crate) fn failed(&mut self, station: usize, tentative: &[Tentative]) -> Held {
        self.counts.note("commit failed");
        let name = self.stations[station].name;
        self.story.tell(self.now_ms, || format!("{name}: a commit failed; nothing of it is kept"));
        for t in tentative {
            self.reload(station, t.at)?;
            self.open_again(station, t.at);
            let kept = &mut self.stations[station].kept[t.at];
            let me = kept.line.me();
            if kept.heard {
                kept.line.mark_heard();
            }
            for number in &t.fed_by {
                // Also of a connection that the other end has left already: what is still on its way would leave a gap.
                let end = &mut self.connections[*number].ends[me.slot()];
                end.session = None;
                end.coming.clear();
                self.cut(*number, 1, 10);
            }
            // What came behind it on those connections is dropped with them: it comes again.
            let behind = |m: &Message| match m {
                Message::Arrived(number, _) | Message::Shown(number, _) | Message::Heard(number, _) => {
                    t.fed_by.contains(number)
                }
                _ => false,
            };
            self.stations[station].inbox.retain(|(_, message)| !behind(message));
        }
        self.wake(station, 0);
        Ok(())
    }

    /// Reads a line back from disk.
    pub(crate) fn reload(&mut self, station: usize, at: usize) -> Held {
        let seed = self.chance.draw();
        let verify = &self.plan.signing;
        let kept = &mut self.stations[station].kept[at];
        let knows = self.plan.fault != Some(Fault::CopySigns);
        let line = promises::reload(&kept.journal, Reading::First(kept.line.me()), verify, knows)?;
        if seed.is_multiple_of(4) {
            let again = promises::reload(&kept.journal, Reading::Mixed(seed), verify, knows)?;
            promises::same_after_start(&line, &again)?;
        }
        kept.line = line;
        kept.held = kept.line.held();
        kept.vouched = None;
        kept.stirred = true;
        kept.watched.look(&kept.line, &kept.journal)
    }

    /// A station stops without a word: at once, or in the middle of its next commit.
    pub(crate) fn crash(&mut self, station: usize, run: u64) -> Held {
        let it = &mut self.stations[station];
        let in_commit = it.run == run;
        if !it.running || self.now_ms > LENGTH_MS || (!in_commit && run != u64::MAX) {
            return Ok(());
        }
        if !in_commit && it.pending.is_none() && self.chance.percent(70) {
            it.doomed = true;
            return Ok(());
        }
        let kept = self.chance.percent(50);
        let what = match it.pending.take() {
            None => "crash",
            Some(tentative) if kept => {
                for t in &tentative {
                    self.store(station, t)?;
                }
                "crash after commit"
            }
            Some(_) => "crash before commit",
        };
        self.counts.note(what);
        let name = self.stations[station].name;
        self.story.tell(self.now_ms, || format!("{name}: {what}"));
        self.stop(station);
        let down = self.chance.scaled(500, 20_000_000);
        self.after(down, Event::Start(station));
        Ok(())
    }

    /// A station starts: it reads its lines from disk and looks at what stands.
    pub(crate) fn start(&mut self, station: usize) -> Held {
        let now = self.now_ms;
        if self.is_stopped(station) {
            return Ok(());
        }
        let it = &mut self.stations[station];
        if std::mem::replace(&mut it.running, true) {
            return Ok(());
        }
        it.started_ms = now;
        let name = it.name;
        self.story.tell(now, || format!("{name}: starts"));
        for at in 0..self.stations[station].kept.len() {
            let kept = &mut self.stations[station].kept[at];
            (kept.current, kept.even, kept.up_since_ms, kept.next) = (None, false, 0, None);
            (kept.heard, kept.unshown_ms) = (false, 0);
            kept.ringing.clear();
            let wire = kept.wire;
            self.open_again(station, at);
            self.reload(station, at)?;
            self.ring(station, at)?;
            self.redial(wire);
        }
        self.wake(station, 0);
        if self.healed {
            self.meets_chosen();
        }
        Ok(())
    }

    /// Pairing repeats what did not come to be: a log that has not begun is begun again.
    pub(crate) fn open_again(&mut self, station: usize, at: usize) {
        let kept = &self.stations[station].kept[at];
        if kept.journal.serving().size(kept.line.me()) == 0 {
            let opening = Box::new(self.wires[kept.wire].opening.clone());
            self.put(station, at, Message::Open(opening));
        }
    }
}
