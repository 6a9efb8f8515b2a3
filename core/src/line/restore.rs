//! What a line waits for before it signs again (`docs/protocol.md` §4.6, *restored copies*), and what a person does about it
//! with the root key: take back or refuse what the peer has shown, open a new epoch.

use alloc::vec::Vec;

use super::Line;
use super::draft::Draft;
use super::shown::Branch;
use super::span::Span;
use super::switch::Mend;
use super::turn::{Given, Written};
use crate::fault::{Misconduct, Refusal};
use crate::ids::Epoch;
use crate::record::entry::Head;
use crate::record::log::Entry;
use crate::record::merkle::{Hash, leaf_hash};
use crate::record::opening::Opening;
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
    /// The peer has shown a branch of our log: another copy of us has written.
    Branch,
    /// Our link key was shown to be retired.
    Retired,
    /// We opened an epoch, and the peer another that does not name ours.
    Unnamed,
}

/// What a person decides with root's list at hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// The station keys that root has granted us on this line, the charter's and those of openings among them, oldest first.
    pub granted: Vec<PublicKey>,
    /// Of what a key that this list has ended could have made.
    pub ended: Verdict,
}

/// Taken into our log, or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is ours.
    Take,
    /// It may be another's, who has the old key.
    Refuse,
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
    /// Of what the peer has shown, if anything waits for it.
    pub judgement: Option<Judgement>,
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
    /// The station key in force at its end: whoever has it could have made it.
    pub key: PublicKey,
    /// It parts from the log that we hold, and can only be kept as evidence.
    pub branch: bool,
    /// A person has refused it.
    pub refused: bool,
    /// The entries.
    pub entries: &'a [Entry],
}

impl Line {
    /// What we wait for.
    pub fn restore(&self) -> Restore {
        let serving = self.serving();
        if serving.restored && !self.heard {
            return Restore::Peer;
        }
        // What an ended key has begun is evidence, and stops nothing.
        let ended = |span: &Span, b: &Branch| {
            let root = b.first == span.own().root_key();
            b.from == 0 && span.epoch() != Epoch::FIRST && !root && b.first != self.key_before(self.me, span.epoch())
        };
        let waits = |span: &Span| span.branches.iter().any(|b| !b.refused && span.extends(b) && !ended(span, b));
        if self.spans.iter().rev().take_while(|span| span.epoch() >= serving.epoch()).any(waits) {
            return Restore::Judgement;
        }
        if serving.restored && !self.off(Mend::Always) {
            return Restore::Opening(Why::Restored);
        }
        if serving.branches.iter().any(|b| !serving.extends(b) && !serving.by_an_ended_key(b)) {
            return Restore::Opening(Why::Branch);
        }
        if self.retired {
            return Restore::Opening(Why::Retired);
        }
        if self.passed() { Restore::Opening(Why::Unnamed) } else { Restore::Nothing }
    }

    /// Whether we sign in the epoch that we serve.
    pub(super) fn signs(&self) -> bool {
        self.restore() == Restore::Nothing
    }

    /// We opened the epoch that we serve, and the peer has opened a later one without having seen ours: joining it we might
    /// join for the second time what an earlier life of ours has joined.
    fn passed(&self) -> bool {
        let serving = self.serving();
        let opened = matches!(serving.opening(self.me), Some(Opening::Opened { .. }));
        if self.off(Mend::Next) || !opened || serving.peer().size() > 0 || self.latest() == serving.epoch() {
            return false;
        }
        let latest = self.spans.iter().rev().find_map(|span| span.opening(self.me.peer()));
        let names = |opening: &Opening| {
            let named = opening.heads().iter().find(|e| e.epoch == serving.epoch());
            named.is_some_and(|e| e.of(self.me).size > 0)
        };
        !latest.is_some_and(names)
    }

    /// What the peer has shown of our log that is not in it, for a person to see.
    pub fn shown(&self) -> Vec<Showing<'_>> {
        let mut shown = Vec::new();
        for span in &self.spans {
            shown.extend(span.branches.iter().map(|branch| Showing {
                epoch: span.epoch(),
                from: branch.from,
                head: branch.head(),
                key: branch.key(),
                branch: !span.extends(branch),
                refused: branch.refused,
                entries: &branch.entries,
            }));
        }
        shown
    }

    /// Takes note of an entry of ours that the peer shows; true if it is new here and is to be kept.
    ///
    /// # Errors
    /// [`Misconduct::FalseClaim`]: nothing that we signed.
    pub(super) fn show(&mut self, entry: &Entry, verify: &dyn Verify) -> Result<bool, Misconduct> {
        let header = &entry.header;
        let epoch = header.epoch;
        if header.line != self.id || header.party != self.me {
            return Err(Misconduct::FalseClaim);
        }
        let known = self.span(epoch).is_some();
        if !known && (self.jumps(epoch) || self.is_full() || header.own.size > 0) {
            return Err(Misconduct::FalseClaim);
        }
        let firsts = self.firsts(epoch);
        let span = self.span_at(epoch);
        let shown = span.show(entry, &firsts, verify);
        if shown.is_err() && !known {
            self.spans.retain(|span| span.epoch() != epoch);
        }
        Ok(shown? == super::shown::Shown::Kept)
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

    /// Takes back into our logs what a person takes; what it refuses stays beside them.
    pub fn take_back(&mut self, judgement: &Judgement) -> Vec<Written> {
        self.heard = true;
        let mut written = Vec::new();
        let last = judgement.granted.last();
        let ended = |key: &PublicKey| judgement.granted.contains(key) && last != Some(key);
        for at in 0..self.spans.len() {
            let span = &mut self.spans[at];
            let Some(place) = span.branches.iter().position(|b| span.extends(b)) else { continue };
            if judgement.ended == Verdict::Refuse && ended(&span.branches[place].key()) {
                span.branches[place].refused = true;
                continue;
            }
            let branch = span.branches.remove(place);
            span.folded_on = span.folded_on.map(|on| if on > place { on - 1 } else { on });
            span.sign_first_with(self.me, branch.first);
            for entry in branch.entries {
                let standing = span.append(&entry);
                span.restored = true;
                let thing = span.facts.all().fact(entry.header.at()).map(|f| f.thing);
                let epoch = span.epoch();
                written.push(Written { epoch, entry, body: None, standing, thing, taken_back: true });
            }
        }
        written
    }

    /// Opens an epoch: takes back first what the judgement takes. The private halves of the fresh keys have to be kept, and in a
    /// backup, before what comes out is committed. A person may do so at any time: it lifts a halt and replaces keys.
    ///
    /// # Errors
    /// [`Refusal`]: the peer has not been heard and the word does not say why that is so; what it showed is not judged; `root` is
    /// not the root key of our charter; or there are as many epochs as a line may have.
    pub fn open_epoch(&mut self, new: &NewEpoch, root: &dyn Sign, given: &Given<'_>) -> Result<Vec<Written>, Refusal> {
        if *root.public().as_bytes() != self.charter.party(self.me).keys.root {
            return Err(Refusal::NotRoot);
        }
        if self.own().size() == 0 {
            return Err(Refusal::LineNotOpen);
        }
        if self.is_full() {
            return Err(Refusal::TooManyEpochs);
        }
        match (self.restore(), new.word, &new.judgement) {
            (Restore::Peer, Word::Heard, _) => return Err(Refusal::AwaitsPeer),
            (Restore::Judgement, _, None) => return Err(Refusal::AwaitsJudgement),
            _ => {}
        }
        let mut written = new.judgement.as_ref().map(|judgement| self.take_back(judgement)).unwrap_or_default();
        let highest = self.spans.last().map_or(0, |span| span.epoch().number);
        let epoch = Epoch { number: highest.saturating_add(1), id: new.id };
        let opening = Opening::Opened { keys: new.keys, heads: self.earlier(epoch) };
        let me = self.me;
        self.span_at(epoch).sign_first_with(me, root.public());
        written.push(self.begin_log(epoch, &opening, given.now, root));
        self.retired = false;
        self.owes_since = None;
        self.recount(given.stored);
        Ok(written)
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
