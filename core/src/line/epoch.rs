//! From one epoch to the next (`docs/protocol.md` §4.6): which keys are in force, how an epoch is opened and joined, and on which
//! branch of our log one that has ended is folded.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::Line;
use super::draft::Draft;
use super::facts::{Facts, View};
use super::span::Span;
use super::turn::{Folded, Given, Written};
use crate::ids::{EntryRef, Epoch, Party};
use crate::limits;
use crate::record::charter::Keys;
use crate::record::codes::LineState;
use crate::record::entry::{Head, Header};
use crate::record::log::{Entry, Log};
use crate::record::merkle::Edge;
use crate::record::opening::{EpochHeads, Opening};
use crate::record::sign1::{PublicKey, Strict, Verify};
use crate::record::what::What;

/// The bytes of an entry that the line holds; `None` if our machine cannot read them now.
pub type Stored<'a> = dyn Fn(Epoch, EntryRef) -> Option<Vec<u8>> + 'a;

/// The same, with what was decided since and is not stored yet.
pub(super) fn with<'a>(
    written: &'a [Written],
    stored: &'a Stored<'a>,
) -> impl Fn(Epoch, EntryRef) -> Option<Vec<u8>> + 'a {
    move |epoch, at| {
        let here = written.iter().find(|w| w.epoch == epoch && w.entry.header.at() == at);
        here.map(|w| w.entry.bytes.clone()).or_else(|| stored(epoch, at))
    }
}

/// An epoch that serves no more (§4.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Both sides have not yet written their charter of a later one: what comes late still counts.
    Unsettled,
    /// They have: nothing of it changes any more.
    Settled,
}

impl<'a> View<'a> {
    /// The same, of an epoch that has ended: what is open in it reads *broken off*.
    pub(super) fn of_ended(mut self, ended: Ended) -> View<'a> {
        self.ended = Some(ended);
        self
    }

    /// Whether its epoch has ended, and how.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }
}

impl Line {
    /// Every epoch that is known, ascending.
    pub fn spans(&self) -> impl DoubleEndedIterator<Item = &Span> {
        self.spans.iter()
    }

    /// One epoch.
    pub fn span(&self, epoch: Epoch) -> Option<&Span> {
        self.spans.iter().find(|span| span.epoch() == epoch)
    }

    pub(super) fn span_mut(&mut self, epoch: Epoch) -> Option<&mut Span> {
        self.spans.iter_mut().find(|span| span.epoch() == epoch)
    }

    /// The highest epoch in which either log has begun: above [`Line::epoch`] if the peer opened one that we have not joined.
    pub fn latest(&self) -> Epoch {
        let begun = |span: &&Span| span.own().size() + span.peer().size() > 0;
        self.spans.iter().rfind(begun).map_or(self.epoch(), Span::epoch)
    }

    /// The keys of a party that are in force: those of its last `key` entry or opening of any epoch, else the charter's.
    pub fn keys(&self, party: Party) -> Keys {
        let named = self.charter.party(party).keys;
        match self.spans.iter().rev().find_map(|span| span.grants(party).1) {
            Some([station, link, word]) => Keys { root: named.root, station, link, word },
            None => named,
        }
    }

    /// Where a party's logs bring new keys, oldest first: its `key` entries and the charters that its root signed (§8.6).
    pub fn chain(&self, party: Party) -> Vec<(Epoch, EntryRef)> {
        let of =
            |span: &Span| span.grants(party).0.clone().into_iter().map(move |i| (span.epoch(), i)).collect::<Vec<_>>();
        self.spans.iter().flat_map(of).map(|(epoch, index)| (epoch, EntryRef { party, index })).collect()
    }

    /// The station key of a party that is in force before its log of this epoch begins.
    pub(super) fn key_before(&self, party: Party, epoch: Epoch) -> PublicKey {
        let below = self.spans.iter().rev().filter(|span| span.epoch() < epoch);
        let begun = below.map(|span| span.log(party)).find(|log| log.size() > 0);
        begun.map_or_else(|| PublicKey::from_bytes(self.charter.party(party).keys.station), |log| log.key())
    }

    /// The place of an epoch, which is made if it is not known.
    pub(super) fn span_at(&mut self, epoch: Epoch) -> &mut Span {
        let at = self.spans.partition_point(|span| span.epoch() < epoch);
        if self.spans.get(at).is_none_or(|span| span.epoch() != epoch) {
            self.spans.insert(at, self.empty_span(epoch));
        }
        &mut self.spans[at]
    }

    /// A later epoch of which nothing is known yet.
    pub(super) fn empty_span(&self, epoch: Epoch) -> Span {
        let roots = Party::BOTH.map(|party| PublicKey::from_bytes(self.charter.party(party).keys.root));
        Span::new(&self.charter, self.me, epoch, roots)
    }

    /// Whether this index 0, which `key` has signed, would begin an epoch of which nothing is known yet.
    pub(super) fn could_begin(&self, entry: &Entry, key: PublicKey, verify: &dyn Verify) -> bool {
        let mut span = self.empty_span(entry.header.epoch);
        span.sign_first_with(entry.header.party, key);
        span.judge(entry, verify).is_ok()
    }

    /// The key that has to have signed what joins an epoch: that of the last log of its author below. In one that has ended it may
    /// also be that of the last log that it names itself; `None`: it is, and no charter is known that closed the epoch and names
    /// anything of this log, so that it cannot be told from what somebody with an ended key has made since.
    pub(super) fn joins_with(&self, entry: &Entry, verify: &dyn Verify) -> Option<PublicKey> {
        let header = &entry.header;
        let before = self.key_before(header.party, header.epoch);
        if header.epoch >= self.latest() || entry.signed_by(&before, verify) {
            return Some(before);
        }
        let held = self.span(header.epoch).is_some_and(|span| self.is_theirs_named(span));
        let named = self.key_named(header).filter(|key| entry.signed_by(key, verify));
        named.map_or(Some(before), |key| held.then_some(key))
    }

    /// Gives the log that this index 0, which was judged before it was stored, begins the key that has signed it; false if it begins
    /// none. Which one that was its signature says: what its author names, or what of it has come since, may tell of another.
    pub(super) fn began(&mut self, entry: &Entry) -> bool {
        let header = &entry.header;
        let before = self.key_before(header.party, header.epoch);
        let likely = self.key_named(header).unwrap_or(before);
        let lower = self.keys_below(header.party, header.epoch);
        // To look at a signature is dear, and most have one key only.
        let one = lower.iter().all(|key| *key == likely);
        let signed = |key: &&PublicKey| !one && entry.signed_by(key, &Strict);
        let key = [likely, before].iter().chain(&lower).find(signed).copied().unwrap_or(likely);
        self.begins_with(header, key)
    }

    /// Every station key that a party's logs below an epoch have had, the last first; of ours also those that were only shown.
    pub(super) fn keys_below(&self, party: Party, epoch: Epoch) -> Vec<PublicKey> {
        let below = self.spans.iter().rev().filter(|span| span.epoch() < epoch);
        let mut keys = Vec::new();
        for span in below {
            let shown = span.branches.iter().filter(|_| party == self.me).map(|branch| &branch.log);
            keys.extend(shown.chain([span.log(party)]).flat_map(Log::keys));
        }
        keys
    }

    /// The key of the last log of its author that an index 0 names: another life of that author may have opened an epoch in between,
    /// which came to light later.
    fn key_named(&self, header: &Header) -> Option<PublicKey> {
        let party = header.party;
        let opening = if let Ok(What::Charter(args)) = &header.what { Opening::read(args) } else { None };
        let named = opening.iter().flat_map(|opening| opening.heads().iter().rev());
        named.filter(|named| named.of(party).size > 0 && named.epoch < header.epoch).find_map(|named| {
            let log = self.span(named.epoch)?.log(party);
            (log.size() > 0).then(|| log.key_at(named.of(party).size))
        })
    }

    /// The same of one that is judged now; `joining` signs what joins.
    pub(super) fn begins_with(&mut self, header: &Header, joining: PublicKey) -> bool {
        let (party, epoch) = (header.party, header.epoch);
        let Ok(What::Charter(args)) = &header.what else { return false };
        let key = match Opening::read(args) {
            Some(Opening::Opened { .. }) => PublicKey::from_bytes(self.charter.party(party).keys.root),
            Some(Opening::Joined { .. }) => joining,
            Some(Opening::Paired { .. }) | None => return false,
        };
        self.span_at(epoch).sign_first_with(party, key);
        true
    }

    /// The last heads held of both logs in every epoch below this one.
    pub(super) fn earlier(&self, epoch: Epoch) -> Vec<EpochHeads> {
        let below = self.spans.iter().filter(|span| span.epoch() < epoch);
        below.map(Span::heads).filter(|e| e.heads.iter().any(|head| head.size > 0)).collect()
    }

    /// Whether we have opened an epoch ourselves: only who was restored, or saw its log forked, or its keys retired, does.
    pub(super) fn has_opened(&self) -> bool {
        self.spans.iter().any(|span| matches!(span.opening(self.me), Some(Opening::Opened { .. })))
    }

    /// Joins the epoch that the peer has opened, as soon as that is ours to do.
    pub(super) fn join(&mut self, given: &Given<'_>, written: &mut Vec<Written>) {
        let latest = self.latest();
        if latest == self.epoch() || !self.signs() || given.sign.public() != self.signer() {
            return;
        }
        let (me, key) = (self.me, self.signer());
        let (state, until) = self.facts().all().declared(me);
        let opening = Opening::Joined { heads: self.earlier(latest), restored: self.has_opened() };
        self.span_at(latest).sign_first_with(me, key);
        written.push(self.begin_log(latest, &opening, given.now, given.sign));
        self.owes_since = None;
        self.recount(&with(written, given.stored));
        // Whoever opens an epoch lifts no word of ours: a line that we closed stays closed.
        if state != LineState::Open && until.is_none_or(|until| until > given.now) {
            let _ = self.write(Draft::of(What::State { state, until }), None, given, written);
        }
    }

    /// Folds anew the epochs in which another branch of our log counts than the one on which they are folded.
    pub(super) fn recount(&mut self, stored: &Stored<'_>) {
        self.look_up_all_old(stored);
        let other = |span: &&Span| span.stale || self.counts_on(span) != span.folded_on;
        let epochs: Vec<Epoch> = self.spans.iter().filter(other).map(Span::epoch).collect();
        for epoch in epochs {
            self.refold(epoch, stored);
        }
    }

    /// Looks again at epochs in which our log is forked: after a start, which cannot know it before it has read everything. What was
    /// kept as shown, and is more than there is room for now, is cut down.
    pub fn rebuilt(&mut self, stored: &Stored<'_>) {
        self.look_up_all_old(stored);
        let forked = |span: &&Span| !span.branches.is_empty();
        let epochs: Vec<Epoch> = self.spans.iter().filter(forked).map(Span::epoch).collect();
        for epoch in epochs {
            self.refold(epoch, stored);
        }
        self.cut_down();
        self.remember_broken();
    }

    fn look_up_all_old(&mut self, stored: &Stored<'_>) {
        let epochs: Vec<Epoch> = self.spans.iter().map(Span::epoch).collect();
        epochs.into_iter().for_each(|epoch| self.look_up_old(epoch, stored));
    }

    fn refold(&mut self, epoch: Epoch, stored: &Stored<'_>) {
        let Some(span) = self.span(epoch) else { return };
        let on = self.counts_on(span);
        let branch = on.and_then(|at| span.branches.get(at));
        let (me, kept) = (self.me, branch.map_or(span.own().size(), |b| b.from));
        let read = |party, index| {
            let bytes = stored(epoch, EntryRef { party, index })?;
            Entry::read(&bytes).ok()
        };
        let ours: Option<Vec<Entry>> = (0..kept).map(|index| read(me, index)).collect();
        let theirs: Option<Vec<Entry>> = (0..span.peer().size()).map(|index| read(me.peer(), index)).collect();
        let (Some(mut ours), Some(theirs)) = (ours, theirs) else { return };
        ours.extend(branch.iter().flat_map(|b| b.entries.iter().cloned()));
        let mut facts = Facts::new(self.charter.clone());
        let rest = fold(&mut facts, &ours, &theirs);
        if let Some(span) = self.span_mut(epoch) {
            span.fold_anew(facts, if me == Party::Inviter { rest } else { reversed(rest) }, on);
        }
    }
}

fn reversed([one, other]: [VecDeque<Header>; 2]) -> [VecDeque<Header>; 2] {
    [other, one]
}

/// Folds two logs, ours and theirs, in an order in which each entry finds what its author had seen; what names a head that ours
/// never had is left, with all that follows it. Of what their index 0 names nothing is judged.
fn fold(facts: &mut Facts, ours: &[Entry], theirs: &[Entry]) -> [VecDeque<Header>; 2] {
    let mut edge = Edge::new();
    let mut roots = alloc::vec![edge.root()];
    roots.extend(ours.iter().map(|entry| {
        edge.push(entry.leaf);
        edge.root()
    }));
    let had = |head: &Head| usize::try_from(head.size).ok().and_then(|size| roots.get(size)) == Some(&head.root);
    let seen = |h: &Header| h.own.size == 0 || had(&h.held);
    let mut rest: [VecDeque<Header>; 2] = [ours, theirs].map(|log| log.iter().map(|e| e.header.clone()).collect());
    let mut done = [0_u64; 2];
    loop {
        let mut moved = false;
        for (at, other) in [(0, 1), (1, 0)] {
            while let Some(next) = rest[at].front().filter(|h| h.held.size <= done[other] && (at == 0 || seen(h))) {
                facts.apply(next);
                rest[at].pop_front();
                done[at] += 1;
                moved = true;
            }
        }
        if !moved {
            return rest;
        }
    }
}

impl Line {
    /// What waited and is folded now.
    pub(super) fn folded(&mut self) -> Vec<Folded> {
        let mut folded = Vec::new();
        for span in &mut self.spans {
            for at in span.take_folded() {
                let thing = span.facts.all().fact(at).map(|f| f.thing);
                folded.push(Folded { epoch: span.epoch(), at, standing: span.facts.standing(at), thing });
            }
        }
        folded
    }

    /// Whether the peer has opened as many epochs as one party may.
    pub(super) fn peer_has_opened_all(&self) -> bool {
        let peer = self.me.peer();
        let opened = |span: &&Span| matches!(span.opening(peer), Some(Opening::Opened { .. }));
        self.spans.iter().filter(opened).count() >= limits::EPOCHS_OPENED_MAX
    }

    /// Whether this epoch's number jumps further than any may.
    pub(super) fn jumps(&self, epoch: Epoch) -> bool {
        epoch.number > self.latest().number.saturating_add(limits::EPOCH_JUMP_MAX)
    }
}
