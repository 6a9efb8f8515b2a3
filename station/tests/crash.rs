//! Real processes under load, killed at random points: every act whose command was answered stands in both records exactly once,
//! and both records are equal.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking; the counts are to be read"
)]

mod processes;
mod scratch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use counterpart::entropy;
use counterpart::store::{Body, EntryKey, LogKey, Reader};
use processes::{Process, call, pair};
use scratch::Scratch;
use serde_json::json;

/// Callers on each side.
const CALLERS: usize = 4;
/// Between two acts of one caller.
const PAUSE: Duration = Duration::from_millis(5);

/// Acts that were answered with 200: token to entry, kept outside the stations.
type Journal = Mutex<BTreeMap<String, String>>;

fn kills() -> usize {
    if std::env::var_os("COUNTERPART_QUICK").is_some() { 20 } else { 200 }
}

/// Writes texts as fast as it is let, asking again with the same token until each is answered.
fn load(data: PathBuf, name: String, stop: &AtomicBool, journal: &Journal) {
    for number in 0.. {
        let token = format!("{name}-{number}");
        let act = json!({
            "act": "text", "from": "duty-officer", "to": "duty-officer", "token": token, "mark": "TEST",
            "words": { "language": "en", "text": format!("journal {token};") },
        });
        loop {
            match call(&data, "POST", "/acts", Some(&act)) {
                Some((200, done)) => {
                    journal.lock().unwrap().insert(token, done["entry"]["at"].to_string());
                    break;
                }
                // Killed, starting, or asked twice at once: with the same token it stands once.
                Some((409 | 500 | 503, _)) | None => std::thread::sleep(Duration::from_millis(2)),
                Some((status, told)) => panic!("{token}: {status} {told}"),
            }
        }
        if stop.load(Ordering::Relaxed) {
            return;
        }
        // Some hundred acts a second in all: the test is of crashes, not of how fast two stations can fill a disk.
        std::thread::sleep(PAUSE);
    }
}

/// Entries by party and index.
type Entries = BTreeMap<(u8, u64), Vec<u8>>;

/// Every entry of both logs as one station holds them, and every body.
fn everything(data: &Path) -> (Entries, Vec<String>) {
    let reader = Reader::open(data).unwrap();
    let line = reader.lines().unwrap()[0].id;
    let (mut entries, mut bodies) = (BTreeMap::new(), Vec::new());
    for log in reader.logs(line).unwrap() {
        let key: LogKey = log.key;
        let mut from = 0;
        while from < log.size {
            let rows = reader.entries(key, from, 500).unwrap();
            assert!(!rows.is_empty(), "the log has all entries of its head");
            for row in rows {
                from = row.key.index + 1;
                if let Body::Held(body) = reader.body(EntryKey { log: key, index: row.key.index }).unwrap() {
                    bodies.push(String::from_utf8_lossy(&body).into_owned());
                }
                entries.insert((key.party, row.key.index), row.bytes);
            }
        }
    }
    (entries, bodies)
}

#[test]
fn what_was_answered_stands_in_both_records_exactly_once_however_often_stations_are_killed() {
    let scratch = Scratch::new("crash");
    let mut stations = [
        Process::init(scratch.path(), "north", "Northland", 100_000),
        Process::init(scratch.path(), "south", "Southland", 100_000),
    ];
    stations.iter_mut().for_each(Process::serve);
    pair(&stations[0], &stations[1]);

    let (stop, journal) = (AtomicBool::new(false), Journal::default());
    let dirs = stations.each_ref().map(|s| s.data.clone());
    let mut within = 0;
    std::thread::scope(|scope| {
        for (side, data) in dirs.iter().enumerate() {
            for caller in 0..CALLERS {
                let (data, stop, journal) = (data.clone(), &stop, &journal);
                scope.spawn(move || load(data, format!("t{side}-{caller}"), stop, journal));
            }
        }
        for _ in 0..kills() {
            let [pause, side] = entropy::bytes::<2>().unwrap();
            std::thread::sleep(Duration::from_millis(30 + u64::from(pause) / 2));
            let station = &mut stations[usize::from(side % 2)];
            within += usize::from(station.kill());
            station.serve();
        }
        stop.store(true, Ordering::Relaxed);
    });
    let journal = journal.into_inner().unwrap();
    println!("{} kills, {within} between BEGIN and COMMIT's return; {} acts answered", kills(), journal.len());

    let even = || {
        let heads = stations.each_ref().map(|s| s.get("/lines").map(|lines| lines[0]["logs"].clone()));
        (heads[0].is_some() && heads[0] == heads[1]).then_some(())
    };
    processes::wait("equal heads", even);
    for station in &mut stations {
        station.kill();
    }

    let [(north, north_bodies), (south, south_bodies)] = dirs.each_ref().map(|data| everything(data));
    assert_eq!(north, south, "both records are equal");
    for bodies in [north_bodies, south_bodies] {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for body in &bodies {
            if let Some(at) = body.find("journal ") {
                let token = body[at + 8..].split(';').next().unwrap();
                *counts.entry(token).or_default() += 1;
            }
        }
        for token in journal.keys() {
            assert_eq!(counts.get(token.as_str()), Some(&1), "{token} stands exactly once");
        }
    }
    let wanted = kills() / 4;
    assert!(within >= wanted, "{within} kills fell between BEGIN and COMMIT's return, at least {wanted} are wanted");
}
