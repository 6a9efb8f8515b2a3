//! Two stations in one process, for the tests: real lines, real keys, one moved clock.

mod epochs;
mod line;
mod stories;
mod talks;
mod walk;

use std::collections::BTreeMap;

use counterpart_core::act::{Act, Target, Words as SaidWords};
use counterpart_core::fault::Refusal;
use counterpart_core::ids::{EntryRef, Epoch, LineId, Party, PostId};
use counterpart_core::line::Line;
use counterpart_core::line::draft::Draft;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::restore::{Judgement, NewEpoch, Word};
use counterpart_core::line::turn::{Answer, Arrived, Given, Input, Plan};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::charter::{Charter, Keys, PartyTerms, PostTerms};
use counterpart_core::record::codes::{Channel, Code, Mode, OnSilence};
use counterpart_core::record::entry::Header;
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::leaf_hash;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::sign1::{AAD_CHARTER, AAD_ENTRY, Sign, SoftKey, Strict, seal, to_be_signed};
use counterpart_core::record::what::{Offered, What};
use counterpart_core::time::{Timestamp, Window};

use super::order::merge;
use super::record::{Page, RecordView, Stretch, record};
use super::request::{RequestView, request};
use super::{Kept, Sight};
use crate::words::Words;
use crate::words::clocks::{Clocks, Telling};

/// 2013-02-12T18:02:04Z: 13:02 in Northland, on a Tuesday.
pub const START: Timestamp = Timestamp(1_360_692_124_000);
pub const HOUR: u64 = 3_600_000;
/// Of Northland and of Sundmark.
const ZONES: [&str; 2] = ["America/New_York", "Asia/Seoul"];

/// What both sides call themselves and their posts.
#[derive(Clone, Copy)]
pub struct Names {
    signs: [&'static str; 2],
    posts: [&'static str; 2],
}

const NAMES: Names = Names { signs: ["Northland", "Sundmark"], posts: ["minister", "foreign-minister"] };
/// The longest that a charter can name.
pub const LONGEST: Names = Names {
    signs: ["Northland Ministry of Foreign Af", "Sundmark Ministry of Foreign Aff"],
    posts: ["minister-of-foreign-affairs-nrth", "minister-of-foreign-affairs-sund"],
};

pub struct Trial {
    names: Names,
    pub lines: [Line; 2],
    pub logs: [Vec<Entry>; 2],
    pub bodies: BTreeMap<EntryRef, Vec<u8>>,
    pub now: Timestamp,
    pub mark: Mark,
    pub precedence: Precedence,
    keys: [SoftKey; 2],
    words: Words,
}

pub fn charter(keys: &[SoftKey; 2], names: Names) -> Charter {
    let side = |n: usize, name: &str, sign: &str, post: &str| PartyTerms {
        name: name.into(),
        call_sign: sign.into(),
        keys: Keys {
            root: *root_key(n).public().as_bytes(),
            station: *keys[n].public().as_bytes(),
            link: [3; 32],
            word: [4; 32],
        },
        languages: Vec::new(),
        addresses: Vec::new(),
        posts: vec![PostTerms { id: PostId::parse(post).unwrap(), highest: Precedence::Flash, night: true }],
        zone: ZONES[n].into(),
    };
    let (ours, theirs) = ("Foreign Ministry of Northland", "Foreign Ministry of Sundmark");
    Charter::of(
        LineId([7; 16]),
        [side(0, ours, names.signs[0], names.posts[0]), side(1, theirs, names.signs[1], names.posts[1])],
    )
}

/// Root's private key of one side.
fn root_key(slot: usize) -> SoftKey {
    SoftKey::from_seed([100 + slot as u8; 32])
}

impl Trial {
    /// A person opens an epoch with the root key.
    pub fn open_epoch(&mut self, party: Party) {
        let slot = party.slot();
        let new = NewEpoch {
            id: [7; 8],
            keys: [[5; 32], [6; 32], [7; 32]],
            word: Word::Dark,
            judgement: Judgement::default(),
        };
        let given = given(self.now, 0, &self.keys[slot]);
        self.lines[slot].open_epoch(&new, &root_key(slot), &given).unwrap();
    }

    /// An open line: both have written their index 0, and neither owes anything.
    pub fn new() -> Trial {
        Trial::with_pace(0)
    }

    /// The same, with a pace of renewals in seconds.
    pub fn with_pace(seconds: u64) -> Trial {
        Trial::named(NAMES, seconds)
    }

    /// The same, of sides with these names.
    pub fn named(names: Names, seconds: u64) -> Trial {
        let keys = [1, 2].map(|n| SoftKey::from_seed([n; 32]));
        let charter = Charter { pacing_s: [seconds; 4], ..charter(&keys, names) };
        let message = to_be_signed(AAD_CHARTER, &charter.encode());
        let opening =
            Opening::Paired { charter: charter.encode(), signatures: keys.each_ref().map(|key| key.sign(&message)) };
        let lines = Party::BOTH.map(|party| Line::new(charter.clone(), party));
        let mut trial = Trial {
            names,
            lines,
            logs: [Vec::new(), Vec::new()],
            bodies: BTreeMap::new(),
            now: START,
            mark: Mark::Operation,
            precedence: Precedence::Immediate,
            keys,
            words: Words::english(),
        };
        for party in Party::BOTH {
            let slot = party.slot();
            let written = trial.lines[slot].open(&opening, &given(START, 0, &trial.keys[slot])).unwrap();
            trial.logs[slot].push(written.entry);
        }
        trial.carry_quietly();
        trial
    }

    pub fn turn(&mut self, party: Party, inputs: Vec<Input>, monotonic_ms: u64) -> Plan {
        let slot = party.slot();
        let plan = self.lines[slot].turn(inputs, &given(self.now, monotonic_ms, &self.keys[slot]));
        for written in &plan.written {
            let at = written.entry.header.at();
            if at.party == party {
                self.logs[slot].push(written.entry.clone());
            }
            self.bodies.extend(written.body.clone().map(|body| (at, body)));
        }
        plan
    }

    pub fn try_act(&mut self, party: Party, act: Act, text: Option<&str>) -> Result<EntryRef, Refusal> {
        let words = text.map(|text| SaidWords { salt: [9; 16], language: "en".into(), text: text.into() });
        let epoch = self.lines[party.slot()].epoch();
        match self.turn(party, vec![Input::Act(epoch, Box::new(act), words)], 0).answers.remove(0) {
            Answer::Written(at) => Ok(at),
            Answer::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    pub fn act(&mut self, party: Party, act: Act) -> EntryRef {
        self.try_act(party, act, None).unwrap()
    }

    /// Carries every entry that the other side lacks, once each way; receipts are written when they are owed for 250 ms.
    pub fn carry(&mut self) {
        self.carry_quietly();
        for party in Party::BOTH {
            self.turn(party, Vec::new(), 0);
            self.turn(party, Vec::new(), 250);
        }
        self.carry_quietly();
    }

    pub fn carry_quietly(&mut self) {
        for from in Party::BOTH {
            self.carry_from(from);
        }
    }

    pub fn carry_from(&mut self, from: Party) {
        let to = from.peer();
        let held = self.lines[to.slot()].log(from).size() as usize;
        let missing: Vec<Entry> = self.logs[from.slot()][held..].to_vec();
        for entry in missing {
            let body = self.bodies.get(&entry.header.at()).cloned();
            let verified_under = Some(self.keys[from.slot()].public());
            self.turn(to, vec![Input::Arrived(Box::new(Arrived { entry, body, verified_under }))], 0);
        }
    }

    pub fn wait_ms(&mut self, ms: u64) {
        self.now = self.now.plus(ms);
    }

    pub fn ask_act(&self, party: Party) -> Act {
        let post = |party: Party| PostId::parse(self.names.posts[party.slot()]).unwrap();
        let (from, to) = (post(party), post(party.peer()));
        let (precedence, mark) = (self.precedence, self.mark);
        Act::Ask { from, to, precedence, mark, mode: Mode::Voice, private: false, valid_until: None, again: None }
    }

    pub fn ask(&mut self, party: Party) -> EntryRef {
        let act = self.ask_act(party);
        self.try_act(party, act, Some("the tanker adrift")).unwrap()
    }

    pub fn text(&mut self, party: Party) -> EntryRef {
        let Act::Ask { from, to, precedence, mark, .. } = self.ask_act(party) else { panic!("an ask") };
        self.try_act(party, Act::Text { from, to, precedence, mark }, Some("stay clear")).unwrap()
    }

    pub fn alerting(&mut self, ask: EntryRef) {
        self.turn(ask.party.peer(), vec![Input::Alerting(Epoch::FIRST, ask, Channel::Terminal)], 0);
    }

    pub fn seen(&mut self, ask: EntryRef) -> EntryRef {
        self.act(ask.party.peer(), Act::Seen { on: Target::Latest(ask) })
    }

    pub fn defer(&mut self, ask: EntryRef, until: Option<Timestamp>) -> EntryRef {
        self.act(ask.party.peer(), Act::Defer { on: Target::Latest(ask), code: Code::Travelling, until })
    }

    /// Two windows, tomorrow.
    pub fn offer(&mut self, by: Party, ask: EntryRef) -> EntryRef {
        let windows: Vec<Offered> = [20, 24].map(|h| Offered { window: self.window(h), zone: "UTC".into() }).into();
        let answer_by = self.now.plus(10 * HOUR);
        let on = Target::Latest(ask);
        self.act(by, Act::Offer { on, windows, answer_by, on_silence: OnSilence::Lapses, code: None })
    }

    /// A request of ours for which they offered times; we accept the first, which they do not hold yet.
    pub fn accepted(&mut self) -> EntryRef {
        let ask = self.ask(Party::Inviter);
        self.carry();
        let offer = self.offer(Party::Joiner, ask);
        let window = Some(self.window(20));
        self.carry();
        self.act(Party::Inviter, Act::Accept { offer, window });
        ask
    }

    /// An hour, `hours` ahead.
    pub fn window(&self, hours: u64) -> Window {
        Window::new(self.now.plus(hours * HOUR), self.now.plus((hours + 1) * HOUR)).unwrap()
    }

    /// A SEEN that their station could not write, signed all the same.
    pub fn forge_second_seen(&mut self, ask: EntryRef) {
        self.carry_quietly();
        let party = ask.party.peer();
        let line = &self.lines[party.slot()];
        let draft = Draft::on(What::Seen, ask);
        let (place, heads) = ((line.id(), Epoch::FIRST, party), [line.own().head(), line.peer().head()]);
        let header = Header { refers: draft.refers, ..Header::of(place, heads, self.now, Ok(draft.what)) };
        let bytes = seal(AAD_ENTRY, &header.encode(), &self.keys[party.slot()]);
        let entry = Entry { leaf: leaf_hash(&bytes), bytes, header };
        self.lines[party.slot()].reload(&entry).unwrap();
        self.logs[party.slot()].push(entry);
        self.carry_from(party);
    }

    /// What a station sees at present, with Northland on Eastern time and Sundmark in Korea's.
    pub fn look<T>(&self, party: Party, with: impl Fn(&Sight<'_>) -> T) -> T {
        self.look_at(party, &self.words, with)
    }

    pub fn look_at<T>(&self, party: Party, words: &Words, with: impl Fn(&Sight<'_>) -> T) -> T {
        let clocks = Clocks::of(&self.lines[party.slot()], ZONES[party.slot()], self.now);
        let header = |at: EntryRef| &self.logs[at.party.slot()][at.index as usize].header;
        // What is written here has its words in the first epoch.
        let kept = |at: EntryRef| self.bodies.get(&at).and_then(|bytes| Kept::of(header(at), bytes));
        let bodies = |epoch: Epoch, at: EntryRef| if epoch == Epoch::FIRST { kept(at) } else { None };
        let telling = Telling { words, clocks: &clocks };
        with(&Sight {
            line: &self.lines[party.slot()],
            bodies: &bodies,
            telling,
            epoch: self.lines[party.slot()].epoch(),
        })
    }

    pub fn request(&self, party: Party, ask: EntryRef) -> RequestView {
        self.look(party, |sight| request(sight, ask)).unwrap()
    }

    pub fn record(&self, party: Party, page: Page) -> RecordView {
        let [inviter, joiner] = &self.logs;
        let merged: Vec<Entry> = merge(inviter, joiner).into_iter().cloned().collect();
        let place = |at| Ok::<_, ()>(merged.iter().position(|e| e.header.at() == at).unwrap_or(merged.len()) as u64);
        let [from, until] = page.span(merged.len() as u64, place).unwrap();
        let entries = merged[from as usize..until as usize].to_vec();
        let stretch = Stretch { total: merged.len() as u64, offset: from, entries };
        self.look(party, |sight| record(sight, &stretch, page.with_words))
    }
}

/// Every plain line of a request, those of the opening first.
pub fn told(view: &RequestView) -> Vec<String> {
    [view.plain_lines.as_slice(), &view.plain_later].concat()
}

fn given(now: Timestamp, monotonic_ms: u64, sign: &SoftKey) -> Given<'_> {
    let conduct = Conduct { even: true, steady_ms: u64::MAX, mark: Mark::Exercise };
    Given { now, conduct, monotonic_ms, sign, verify: &Strict, stored: &|_, _| None }
}
