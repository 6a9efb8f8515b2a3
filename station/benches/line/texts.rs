//! How many texts of 200 bytes a second two stations record and receipt.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use counterpart::clock::Clock;
use counterpart_core::record::log::Entry;
use serde_json::json;

use crate::floor::syncs_a_second;
use crate::home::{Folder, Home, RATE};
use crate::report::{Aim, Report};

const TEXTS: u64 = 30_000;
/// Sent and not answered.
const OUTSTANDING: u64 = 256;

pub fn measure(report: &mut Report) {
    let folder = Folder::new("texts");
    let home = Home::paired(&folder);
    home.even();
    let clock = Clock::system();
    let floor = syncs_a_second(folder.path());
    let begun = clock.moment();
    let answered_us = send(&home);
    let size = home.size(0, 0);
    // Receipted: the peer's latest entry, as the caller holds it, names all of the caller's log.
    while !receipted(&home, size) {
        std::thread::sleep(Duration::from_millis(1));
        assert!(clock.moment().ms_since(begun) < 300_000, "all receipts within 5 minutes");
    }
    let receipted_us = clock.moment().us_since(begun);
    let rate = |us: u64| TEXTS as f64 * 1e6 / us as f64;
    report.note(&format!(
        "{TEXTS} texts over one connection of the command socket, {OUTSTANDING} unanswered at a time; rate limits raised from 50 to {RATE}/s"
    ));
    report.figure("texts recorded at both and receipted", "texts/s", rate(receipted_us), None, Aim::AtLeast(5_000.0));
    report.figure("texts answered as durable at their own station", "texts/s", rate(answered_us), None, Aim::None);
    report.figure("one commit alone on this disk", "commits/s", floor, None, Aim::None);
}

/// Sends every text; how long until the last was answered.
fn send(home: &Home) -> u64 {
    let clock = Clock::system();
    let mut stream = UnixStream::connect(home.stations[0].data.join("socket")).unwrap();
    let answers = BufReader::new(stream.try_clone().unwrap());
    stream
        .write_all(b"POST /api/v1/acts/stream HTTP/1.1\r\nhost: station\r\ntransfer-encoding: chunked\r\n\r\n")
        .unwrap();
    let (answered, room) = (Mutex::new(0u64), Condvar::new());
    let begun = clock.moment();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for line in answers.lines() {
                let line = line.unwrap();
                assert!(!line.starts_with("{\"error\""), "{line}");
                if line.starts_with("{\"line\"") {
                    let mut answered = answered.lock().unwrap();
                    *answered += 1;
                    room.notify_one();
                    if *answered == TEXTS {
                        return;
                    }
                }
            }
        });
        let mut sent = 0;
        while sent < TEXTS {
            let done = room.wait_while(answered.lock().unwrap(), |answered| sent >= *answered + OUTSTANDING).unwrap();
            let until = (*done + OUTSTANDING).min(TEXTS);
            drop(done);
            let lines: String = (sent..until).map(|number| format!("{}\n", text(number))).collect();
            stream.write_all(format!("{:x}\r\n{lines}\r\n", lines.len()).as_bytes()).unwrap();
            sent = until;
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
    });
    clock.moment().us_since(begun)
}

fn text(number: u64) -> serde_json::Value {
    json!({
        "act": "text", "from": "minister", "to": "minister", "precedence": "ROUTINE", "mark": "TEST",
        "token": format!("text-{number}"),
        "words": { "language": "en", "text": format!("{number:>200}") },
    })
}

fn receipted(home: &Home, size: u64) -> bool {
    let last = home.size(0, 1).checked_sub(1).and_then(|index| home.held(0, 1, index));
    last.is_some_and(|row| Entry::read(&row.bytes).is_ok_and(|entry| entry.header.held.size >= size))
}
