//! What the peer shows of our own log and we do not hold (`docs/protocol.md` §4.6, *claims*): kept beside the log, where it stops
//! us from signing, until a person takes or refuses it. Nothing of it is taken in by itself.

use alloc::vec::Vec;

use super::facts::Standing;
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

    /// The key that signed its last entry: whoever has it could have made the whole. The key in force after that may be newer, but
    /// root's grant of it says nothing of what stands before, and may be shown again.
    pub(super) fn signer(&self) -> PublicKey {
        self.log.key_at(self.head().size.saturating_sub(1))
    }

    /// Leaves out what has come to stand in our log: these entries, from that index on.
    fn leave_out(&mut self, from: u64, moved: &[Entry]) {
        let there = |index: u64| moved.get(usize::try_from(index.checked_sub(from)?).ok()?);
        let same = |(entry, index): &(&Entry, u64)| there(*index).is_some_and(|moved| moved.leaf == entry.leaf);
        let left_out = self.entries.iter().zip(self.from..).take_while(same).count();
        self.entries.drain(..left_out);
        self.from += left_out as u64;
        self.first = self.log.key_at(self.from);
    }
}

/// What became of an entry of ours that was shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Keeping {
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
        self.own().key_at(branch.from) == branch.signer() && branch.signer() != self.own().key()
    }

    /// Whether a person has refused this branch. What a later key has signed on top of what was refused is another matter.
    pub(super) fn is_refused(&self, branch: &Branch) -> bool {
        let by_its_signer = |head: &Head| branch.log.key_at(head.size.saturating_sub(1)) == branch.signer();
        self.refused.iter().any(|head| branch.log.had(head) && by_its_signer(head))
    }

    /// Moves what was shown up to this size from one of the branches to the end of our log.
    pub(super) fn move_up_to(&mut self, place: usize, size: u64) -> Vec<(Entry, Standing)> {
        let Some(branch) = self.branches.get(place) else { return Vec::new() };
        let (first, from) = (branch.first, branch.from);
        let count = usize::try_from(size.saturating_sub(from)).unwrap_or(usize::MAX);
        let moved: Vec<Entry> = branch.entries.iter().take(count).cloned().collect();
        // What stands in our log now is shown no more, by whichever branch.
        self.branches.iter_mut().for_each(|branch| branch.leave_out(from, &moved));
        let gone = |on: usize| self.branches.iter().take(on).filter(|b| b.entries.is_empty()).count();
        self.stale |= self.folded_on.is_some();
        self.folded_on = self.folded_on.map(|on| on - gone(on));
        self.branches.retain(|branch| !branch.entries.is_empty());
        self.sign_first_with(self.me, first);
        self.restored = true;
        let append = |entry: Entry| {
            let standing = self.append(&entry);
            (entry, standing)
        };
        moved.into_iter().map(append).collect()
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
    ) -> Result<Keeping, Misconduct> {
        let (index, before) = (entry.header.own.size, entry.header.own);
        let held = index < self.own().size() && self.own().leaf_at(index).is_none_or(|leaf| leaf == entry.leaf);
        if held || self.branches.iter().any(|b| b.leaf_at(index) == Some(entry.leaf)) {
            return Ok(Keeping::Held);
        }
        let signed = |log: &Log| log.continues(entry, verify).is_ok();
        if let Some(at) = self.branches.iter().position(|b| b.head() == before) {
            let room = self.room();
            let branch = self.branches.get_mut(at).filter(|b| signed(&b.log)).ok_or(Misconduct::FalseClaim)?;
            if !room {
                return Ok(Keeping::Full);
            }
            branch.log.append(entry);
            branch.entries.push(entry.clone());
            return Ok(Keeping::Kept);
        }
        let signed_by = |key: &PublicKey| entry.signed_by(key, verify);
        let full = self.branches.len() >= limits::BRANCHES_MAX || !self.room();
        // What follows an entry that found no room fits nowhere, and accuses nobody.
        let Some(mut branch) = self.parting(before, entry, firsts, &signed_by) else {
            return if full { Ok(Keeping::Full) } else { Err(Misconduct::FalseClaim) };
        };
        if !signed(&branch.log) {
            return Err(Misconduct::FalseClaim);
        }
        if full {
            return Ok(Keeping::Full);
        }
        branch.log.append(entry);
        branch.entries.push(entry.clone());
        self.branches.push(branch);
        Ok(Keeping::Kept)
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
            return Some(Branch { from: 0, first: key, log, entries: Vec::new() });
        }
        if own.had(&before) {
            let log = own.at(before.size)?;
            return Some(Branch { from: before.size, first: log.key(), log, entries: Vec::new() });
        }
        let other = self.branches.iter().find(|b| before.size >= b.from && b.log.had(&before))?;
        let kept = usize::try_from(before.size - other.from).ok()?;
        let entries = other.entries.iter().take(kept).cloned().collect();
        Some(Branch { from: other.from, first: other.first, log: other.log.at(before.size)?, entries })
    }
}

/// How an entry begins a log, if it does.
fn opens(entry: &Entry) -> Option<Opening> {
    match &entry.header.what {
        Ok(What::Charter(args)) if entry.header.own.size == 0 => Opening::read(args),
        _ => None,
    }
}
