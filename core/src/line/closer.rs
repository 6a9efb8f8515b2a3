//! Which epoch closed another that has ended (`docs/protocol.md` §4.6): a later one whose own two index 0s count. A peer can join
//! whenever it likes an epoch that it had let pass; if that closed anything, it could choose what an ended epoch says once it knows
//! what came of the rest.

use alloc::vec::Vec;

use super::Line;
use super::closing::{Lies, lies};
use super::span::Span;
use super::switch::Mend;
use crate::ids::{Epoch, Party};
use crate::record::entry::Head;
use crate::record::opening::{EpochHeads, Opening};

/// Whether index 0 of a log counts by what a charter names of it. Of two charters the better holds, of two logs the worse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Counts {
    /// It does not, whatever comes.
    Not,
    /// It may come to.
    Open,
    /// It does, whatever comes.
    Yes,
}

/// Whether an epoch closes those below it.
#[derive(Clone, Copy, Debug)]
struct Closes {
    epoch: Epoch,
    /// By what is held.
    now: bool,
    /// Nothing that may still come changes that.
    stays: bool,
}

/// The epoch that closed another.
#[derive(Clone, Copy)]
pub(super) struct Closer<'a> {
    /// Which.
    pub span: &'a Span,
    /// No other comes to close it.
    pub stays: bool,
}

/// What the charters of `by` name of an epoch of which nothing is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Unknown {
    pub by: Party,
    pub named: EpochHeads,
}

impl Line {
    /// The epoch that closed this one: the lowest later one that closes any and of which at least one charter names something of this
    /// one. Charters whose authors knew nothing of an epoch close it not: it came to light after they were written.
    pub(super) fn closer_of(&self, span: &Span) -> Option<Closer<'_>> {
        let above = self.closes_above(span.epoch());
        let names = |closer: &&Span| {
            let openings = Party::BOTH.into_iter().filter_map(|party| closer.opening(party));
            openings.filter_map(|opening| named_of(opening, span.epoch())).any(|e| e.heads.iter().any(|h| h.size > 0))
        };
        let closing = above.iter().rev().filter(|closes| closes.now).filter_map(|closes| self.span(closes.epoch));
        let closer = closing.into_iter().find(names)?;
        let mut upto = above.iter().filter(|closes| closes.epoch <= closer.epoch());
        let stays = self.off(Mend::ForGood)
            || upto.all(|closes| closes.stays) && self.unknown(span.epoch(), closer.epoch()).is_empty();
        Some(Closer { span: closer, stays })
    }

    /// Whether this epoch closes those below it, by what is held.
    pub(super) fn closes(&self, span: &Span) -> bool {
        self.closes_with(span, &self.closes_above(span.epoch())).now
    }

    /// Of every known epoch above this one whether it closes others, the highest first.
    fn closes_above(&self, epoch: Epoch) -> Vec<Closes> {
        let mut above = Vec::new();
        for span in self.spans.iter().rev().take_while(|span| span.epoch() > epoch) {
            let closes = self.closes_with(span, &above);
            above.push(closes);
        }
        above
    }

    /// An epoch closes others if both its index 0s are held and count: by the charters of the next one above that closes any, and as
    /// long as there is none.
    fn closes_with(&self, span: &Span, above: &[Closes]) -> Closes {
        let epoch = span.epoch();
        let both = Party::BOTH.iter().all(|party| span.opening(*party).is_some());
        if self.off(Mend::Closes) {
            return Closes { epoch, now: both, stays: true };
        }
        let says = |closes: &Closes| self.span(closes.epoch).map_or(Counts::Open, |later| self.says(later, epoch));
        let next = above.iter().rev().find(|closes| closes.now);
        let now = both && next.is_none_or(|next| says(next) == Counts::Yes);
        // Which one is the next above can still change up to the first that closes for good.
        let settled = above.iter().rposition(|closes| closes.now && closes.stays);
        let may_close = |closes: &&Closes| closes.now || !closes.stays;
        let mut candidates = above.iter().skip(settled.unwrap_or(0)).filter(may_close);
        let stays = if now {
            candidates.all(|closes| says(closes) == Counts::Yes)
        } else {
            settled.is_some() && candidates.all(|closes| says(closes) == Counts::Not)
        };
        Closes { epoch, now, stays }
    }

    /// Whether both index 0s of an epoch count by the charters of a later one, as far as these are held.
    fn says(&self, later: &Span, epoch: Epoch) -> Counts {
        let of = |party| Party::BOTH.into_iter().map(|author| self.says_of(later, author, epoch, party)).max();
        Party::BOTH.into_iter().filter_map(of).min().unwrap_or(Counts::Not)
    }

    fn says_of(&self, later: &Span, author: Party, epoch: Epoch, party: Party) -> Counts {
        match later.opening(author) {
            Some(opening) => {
                let head = named_of(opening, epoch).map_or(Head::empty(), |named| named.of(party));
                self.has_begun(epoch, party, author, &head)
            }
            // What we are still to write there names all that we hold.
            None if author == self.me && self.span(epoch).is_some_and(|span| span.log(party).size() > 0) => Counts::Yes,
            None => Counts::Open,
        }
    }

    /// Whether index 0 of a log counts because `author` names this head of it.
    fn has_begun(&self, epoch: Epoch, party: Party, author: Party, head: &Head) -> Counts {
        if head.size == 0 {
            return Counts::Not;
        }
        let Some(span) = self.span(epoch) else { return Counts::Open };
        let (log, ours) = (span.log(party), party == self.me);
        let mut beside = span.branches.iter().filter(|branch| ours && branch.log.had(head)).peekable();
        match lies(span, log, head) {
            // A person has refused it, or could not take it: it closes nothing for us.
            Lies::Ahead if log.size() == 0 && beside.peek().is_some() => {
                if beside.any(|branch| self.waits(span, branch)) { Counts::Open } else { Counts::Not }
            }
            Lies::On => Counts::Yes,
            Lies::Off if beside.peek().is_some() => Counts::Yes,
            // It named of its own log what that never was.
            Lies::Off if party == author => Counts::Not,
            Lies::Off | Lies::Ahead => Counts::Open,
        }
    }

    /// What the charters of epochs above `epoch`, up to `closer`, name of epochs between of which nothing is held and that could close it.
    pub(super) fn unknown(&self, epoch: Epoch, closer: Epoch) -> Vec<Unknown> {
        let mut unknown = Vec::new();
        for later in self.spans.iter().filter(|later| later.epoch() > epoch && later.epoch() <= closer) {
            for by in Party::BOTH {
                let named = later.opening(by).into_iter().flat_map(Opening::heads);
                let between = named.filter(|named| named.epoch > epoch && named.epoch < later.epoch());
                let could = |named: &&EpochHeads| {
                    !self.off(Mend::Closes)
                        && self.span(named.epoch).is_none()
                        && self.says(later, named.epoch) != Counts::Not
                };
                unknown.extend(between.filter(could).map(|named| Unknown { by, named: *named }));
            }
        }
        unknown
    }
}

/// What an index 0 names of an earlier epoch.
pub(super) fn named_of(opening: &Opening, epoch: Epoch) -> Option<&EpochHeads> {
    opening.heads().iter().find(|named| named.epoch == epoch)
}
