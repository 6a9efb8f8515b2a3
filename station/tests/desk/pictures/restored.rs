//! What a station waits for before it signs again, from the enum of `core`: stations as processes, killed and put back to copies.

use std::path::{Path, PathBuf};
use std::process::Command;

use counterpart::keys::{Granted, granted_file};
use counterpart_core::ids::{LineId, unhex};
use counterpart_core::line::restore::{Restore, Why};
use serde_json::{Value, json};

use super::State;
use crate::Desk;
use crate::processes::{Process, pair, wait};
use crate::scratch::Scratch;

type Make = fn(&mut Pair) -> usize;

/// Two desks that are processes, and copies of them.
pub struct Pair {
    pub desks: [Desk; 2],
    scratch: Scratch,
    opened: usize,
}

// Which of the two waits.
states! { waits: Restore, Make;
    Restore::Nothing => "nothing", |_| 0;
    Restore::Peer => "peer", |p| {
        p.back_up(0);
        p.kill_both();
        p.restore(0);
        0
    };
    Restore::Judgement => "judgement", |p| {
        p.back_up(0);
        p.ask(0, "After the backup");
        // What they write of it is kept by the copy, and waits for what they had seen.
        p.act(1, &json!({"act": "seen", "on": "Northland 2"}));
        p.even();
        let line = LineId(unhex(p.line().as_str().unwrap()).unwrap());
        p.desks[0].station.kill();
        Granted { line: Some(line), epoch: 1, station: [9; 32] }.append(&granted_file(&p.root_key(0))).unwrap();
        p.restore(0);
        0
    };
    Restore::Opening(Why::Restored) => "restored", |p| {
        p.back_up(0);
        p.desks[0].station.kill();
        p.restore(0);
        0
    };
    Restore::Opening(Why::Branch) => "branch", |p| {
        p.desks[0].station.kill();
        let earlier = p.copy(0);
        p.desks[0].station.serve();
        p.ask(0, "The first course");
        p.kill_both();
        p.serve_at(0, &earlier);
        (0..3).for_each(|_| p.ask_alone(0, "The second course"));
        p.desks[1].station.serve();
        0
    };
    Restore::Opening(Why::Retired) => "retired", |p| {
        p.back_up(0);
        p.desks[0].station.kill();
        let old = p.copy(0);
        p.restore(0);
        p.until(0, "restored");
        p.open_epoch(0, &[]);
        p.ask(0, "In the new epoch");
        p.desks[0].station.kill();
        p.serve_at(0, &old);
        0
    };
    Restore::Opening(Why::Unnamed) => "unnamed", |p| {
        for side in [0, 1] {
            p.back_up(side);
        }
        p.kill_both();
        for side in [0, 1] {
            p.restore(side);
            p.open_epoch(side, &["--peer-is-dark"]);
            p.desks[side].station.kill();
        }
        p.desks.iter_mut().for_each(|desk| desk.station.serve());
        // Of two epochs with one number chance says which is later.
        wait("an epoch that nobody names", || (0..2).find(|side| p.waits_for(*side) == json!("unnamed")))
    };
}

impl Pair {
    /// On an open line.
    pub fn new(name: &str) -> Pair {
        let made = Pair::without_line(name);
        pair(&made.desks[0].station, &made.desks[1].station);
        made.ask(0, "Before the backup");
        made
    }

    pub fn without_line(name: &str) -> Pair {
        let scratch = Scratch::new(name);
        let mut desks =
            [("north", "Northland"), ("south", "Sundmark")].map(|(n, sign)| Desk::init(scratch.path(), n, sign));
        desks.iter_mut().for_each(|desk| desk.station.serve());
        Pair { desks, scratch, opened: 0 }
    }

    /// What the station of this side waits for.
    pub fn waits_for(&self, side: usize) -> Value {
        self.desks[side].station.get("/restore").map_or(Value::Null, |view| view[0]["waits"].clone())
    }

    pub fn until(&self, side: usize, word: &str) {
        wait(word, || (self.waits_for(side) == word).then_some(()));
    }

    pub fn line(&self) -> Value {
        self.desks[0].station.get("/restore").unwrap()[0]["line"].clone()
    }

    fn root_key(&self, side: usize) -> PathBuf {
        self.scratch.path().join(format!("{}.root-key", ["north", "south"][side]))
    }

    fn ask_alone(&self, side: usize, subject: &str) {
        let words = json!({ "text": subject });
        self.act(side, &json!({"act": "ask", "from": "duty-officer", "to": "duty-officer", "words": words}));
    }

    fn act(&self, side: usize, form: &Value) {
        let (status, told) = self.desks[side].station.post("/acts", form).unwrap();
        assert_eq!(status, 200, "{told}");
    }

    /// The first is put back to a copy and opens an epoch, and the other has joined it.
    pub fn restore_and_open(&mut self) {
        self.back_up(0);
        self.desks[0].station.kill();
        self.restore(0);
        self.until(0, "restored");
        self.open_epoch(0, &[]);
        wait("the other side in the new epoch", || {
            (self.desks[1].station.get("/lines")?[0]["epoch"] == 1).then_some(())
        });
    }

    pub fn ask(&self, side: usize, subject: &str) {
        self.ask_alone(side, subject);
        self.even();
    }

    /// Both hold the same.
    fn even(&self) {
        wait("records that are equal", || {
            let [here, there] =
                [0, 1].map(|side| self.desks[side].station.get("/lines").map(|lines| lines[0]["logs"].clone()));
            (here.is_some() && here == there).then_some(())
        });
    }

    fn kill_both(&mut self) {
        for desk in &mut self.desks {
            desk.station.kill();
        }
    }

    fn command(&self, side: usize, args: &[&str]) {
        let data = &self.desks[side].station.data;
        let output =
            Command::new(env!("CARGO_BIN_EXE_counterpart")).arg("--data").arg(data).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn backup_of(&self, side: usize) -> PathBuf {
        self.scratch.path().join(format!("backup-{side}"))
    }

    /// What is kept of the line of this side cannot be read any more.
    pub fn damage(&mut self, side: usize) {
        let line: [u8; 16] = unhex(self.line().as_str().unwrap()).unwrap();
        let desk = &mut self.desks[side];
        desk.station.kill();
        let store = rusqlite::Connection::open(desk.station.data.join("counterpart.db")).unwrap();
        store.execute("INSERT INTO shown (line, bytes, at) VALUES (?1, x'00', 0)", [line.to_vec()]).unwrap();
        drop(store);
        desk.station.serve();
    }

    pub fn back_up(&self, side: usize) {
        self.command(side, &["backup", self.backup_of(side).to_str().unwrap()]);
    }

    /// A copy of the directory as it is, that nothing marks as one.
    fn copy(&self, side: usize) -> PathBuf {
        let to = self.scratch.path().join(format!("copy-{side}"));
        let from = &self.desks[side].station.data;
        assert!(Command::new("cp").arg("-a").arg(from).arg(&to).status().unwrap().success());
        to
    }

    fn serve_at(&mut self, side: usize, data: &Path) {
        self.desks[side].station = Process::at(data, self.scratch.path().join(format!("{side}.mark")));
        self.desks[side].station.serve();
    }

    /// The disk of this side is lost, and its backup serves.
    pub fn restore(&mut self, side: usize) {
        let backup = self.backup_of(side);
        self.serve_at(side, &backup);
    }

    fn open_epoch(&mut self, side: usize, more: &[&str]) {
        self.opened += 1;
        let backup = self.scratch.path().join(format!("opened-{}", self.opened));
        let root = self.root_key(side);
        let args = ["restore", "--open", "--root-key", root.to_str().unwrap(), "--backup", backup.to_str().unwrap()];
        self.command(side, &[args.as_slice(), more].concat());
    }
}
