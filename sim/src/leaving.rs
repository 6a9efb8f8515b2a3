//! What holds of everything that leaves a station, and of what has long left it.

use counterpart_core::ids::Party;
use counterpart_core::link::frame::Frame;
use counterpart_core::link::session::Session;
use counterpart_core::record::opening::EpochHeads;

use crate::fault::Fault;
use crate::promises::{Broken, Held, Promise};
use crate::station::Kept;
use crate::world::World;

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
            frame = self.doctored(number, from, frame);
        }
        self.carry(number, from, frame);
        Ok(())
    }

    /// What holds of every frame of an honest station; false if a fault swallows it.
    fn leaves(&mut self, number: usize, from: Party, frame: &Frame) -> Result<bool, Broken> {
        let wire = self.connections[number].wire;
        let (station, at) = self.wires[wire].places[from.slot()];
        let journal = &self.stations[station].kept[at].journal;
        let had = |heads: &EpochHeads| Party::BOTH.into_iter().zip(heads.heads).all(|(p, head)| journal.had(p, &head));
        let committed = Promise::HeadsNameWhatIsCommitted;
        match frame {
            Frame::Hello(hello) => {
                committed.check(hello.epochs.iter().all(had), || format!("hello names {:?}", hello.epochs))?;
                let theirs = hello.epochs.first().map(|h| h.heads[from.peer().slot()].size);
                self.connections[number].ends[from.peer().slot()].next_index = theirs;
            }
            Frame::Ping(beat) | Frame::Pong(beat) => {
                committed.check(had(&beat.heads), || format!("a ping names {:?}", beat.heads))?;
            }
            Frame::Entry { bytes, .. } => {
                let own = journal.log(from).iter().rev().find(|s| s.entry.bytes == *bytes);
                let named = own.is_some_and(|s| journal.had(from.peer(), &s.entry.header.held));
                committed.check(named, || "an entry leaves that is not on disk, or names what is not".into())?;
                let index = own.map_or(0, |s| s.entry.header.own.size);
                return self.entry_leaves(number, from, index);
            }
            Frame::Fault { .. } | Frame::Chain { .. } | Frame::Answer(_) | Frame::Show { .. } => {}
        }
        Ok(true)
    }

    fn entry_leaves(&mut self, number: usize, from: Party, index: u64) -> Result<bool, Broken> {
        let wire = self.connections[number].wire;
        let ever = &mut self.wires[wire].ever_sent[from.slot()];
        let again = index < *ever;
        *ever = (*ever).max(index + 1);
        if again {
            self.counts.note("sent again");
            if self.plan.fault == Some(Fault::LostResend) {
                return Ok(false);
            }
        }
        let (peer, _) = self.wires[wire].places[from.peer().slot()];
        let end = &mut self.connections[number].ends[from.slot()];
        if let Some(next) = end.next_index.replace(index + 1).filter(|_| self.stations[peer].honest()) {
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
        for party in Party::BOTH {
            let [author, reader] = [party, party.peer()].map(|p| {
                let (station, at) = places[p.slot()];
                &self.stations[station].kept[at]
            });
            let old = author.committed_ms[party.slot()].partition_point(|ms| ms + LATE_MS < self.now_ms) as u64;
            let there = reader.journal.size(party);
            let promise = if self.wires.len() > 1 { Promise::LinesAreApart } else { Promise::CommittedArrives };
            promise.check(there >= old, || format!("{party:?} committed {old} a minute ago, {there} are there"))?;
        }
        let still = |k: &Kept| k.committed_ms.iter().flatten().all(|ms| ms + LATE_MS < self.now_ms);
        if self.is_even(wire) && self.ends(wire).into_iter().all(still) {
            let said = connection.ends.iter().all(|end| end.session.as_ref().is_some_and(Session::even));
            Promise::EvenIsSaid.check(said, || format!("wire {wire} is even and a session does not say so"))?;
        }
        Ok(())
    }
}
