//! What the peer shows of our own log and we do not hold (`docs/protocol.md` §4.6, *claims*): kept beside the log, where it stops
//! us from signing, until a person takes or refuses it. Nothing of it is taken in by itself.

use alloc::vec::Vec;

use super::span::Span;
use crate::fault::Misconduct;
use crate::limits;
use crate::record::entry::Head;
use crate::record::log::{Entry, Log};
use crate::record::merkle::Hash;
use crate::record::opening::Opening;
use crate::record::sign1::{PublicKey, Verify};
use crate::record::what::What;

/// A part of our own log that the peer has shown, each entry signed by the key in force there.
#[derive(Clone, Debug)]
pub struct Branch {
    /// The index of its first entry: where it leaves, or continues, the log that we hold.
    pub from: u64,
    /// The key that signs its first entry.
    pub(super) first: PublicKey,
    /// Our log with it.
    pub(super) log: Log,
    /// Its entries.
    pub entries: Vec<Entry>,
    /// A person has refused it.
    pub refused: bool,
}

impl Branch {
    /// How far it reaches.
    pub fn head(&self) -> Head {
        self.log.head()
    }

    fn leaf_at(&self, index: u64) -> Option<Hash> {
        let at = usize::try_from(index.checked_sub(self.from)?).ok()?;
        self.entries.get(at).map(|entry| entry.leaf)
    }

    /// The key in force at its end.
    pub fn key(&self) -> PublicKey {
        self.log.key()
    }
}

/// What became of an entry of ours that was shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shown {
    /// It is new here, and ours.
    Kept,
    /// We hold it.
    Held,
    /// As much as we keep is kept already.
    Full,
}

impl Span {
    /// Whether this branch continues the log that we hold; otherwise it parts from it.
    pub(super) fn extends(&self, branch: &Branch) -> bool {
        let own = self.own();
        branch.from == own.size() && branch.log.had(&own.head())
    }

    /// Whether a branch was made by a key that our log, as we hold it, has ended since: whoever has that key could have made it.
    pub(super) fn by_an_ended_key(&self, branch: &Branch) -> bool {
        let there = self.own().at(branch.from).map(|log| log.key());
        there == Some(branch.key()) && branch.key() != self.own().key()
    }

    /// Takes note of an entry of ours that the peer shows. `firsts` are the station keys that may have signed our first entry of
    /// this epoch.
    ///
    /// # Errors
    /// [`Misconduct::FalseClaim`]: it is not signed by us, or does not continue what we hold or were shown.
    pub(super) fn show(
        &mut self,
        entry: &Entry,
        firsts: &[PublicKey],
        verify: &dyn Verify,
    ) -> Result<Shown, Misconduct> {
        let (index, before) = (entry.header.own.size, entry.header.own);
        let held = index < self.own().size() && self.own().leaf_at(index).is_none_or(|leaf| leaf == entry.leaf);
        if held || self.branches.iter().any(|b| b.leaf_at(index) == Some(entry.leaf)) {
            return Ok(Shown::Held);
        }
        let signed = |log: &Log| log.continues(entry, verify).is_ok();
        if let Some(at) = self.branches.iter().position(|b| b.head() == before) {
            let room = self.room();
            let branch = self.branches.get_mut(at).filter(|b| signed(&b.log)).ok_or(Misconduct::FalseClaim)?;
            if !room {
                return Ok(Shown::Full);
            }
            branch.log.append(entry);
            branch.entries.push(entry.clone());
            return Ok(Shown::Kept);
        }
        let signed_by = |key: &PublicKey| entry.signed_by(key, verify);
        let mut branch = self.parting(before, entry, firsts, &signed_by).ok_or(Misconduct::FalseClaim)?;
        if !signed(&branch.log) {
            return Err(Misconduct::FalseClaim);
        }
        if self.branches.len() >= limits::BRANCHES_MAX || !self.room() {
            return Ok(Shown::Full);
        }
        branch.log.append(entry);
        branch.entries.push(entry.clone());
        self.branches.push(branch);
        Ok(Shown::Kept)
    }

    fn room(&self) -> bool {
        self.branches.iter().map(|b| b.entries.len()).sum::<usize>() < limits::SHOWN_MAX
    }

    /// A new branch that leaves the log that we hold, or another branch, at this head; nothing is in it yet.
    fn parting(
        &self,
        before: Head,
        entry: &Entry,
        firsts: &[PublicKey],
        signed_by: &dyn Fn(&PublicKey) -> bool,
    ) -> Option<Branch> {
        let own = self.own();
        if before.size == 0 && own.size() == 0 {
            let key = match opens(entry)? {
                Opening::Paired { .. } => own.key(),
                Opening::Opened { .. } => own.root_key(),
                Opening::Joined { .. } => firsts.iter().copied().find(signed_by)?,
            };
            let log = Log::new(own.line(), self.epoch(), self.me, key, own.root_key());
            return Some(Branch { from: 0, first: key, log, entries: Vec::new(), refused: false });
        }
        if own.had(&before) {
            let log = own.at(before.size)?;
            return Some(Branch { from: before.size, first: log.key(), log, entries: Vec::new(), refused: false });
        }
        let other = self.branches.iter().find(|b| before.size >= b.from && b.log.had(&before))?;
        let kept = usize::try_from(before.size - other.from).ok()?;
        let entries = other.entries.iter().take(kept).cloned().collect();
        Some(Branch { from: other.from, first: other.first, log: other.log.at(before.size)?, entries, refused: false })
    }
}

/// How an entry begins a log, if it does.
fn opens(entry: &Entry) -> Option<Opening> {
    match &entry.header.what {
        Ok(What::Charter(args)) if entry.header.own.size == 0 => Opening::read(args),
        _ => None,
    }
}
