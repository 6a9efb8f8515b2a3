//! Real processes under load, killed at random points: every act that was answered, and every command that returned 0, stands in both
//! records exactly once, at the place that the answer named, and both records are equal. What both hold is taken out and left for the
//! second reader, which `./test` starts afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "tests fail by panicking; the counts are to be read"
)]

mod load;
#[path = "../program/moved_clock.rs"]
mod moved_clock;
#[path = "../processes/mod.rs"]
mod processes;
#[path = "../scratch/mod.rs"]
mod scratch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use counterpart::entropy;
use counterpart::store::{Body, EntryKey, LogKey, Reader};
use counterpart_core::record::log::Entry;
use load::{Answered, Load};
use moved_clock::MovedClock;
use processes::{Process, pair, wait};
use scratch::Scratch;
use serde_json::{Value, json};

/// After so many kills both clocks go ahead, past the deadlines of what stands open and the grace of the charter.
const KILLS_TO_LATER: usize = 5;
/// By so many seconds.
const LATER_S: i64 = 120;

fn kills() -> usize {
    if std::env::var_os("COUNTERPART_QUICK").is_some() { 20 } else { 200 }
}

/// What one station holds.
struct Held {
    /// By party and index.
    entries: BTreeMap<(u8, u64), Vec<u8>>,
    /// How often each token stands in words.
    words: BTreeMap<String, usize>,
    /// The token of the command that wrote it, by place.
    tokens: BTreeMap<String, String>,
}

impl Held {
    /// Both logs, every body, and who did what.
    fn read(data: &Path) -> Held {
        let reader = Reader::open(data).unwrap();
        let line = reader.lines().unwrap()[0].id;
        let mut held = Held { entries: BTreeMap::new(), words: BTreeMap::new(), tokens: BTreeMap::new() };
        for log in reader.logs(line).unwrap() {
            let key: LogKey = log.key;
            let mut from = 0;
            while from < log.size {
                let rows = reader.entries(key, from, 500).unwrap();
                assert!(!rows.is_empty(), "the log has all entries of its head");
                for row in rows {
                    from = row.key.index + 1;
                    let place = EntryKey { log: key, index: row.key.index };
                    if let Body::Held(body) = reader.body(place).unwrap() {
                        let body = String::from_utf8_lossy(&body);
                        let token = body.split("journal ").nth(1).and_then(|rest| rest.split(';').next());
                        *held.words.entry(token.unwrap_or_default().to_owned()).or_default() += 1;
                    }
                    let token = reader.actor(place).unwrap().and_then(|actor| actor.token);
                    held.tokens.extend(token.map(|token| (format!("{}:{}", key.party, place.index), token)));
                    held.entries.insert((key.party, row.key.index), row.bytes);
                }
            }
        }
        held
    }

    /// The type of the entry at "0:12".
    fn kind(&self, at: &str) -> &'static str {
        let (party, index) = at.split_once(':').unwrap();
        kind(&self.entries[&(party.parse().unwrap(), index.parse().unwrap())])
    }
}

fn kind(bytes: &[u8]) -> &'static str {
    Entry::read(bytes).unwrap().header.kind().unwrap().word()
}

/// Where what both stations hold is left: where `./test` says, or nowhere that stays.
fn left(scratch: &Scratch) -> PathBuf {
    let place = std::env::var_os("COUNTERPART_CRASH_ENTRIES").map_or(scratch.path().join("entries"), PathBuf::from);
    std::fs::create_dir_all(&place).unwrap();
    place
}

/// Takes the record out, as an auditor would, and says how many entries there were.
fn taken_out(data: &Path, to: &Path) -> u64 {
    // One that an earlier run left says nothing of this one.
    drop(std::fs::remove_file(to));
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
    let done = command.arg("--data").arg(data).args(["--json", "record", "--entries"]).arg(to).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    serde_json::from_slice::<Value>(&done.stdout).unwrap()["entries"].as_u64().unwrap()
}

/// Kills one station after the other while callers act; how many kills fell between BEGIN and COMMIT's return.
fn killed_under_load(stations: &mut [Process; 2], clocks: &[MovedClock; 2], load: &Load) -> usize {
    let mut within = 0;
    std::thread::scope(|scope| {
        for side in 0..2 {
            scope.spawn(move || load.texts(side, &format!("t{side}")));
            scope.spawn(move || load.commands(side, &format!("c{side}")));
            scope.spawn(move || load.asks(side, &format!("a{side}")));
            scope.spawn(move || load.answers(side, &format!("b{side}")));
            scope.spawn(move || load.rings(side));
        }
        for number in 1..=kills() {
            let [pause, side] = entropy::bytes::<2>().unwrap();
            std::thread::sleep(Duration::from_millis(30 + u64::from(pause) / 2));
            let station = &mut stations[usize::from(side % 2)];
            within += usize::from(station.kill());
            station.serve();
            if number % KILLS_TO_LATER == 0 {
                let ahead = load.ahead_s.fetch_add(LATER_S, Ordering::Relaxed) + LATER_S;
                clocks.iter().for_each(|clock| clock.set_day_ahead(ahead));
            }
        }
        load.stop.store(true, Ordering::Relaxed);
    });
    within
}

/// What needs quiet to come for certain: an offer that lapses.
fn lapse(stations: &[Process; 2], clocks: &[MovedClock; 2], load: &Load) {
    let ask = json!({ "act": "ask", "from": "minister", "to": "minister", "mark": "TEST" });
    let on = load.act(0, "last-ask".into(), ask).unwrap();
    wait("the ask there", || {
        stations[1].get("/requests").filter(|views| views.to_string().contains(&format!("\"{on}\"")))
    });
    // Far enough ahead that the offer is taken, however slow the station still is; with the grace it is past when both clocks go ahead.
    let offer = load.act(1, "last-offer".into(), load.offer(&on, 30)).unwrap();
    let ahead = load.ahead_s.load(Ordering::Relaxed) + LATER_S;
    clocks.iter().for_each(|clock| clock.set_day_ahead(ahead));
    wait("that it lapses", || {
        let page = stations[0].get("/record?limit=1000")?;
        let is = |entry: &&Value| entry["kind"] == "lapse" && entry["refers"]["at"] == offer;
        page["record"]["entries"].as_array()?.iter().find(is).map(drop)
    });
}

/// Every act that was answered stands once, where the answer said, as what it was, under its token.
fn stands(answered: &[Answered], held: &[Held; 2]) {
    let mut places = BTreeSet::new();
    for Answered { side, token, act, at } in answered {
        for station in held {
            assert_eq!(station.words.get(token), Some(&1), "{token} stands exactly once");
            assert_eq!(station.kind(at), act, "{token} stands at {at}");
        }
        assert_eq!(held[*side].tokens.get(at), Some(token), "{at}");
        assert!(places.insert(at), "{at} was named to two callers");
    }
}

#[test]
fn what_was_answered_stands_in_both_records_exactly_once_however_often_stations_are_killed() {
    let scratch = Scratch::new("crash");
    let mut stations = [
        Process::init(scratch.path(), "north", "Northland", 100_000),
        Process::init(scratch.path(), "south", "Southland", 100_000),
    ];
    let library = moved_clock::build(&scratch).unwrap();
    let clocks = ["north", "south"].map(|name| MovedClock::new(&scratch, library.clone(), name));
    stations.iter_mut().zip(&clocks).for_each(|(station, clock)| station.environment = clock.environment());
    stations.iter_mut().for_each(Process::serve);
    pair(&stations[0], &stations[1]);
    let load = Load {
        dirs: stations.each_ref().map(|s| s.data.clone()),
        stop: AtomicBool::new(false),
        ahead_s: AtomicI64::new(0),
        journal: Mutex::default(),
        alerted: Mutex::default(),
    };

    let within = killed_under_load(&mut stations, &clocks, &load);
    lapse(&stations, &clocks, &load);
    // Neither owes a receipt: else one is written between this look and the end of the other station.
    let even = || {
        let [one, other] = stations.each_ref().map(|station| station.get("/lines"));
        let (one, other) = (one?, other?);
        let full = [&one, &other].iter().all(|lines| lines[0]["records"]["full"] == true);
        (full && one[0]["logs"] == other[0]["logs"]).then_some(())
    };
    wait("equal heads, and no receipt is owed", even);
    for station in &mut stations {
        station.kill();
    }

    let answered = load.journal.into_inner().unwrap();
    let held = load.dirs.each_ref().map(|data| Held::read(data));
    assert_eq!(held[0].entries, held[1].entries, "both records are equal");
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for bytes in held[0].entries.values() {
        *kinds.entry(kind(bytes)).or_default() += 1;
    }
    println!(
        "{} kills, {within} between BEGIN and COMMIT's return; {} acts answered; {kinds:?}",
        kills(),
        answered.len()
    );
    stands(&answered, &held);
    for wanted in ["text", "ask", "seen", "offer", "answer", "withdraw", "lapse", "alerting"] {
        assert!(kinds.contains_key(wanted), "{wanted} is not under the kills: {kinds:?}");
    }
    let rang = held[0].entries.values().filter(|bytes| kind(bytes) == "alerting");
    let rang: BTreeSet<String> =
        rang.filter_map(|bytes| Entry::read(bytes).unwrap().header.refers).map(|at| at.to_string()).collect();
    let alerted = load.alerted.into_inner().unwrap();
    assert!(alerted.is_subset(&rang), "what a bell was told is recorded stands in the record: {alerted:?}, {rang:?}");
    let place = left(&scratch);
    for (data, name) in load.dirs.iter().zip(["north", "south"]) {
        let entries = taken_out(data, &place.join(format!("{name}.jsonl")));
        assert_eq!(entries, held[0].entries.len() as u64, "all of it is taken out");
    }
    let wanted = kills() / 4;
    assert!(within >= wanted, "{within} kills fell between BEGIN and COMMIT's return, at least {wanted} are wanted");
}
