//! What the peer shows of our own log and we do not hold (`docs/protocol.md` §4.6, *claims*): kept beside the log, where it stops
//! us from signing, until a person takes or refuses it. Nothing of it is taken in by itself.

use alloc::boxed::Box;
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
    /// Its own index 0, if our log of a later epoch begins with it.
    pub(super) opening: Option<Opening>,
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
    /// It is not kept, and nobody is accused: there is no room for it, or it follows what was not shown.
    LetGo,
}

/// What a part of our log that is shown does to us. Of each there is room apart: what was refused, or was evidence from the first,
/// keeps nothing out for which a person is to be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// A person takes or refuses it.
    Waits,
    /// It stops us from signing until root opens an epoch.
    Stops,
    /// None: it is evidence.
    Nothing,
}

/// Where an entry that is shown belongs.
pub(super) enum Place {
    /// It is there already.
    Held,
    /// At the end of the branch in this place.
    After(usize),
    /// It begins this branch, which is empty or a copy of what leads to it.
    New(Box<Branch>),
    /// A key of ours has signed it, and what comes before it was not shown.
    Stray,
}

impl Span {
    /// Whether this branch continues the log that we hold; otherwise it parts from it.
    pub(super) fn extends(&self, branch: &Branch) -> bool {
        let own = self.own();
        branch.from == own.size() && branch.log.had(&own.head())
    }

    /// Whether a branch was made by a key that our log, as we hold it, has ended since: whoever has that key could have made it.
    pub(super) fn by_an_ended_key(&self, branch: &Branch, signer: PublicKey) -> bool {
        self.own().key_at(branch.from) == signer && signer != self.own().key()
    }

    /// Whether a person has refused this branch. What a later key has signed on top of what was refused is another matter.
    pub(super) fn is_refused(&self, branch: &Branch) -> bool {
        self.is_refused_under(branch, branch.signer())
    }

    /// The same of a branch whose last entry this key signs.
    pub(super) fn is_refused_under(&self, branch: &Branch, signer: PublicKey) -> bool {
        let by_its_signer = |head: &Head| branch.log.key_at(head.size.saturating_sub(1)) == signer;
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

    /// Where an entry of ours that the peer shows belongs. `firsts` are the station keys that may have signed our first entry of this
    /// epoch.
    ///
    /// # Errors
    /// [`Misconduct::FalseClaim`]: it is not signed by us, or does not continue what we hold or were shown.
    pub(super) fn place(&self, entry: &Entry, firsts: &[PublicKey], verify: &dyn Verify) -> Result<Place, Misconduct> {
        let (index, before) = (entry.header.own.size, entry.header.own);
        let held = index < self.own().size() && self.own().leaf_at(index).is_none_or(|leaf| leaf == entry.leaf);
        if held || self.branches.iter().any(|b| b.leaf_at(index) == Some(entry.leaf)) {
            return Ok(Place::Held);
        }
        let signed = |log: &Log| log.continues(entry, verify).is_ok();
        if let Some(at) = self.branches.iter().position(|b| b.head() == before) {
            let is_ours = self.branches.get(at).is_some_and(|b| signed(&b.log));
            return if is_ours { Ok(Place::After(at)) } else { Err(Misconduct::FalseClaim) };
        }
        let signed_by = |key: &PublicKey| entry.signed_by(key, verify);
        match self.parting(before, entry, firsts, &signed_by) {
            Some(branch) if signed(&branch.log) => Ok(Place::New(branch.into())),
            // We ask from the end of what is kept, and what the peer holds may have left that before; or what comes before it found
            // no room.
            None if self.is_full()
                || self.branches.iter().any(|b| b.from < index && signed_by(&b.log.key_at(index))) =>
            {
                Ok(Place::Stray)
            }
            _ => Err(Misconduct::FalseClaim),
        }
    }

    fn is_full(&self) -> bool {
        let entries = self.branches.iter().map(|b| b.entries.len()).sum::<usize>();
        entries >= limits::SHOWN_MAX || self.branches.len() >= limits::BRANCHES_MAX
    }

    /// Keeps an entry in its place beside our log.
    pub(super) fn keep(&mut self, entry: &Entry, place: Place) -> Keeping {
        let branch = match place {
            Place::Held => return Keeping::Held,
            Place::Stray => return Keeping::LetGo,
            Place::After(at) => {
                self.stale |= self.folded_on == Some(at);
                self.branches.get_mut(at)
            }
            Place::New(branch) => {
                self.branches.push(*branch);
                self.branches.last_mut()
            }
        };
        if let Some(branch) = branch {
            branch.log.append(entry);
            branch.entries.push(entry.clone());
        }
        Keeping::Kept
    }

    /// Forgets a branch.
    pub(super) fn forget(&mut self, place: usize) {
        self.branches.remove(place);
        self.folded_on = self.folded_on.map(|on| if on > place { on - 1 } else { on });
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
        let opening = opens(entry).filter(|opening| !matches!(opening, Opening::Paired { .. }));
        // Also where our own log has begun since, by whichever key: what was kept before is kept again at a start.
        if before.size == 0 && own.from() == 0 && (own.size() == 0 || opening.is_some()) {
            let key = match opens(entry)? {
                Opening::Paired { .. } => own.key(),
                Opening::Opened { .. } => own.root_key(),
                Opening::Joined { .. } => firsts.iter().copied().chain([own.key_at(0)]).find(signed_by)?,
            };
            let log = Log::new(own.line(), self.epoch(), self.me, key, own.root_key());
            return Some(Branch { from: 0, first: key, log, opening, entries: Vec::new() });
        }
        if own.had(&before) {
            let log = own.at(before.size)?;
            return Some(Branch { from: before.size, first: log.key(), log, opening, entries: Vec::new() });
        }
        let other = self.branches.iter().find(|b| before.size >= b.from && b.log.had(&before))?;
        let kept = usize::try_from(before.size - other.from).ok()?;
        let entries = other.entries.iter().take(kept).cloned().collect();
        let (first, opening) = (other.first, other.opening.clone());
        Some(Branch { from: other.from, first, log: other.log.at(before.size)?, opening, entries })
    }
}

/// How an entry begins a log, if it does.
fn opens(entry: &Entry) -> Option<Opening> {
    match &entry.header.what {
        Ok(What::Charter(args)) if entry.header.own.size == 0 => Opening::read(args),
        _ => None,
    }
}
