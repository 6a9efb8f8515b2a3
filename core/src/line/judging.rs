//! What a person takes or refuses of what the peer shows of our own log (`docs/protocol.md` §4.6), in whatever epoch it stands:
//! an epoch need not be opened for it.

use alloc::vec::Vec;

use super::Line;
use super::epoch::{Stored, with};
use super::restore::{Judgement, Part};
use super::shown::{Branch, Effect};
use super::span::Span;
use super::turn::{Folded, Written};
use crate::fault::Refusal;
use crate::ids::Epoch;
use crate::limits;
use crate::record::opening::Opening;
use crate::record::sign1::PublicKey;

/// What came of a judgement, or of an opening with one: to be committed in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// What was taken into our logs, and the entry that opens an epoch.
    pub written: Vec<Written>,
    /// What was refused: given back by [`Line::recall_refused`] at a start.
    pub refused: Vec<Part>,
    /// As [`super::turn::Plan::folded`].
    pub folded: Vec<Folded>,
}

/// Whether root's list of the station keys that it has granted us on a line, oldest first, has a later key than this one: whoever
/// has an ended key could have made what it signed last.
pub fn has_ended(granted: &[PublicKey], key: &PublicKey) -> bool {
    granted.contains(key) && granted.last() != Some(key)
}

impl Line {
    /// Whether anything that the peer has shown of our log, in any epoch, waits for a person to take or refuse it. We sign
    /// meanwhile, unless [`Line::restore`] says otherwise: what stands below the epoch that serves holds nothing back.
    pub fn awaits_judgement(&self) -> bool {
        self.spans.iter().any(|span| self.judges(span))
    }

    /// Whether a part of this epoch waits for a person.
    pub(super) fn judges(&self, span: &Span) -> bool {
        span.branches.iter().any(|branch| self.waits(span, branch))
    }

    /// Whether a person is to take or refuse this part.
    pub(super) fn waits(&self, span: &Span, branch: &Branch) -> bool {
        self.effect(span, branch, branch.signer()) == Effect::Waits
    }

    /// What a part does to us whose last entry this key signs.
    pub(super) fn effect(&self, span: &Span, branch: &Branch, signer: PublicKey) -> Effect {
        let begins = self.may_begin(span, branch, true);
        if begins && self.is_asked_about(span, branch, signer) {
            return Effect::Waits;
        }
        // What begins a log that we have not begun is no branch of it, unless a person says that it is not ours, or nobody is known to
        // have opened that epoch: then whoever made it has our key, or is another copy of us.
        let ours = begins || span.own().size() > 0 && branch.first == span.own().key_at(branch.from);
        let by_us = ours && !span.by_an_ended_key(branch, signer);
        if by_us && span.epoch() >= self.epoch() { Effect::Stops } else { Effect::Nothing }
    }

    /// Whether a part continues our log, nobody has refused it, and it can be taken; if it begins our log of an epoch, under whatever key.
    fn is_asked_about(&self, span: &Span, branch: &Branch, signer: PublicKey) -> bool {
        let opened = branch.from > 0 || self.is_opened(span, branch);
        span.extends(branch) && opened && !span.is_refused_under(branch, signer)
    }

    /// Whether the epoch in which a branch begins our log is known to be opened, by its own index 0 or by theirs: to the other side
    /// a log in any other would be no log.
    fn is_opened(&self, span: &Span, branch: &Branch) -> bool {
        let by_them = matches!(span.opening(self.me.peer()), Some(Opening::Opened { .. }));
        span.epoch() == Epoch::FIRST || by_them || branch.first == span.own().root_key()
    }

    /// Whether what begins our log of a later epoch is signed by root, or by the key of our last log below it; with `shown` also by
    /// that of a log below that waits itself. What an ended key has begun is evidence, and stops nothing.
    pub(super) fn may_begin(&self, span: &Span, branch: &Branch, shown: bool) -> bool {
        let by_any_key = branch.from > 0 || span.epoch() == Epoch::FIRST;
        let under = |key: &PublicKey| branch.first == *key;
        by_any_key || under(&span.own().root_key()) || self.begin_keys(span.epoch(), shown).iter().any(under)
    }

    /// The keys under which our log of an epoch may begin, beside root's. Looked for upwards, each epoch once: a peer may have made up
    /// as many as there is place for.
    fn begin_keys(&self, epoch: Epoch, shown: bool) -> Vec<PublicKey> {
        let mut keys = alloc::vec![self.key_before(self.me, epoch)];
        let below = self.spans.iter().rposition(|span| span.epoch() < epoch && span.own().size() > 0).unwrap_or(0);
        for span in self.spans.iter().skip(below).take_while(|span| shown && span.epoch() < epoch) {
            let root = span.own().root_key();
            let begins = |b: &&Branch| b.from > 0 || b.first == root || keys.contains(&b.first);
            let waits = |b: &&Branch| self.is_asked_about(span, b, b.signer());
            let waiting: Vec<PublicKey> = span.branches.iter().filter(begins).filter(waits).map(Branch::key).collect();
            keys.extend(waiting);
        }
        keys
    }

    /// Takes back into our logs what a person takes; what they refuse stays beside them and is never asked about again. A part is
    /// taken or refused as far as it is named; what is not named waits on. Of two parts that part from one another the one that is
    /// taken makes the other evidence. Nothing is changed if any of it cannot be done.
    ///
    /// # Errors
    /// [`Refusal::PartNotWaiting`], [`Refusal::PartsConflict`].
    pub fn take_back(&mut self, judgement: &Judgement, stored: &Stored<'_>) -> Result<Judged, Refusal> {
        let mut after = self.clone();
        let mut judged = after.judged(judgement)?;
        after.recount(&with(&judged.written, stored));
        after.cut_down();
        after.remember_broken();
        judged.folded = after.folded();
        *self = after;
        Ok(judged)
    }

    fn judged(&mut self, judgement: &Judgement) -> Result<Judged, Refusal> {
        let Judgement { take, refuse } = judgement;
        if take.iter().chain(refuse).any(|part| self.place_of(part, true).is_none()) {
            return Err(Refusal::PartNotWaiting);
        }
        let mut judged = Judged::default();
        let mut take = take.clone();
        take.sort_unstable();
        take.dedup();
        for part in take {
            let Some((at, place)) = self.place_of(&part, false) else {
                let waits = self.place_of(&part, true).is_some();
                return Err(if waits { Refusal::PartNotWaiting } else { Refusal::PartsConflict });
            };
            let span = &mut self.spans[at];
            for (entry, standing) in span.move_up_to(place, part.head.size) {
                let thing = span.facts.all().fact(entry.header.at()).map(|f| f.thing);
                judged.written.push(Written {
                    epoch: part.epoch,
                    entry,
                    body: None,
                    standing,
                    thing,
                    taken_back: true,
                });
            }
        }
        for part in refuse {
            let beside = |b: &Branch| part.head.size > b.from && b.log.had(&part.head);
            let span = self.span_mut(part.epoch).filter(|span| span.branches.iter().any(beside));
            // It has just been taken.
            let span = span.ok_or(Refusal::PartsConflict)?;
            if !span.refused.contains(&part.head) {
                span.refused.push(part.head);
                judged.refused.push(*part);
            }
        }
        Ok(judged)
    }

    /// In which epoch, and in which branch there, a part waits; without `shown` it can be taken as the logs are now.
    fn place_of(&self, part: &Part, shown: bool) -> Option<(usize, usize)> {
        let at = self.spans.iter().position(|span| span.epoch() == part.epoch)?;
        let span = &self.spans[at];
        let here = |branch: &Branch| {
            let reaches = part.head.size > branch.from && branch.log.had(&part.head);
            reaches && self.waits(span, branch) && self.may_begin(span, branch, shown)
        };
        Some((at, span.branches.iter().position(here)?))
    }

    /// Takes note, after a start, of a part that was refused; when what was shown of its epoch has been recalled.
    pub fn recall_refused(&mut self, part: &Part) {
        if let Some(span) = self.span_mut(part.epoch).filter(|span| !span.refused.contains(&part.head)) {
            span.refused.push(part.head);
        }
    }

    /// Whether there is room for one more entry of this effect in an epoch, in a branch that is new there or not.
    pub(super) fn has_room(&self, span: &Span, effect: Effect, new: bool) -> bool {
        let alike = |branch: &&Branch| self.effect(span, branch, branch.signer()) == effect;
        let (branches, entries) = count(span.branches.iter().filter(alike));
        entries < limits::SHOWN_MAX && (!new || branches < limits::BRANCHES_MAX)
    }

    /// Forgets the oldest of what is set aside, where a person's refusals have made more of it than there is room for. The store
    /// keeps it; what counts is never forgotten, nor the last that stops us.
    pub(super) fn cut_down(&mut self) {
        for at in 0..self.spans.len() {
            for effect in [Effect::Stops, Effect::Nothing] {
                while let Some(place) = self.beyond_room(&self.spans[at], effect) {
                    self.spans[at].forget(place);
                }
            }
        }
        let idle = |span: &&Span| span.branches.iter().all(|b| self.effect(span, b, b.signer()) == Effect::Nothing);
        let idle: Vec<Epoch> = self.only_shown().filter(idle).map(Span::epoch).collect();
        let beyond = &idle[..idle.len().saturating_sub(limits::EPOCHS_MAX)];
        self.spans.retain(|span| !beyond.contains(&span.epoch()));
    }

    fn beyond_room(&self, span: &Span, effect: Effect) -> Option<usize> {
        let alike = |(_, branch): &(usize, &Branch)| self.effect(span, branch, branch.signer()) == effect;
        let (branches, entries) = count(span.branches.iter().enumerate().filter(alike).map(|(_, branch)| branch));
        if branches <= limits::BRANCHES_MAX && entries <= limits::SHOWN_MAX {
            return None;
        }
        let mut aside = span.branches.iter().enumerate().filter(alike).map(|(place, _)| place);
        aside.find(|place| span.folded_on != Some(*place))
    }
}

fn count<'a>(branches: impl Iterator<Item = &'a Branch>) -> (usize, usize) {
    branches.fold((0, 0), |(branches, entries), branch| (branches + 1, entries + branch.entries.len()))
}
