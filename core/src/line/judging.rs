//! What a person takes or refuses of what the peer shows of our own log (`docs/protocol.md` §4.6), in whatever epoch it stands:
//! an epoch need not be opened for it.

use alloc::vec::Vec;

use super::Line;
use super::epoch::{Stored, with};
use super::restore::{Judgement, Part, Verdict};
use super::shown::Branch;
use super::span::Span;
use super::turn::{Folded, Written};
use crate::ids::Epoch;
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
        span.extends(branch) && !span.is_refused(branch) && self.may_begin(span, branch, true)
    }

    /// Whether what begins our log of a later epoch is signed by root, or by the key of our last log below it; with `shown` also by
    /// that of a log below that waits itself. What an ended key has begun is evidence, and stops nothing.
    fn may_begin(&self, span: &Span, branch: &Branch, shown: bool) -> bool {
        let (epoch, first) = (span.epoch(), branch.first);
        if branch.from > 0 || epoch == Epoch::FIRST || first == span.own().root_key() {
            return true;
        }
        let begun = |below: &&Span| below.own().size() > 0;
        let last = self.spans.iter().rev().filter(|below| below.epoch() < epoch).find(begun).map(Span::epoch);
        let between = self.spans.iter().filter(|below| below.epoch() < epoch && Some(below.epoch()) >= last);
        let waits = |below: &Span| below.branches.iter().any(|b| b.key() == first && self.waits(below, b));
        first == self.key_before(self.me, epoch) || shown && between.into_iter().any(waits)
    }

    /// Whether a judgement speaks of everything that holds us back.
    pub(super) fn judges_all(&self, judgement: Option<&Judgement>) -> bool {
        let named = |part: &Part| judgement.is_some_and(|j| j.parts.as_ref().is_none_or(|parts| parts.contains(part)));
        let holding = self.spans.iter().filter(|span| span.epoch() >= self.epoch());
        holding.into_iter().all(|span| {
            let part = |branch: &Branch| Part { epoch: span.epoch(), head: branch.head() };
            span.branches.iter().filter(|branch| self.waits(span, branch)).all(|branch| named(&part(branch)))
        })
    }

    /// Takes back into our logs what a person takes; what it refuses stays beside them and is never asked about again. A part that
    /// has grown since the person looked is taken as far as they saw it. Refused is only what a key that root's list has ended
    /// signed last; of two parts that part from one another the first that is taken excludes the other.
    pub fn take_back(&mut self, judgement: &Judgement, stored: &Stored<'_>) -> Judged {
        let mut judged = Judged::default();
        for at in 0..self.spans.len() {
            while let Some((place, part, ended)) = self.next_judged(at, judgement) {
                let span = &mut self.spans[at];
                if ended && judgement.ended == Verdict::Refuse {
                    span.refused.push(part.head);
                    judged.refused.push(part);
                    continue;
                }
                for (entry, standing) in span.move_up_to(place, part.head.size) {
                    let thing = span.facts.all().fact(entry.header.at()).map(|f| f.thing);
                    let epoch = span.epoch();
                    judged.written.push(Written { epoch, entry, body: None, standing, thing, taken_back: true });
                }
            }
        }
        self.recount(&with(&judged.written, stored));
        judged.folded = self.folded();
        judged
    }

    /// The next part of an epoch that a judgement decides: its place, how far the person saw it, and whether the key that made it has
    /// ended. What no ended key has made comes first.
    fn next_judged(&self, at: usize, judgement: &Judgement) -> Option<(usize, Part, bool)> {
        let span = &self.spans[at];
        let epoch = span.epoch();
        let last = judgement.granted.last();
        let ended = |key: &PublicKey| judgement.granted.contains(key) && last != Some(key);
        let seen = |branch: &Branch| match &judgement.parts {
            None => Some(branch.head()),
            Some(parts) => {
                let of = parts.iter().filter(|part| part.epoch == epoch && part.head.size > branch.from);
                of.map(|part| part.head).filter(|head| branch.log.had(head)).max()
            }
        };
        let decided = |(place, branch): (usize, &Branch)| {
            let waits = self.waits(span, branch) && self.may_begin(span, branch, false);
            // What was refused as far as the person saw it may still wait for what a later key signed on top of it.
            let head = seen(branch).filter(|head| waits && !span.refused.contains(head))?;
            Some((place, Part { epoch, head }, ended(&branch.log.key_at(head.size - 1))))
        };
        span.branches.iter().enumerate().filter_map(decided).min_by_key(|(place, _, ended)| (*ended, *place))
    }

    /// Takes note, after a start, of a part that was refused; when what was shown of its epoch has been recalled.
    pub fn recall_refused(&mut self, part: &Part) {
        if let Some(span) = self.span_mut(part.epoch).filter(|span| !span.refused.contains(&part.head)) {
            span.refused.push(part.head);
        }
    }
}
