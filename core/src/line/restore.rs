//! What a line waits for before it signs again (`docs/protocol.md` §4.6, *restored copies*), and what a person does about it
//! with the root key: take back or refuse what the peer has shown, open a new epoch.

use alloc::vec::Vec;

use super::Line;
use super::draft::Draft;
use super::epoch::with;
use super::judging::Judged;
use super::shown::{Branch, Effect, Keeping, Place};
use super::span::Span;
use super::switch::Mend;
use super::turn::{Answer, Given, Written};
use crate::fault::{Misconduct, Refusal};
use crate::ids::{Epoch, Party};
use crate::limits;
use crate::record::entry::Head;
use crate::record::log::{Entry, opened_with};
use crate::record::merkle::{Hash, leaf_hash};
use crate::record::opening::{EpochHeads, Opening};
use crate::record::sign1::{AAD_ENTRY, PublicKey, Sign, Verify, seal};
use crate::record::what::What;
use crate::time::Timestamp;

/// What a line waits for before it signs (§4.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Restore {
    /// Nothing: it signs.
    Nothing,
    /// Restored from a backup: for the peer, which has not been heard since the start.
    Peer,
    /// For a person, who takes or refuses what the peer shows of our log beyond what we hold.
    Judgement,
    /// For root, which has to open an epoch.
    Opening(Why),
}

/// Why root has to open an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Our log came in a backup, or parts of it came from the peer.
    Restored,
    /// The peer has shown a branch of our log, or what a person has refused though our key made it: another copy of us has written,
    /// or somebody who has our key; or the peer writes in sight of one that an ended key of ours has made.
    Branch,
    /// Our link key was shown to be retired.
    Retired,
    /// The peer has opened an epoch that does not name the one that we serve.
    Unnamed,
}

/// A part of our own log that is shown and not in it, up to this head: what a person looked at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Part {
    /// In which epoch.
    pub epoch: Epoch,
    /// How far it reaches: to the end of what is shown, or less.
    pub head: Head,
}

/// What a person decides with root's list at hand, of parts that they have seen. What is not named waits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Judgement {
    /// They are ours.
    pub take: Vec<Part>,
    /// They may be another's, who has the key that signed them last. Of what is taken in part the rest may be refused.
    pub refuse: Vec<Part>,
}

/// Why an epoch is opened now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// The peer has been heard and has shown what it holds.
    Heard,
    /// The peer has been connected for an hour and has shown nothing.
    Withheld,
    /// The peer cannot be reached, and a person says so.
    Dark,
}

/// An epoch that root is to open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEpoch {
    /// Random.
    pub id: [u8; 8],
    /// Fresh station, link and word keys.
    pub keys: [Hash; 3],
    /// Why now.
    pub word: Word,
    /// Of what the peer has shown and waits for it.
    pub judgement: Judgement,
}

/// What the peer has shown of our log that is not in it.
#[derive(Clone, Copy, Debug)]
pub struct Showing<'a> {
    /// In which epoch.
    pub epoch: Epoch,
    /// Where it leaves or continues the log that we hold.
    pub from: u64,
    /// How far it reaches.
    pub head: Head,
    /// The station key in force at its end.
    pub key: PublicKey,
    /// The key that signed its last entry: whoever has it could have made it.
    pub signer: PublicKey,
    /// It parts from the log that we hold, and can only be kept as evidence.
    pub branch: bool,
    /// A person has refused it.
    pub refused: bool,
    /// It continues the log that we hold, and a person is to take or refuse it.
    pub waits: bool,
    /// Below this size it counts in its epoch, which has ended, though it is not in our log: a charter that closed the epoch names it.
    /// So it does also if a person has refused it (§4.6).
    pub counts: Option<u64>,
    /// The entries.
    pub entries: &'a [Entry],
}

impl Showing<'_> {
    /// What a [`Judgement`] names it by.
    pub fn part(&self) -> Part {
        Part { epoch: self.epoch, head: self.head }
    }

    /// The same, without what stands at this index and above it; `None` if nothing is left, or it does not reach so far.
    pub fn up_to(&self, index: u64) -> Option<Part> {
        let at = usize::try_from(index.checked_sub(self.from)?).ok().filter(|at| *at > 0)?;
        let after = self.entries.get(at).map(|entry| entry.header.own);
        let head = if at == self.entries.len() { Some(self.head) } else { after };
        head.map(|head| Part { epoch: self.epoch, head })
    }
}

impl Line {
    /// What we wait for.
    pub fn restore(&self) -> Restore {
        let serving = self.serving();
        if self.spans.iter().rev().take_while(|span| span.epoch() >= serving.epoch()).any(|span| self.judges(span)) {
            return Restore::Judgement;
        }
        // To who proves a link key that is retired nobody speaks: the peer cannot be heard before there is another.
        if self.retired.is_some() {
            return Restore::Opening(Why::Retired);
        }
        if serving.restored && !self.heard {
            return Restore::Peer;
        }
        if serving.restored && !self.off(Mend::Always) {
            return Restore::Opening(Why::Restored);
        }
        let stops = |span: &Span| span.branches.iter().any(|b| self.effect(span, b, b.signer()) == Effect::Stops);
        // What the peer wrote in sight of a branch, whichever key made that, cannot be read beside our log.
        if serving.parted || self.spans.iter().any(stops) {
            return Restore::Opening(Why::Branch);
        }
        if self.passed() { Restore::Opening(Why::Unnamed) } else { Restore::Nothing }
    }

    /// Whether we sign in the epoch that we serve.
    pub(super) fn signs(&self) -> bool {
        self.restore() == Restore::Nothing
    }

    /// The peer has opened an epoch above that which we serve without having seen that, and we opened ours, or came in a backup once:
    /// joining it we might join for the second time what an earlier life of ours has joined.
    fn passed(&self) -> bool {
        let serving = self.serving();
        if self.off(Mend::Next) || self.latest() == serving.epoch() {
            return false;
        }
        let latest = self.spans.iter().rev().find_map(|span| span.opening(self.me.peer()));
        let named = latest.and_then(|opening| opening.heads().iter().find(|e| e.epoch == serving.epoch()));
        if serving.peer().size() == 0 {
            let opened = matches!(serving.opening(self.me), Some(Opening::Opened { .. }));
            return opened && named.is_none_or(|named| named.of(self.me).size == 0);
        }
        // Whoever has written there names what it wrote, or ours if it has refused what another life of its own wrote.
        self.spans.iter().any(Span::restored) && named.is_none_or(|named| named.heads.iter().all(|head| head.size == 0))
    }

    /// The peer counts as heard once we hold, or were shown, every head of ours that it named where another of our entries could stand:
    /// what it named and did not show, or what was let go, may be more of our log.
    pub(super) fn hears(&mut self, named: &[EpochHeads]) -> Answer {
        let (me, serving) = (self.me, self.epoch());
        // Of an ended epoch it may hold a branch of our log that no entry of its own names: we ask to be shown that.
        for (epoch, head) in named.iter().map(|e| (e.epoch, e.of(me))).filter(|(epoch, _)| *epoch < serving) {
            let parted = |span: &&mut Span| head.size > 0 && head.size >= span.own().from() && !span.had(&head);
            if let Some(span) = self.span_mut(epoch).filter(parted) {
                span.unknown = Some(head);
            }
        }
        let known = |e: &EpochHeads| {
            let head = e.of(me);
            let had = |span: &Span| head.size < span.own().from() || span.had(&head);
            e.epoch < serving || head.size == 0 || self.span(e.epoch).is_some_and(had)
        };
        if !named.iter().all(known) {
            // It may hold what leaves our log before the end of what is kept: from there we asked.
            self.strayed = true;
            return Answer::LetGo;
        }
        self.heard = true;
        self.strayed = false;
        Answer::Held
    }

    /// What the peer has shown of our log that is not in it, for a person to see.
    pub fn shown(&self) -> Vec<Showing<'_>> {
        let mut shown = Vec::new();
        for span in &self.spans {
            let counts =
                |place: usize| span.folded_on.filter(|on| *on == place).and_then(|_| self.counted_of_ours(span));
            shown.extend(span.branches.iter().enumerate().map(|(place, branch)| Showing {
                epoch: span.epoch(),
                from: branch.from,
                head: branch.head(),
                key: branch.key(),
                signer: branch.signer(),
                branch: !span.extends(branch),
                refused: span.is_refused(branch),
                waits: self.waits(span, branch),
                counts: counts(place),
                entries: &branch.entries,
            }));
        }
        shown
    }

    /// Takes note of an entry of ours that the peer shows.
    ///
    /// # Errors
    /// [`Misconduct::FalseClaim`]: nothing that we signed.
    pub(super) fn show(&mut self, entry: &Entry, verify: &dyn Verify) -> Result<Keeping, Misconduct> {
        let epoch = entry.header.epoch;
        let place = self.place(entry, &self.firsts(entry.header.epoch), verify)?;
        if matches!(place, Place::Stray) {
            self.strayed = true;
        }
        let fresh;
        let span = match self.span(epoch) {
            Some(span) => span,
            None => {
                fresh = self.empty_span(epoch);
                &fresh
            }
        };
        let (branch, new) = match &place {
            Place::Held | Place::Stray => (None, false),
            Place::After(at) => (span.branches.get(*at), false),
            Place::New(branch) => (Some(&**branch), true),
        };
        if let Some(branch) = branch {
            let effect = self.effect(span, branch, branch.key());
            let begins = self.span(epoch).is_none();
            if !self.has_room(span, effect, new) || begins && !(self.is_near(entry) && self.has_place(effect)) {
                return Ok(Keeping::LetGo);
            }
        }
        Ok(self.span_at(epoch).keep(entry, place))
    }

    /// The same of what was kept before, whatever there is room for now.
    ///
    /// # Errors
    /// As of [`Line::show`].
    pub(super) fn keep(&mut self, entry: &Entry, verify: &dyn Verify) -> Result<(), Misconduct> {
        // What a person has taken since may have ended the key that joined.
        let firsts = self.keys_below(self.me, entry.header.epoch);
        let place = self.place(entry, &firsts, verify)?;
        self.span_at(entry.header.epoch).keep(entry, place);
        Ok(())
    }

    /// Where it belongs; `firsts` may have signed what joins.
    fn place(&self, entry: &Entry, firsts: &[PublicKey], verify: &dyn Verify) -> Result<Place, Misconduct> {
        let header = &entry.header;
        if header.line != self.id || header.party != self.me {
            return Err(Misconduct::FalseClaim);
        }
        match self.span(header.epoch) {
            Some(span) => span.place(entry, firsts, verify),
            // It follows an index 0 that was let go.
            None if header.own.size > 0 && !(self.is_near(entry) && self.has_place(Effect::Waits)) => Ok(Place::Stray),
            None => self.empty_span(header.epoch).place(entry, firsts, verify),
        }
    }

    /// Whether an index 0 that begins our log of an epoch of which nothing else is known is root's own, or so near that one numbered
    /// above it is no jump for anybody. What somebody else makes with a key of ours does not move the numbers of our openings.
    fn is_near(&self, entry: &Entry) -> bool {
        let near = entry.header.epoch.number < self.opened().saturating_add(limits::EPOCH_JUMP_MAX);
        near || opened_with(&entry.header).is_some() || self.off(Mend::Number)
    }

    /// The number of the highest epoch of which is known that a root has opened it.
    fn opened(&self) -> u64 {
        let by_root = |span: &Span| {
            let opened = |party: &Party| matches!(span.opening(*party), Some(Opening::Opened { .. }));
            Party::BOTH.iter().any(opened) || span.is_opened_by_us()
        };
        let opened = self.spans.iter().rev().find(|span| by_root(span));
        opened.map_or(Epoch::FIRST.number, |span| span.epoch().number)
    }

    /// Whether there is place for one more epoch of which only such a part of our log is known. Those that wait for a person have
    /// their own.
    fn has_place(&self, effect: Effect) -> bool {
        let waits = effect == Effect::Waits;
        self.only_shown().filter(|span| self.judges(span) == waits).count() < limits::EPOCHS_MAX
    }

    /// The epochs of which only parts of our log are known.
    pub(super) fn only_shown(&self) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(|span| span.own().size() + span.peer().size() == 0 && !span.branches.is_empty())
    }

    /// The station keys of ours that may have been in force when our log of this epoch began: that at the end of any log of ours below
    /// it, as we hold it or were shown it. An earlier life of ours may not have known the last of them.
    fn firsts(&self, epoch: Epoch) -> Vec<PublicKey> {
        let mut keys = Vec::new();
        for span in self.spans.iter().rev().filter(|span| span.epoch() < epoch) {
            keys.extend(span.branches.iter().filter(|b| span.extends(b)).map(Branch::key));
            keys.extend((span.own().size() > 0).then(|| span.own().key()));
        }
        keys
    }

    /// Opens an epoch: takes back first what the judgement takes. The private halves of the fresh keys have to be kept, and in a
    /// backup, before what comes out is committed. A person may do so at any time: it lifts a halt and replaces keys.
    ///
    /// # Errors
    /// [`Refusal`]: the peer has not been heard and the word does not say why that is so; what it showed is not judged, or cannot be
    /// judged so; `root` is not the root key of our charter; or we have opened as many epochs as one party may.
    pub fn open_epoch(&mut self, new: &NewEpoch, root: &dyn Sign, given: &Given<'_>) -> Result<Judged, Refusal> {
        if *root.public().as_bytes() != self.charter.party(self.me).keys.root {
            return Err(Refusal::NotRoot);
        }
        if self.own().size() == 0 {
            return Err(Refusal::LineNotOpen);
        }
        if self.spans.iter().filter(|span| span.is_opened_by_us()).count() >= limits::EPOCHS_OPENED_MAX {
            return Err(Refusal::TooManyEpochs);
        }
        let mut after = self.clone();
        let mut judged = after.take_back(&new.judgement, given.stored)?;
        if after.spans.iter().any(|span| span.epoch() >= after.epoch() && after.judges(span)) {
            return Err(Refusal::AwaitsJudgement);
        }
        if self.serving().restored && !self.heard && self.retired.is_none() && new.word == Word::Heard {
            return Err(Refusal::AwaitsPeer);
        }
        *self = after;
        let epoch = Epoch { number: self.highest().saturating_add(1), id: new.id };
        let opening = Opening::Opened { keys: new.keys, heads: self.earlier(epoch) };
        let me = self.me;
        self.span_at(epoch).sign_first_with(me, root.public());
        judged.written.push(self.begin_log(epoch, &opening, given.now, root));
        self.retired = None;
        self.owes_since = None;
        self.recount(&with(&judged.written, given.stored));
        self.cut_down();
        self.remember_broken();
        judged.folded.extend(self.folded());
        Ok(judged)
    }

    /// The highest number of an epoch of ours or theirs that is known: in which a log has begun, or which a part of our log that is
    /// shown begins under root or under the key in force. What an ended key has begun is not heeded: whoever has that key
    /// chooses the number.
    fn highest(&self) -> u64 {
        let begun = |span: &&Span| {
            let heeded = |branch| self.may_begin(span, branch, true) || self.off(Mend::Number);
            let shown = span.branches.iter().any(heeded);
            span.own().size() + span.peer().size() > 0 || shown
        };
        let highest = self.spans.iter().rev().find(begun).map(|span| span.epoch().number);
        highest.max(self.retired).unwrap_or(0)
    }

    /// Writes index 0 of our log of an epoch.
    pub(super) fn begin_log(&mut self, epoch: Epoch, opening: &Opening, now: Timestamp, sign: &dyn Sign) -> Written {
        let header = self.header_in(epoch, Draft::of(What::Charter(opening.write())), now);
        let (at, bytes) = (header.at(), seal(AAD_ENTRY, &header.encode(), sign));
        let entry = Entry { leaf: leaf_hash(&bytes), bytes, header };
        let standing = self.span_at(epoch).append(&entry);
        Written { epoch, entry, body: None, standing, thing: Some(at), taken_back: false }
    }
}
