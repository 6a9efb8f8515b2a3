//! Pages of the record as the desk serves them, of a record with 100 entries and of one with 100,000:
//! `cargo bench -p counterpart --bench record`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot go on stops")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use counterpart::clock::Clock;
use counterpart::keys::Keys;
use counterpart::record::{load, log_key};
use counterpart::store::{Append, Batch, EntryKey, HeadUpdate, Reader, Store, ThingRef};
use counterpart_core::act::{Act, Words};
use counterpart_core::ids::{Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::turn::{Arrived, Given, Input, Written};
use counterpart_core::precedence::Mark;
use counterpart_core::record::sign1::Strict;
use counterpart_core::time::Timestamp;
use serde_json::json;

#[path = "../tests/processes/mod.rs"]
mod processes;

use processes::{Process, free_address, pair};

const SIZES: [u64; 2] = [100, 100_000];
/// Notes that one turn writes at most.
const TURN: u64 = 250;
/// Answers of each page.
const ANSWERS: usize = 40;

fn main() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-record-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    measure(&folder);
    let _ = std::fs::remove_dir_all(&folder);
}

fn measure(folder: &Path) {
    let mut north = Process::init(folder, "north", "Northland", 50);
    let mut south = Process::init(folder, "south", "Southland", 50);
    let address = free_address().to_string();
    let file = north.data.join("counterpart.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n[desk]\nlisten = \"{address}\"\n")).unwrap();
    north.serve();
    south.serve();
    pair(&north, &south);
    north.kill();
    south.kill();
    let mut figures: Vec<(String, Vec<u64>)> = Vec::new();
    for size in SIZES {
        fill(&north.data, &south.data, size);
        north.serve();
        let cookie = sign_in(&north, &address);
        let line = north.get("/lines").unwrap()[0].clone();
        let total: u64 = line["logs"].as_array().unwrap().iter().map(|log| log["size"].as_u64().unwrap()).sum();
        println!("{total} entries");
        for (name, path) in pages(line["line"].as_str().unwrap(), total) {
            let us = median(&address, &cookie, &path);
            match figures.iter_mut().find(|(known, _)| *known == name) {
                Some((_, found)) => found.push(us),
                None => figures.push((name, vec![us])),
            }
        }
        north.kill();
    }
    println!("{:<44} {:>12} {:>12} {:>8}", "median of a page, microseconds", SIZES[0], SIZES[1], "ratio");
    for (name, found) in figures {
        println!("{name:<44} {:>12} {:>12} {:>8.2}", found[0], found[1], found[1] as f64 / found[0] as f64);
    }
}

fn pages(line: &str, total: u64) -> Vec<(String, String)> {
    let record = |query: &str| format!("/lines/{line}/record?{query}");
    let all = [
        ("the last page", record("")),
        ("the page in the middle", record(&format!("offset={}", total / 2))),
        ("the first page", record("offset=0")),
        ("the page at an entry", record("from=0%3A20")),
        ("one side", record("side=theirs")),
        ("one type", record("kind=received")),
        ("words that are in every note", record("q=fog")),
        ("words that are in none", record("q=submarine")),
        ("void", record("standing=void")),
        ("from a day on", record("since=2020-01-01")),
        ("one entry", format!("/lines/{line}/entries/0:20")),
        ("for comparison: the lines", "/lines".into()),
    ];
    all.into_iter().map(|(name, path)| (name.to_owned(), path)).collect()
}

fn median(address: &str, cookie: &str, path: &str) -> u64 {
    let clock = Clock::system();
    let mut took: Vec<u64> = (0..ANSWERS)
        .map(|_| {
            let begun = clock.moment();
            let answer = http(address, "GET", path, cookie, "");
            assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
            clock.moment().us_since(begun)
        })
        .collect();
    took.sort_unstable();
    took[took.len() / 2]
}

fn http(address: &str, method: &str, path: &str, cookie: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncookie: {cookie}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Signs a new user in by a link; the cookies of that session.
fn sign_in(station: &Process, address: &str) -> String {
    station.post("/users", &json!({"name": "Inspector", "role": "auditor"})).unwrap();
    let (_, link) = station.post("/users/link", &json!({"name": "Inspector"})).unwrap();
    let path = link["url"].as_str().unwrap().split(address).nth(1).unwrap().to_owned();
    let cookies = |answer: &str| -> String {
        let set = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        set.filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ")
    };
    let shown = http(address, "GET", &path, "", "");
    let form = shown.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    cookies(&http(address, "POST", &path, &cookies(&shown), &format!("form={form}")))
}

/// Writes notes of ours, and their station's receipts, until both logs hold so many entries, as both record threads would.
fn fill(ours: &PathBuf, theirs: &PathBuf, size: u64) {
    let clock = Clock::system();
    let keys = [ours, theirs].map(|data| Keys::load(data).unwrap());
    let reader = Reader::open(ours).unwrap();
    let row = reader.lines().unwrap().remove(0);
    let theirs_reader = Reader::open(theirs).unwrap();
    let mut lines = [load(&reader, &row).unwrap(), load(&theirs_reader, &theirs_reader.lines().unwrap()[0]).unwrap()];
    let mut stores = [Store::open(ours).unwrap(), Store::open(theirs).unwrap()];
    let both = |line: &Line| line.own().size() + line.peer().size();
    while both(&lines[0]) < size {
        let count = TURN.min(size - both(&lines[0]));
        let words = Words { salt: [7; 16], language: "en".into(), text: "Fog at the river mouth.".into() };
        let note = || Input::Act(Epoch::FIRST, Box::new(Act::Memo), Some(words.clone()));
        let written = turn(&mut lines[0], &keys[0], &clock, (0..count).map(|_| note()).collect(), 0);
        keep(&mut stores[0], &lines[0], &written, clock.now());
        let public = keys[0].public().station;
        let arrived = carried(&written, &public);
        let mut told = turn(&mut lines[1], &keys[1], &clock, arrived, 0);
        told.extend(turn(&mut lines[1], &keys[1], &clock, Vec::new(), 250));
        let receipts: Vec<Written> = told.iter().filter(|w| w.entry.header.party == lines[1].me()).cloned().collect();
        keep(&mut stores[1], &lines[1], &told, clock.now());
        let back = carried(&receipts, &keys[1].public().station);
        let kept = turn(&mut lines[0], &keys[0], &clock, back, 0);
        keep(&mut stores[0], &lines[0], &kept, clock.now());
    }
}

fn carried(written: &[Written], key: &[u8; 32]) -> Vec<Input> {
    let key = counterpart_core::record::sign1::PublicKey::from_bytes(*key);
    let arrived = |w: &Written| Arrived { entry: w.entry.clone(), body: w.body.clone(), verified_under: Some(key) };
    written.iter().map(|w| Input::Arrived(Box::new(arrived(w)))).collect()
}

fn turn(line: &mut Line, keys: &Keys, clock: &Clock, inputs: Vec<Input>, monotonic_ms: u64) -> Vec<Written> {
    let conduct = Conduct { even: true, steady_ms: 0, mark: Mark::Test };
    let now = Timestamp(clock.now());
    let given = Given { now, conduct, monotonic_ms, sign: keys, verify: &Strict, stored: &|_, _| None };
    line.turn(inputs, &given).written
}

/// Appends what was written, of either side.
fn keep(store: &mut Store, line: &Line, written: &[Written], now: u64) {
    let (mut appends, mut heads) = (Vec::new(), Vec::new());
    for party in Party::BOTH {
        let log = line.log(party);
        let key = log_key(line.id(), log.epoch(), party);
        let of = written.iter().filter(|w| w.entry.header.party == party);
        let before = appends.len();
        appends.extend(of.map(|w| Append {
            key: EntryKey { log: key, index: w.entry.header.at().index },
            bytes: w.entry.bytes.clone(),
            body: w.body.clone(),
            kind: w.entry.header.kind().unwrap().number(),
            thing: w.thing.map(|at| ThingRef { party: u8::from(at.party == Party::Joiner), index: at.index }),
            claimed: w.entry.header.time.0,
            actor: None,
        }));
        if appends.len() > before {
            heads.push(HeadUpdate { log: key, size: log.size(), edge: log.edge().to_bytes(), root: log.head().root });
        }
    }
    store.commit(&Batch { now, appends, heads, ..Batch::default() }).unwrap();
}
