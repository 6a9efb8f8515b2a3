//! The store when the world fails: killed in the middle, a full disk, a backup while writing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::record::{LINE, OURS, appending, begin, sizes};
use crate::denied::denied;
use crate::scratch::Scratch;
use counterpart::config::{self, CONFIG_FILE, Starter};
use counterpart::keys::{KEYS_DIR, Keys};
use counterpart::store::{Batch, DATABASE_FILE, Reader, Store, StoreError, back_up};
use rusqlite::Connection;

const DATA_VARIABLE: &str = "COUNTERPART_TEST_DATA";

/// Runs this test once more as a process of its own, which finds `data` in its environment and plays the one that is killed.
fn child(data: &Path) -> Child {
    let test = std::thread::current().name().unwrap().to_owned();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &test, "--nocapture"]).env(DATA_VARIABLE, data);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// `None` in the test itself.
fn data_of_child() -> Option<PathBuf> {
    std::env::var_os(DATA_VARIABLE).map(PathBuf::from)
}

fn wait_inside_a_transaction(data: &Path) {
    let connection = Connection::open(data.join(DATABASE_FILE)).unwrap();
    // A cache of ten pages: what is not committed reaches the journal on disk.
    connection.execute_batch("PRAGMA cache_size = 10; BEGIN IMMEDIATE").unwrap();
    connection.execute("UPDATE log SET size = 1000", []).unwrap();
    for n in 0..1_000i64 {
        let sql =
            "INSERT INTO entry (place, seq, kind, claimed, stored, bytes) VALUES (?1, ?1, 0, 0, 0, zeroblob(2000))";
        connection.execute(sql, [(1 << 40) + 10 + n]).unwrap();
    }
    println!("\nready");
    std::thread::sleep(std::time::Duration::from_secs(60));
}

#[test]
fn a_kill_between_begin_and_commit_leaves_nothing() {
    if let Some(data) = data_of_child() {
        return wait_inside_a_transaction(&data);
    }
    let (scratch, mut store) = begin("kill-inside");
    store.commit(&appending(OURS, 0, 3)).unwrap();
    drop(store);
    let mut child = child(scratch.path());
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "ready"));
    assert!(fs::metadata(scratch.path().join(format!("{DATABASE_FILE}-wal"))).unwrap().len() > 1_000_000);

    child.kill().unwrap();
    child.wait().unwrap();

    let mut store = Store::open(scratch.path()).unwrap();
    let reader = store.reader().unwrap();
    assert_eq!((sizes(&reader), reader.entries(OURS, 0, 500).unwrap().len()), ([3, 0], 3));
    assert_eq!(reader.check().unwrap(), []);
    assert_eq!(store.commit(&appending(OURS, 3, 1)), Ok(()));
}

fn commit_until_killed(data: &Path) -> ! {
    let mut store = Store::open(data).unwrap();
    let [mut size, _] = sizes(&store.reader().unwrap());
    println!();
    loop {
        store.commit(&appending(OURS, size, 16)).unwrap();
        size += 16;
        println!("{size}");
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn a_station_killed_while_writing_keeps_whole_commits_and_all_that_it_answered() {
    if let Some(data) = data_of_child() {
        commit_until_killed(&data);
    }
    let (scratch, store) = begin("kill-outside");
    drop(store);
    for round in 1..=8 {
        let mut child = child(scratch.path());
        let mut answered = 0;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        for _ in 0..round * 3 {
            answered = lines.by_ref().find_map(|line| line.parse().ok()).unwrap_or(answered);
        }

        let refused = Store::open(scratch.path()).err().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(matches!(refused, StoreError::Locked { pid: Some(pid), .. } if pid == child.id()), "{refused}");
        answered = lines.filter_map(|line| line.parse().ok()).last().unwrap_or(answered);

        let reader = Reader::open(scratch.path()).unwrap();
        let [size, _] = sizes(&reader);
        assert!(size >= answered && size % 16 == 0 && answered > 0, "{size} held, {answered} answered");
        assert_eq!(reader.check().unwrap(), []);
    }
}

/// A small file system in memory, unmounted when dropped.
struct Tmpfs<'a>(&'a Path);

impl<'a> Tmpfs<'a> {
    fn mount(at: &'a Path) -> Option<Tmpfs<'a>> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]).arg(at).output();
        mount.is_ok_and(|m| m.status.success()).then_some(Tmpfs(at))
    }
}

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.0).status());
    }
}

#[test]
fn a_full_disk_refuses_and_after_space_is_freed_nothing_is_lost() {
    let scratch = Scratch::new("full");
    let Some(_tmpfs) = Tmpfs::mount(scratch.path()) else {
        return denied("to mount a small tmpfs");
    };
    let ballast = scratch.path().join("ballast");
    fs::write(&ballast, vec![1; 1 << 20]).unwrap();
    Store::create(scratch.path()).unwrap();
    let mut store = Store::open(scratch.path()).unwrap();
    store.commit(&Batch { lines: vec![super::record::line()], ..Default::default() }).unwrap();
    let mut size = 0;

    let refused = loop {
        match store.commit(&appending(OURS, size, 16)) {
            Ok(()) => size += 16,
            Err(e) => break e,
        }
        assert!(size < 100_000, "3 MB never filled up");
    };
    let still = store.commit(&appending(OURS, size, 16));
    let reader = store.reader().unwrap();
    let held = sizes(&reader);
    fs::remove_file(&ballast).unwrap();
    let freed = store.commit(&appending(OURS, size, 16));

    assert_eq!((&refused, still), (&StoreError::DiskFull, Err(StoreError::DiskFull)));
    assert!(refused.to_string().contains("Free space"));
    assert_eq!((held, freed), ([size, 0], Ok(())));
    drop((store, reader));
    let reader = Reader::open(scratch.path()).unwrap();
    assert_eq!((sizes(&reader), reader.check().unwrap()), ([size + 16, 0], vec![]));
}

/// A data directory as `init` leaves it, beside a root key.
fn station(scratch: &Scratch) -> PathBuf {
    let data = scratch.path().join("data");
    fs::create_dir(&data).unwrap();
    Keys::generate(&data, &scratch.path().join("northland.root-key")).unwrap();
    let starter = Starter { name: "N", call_sign: "N", zone: "UTC", listen: "127.0.0.1:7411", announce: &[], desk: "" };
    config::write_starter(&data, &starter).unwrap();
    Store::create(&data).unwrap();
    let mut store = Store::open(&data).unwrap();
    store.commit(&Batch { lines: vec![super::record::line()], ..Default::default() }).unwrap();
    data
}

#[test]
fn a_backup_made_while_writing_restores_one_state_and_knows_that_it_is_restored() {
    let scratch = Scratch::new("backup");
    let data = station(&scratch);
    let mut store = Store::open(&data).unwrap();
    store.commit(&appending(OURS, 0, 8)).unwrap();
    let source = store.reader().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let writing = std::thread::spawn(move || {
        let mut size = 8;
        while !stopped.load(Ordering::Relaxed) {
            store.commit(&appending(OURS, size, 8)).unwrap();
            size += 8;
        }
        size
    });

    let copies = [1, 2, 3].map(|n| scratch.path().join(format!("copy-{n}")));
    for copy in &copies {
        back_up(&data, copy).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let written = writing.join().unwrap();

    for copy in &copies {
        let reader = Reader::open(copy).unwrap();
        let [size, _] = sizes(&reader);
        assert!(size % 8 == 0 && size >= 8 && size <= written, "{size} of {written}");
        assert_eq!(reader.check().unwrap(), []);
        for from in (0..size).step_by(512) {
            let limit = u32::try_from(size - from).unwrap();
            assert_eq!(reader.entries(OURS, from, limit).unwrap(), source.entries(OURS, from, limit).unwrap());
        }
        assert_eq!(
            reader.body(super::record::append(OURS, 7).key).unwrap(),
            source.body(super::record::append(OURS, 7).key).unwrap()
        );
        assert!(reader.restored().unwrap() && reader.logs(LINE).unwrap().iter().all(|log| log.restored));
        assert_eq!(Keys::load(copy).unwrap().public(), Keys::load(&data).unwrap().public());
        assert_eq!(fs::read(copy.join(CONFIG_FILE)).unwrap(), fs::read(data.join(CONFIG_FILE)).unwrap());
    }
    assert!(!source.restored().unwrap() && source.logs(LINE).unwrap().iter().all(|log| !log.restored));
}

#[test]
fn a_restored_copy_serves_and_only_its_new_epoch_is_not_marked() {
    let scratch = Scratch::new("restored");
    let data = station(&scratch);
    Store::open(&data).unwrap().commit(&appending(OURS, 0, 2)).unwrap();
    let copy = scratch.path().join("copy");
    back_up(&data, &copy).unwrap();
    let mut next = OURS;
    next.epoch.number = 1;

    let mut store = Store::open(&copy).unwrap();
    store.commit(&appending(next, 0, 1)).unwrap();

    let marks: Vec<_> = store.reader().unwrap().logs(LINE).unwrap().iter().map(|l| l.restored).collect();
    assert_eq!(marks, [true, true, false, false]);
    let again = scratch.path().join("again");
    back_up(&copy, &again).unwrap();
    assert!(Reader::open(&again).unwrap().logs(LINE).unwrap().iter().all(|log| log.restored));
}

#[test]
fn a_backup_is_for_its_owner_alone_and_overwrites_nothing() {
    let scratch = Scratch::new("backup-place");
    let data = station(&scratch);
    let copy = scratch.path().join("copy");
    back_up(&data, &copy).unwrap();

    let taken = back_up(&data, &copy).unwrap_err();
    fs::create_dir(scratch.path().join("other.partial")).unwrap();
    let unfinished = back_up(&data, &scratch.path().join("other")).unwrap_err();

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&copy), mode(&copy.join(KEYS_DIR)), mode(&copy.join(DATABASE_FILE))), (0o700, 0o700, 0o600));
    assert!(taken.to_string().contains("copy exists. Name a new folder"));
    assert!(unfinished.to_string().contains("other.partial exists"));
    assert!(!copy.join("northland.root-key").exists());
}
