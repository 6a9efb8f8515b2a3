//! What a simulated station has on disk of one line: the two logs of every epoch, and beside them what the store of a station
//! keeps too. A commit is whole or is not; a crash keeps what was committed; a backup is all of it, as it was at some moment.

use std::collections::BTreeSet;
use std::rc::Rc;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::line::restore::Part as Shard;
use counterpart_core::line::turn::{Shown, Written};
use counterpart_core::record::charter::Charter;
use counterpart_core::record::entry::{BodyRef, Head};
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::{Edge, Hash, empty_root};
use counterpart_core::record::sign1::Verify;

use crate::chance::Chance;

/// An entry on disk.
#[derive(Debug)]
pub struct Stored {
    /// The entry.
    pub entry: Entry,
    /// Its body, if it came.
    pub body: Option<Vec<u8>>,
    /// When it was committed, by the world's clock.
    pub committed_ms: u64,
}

/// What shows that the peer broke the protocol.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What it did.
    pub what: Misconduct,
    /// In which epoch.
    pub epoch: Epoch,
    /// The entry or frame by which it did.
    pub bytes: Vec<u8>,
}

/// One epoch on disk.
#[derive(Clone, Debug)]
pub struct Part {
    /// Which.
    pub epoch: Epoch,
    logs: [Vec<Rc<Stored>>; 2],
    edges: [Edge; 2],
    roots: [Vec<Hash>; 2],
    /// Our log of it came in a backup, or in parts from the peer.
    pub restored: bool,
}

impl Part {
    fn new(epoch: Epoch) -> Part {
        Part {
            epoch,
            logs: [Vec::new(), Vec::new()],
            edges: [Edge::new(), Edge::new()],
            roots: [vec![empty_root()], vec![empty_root()]],
            restored: false,
        }
    }

    fn append(&mut self, entry: &Entry, body: Option<Vec<u8>>, committed_ms: u64) {
        let at = entry.header.party.slot();
        self.edges[at].push(entry.leaf);
        self.roots[at].push(self.edges[at].root());
        self.logs[at].push(Rc::new(Stored { entry: entry.clone(), body, committed_ms }));
    }

    /// How many entries of this party's log are on disk.
    pub fn size(&self, party: Party) -> u64 {
        self.logs[party.slot()].len() as u64
    }

    /// The head of this party's log.
    pub fn head(&self, party: Party) -> Head {
        Head { size: self.size(party), root: self.roots[party.slot()].last().copied().unwrap_or_else(empty_root) }
    }

    /// The root that this party's log had at a size; `None` if it was never that long.
    pub fn root_at(&self, party: Party, size: u64) -> Option<Hash> {
        self.roots[party.slot()].get(usize::try_from(size).ok()?).copied()
    }

    /// Whether this is a head that the party's log, as it is on disk, has or had.
    pub fn had(&self, party: Party, head: &Head) -> bool {
        self.root_at(party, head.size) == Some(head.root)
    }

    /// The entry at a place.
    pub fn entry(&self, at: EntryRef) -> Option<&Stored> {
        self.logs[at.party.slot()].get(usize::try_from(at.index).ok()?).map(Rc::as_ref)
    }

    /// One log.
    pub fn log(&self, party: Party) -> &[Rc<Stored>] {
        &self.logs[party.slot()]
    }
}

/// One line on disk.
#[derive(Clone, Debug)]
pub struct Journal {
    charter: Charter,
    me: Party,
    /// Ascending; never empty.
    parts: Vec<Part>,
    /// What the peer has shown of our own logs, in the order in which it was kept.
    shown: Vec<Shown>,
    /// What a person refused of it.
    refused: Vec<Shard>,
    evidence: Vec<Evidence>,
    noted: BTreeSet<(Epoch, EntryRef)>,
    /// Our link key was shown to be retired; the number of the highest epoch that was shown with it.
    pub retired: Option<u64>,
}

/// In which order the two logs of an epoch are read back. Either finds, for each entry, what its author had seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// As much of this party's log as can be, then of the other's: what a start does, from the bytes.
    First(Party),
    /// By this chance, from what was read before.
    Mixed(u64),
}

/// What is committed together.
#[derive(Clone, Copy, Debug)]
pub struct Transaction<'a> {
    /// To stand in the logs.
    pub written: &'a [Written],
    /// To be kept beside them.
    pub shown: &'a [Shown],
    /// To be kept: what a person refused of that.
    pub refused: &'a [Shard],
    /// To be kept.
    pub evidence: &'a [Evidence],
    /// Our link key was shown to be retired, or we have a new one.
    pub retired: Option<Option<u64>>,
}

impl Journal {
    /// Nothing yet.
    pub fn new(charter: Charter, me: Party) -> Journal {
        Journal {
            charter,
            me,
            parts: vec![Part::new(Epoch::FIRST)],
            shown: Vec::new(),
            refused: Vec::new(),
            evidence: Vec::new(),
            noted: BTreeSet::new(),
            retired: None,
        }
    }

    /// One transaction.
    pub fn commit(&mut self, kept: Transaction<'_>, now_ms: u64) {
        for w in kept.written {
            let came_before = || self.shown.iter().rev().find(|s| s.entry.bytes == w.entry.bytes)?.body.clone();
            let body = if w.taken_back { came_before() } else { w.body.clone() };
            let place = self.parts.partition_point(|part| part.epoch < w.epoch);
            if self.parts.get(place).is_none_or(|part| part.epoch != w.epoch) {
                self.parts.insert(place, Part::new(w.epoch));
            }
            self.parts[place].restored |= w.taken_back;
            self.parts[place].append(&w.entry, body, now_ms);
        }
        self.shown.extend_from_slice(kept.shown);
        self.refused.extend_from_slice(kept.refused);
        self.evidence.extend_from_slice(kept.evidence);
        self.retired = kept.retired.unwrap_or(self.retired);
    }

    /// Every epoch, ascending.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// One epoch.
    pub fn of(&self, epoch: Epoch) -> Option<&Part> {
        self.parts.iter().find(|part| part.epoch == epoch)
    }

    /// The epoch that serves.
    pub fn serving(&self) -> &Part {
        let begun = self.parts.iter().rposition(|part| part.size(self.me) > 0);
        &self.parts[begun.unwrap_or(0)]
    }

    /// Whether this is a head that a party's log of that epoch, as it is on disk, has or had.
    pub fn had(&self, epoch: Epoch, party: Party, head: &Head) -> bool {
        self.of(epoch).map_or(head.size == 0, |part| part.had(party, head))
    }

    /// The entry at a place.
    pub fn entry(&self, epoch: Epoch, at: EntryRef) -> Option<&Stored> {
        self.of(epoch)?.entry(at)
    }

    /// The head of a party's log of an epoch.
    pub fn head(&self, epoch: Epoch, party: Party) -> Head {
        let nothing = || Head::empty();
        self.of(epoch).map_or_else(nothing, |part| part.head(party))
    }

    /// Whether an entry is on disk: in its log, or as one that was shown.
    pub fn has(&self, epoch: Epoch, at: EntryRef, leaf: &Hash) -> bool {
        let held = self.entry(epoch, at).is_some_and(|stored| stored.entry.leaf == *leaf);
        held || self.shown.iter().any(|shown| shown.entry.leaf == *leaf)
    }

    /// What the peer has shown of our own logs.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// All evidence that was kept.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Acts of the peer of which somebody here has taken note.
    pub fn noted(&self) -> &BTreeSet<(Epoch, EntryRef)> {
        &self.noted
    }

    /// Somebody has.
    pub fn note(&mut self, epoch: Epoch, at: EntryRef) {
        self.noted.insert((epoch, at));
    }

    /// Why the peer's log of an epoch is taken no further, if it is.
    pub fn halted(&self, epoch: Epoch) -> Option<Misconduct> {
        self.evidence.iter().filter(|e| e.epoch == epoch).map(|e| e.what).find(|what| what.halts())
    }

    /// From now on it is a copy that knows it: our log of the highest epoch in which we wrote came in a backup.
    pub fn mark_restored(&mut self) {
        let begun = self.parts.iter().rposition(|part| part.size(self.me) > 0);
        self.parts[begun.unwrap_or(0)].restored = true;
    }

    /// The line as a start reads it: from the bytes, each entry after what its author had seen. `marked`: as a station does it,
    /// which knows that it is a copy.
    ///
    /// # Errors
    /// What was wrong with an entry, or that what was read is not what is on disk.
    pub fn reload(&self, reading: Reading, verify: &dyn Verify, marked: bool) -> Result<Line, Misconduct> {
        let mut line = Line::new(self.charter.clone(), self.me);
        let mut chance = Chance::new(if let Reading::Mixed(seed) = reading { seed } else { 0 });
        let shown = self.shown.iter().map(|shown| shown.entry.header.epoch);
        let epochs: BTreeSet<Epoch> = self.parts.iter().map(|part| part.epoch).chain(shown).collect();
        for epoch in epochs {
            let beside = self.shown.iter().filter(|shown| shown.entry.header.epoch == epoch);
            let mut read = [0; 2];
            if beside.clone().count() > 0 {
                // Our own log whole, then what was shown beside it, then the peer's: nothing of ours is let go before.
                self.reload_log(&mut line, epoch, self.me, &mut read)?;
                for shown in beside {
                    line.recall(&shown.entry, verify)?;
                }
                let refused = self.refused.iter().filter(|part| part.epoch == epoch);
                refused.for_each(|part| line.recall_refused(part));
                self.reload_log(&mut line, epoch, self.me.peer(), &mut read)?;
            } else if let Some(part) = self.of(epoch) {
                self.reload_part(&mut line, part, reading, &mut chance)?;
            }
        }
        for part in self.parts.iter().filter(|part| marked && part.restored) {
            line.mark_restored(part.epoch);
        }
        if let Some(highest) = self.retired {
            line.mark_retired(highest);
        }
        for evidence in self.evidence.iter().filter(|e| e.what.halts()) {
            line.mark_halted(evidence.epoch, evidence.what);
        }
        let stored = |epoch, at| self.entry(epoch, at).map(|s| s.entry.bytes.clone());
        line.rebuilt(&stored);
        let serving = self.serving().epoch;
        for (epoch, at) in &self.noted {
            if *epoch == serving { line.noted_before(*at) } else { line.broken_off_noted_before(*epoch, [*at]) }
        }
        let same = |part: &Part| {
            let span = line.span(part.epoch);
            Party::BOTH.into_iter().all(|party| span.is_some_and(|s| s.log(party).head() == part.head(party)))
        };
        if self.parts.iter().all(same) { Ok(line) } else { Err(Misconduct::HeadNeverOurs) }
    }

    fn reload_part(
        &self,
        line: &mut Line,
        part: &Part,
        reading: Reading,
        chance: &mut Chance,
    ) -> Result<(), Misconduct> {
        let mut read = [0_usize; 2];
        loop {
            let left = |party: &Party| read[party.slot()] < part.logs[party.slot()].len();
            let ready = |party: &Party| {
                let next = part.logs[party.slot()].get(read[party.slot()]);
                next.is_some_and(|s| s.entry.header.held.size <= read[party.peer().slot()] as u64)
            };
            let mut ready: Vec<Party> = Party::BOTH.into_iter().filter(ready).collect();
            // What waits for what a copy has lost is read too.
            if ready.is_empty() {
                ready.extend(Party::BOTH.into_iter().filter(left));
            }
            let party = match (reading, ready.as_slice()) {
                (_, []) => return Ok(()),
                (Reading::First(first), parties) if parties.contains(&first) => first,
                (_, parties) => parties[chance.place(parties.len())],
            };
            self.reload_next(line, part, party, reading, &mut read)?;
        }
    }

    /// One log, whole.
    fn reload_log(&self, line: &mut Line, epoch: Epoch, party: Party, read: &mut [usize; 2]) -> Result<(), Misconduct> {
        let Some(part) = self.of(epoch) else { return Ok(()) };
        while read[party.slot()] < part.logs[party.slot()].len() {
            self.reload_next(line, part, party, Reading::First(party), read)?;
        }
        Ok(())
    }

    fn reload_next(
        &self,
        line: &mut Line,
        part: &Part,
        party: Party,
        reading: Reading,
        read: &mut [usize; 2],
    ) -> Result<(), Misconduct> {
        let stored = &part.logs[party.slot()][read[party.slot()]];
        match reading {
            Reading::First(_) => line.reload(&Entry::read(&stored.entry.bytes)?)?,
            Reading::Mixed(_) => line.reload(&stored.entry)?,
        };
        let header = &stored.entry.header;
        if party != self.me && stored.body.is_none() && matches!(header.body, Some(BodyRef::Attested(_))) {
            line.lacks(header.epoch, header.own.size);
        }
        read[party.slot()] += 1;
        Ok(())
    }
}
