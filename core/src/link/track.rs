//! The epochs of the line, as a session follows them: what of our log the peer still lacks, and what of its log has come.

use alloc::vec::Vec;

use super::output::{Held, Range};
use crate::fault::Misconduct;
use crate::ids::{Epoch, Party};
use crate::limits;
use crate::record::entry::{BodyRef, Head, Header};
use crate::record::log::{Entry, key_after, opened_with, signed_bytes, vouched};
use crate::record::opening::EpochHeads;
use crate::record::sign1::{PublicKey, Verify};

/// What the heads that a peer names say beyond what was known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Told {
    /// Nothing that matters.
    Nothing,
    /// It holds more of our log than it said before.
    Holds(Head),
    /// It says to hold what we do not.
    Claims(Head),
}

/// What we have asked to be shown of our own log.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// The index of the entry that comes next.
    next: u64,
    /// What the peer's hello named: the index after the last.
    upto: u64,
    /// The next is to come before this, in monotonic milliseconds; `None`: we asked without a claim.
    until_ms: Option<u64>,
}

/// One epoch.
#[derive(Debug)]
pub(super) struct Track {
    me: Party,
    held: Held,
    /// What our hello named of the peer's log: so much of it is shown to a peer that asks.
    told: u64,
    /// What the peer's hello named of our log.
    named: u64,
    /// What we wait for of our own log.
    asked: Option<Asked>,
    /// We have asked; the peer has asked. Each may once a session.
    has_asked: [bool; 2],
    /// What the peer is still to be shown of its own log.
    showing: Option<(u64, u64)>,
    /// Nothing of ours is pushed before the peer, which has lost a part of its own log, was shown it.
    holds_back: bool,
    /// The index of our entry that is pushed next.
    sent: u64,
    /// How much of our log the peer is known to hold.
    there: u64,
    /// The head of ours that it claims to hold and that we do not, until we do.
    claimed: Option<Head>,
    /// The index that the peer's next entry must have.
    next: u64,
    /// The key that signs it.
    key: PublicKey,
    /// How far the peer's own log reaches, as far as it has told.
    theirs: u64,
    /// The peer's log as the peer holds it is not the one that we hold.
    lost: bool,
    /// What the peer holds of our log does not lead to what is kept beside it.
    strays: bool,
}

impl Track {
    pub(super) fn new(me: Party, held: Held) -> Track {
        let next = held.heads.of(me.peer()).size;
        Track {
            me,
            held,
            told: next,
            named: 0,
            asked: None,
            has_asked: [false; 2],
            showing: None,
            holds_back: false,
            sent: 0,
            there: 0,
            claimed: None,
            next,
            key: held.peer_key,
            theirs: 0,
            lost: false,
            strays: false,
        }
    }

    /// An epoch that is unknown here and of which the peer says to hold a log of ours; `key` signs the peer's own there if it joined
    /// it.
    pub(super) fn unknown(me: Party, epoch: Epoch, key: PublicKey) -> Track {
        let nothing = Head::empty();
        let heads = EpochHeads { epoch, heads: [nothing; 2] };
        Track::new(me, Held { heads, peer_key: key, halted: None, named: 0, unknown: false, counts: 0 })
    }

    /// An epoch that this entry of the peer's opens by its root's word; `None` if it opens none.
    pub(super) fn opened(me: Party, header: &Header, root: PublicKey) -> Option<Track> {
        opened_with(header)?;
        Some(Track::unknown(me, header.epoch, root))
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.held.heads.epoch
    }

    /// What is committed here of both logs.
    pub(super) fn heads(&self) -> EpochHeads {
        self.held.heads
    }

    pub(super) fn key(&self) -> PublicKey {
        self.key
    }

    pub(super) fn halted(&self) -> Option<Misconduct> {
        self.held.halted
    }

    pub(super) fn halt(&mut self, what: Misconduct) {
        self.held.halted = Some(what);
    }

    /// The record moved on. It may have taken what came by another way than this session, and it never goes back.
    pub(super) fn committed(&mut self, held: Held) {
        let halted = held.halted.or(self.held.halted);
        self.held = Held { halted, ..held };
        let taken = self.peers().size;
        if taken >= self.next {
            self.next = taken;
            self.key = held.peer_key;
        }
        let ours = self.ours();
        if self.claimed.is_some_and(|claimed| claimed == ours) {
            // To have grown past it would not be to agree: what stood there might be another entry.
            self.agreed(ours.size);
        }
    }

    /// The peer claims no more than we hold: it is pushed what lies beyond `there`.
    fn agreed(&mut self, there: u64) {
        self.claimed = None;
        self.there = self.there.max(there);
        self.sent = self.sent.max(self.there);
    }

    /// What the peer names in its hello: from there our log is pushed. Also whether its own log is not what we hold of it.
    pub(super) fn hello(&mut self, named: &EpochHeads) -> (Told, Option<Head>) {
        let (theirs, held) = (named.of(self.me.peer()), self.peers());
        self.lost = theirs.size < held.size || (theirs.size == held.size && theirs.root != held.root);
        self.holds_back = self.lost;
        self.named = named.of(self.me).size;
        let told = self.named(named);
        self.sent = self.there;
        (told, self.lost.then_some(theirs))
    }

    /// What the peer names in a hello, ping or pong.
    pub(super) fn named(&mut self, named: &EpochHeads) -> Told {
        let (its_own, held) = (named.of(self.me.peer()), self.peers());
        self.theirs = self.theirs.max(its_own.size);
        // What was written after a hello may come before it, over the connection that this one replaces: then nothing is lost.
        if its_own.size > held.size || its_own == held {
            self.lost = false;
            self.holds_back = false;
        }
        let (theirs, ours) = (named.of(self.me), self.ours());
        if theirs.size > ours.size || (theirs.size == ours.size && theirs.root != ours.root) {
            if self.claimed == Some(theirs) {
                return Told::Nothing;
            }
            self.claimed = Some(theirs);
            return Told::Claims(theirs);
        }
        let told = self.holds(theirs);
        if self.claimed.is_some() {
            self.agreed(theirs.size);
        }
        told
    }

    /// The head of ours that an entry names. One that we never had is left to the record to judge.
    pub(super) fn receipted(&mut self, head: Head) -> Told {
        let ours = self.ours();
        if head.size > ours.size || (head.size == ours.size && head.root != ours.root) {
            return Told::Nothing;
        }
        self.holds(head)
    }

    fn holds(&mut self, head: Head) -> Told {
        if head.size <= self.there {
            return Told::Nothing;
        }
        self.there = head.size;
        Told::Holds(head)
    }

    /// Our entries to be pushed, from one index up to another.
    pub(super) fn lacking(&self) -> Option<(u64, u64)> {
        let to = self.ours().size;
        (self.claimed.is_none() && !self.holds_back && self.sent < to).then_some((self.sent, to))
    }

    /// The same of what is kept beside our log and counts, when the log has been pushed.
    fn beside(&self) -> Option<(u64, u64)> {
        let (ours, to) = (self.ours().size, self.held.counts);
        let from = match self.claimed {
            None => self.sent,
            // What it claims to hold is a part of that, unless it strays from it.
            Some(head) if ours < head.size && !self.strays => self.sent.max(head.size),
            Some(_) => return None,
        };
        (ours <= from && from < to).then_some((from, to))
    }

    /// Whether what it claims to hold of our log does not lead to this entry, which would be pushed next.
    pub(super) fn strays(&mut self, next: &[u8]) -> bool {
        let first = self.claimed.filter(|claimed| self.sent <= claimed.size);
        self.strays |= first.is_some_and(|head| Entry::read(next).is_ok_and(|entry| entry.header.own != head));
        self.strays
    }

    /// So many of them have been pushed.
    pub(super) fn pushed(&mut self, entries: u64) {
        self.sent = self.lacking().or(self.beside()).map_or(self.sent, |(from, _)| from) + entries;
    }

    /// Whether the peer's hello names no such epoch, in which we hold a log of its own.
    pub(super) fn unnamed(&mut self) -> bool {
        self.lost = self.peers().size > 0;
        self.holds_back = self.lost;
        self.lost
    }

    /// From where we ask to be shown our own log, up to what the peer's hello named; `None` if we have asked before. With a time,
    /// each entry has to come before so much of it has passed. That all is kept already is no reason not to ask: the peer holds
    /// back its own entries until we have.
    pub(super) fn ask(&mut self, until_ms: Option<u64>) -> Option<u64> {
        let [has_asked, _] = &mut self.has_asked;
        let (next, upto) = (self.held.named.min(self.named), self.named);
        let claimed = until_ms.is_some() || next < upto;
        if core::mem::replace(has_asked, true) || !claimed {
            return None;
        }
        self.asked = Some(Asked { next, upto, until_ms }).filter(|asked| asked.next < asked.upto);
        Some(next)
    }

    /// Whether we wait to be shown our own log, which the peer's hello named, before anything else of this epoch.
    pub(super) fn awaits_proof(&self) -> bool {
        self.asked.is_some_and(|asked| asked.until_ms.is_some())
    }

    /// When the peer has shown nothing for too long.
    pub(super) fn proof_due_ms(&self) -> Option<u64> {
        self.asked.and_then(|asked| asked.until_ms)
    }

    /// The peer shows an entry of ours at this index; false if it was not asked for. Each gives it time for the next.
    pub(super) fn is_shown(&mut self, index: u64, until_ms: u64) -> bool {
        let Some(asked) = self.asked.filter(|asked| asked.next == index) else { return false };
        let asked = Asked { next: index + 1, until_ms: asked.until_ms.map(|_| until_ms), ..asked };
        self.asked = Some(asked).filter(|asked| asked.next < asked.upto);
        true
    }

    /// The peer asks to be shown its own log from an index; false if it asked before, or for more than we have told of.
    pub(super) fn show(&mut self, from: u64) -> bool {
        let [_, has_asked] = &mut self.has_asked;
        if core::mem::replace(has_asked, true) || from > self.told {
            return false;
        }
        self.showing = Some((from, self.told));
        self.shown(0);
        true
    }

    /// What the peer is to be shown of its own log.
    pub(super) fn showing(&self) -> Option<(u64, u64)> {
        self.showing
    }

    /// So many entries of it have been shown. After the last, ours are pushed again.
    pub(super) fn shown(&mut self, entries: u64) {
        let Some((from, to)) = self.showing else { return };
        self.showing = Some((from + entries, to)).filter(|(from, to)| from < to);
        self.holds_back &= self.showing.is_some();
    }

    /// Whether all that the peer has told of its own log is committed here.
    pub(super) fn caught_up(&self) -> bool {
        self.theirs <= self.peers().size
    }

    /// Whether each side holds all that the other has committed, as far as both have told.
    pub(super) fn even(&self) -> bool {
        let known = self.claimed.is_none() && !self.lost;
        known && self.theirs == self.peers().size && self.there == self.ours().size
    }

    /// Judges what costs us something: the place, the signature, new keys. Root and heads are left to the record. Gives the
    /// key that signs the entry; `None` for one below what has come.
    pub(super) fn receive(
        &mut self,
        entry: &Entry,
        root: &PublicKey,
        verify: &dyn Verify,
    ) -> Result<Option<PublicKey>, Misconduct> {
        let index = entry.header.own.size;
        if index < self.next {
            return Ok(None);
        }
        if index > self.next {
            return Err(Misconduct::WrongPlace);
        }
        // Root signs what opens an epoch, the station's own key what joins one.
        let opens = index == 0 && opened_with(&entry.header).is_some();
        let key = if opens { *root } else { self.key };
        if !vouched(entry, &key, root, verify) {
            return Err(Misconduct::BadSignature);
        }
        self.next += 1;
        self.theirs = self.theirs.max(self.next);
        self.key = key_after(&entry.header).unwrap_or(key);
        Ok(Some(key))
    }

    /// Whether the key of the peer's next entry has signed these bytes, which are no entry.
    pub(super) fn signed(&self, bytes: &[u8], verify: &dyn Verify) -> bool {
        signed_bytes(bytes, &self.key, verify)
    }

    fn ours(&self) -> Head {
        self.held.heads.of(self.me)
    }

    fn peers(&self) -> Head {
        self.held.heads.of(self.me.peer())
    }
}

/// The epochs of the line, ascending; never empty.
#[derive(Debug)]
pub(super) struct Tracks {
    list: Vec<Track>,
    /// The highest epoch that is committed here.
    current: Epoch,
}

impl Tracks {
    pub(super) fn new(me: Party, held: &[Held]) -> Tracks {
        let mut list: Vec<Track> = held.iter().map(|h| Track::new(me, *h)).collect();
        list.sort_by_key(Track::epoch);
        let older = list.len().saturating_sub(limits::EPOCHS_MAX);
        list.drain(..older);
        let current = list.last().map(Track::epoch);
        assert!(current.is_some(), "a line has its first epoch from pairing on");
        let current = current.unwrap_or(Epoch::FIRST);
        Tracks { list, current }
    }

    pub(super) fn current(&self) -> Epoch {
        self.current
    }

    pub(super) fn heads(&self) -> Vec<EpochHeads> {
        self.list.iter().map(Track::heads).collect()
    }

    pub(super) fn find(&self, epoch: Epoch) -> Option<&Track> {
        self.list.iter().find(|t| t.epoch() == epoch)
    }

    pub(super) fn find_mut(&mut self, epoch: Epoch) -> Option<&mut Track> {
        self.list.iter_mut().find(|t| t.epoch() == epoch)
    }

    pub(super) fn committed(&mut self, me: Party, held: Held) {
        let epoch = held.heads.epoch;
        match self.find_mut(epoch) {
            Some(track) => track.committed(held),
            None => self.insert(Track::new(me, held)),
        }
        self.current = self.current.max(epoch);
    }

    pub(super) fn insert(&mut self, track: Track) {
        let at = self.list.partition_point(|t| t.epoch() < track.epoch());
        self.list.insert(at, track);
    }

    /// As many as a line may have.
    pub(super) fn full(&self) -> bool {
        self.list.len() >= limits::EPOCHS_MAX
    }

    /// Whether this epoch's number jumps further than any may.
    pub(super) fn jumps(&self, epoch: Epoch) -> bool {
        epoch.number > self.current.number.saturating_add(limits::EPOCH_JUMP_MAX)
    }

    /// What is to be sent next: first what the peer asks to be shown of its own log, then the first of our entries that it lacks, then
    /// what is kept beside our logs; the oldest epoch first.
    pub(super) fn lacking(&self) -> Option<Range> {
        let range = |track: &Track, party, (from, to)| Range { epoch: track.epoch(), party, from, to };
        let shown = self.list.iter().find_map(|t| Some(range(t, t.me.peer(), t.showing()?)));
        // What joins an epoch is signed by a key that the peer may have to learn from an older one.
        let mut waits = false;
        let pushed = self.list.iter().find_map(|t| {
            let lacking = t.lacking().filter(|(from, _)| *from > 0 || !waits);
            waits |= t.holds_back;
            Some(range(t, t.me, lacking?))
        });
        // Last what is kept beside a log: the peer takes it by what it learns from all the rest.
        let beside = || self.list.iter().find_map(|t| Some(range(t, t.me, t.beside()?))).filter(|_| !waits);
        shown.or(pushed).or_else(beside)
    }

    /// Each epoch that the peer's hello does not name and in which we hold a log of its own.
    pub(super) fn unnamed(&mut self, named: &[EpochHeads]) -> Vec<Epoch> {
        let others = self.list.iter_mut().filter(|t| named.iter().all(|n| n.epoch != t.epoch()));
        others.filter_map(|t| t.unnamed().then(|| t.epoch())).collect()
    }

    /// Asks to be shown our own log in each epoch in which the peer's hello names more of it than we hold; from where.
    pub(super) fn ask(&mut self, until_ms: u64) -> Vec<(Epoch, u64)> {
        let claimed = self.list.iter_mut().filter(|t| t.claimed.is_some());
        claimed.filter_map(|t| Some((t.epoch(), t.ask(Some(until_ms))?))).collect()
    }

    /// Each epoch in which the peer has named a head of our log that is unknown here.
    pub(super) fn unknown(&self) -> Vec<Epoch> {
        self.list.iter().filter(|t| t.held.unknown).map(Track::epoch).collect()
    }

    /// When the peer has shown nothing of what it named for too long.
    pub(super) fn proof_due_ms(&self) -> Option<u64> {
        self.list.iter().filter_map(Track::proof_due_ms).min()
    }

    /// Whether we wait to be shown anything of our own log.
    pub(super) fn asks(&self) -> bool {
        self.list.iter().any(|t| t.asked.is_some())
    }

    /// The peer's station key in force below an epoch: that at the end of its last log there, as far as it has come.
    pub(super) fn key_below(&self, epoch: Epoch) -> Option<PublicKey> {
        let below = || self.list.iter().rev().filter(|t| t.epoch() < epoch);
        below().find(|t| t.next > 0).or(below().next_back()).map(Track::key)
    }

    /// The epoch whose next entry of the peer's this may be. What joins it is signed by the key in force below, which may have come
    /// since the epoch was first heard of.
    pub(super) fn taker(&mut self, entry: &Entry, verify: &dyn Verify) -> Option<&mut Track> {
        let header = &entry.header;
        let begins = header.own.size == 0 && opened_with(header).is_none();
        let joins = self.find(header.epoch).is_some_and(|track| begins && track.next == 0);
        let key = joins.then(|| self.joining_key(entry, verify)).flatten();
        let track = self.find_mut(header.epoch)?;
        track.key = key.unwrap_or(track.key);
        Some(track)
    }

    /// The key under which an entry joins an epoch: that in force below it. What joined one that has ended may be signed by that of any
    /// lower epoch: by which, the record judges.
    fn joining_key(&self, entry: &Entry, verify: &dyn Verify) -> Option<PublicKey> {
        let epoch = entry.header.epoch;
        let before = self.key_below(epoch)?;
        let signed = |key: &PublicKey| entry.signed_by(key, verify);
        let below = self.list.iter().filter(|t| t.epoch() < epoch && t.next > 0).map(Track::key);
        let late = below.filter(|_| epoch < self.current).find(|key| !signed(&before) && signed(key));
        Some(late.unwrap_or(before))
    }

    pub(super) fn caught_up(&self) -> bool {
        self.list.iter().all(|t| t.caught_up() || t.halted().is_some())
    }
}

/// The body to keep beside an entry. One whose entry this version cannot read is let go: it has no digest to hold it against.
pub(super) fn fitting_body(header: &Header, body: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, Misconduct> {
    match (header.body, body) {
        (_, None) | (Some(BodyRef::Deniable), Some(_)) => Ok(None),
        (Some(BodyRef::Attested(_)), Some(body)) if header.attests(&body) => Ok(Some(body)),
        (None, Some(_)) if header.what.is_err() => Ok(None),
        (Some(BodyRef::Attested(_)) | None, Some(_)) => Err(Misconduct::WrongBody),
    }
}
