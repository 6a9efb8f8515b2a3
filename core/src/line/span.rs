//! One epoch of a line: its two logs, what they say, what stopped one of them, and what the peer has shown of ours beside
//! them (`docs/protocol.md` §4.6).

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::facts::{Facts, Standing};
use super::shown::Branch;
use crate::fault::Misconduct;
use crate::ids::{EntryRef, Epoch, Party};
use crate::record::charter::Charter;
use crate::record::entry::{Head, Header};
use crate::record::log::{Entry, Log, opened_with};
use crate::record::merkle::Hash;
use crate::record::opening::{EpochHeads, Opening};
use crate::record::sign1::{PublicKey, Verify};
use crate::record::what::What;

/// One epoch of a line as one of its stations keeps it.
#[derive(Clone, Debug)]
pub struct Span {
    epoch: Epoch,
    pub(super) me: Party,
    logs: [Log; 2],
    pub(super) facts: Facts,
    /// Entries that are in their log and not folded yet: what their authors had seen is not held here.
    waiting: [VecDeque<Header>; 2],
    /// Entries that waited and have been folded since this was last asked for.
    folded: Vec<EntryRef>,
    /// The peer has named a head of a branch of our log: what it wrote since was not written in sight of what we hold.
    pub(super) parted: bool,
    /// A head that an entry of theirs, which was let go, names of our log, and that it never had as far as we know.
    pub(super) unknown: Option<Head>,
    /// The branch of our log on which the facts are folded, if it is not the log that we hold.
    pub(super) folded_on: Option<usize>,
    /// They are of a branch, and our log has grown since: they are to be folded anew.
    pub(super) stale: bool,
    /// Heads of a log that a closing charter names and that are older than what the log remembers, and whether it had them.
    pub(super) old: Vec<(Party, Head, bool)>,
    openings: [Option<Opening>; 2],
    /// Where each log brings new keys, and the last of them: station, link and word.
    grants: [(Vec<u64>, Option<[Hash; 3]>); 2],
    /// Their log is taken no further in this epoch, because of this.
    pub(super) halted: Option<Misconduct>,
    /// Our log of this epoch is not known to be whole: it came in a backup, or parts of it came from the peer.
    pub(super) restored: bool,
    /// What the peer has shown of our own log that is not in it.
    pub(super) branches: Vec<Branch>,
    /// Parts of that which a person has refused, each by the head at its end.
    pub(super) refused: Vec<Head>,
    /// Entries of theirs whose attested bodies never came, and of which no entry of ours has said so (§3.1).
    pub(super) lacking: BTreeSet<u64>,
}

impl Span {
    /// An epoch with nothing in either log. `keys` sign the first entries, in the order of the parties.
    pub(super) fn new(charter: &Charter, me: Party, epoch: Epoch, keys: [PublicKey; 2]) -> Span {
        let [inviter, joiner] = keys;
        let log = |party: Party, key| {
            let root = PublicKey::from_bytes(charter.party(party).keys.root);
            Log::new(charter.line, epoch, party, key, root)
        };
        Span {
            epoch,
            me,
            logs: [log(Party::Inviter, inviter), log(Party::Joiner, joiner)],
            facts: Facts::new(charter.clone()),
            waiting: [VecDeque::new(), VecDeque::new()],
            folded: Vec::new(),
            parted: false,
            unknown: None,
            folded_on: None,
            stale: false,
            old: Vec::new(),
            openings: [None, None],
            grants: [(Vec::new(), None), (Vec::new(), None)],
            halted: None,
            restored: false,
            branches: Vec::new(),
            refused: Vec::new(),
            lacking: BTreeSet::new(),
        }
    }

    /// Which epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// One of its two logs.
    pub fn log(&self, party: Party) -> &Log {
        let [inviter, joiner] = &self.logs;
        match party {
            Party::Inviter => inviter,
            Party::Joiner => joiner,
        }
    }

    /// Our log.
    pub fn own(&self) -> &Log {
        self.log(self.me)
    }

    /// Our copy of theirs.
    pub fn peer(&self) -> &Log {
        self.log(self.me.peer())
    }

    /// The folded entries.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Why their log is taken no further in this epoch, if it is.
    pub fn halted(&self) -> Option<Misconduct> {
        self.halted
    }

    /// Whether our log of this epoch came in a backup or in parts from the peer: we sign nothing more in it.
    pub fn restored(&self) -> bool {
        self.restored
    }

    /// How this party's log begins, if it has begun and not by pairing.
    pub fn opening(&self, party: Party) -> Option<&Opening> {
        let [inviter, joiner] = &self.openings;
        match party {
            Party::Inviter => inviter.as_ref(),
            Party::Joiner => joiner.as_ref(),
        }
    }

    /// Every index 0 that begins one of the logs, ours also if it only stands beside our log.
    pub(super) fn openings(&self) -> impl Iterator<Item = &Opening> {
        self.openings.iter().flatten().chain(self.branches.iter().filter_map(|branch| branch.opening.as_ref()))
    }

    /// Whether our log is known to begin in more than one way.
    pub(super) fn begins_twice(&self) -> bool {
        let beside = self.branches.iter().filter(|branch| branch.from == 0 && branch.opening.is_some()).count();
        beside > usize::from(self.own().size() == 0)
    }

    /// What both logs reach.
    pub fn heads(&self) -> EpochHeads {
        EpochHeads { epoch: self.epoch, heads: Party::BOTH.map(|party| self.log(party).head()) }
    }

    /// Where this party's log brings new keys (§4.5, §4.6), and the last of them.
    pub(super) fn grants(&self, party: Party) -> &(Vec<u64>, Option<[Hash; 3]>) {
        let [inviter, joiner] = &self.grants;
        if party == Party::Inviter { inviter } else { joiner }
    }

    /// Gives a log that is empty the key that signs its first entry.
    pub(super) fn sign_first_with(&mut self, party: Party, key: PublicKey) {
        if self.log(party).size() == 0 {
            let fresh = Log::new(self.log(party).line(), self.epoch, party, key, self.log(party).root_key());
            let [inviter, joiner] = &mut self.logs;
            *(if party == Party::Inviter { inviter } else { joiner }) = fresh;
        }
    }

    /// Whether our log, or a branch of it that we were shown, has had this head.
    pub(super) fn had(&self, head: &Head) -> bool {
        self.own().had(head) || self.branches.iter().any(|branch| branch.log.had(head))
    }

    /// Whether we have opened this epoch, as far as we hold or were shown.
    pub(super) fn is_opened_by_us(&self) -> bool {
        let shown = |branch: &Branch| branch.entries.first().is_some_and(|e| opened_with(&e.header).is_some());
        matches!(self.opening(self.me), Some(Opening::Opened { .. })) || self.branches.iter().any(shown)
    }

    /// Judges whether an entry may stand next in the peer's log.
    ///
    /// # Errors
    /// The [`Misconduct`] that halts it.
    pub(super) fn judge(&self, entry: &Entry, verify: &dyn Verify) -> Result<(), Misconduct> {
        let (index, log) = (entry.header.own.size, self.peer());
        // What begins a log may name heads of ours that we have lost: it is root's word, or joins what is.
        let begins = index == 0 && self.epoch != Epoch::FIRST;
        log.judge_among(entry, &|head| begins || self.had(head), verify)?;
        // What we have taken back names what we held when we signed it.
        let ahead = self.named_ahead().find(|head| head.size == index + 1);
        let forks = ahead.is_some_and(|head| {
            let mut edge = log.edge().clone();
            edge.push(entry.leaf);
            edge.root() != head.root
        });
        if forks { Err(Misconduct::Fork) } else { Ok(()) }
    }

    /// Takes in an entry that continues its log.
    pub(super) fn append(&mut self, entry: &Entry) -> Standing {
        let header = &entry.header;
        let (party, own) = (header.party, header.party == self.me);
        self.parted |= !own && self.parts(header);
        let [inviter, joiner] = &mut self.logs;
        if party == Party::Inviter { inviter } else { joiner }.append(entry);
        if own {
            self.lacking.retain(|index| !header.lacking.contains(index));
        }
        self.forget_roots();
        self.note(header);
        if own && self.folded_on.is_some() {
            // What counts is folded on another branch: this one waits until that is folded anew.
            self.stale = true;
            return Standing::Waits;
        }
        if self.can_fold(header) && self.waiting_of(party).is_empty() {
            let standing = self.facts.apply(header);
            self.fold();
            return standing;
        }
        self.waiting_of(party).push_back(header.clone());
        Standing::Waits
    }

    /// Whether an entry of theirs names another part of our log than that on which the facts are folded. Of what their index 0 names
    /// nothing is judged.
    fn parts(&self, header: &Header) -> bool {
        let on = self.folded_on.and_then(|on| self.branches.get(on));
        // What continues our log comes to stand in it, if nothing else counts in its place.
        let forked = |b: &Branch| (on.is_some() || !self.extends(b)) && b.log.had(&header.held);
        let elsewhere = || self.own().had(&header.held) || self.branches.iter().any(forked);
        let judged = header.own.size > 0;
        judged && !on.map_or(self.own(), |branch| &branch.log).had(&header.held) && elsewhere()
    }

    fn note(&mut self, header: &Header) {
        let Ok(what) = &header.what else { return };
        let [inviter, joiner] = &mut self.grants;
        let grants = if header.party == Party::Inviter { inviter } else { joiner };
        match what {
            What::Key { keys, .. } => {
                grants.0.push(header.own.size);
                grants.1 = Some(*keys);
            }
            What::Charter(args) if header.own.size == 0 => {
                let opening = Opening::read(args);
                if let Some(Opening::Opened { keys, .. }) = &opening {
                    grants.0.push(0);
                    grants.1 = Some(*keys);
                }
                let [inviter, joiner] = &mut self.openings;
                *(if header.party == Party::Inviter { inviter } else { joiner }) =
                    opening.filter(|o| !matches!(o, Opening::Paired { .. }));
            }
            _ => {}
        }
    }

    fn can_fold(&self, header: &Header) -> bool {
        let elsewhere = self.parted && header.party != self.me;
        !elsewhere && header.held.size <= self.facts.side(header.party.peer()).size
    }

    /// Whether the next entry of ours would wait, because something before it does.
    pub(super) fn waits(&self) -> bool {
        let behind = |party: Party| self.log(party).size() > self.facts.side(party).size;
        Party::BOTH.into_iter().any(behind)
    }

    fn waiting_of(&mut self, party: Party) -> &mut VecDeque<Header> {
        let [inviter, joiner] = &mut self.waiting;
        if party == Party::Inviter { inviter } else { joiner }
    }

    /// Folds what waited for what has come.
    fn fold(&mut self) {
        loop {
            let mut moved = false;
            for party in Party::BOTH {
                while let Some(header) = self.waiting_of(party).pop_front() {
                    if !self.can_fold(&header) {
                        self.waiting_of(party).push_front(header);
                        break;
                    }
                    self.facts.apply(&header);
                    self.folded.push(header.at());
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// Heads that entries of ours, which wait, name of the peer's log: what the peer sends has to agree with them.
    pub(super) fn named_ahead(&self) -> impl Iterator<Item = Head> {
        let [inviter, joiner] = &self.waiting;
        let ours = if self.me == Party::Inviter { inviter } else { joiner };
        ours.iter().map(|header| header.held)
    }

    /// What waited and has been folded since this was last asked.
    pub(super) fn take_folded(&mut self) -> Vec<EntryRef> {
        core::mem::take(&mut self.folded)
    }

    /// Forgets roots that the other side can no longer name. A head that a log never had is one of a branch, or of what is still to
    /// come: what could be told of it must not be forgotten, also at a start, when the branches are not read yet.
    fn forget_roots(&mut self) {
        let [inviter, joiner] = &mut self.logs;
        let (by_inviter, by_joiner) = (inviter.named(), joiner.named());
        if joiner.had(&by_inviter) {
            joiner.forget_roots_below(by_inviter.size);
        }
        if inviter.had(&by_joiner) {
            inviter.forget_roots_below(by_joiner.size);
        }
    }

    /// A fault, to be found: what an entry of the other side names is forgotten in our log, whichever branch it is of.
    #[cfg(test)]
    pub(super) fn forget_whatever(&mut self, named: &Head) {
        let [inviter, joiner] = &mut self.logs;
        if self.me == Party::Inviter { inviter } else { joiner }.forget_roots_below(named.size);
    }

    /// Puts facts in the place of those that were folded on another branch of our log; `rest`: what could not be folded.
    pub(super) fn fold_anew(&mut self, facts: Facts, rest: [VecDeque<Header>; 2], on: Option<usize>) {
        let before = core::mem::replace(&mut self.facts, facts);
        // Of what somebody here took note stands in no log.
        self.facts.noted = before.noted;
        let waited = core::mem::replace(&mut self.waiting, rest);
        let waits = |at: EntryRef| self.waiting.iter().flatten().any(|header| header.at() == at);
        self.folded.extend(waited.iter().flatten().map(Header::at).filter(|at| !waits(*at)));
        self.folded_on = on;
        self.stale = false;
        let [inviter, joiner] = &self.waiting;
        let theirs = if self.me == Party::Inviter { joiner } else { inviter };
        self.parted = on.is_none() && theirs.iter().any(|header| self.parts(header));
    }
}
