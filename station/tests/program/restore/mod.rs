//! A station that comes back from a backup, as processes: it signs nothing, takes back what the other side shows, and goes on in a new
//! epoch that root opens (`docs/protocol.md` §4.6). One file a story.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod beside;
mod chains;
mod dark;
mod failed;
mod halted;
mod judged;
mod liar;
mod parts;
mod several;
mod taken;
mod told;

use std::path::{Path, PathBuf};
use std::process::Command;

use counterpart::keys::{Granted, Keys, granted_file};
use counterpart_core::ids::{LineId, unhex};
use serde_json::{Value, json};

use crate::namespaces::Namespaces;
use crate::processes::{Process, pair, wait};
use crate::scratch::Scratch;

fn ask(station: &Process, subject: &str) -> Value {
    let act = json!({ "act": "ask", "from": "duty-officer", "to": "duty-officer", "words": { "text": subject } });
    let (status, told) = station.post("/acts", &act).unwrap();
    assert_eq!(status, 200, "{told}");
    told
}

/// The heads of both logs in an epoch: sizes and roots.
fn heads(station: &Process, epoch: u64) -> Option<Value> {
    station.get(&format!("/record?epoch={epoch}")).map(|page| page["heads"].clone())
}

/// Waits until both hold the same of an epoch, each log of at least these sizes.
fn even(stations: [&Process; 2], epoch: u64, sizes: [u64; 2]) {
    wait("records that are equal", || {
        let [here, there] = stations.map(|station| heads(station, epoch));
        let reached = |at: usize| here.as_ref().is_some_and(|h| h[at]["size"].as_u64() >= Some(sizes[at]));
        (here.is_some() && here == there && reached(0) && reached(1)).then_some(())
    });
}

fn restore(station: &Process) -> Value {
    station.get("/restore").unwrap()[0].clone()
}

fn waits(station: &Process, what: &str) -> Value {
    wait(what, || Some(restore(station)).filter(|view| view["waits"] == *what))
}

/// A command in a process of its own: its exit code, what it printed, what it complained of.
fn command(data: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_counterpart")).arg("--data").arg(data).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Two paired stations, a backup of the first, and what makes its root key known.
struct Story {
    scratch: Scratch,
    north: Process,
    south: Process,
    copy: PathBuf,
    root_key: PathBuf,
    opened: std::cell::Cell<u32>,
}

impl Story {
    /// Northland has asked once, at its index 2, when its backup is made.
    fn new(name: &str) -> Story {
        Story::between(name, None)
    }

    /// The same with each station on a machine of its own.
    fn between(name: &str, machines: Option<&Namespaces>) -> Story {
        let scratch = Scratch::new(name);
        let mut north = init(&scratch, "north", machines, 0);
        let mut south = init(&scratch, "south", machines, 1);
        north.serve();
        south.serve();
        pair(&north, &south);
        // Northland owes a receipt of Southland's beginning, and writes it after 250 ms unless it has asked before. It is awaited, so
        // that what stands behind it has the same index each time.
        wait("the receipt of Southland's beginning", || {
            let is_full = |station: &Process| (station.get("/lines")?[0]["records"]["full"] == true).then_some(());
            is_full(&north).and(is_full(&south))
        });
        ask(&north, "before the backup");
        even([&north, &south], 0, [3, 2]);
        let (copy, root_key) = (scratch.path().join("copy"), scratch.path().join("north.root-key"));
        let story = Story { scratch, north, south, copy, root_key, opened: std::cell::Cell::new(0) };
        story.back_up();
        story
    }

    fn back_up(&self) {
        let (code, out, err) = command(&self.north.data, &["backup", self.copy.to_str().unwrap()]);
        assert_eq!(code, 0, "{out}{err}");
    }

    /// The disk is lost: the backup serves at the same address.
    fn restore(&mut self) {
        let (namespace, environment) = (self.north.namespace.clone(), self.north.environment.clone());
        self.north = Process::at(&self.copy, self.scratch.path().join("copy.mark"));
        (self.north.namespace, self.north.environment) = (namespace, environment);
        self.north.serve();
    }

    /// Killed with SIGKILL, and started again.
    fn kill_and_serve(&mut self) {
        self.north.kill();
        self.north.serve();
    }

    /// `counterpart restore --open` with the root key.
    fn open(&self, more: &[&str]) -> (i32, String, String) {
        self.open_at(&self.north.data, more)
    }

    /// The same to the station that answers at the socket in this directory.
    fn open_at(&self, data: &Path, more: &[&str]) -> (i32, String, String) {
        self.opened.set(self.opened.get() + 1);
        let backup = self.scratch.path().join(format!("backup-{}", self.opened.get()));
        let root = self.root_key.to_str().unwrap();
        let args = ["restore", "--open", "--root-key", root, "--backup", backup.to_str().unwrap()];
        command(data, &[args.as_slice(), more].concat())
    }

    /// `counterpart restore` with root's list and without its key.
    fn judge(&self, more: &[&str]) -> (i32, String, String) {
        let list = self.list();
        command(&self.north.data, &[["restore", "--keys-list", list.to_str().unwrap()].as_slice(), more].concat())
    }

    fn list(&self) -> PathBuf {
        granted_file(&self.root_key)
    }

    /// The station keys that root's list names for the line, oldest first.
    fn granted(&self) -> Vec<[u8; 32]> {
        let view = restore(&self.north);
        let charter = unhex(view["charter_key"].as_str().unwrap()).unwrap();
        Granted::keys(&self.list(), self.line(), &charter).unwrap()
    }

    fn line(&self) -> LineId {
        LineId(unhex(restore(&self.north)["line"].as_str().unwrap()).unwrap())
    }
}

fn init(scratch: &Scratch, name: &str, machines: Option<&Namespaces>, at: usize) -> Process {
    let sign = format!("{}land", name[..1].to_uppercase() + &name[1..]);
    match machines {
        None => Process::init(scratch.path(), name, &sign, 500),
        Some(machines) => {
            let address = format!("10.99.1.{}:7411", at + 1).parse().unwrap();
            let mut process = Process::init_at(scratch.path(), name, &sign, 500, address);
            process.namespace = machines.names.get(at).cloned();
            process
        }
    }
}

/// Sets of keys that lie in a data directory.
fn sets(data: &Path) -> usize {
    let names = std::fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("station")).count()
}

fn root(data: &Path) -> [u8; 32] {
    Keys::load(data).unwrap().public().root
}
