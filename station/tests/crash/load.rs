//! What is done while stations are killed: texts as fast as they are taken, and requests with all that may become of one: seen, offered
//! times, answered, deferred, declined, withdrawn, or let lapse; and a bell that rings on both sides.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and reckon real times"
)]

use std::collections::{BTreeSet, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use counterpart::clock::Clock;
use serde_json::{Value, json};

use crate::processes::call;

/// Between two acts of one caller: some hundred acts a second in all. The test is of crashes, not of how fast two stations can fill a
/// disk.
const PAUSE: Duration = Duration::from_millis(5);
/// Requests of one side that are left open; the oldest is withdrawn.
const OPEN_MAX: usize = 12;
/// Acts that a caller does at least, however soon the kills are over.
const ACTS_MIN: usize = 20;

/// An act that was answered with 200, or whose command returned 0, kept outside the stations.
pub struct Answered {
    /// On which side.
    pub side: usize,
    /// Its token, which stands in its words too.
    pub token: String,
    /// Its word.
    pub act: String,
    /// The entry that the answer named, "0:12".
    pub at: String,
}

/// What all callers share.
pub struct Load {
    pub dirs: [PathBuf; 2],
    pub stop: AtomicBool,
    /// How far both stations' clocks are ahead, in seconds.
    pub ahead_s: AtomicI64,
    pub journal: Mutex<Vec<Answered>>,
    /// What rang, as a bell confirmed it and a station answered that it is recorded.
    pub alerted: Mutex<BTreeSet<String>>,
}

impl Load {
    /// A time by the stations' clocks.
    fn time(&self, in_s: i64) -> String {
        let now = i64::try_from(Clock::system().now() / 1_000).unwrap();
        jiff::Timestamp::from_second(now + self.ahead_s.load(Ordering::Relaxed) + in_s).unwrap().to_string()
    }

    /// Does one act, asking again with the same token until it is answered, and keeps the answer; `None`: a rule refuses it by now.
    pub fn act(&self, side: usize, token: String, mut form: Value) -> Option<String> {
        form["token"] = json!(token);
        form["words"] = json!({ "language": "en", "text": format!("journal {token};") });
        let act = form["act"].as_str().unwrap().to_owned();
        loop {
            match call(&self.dirs[side], "POST", "/acts", Some(&form)) {
                Some((200, done)) => return Some(self.answered(side, token, act, &done)),
                // Because of what the other side did meanwhile, or of a time that has passed.
                Some((409, _)) if act != "text" => return None,
                // Killed, starting, or asked twice at once: with the same token it stands once.
                Some((409 | 500 | 503, _)) | None => std::thread::sleep(Duration::from_millis(2)),
                Some((status, told)) => panic!("{token}: {status} {told}"),
            }
        }
    }

    /// Keeps an answer; the place that it names.
    fn answered(&self, side: usize, token: String, act: String, done: &Value) -> String {
        let at = done["entry"]["at"].as_str().unwrap().to_owned();
        self.journal.lock().unwrap().push(Answered { side, token, act, at: at.clone() });
        at
    }

    fn goes_on(&self, number: usize) -> bool {
        std::thread::sleep(PAUSE);
        number < ACTS_MIN || !self.stop.load(Ordering::Relaxed)
    }

    /// Writes texts.
    pub fn texts(&self, side: usize, name: &str) {
        for number in 0.. {
            let text = json!({ "act": "text", "from": "duty-officer", "to": "duty-officer", "mark": "TEST" });
            self.act(side, format!("{name}-{number}"), text);
            if !self.goes_on(number) {
                return;
            }
        }
    }

    /// Writes texts with the command, as a person does: started again with the same token until it returns 0.
    pub fn commands(&self, side: usize, name: &str) {
        for number in 0.. {
            let token = format!("{name}-{number}");
            let words = format!("journal {token};");
            let posts = ["--from", "duty-officer", "--to", "duty-officer", "--mark", "TEST"];
            loop {
                let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
                command.arg("--data").arg(&self.dirs[side]).args(["--json", "text"]).args(posts);
                let done = command.args(["--token", &token, &words]).output().unwrap();
                match done.status.code() {
                    Some(0) => {
                        let done = serde_json::from_slice(&done.stdout).unwrap();
                        self.answered(side, token, "text".into(), &done);
                        break;
                    }
                    // No station answers, or it is still doing what the last command asked.
                    Some(1 | 3) => {}
                    code => panic!("{token}: {code:?} {}", String::from_utf8_lossy(&done.stdout)),
                }
            }
            if !self.goes_on(number) {
                return;
            }
        }
    }

    /// Asks, now and then with a time after which nobody waits, and takes the oldest back.
    pub fn asks(&self, side: usize, name: &str) {
        let mut open = VecDeque::new();
        for number in 0.. {
            let mut ask = json!({ "act": "ask", "from": "minister", "to": "minister", "mark": "TEST" });
            if number % 3 == 0 {
                ask["valid_until"] = json!(self.time(5));
            }
            open.extend(self.act(side, format!("{name}-{number}"), ask));
            if open.len() > OPEN_MAX {
                let oldest: String = open.pop_front().unwrap();
                self.act(side, format!("{name}-w{number}"), json!({ "act": "withdraw", "on": oldest }));
            }
            if !self.goes_on(number) {
                return;
            }
        }
    }

    /// Does something with whatever the other side asks.
    pub fn answers(&self, side: usize, name: &str) {
        let mut number = 0;
        loop {
            let requests = call(&self.dirs[side], "GET", "/requests", None).filter(|(status, _)| *status == 200);
            let theirs = requests.map_or_else(Vec::new, |(_, views)| {
                let theirs = views[0]["theirs"].as_array().cloned().unwrap_or_default();
                theirs.iter().filter_map(|view| view["request"]["at"].as_str().map(str::to_owned)).collect()
            });
            // The latest first: most of the others are seen, deferred or offered something already.
            for on in theirs.iter().rev().take(2) {
                let form = match number % 6 {
                    0 => json!({ "act": "seen", "on": on }),
                    1 | 2 => self.offer(on, 2),
                    3 => json!({ "act": "defer", "on": on, "code": "UNSTATED" }),
                    4 => json!({ "act": "answer", "on": on }),
                    _ => json!({ "act": "decline", "on": on, "code": "UNSTATED" }),
                };
                self.act(side, format!("{name}-{number}"), form);
                number += 1;
            }
            if theirs.is_empty() && self.stop.load(Ordering::Relaxed) || !self.goes_on(number) {
                return;
            }
        }
    }

    /// An offer that nobody answers within so many seconds, so that it lapses.
    pub fn offer(&self, on: &str, within_s: i64) -> Value {
        let window = format!("{}/{}", self.time(7_200), self.time(9_000));
        json!({ "act": "offer", "on": on, "windows": [window], "answer_by": self.time(within_s), "on_silence": "lapses" })
    }

    /// Rings: takes what is told to a bell, and says of each ring that a device rings. A station that was killed rings again.
    pub fn rings(&self, side: usize) {
        while !self.stop.load(Ordering::Relaxed) {
            if let Some(stream) = bell(&self.dirs[side]) {
                self.confirms(side, stream);
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn confirms(&self, side: usize, stream: UnixStream) {
        let (mut stream, mut line) = (BufReader::new(stream), Vec::new());
        while !self.stop.load(Ordering::Relaxed) {
            match stream.read_until(b'\n', &mut line) {
                Ok(0) => return,
                Ok(_) => {}
                Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => continue,
                Err(_) => return,
            }
            // Between the lines stand the sizes of the parts in which they come.
            let told = serde_json::from_slice::<Value>(&line).unwrap_or_default();
            line.clear();
            for rung in told["begun"].as_array().into_iter().flatten().filter(|rung| rung["ring"]["climbs"] == true) {
                let form = json!({ "line": rung["line"], "at": rung["ring"]["entry"]["at"], "epoch": rung["epoch"] });
                let path = format!("/bell/{}/rang", told["session"].as_str().unwrap());
                let said = call(&self.dirs[side], "POST", &path, Some(&form));
                if said.is_some_and(|(status, view)| status == 200 && view["recorded"] == true) {
                    let at = form["at"].as_str().unwrap().to_owned();
                    self.alerted.lock().unwrap().insert(at);
                }
            }
        }
    }
}

/// A bell of a station, if it answers.
fn bell(data: &Path) -> Option<UnixStream> {
    let mut stream = UnixStream::connect(data.join("socket")).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
    stream.write_all(b"GET /api/v1/bell HTTP/1.1\r\nhost: station\r\n\r\n").ok()?;
    Some(stream)
}
