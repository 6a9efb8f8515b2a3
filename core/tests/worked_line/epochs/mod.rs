//! The worked line goes on over two more epochs: Northland is restored from a backup, takes back what Southland shows, and opens
//! one; Southland joins it, and renews its keys by another. Written as Northland comes to hold it.

mod cases;
mod closings;
mod files;

use counterpart_core::act::{Act, Words};
use counterpart_core::fault::Bar;
use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::line::facts::Standing;
use counterpart_core::line::restore::{Judgement, NewEpoch, Restore, Showing, Word};
use counterpart_core::line::turn::{Answer, Arrived, Given, Input, Shown};
use counterpart_core::precedence::Precedence;
use counterpart_core::record::charter::Charter;
use counterpart_core::record::log::Entry;
use counterpart_core::record::opening::EpochHeads;
use counterpart_core::record::sign1::{Sign, SoftKey, Strict};
use counterpart_core::time::Timestamp;

use super::asks::ask;
use super::cast::{self, BEGIN, key};
use super::play::{Told, conduct, line};
use super::{docs, entries, worked};

const NORTH: Party = Party::Inviter;
const SOUTH: Party = Party::Joiner;
/// What Northland's backup holds of the worked line: up to its receipt for the offer.
const BACKED_UP: usize = 12;
/// The first fresh key of each party: station, link and word follow each other.
const FRESH: u8 = 4;
/// The lines after which Northland has opened its epoch, Southland has joined it, and has opened another.
const OPENED: usize = BACKED_UP + 3;
const JOINED: usize = OPENED + 1;

/// One entry as Northland comes to hold it.
pub struct Held {
    pub entry: Entry,
    pub body: Option<Vec<u8>>,
    pub taken_back: bool,
}

/// All of it, and Northland's line at its end.
pub struct Worked {
    pub held: Vec<Held>,
    pub north: Line,
    pub south: Line,
}

impl Worked {
    /// The epoch that Northland opened, and that which Southland did.
    pub fn opened(&self) -> [Epoch; 2] {
        let [_, one, two] = self.north.spans().map(|span| span.epoch()).collect::<Vec<_>>()[..] else { panic!() };
        [one, two]
    }
}

fn stored(held: &[Held], epoch: Epoch, at: EntryRef) -> Option<Vec<u8>> {
    let found = held.iter().find(|h| h.entry.header.epoch == epoch && h.entry.header.at() == at);
    found.map(|h| h.entry.bytes.clone())
}

struct Play {
    stations: [Line; 2],
    held: Vec<Held>,
    /// What each side signs with now.
    keys: [SoftKey; 2],
    now: Timestamp,
}

impl Play {
    /// One turn, so many seconds after the last; what was written and kept.
    fn turn(&mut self, who: Party, after_s: u64, inputs: Vec<Input>) -> (Vec<Answer>, Vec<Held>) {
        self.now = self.now.plus(after_s * 1_000);
        let (sign, held) = (&self.keys[who.slot()], &self.held);
        let stored = |epoch, at| stored(held, epoch, at);
        let given = Given {
            now: self.now,
            conduct: conduct(),
            monotonic_ms: self.now.0,
            sign,
            verify: &Strict,
            stored: &stored,
        };
        let plan = self.stations[who.slot()].turn(inputs, &given);
        let held =
            |w: counterpart_core::line::turn::Written| Held { entry: w.entry, body: w.body, taken_back: w.taken_back };
        (plan.answers, plan.written.into_iter().map(held).collect())
    }

    /// Root opens an epoch with fresh keys, and a person takes all that is shown.
    fn opens(&mut self, who: Party, id: u8) -> Vec<Held> {
        let fresh = [0, 1].map(|more| *key(who, FRESH + more).public().as_bytes());
        let [station, link] = fresh;
        let take = self.stations[who.slot()].shown().iter().filter(|shown| shown.waits).map(Showing::part).collect();
        let judgement = Judgement { take, refuse: vec![] };
        let keys = [station, link, cast::seed(who, FRESH + 2)];
        let new = NewEpoch { id: [id; 8], keys, word: Word::Heard, judgement };
        self.now = self.now.plus(60_000);
        let (sign, held) = (&self.keys[who.slot()], &self.held);
        let stored = |epoch, at| stored(held, epoch, at);
        let given = Given {
            now: self.now,
            conduct: conduct(),
            monotonic_ms: self.now.0,
            sign,
            verify: &Strict,
            stored: &stored,
        };
        let opened = self.stations[who.slot()].open_epoch(&new, &key(who, 0), &given).unwrap();
        self.keys[who.slot()] = key(who, FRESH);
        opened.written.into_iter().map(|w| Held { entry: w.entry, body: w.body, taken_back: w.taken_back }).collect()
    }

    /// Northland takes what comes, and what it writes by itself then.
    fn north_takes(&mut self, entry: &Entry, body: Option<Vec<u8>>) -> Vec<Held> {
        let (answers, written) = self.turn(NORTH, 1, vec![arrived(entry, body)]);
        assert!(matches!(answers[..], [Answer::Written(_)]), "{answers:?}");
        written
    }

    /// Southland takes it, and what it writes by itself then.
    fn south_takes(&mut self, held: &[Held]) -> Vec<Held> {
        let inputs = held.iter().map(|h| arrived(&h.entry, h.body.clone())).collect();
        let (_, written) = self.turn(SOUTH, 1, inputs);
        written.into_iter().filter(|h| h.entry.header.party == SOUTH).collect()
    }
}

fn arrived(entry: &Entry, body: Option<Vec<u8>>) -> Input {
    Input::Arrived(Box::new(Arrived { entry: entry.clone(), body, verified_under: None }))
}

fn act(epoch: Epoch, act: Act, words: Option<Words>) -> Vec<Input> {
    vec![Input::Act(epoch, Box::new(act), words)]
}

/// The restore, and what follows.
pub fn play(charter: &Charter, told: &[Told]) -> Worked {
    let all = entries(told);
    let backed_up =
        told[..BACKED_UP].iter().map(|t| Held { entry: t.entry.clone(), body: t.body.clone(), taken_back: false });
    let mut play = Play {
        stations: [line(charter, NORTH, &all[..BACKED_UP]), line(charter, SOUTH, &all)],
        held: backed_up.collect(),
        keys: [key(NORTH, 1), key(SOUTH, 1)],
        now: BEGIN.plus(7_200_000),
    };
    let late = |t: &&Told| t.entry.header.party == SOUTH;
    let mut late: Vec<_> = told[BACKED_UP..].iter().filter(late).map(|t| (t.entry.clone(), t.body.clone())).collect();

    // Southland asks once more, which reaches nobody.
    let (_, asked) = play.turn(SOUTH, 0, act(Epoch::FIRST, ask(Precedence::Routine), None));
    late.extend(asked.into_iter().map(|h| (h.entry, h.body)));

    // Northland is a copy; Southland shows what it lacks.
    play.stations[NORTH.slot()].mark_restored(Epoch::FIRST);
    let shown = told[BACKED_UP..].iter().filter(|t| t.entry.header.party == NORTH);
    let shown = shown.map(|t| Input::Shown(Box::new(Shown { entry: t.entry.clone(), body: t.body.clone() })));
    let (answers, _) = play.turn(NORTH, 60, shown.collect());
    assert_eq!(answers, [Answer::Kept, Answer::Kept]);
    let named: Vec<EpochHeads> = play.stations[SOUTH.slot()].held().iter().map(|held| held.heads).collect();
    play.turn(NORTH, 0, vec![Input::Heard(named)]);

    // Root opens an epoch; Southland joins it and asks there.
    let opened = play.opens(NORTH, 0x31);
    let joined = play.south_takes(&opened[2..]);
    play.held.extend(opened);
    assert_eq!(play.held.len(), OPENED);
    let epoch = play.stations[SOUTH.slot()].epoch();
    let (_, asked) = play.turn(SOUTH, 60, act(epoch, ask(Precedence::Routine), None));
    let seen = Act::Seen { on: counterpart_core::act::Target::Entry(EntryRef { party: SOUTH, index: 1 }) };

    // What is late of the first epoch comes after it.
    let coming = joined.into_iter().chain(asked).map(|h| (h.entry, h.body)).chain(late);
    for (entry, body) in coming.collect::<Vec<_>>() {
        let written = play.north_takes(&entry, body);
        play.held.extend(written);
    }
    let (_, written) = play.turn(NORTH, 60, act(epoch, seen, None));
    let sent: Vec<Held> = play.held.drain(OPENED..).chain(written).collect();
    let ours: Vec<Held> = sent.iter().filter(|h| h.entry.header.party == NORTH).map(copied).collect();
    play.held.extend(sent);
    play.south_takes(&ours);

    // Southland renews its keys.
    let opened = play.opens(SOUTH, 0x32);
    for h in opened {
        let written = play.north_takes(&h.entry, h.body);
        let ours: Vec<Held> = written.iter().filter(|h| h.entry.header.party == NORTH).map(copied).collect();
        play.held.extend(written);
        play.south_takes(&ours);
    }
    let memo = Words { salt: [4; 16], language: "en".into(), text: "New keys.".into() };
    let latest = play.stations[SOUTH.slot()].epoch();
    let (_, written) = play.turn(SOUTH, 60, act(latest, Act::Memo, Some(memo)));
    for h in written {
        let written = play.north_takes(&h.entry, h.body);
        play.held.extend(written);
    }
    let [north, south] = play.stations;
    Worked { held: play.held, north, south }
}

fn copied(h: &Held) -> Held {
    Held { entry: h.entry.clone(), body: h.body.clone(), taken_back: h.taken_back }
}

/// As a start reads the first of these, in the order in which a store gives them.
fn read(charter: &Charter, me: Party, held: &[Held]) -> Line {
    let mut line = Line::new(charter.clone(), me);
    let mut sorted: Vec<&Entry> = held.iter().map(|h| &h.entry).collect();
    sorted.sort_by_key(|entry| entry.header.epoch);
    for entry in sorted {
        let _ = line.reload(entry).unwrap();
    }
    line.rebuilt(&|epoch, at| stored(held, epoch, at));
    line
}

#[test]
fn the_files_are_what_the_epochs_give() {
    let (paired, told) = worked();
    let worked = play(&paired.charter, &told);
    let cases = cases::cases(&paired.charter, &worked);
    let expected = [
        ("epochs.json", files::epochs_json(&worked)),
        ("epochs.jsonl", files::dump(&worked.held)),
        ("epoch_cases.json", files::cases_json(&cases)),
        ("closings.json", closings::json(&closings::closings(&paired.charter, &worked))),
    ];

    for (name, wanted) in expected {
        let path = docs().join("vectors/line").join(name);
        if std::env::var_os("COUNTERPART_WRITE_VECTORS").is_some() {
            std::fs::write(&path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == wanted, "{} differs; to write it again, see the head of main.rs", path.display());
    }
}

#[test]
fn what_was_agreed_before_the_restore_is_agreed_and_what_was_open_is_broken_off() {
    let (paired, told) = worked();
    let worked = play(&paired.charter, &told);
    let again = read(&paired.charter, NORTH, &worked.held);

    for line in [&worked.north, &again] {
        assert_eq!(line.restore(), Restore::Nothing);
        let outcomes = files::outcomes(line);
        let words: Vec<&str> = outcomes.iter().map(|(_, _, outcome)| *outcome).collect();
        assert_eq!(words, ["AGREED", "BROKEN OFF", "BROKEN OFF"]);
        assert_eq!(outcomes, files::outcomes(&worked.south));
    }
}

#[test]
fn every_case_of_an_epoch_is_judged_as_it_says() {
    let (paired, told) = worked();
    let worked = play(&paired.charter, &told);
    for case in cases::cases(&paired.charter, &worked) {
        let held = &worked.held[..case.after];
        let mut north = read(&paired.charter, NORTH, held);
        let stored = |epoch, at| stored(held, epoch, at);
        let now = BEGIN.plus(86_400_000);
        // The test looks at what is judged; what Northland would write by itself is of no concern.
        let sign = key(NORTH, FRESH);
        let given = Given { now, conduct: conduct(), monotonic_ms: 0, sign: &sign, verify: &Strict, stored: &stored };
        let entry = Entry::read(&case.bytes).unwrap();
        let plan = north.turn(vec![arrived(&entry, None)], &given);
        let verdict = match (plan.answers.as_slice(), plan.written.first().map(|w| w.standing)) {
            ([Answer::Misconduct(misconduct)], _) => misconduct.word(),
            ([Answer::LetGo], _) => "let-go",
            ([Answer::Held], _) => "held",
            (_, Some(Standing::Void(Bar::Malformed(_)))) => "malformed",
            (_, Some(Standing::Void(_))) => "void",
            (_, Some(Standing::Counts)) => "counts",
            (_, Some(Standing::Waits)) => "waits",
            _ => "nothing",
        };
        assert_eq!(verdict, case.expect, "{}", case.name);
    }
}
