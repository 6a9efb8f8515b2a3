//! How long a station with a long record takes until it answers.

use counterpart::clock::Clock;
use counterpart::keys::Keys;
use counterpart::record::{load, log_key};
use counterpart::store::{Append, Batch, EntryKey, HeadUpdate, Reader, Store};
use counterpart_core::act::{Act, Words};
use counterpart_core::ids::{Epoch, Party, PostId};
use counterpart_core::line::Line;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::turn::{Given, Input, Written};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::sign1::Strict;
use counterpart_core::time::Timestamp;

use crate::home::{Folder, Home};
use crate::processes::Process;
use crate::report::{Aim, Report};

const ENTRIES: u64 = 1_000_000;
const TURN: u64 = 1_000;

pub fn measure(report: &mut Report) {
    let clock = Clock::system();
    let folder = Folder::new("start");
    let mut home = Home::paired(&folder);
    home.even();
    for station in &mut home.stations {
        station.kill();
    }
    let north = &mut home.stations[0];
    let mut starts = vec![start(&clock, north)];
    fill(north, &clock);
    let size = std::fs::metadata(north.data.join(counterpart::store::DATABASE_FILE)).unwrap().len();
    starts.push(start(&clock, north));
    starts.push(start(&clock, north));
    report.note(&format!(
        "{ENTRIES} texts of one side in one log, without their bodies, {} MiB; in the file cache",
        size >> 20
    ));
    report.figure("from the process to its first answer", "s", starts[2], None, Aim::AtMost(0.2));
    report.figure("the same with an empty record", "s", starts[0], None, Aim::None);
}

fn start(clock: &Clock, station: &mut Process) -> f64 {
    let begun = clock.moment();
    station.serve();
    let took = clock.moment().us_since(begun);
    station.kill();
    took as f64 / 1e6
}

/// Writes the texts as the record thread would, many at once.
fn fill(station: &Process, clock: &Clock) {
    let keys = Keys::load(&station.data).unwrap();
    let reader = Reader::open(&station.data).unwrap();
    let row = reader.lines().unwrap().remove(0);
    let mut line = load(&reader, &row).unwrap();
    let mut store = Store::open(&station.data).unwrap();
    let post = PostId::parse("minister").unwrap();
    for _ in 0..ENTRIES / TURN {
        let act = Act::Text { from: post.clone(), to: post.clone(), precedence: Precedence::Routine, mark: Mark::Test };
        let words = Words { salt: [7; 16], language: "en".into(), text: "An exercise.".into() };
        let inputs = (0..TURN).map(|_| Input::Act(Epoch::FIRST, Box::new(act.clone()), Some(words.clone()))).collect();
        let now = Timestamp(clock.now());
        let conduct = Conduct { even: true, steady_ms: 0, mark: Mark::Test };
        let given = Given { now, conduct, monotonic_ms: 0, sign: &keys, verify: &Strict, stored: &|_, _| None };
        let plan = line.turn(inputs, &given);
        let appends = plan.written.iter().map(|written| append(&line, written)).collect();
        let log = line.own();
        let key = log_key(line.id(), log.epoch(), line.me());
        let head = HeadUpdate { log: key, size: log.size(), edge: log.edge().to_bytes(), root: log.head().root };
        store.commit(&Batch { now: now.0, appends, heads: vec![head], ..Batch::default() }).unwrap();
    }
}

fn append(line: &Line, written: &Written) -> Append {
    let at = written.entry.header.at();
    let party = u8::from(at.party == Party::Joiner);
    Append {
        key: EntryKey { log: log_key(line.id(), written.epoch, at.party), index: at.index },
        bytes: written.entry.bytes.clone(),
        body: None,
        kind: written.entry.header.kind().unwrap().number(),
        thing: Some(counterpart::store::ThingRef { party, index: at.index }),
        claimed: written.entry.header.time.0,
        actor: None,
    }
}
