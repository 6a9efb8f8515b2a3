//! How far an epoch counts that has ended (`docs/protocol.md` §4.6): as far as the two charters that closed it name both its logs.

use alloc::vec::Vec;

use super::Line;
use super::closer::{Charters, Closer, Unknown, named_of};
use super::epoch::{Ended, Stored};
use super::facts::{Cut, View};
use super::shown::Branch;
use super::span::Span;
use super::switch::Mend;
use crate::ids::{EntryRef, Epoch, Party};
use crate::record::entry::Head;
use crate::record::log::{Entry, Log};
use crate::record::merkle::{Edge, leaf_hash};
use crate::record::opening::Opening;

/// What the charters that closed an epoch name of one of its logs.
#[derive(Clone, Copy)]
struct Named {
    /// By whoever wrote it.
    own: Head,
    /// By the other side.
    other: Head,
}

/// How a head that is named stands to a log as it is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lies {
    /// The log has had it.
    On,
    /// The log has grown past its size and never had it.
    Off,
    /// The log has not grown so far.
    Ahead,
}

/// How far one log counts, and what has to come before that is settled.
struct Reach {
    counts: u64,
    awaits: Option<Awaited>,
}

/// A head of an ended epoch that a charter names and that is not held: as long as it is not, the epoch is not settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Awaited {
    /// The epoch.
    pub epoch: Epoch,
    /// Of whose log.
    pub of: Party,
    /// Whose charter names it.
    pub by: Party,
    /// How far that log is held, and can be read.
    pub from: u64,
    /// How far the head reaches; not above `from` if the log that is held is another one.
    pub to: u64,
}

impl Line {
    /// What people see of an epoch. In one that has ended nothing is open: it reads *broken off*; and once both sides have
    /// written their charter of a later one, only what these name counts, and once that is held nothing of it changes any more.
    pub fn look(&self, epoch: Epoch) -> Option<View<'_>> {
        let span = self.span(epoch)?;
        if epoch >= self.epoch() {
            return Some(span.facts.all());
        }
        let Some(closer) = self.closer_of(span) else {
            return Some(span.facts.all().of_ended(Ended::Unsettled));
        };
        let reaches = self.reaches(span, &closer);
        let settled = closer.stays && reaches.iter().all(|reach| reach.awaits.is_none());
        let cut = Cut(reaches.map(|reach| reach.counts));
        Some(span.facts.view(cut).of_ended(if settled { Ended::Settled } else { Ended::Unsettled }))
    }

    /// What keeps the epochs that both sides have closed from being settled, in their order.
    pub fn awaited(&self) -> Vec<Awaited> {
        let ended = self.spans.iter().filter(|span| span.epoch() < self.epoch());
        let closed: Vec<_> = ended.filter_map(|span| Some((span, self.closer_of(span)?))).collect();
        let reaches = closed.iter().flat_map(|(span, closer)| self.reaches(span, closer));
        let mut awaited: Vec<Awaited> = reaches.filter_map(|reach| reach.awaits).collect();
        // What closed an epoch may name another between of which nothing is held.
        let unknown = closed.iter().flat_map(|(_, closer)| &closer.unknown);
        let heads = unknown.flat_map(|Unknown { by, named, .. }| {
            let awaits = move |of| Awaited { epoch: named.epoch, of, by: *by, from: 0, to: named.of(of).size };
            Party::BOTH.into_iter().map(awaits).filter(|awaits| awaits.to > 0)
        });
        for head in heads {
            if !awaited.contains(&head) {
                awaited.push(head);
            }
        }
        awaited
    }

    /// How far both logs of an epoch count that this one closed. What an entry that counts names of the other log counts too: its
    /// author has held it.
    fn reaches(&self, span: &Span, closer: &Closer<'_>) -> [Reach; 2] {
        let may_come = |party| party == self.me && self.is_of_another_life(closer.by);
        let reach = |party| self.reach(span, party, self.named(span, &closer.charters, party), may_come(party));
        let [mut inviter, mut joiner] = Party::BOTH.map(reach);
        // Only one of the two can name more of the other than that counts: neither has seen what saw it.
        inviter.counts = inviter.counts.max(seen(span, Party::Joiner, joiner.counts));
        joiner.counts = joiner.counts.max(seen(span, Party::Inviter, inviter.counts));
        [inviter, joiner]
    }

    /// A log counts as far as the other side names it: what that names it has held. What its author alone names beyond that
    /// counts when all of it is held up to the head that is named, which then is one of this log. Anything else its author could
    /// still choose when it knows what came of the rest. `may_come`: also on a branch that is not shown yet.
    fn reach(&self, span: &Span, party: Party, named: Named, may_come: bool) -> Reach {
        let Named { own, other } = named;
        let log = self.log_of(span, party);
        let folded = span.facts.side(party).size;
        let lies = |head: &Head| lies(span, log, head);
        let held = |head: &Head| lies(head) == Lies::On && head.size <= folded;
        let awaited = |by, head: Head| Awaited { epoch: span.epoch(), of: party, by, from: folded, to: head.size };
        let counts = match lies(&other) {
            _ if self.off(Mend::Own) => own.size.max(other.size).min(folded),
            // What the other side names is another log than the one that is held here.
            Lies::Off if held(&own) => own.size,
            Lies::Off => 0,
            Lies::On if own.size > other.size && held(&own) => own.size,
            Lies::On | Lies::Ahead => other.size.min(folded),
        };
        let awaits = if !held(&other) {
            Some(awaited(party.peer(), other))
        } else if own.size > other.size && !held(&own) && (may_come || lies(&own) != Lies::Off) {
            Some(awaited(party, own))
        } else {
            None
        };
        Reach { counts, awaits }
    }

    /// The log of a party as what is seen of it is folded: that which is held, or a branch of ours.
    fn log_of<'a>(&self, span: &'a Span, party: Party) -> &'a Log {
        let branch = span.folded_on.filter(|_| party == self.me).and_then(|on| span.branches.get(on));
        branch.map_or(span.log(party), |branch| &branch.log)
    }

    /// What these charters name of a party's log in an earlier epoch.
    fn named(&self, span: &Span, charters: &Charters<'_>, party: Party) -> Named {
        let [inviter, joiner] = charters;
        let of = |party| if party == Party::Inviter { *inviter } else { *joiner };
        let opened = |party: &Party| matches!(of(*party), Some(Opening::Opened { .. }));
        let opener = Party::BOTH.into_iter().find(opened).filter(|_| self.off(Mend::Both));
        let by = |author: Party| {
            let opening = of(opener.unwrap_or(author));
            opening.and_then(|opening| named_of(opening, span.epoch())).map_or(Head::empty(), |named| named.of(party))
        };
        Named { own: by(party), other: by(party.peer()) }
    }

    /// What counts of our log in an ended epoch beside what we hold: the part that a charter names, whether it leaves our log or
    /// continues it, and also if a person refused it.
    pub(super) fn counts_on(&self, span: &Span) -> Option<usize> {
        self.named_beside(span, &self.closer_of(span)?.charters).map(|(on, _)| on)
    }

    /// The same by these charters, and the size up to which one of them names it.
    pub(super) fn named_beside(&self, span: &Span, charters: &Charters<'_>) -> Option<(usize, u64)> {
        let Named { own, other } = self.named(span, charters, self.me);
        let ours = |head: &Head| lies(span, span.own(), head) == Lies::On;
        let beyond = own.size > other.size && !ours(&own);
        let on = |head: Head| move |b: &Branch| head.size > b.from && b.log.had(&head);
        let has_both = |b: &Branch| on(own)(b) && (ours(&other) && other.size <= b.from || b.log.had(&other));
        let both = span.branches.iter().position(|b| beyond && has_both(b)).map(|at| (at, own.size));
        let named = || span.branches.iter().position(|b| !ours(&other) && on(other)(b)).map(|at| (at, other.size));
        both.or_else(named)
    }

    /// What is kept beside our log of an ended epoch, continues it and counts there, because a charter that closed the epoch names
    /// it; also if a person refused it. It is ours to show: a peer that was put back to before it came has it from nobody else.
    pub fn beside(&self, epoch: Epoch) -> &[Entry] {
        let span = self.span(epoch).filter(|span| !span.branches.is_empty());
        let found = span.and_then(|span| {
            let (on, size) = self.named_beside(span, &self.closer_of(span)?.charters)?;
            let branch = span.branches.get(on).filter(|branch| span.extends(branch))?;
            branch.entries.get(..usize::try_from(size.checked_sub(branch.from)?).ok()?)
        });
        found.unwrap_or_default()
    }

    /// Whether a charter that closed this epoch names anything of the peer's log there.
    pub(super) fn is_theirs_named(&self, span: &Span) -> bool {
        let named = self.closer_of(span).map(|closer| self.named(span, &closer.charters, self.me.peer()));
        named.is_some_and(|Named { own, other }| own.size > 0 || other.size > 0)
    }

    /// How much of our log of an ended epoch counts.
    pub(super) fn counted_of_ours(&self, span: &Span) -> Option<u64> {
        self.closer_of(span).map(|closer| self.reaches(span, &closer)[self.me.slot()].counts)
    }

    /// Looks up, among the entries that are stored, the heads that charters of later epochs name of this one and that are older than
    /// what a log remembers: a liar names there what it likes.
    pub(super) fn look_up_old(&mut self, epoch: Epoch, stored: &Stored<'_>) {
        let Some(span) = self.span(epoch).filter(|_| epoch < self.epoch()) else { return };
        let later = self.spans.iter().filter(|later| later.epoch() > epoch);
        let openings = later.flat_map(Span::openings);
        let named: Vec<_> = openings.filter_map(|opening| named_of(opening, epoch)).collect();
        let mut found = Vec::new();
        for party in Party::BOTH {
            let old = |head: &Head| head.size < span.log(party).from();
            let known = |head: &Head| span.old.iter().any(|(of, known, _)| (*of, known) == (party, head));
            let heads = named.iter().map(|named| named.of(party)).filter(|head| old(head) && !known(head));
            let mut heads: Vec<Head> = heads.collect();
            heads.sort_unstable();
            heads.dedup();
            found.extend(had_of(epoch, party, &heads, stored).map(|(head, had)| (party, head, had)));
        }
        if let Some(span) = self.span_mut(epoch) {
            span.old.extend(found);
        }
    }
}

/// How much of the other log a party's entries before this index name.
fn seen(span: &Span, party: Party, before: u64) -> u64 {
    let named = &span.facts.side(party).named;
    let steps = named.partition_point(|step| step.index < before);
    steps.checked_sub(1).and_then(|last| named.get(last)).map_or(0, |step| step.size)
}

/// Whether a log of an epoch had each of these heads, which ascend; as far as our machine can read its entries now.
fn had_of(epoch: Epoch, party: Party, heads: &[Head], stored: &Stored<'_>) -> impl Iterator<Item = (Head, bool)> {
    let mut edge = Edge::new();
    heads.iter().map_while(move |head| {
        while edge.size() < head.size {
            edge.push(leaf_hash(&stored(epoch, EntryRef { party, index: edge.size() })?));
        }
        Some((*head, edge.root() == head.root))
    })
}

/// How a head stands to this log of `span`, or to a branch of it. One that is older than what is remembered was looked up when the
/// charter came; before that nobody is said to have lied.
pub(super) fn lies(span: &Span, log: &Log, head: &Head) -> Lies {
    if head.size > log.size() {
        return Lies::Ahead;
    }
    let known = span.old.iter().find(|(of, old, _)| (*of, old) == (log.party(), head)).map(|(_, _, had)| *had);
    let had = if head.size < log.from() { known.unwrap_or(true) } else { log.had(head) };
    if had { Lies::On } else { Lies::Off }
}
