//! A line: two logs folded into what people see (`docs/protocol.md` §6, §7).
//!
//! The rules are in the order of the specification: [`judge`] says what counts (rule 1), [`crossing`] which acts decide
//! (rules 2–5), [`talk`] what became of the conversation, [`ladder`] how far an attempt has come. All of them are functions
//! of a [`facts::View`]: the counted entries of a cut. None of them has a clock.
//!
//! [`draft`], [`due`] and [`turn`] write entries; they alone are told the time.

pub mod crossing;
pub mod draft;
pub mod due;
pub mod facts;
pub mod judge;
pub mod ladder;
pub mod ringing;
mod switch;
pub mod talk;
mod terms;
pub mod turn;

use alloc::collections::BTreeSet;

use crate::fault::Misconduct;
use crate::ids::{Epoch, LineId, Party};
use crate::record::charter::Charter;
use crate::record::log::{Entry, Log};
use crate::record::sign1::PublicKey;
use facts::{Facts, Standing};
use turn::Answer;

#[cfg(test)]
mod model;

/// A line as one of its stations keeps it.
#[derive(Clone, Debug)]
pub struct Line {
    id: LineId,
    me: Party,
    charter: Charter,
    logs: [Log; 2],
    facts: Facts,
    /// Their log is taken no further in this epoch, because of this.
    halted: Option<Misconduct>,
    /// Restored from a backup: signs nothing in this epoch.
    restored: bool,
    /// Since when, by the clock that never jumps, a `received` is owed.
    owes_since: Option<u64>,
    /// Entries of theirs whose attested bodies never came, and of which no entry of ours has said so (§3.1).
    lacking: BTreeSet<u64>,
}

impl Line {
    /// The line of a charter in its first epoch, with nothing in either log.
    pub fn new(charter: Charter, me: Party) -> Line {
        let log = |party: Party| {
            let keys = charter.party(party).keys;
            let [station, root] = [keys.station, keys.root].map(PublicKey::from_bytes);
            Log::new(charter.line, Epoch::FIRST, party, station, root)
        };
        Line {
            id: charter.line,
            me,
            logs: Party::BOTH.map(log),
            facts: Facts::new(charter.clone()),
            charter,
            halted: None,
            restored: false,
            owes_since: None,
            lacking: BTreeSet::new(),
        }
    }

    /// Takes in an entry from our own store, where it was judged before it was committed.
    ///
    /// # Errors
    /// What is wrong with it: the store has been changed from outside.
    pub fn reload(&mut self, entry: &Entry) -> Result<Standing, Misconduct> {
        let log = self.log(entry.header.party);
        if entry.header.own != log.head() {
            return Err(Misconduct::WrongPlace);
        }
        Ok(self.append(entry))
    }

    /// Which line.
    pub fn id(&self) -> LineId {
        self.id
    }

    /// The charter as it was signed at first.
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Which of its two stations we are.
    pub fn me(&self) -> Party {
        self.me
    }

    /// The epoch in which we write.
    pub fn epoch(&self) -> Epoch {
        self.own().epoch()
    }

    /// One of the two logs.
    pub fn log(&self, party: Party) -> &Log {
        let [inviter, joiner] = &self.logs;
        match party {
            Party::Inviter => inviter,
            Party::Joiner => joiner,
        }
    }

    /// Our log.
    pub fn own(&self) -> &Log {
        self.log(self.me)
    }

    /// Our copy of theirs.
    pub fn peer(&self) -> &Log {
        self.log(self.me.peer())
    }

    /// The folded entries.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Why their log is taken no further, if it is.
    pub fn halted(&self) -> Option<Misconduct> {
        self.halted
    }

    /// Says that this is a copy restored from a backup: it signs nothing before a new epoch.
    pub fn mark_restored(&mut self) {
        self.restored = true;
    }

    /// Says that their log is taken no further in this epoch: the link found misconduct, or the store keeps the evidence of one
    /// that was found before this start.
    pub fn mark_halted(&mut self, misconduct: Misconduct) {
        if misconduct.halts() {
            self.halted.get_or_insert(misconduct);
        }
    }

    /// Whether this is a copy restored from a backup, which signs nothing in this epoch.
    pub fn restored(&self) -> bool {
        self.restored
    }

    /// Says, right after their entry of this index was taken in, that the attested body that it names never came: the next
    /// entries of ours say so to them.
    pub fn lacks(&mut self, index: u64) {
        self.lacking.insert(index);
    }

    fn halt(&mut self, misconduct: Misconduct) -> Answer {
        if misconduct.halts() {
            self.halted = Some(misconduct);
        }
        Answer::Misconduct(misconduct)
    }

    fn append(&mut self, entry: &Entry) -> Standing {
        let party = entry.header.party;
        let [inviter, joiner] = &mut self.logs;
        let (log, other) = match party {
            Party::Inviter => (inviter, joiner),
            Party::Joiner => (joiner, inviter),
        };
        log.append(entry);
        if party == self.me {
            self.lacking.retain(|index| !entry.header.lacking.contains(index));
        }
        other.forget_roots_below(entry.header.held.size);
        self.facts.apply(&entry.header)
    }
}
