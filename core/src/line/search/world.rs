//! Two stations with their disks, backups and persons, and one message a direction, as in the model: a message is all that its
//! sender has committed at some moment, and may come at any later one, again, or never.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use super::links::Message;
use crate::act::{Act, Target, Words};
use crate::fault::Misconduct;
use crate::ids::{EntryRef, Epoch, Party};
use crate::line::Line;
use crate::line::crossing::Outcome;
use crate::line::due::Conduct;
use crate::line::judging::{Judged, has_ended};
use crate::line::model::history::charter;
use crate::line::restore::{Judgement, NewEpoch, Part, Restore, Word};
use crate::line::switch::Mend;
use crate::line::turn::{Answer, Arrived, Given, Input, Shown, Written};
use crate::precedence::{Mark, Precedence};
use crate::record::charter::{Charter, Checks, Keys};
use crate::record::codes::Mode;
use crate::record::entry::Head;
use crate::record::log::Entry;
use crate::record::merkle::{Hash, leaf_hash};
use crate::record::opening::{EpochHeads, Opening};
use crate::record::sign1::{PublicKey, Sign, Signature, Verify};
use crate::time::Timestamp;

/// A key that signs by a hash: whoever knows it could forge, and only the liar does.
#[derive(Clone, Copy)]
pub struct Cheap(pub PublicKey);

impl Sign for Cheap {
    fn public(&self) -> PublicKey {
        self.0
    }

    fn sign(&self, message: &[u8]) -> Signature {
        let first = leaf_hash(&[self.0.as_bytes().as_slice(), message].concat());
        std::array::from_fn(|at| first[at % 32])
    }
}

pub struct CheapVerify;

impl Verify for CheapVerify {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        Cheap(*key).sign(message) == *signature
    }
}

/// What a person does with what a key made that root's list has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Take,
    Refuse,
}

pub type Log = Vec<Rc<Entry>>;
pub type Disk = BTreeMap<(Epoch, Party), Log>;

pub fn key(party: Party, number: u8) -> PublicKey {
    PublicKey::from_bytes([10 + 100 * party.number() as u8 + number; 32])
}

pub fn root(party: Party) -> PublicKey {
    key(party, 0)
}

fn agreed() -> Charter {
    let mut charter = charter();
    for (party, terms) in Party::BOTH.into_iter().zip(&mut charter.parties) {
        let of = |number| *key(party, number).as_bytes();
        terms.keys = Keys { root: of(0), station: of(1), link: of(2), word: of(3) };
    }
    charter.checks = Checks::Every(0);
    charter
}

/// One station: the line in memory, and all that a store keeps of it.
#[derive(Clone)]
pub struct Station {
    pub line: Line,
    pub disk: Rc<Disk>,
    /// What the peer has shown, in the order in which it was kept.
    shown: Vec<Rc<Entry>>,
    refused: Vec<Part>,
    /// The epochs in which our log came in a backup, or a part of it from the peer.
    restored: BTreeSet<Epoch>,
    halted: BTreeMap<Epoch, Misconduct>,
    pub retired: Option<u64>,
    /// The link key that it proves.
    pub link: Hash,
    /// Private station keys.
    pub keys: Vec<PublicKey>,
    /// Of which life it is: two lives never write the same bytes.
    pub life: u64,
}

impl Station {
    fn new(me: Party, without: Option<Mend>) -> Station {
        let mut line = Line::new(agreed(), me);
        line.without = without;
        Station {
            line,
            disk: Rc::default(),
            shown: Vec::new(),
            refused: Vec::new(),
            restored: BTreeSet::new(),
            halted: BTreeMap::new(),
            retired: None,
            link: *key(me, 2).as_bytes(),
            keys: vec![key(me, 1)],
            life: 0,
        }
    }

    pub fn me(&self) -> Party {
        self.line.me()
    }

    pub fn log(&self, epoch: Epoch, party: Party) -> &[Rc<Entry>] {
        self.disk.get(&(epoch, party)).map_or(&[], Vec::as_slice)
    }

    /// A backup of this station, as it begins where it was restored; one that is not marked does not know what it is.
    pub fn restored(&self, marked: bool, fault: bool) -> Station {
        let mut copy = self.clone();
        copy.restored.extend(marked.then_some(self.line.epoch()));
        copy.started(fault)
    }

    /// As a start reads it from the store, in the order in which the station does; what was only in memory is gone. With the fault
    /// what was shown is read last, when heads of branches have made the log forget where they leave it.
    pub fn started(&self, fault: bool) -> Station {
        let mut line = Line::new(self.line.charter().clone(), self.me());
        line.without = self.line.without;
        let shown = self.shown.iter().map(|entry| entry.header.epoch);
        let epochs: BTreeSet<Epoch> = self.disk.keys().map(|(epoch, _)| *epoch).chain(shown).collect();
        for epoch in epochs {
            self.read(&mut line, epoch, fault);
        }
        self.restored.iter().for_each(|epoch| line.mark_restored(*epoch));
        self.halted.iter().for_each(|(epoch, misconduct)| line.mark_halted(*epoch, *misconduct));
        self.retired.into_iter().for_each(|highest| line.mark_retired(highest));
        let disk = self.disk.clone();
        line.rebuilt(&|epoch, at| stored(&disk, epoch, at));
        Station { line, ..self.clone() }
    }

    fn read(&self, line: &mut Line, epoch: Epoch, fault: bool) {
        let logs = Party::BOTH.map(|party| self.log(epoch, party));
        let own = usize::from(self.me() == Party::Joiner);
        let mut read = [0_usize; 2];
        let is_shown = self.shown.iter().any(|entry| entry.header.epoch == epoch);
        if is_shown && !fault {
            logs[own].iter().for_each(|entry| {
                line.reload(entry).unwrap();
            });
            self.recall(line, epoch, fault);
            logs[1 - own].iter().for_each(|entry| {
                line.reload(entry).unwrap();
            });
            return;
        }
        // Merged, so that each entry finds what its author had seen; what never comes is not waited for.
        let mut wait = true;
        while read != logs.map(<[_]>::len) {
            let before = read;
            for at in [0, 1] {
                while let Some(entry) = logs[at].get(read[at])
                    && (!wait || entry.header.held.size as usize <= read[1 - at])
                {
                    line.reload(entry).unwrap();
                    if fault && at != own {
                        line.span_mut(epoch).unwrap().forget_whatever(&entry.header.held);
                    }
                    read[at] += 1;
                }
            }
            wait = read != before;
        }
        self.recall(line, epoch, fault);
    }

    fn recall(&self, line: &mut Line, epoch: Epoch, fault: bool) {
        for entry in self.shown.iter().filter(|entry| entry.header.epoch == epoch) {
            let recalled = line.recall(entry, &CheapVerify);
            assert!(fault || recalled.is_ok(), "what was kept is recalled");
        }
        self.refused.iter().filter(|part| part.epoch == epoch).for_each(|part| line.recall_refused(part));
    }

    /// What tells two states apart.
    pub fn print(&self, out: &mut Vec<u8>) {
        for span in self.line.spans() {
            print_epoch(span.epoch(), out);
            span.heads().heads.iter().for_each(|head| out.extend(head.root));
            out.extend([u8::from(span.halted().is_some()), u8::from(span.restored()), 255]);
        }
        for showing in self.line.shown() {
            print_epoch(showing.epoch, out);
            out.extend(showing.head.root);
            out.extend([showing.from as u8, u8::from(showing.refused), u8::from(showing.waits), 254]);
        }
        out.extend(std::format!("{:?}", self.line.restore()).bytes());
        self.keys.iter().for_each(|key| out.push(key.as_bytes()[0]));
        out.extend([self.link[0], self.retired.map_or(255, |highest| highest as u8)]);
    }

    /// What became of each ask of the inviter.
    pub fn status(&self) -> BTreeMap<(Epoch, u64), Outcome> {
        let mut found = BTreeMap::new();
        for span in self.line.spans() {
            let Some(view) = self.line.look(span.epoch()) else { continue };
            for ask in view.asks(Party::Inviter) {
                found.insert((span.epoch(), ask.at.index), view.decision(ask).outcome);
            }
        }
        found
    }
}

fn print_epoch(epoch: Epoch, out: &mut Vec<u8>) {
    out.push(epoch.number as u8);
    out.extend(epoch.id);
}

pub fn print_disk(disk: &Disk, out: &mut Vec<u8>) {
    for ((epoch, party), log) in disk {
        print_epoch(*epoch, out);
        out.push(party.number() as u8);
        log.last().iter().for_each(|entry| out.extend(entry.leaf));
    }
}

fn stored(disk: &Disk, epoch: Epoch, at: EntryRef) -> Option<Vec<u8>> {
    Some(disk.get(&(epoch, at.party))?.get(at.index as usize)?.bytes.clone())
}

#[derive(Clone)]
pub struct World {
    pub stations: [Station; 2],
    pub backups: [Station; 2],
    pub net: [Option<Message>; 2],
    /// Every entry that a party has signed, as the log that ends in it.
    pub signed: [Vec<Rc<Log>>; 2],
    /// Root's list of each party.
    pub granted: [Vec<PublicKey>; 2],
    pub spent: Vec<&'static str>,
    pub unmarked: [bool; 2],
    /// The random bytes of an epoch are left out.
    pub without_id: bool,
}

impl World {
    pub fn new(without: Option<Mend>) -> World {
        let [mut a, mut b] = Party::BOTH.map(|party| Station::new(party, without));
        let signatures = [[0; 64]; 2];
        let opening = Opening::Paired { charter: a.line.charter().encode(), signatures };
        let mut firsts = Vec::new();
        for station in [&mut a, &mut b] {
            let sign = Cheap(key(station.me(), 1));
            let given = given(0, &sign, &|_, _| None);
            firsts.push(Rc::new(station.line.open(&opening, &given).unwrap().entry));
        }
        for (station, other) in [(&mut a, 1), (&mut b, 0)] {
            station.line.reload(&firsts[other]).unwrap();
            let disk = Rc::make_mut(&mut station.disk);
            firsts.iter().for_each(|e| drop(disk.insert((Epoch::FIRST, e.header.party), vec![e.clone()])));
        }
        World {
            signed: [0, 1].map(|at: usize| vec![Rc::new(vec![firsts[at].clone()])]),
            granted: Party::BOTH.map(|party| vec![key(party, 1)]),
            backups: [a.clone(), b.clone()],
            stations: [a, b],
            net: [None, None],
            spent: Vec::new(),
            unmarked: [false; 2],
            without_id: false,
        }
    }

    /// Puts into the store what a station has decided.
    fn commit(&mut self, at: usize, written: Vec<Written>) {
        let station = &mut self.stations[at];
        for w in written {
            let entry = Rc::new(w.entry);
            let log = Rc::make_mut(&mut station.disk).entry((w.epoch, entry.header.party)).or_default();
            log.push(entry.clone());
            station.restored.extend(w.taken_back.then_some(w.epoch));
            if entry.header.party == station.line.me() && !w.taken_back {
                self.signed[at].push(Rc::new(log.clone()));
            }
        }
        let halted = station.line.spans().filter_map(|span| Some((span.epoch(), span.halted()?)));
        station.halted.extend(halted.collect::<Vec<_>>());
    }

    fn commit_judged(&mut self, at: usize, judged: Judged) {
        self.stations[at].refused.extend(judged.refused);
        self.commit(at, judged.written);
    }

    pub fn turn(&mut self, at: usize, inputs: Vec<Input>) -> Vec<Answer> {
        let station = &mut self.stations[at];
        let signer = station.line.signer();
        let sign = Cheap(if station.keys.contains(&signer) { signer } else { PublicKey::from_bytes([0; 32]) });
        let disk = station.disk.clone();
        let life = station.life;
        let plan = station.line.turn(inputs, &given(life, &sign, &|epoch, at| stored(&disk, epoch, at)));
        station.shown.extend(plan.shown.into_iter().map(|shown| Rc::new(shown.entry)));
        self.commit(at, plan.written);
        plan.answers
    }

    /// An ask of the inviter's, an answer of the joiner's to the first that is open; a memo if there is none.
    pub fn writes(&mut self, at: usize) -> bool {
        let line = &self.stations[at].line;
        let view = line.facts().all();
        let open = view.asks(Party::Inviter).find(|ask| view.decision(ask).outcome == Outcome::Open);
        let (act, words) = match (line.me(), open) {
            (Party::Inviter, _) => (ask(), None),
            (Party::Joiner, Some(ask)) => (Act::Answer { on: Target::Entry(ask.at) }, None),
            (Party::Joiner, None) => {
                (Act::Memo, Some(Words { salt: [0; 16], language: "en".into(), text: "x".into() }))
            }
        };
        let input = Input::Act(line.epoch(), act.into(), words);
        matches!(self.turn(at, vec![input])[..], [Answer::Written(_)])
    }

    /// What a person says with root's list of all that waits; without it, with a list of which no key but the first has not ended. Of
    /// parts that exclude one another they take the first.
    pub fn judgement(&self, at: usize, ended: Verdict, listed: bool) -> Judgement {
        let mut granted = self.granted[at].clone();
        if !listed {
            granted.reverse();
        }
        let mut judgement = Judgement::default();
        for part in self.stations[at].line.shown().iter().filter(|part| part.waits) {
            let taken = judgement.take.iter().any(|taken| taken.epoch == part.epoch);
            if ended == Verdict::Refuse && has_ended(&granted, &part.signer) {
                judgement.refuse.push(part.part());
            } else if !taken {
                judgement.take.push(part.part());
            }
        }
        judgement
    }

    pub fn takes(&mut self, at: usize, judgement: &Judgement) {
        let station = &mut self.stations[at];
        let disk = station.disk.clone();
        let judged = station.line.take_back(judgement, &|epoch, at| stored(&disk, epoch, at));
        self.commit_judged(at, judged.unwrap());
    }

    /// Root opens an epoch; false if that is refused.
    pub fn opens(&mut self, at: usize, judgement: Judgement) -> bool {
        let party = self.stations[at].me();
        let count = self.granted[at].len() as u8;
        let fresh = key(party, 10 + count);
        let station = &mut self.stations[at];
        let id = if self.without_id { [0; 8] } else { [party.number() as u8 + 1, count, 0, 0, 0, 0, 0, 0] };
        let link = *key(party, 40 + count).as_bytes();
        let keys = [*fresh.as_bytes(), link, [2; 32]];
        let new = NewEpoch { id, keys, word: Word::Dark, judgement };
        let (sign, disk) = (Cheap(root(party)), station.disk.clone());
        let life = station.life;
        let opened = station.line.open_epoch(&new, &sign, &given(life, &sign, &|epoch, at| stored(&disk, epoch, at)));
        let Ok(judged) = opened else { return false };
        station.keys.push(fresh);
        station.link = link;
        station.retired = None;
        self.granted[at].push(fresh);
        self.commit_judged(at, judged);
        true
    }

    /// A message comes: what it shows of our own log, then what is its sender's, as far as it is taken.
    pub fn receives(&mut self, at: usize, message: &Disk) {
        let me = self.stations[at].me();
        let mut inputs = Vec::new();
        for ((epoch, _), log) in message.iter().filter(|((_, party), _)| *party == me) {
            let from = self.stations[at].line.span(*epoch).map_or(0, |span| span.own().from());
            let of = |entry: &Rc<Entry>| Input::Shown(Shown { entry: Entry::clone(entry), body: None }.into());
            inputs.extend(log.iter().skip(from as usize).map(of));
        }
        inputs.push(Input::Heard(heads(message)));
        self.turn(at, inputs);
        for ((epoch, _), log) in message.iter().filter(|((_, party), _)| *party != me) {
            let from = self.stations[at].line.span(*epoch).map_or(0, |span| span.peer().size());
            for entry in log.iter().skip(from as usize) {
                let arrived = Arrived { entry: Entry::clone(entry), body: Some(Vec::new()), verified_under: None };
                let answers = self.turn(at, vec![Input::Arrived(arrived.into())]);
                if !matches!(answers[..], [Answer::Written(_) | Answer::Held]) {
                    break;
                }
            }
        }
    }

    pub fn signs(&self, at: usize) -> bool {
        let station = &self.stations[at];
        station.line.restore() == Restore::Nothing && station.keys.contains(&station.line.signer())
    }
}

/// What a hello of this message's sender names.
fn heads(message: &Disk) -> Vec<EpochHeads> {
    let epochs: BTreeSet<Epoch> = message.keys().map(|(epoch, _)| *epoch).collect();
    let head = |epoch, party| {
        let mut edge = crate::record::merkle::Edge::new();
        message.get(&(epoch, party)).into_iter().flatten().for_each(|entry| edge.push(entry.leaf));
        Head { size: edge.size(), root: edge.root() }
    };
    epochs.into_iter().map(|epoch| EpochHeads { epoch, heads: Party::BOTH.map(|party| head(epoch, party)) }).collect()
}

fn ask() -> Act {
    let post = |name| crate::ids::PostId::parse(name).unwrap();
    Act::Ask {
        from: post("minister"),
        to: post("foreign"),
        precedence: Precedence::Routine,
        mark: Mark::Exercise,
        mode: Mode::Voice,
        private: false,
        valid_until: None,
        again: None,
    }
}

fn given<'a>(life: u64, sign: &'a Cheap, stored: &'a dyn Fn(Epoch, EntryRef) -> Option<Vec<u8>>) -> Given<'a> {
    let conduct = Conduct { even: false, steady_ms: 0, mark: Mark::Exercise };
    Given { now: Timestamp(1_000_000 + life), conduct, monotonic_ms: 0, sign, verify: &CheapVerify, stored }
}
