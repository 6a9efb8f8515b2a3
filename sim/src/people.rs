//! People who act at random: mostly what makes sense, sometimes what does not, and often not at all.

use counterpart_core::act::{Act, Target, Words};
use counterpart_core::ids::{EntryRef, Party, PostId};
use counterpart_core::limits;
use counterpart_core::line::Line;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::facts::{Fact, View};
use counterpart_core::line::talk::Word;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::{Code, Instrument, LineState, Mode, OnSilence};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::{Offered, What};
use counterpart_core::time::{Timestamp, Window};

use crate::chance::Chance;
use crate::lies::EntryLie;
use crate::pairing::POSTS;
use crate::promises::Held;
use crate::station::Message;
use crate::world::World;

/// How often each act is thought of.
const WEIGHTS: [(&str, u64); 23] = [
    ("ask", 14),
    ("seen", 7),
    ("refer", 5),
    ("defer", 6),
    ("answer", 6),
    ("decline", 5),
    ("offer", 10),
    ("ready", 4),
    ("accept", 9),
    ("renew", 6),
    ("suspend", 3),
    ("resume", 3),
    ("withdraw", 4),
    ("cancel", 3),
    ("missed", 4),
    ("talk", 7),
    ("text", 6),
    ("read", 5),
    ("retract", 2),
    ("memo", 2),
    ("check", 2),
    ("check-reply", 3),
    ("state", 1),
];

const MINUTE: u64 = 60_000;
const DAY: u64 = 86_400_000;
/// The things that a person has in mind: so many of the latest of each side.
const IN_MIND: usize = 10;

impl World {
    /// A person at some station acts, if the station runs.
    pub(crate) fn act(&mut self) {
        let station = self.chance.place(self.stations.len());
        if !self.stations[station].running {
            return;
        }
        let at = self.chance.place(self.stations[station].kept.len());
        let mut chance = self.chance.apart();
        let it = &self.stations[station];
        let mut person =
            Person { line: &it.kept[at].line, now: it.now(self.now_ms).wall, chance: &mut chance, idle: false };
        let epoch = person.line.epoch();
        let (act, words) = person.act();
        self.put(station, at, Message::Act(epoch, Box::new(act), words));
    }

    /// Seventy asks, one after the other: more than a side may have open.
    pub(crate) fn insist(&mut self) -> Held {
        let mut chance = self.chance.apart();
        let station = chance.place(self.stations.len());
        for _ in 0..70 {
            if !self.stations[station].honest() {
                self.put(station, 0, Message::Lie(EntryLie::Ask));
                continue;
            }
            let it = &self.stations[station];
            let mut person =
                Person { line: &it.kept[0].line, now: it.now(self.now_ms).wall, chance: &mut chance, idle: false };
            let (epoch, act) = (person.line.epoch(), person.ask(None));
            self.put(station, 0, Message::Act(epoch, Box::new(act), None));
        }
        Ok(())
    }

    /// Somebody leaves a line for good.
    pub(crate) fn close(&mut self) {
        let station = self.chance.place(self.stations.len());
        let act = Act::State { state: LineState::Closed, until: None };
        let epoch = self.stations[station].kept[0].line.epoch();
        self.put(station, 0, Message::Act(epoch, Box::new(act), None));
    }
}

/// One person, before one act.
struct Person<'a> {
    line: &'a Line,
    now: Timestamp,
    chance: &'a mut Chance,
    /// Nothing was there to do the last act to.
    idle: bool,
}

impl<'a> Person<'a> {
    fn act(&mut self) -> (Act, Option<Words>) {
        let total = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.chance.below(total);
        let thought = WEIGHTS.iter().find(|(_, weight)| {
            let found = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            found
        });
        let word = thought.map_or("ask", |(word, _)| word);
        self.idle = false;
        let thought = self.of_word(word);
        // Who finds nothing to do it to mostly asks or writes instead.
        let act = if self.idle && self.chance.percent(85) {
            {
                let other = self.chance.one(["ask", "text"]);
                self.beside(other)
            }
        } else {
            thought
        };
        let must = matches!(act, Act::Text { .. } | Act::Memo);
        // A text without words, and words where none are needed, are tried too.
        let has_words = if must { !self.chance.percent(2) } else { self.chance.percent(10) };
        let words = has_words.then(|| self.words());
        (act, words)
    }

    fn words(&mut self) -> Words {
        let length = if self.chance.percent(1) { limits::BODY_CONTENT_MAX + 1 } else { self.chance.place(400) };
        Words { salt: self.chance.bytes(), language: "en".into(), text: "x".repeat(length) }
    }

    fn view(&self) -> View<'a> {
        self.line.facts().all()
    }

    /// The latest requests, of one side or of both.
    fn requests(&self, of: Option<Party>, fits: impl Fn(&View<'a>, &Fact) -> bool) -> Vec<EntryRef> {
        let view = self.view();
        let sides = Party::BOTH.into_iter().filter(|party| of.is_none_or(|of| of == *party));
        let latest = sides.flat_map(|party| view.asks(party).rev().take(IN_MIND));
        latest.filter(|ask| fits(&view, ask)).map(|ask| ask.at).collect()
    }

    fn open(&self, of: Option<Party>) -> Vec<EntryRef> {
        self.requests(of, |view, ask| view.decision(ask).outcome == Outcome::Open)
    }

    /// What has come or gone of this kind lately, on any thing.
    fn lately(&self, party: Party, kinds: &[Kind]) -> Vec<EntryRef> {
        let view = self.view();
        let size = self.line.log(party).size();
        let back = (size.saturating_sub(60)..size).rev().map(|index| EntryRef { party, index });
        back.filter_map(|at| view.fact_of(at, kinds)).map(|f| f.at).take(IN_MIND).collect()
    }

    /// One of these; sometimes, and when there is none, anything at all.
    fn pick(&mut self, from: &[EntryRef]) -> EntryRef {
        let sensible = !self.chance.percent(8);
        match self.chance.pick(from) {
            Some(at) if sensible => *at,
            _ => {
                self.idle |= from.is_empty();
                let party = self.chance.one(Party::BOTH);
                let size = self.line.log(party).size();
                let index = if self.chance.percent(50) {
                    size.saturating_sub(self.chance.below(12))
                } else {
                    self.chance.below(size + 2)
                };
                EntryRef { party, index }
            }
        }
    }

    fn target(&mut self, from: &[EntryRef]) -> Target {
        let at = self.pick(from);
        if self.chance.percent(70) { Target::Latest(at) } else { Target::Entry(at) }
    }

    fn of_word(&mut self, word: &str) -> Act {
        let (me, peer) = (self.line.me(), self.line.me().peer());
        let theirs = |it: &Self| it.open(Some(peer));
        let code = *self.chance.pick(Code::ALL).unwrap_or(&Code::Unstated);
        match word {
            "seen" => Act::Seen { on: self.rung() },
            "refer" => Act::Refer { on: self.rung() },
            "defer" => {
                let from = theirs(self);
                Act::Defer { on: self.target(&from), code, until: self.deadline(40, MINUTE, DAY) }
            }
            "answer" => {
                let from = theirs(self);
                Act::Answer { on: self.target(&from) }
            }
            "decline" => {
                let from = [theirs(self), self.offers(peer)].concat();
                Act::Decline { on: self.target(&from), code }
            }
            "offer" => self.offer(code),
            "ready" => {
                let from = theirs(self);
                Act::Ready { on: self.target(&from) }
            }
            "accept" => self.accept(),
            "renew" => {
                let from = self.open(Some(me));
                let precedence = self.chance.percent(30).then(|| self.chance.one(Precedence::ALL));
                Act::Renew { request: self.pick(&from), valid_until: self.deadline(40, MINUTE, 2 * DAY), precedence }
            }
            "suspend" => Act::Suspend { request: self.own_open() },
            "resume" => Act::Resume { request: self.own_open() },
            "withdraw" => {
                let from = [self.open(Some(me)), self.offers(me)].concat();
                Act::Withdraw { thing: self.pick(&from) }
            }
            "cancel" => Act::Cancel { request: self.agreed(), code },
            "missed" => Act::Missed { request: self.agreed() },
            "talk" => self.talk(),
            _ => self.beside(word),
        }
    }

    /// What is not done to a request.
    fn beside(&mut self, word: &str) -> Act {
        let (me, peer) = (self.line.me(), self.line.me().peer());
        let (precedence, mark) = (self.precedence(), self.mark());
        match word {
            "text" => {
                let (from, to) = self.posts();
                Act::Text { from, to, precedence, mark }
            }
            "read" => {
                let from = self.lately(peer, &[Kind::Text, Kind::Notice]);
                Act::Read { text: self.pick(&from) }
            }
            "retract" => {
                let from = self.lately(me, &[Kind::Text]);
                Act::Retract { text: self.pick(&from) }
            }
            "memo" => Act::Memo,
            "check" => Act::Check { precedence, mark },
            "check-reply" => {
                let from = self.lately(peer, &[Kind::Check]);
                Act::CheckReply { check: self.pick(&from) }
            }
            "state" => {
                let states = [LineState::Open, LineState::Open, LineState::Maintenance, LineState::Suspended];
                Act::State { state: self.chance.one(states), until: self.deadline(50, MINUTE, DAY) }
            }
            _ => {
                let closed = self.requests(None, |view, ask| view.decision(ask).outcome != Outcome::Open);
                let again = self.chance.percent(15).then(|| self.pick(&closed));
                self.ask(again)
            }
        }
    }

    fn rung(&mut self) -> Target {
        let peer = self.line.me().peer();
        let from = [self.open(Some(peer)), self.offers(peer)].concat();
        self.target(&from)
    }

    fn own_open(&mut self) -> EntryRef {
        let from = self.open(Some(self.line.me()));
        self.pick(&from)
    }

    fn agreed(&mut self) -> EntryRef {
        let from = self.requests(None, |view, ask| view.decision(ask).outcome.agreed());
        self.pick(&from)
    }

    fn offers(&self, of: Party) -> Vec<EntryRef> {
        let view = self.view();
        let open = |at: &EntryRef| view.fact(*at).is_some_and(|o| view.decision(o).outcome == Outcome::Open);
        self.lately(of, &[Kind::Offer, Kind::Ready]).into_iter().filter(open).collect()
    }

    /// A time ahead, in so many of a hundred; now and then one that has passed or that no calendar knows.
    fn deadline(&mut self, percent: u64, from: u64, to: u64) -> Option<Timestamp> {
        self.chance.percent(percent).then(|| self.ahead(from, to))
    }

    fn ahead(&mut self, from: u64, to: u64) -> Timestamp {
        match self.chance.below(100) {
            0..3 => Timestamp(self.now.0 - self.chance.scaled(1, DAY)),
            3 => Timestamp(u64::MAX - self.chance.below(9)),
            _ => self.now.plus(self.chance.scaled(from, to)),
        }
    }

    fn window(&mut self) -> Option<Window> {
        let start = self.ahead(MINUTE, 2 * DAY);
        let length = if self.chance.percent(2) { 8 * DAY } else { self.chance.scaled(MINUTE, 4 * 60 * MINUTE) };
        Window::new(start, Timestamp(start.0.saturating_add(length)))
    }

    fn offer(&mut self, code: Code) -> Act {
        let from = self.open(None);
        let number = if self.chance.percent(3) { self.chance.one([0, 9]) } else { self.chance.between(1, 3) };
        let zone = if self.chance.percent(1) { "Z".repeat(limits::SHORT_TEXT_MAX + 1) } else { "Europe/Vienna".into() };
        let windows = (0..number).filter_map(|_| self.window());
        let windows: Vec<Offered> = windows.map(|window| Offered { window, zone: zone.clone() }).collect();
        let code = self.chance.percent(30).then_some(code);
        let on_silence = self.chance.one([OnSilence::Lapses, OnSilence::Lapses, OnSilence::Stands]);
        let (on, drawn) = (self.target(&from), self.ahead(MINUTE, DAY));
        let last = windows.iter().map(|offered| offered.window.end()).max();
        // Who names an answer-by after all windows mostly sees it on the page.
        let answer_by = last.filter(|end| *end < drawn && drawn.0 % 8 > 0).unwrap_or(drawn);
        Act::Offer { on, windows, answer_by, on_silence, code }
    }

    fn accept(&mut self) -> Act {
        let peer = self.line.me().peer();
        let from = self.offers(peer);
        let offer = self.pick(&from);
        let windows = match self.view().fact(offer).map(|f| &f.what) {
            Some(What::Offer { windows, .. }) => windows.iter().map(|o| o.window).collect(),
            _ => Vec::new(),
        };
        let window = if self.chance.percent(5) { self.window() } else { self.chance.pick(&windows).copied() };
        Act::Accept { offer, window: window.filter(|_| !self.chance.percent(2)) }
    }

    fn talk(&mut self) -> Act {
        let view = self.view();
        let agreed = self.requests(None, |view, ask| view.decision(ask).outcome.agreed());
        let any = self.requests(None, |_, _| true);
        let said = |at: &&EntryRef| view.fact(**at).is_some_and(|ask| !view.talk(ask).acts.is_empty());
        // Who is told that they talked says so too, or not.
        let stated: Vec<EntryRef> = any.iter().filter(said).copied().collect();
        let from = match self.chance.below(10) {
            0..5 => stated,
            5..9 => agreed,
            _ => any,
        };
        let request = self.pick(&from);
        let end = if self.chance.percent(4) { self.now.plus(MINUTE) } else { Timestamp(self.now.0 - MINUTE) };
        let start = Timestamp(end.0 - self.chance.scaled(MINUTE, 60 * MINUTE));
        let posts = if self.chance.percent(2) { limits::LIST_MAX + 1 } else { 1 };
        let posts = (0..posts).map(|_| self.post()).collect();
        let when = Window::new(start, end);
        let instrument = *self.chance.pick(Instrument::ALL).unwrap_or(&Instrument::Telephone);
        let has_said = view.fact(request).is_some_and(|ask| view.word(self.line.me(), ask).0 == Word::Talked);
        match when {
            None => Act::Memo,
            // Who has said so already, and would be refused, writes the call sheet now and then.
            Some(when) if has_said && instrument == Instrument::Writing => {
                Act::Sheet { request, when, posts, languages: vec!["en".into()] }
            }
            Some(when) => Act::Talk { request, when, instrument, posts },
        }
    }

    fn ask(&mut self, again: Option<EntryRef>) -> Act {
        let (from, to) = self.posts();
        let mode = *self.chance.pick(Mode::ALL).unwrap_or(&Mode::Voice);
        Act::Ask {
            from,
            to,
            precedence: self.precedence(),
            mark: self.mark(),
            mode,
            private: self.chance.percent(20),
            valid_until: self.deadline(45, MINUTE, 3 * DAY),
            again,
        }
    }

    /// Mostly minister to minister, so that asks meet.
    fn posts(&mut self) -> (PostId, PostId) {
        let [from, to] = if self.chance.percent(60) { ["minister"; 2] } else { [(); 2].map(|()| self.post_name()) };
        (post(from), post(to))
    }

    fn post_name(&mut self) -> &'static str {
        if self.chance.percent(4) { "gardener" } else { self.chance.one(POSTS.map(|(id, _)| id)) }
    }

    fn post(&mut self) -> PostId {
        post(self.post_name())
    }

    fn precedence(&mut self) -> Precedence {
        self.chance.one(Precedence::ALL)
    }

    fn mark(&mut self) -> Mark {
        if self.chance.percent(80) { Mark::Exercise } else { self.chance.one(Mark::ALL) }
    }
}

/// The posts of a simulated station have names that a charter takes.
#[allow(clippy::expect_used, reason = "the names are written above")]
fn post(name: &str) -> PostId {
    PostId::parse(name).expect("a name of lower-case letters and hyphens")
}
