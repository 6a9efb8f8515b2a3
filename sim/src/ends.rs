//! How each line stands at its two ends, and what must hold of a healed world.

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::restore::{Restore, Showing};
use counterpart_core::record::opening::Opening;

use crate::journal::Reading;
use crate::plan::ACTS_MIN;
use crate::promises::{self, Held, Promise};
use crate::station::{Kept, Station};
use crate::world::World;

impl World {
    /// Tells how each line stands at each end.
    pub(crate) fn tell_ends(&mut self) {
        for wire in 0..self.wires.len() {
            for kept in self.wires[wire].places.map(|(station, at)| &self.stations[station].kept[at]) {
                let line = &kept.line;
                let waits =
                    format!("wire {wire} {:?}: serves {}, waits for {:?}", line.me(), line.epoch(), line.restore());
                self.story.tell(self.now_ms, || waits);
                for span in line.spans() {
                    let heads = span.heads().heads.map(|head| head.size);
                    let named = Party::BOTH.map(|party| {
                        let named = span
                            .opening(party)
                            .map(|o| o.heads().iter().map(|e| (e.epoch.to_string(), e.heads.map(|h| h.size))));
                        let opened = matches!(span.opening(party), Some(Opening::Opened { .. }));
                        named.map(|named| (if opened { "opened" } else { "joined" }, named.collect::<Vec<_>>()))
                    });
                    let shown = line.shown().into_iter().filter(|s| s.epoch == span.epoch());
                    let shown: Vec<_> = shown.map(|s| (s.from, s.head.size, s.branch, s.refused)).collect();
                    let halted = span.halted();
                    self.story.tell(self.now_ms, || {
                        format!("    {} {heads:?} named {named:?} shown {shown:?} {halted:?}", span.epoch())
                    });
                }
            }
        }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        let idle = |s: &Station| s.running && s.pending.is_none() && s.inbox.is_empty();
        let owes = |k: &Kept| k.line.received_due_ms().is_some();
        let waits = |s: &Station| s.honest() && s.kept.iter().any(waits_for_root);
        let served = self.stations.iter().enumerate().filter(|(number, _)| !self.stands_aside(*number));
        let stations = served.map(|(_, s)| s).all(|s| idle(s) && !s.kept.iter().any(owes) && !waits(s));
        stations && (0..self.wires.len()).all(|wire| self.is_even(wire) || self.is_halted(wire))
    }

    /// The two stations of a wire, each with the place of the line there.
    pub(crate) fn ends(&self, wire: usize) -> [&Kept; 2] {
        self.wires[wire].places.map(|(station, at)| &self.stations[station].kept[at])
    }

    /// Both hold on disk all that the other does, in every epoch.
    pub(crate) fn is_even(&self, wire: usize) -> bool {
        self.apart(wire).is_none()
    }

    /// A log that is not the same at both ends, unless it is parted for good.
    fn apart(&self, wire: usize) -> Option<(Epoch, Party)> {
        let [one, other] = self.ends(wire).map(|kept| &kept.journal);
        let epochs = one.parts().iter().chain(other.parts()).map(|part| part.epoch);
        let apart = |(epoch, party)| one.head(epoch, party) != other.head(epoch, party);
        let mut logs = epochs.flat_map(|epoch| Party::BOTH.map(|party| (epoch, party)));
        logs.find(|at| apart(*at) && !self.is_parted(wire, *at))
    }

    /// A log of which its author holds another than its reader, for good: a copy forked it, a part of it was refused, its next entry names
    /// what both have lost, or its reader has halted a liar's.
    fn is_parted(&self, wire: usize, (epoch, party): (Epoch, Party)) -> bool {
        let [author, reader] = [party, party.peer()].map(|party| self.ends(wire)[party.slot()]);
        let size = reader.journal.head(epoch, party).size.min(author.journal.head(epoch, party).size);
        let parts = [author, reader].map(|kept| kept.journal.of(epoch).and_then(|part| part.root_at(party, size)));
        let forked = matches!(parts, [Some(here), Some(there)] if here != there);
        let halted = !self.is_honest(wire) && reader.journal.halted(epoch).is_some();
        let beside = author.line.shown().iter().any(|shown| shown.epoch == epoch && !shown.waits);
        author.journal.serving().epoch != epoch
            && (halted || forked || beside || names_what_is_lost(author, reader, epoch))
    }

    /// From which epoch on both ends must see the same: what was halted, one end lacks.
    pub(crate) fn same_from(&self, wire: usize) -> Epoch {
        if self.was_halted(wire) && !self.is_honest(wire) { self.ends(wire)[0].line.epoch() } else { Epoch::FIRST }
    }

    /// Neither station of a wire is a liar.
    pub(crate) fn is_honest(&self, wire: usize) -> bool {
        self.wires[wire].places.iter().all(|(station, _)| self.stations[*station].honest())
    }

    /// One of them takes the other's log no further in the epoch that serves.
    pub(crate) fn is_halted(&self, wire: usize) -> bool {
        self.ends(wire).iter().any(|kept| kept.journal.halted(kept.journal.serving().epoch).is_some())
    }

    /// A log of some epoch is taken no further.
    fn was_halted(&self, wire: usize) -> bool {
        self.ends(wire).iter().any(|kept| kept.journal.evidence().iter().any(|e| e.what.halts()))
    }

    /// The end: what is promised of a healed world.
    pub(crate) fn look_at_all(&mut self) -> Held {
        for wire in 0..self.wires.len() {
            let places = self.wires[wire].places;
            if self.is_honest(wire) || !self.was_halted(wire) {
                let apart = self.wires.len() > 1;
                let promise = if apart { Promise::LinesAreApart } else { Promise::CommittedArrives };
                let apart = self.apart(wire);
                promise.check(apart.is_none(), || format!("wire {wire} ends with two logs of {apart:?}"))?;
                let [one, other] = self.ends(wire);
                let from = self.same_from(wire);
                promises::same(Promise::BothSeeTheSame, &one.line, &other.line, from)?;
                self.is_taken_back(wire)?;
                self.knows_its_branch(wire)?;
                self.look_at_copies(wire)?;
            }
            for (station, at) in places {
                self.look_at(station, at)?;
            }
        }
        let crashes =
            self.counts.of("crash before commit") + self.counts.of("crash after commit") + self.counts.of("crash");
        let full = self.acts >= ACTS_MIN && crashes > 0 && self.counts.of("partition") > 0;
        Promise::SeedIsFull.check(full, || format!("{} acts, {crashes} crashes", self.acts))
    }

    fn look_at(&mut self, station: usize, at: usize) -> Held {
        let seed = self.chance.draw();
        let it = &mut self.stations[station];
        let honest = it.honest();
        let kept = &mut it.kept[at];
        kept.watched.look(&kept.line, &kept.journal)?;
        let again = promises::reload(&kept.journal, Reading::Mixed(seed), &self.plan.signing, true)?;
        promises::same_after_start(&kept.line, &again)?;
        if honest {
            let waits = kept.line.restore();
            Promise::SignsAgain.check(waits == Restore::Nothing, || format!("{} waits for {waits:?}", it.name))?;
            promises::quiet(&kept.journal, kept.line.me())?;
        }
        if kept.line.me() == Party::Inviter {
            crate::counts::of_line(&mut self.counts, &kept.line);
        }
        Ok(())
    }
}

/// Whether the next entry that the reader lacks of an ended epoch names a head of the reader's log that is on neither disk any more,
/// in the log or beside it: both were put back. It is let go whenever it comes (§4.6), and all that follows it.
pub(crate) fn names_what_is_lost(author: &Kept, reader: &Kept, epoch: Epoch) -> bool {
    let (party, peer) = (author.line.me(), reader.line.me());
    let next = EntryRef { party, index: reader.journal.head(epoch, party).size };
    let Some(named) = author.journal.entry(epoch, next).map(|stored| stored.entry.header.held) else { return false };
    let beside = |shown: &Showing<'_>| {
        let heads = shown.entries.iter().map(|entry| entry.header.own).chain([shown.head]);
        shown.epoch == epoch && heads.into_iter().any(|head| head == named)
    };
    let in_a_log = [author, reader].iter().any(|kept| kept.journal.had(epoch, peer, &named));
    !in_a_log && !reader.line.shown().iter().any(beside)
}

fn waits_for_root(kept: &Kept) -> bool {
    kept.line.awaits_judgement() || kept.line.restore() != Restore::Nothing
}
