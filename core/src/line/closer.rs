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

/// The charters of one epoch as they are read for what it closes, in the order of the parties.
pub(super) type Charters<'a> = [Option<&'a Opening>; 2];

/// Whether an epoch closes those below it.
#[derive(Clone, Copy)]
struct Closes<'a> {
    span: &'a Span,
    charters: Charters<'a>,
    /// By what is held.
    now: bool,
    /// Nothing that may still come changes that.
    stays: bool,
}

/// Of the epochs above another whether they close any, the highest first, and what their charters name of which nothing is held.
#[derive(Default)]
struct Above<'a> {
    closes: Vec<Closes<'a>>,
    unknown: Vec<Unknown>,
}

impl Above<'_> {
    /// What charters of the epochs up to this one, or of all, name of epochs above the other.
    fn unknown(&self, above: Epoch, upto: Option<Epoch>) -> impl Iterator<Item = &Unknown> {
        let is_upto = move |later| upto.is_none_or(|upto| later <= upto);
        self.unknown.iter().filter(move |unknown| unknown.named.epoch > above && is_upto(unknown.later))
    }
}

/// The epoch that closed another.
pub(super) struct Closer<'a> {
    pub by: &'a Span,
    /// Its charters.
    pub charters: Charters<'a>,
    /// No other comes to close it.
    pub stays: bool,
    /// What its charters, and those of epochs between, name of epochs between of which nothing is held and that could close it.
    pub unknown: Vec<Unknown>,
}

/// What the charter of `by` of a later epoch names of one of which nothing is held, and that could close others.
#[derive(Clone, Copy)]
pub(super) struct Unknown {
    pub later: Epoch,
    pub by: Party,
    pub named: EpochHeads,
}

impl Line {
    /// The epoch that closed this one: the lowest later one that closes any and of which at least one charter names something of this
    /// one. Charters whose authors knew nothing of an epoch close it not: it came to light after they were written.
    pub(super) fn closer_of(&self, span: &Span) -> Option<Closer<'_>> {
        let above = self.closes_above(span.epoch());
        let names = |closes: &&Closes<'_>| {
            let named = closes.charters.into_iter().flatten().filter_map(|opening| named_of(opening, span.epoch()));
            named.flat_map(|named| named.heads).any(|head| head.size > 0)
        };
        let closer = above.closes.iter().rev().filter(|closes| closes.now).find(names)?;
        let (by, charters) = (closer.span, closer.charters);
        let unknown: Vec<_> = above.unknown(span.epoch(), Some(by.epoch())).copied().collect();
        let mut upto = above.closes.iter().filter(|closes| closes.span.epoch() <= by.epoch());
        let stays = self.off(Mend::ForGood) || upto.all(|closes| closes.stays) && unknown.is_empty();
        Some(Closer { by, charters, stays, unknown })
    }

    /// Whether this epoch closes those below it, by what is held.
    pub(super) fn closes(&self, span: &Span) -> bool {
        self.closes_with(span, &self.closes_above(span.epoch())).now
    }

    fn closes_above(&self, epoch: Epoch) -> Above<'_> {
        let mut above = Above::default();
        for span in self.spans.iter().rev().take_while(|span| span.epoch() > epoch) {
            let closes = self.closes_with(span, &above);
            above.closes.push(closes);
            // What closes none, for good, names nothing that could.
            if closes.now || !closes.stays {
                above.unknown.extend(self.unknown(&closes));
            }
        }
        above
    }

    /// An epoch closes others if both its index 0s are held and count: by the charters of the next one above that closes any, and as
    /// long as there is none.
    fn closes_with<'a>(&self, span: &'a Span, higher: &Above<'_>) -> Closes<'a> {
        let (epoch, above) = (span.epoch(), &higher.closes);
        let next = above.iter().rev().find(|closes| closes.now);
        let charters = self.charters(span, next);
        let both = charters.iter().all(Option::is_some);
        if self.off(Mend::Closes) {
            return Closes { span, charters, now: both, stays: true };
        }
        // Which one is the next above can still change up to the first that closes for good.
        let settled = above.iter().rposition(|closes| closes.now && closes.stays);
        let last = settled.and_then(|at| above.get(at)).map(|closes| closes.span.epoch());
        let late = |closes: &Closes<'_>| {
            let from = closes.span.epoch();
            let upto = above.iter().skip(settled.unwrap_or(0)).filter(|later| later.span.epoch() >= from);
            upto.map(|later| self.respects(span, &charters, later)).min().unwrap_or(Counts::Yes)
        };
        let says = |closes: &Closes<'_>| self.says(closes, epoch, last).min(late(closes));
        let now = both && next.is_none_or(|next| says(next) == Counts::Yes);
        let mut between = higher.unknown(epoch, last);
        let upheld = |unknown: &Unknown| {
            Party::BOTH.into_iter().all(|party| self.is_upheld(epoch, party, unknown.named.epoch, last))
        };
        let may_close = |closes: &&Closes<'_>| closes.now || !closes.stays;
        let mut candidates = above.iter().skip(settled.unwrap_or(0)).filter(may_close);
        // Where our log is known to begin in several ways, any of these could come to name another.
        let whole = |closes: &Closes<'_>| closes.charters.iter().all(Option::is_some);
        let same = |closes: &Closes<'_>| whole(closes) && self.charters(span, Some(closes)) == charters;
        let one = self.stands(span) || !span.begins_twice();
        let named = |closes: &Closes<'_>| says(closes) == Counts::Yes && (one || same(closes));
        let stays = if now {
            candidates.all(named) && between.all(upheld)
        } else {
            between.next().is_none() && settled.is_some() && candidates.all(|closes| says(closes) == Counts::Not)
        };
        Closes { span, charters, now, stays }
    }

    /// The charters of an epoch, as those of the next one above that closes any name them: ours may stand beside our log. What begins our
    /// log and a charter of ours above names gives way to nothing that the other side names, and may show when it likes.
    fn charters<'a>(&self, span: &'a Span, next: Option<&Closes<'_>>) -> Charters<'a> {
        let next = next.filter(|_| !self.stands(span));
        let named = next.and_then(|next| self.named_beside(span, &next.charters));
        let beside = named.and_then(|(on, _)| span.branches.get(on)?.opening.as_ref());
        Party::BOTH.map(|party| beside.filter(|_| party == self.me).or(span.opening(party)))
    }

    /// Whether a charter of ours above names our log of an epoch, as we hold it.
    fn stands(&self, span: &Span) -> bool {
        let above = self.spans.iter().rev().take_while(|later| later.epoch() > span.epoch());
        let named = above.filter_map(|later| named_of(later.opening(self.me)?, span.epoch()));
        let mut ours = named.map(|named| named.of(self.me)).filter(|head| head.size > 0);
        ours.any(|head| lies(span, span.own(), &head) == Lies::On)
    }

    /// Whether these charters of an epoch name both index 0s of every lower one of which our charter of the later one names both, if that
    /// knew nothing of our log there: another life of ours, that wrote it, undoes nothing.
    fn respects(&self, span: &Span, charters: &Charters<'_>, later: &Closes<'_>) -> Counts {
        let Some(ours) = later.span.opening(self.me) else { return Counts::Yes };
        let knew = named_of(ours, span.epoch()).is_some_and(|named| named.of(self.me).size > 0);
        let below = |named: &&EpochHeads| Epoch::FIRST < named.epoch && named.epoch < span.epoch() && is_whole(named);
        let of = Closes { span, charters: *charters, now: false, stays: false };
        if knew || charters.iter().any(Option::is_none) {
            return Counts::Yes;
        }
        let named = ours.heads().iter().filter(below);
        named.map(|named| self.says(&of, named.epoch, None)).min().unwrap_or(Counts::Yes)
    }

    /// Whether both index 0s of an epoch count by the charters of a later one, as far as these are held.
    fn says(&self, later: &Closes<'_>, epoch: Epoch, last: Option<Epoch>) -> Counts {
        let of = |party| Party::BOTH.into_iter().map(|author| self.says_of(later, author, epoch, party, last)).max();
        Party::BOTH.into_iter().filter_map(of).min().unwrap_or(Counts::Not)
    }

    fn says_of(&self, later: &Closes<'_>, author: Party, epoch: Epoch, party: Party, last: Option<Epoch>) -> Counts {
        let [inviter, joiner] = later.charters;
        match if author == Party::Inviter { inviter } else { joiner } {
            Some(opening) => {
                let head = named_of(opening, epoch).map_or(Head::empty(), |named| named.of(party));
                let begun = self.has_begun(epoch, party, (author, later.span), &head);
                // Ours stands beside, and the other's is not held: with it, it undoes nothing that ours above uphold.
                let whole = later.charters.iter().all(Option::is_some);
                let beside = author == self.me && !whole && later.span.opening(self.me).is_none();
                if beside && self.is_upheld(epoch, party, later.span.epoch(), last) { Counts::Yes } else { begun }
            }
            // What we are still to write there names all that we hold.
            None if author == self.me && self.is_upheld(epoch, party, later.span.epoch(), last) => Counts::Yes,
            None => Counts::Open,
        }
    }

    /// Whether a charter of ours of `later` that is not held names index 0 of this log, or undoes nothing if it does not: we are still to
    /// write it, or one of ours above, up to the last that decides, names both index 0s of this epoch and nothing of ours there.
    fn is_upheld(&self, epoch: Epoch, party: Party, later: Epoch, last: Option<Epoch>) -> bool {
        let between = self.spans.iter().filter(|span| span.epoch() > later);
        let mut above = between.filter_map(|span| Some((span.epoch(), span.opening(self.me)?))).peekable();
        let held = self.span(epoch).is_some_and(|span| span.log(party).size() > 0);
        let knew = |ours: &Opening| named_of(ours, later).is_some_and(|named| named.of(self.me).size > 0);
        let uphold = |ours: &Opening| !knew(ours) && named_of(ours, epoch).is_some_and(is_whole);
        held && (above.peek().is_none() || above.any(|(at, ours)| last.is_none_or(|last| at <= last) && uphold(ours)))
    }

    /// Whether our charter of an epoch may be another life's: of our log it can name what we do not hold and may be shown any day.
    pub(super) fn is_of_another_life(&self, span: &Span) -> bool {
        span.opening(self.me).is_none() || span.restored
    }

    /// Whether index 0 of a log counts because `author` names this head of it in its charter of `later`.
    fn has_begun(&self, epoch: Epoch, party: Party, (author, later): (Party, &Span), head: &Head) -> Counts {
        if head.size == 0 {
            return Counts::Not;
        }
        let Some(span) = self.span(epoch) else { return Counts::Open };
        // What is named and stands beside our log counts also if a person refused it: the other side reads it so.
        if party == self.me && span.branches.iter().any(|branch| branch.log.had(head)) {
            return Counts::Yes;
        }
        match lies(span, span.log(party), head) {
            Lies::On => Counts::Yes,
            // It named of its own log what that never was.
            Lies::Off if party == author && (party != self.me || !self.is_of_another_life(later)) => Counts::Not,
            Lies::Off | Lies::Ahead => Counts::Open,
        }
    }

    /// What the charters of an epoch name of lower ones of which nothing is held and that could close others.
    fn unknown(&self, later: &Closes<'_>) -> Vec<Unknown> {
        let mut unknown = Vec::new();
        for (by, opening) in Party::BOTH.into_iter().zip(later.charters) {
            let below = opening.into_iter().flat_map(Opening::heads).filter(|named| named.epoch < later.span.epoch());
            let is_known = |epoch: &Epoch| self.spans.binary_search_by_key(epoch, Span::epoch).is_ok();
            let could =
                |named: &&EpochHeads| !is_known(&named.epoch) && self.says(later, named.epoch, None) != Counts::Not;
            let named = below.filter(|_| !self.off(Mend::Closes)).filter(could);
            unknown.extend(named.map(|named| Unknown { later: later.span.epoch(), by, named: *named }));
        }
        unknown
    }
}

/// Whether this names index 0 of both logs.
fn is_whole(named: &EpochHeads) -> bool {
    named.heads.iter().all(|head| head.size > 0)
}

/// What an index 0 names of an earlier epoch.
pub(super) fn named_of(opening: &Opening, epoch: Epoch) -> Option<&EpochHeads> {
    opening.heads().iter().find(|named| named.epoch == epoch)
}
