//! From a command on the caller's socket to the peer's ALERTING in the caller's own store.

use std::time::Duration;

use counterpart::clock::Clock;
use counterpart_core::record::kind::Kind;
use serde_json::json;

use crate::floor::Floor;
use crate::home::{Folder, Home, act, ask, bell};
use crate::report::{Aim, Report, Samples};

const ASKS: usize = 400;
/// Asks before any is measured: the first commits of a new file are dearer.
const WARM: usize = 20;
/// Between two looks into the caller's store.
const LOOK: Duration = Duration::from_micros(20);

pub fn measure(report: &mut Report) {
    let folder = Folder::new("ask");
    let home = Home::paired(&folder);
    bell(&home.stations[1].data);
    let sizes = sizes(&home);
    let mut floor = Floor::new(folder.path(), sizes);
    let mut asks = Samples::default();
    for number in 0..WARM + ASKS {
        let us = one(&home, number);
        floor.run();
        if number >= WARM {
            asks.add(us);
        }
    }
    let least = floor.whole.at(500);
    report.note(&format!(
        "{} asks, each followed by the floor's steps; entries of {} and {} bytes; rate limits raised to {}/s",
        asks.count(),
        sizes[0],
        sizes[1],
        crate::home::RATE
    ));
    report.figure("p50: ask → ALERTING in the caller's store", "µs", asks.at(500), Some(least), Aim::Times(2.0));
    report.figure("p99", "µs", asks.at(990), Some(least), Aim::Times(10.0));
    report.figure("the floor's own p99", "µs", floor.whole.at(990), None, Aim::None);
    for (what, samples) in [
        ("commit", &floor.commit),
        ("signature", &floor.sign),
        ("verification", &floor.verify),
        ("round trip", &floor.round_trip),
    ] {
        report.figure(&format!("floor: one {what}, p50"), "µs", samples.at(500), None, Aim::None);
    }
}

/// The bytes of an ask with its body, and of the alerting on it, as the stations write them.
fn sizes(home: &Home) -> [usize; 2] {
    one(home, usize::MAX);
    let first = |party: u8, kind: Kind| {
        let rows = home.readers[0].entries(home.log(party), 0, 100).unwrap();
        rows.into_iter().find(|row| row.kind == kind.number()).unwrap()
    };
    let asked = first(0, Kind::Ask);
    let body = match home.readers[0].body(asked.key).unwrap() {
        counterpart::store::Body::Held(body) => body.len(),
        _ => 0,
    };
    [asked.bytes.len() + body, first(1, Kind::Alerting).bytes.len()]
}

/// One ask, from before its command until the caller's store holds the peer's ALERTING; then it is withdrawn.
fn one(home: &Home, number: usize) -> u64 {
    let clock = Clock::system();
    let caller = &home.stations[0].data;
    let mut next = home.size(0, 1);
    let form = ask(
        "An exercise: please confirm that this reaches your watch, in eighty characters.",
        &format!("ask-{number}"),
    );
    let begun = clock.moment();
    let asked = act(caller, &form);
    loop {
        match home.held(0, 1, next) {
            Some(row) if row.kind == Kind::Alerting.number() => break,
            Some(_) => next += 1,
            None => std::thread::sleep(LOOK),
        }
        assert!(clock.moment().ms_since(begun) < 30_000, "ALERTING within 30 s");
    }
    let took = clock.moment().us_since(begun);
    // At most 64 asks may be open.
    let name = format!("Northland #{asked}");
    let withdrawn = act(caller, &json!({ "act": "withdraw", "on": name, "token": format!("withdraw-{number}") }));
    while home.held(1, 0, withdrawn).is_none() {
        std::thread::sleep(LOOK);
    }
    took
}
