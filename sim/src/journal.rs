//! What a simulated station has on disk of one line. A commit is whole or is not; a crash keeps what was committed.

use std::collections::BTreeSet;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::Line;
use counterpart_core::line::turn::Written;
use counterpart_core::record::charter::Charter;
use counterpart_core::record::entry::{BodyRef, Head};
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::{Edge, Hash, empty_root};

use crate::chance::Chance;

/// An entry on disk.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The entry.
    pub entry: Entry,
    /// Its body, if it came.
    pub body: Option<Vec<u8>>,
}

/// What shows that the peer broke the protocol.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What it did.
    pub what: Misconduct,
    /// The entry or frame by which it did.
    pub bytes: Vec<u8>,
}

/// One line on disk.
#[derive(Clone, Debug)]
pub struct Journal {
    charter: Charter,
    me: Party,
    logs: [Vec<Stored>; 2],
    edges: [Edge; 2],
    roots: [Vec<Hash>; 2],
    evidence: Vec<Evidence>,
    noted: BTreeSet<EntryRef>,
}

/// In which order the two logs are read back. Either finds, for each entry, what its author had seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// As much of this party's log as can be, then of the other's: what a start does, from the bytes.
    First(Party),
    /// By this chance, from what was read before.
    Mixed(u64),
}

impl Journal {
    /// Nothing yet.
    pub fn new(charter: Charter, me: Party) -> Journal {
        Journal {
            charter,
            me,
            logs: [Vec::new(), Vec::new()],
            edges: [Edge::new(), Edge::new()],
            roots: [vec![empty_root()], vec![empty_root()]],
            evidence: Vec::new(),
            noted: BTreeSet::new(),
        }
    }

    /// One transaction.
    pub fn commit(&mut self, written: &[Written], evidence: &[Evidence]) {
        for w in written {
            self.append(&w.entry, w.body.clone());
        }
        self.evidence.extend_from_slice(evidence);
    }

    fn append(&mut self, entry: &Entry, body: Option<Vec<u8>>) {
        let at = entry.header.party.slot();
        self.edges[at].push(entry.leaf);
        self.roots[at].push(self.edges[at].root());
        self.logs[at].push(Stored { entry: entry.clone(), body });
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
        self.logs[at.party.slot()].get(usize::try_from(at.index).ok()?)
    }

    /// One log.
    pub fn log(&self, party: Party) -> &[Stored] {
        &self.logs[party.slot()]
    }

    /// All evidence that was kept.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Acts of the peer of which somebody here has taken note.
    pub fn noted(&self) -> &BTreeSet<EntryRef> {
        &self.noted
    }

    /// Somebody has.
    pub fn note(&mut self, at: EntryRef) {
        self.noted.insert(at);
    }

    /// Why the peer's log is taken no further, if it is.
    pub fn halted(&self) -> Option<Misconduct> {
        self.evidence.iter().map(|e| e.what).find(|what| what.halts())
    }

    /// The line as a start reads it: from the bytes, each entry after what its author had seen.
    ///
    /// # Errors
    /// What was wrong with an entry, or that one names a head that is not on disk.
    pub fn reload(&self, reading: Reading) -> Result<Line, Misconduct> {
        let mut line = Line::new(self.charter.clone(), self.me);
        let mut chance = Chance::new(if let Reading::Mixed(seed) = reading { seed } else { 0 });
        let mut read = [0_usize; 2];
        loop {
            let ready = |party: &Party| {
                let next = self.logs[party.slot()].get(read[party.slot()]);
                next.is_some_and(|s| s.entry.header.held.size <= read[party.peer().slot()] as u64)
            };
            let ready: Vec<Party> = Party::BOTH.into_iter().filter(ready).collect();
            let party = match (reading, ready.as_slice()) {
                (_, []) => break,
                (Reading::First(first), parties) if parties.contains(&first) => first,
                (_, parties) => parties[chance.place(parties.len())],
            };
            let stored = &self.logs[party.slot()][read[party.slot()]];
            match reading {
                Reading::First(_) => line.reload(&Entry::read(&stored.entry.bytes)?)?,
                Reading::Mixed(_) => line.reload(&stored.entry)?,
            };
            let header = &stored.entry.header;
            if party != self.me && stored.body.is_none() && matches!(header.body, Some(BodyRef::Attested(_))) {
                line.lacks(header.epoch, header.own.size);
            }
            read[party.slot()] += 1;
        }
        self.noted.iter().for_each(|at| line.noted_before(*at));
        let whole = Party::BOTH.into_iter().all(|party| line.log(party).head() == self.head(party));
        if whole { Ok(line) } else { Err(Misconduct::HeadNeverOurs) }
    }
}
