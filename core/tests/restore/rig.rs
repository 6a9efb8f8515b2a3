//! A station with a store, a person and root's list, that is killed and reads its store again, and is restored from backups.

use std::collections::{BTreeMap, BTreeSet};

use counterpart_core::act::{Act, Target, Words};
use counterpart_core::fault::{Misconduct, Refusal};
use counterpart_core::ids::{EntryRef, Epoch, LineId, Party, PostId};
use counterpart_core::line::Line;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::judging::{Judged, has_ended};
use counterpart_core::line::restore::{Judgement, NewEpoch, Part, Restore, Word};
use counterpart_core::line::turn::{Answer, Arrived, Given, Input, Shown, Written};
use counterpart_core::link::output::Range;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::charter::{Charter, Keys, PartyTerms, PostTerms};
use counterpart_core::record::codes::Code;
use counterpart_core::record::entry::{Head, Header};
use counterpart_core::record::log::{Entry, key_grant};
use counterpart_core::record::merkle::Edge;
use counterpart_core::record::sign1::{AAD_ENTRY, AAD_KEY, PublicKey, Sign, SoftKey, Strict, seal, to_be_signed};
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;

use crate::asks::ask;

pub use counterpart_core::ids::Party::{Inviter as NORTH, Joiner as SOUTH};

pub const START: u64 = 1_795_392_000_000;

/// An entry as signed, and its body.
pub type Stored = (Vec<u8>, Option<Vec<u8>>);

/// Number 0 is root, 1 to 3 are the charter's, from 4 on come fresh ones.
pub fn key(party: Party, number: u8) -> SoftKey {
    SoftKey::from_seed([1 + number + 100 * party.slot() as u8; 32])
}

fn public(party: Party, number: u8) -> [u8; 32] {
    *key(party, number).public().as_bytes()
}

pub fn post() -> PostId {
    PostId::parse("minister").unwrap()
}

fn side(party: Party) -> PartyTerms {
    let of = |number| public(party, number);
    PartyTerms {
        name: format!("{party:?}"),
        call_sign: format!("{party:?}"),
        keys: Keys { root: of(0), station: of(1), link: of(2), word: of(3) },
        languages: vec![],
        addresses: vec![],
        posts: vec![PostTerms { id: post(), highest: Precedence::Flash, night: true }],
        zone: String::new(),
    }
}

pub fn charter() -> Charter {
    Charter::of(LineId([7; 16]), Party::BOTH.map(side))
}

/// A log in which these stand.
pub fn head_of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Head {
    let mut edge = Edge::new();
    entries.into_iter().for_each(|entry| edge.push(entry.leaf));
    Head { size: edge.size(), root: edge.root() }
}

/// What a person does with what a key made that root's list has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Take,
    Refuse,
}

/// What a store keeps of a line.
#[derive(Clone, Default)]
pub struct Store {
    pub logs: BTreeMap<(Epoch, Party), Vec<Stored>>,
    pub shown: Vec<Shown>,
    refused: Vec<Part>,
    restored: BTreeSet<Epoch>,
    halted: BTreeMap<Epoch, Misconduct>,
}

impl Store {
    pub fn entry(&self, epoch: Epoch, at: EntryRef) -> Option<Vec<u8>> {
        let log = self.logs.get(&(epoch, at.party))?;
        log.get(usize::try_from(at.index).ok()?).map(|(bytes, _)| bytes.clone())
    }

    pub fn log(&self, epoch: Epoch, party: Party) -> Vec<Entry> {
        let log = self.logs.get(&(epoch, party));
        log.into_iter().flatten().map(|(bytes, _)| Entry::read(bytes).unwrap()).collect()
    }

    /// The line as a start reads it.
    fn line(&self, me: Party) -> Line {
        let mut line = Line::new(charter(), me);
        let shown = |epoch| self.shown.iter().map(|shown| &shown.entry).filter(move |e| e.header.epoch == epoch);
        let epochs = self.logs.keys().map(|(epoch, _)| *epoch);
        let epochs: BTreeSet<Epoch> = epochs.chain(self.shown.iter().map(|shown| shown.entry.header.epoch)).collect();
        for epoch in epochs {
            for entry in self.log(epoch, me) {
                line.reload(&entry).unwrap();
            }
            shown(epoch).for_each(|entry| line.recall(entry, &Strict).unwrap());
            self.refused.iter().filter(|part| part.epoch == epoch).for_each(|part| line.recall_refused(part));
            for entry in self.log(epoch, me.peer()) {
                line.reload(&entry).unwrap();
            }
        }
        self.restored.iter().for_each(|epoch| line.mark_restored(*epoch));
        self.halted.iter().for_each(|(epoch, what)| line.mark_halted(*epoch, *what));
        line.rebuilt(&|epoch, at| self.entry(epoch, at));
        line
    }
}

/// One station.
#[derive(Clone)]
pub struct Station {
    pub me: Party,
    pub line: Line,
    pub store: Store,
    pub now: u64,
}

impl Station {
    pub fn given<T>(&self, sign: &SoftKey, with: impl FnOnce(&Given<'_>) -> T) -> T {
        with(&Given {
            now: Timestamp(self.now),
            conduct: Conduct { even: true, steady_ms: 0, mark: Mark::Exercise },
            monotonic_ms: self.now - START,
            sign,
            verify: &Strict,
            stored: &|epoch, at| self.store.entry(epoch, at),
        })
    }

    pub fn turn(&mut self, inputs: Vec<Input>) -> Vec<Answer> {
        self.now += 1;
        let signer = self.line.signer();
        let sign = (1..60).map(|number| key(self.me, number)).find(|key| key.public() == signer);
        let mut line = self.line.clone();
        let plan = self.given(&sign.unwrap_or_else(|| key(self.me, 0)), |given| line.turn(inputs, given));
        self.line = line;
        self.store.shown.extend(plan.shown);
        self.commit(plan.written);
        plan.answers
    }

    pub fn commit(&mut self, written: Vec<Written>) {
        for w in written {
            let kept = self.store.shown.iter().find(|shown| shown.entry.bytes == w.entry.bytes);
            let body = w.body.or_else(|| kept.and_then(|shown| shown.body.clone()));
            self.store.restored.extend(w.taken_back.then_some(w.epoch));
            let log = self.store.logs.entry((w.epoch, w.entry.header.party)).or_default();
            log.push((w.entry.bytes, body));
        }
        let halted = self.line.spans().filter_map(|span| Some((span.epoch(), span.halted()?)));
        self.store.halted.extend(halted);
    }

    fn commit_judged(&mut self, judged: Judged) -> usize {
        let taken = judged.written.iter().filter(|w| w.taken_back).count();
        self.store.refused.extend(judged.refused);
        self.commit(judged.written);
        taken
    }

    /// What is in memory only is gone.
    pub fn killed(&mut self) {
        self.line = self.store.line(self.me);
    }

    /// A backup takes the place of what is there; unless it is marked it does not know what it is.
    pub fn restored(&mut self, backup: &Station, marked: bool) {
        self.store = backup.store.clone();
        self.store.restored.extend(marked.then_some(backup.line.epoch()));
        self.now += 1_000;
        self.killed();
    }

    pub fn act(&mut self, act: Act) -> Result<EntryRef, Refusal> {
        let words = matches!(act, Act::Memo | Act::Text { .. }).then(|| self.words());
        match self.turn(vec![Input::Act(self.line.epoch(), act.into(), words)])[..] {
            [Answer::Written(at)] => Ok(at),
            [Answer::Refused(refusal)] => Err(refusal),
            ref other => panic!("{other:?}"),
        }
    }

    fn words(&self) -> Words {
        Words { salt: [1; 16], language: "en".into(), text: self.now.to_string() }
    }

    /// A memo.
    pub fn writes(&mut self) -> Result<EntryRef, Refusal> {
        self.act(Act::Memo)
    }

    pub fn asks(&mut self) -> EntryRef {
        self.act(ask(Precedence::Routine)).unwrap()
    }

    pub fn declines(&mut self, ask: EntryRef) -> EntryRef {
        self.act(Act::Decline { on: Target::Entry(ask), code: Code::Engaged }).unwrap()
    }

    /// The outcome of an ask, as a reader of that epoch sees it.
    pub fn outcome(&self, epoch: Epoch, ask: EntryRef) -> &'static str {
        let view = self.line.look(epoch).unwrap();
        view.decision(view.fact(ask).unwrap()).outcome.word()
    }

    /// A person judges all that waits, by root's list; how many entries were taken.
    pub fn judges(&mut self, granted: &[u8], ended: Verdict) -> usize {
        let judgement = self.judgement(granted, ended);
        self.says(&judgement).unwrap()
    }

    /// A person says this of what is shown; how many entries were taken.
    pub fn says(&mut self, judgement: &Judgement) -> Result<usize, Refusal> {
        let mut line = self.line.clone();
        let judged = line.take_back(judgement, &|epoch, at| self.store.entry(epoch, at))?;
        self.line = line;
        Ok(self.commit_judged(judged))
    }

    /// A person's word on all that waits, with root's list: the numbers of our station keys.
    pub fn judgement(&self, granted: &[u8], ended: Verdict) -> Judgement {
        let granted: Vec<PublicKey> = granted.iter().map(|number| self.public(*number)).collect();
        let mut judgement = Judgement::default();
        for part in self.line.shown().iter().filter(|part| part.waits) {
            let refused = ended == Verdict::Refuse && has_ended(&granted, &part.signer);
            if refused { &mut judgement.refuse } else { &mut judgement.take }.push(part.part());
        }
        judgement
    }

    pub fn public(&self, number: u8) -> PublicKey {
        key(self.me, number).public()
    }

    /// Root opens an epoch, and nobody judges anything.
    pub fn opens(&mut self, number: u8, word: Word) -> Result<Epoch, Refusal> {
        self.opens_with(number, word, Judgement::default())
    }

    /// Root opens an epoch whose station key has this number, and whose link and word keys the two above.
    pub fn opens_with(&mut self, number: u8, word: Word, judgement: Judgement) -> Result<Epoch, Refusal> {
        let keys = [0, 1, 2].map(|plus| public(self.me, number + plus));
        let new = NewEpoch { id: [number; 8], keys, word, judgement };
        let mut line = self.line.clone();
        let judged = self.given(&key(self.me, 0), |given| line.open_epoch(&new, &key(self.me, 0), given))?;
        self.line = line;
        self.commit_judged(judged);
        Ok(self.line.epoch())
    }

    pub fn waits(&self) -> Restore {
        self.line.restore()
    }

    /// An entry of this store, as the link brings it to the other side.
    pub fn sends(&self, epoch: Epoch, party: Party, index: usize) -> Input {
        let (bytes, body) = self.store.logs[&(epoch, party)][index].clone();
        Input::Arrived(Arrived { entry: Entry::read(&bytes).unwrap(), body, verified_under: None }.into())
    }

    /// What this key signs as the next entry of our log of the first epoch, put into the store: this version of the software has no
    /// act for it, or somebody else has the key.
    pub fn signs_by_hand(&mut self, number: u8, what: What) {
        let own = self.line.span(Epoch::FIRST).unwrap();
        let first = Entry::read(&self.store.logs[&(Epoch::FIRST, self.me)][0].0).unwrap().header;
        let header = Header { own: own.own().head(), held: own.peer().head(), what: Ok(what), ..first };
        let bytes = seal(AAD_ENTRY, &header.encode(), &key(self.me, number));
        self.store.logs.entry((Epoch::FIRST, self.me)).or_default().push((bytes, None));
        self.killed();
    }

    /// What this key signs as an entry of ours that follows this head of our log of an epoch; entries of another `mark` are others.
    pub fn signed(&self, number: u8, (epoch, own): (Epoch, Head), mark: u64, what: What) -> Entry {
        self.signed_seeing(Head::empty(), number, (epoch, own), mark, what)
    }

    /// The same, as if this head of the peer's log had been held.
    pub fn signed_seeing(&self, held: Head, number: u8, (epoch, own): (Epoch, Head), mark: u64, what: What) -> Entry {
        let first = Entry::read(&self.store.logs[&(Epoch::FIRST, self.me)][0].0).unwrap().header;
        let header = Header { epoch, own, held, time: Timestamp(START + mark), what: Ok(what), ..first };
        Entry::read(&seal(AAD_ENTRY, &header.encode(), &key(self.me, number))).unwrap()
    }

    /// So many entries that this key signs on top of our log of the first epoch, and of these.
    pub fn continued(&self, number: u8, after: &[Entry], mark: u64, count: usize) -> Vec<Entry> {
        let mut edge = self.line.span(Epoch::FIRST).unwrap().own().edge().clone();
        after.iter().for_each(|entry| edge.push(entry.leaf));
        let entry = |_| {
            let own = Head { size: edge.size(), root: edge.root() };
            let entry = self.signed(number, (Epoch::FIRST, own), mark, What::Received);
            edge.push(entry.leaf);
            entry
        };
        (0..count).map(entry).collect()
    }

    /// An entry of the peer's comes, and is stored.
    pub fn takes(&mut self, entry: &Entry) {
        self.takes_input(Input::Arrived(Arrived { entry: entry.clone(), body: None, verified_under: None }.into()));
    }

    /// The same, as the link brings it.
    pub fn takes_input(&mut self, input: Input) {
        let answers = self.turn(vec![input]);
        assert!(matches!(answers[..], [Answer::Written(_)]), "{answers:?}");
    }

    /// The peer shows these.
    pub fn is_shown(&mut self, entries: &[Entry]) -> Vec<Answer> {
        let shown = |entry: &Entry| Input::Shown(Shown { entry: entry.clone(), body: None }.into());
        self.turn(entries.iter().map(shown).collect())
    }

    /// Root's first grant of the first epoch: these keys.
    pub fn grant(&self, number: u8) -> What {
        let keys = [0, 1, 2].map(|plus| public(self.me, number + plus));
        let message = to_be_signed(AAD_KEY, &key_grant(self.line.id(), Epoch::FIRST, 1, &keys));
        What::Key { serial: 1, keys, root: key(self.me, 0).sign(&message), proof: key(self.me, number).sign(&message) }
    }

    /// Entries of a log that are to be sent, and those beside our own.
    pub fn entries(&self, range: Range) -> Vec<Stored> {
        let log = self.store.logs.get(&(range.epoch, range.party)).cloned().unwrap_or_default();
        let beside = self.line.beside(range.epoch).iter().filter(|_| range.party == self.me);
        let beside = beside.map(|entry| {
            let kept = self.store.shown.iter().find(|shown| shown.entry.bytes == entry.bytes);
            (entry.bytes.clone(), kept.and_then(|shown| shown.body.clone()))
        });
        let all = log.into_iter().chain(beside).skip(range.from as usize);
        all.take((range.to - range.from) as usize).collect()
    }

    /// Entries held of a log.
    pub fn size(&self, epoch: Epoch, party: Party) -> usize {
        self.store.logs.get(&(epoch, party)).map_or(0, Vec::len)
    }
}
