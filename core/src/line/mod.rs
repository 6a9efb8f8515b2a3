//! A line: two logs folded into what people see (`docs/protocol.md` §6, §7).
//!
//! The rules are in the order of the specification: [`judge`] says what counts (rule 1), [`crossing`] which acts decide
//! (rules 2–5), [`talk`] what became of the conversation, [`ladder`] how far an attempt has come. All of them are functions
//! of a [`facts::View`]: the counted entries of a cut. None of them has a clock.
//!
//! [`draft`], [`due`] and [`turn`] write entries; they alone are told the time.

mod beginning;
pub mod broken;
mod by_entry;
mod closer;
pub mod closing;
pub mod crossing;
pub mod draft;
pub mod due;
pub mod epoch;
pub mod facts;
pub mod judge;
pub mod judging;
pub mod ladder;
pub mod restore;
pub mod ringing;
pub mod shown;
pub mod span;
mod switch;
pub mod talk;
mod terms;
pub mod turn;
mod view;

use alloc::vec::Vec;

use crate::fault::Misconduct;
use crate::ids::{Epoch, LineId, Party};
use crate::link::output::Held;
use crate::record::charter::Charter;
use crate::record::log::{Entry, Log};
use crate::record::merkle::Hash;
use crate::record::sign1::{PublicKey, Verify};
use broken::Broken;
use facts::{Facts, Standing};
use shown::Branch;
use span::Span;

#[cfg(test)]
mod model;
#[cfg(test)]
mod search;

/// A line as one of its stations keeps it: all its epochs, of which the highest that we have begun serves.
#[derive(Clone, Debug)]
pub struct Line {
    id: LineId,
    me: Party,
    charter: Charter,
    /// Ascending; never empty.
    spans: Vec<Span>,
    /// The peer has been heard since the start, and has shown what it would of our log.
    heard: bool,
    /// Our link key was shown to be retired; the number of the highest epoch of ours that was shown with it.
    retired: Option<u64>,
    /// What the peer holds of our log is not, as far as it goes, what is kept beside it: we ask from where they part.
    strayed: bool,
    /// Since when, by the clock that never jumps, a `received` is owed.
    owes_since: Option<u64>,
    /// What the epochs that have ended broke off.
    broken: Broken,
    #[cfg(test)]
    without: Option<switch::Mend>,
}

impl Line {
    /// The line of a charter in its first epoch, with nothing in either log.
    pub fn new(charter: Charter, me: Party) -> Line {
        let keys = Party::BOTH.map(|party| PublicKey::from_bytes(charter.party(party).keys.station));
        Line {
            id: charter.line,
            me,
            spans: alloc::vec![Span::new(&charter, me, Epoch::FIRST, keys)],
            charter,
            heard: false,
            retired: None,
            strayed: false,
            owes_since: None,
            broken: Broken::default(),
            #[cfg(test)]
            without: None,
        }
    }

    /// Takes in an entry from our own store, where it was judged before it was committed: the epochs in ascending order, each log in
    /// order. When all is read, what was shown is recalled, and [`Line::rebuilt`] is called.
    ///
    /// # Errors
    /// What is wrong with it: the store has been changed from outside.
    pub fn reload(&mut self, entry: &Entry) -> Result<Standing, Misconduct> {
        let header = &entry.header;
        let (party, epoch) = (header.party, header.epoch);
        let empty = self.span(epoch).is_none_or(|span| span.log(party).size() == 0);
        if epoch != Epoch::FIRST && empty && !self.began(entry) {
            return Err(Misconduct::WrongEpoch);
        }
        let span = self.span_mut(epoch).ok_or(Misconduct::WrongEpoch)?;
        if header.own != span.log(party).head() {
            return Err(Misconduct::WrongPlace);
        }
        let standing = span.append(entry);
        span.take_folded();
        Ok(standing)
    }

    /// Takes in, after a start, an entry that was kept as shown; in the order in which they were kept. One that has been taken back
    /// since changes nothing.
    ///
    /// # Errors
    /// What is wrong with it: the store has been changed from outside.
    pub fn recall(&mut self, shown: &Entry, verify: &dyn Verify) -> Result<(), Misconduct> {
        self.keep(shown, verify)
    }

    /// Whether the peer has been heard since the start: what no store keeps, and is kept over a reading again.
    pub fn heard(&self) -> bool {
        self.heard
    }

    /// Says that the peer has been heard since the start, with nothing of what it showed lost meanwhile.
    pub fn mark_heard(&mut self) {
        self.heard = true;
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

    /// The epoch that serves: the highest in which we have written.
    pub fn epoch(&self) -> Epoch {
        self.serving().epoch()
    }

    /// The epoch that serves.
    fn serving(&self) -> &Span {
        let begun = self.spans.iter().rposition(|span| span.own().size() > 0);
        &self.spans[begun.unwrap_or(0)]
    }

    fn serving_mut(&mut self) -> &mut Span {
        let begun = self.spans.iter().rposition(|span| span.own().size() > 0);
        &mut self.spans[begun.unwrap_or(0)]
    }

    /// One of the two logs of the epoch that serves.
    pub fn log(&self, party: Party) -> &Log {
        self.serving().log(party)
    }

    /// Our log of the epoch that serves.
    pub fn own(&self) -> &Log {
        self.log(self.me)
    }

    /// Our copy of theirs.
    pub fn peer(&self) -> &Log {
        self.log(self.me.peer())
    }

    /// The folded entries of the epoch that serves.
    pub fn facts(&self) -> &Facts {
        self.serving().facts()
    }

    /// Why their log is taken no further in the epoch that serves, if it is.
    pub fn halted(&self) -> Option<Misconduct> {
        self.serving().halted()
    }

    /// The key that signs our next entry: that in force at the end of our log.
    pub fn signer(&self) -> PublicKey {
        self.own().key()
    }

    /// What a session is told of every epoch.
    pub fn held(&self) -> Vec<Held> {
        let peer = self.me.peer();
        let held = |span: &Span| {
            let log = span.log(peer);
            let key = if log.size() > 0 { log.key() } else { self.key_before(peer, span.epoch()) };
            // Of two that part from one another the peer holds one, or neither.
            let extensions: Vec<&Branch> = span.branches.iter().filter(|branch| span.extends(branch)).collect();
            let named = match extensions[..] {
                [branch] if !self.strayed => branch.head().size,
                _ => span.own().from(),
            };
            let halts = span.halted() == Some(Misconduct::HeadNeverOurs);
            let unknown = halts || span.unknown.is_some_and(|head| !span.had(&head));
            // What continues a log that was halted still comes when a later epoch serves.
            let halted = span.halted().filter(|_| span.epoch() >= self.epoch());
            let counts = span.own().size() + self.beside(span.epoch()).len() as u64;
            Held { heads: span.heads(), peer_key: key, halted, named, unknown, counts }
        };
        let begun = |span: &&Span| span.own().size() + span.peer().size() > 0;
        self.spans.iter().filter(begun).map(held).collect()
    }

    /// Says that our log of an epoch came in a backup: if that serves, we sign nothing before a new epoch. Of an epoch that is not known
    /// nothing came.
    pub fn mark_restored(&mut self, epoch: Epoch) {
        if let Some(span) = self.span_mut(epoch) {
            span.restored = true;
        }
    }

    /// Takes note that this link key of ours was shown to be retired (§8.6), and of the number of the highest epoch that was shown: one
    /// that we open is numbered above it. False, and nothing is noted, if we have opened an epoch since with another key: the
    /// conversation in which it was shown began before that.
    pub fn retire(&mut self, link: &Hash, highest: u64) -> bool {
        // What was taken back may have brought a key that this copy does not have.
        let stands = self.keys(self.me).link == *link || self.restored();
        if stands {
            self.mark_retired(highest);
        }
        stands
    }

    /// Says, at a start, that our link key was shown to be retired, with the number that was noted.
    pub fn mark_retired(&mut self, highest: u64) {
        self.retired = self.retired.max(Some(highest));
    }

    /// Says that their log is taken no further in this epoch: the link found misconduct, or the store keeps the evidence of one
    /// that was found before this start.
    pub fn mark_halted(&mut self, epoch: Epoch, misconduct: Misconduct) {
        let known = if self.span(epoch).is_some() { epoch } else { self.epoch() };
        if let Some(span) = self.span_mut(known).filter(|_| misconduct.halts()) {
            span.halted.get_or_insert(misconduct);
        }
    }

    /// Whether our log of the epoch that serves came in a backup, or in parts from the peer.
    pub fn restored(&self) -> bool {
        self.serving().restored
    }

    /// Says, right after their entry of this index was taken in, that the attested body that it names never came: the next
    /// entries of ours in that epoch say so to them.
    pub fn lacks(&mut self, epoch: Epoch, index: u64) {
        if let Some(span) = self.span_mut(epoch) {
            span.lacking.insert(index);
        }
    }
}
