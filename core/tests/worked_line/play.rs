//! The line itself, played by two stations' own turns.

use counterpart_core::act::{Act, Target, Words};
use counterpart_core::ids::{EntryRef, Epoch, Party, PostId};
use counterpart_core::line::Line;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::ladder::Headline;
use counterpart_core::line::turn::{Answer, Arrived, Given, Input};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::charter::Charter;
use counterpart_core::record::codes::{Channel, Code, Mode, OnSilence};
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::Hash;
use counterpart_core::record::sign1::Strict;
use counterpart_core::record::what::Offered;
use counterpart_core::time::{Timestamp, Window};

use super::cast::{BEGIN, Paired, key};

/// One entry of the line, with what a reader should find.
pub struct Told {
    pub entry: Entry,
    pub body: Option<Vec<u8>>,
    /// Of its log with it.
    pub root: Hash,
    /// What stands over the request after it.
    pub headline: String,
}

/// A line that holds these entries, as `me` keeps it.
pub fn line(charter: &Charter, me: Party, entries: &[Entry]) -> Line {
    let mut line = Line::new(charter.clone(), me);
    for entry in entries {
        match entry.header.own.size {
            0 => {
                line.begin(entry.clone()).unwrap();
            }
            _ => {
                line.reload(entry).unwrap();
            }
        }
    }
    line
}

pub fn conduct() -> Conduct {
    Conduct { even: true, steady_ms: 0, mark: Mark::Exercise }
}

struct Play {
    stations: [Line; 2],
    reader: Line,
    told: Vec<Told>,
}

const ASK: EntryRef = EntryRef { party: Party::Inviter, index: 1 };
const DAY_MS: u64 = 86_400_000;

/// Pairing to a text; nothing in it depends on chance or on a clock.
pub fn play(paired: &Paired) -> Vec<Told> {
    let stations = Party::BOTH.map(|party| line(&paired.charter, party, &paired.first));
    let mut play = Play { stations, reader: Line::new(paired.charter.clone(), Party::Inviter), told: Vec::new() };
    for first in &paired.first {
        let _ = play.reader.begin(first.clone()).unwrap();
        play.tell(first.clone(), None);
    }
    let (north, south) = (Party::Inviter, Party::Joiner);
    let minister = || PostId::parse("minister").unwrap();
    let on = Target::Latest(ASK);
    let windows = offered();
    let window = windows.first().map(|o| o.window);

    play.act(
        60,
        north,
        Act::Ask {
            from: minister(),
            to: minister(),
            precedence: Precedence::Priority,
            mark: Mark::Exercise,
            mode: Mode::Voice,
            private: false,
            valid_until: Some(BEGIN.plus(3 * DAY_MS)),
            again: None,
        },
        Some(words(1, "en", "The overflight of 11 February.")),
    );
    play.input(63, south, Input::Alerting(Epoch::FIRST, ASK, Channel::Terminal));
    play.act(90, south, Act::Seen { on }, None);
    let until = Some(BEGIN.plus(10 * 3_600_000));
    play.act(
        120,
        south,
        Act::Defer { on, code: Code::Travelling, until },
        Some(words(2, "ru", "Министр в пути до вечера.")),
    );
    play.act(
        1_200,
        south,
        Act::Offer { on, windows, answer_by: BEGIN.plus(8 * 3_600_000), on_silence: OnSilence::Lapses, code: None },
        None,
    );
    play.act(1_500, north, Act::Accept { offer: EntryRef { party: south, index: 5 }, window }, None);
    play.act(
        1_560,
        south,
        Act::Text {
            from: PostId::parse("duty-officer").unwrap(),
            to: PostId::parse("duty-officer").unwrap(),
            precedence: Precedence::Routine,
            mark: Mark::Exercise,
        },
        Some(words(3, "ru", "Подтверждаем: 13 февраля, 9:00.")),
    );
    play.told
}

fn offered() -> Vec<Offered> {
    let window = |from_h: u64, zone: &str| {
        let start = BEGIN.plus(DAY_MS + from_h * 3_600_000);
        Offered { window: Window::new(start, start.plus(1_800_000)).unwrap(), zone: zone.into() }
    };
    vec![window(1, "Europe/Moscow"), window(6, "Africa/Maputo")]
}

fn words(salt: u8, language: &str, text: &str) -> Words {
    Words { salt: [salt; 16], language: language.into(), text: text.into() }
}

impl Play {
    fn act(&mut self, at_s: u64, who: Party, act: Act, words: Option<Words>) {
        self.input(at_s, who, Input::Act(Epoch::FIRST, Box::new(act), words));
    }

    fn input(&mut self, at_s: u64, who: Party, input: Input) {
        let written = self.turn(at_s, who, vec![input]);
        assert_eq!(written, 1, "one entry an act, at {at_s} s");
        // Nothing but the time that makes the receipt due.
        assert_eq!(self.turn(at_s + 1, who.peer(), Vec::new()), 1, "a receipt, at {at_s} s");
    }

    fn turn(&mut self, at_s: u64, who: Party, inputs: Vec<Input>) -> usize {
        let plan = turn(&mut self.stations[who.slot()], who, BEGIN.plus(at_s * 1_000), inputs);
        assert!(plan.0.iter().all(|a| matches!(a, Answer::Written(_))), "{:?} at {at_s} s", plan.0);
        let count = plan.1.len();
        for (entry, body) in plan.1 {
            let arrived = Arrived { entry: entry.clone(), body: body.clone(), verified_under: None };
            let there = &mut self.stations[who.peer().slot()];
            let taken = turn(there, who.peer(), BEGIN.plus(at_s * 1_000), vec![Input::Arrived(Box::new(arrived))]);
            assert!(matches!(taken.0.as_slice(), [Answer::Written(_)]) && taken.1.len() == 1, "{:?}", taken.0);
            let _ = self.reader.reload(&entry).unwrap();
            self.tell(entry, body);
        }
        count
    }

    fn tell(&mut self, entry: Entry, body: Option<Vec<u8>>) {
        let root = self.reader.log(entry.header.party).head().root;
        let headline = headline(&self.reader);
        self.told.push(Told { entry, body, root, headline });
    }
}

/// An entry with its body.
type Stored = (Entry, Option<Vec<u8>>);

/// One turn of one station: the answers, and the entries that it stores.
pub fn turn(line: &mut Line, who: Party, now: Timestamp, inputs: Vec<Input>) -> (Vec<Answer>, Vec<Stored>) {
    let sign = key(who, 1);
    let given =
        Given { now, conduct: conduct(), monotonic_ms: now.0, sign: &sign, verify: &Strict, stored: &|_, _| None };
    let plan = line.turn(inputs, &given);
    (plan.answers, plan.written.into_iter().map(|w| (w.entry, w.body)).collect())
}

/// What stands over the one request.
pub fn headline(line: &Line) -> String {
    let view = line.facts().all();
    let Some(ask) = view.fact(ASK) else { return String::new() };
    match view.headline(ask) {
        Headline::Closed { outcome, talk } => format!("{}, talk {}", outcome.word(), talk.word()),
        Headline::Open { reached, .. } => reached.rung.word().into(),
    }
}
