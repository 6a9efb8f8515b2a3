//! What holds of everything that leaves a station, and of what has long left it.

use counterpart_core::ids::{Epoch, Party};
use counterpart_core::line::restore::Restore;
use counterpart_core::link::frame::Frame;
use counterpart_core::link::session::Session;
use counterpart_core::record::log::Entry;
use counterpart_core::record::opening::EpochHeads;

use crate::fault::Fault;
use crate::journal::{Part, Stored};
use crate::promises::{Broken, Held, Promise};
use crate::station::Kept;
use crate::world::World;

/// Over so many connections of a wire what is claimed is not shown; after them it is. A claim that nobody shows ends each of them after
/// half a minute: an hour of connection, after which a person may open without the peer, takes some 120.
const WITHHELD_MAX: u64 = 200;

impl World {
    /// A frame leaves a station: what it names must be on its disk.
    pub(crate) fn send(&mut self, number: usize, from: Party, mut frame: Vec<u8>) -> Held {
        let wire = self.connections[number].wire;
        let (station, _) = self.wires[wire].places[from.slot()];
        if self.stations[station].honest() {
            let decoded = Frame::decode(&frame);
            Promise::NothingPanics.check(decoded.is_ok(), || format!("our own frame is none: {decoded:?}"))?;
            if let Ok(decoded) = decoded
                && !self.leaves(number, from, &decoded)?
            {
                return Ok(());
            }
        } else {
            if self.plan.withholds && self.withholds(number, from, &frame) {
                return Ok(());
            }
            frame = self.doctored(number, from, frame);
        }
        self.carry(number, from, frame);
        Ok(())
    }

    /// Whether a liar withholds on this wire at present.
    pub(crate) fn is_withheld(&self, wire: usize) -> bool {
        !self.healed && (1..WITHHELD_MAX).contains(&self.wires[wire].withheld)
    }

    /// Whether a liar keeps this frame back: it shows nothing of what it claims, and sends no other entry over that connection, since
    /// the first of them would end it at once.
    fn withholds(&mut self, number: usize, from: Party, frame: &[u8]) -> bool {
        let Ok(Frame::Entry { bytes, .. }) = Frame::decode(frame) else { return false };
        let shows = Entry::read(&bytes).is_ok_and(|entry| entry.header.party != from);
        let connection = &mut self.connections[number];
        let withheld = &mut self.wires[connection.wire].withheld;
        if shows && !connection.withholds && !self.healed && *withheld < WITHHELD_MAX {
            connection.withholds = true;
            *withheld += 1;
            self.counts.note("withheld");
        }
        connection.withholds
    }

    /// What holds of every frame of an honest station; false if a fault swallows it.
    fn leaves(&mut self, number: usize, from: Party, frame: &Frame) -> Result<bool, Broken> {
        let wire = self.connections[number].wire;
        let (station, at) = self.wires[wire].places[from.slot()];
        let journal = &self.stations[station].kept[at].journal;
        let had = |heads: &EpochHeads| {
            Party::BOTH.into_iter().zip(heads.heads).all(|(p, head)| journal.had(heads.epoch, p, &head))
        };
        let committed = Promise::HeadsNameWhatIsCommitted;
        match frame {
            Frame::Hello(hello) => {
                committed.check(hello.epochs.iter().all(had), || format!("hello names {:?}", hello.epochs))?;
                let theirs = hello.epochs.iter().map(|h| (h.epoch, h.of(from.peer()).size));
                self.connections[number].ends[from.peer().slot()].next_index = Some(theirs.collect());
            }
            Frame::Ping(beat) | Frame::Pong(beat) => {
                committed.check(had(&beat.heads), || format!("a ping names {:?}", beat.heads))?;
            }
            Frame::Entry { bytes, .. } => {
                let on_disk = |part: &'_ Part, party: Party| {
                    part.log(party).iter().rev().find(|s| s.entry.bytes == *bytes).map(|s| s.entry.header.own.size)
                };
                let own = journal.parts().iter().rev().find_map(|part| Some((part.epoch, on_disk(part, from)?)));
                let Some((epoch, index)) = own else {
                    // One of the peer's own, shown to it, or one that is kept beside our log and counts.
                    let shown = journal.parts().iter().any(|part| on_disk(part, from.peer()).is_some());
                    let beside = journal.shown().iter().any(|shown| shown.entry.bytes == *bytes);
                    committed.check(shown || beside, || "an entry leaves that is not on disk".into())?;
                    self.counts.note(if beside { "sent from beside a log" } else { "shown to its author" });
                    return Ok(true);
                };
                return self.entry_leaves(number, from, epoch, index);
            }
            // What is told of a call, and its packets, say nothing of the record.
            Frame::Fault { .. } | Frame::Chain { .. } | Frame::Answer(_) | Frame::Show { .. } => {}
            Frame::Call { .. } | Frame::Voice(_) => {}
        }
        Ok(true)
    }

    fn entry_leaves(&mut self, number: usize, from: Party, epoch: Epoch, index: u64) -> Result<bool, Broken> {
        let wire = self.connections[number].wire;
        let ever = self.wires[wire].ever_sent[from.slot()].entry(epoch).or_default();
        let again = index < *ever;
        *ever = (*ever).max(index + 1);
        if again {
            self.counts.note("sent again");
            if self.plan.fault == Some(Fault::LostResend) {
                return Ok(false);
            }
        }
        let (peer, _) = self.wires[wire].places[from.peer().slot()];
        let named = self.connections[number].ends[from.slot()].next_index.as_mut();
        let next = named.map(|named| std::mem::replace(named.entry(epoch).or_default(), index + 1));
        if let Some(next) = next.filter(|_| self.stations[peer].honest()) {
            Promise::LostIsSentAgain.check(index == next, || format!("{index} leaves, and {next} is lacking"))?;
        }
        Ok(true)
    }

    /// Over a connection that has held for two minutes, what was committed a minute ago is there.
    pub(crate) fn in_time(&self, number: usize) -> Held {
        const HELD_MS: u64 = 120_000;
        const LATE_MS: u64 = 60_000;
        let connection = &self.connections[number];
        let (wire, Some(since)) = (connection.wire, connection.whole_since_ms) else { return Ok(()) };
        let places = self.wires[wire].places;
        let honest = places.iter().all(|(s, _)| self.stations[*s].honest() && self.stations[*s].running);
        let serves = places.iter().all(|(s, at)| self.stations[*s].kept[*at].current == Some(number));
        let held = since.max(self.wires[wire].partitioned_until_ms) + HELD_MS < self.now_ms;
        if !(honest && serves && held && connection.alive) {
            return Ok(());
        }
        let ends = self.ends(wire);
        // What is being decided may be why they are not even yet.
        if !self.is_settled(wire) || ends.iter().any(|kept| kept.line.restore() != Restore::Nothing) {
            return Ok(());
        }
        let late = |s: &std::rc::Rc<Stored>| s.committed_ms + LATE_MS < self.now_ms;
        for party in Party::BOTH {
            let [author, reader] = [party, party.peer()].map(|p| &ends[p.slot()].journal);
            // A log that its author has forked is taken no further in its epoch.
            // What is late of an earlier epoch may be let go, and comes again.
            let serves = |epoch| epoch == author.serving().epoch && epoch == reader.serving().epoch;
            let taken = author.parts().iter().filter(|part| serves(part.epoch) && reader.halted(part.epoch).is_none());
            for part in taken.filter(|part| !self.wires[wire].forked[party.slot()].contains(&part.epoch)) {
                let old = part.log(party).partition_point(late) as u64;
                let there = reader.head(part.epoch, party).size;
                let promise = if self.wires.len() > 1 { Promise::LinesAreApart } else { Promise::CommittedArrives };
                let seen = || format!("{} {party:?} committed {old} a minute ago, {there} are there", part.epoch);
                promise.check(there >= old, seen)?;
            }
        }
        let still = |kept: &&Kept| {
            let logs = kept.journal.parts().iter().flat_map(|part| Party::BOTH.map(|p| part.log(p)));
            logs.filter_map(|log| log.last()).all(late)
        };
        if self.is_even(wire) && ends.iter().all(still) {
            let said = connection.ends.iter().all(|end| end.session.as_ref().is_some_and(Session::even));
            Promise::EvenIsSaid.check(said, || format!("wire {wire} is even and a session does not say so"))?;
        }
        Ok(())
    }
}
