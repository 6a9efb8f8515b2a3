//! Two lines in one test: each side's turn, entries carried across by hand, one clock that the test moves.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test program uses its part; tests fail by panicking"
)]

#[path = "../asks/mod.rs"]
mod asks;

pub use asks::ask;
use counterpart_core::act::{Act, Target, Words};
use counterpart_core::fault::{Bar, Refusal};
use counterpart_core::ids::{EntryRef, LineId, Party, PostId};
use counterpart_core::line::Line;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::facts::{Standing, View};
use counterpart_core::line::turn::{Answer, Arrived, Given, Input, Plan};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::charter::{Charter, Keys, PartyTerms, PostTerms};
use counterpart_core::record::codes::{Code, OnSilence};
use counterpart_core::record::entry::Header;
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::leaf_hash;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::sign1::{AAD_CHARTER, AAD_ENTRY, Sign, SoftKey, Strict, seal, to_be_signed};
use counterpart_core::record::what::Offered;
use counterpart_core::time::{Timestamp, Window};

pub use counterpart_core::ids::Party::{Inviter as NORTH, Joiner as SOUTH};

/// 2026-11-23 00:00 UTC.
pub const START: u64 = 1_795_392_000_000;
pub const SECOND: u64 = 1_000;
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 60 * MINUTE;

/// An entry as signed, and its body.
pub type Sent = (Vec<u8>, Option<Vec<u8>>);

/// A line with both its ends.
pub struct Pair {
    pub lines: [Line; 2],
    keys: [SoftKey; 2],
    pub now: u64,
    pub even: bool,
    pub steady_ms: u64,
    /// What each side has written, as signed, with bodies.
    pub sent: [Vec<Sent>; 2],
    carried: [usize; 2],
}

pub fn post(id: &str) -> PostId {
    PostId::parse(id).unwrap()
}

fn side(name: &str, seed: u8) -> PartyTerms {
    let key = |n: u8| *SoftKey::from_seed([seed + n; 32]).public().as_bytes();
    PartyTerms {
        name: name.into(),
        call_sign: name.into(),
        keys: Keys { root: key(0), station: key(1), link: key(2), word: key(3) },
        languages: vec!["en".into()],
        addresses: vec![],
        posts: vec![
            PostTerms { id: post("duty-officer"), highest: Precedence::Flash, night: true },
            PostTerms { id: post("minister"), highest: Precedence::Immediate, night: false },
        ],
        zone: "Europe/Helsinki".into(),
    }
}

pub fn charter() -> Charter {
    Charter {
        pacing_s: [3_600, 900, 300, 60],
        ..Charter::of(LineId([7; 16]), [side("Northland", 10), side("Southland", 20)])
    }
}

impl Pair {
    /// Both logs have begun and each side holds the other's index 0.
    pub fn new() -> Pair {
        Pair::under(charter())
    }

    pub fn under(charter: Charter) -> Pair {
        let keys = [SoftKey::from_seed([11; 32]), SoftKey::from_seed([21; 32])];
        let message = to_be_signed(AAD_CHARTER, &charter.encode());
        let signatures = keys.each_ref().map(|k| k.sign(&message));
        let opening = Opening::Paired { charter: charter.encode(), signatures };
        let lines = Party::BOTH.map(|party| Line::new(charter.clone(), party));
        let (now, sent) = (START, [vec![], vec![]]);
        let mut pair = Pair { lines, keys, now, even: true, steady_ms: HOUR, sent, carried: [0, 0] };
        for party in Party::BOTH {
            let mut line = pair.lines[party.slot()].clone();
            let written = pair.given(party, |given| line.open(&opening, given)).unwrap();
            pair.lines[party.slot()] = line;
            pair.sent[party.slot()].push((written.entry.bytes, None));
        }
        pair.carry();
        pair
    }

    fn given<T>(&self, party: Party, with: impl FnOnce(&Given<'_>) -> T) -> T {
        let theirs = &self.sent[party.peer().slot()];
        let stored = |_, at: EntryRef| theirs.get(at.index as usize).map(|(bytes, _)| bytes.clone());
        with(&Given {
            now: Timestamp(self.now),
            conduct: Conduct { even: self.even, steady_ms: self.steady_ms, mark: Mark::Exercise },
            monotonic_ms: self.now - START,
            sign: &self.keys[party.slot()],
            verify: &Strict,
            stored: &stored,
        })
    }

    /// One turn of one side.
    pub fn turn(&mut self, party: Party, inputs: Vec<Input>) -> Plan {
        let mut line = self.lines[party.slot()].clone();
        let plan = self.given(party, |given| line.turn(inputs, given));
        self.lines[party.slot()] = line;
        let own = plan.written.iter().filter(|w| w.entry.header.party == party);
        self.sent[party.slot()].extend(own.map(|w| (w.entry.bytes.clone(), w.body.clone())));
        plan
    }

    /// One act; where it stands.
    pub fn act(&mut self, party: Party, act: Act) -> EntryRef {
        match self.ask(party, act) {
            Ok(at) => at,
            Err(refusal) => panic!("refused: {refusal:?}"),
        }
    }

    /// One act, which may be refused.
    pub fn ask(&mut self, party: Party, act: Act) -> Result<EntryRef, Refusal> {
        match self.turn(party, vec![Input::Act(self.lines[party.slot()].epoch(), Box::new(act), None)]).answers[..] {
            [Answer::Written(at)] => Ok(at),
            [Answer::Refused(refusal)] => Err(refusal),
            ref other => panic!("{other:?}"),
        }
    }

    pub fn say(&mut self, party: Party, act: Act, text: &str) -> Result<EntryRef, Refusal> {
        let words = Words { salt: [1; 16], language: "en".into(), text: text.into() };
        match self.turn(party, vec![Input::Act(self.lines[party.slot()].epoch(), Box::new(act), Some(words))]).answers[..]
        {
            [Answer::Written(at)] => Ok(at),
            [Answer::Refused(refusal)] => Err(refusal),
            ref other => panic!("{other:?}"),
        }
    }

    /// What bars one act.
    pub fn bar(&mut self, party: Party, act: Act) -> Bar {
        match self.ask(party, act) {
            Err(Refusal::Barred(bar)) => bar,
            other => panic!("not barred: {other:?}"),
        }
    }

    /// Carries to each side what the other has written.
    pub fn carry(&mut self) {
        for party in Party::BOTH {
            self.carry_from(party);
        }
    }

    /// Carries what one side has written.
    pub fn carry_from(&mut self, party: Party) {
        let from = std::mem::replace(&mut self.carried[party.slot()], self.sent[party.slot()].len());
        let new = self.sent[party.slot()][from..].to_vec();
        let answers = self.push(party.peer(), new);
        assert!(answers.iter().all(|a| matches!(a, Answer::Written(_))), "{answers:?}");
    }

    /// Gives one side entries as if they came over the link.
    pub fn push(&mut self, to: Party, entries: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Vec<Answer> {
        let arrived = |(bytes, body): (Vec<u8>, Option<Vec<u8>>)| {
            let entry = Entry::read(&bytes).unwrap();
            Input::Arrived(Box::new(Arrived { entry, body, verified_under: None }))
        };
        self.turn(to, entries.into_iter().map(arrived).collect()).answers
    }

    /// One side reads its line again from what both have written, as a start does; these bodies are not in its store.
    pub fn restart(&mut self, party: Party, missing: &[EntryRef]) {
        let mut line = Line::new(self.lines[party.slot()].charter().clone(), party);
        let whole = Party::BOTH.map(|p| self.lines[party.slot()].log(p).size());
        while Party::BOTH.map(|p| line.log(p).size()) != whole {
            for author in Party::BOTH {
                let next = line.log(author).size();
                let Some((bytes, _)) = self.sent[author.slot()][..whole[author.slot()] as usize].get(next as usize)
                else {
                    continue;
                };
                let entry = Entry::read(bytes).unwrap();
                if entry.header.held.size <= line.log(author.peer()).size() {
                    line.reload(&entry).unwrap();
                    missing
                        .iter()
                        .filter(|at| **at == entry.header.at())
                        .for_each(|at| line.lacks(entry.header.epoch, at.index));
                }
            }
        }
        self.lines[party.slot()] = line;
    }

    /// Time passes; both sides look at the clock twice, so that receipts fall due, and everything is carried.
    pub fn pass(&mut self, ms: u64) {
        self.now += ms;
        for _ in 0..2 {
            for party in Party::BOTH {
                self.turn(party, vec![]);
            }
            self.carry();
            self.now += 300;
        }
        for party in Party::BOTH {
            self.turn(party, vec![]);
        }
        self.carry();
    }

    /// Signs whatever a liar wants to say as `party`'s next entry; `change` alters what an honest station would write.
    pub fn forge(&mut self, party: Party, change: impl FnOnce(&mut Header)) -> Vec<u8> {
        let line = &self.lines[party.slot()];
        let (place, heads) = ((line.id(), line.epoch(), party), [line.own().head(), line.peer().head()]);
        let what = counterpart_core::record::what::What::Received;
        let mut header = Header::of(place, heads, Timestamp(self.now), Ok(what));
        change(&mut header);
        seal(AAD_ENTRY, &header.encode(), &self.keys[party.slot()])
    }

    /// Signs any payload at all with `party`'s key.
    pub fn sign(&self, party: Party, payload: &[u8]) -> Vec<u8> {
        seal(AAD_ENTRY, payload, &self.keys[party.slot()])
    }

    pub fn view(&self, party: Party) -> View<'_> {
        self.lines[party.slot()].facts().all()
    }

    pub fn outcome(&self, party: Party, thing: EntryRef) -> &'static str {
        let view = self.view(party);
        view.decision(view.fact(thing).unwrap()).outcome.word()
    }

    pub fn rung(&self, party: Party, attempt: EntryRef) -> &'static str {
        let view = self.view(party);
        view.reached(view.fact(attempt).unwrap()).rung.word()
    }

    pub fn standing(&self, party: Party, at: EntryRef) -> Standing {
        self.lines[party.slot()].facts().standing(at)
    }

    /// Types in one log, in order.
    pub fn kinds(&self, party: Party) -> Vec<&'static str> {
        let read =
            |(bytes, _): &(Vec<u8>, _)| Entry::read(bytes).unwrap().header.kind().map_or("unknown", |k| k.word());
        self.sent[party.slot()].iter().map(read).collect()
    }

    pub fn rings(&self, party: Party) -> Vec<EntryRef> {
        let rings = counterpart_core::line::ringing::rings(&self.view(party), party);
        rings.iter().filter(|ring| !ring.tells).map(|ring| ring.at).collect()
    }

    /// Acts of the other side that ring until a person has acted or taken note.
    pub fn tells(&self, party: Party) -> Vec<EntryRef> {
        let rings = counterpart_core::line::ringing::rings(&self.view(party), party);
        rings.iter().filter(|ring| ring.tells).map(|ring| ring.at).collect()
    }

    pub fn leaf(&self, party: Party, index: usize) -> [u8; 32] {
        leaf_hash(&self.sent[party.slot()][index].0)
    }
}

pub fn ask_until(until: u64) -> Act {
    match ask(Precedence::Routine) {
        Act::Ask { from, to, precedence, mark, mode, private, again, .. } => {
            Act::Ask { from, to, precedence, mark, mode, private, valid_until: Some(Timestamp(until)), again }
        }
        other => other,
    }
}

pub fn window(from: u64, to: u64) -> Window {
    Window::new(Timestamp(from), Timestamp(to)).unwrap()
}

pub fn offer(on: EntryRef, windows: &[(u64, u64)], answer_by: u64, on_silence: OnSilence) -> Act {
    let offered = |(from, to): &(u64, u64)| Offered { window: window(*from, *to), zone: "Europe/Paris".into() };
    Act::Offer {
        on: Target::Latest(on),
        windows: windows.iter().map(offered).collect(),
        answer_by: Timestamp(answer_by),
        on_silence,
        code: None,
    }
}

pub fn defer(on: EntryRef) -> Act {
    Act::Defer { on: Target::Latest(on), code: Code::Engaged, until: None }
}
