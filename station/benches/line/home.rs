//! Two stations on one line, each a process of its own, beside each other in one folder of the target directory.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use counterpart::clock::Clock;
use counterpart::store::{Body, EntryKey, EntryRow, EpochKey, LogKey, Reader};
use counterpart_core::record::kind::Kind;
use serde_json::{Value, json};

use crate::processes::{self, Process, free_address};

/// A folder that goes when it is dropped. In the target directory, because the temporary one may be memory, where a commit
/// costs nothing.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Between two looks into a store.
const LOOK: Duration = Duration::from_micros(20);

/// Entries a second that each lets the other send: the default of 50 would be what is measured.
pub const RATE: u32 = 100_000;

/// Their folders and call signs.
pub const NAMES: [(&str, &str); 2] = [("north", "Northland"), ("south", "Southland")];

/// Two stations, paired, each reached at an address of its own.
pub struct Home {
    pub stations: [Process; 2],
    pub readers: [Reader; 2],
    pub line: [u8; 16],
}

impl Home {
    pub fn paired(folder: &Folder) -> Home {
        let at = [free_address(), free_address()];
        Home::announced(folder, at, at)
    }

    /// Listening at one address and reached at another.
    pub fn announced(folder: &Folder, listen: [SocketAddr; 2], announce: [SocketAddr; 2]) -> Home {
        Home::of([0, 1].map(|side| {
            let (name, call_sign) = NAMES[side];
            Process::init_behind(folder.path(), name, call_sign, RATE, listen[side], announce[side])
        }))
    }

    /// Two that are made and not yet served.
    pub fn of(mut stations: [Process; 2]) -> Home {
        stations.iter_mut().for_each(Process::serve);
        processes::pair(&stations[0], &stations[1]);
        let readers = stations.each_ref().map(|station| Reader::open(&station.data).unwrap());
        let line = readers[0].lines().unwrap()[0].id;
        Home { stations, readers, line }
    }

    /// The log of a side.
    pub fn log(&self, party: u8) -> LogKey {
        LogKey { line: self.line, epoch: EpochKey { number: 0, id: [0; 8] }, party }
    }

    /// How much of a side's log a station holds.
    pub fn size(&self, station: usize, party: u8) -> u64 {
        let logs = self.readers[station].logs(self.line).unwrap();
        logs.iter().find(|log| log.key.party == party).map_or(0, |log| log.size)
    }

    /// The entry of a side at an index, once a station has committed it.
    pub fn held(&self, station: usize, party: u8, index: u64) -> Option<EntryRow> {
        self.readers[station].entry(EntryKey { log: self.log(party), index }).unwrap()
    }

    /// One ask by the first side, from before its command until its store holds the peer's ALERTING, in microseconds; then it is
    /// withdrawn, because at most 64 may be open, and the peer holds that.
    pub fn ring(&self, caller: &mut Caller, name: &str) -> u64 {
        self.ring_looking(caller, name, LOOK)
    }

    /// The same, with a pause of so long between two looks into the store.
    pub fn ring_looking(&self, caller: &mut Caller, name: &str, look: Duration) -> u64 {
        let clock = Clock::system();
        let mut next = self.size(0, 1);
        let subject = "An exercise: please confirm that this reaches your watch, in eighty characters.";
        let begun = clock.moment();
        let asked = caller.act(&ask(subject, &format!("ask-{name}")));
        loop {
            match self.held(0, 1, next) {
                Some(row) if row.kind == Kind::Alerting.number() => break,
                Some(_) => next += 1,
                None => std::thread::sleep(look),
            }
            assert!(clock.moment().ms_since(begun) < 60_000, "ALERTING within a minute");
        }
        let took = clock.moment().us_since(begun);
        let form =
            json!({ "act": "withdraw", "on": format!("Northland #{asked}"), "token": format!("withdraw-{name}") });
        let withdrawn = caller.act(&form);
        while self.held(1, 0, withdrawn).is_none() {
            std::thread::sleep(look);
        }
        took
    }

    /// The bytes of an ask with its body, and of the alerting on it, as the stations write them. One must have been rung.
    pub fn sizes(&self) -> [usize; 2] {
        let first = |party: u8, kind: Kind| {
            let rows = self.readers[0].entries(self.log(party), 0, 100).unwrap();
            rows.into_iter().find(|row| row.kind == kind.number()).unwrap()
        };
        let asked = first(0, Kind::Ask);
        let body = match self.readers[0].body(asked.key).unwrap() {
            Body::Held(body) => body.len(),
            _ => 0,
        };
        [asked.bytes.len() + body, first(1, Kind::Alerting).bytes.len()]
    }

    /// Waits until both hold the same and owe nothing.
    pub fn even(&self) {
        let heads = || self.stations.each_ref().map(|s| s.get("/lines").map(|lines| lines[0]["logs"].clone()));
        processes::wait("equal heads", || {
            let before = heads();
            std::thread::sleep(std::time::Duration::from_millis(600));
            (before[0].is_some() && before[0] == before[1] && heads() == before).then_some(())
        });
    }
}

/// An ask of this subject.
pub fn ask(subject: &str, token: &str) -> Value {
    json!({
        "act": "ask", "from": "minister", "to": "minister", "precedence": "PRIORITY", "mark": "TEST", "token": token,
        "words": { "language": "en", "text": subject },
    })
}

/// A program's connection to a command socket, kept open.
pub struct Caller(BufReader<UnixStream>);

impl Caller {
    pub fn of(data: &Path) -> Caller {
        Caller(BufReader::new(UnixStream::connect(data.join("socket")).unwrap()))
    }

    /// POST; the status and the answer.
    pub fn post(&mut self, path: &str, form: &Value) -> (u16, Value) {
        let form = form.to_string();
        let length = form.len();
        let head = format!("POST /api/v1{path} HTTP/1.1\r\nhost: station\r\ncontent-length: {length}\r\n\r\n{form}");
        self.0.get_mut().write_all(head.as_bytes()).unwrap();
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            match line.trim_end().to_lowercase().split_once([' ', ':']) {
                Some(("http/1.1", rest)) => status = rest[..3].parse().unwrap(),
                Some(("content-length", rest)) => length = rest.trim().parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Does an act, and gives the index of its entry.
    pub fn act(&mut self, act: &Value) -> u64 {
        let (status, done) = self.post("/acts", act);
        assert_eq!(status, 200, "{done}");
        let at = done["entry"]["at"].as_str().unwrap();
        at.split_once(':').unwrap().1.parse().unwrap()
    }
}

/// A channel that confirms at once: an open bell of this station, in the place of a person's device.
pub fn bell(data: &Path) {
    let data = data.to_path_buf();
    let (ready, opened) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut confirming = Caller::of(&data);
        let mut stream = UnixStream::connect(data.join("socket")).unwrap();
        stream.write_all(b"GET /api/v1/bell HTTP/1.1\r\nhost: station\r\n\r\n").unwrap();
        for line in BufReader::new(stream).lines() {
            // The station has ended, and with it the bell.
            let Ok(line) = line else { return };
            let Ok(view) = serde_json::from_str::<Value>(&line) else { continue };
            let _ = ready.send(());
            for rung in view["begun"].as_array().into_iter().flatten() {
                let form = json!({ "line": rung["line"], "at": rung["ring"]["entry"]["at"] });
                let session = view["session"].as_str().unwrap();
                let (status, told) = confirming.post(&format!("/bell/{session}/rang"), &form);
                assert!(status == 200 || status == 409, "{told}");
            }
        }
    });
    opened.recv().unwrap();
}
