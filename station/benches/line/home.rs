//! Two stations on one line, each a process of its own, beside each other in one folder of the target directory.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use counterpart::store::{EntryKey, EntryRow, EpochKey, LogKey, Reader};
use serde_json::{Value, json};

use crate::processes::{self, Process, call, free_address};

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

/// Entries a second that each lets the other send: the default of 50 would be what is measured.
pub const RATE: u32 = 100_000;

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
        let named = [("north", "Northland"), ("south", "Southland")];
        let mut stations = [0, 1].map(|side| {
            let (name, call_sign) = named[side];
            Process::init_behind(folder.path(), name, call_sign, RATE, listen[side], announce[side])
        });
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

/// Does an act, and gives the index of its entry.
pub fn act(data: &Path, act: &Value) -> u64 {
    let (status, done) = call(data, "POST", "/acts", Some(act)).unwrap();
    assert_eq!(status, 200, "{done}");
    let at = done["entry"]["at"].as_str().unwrap();
    at.split_once(':').unwrap().1.parse().unwrap()
}

/// A channel that confirms at once: an open bell of this station, in the place of a person's device.
pub fn bell(data: &Path) {
    let data = data.to_path_buf();
    let (ready, opened) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let Ok(mut stream) = UnixStream::connect(data.join("socket")) else { return };
        stream.write_all(b"GET /api/v1/bell HTTP/1.1\r\nhost: station\r\n\r\n").unwrap();
        for line in BufReader::new(stream).lines() {
            // The station has ended, and with it the bell.
            let Ok(line) = line else { return };
            let Ok(view) = serde_json::from_str::<Value>(&line) else { continue };
            let _ = ready.send(());
            for rung in view["begun"].as_array().into_iter().flatten() {
                let form = json!({ "line": rung["line"], "at": rung["ring"]["entry"]["at"] });
                let session = view["session"].as_str().unwrap();
                call(&data, "POST", &format!("/bell/{session}/rang"), Some(&form));
            }
        }
    });
    opened.recv().unwrap();
}
