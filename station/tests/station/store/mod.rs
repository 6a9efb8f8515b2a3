//! The store: what is committed stays, whole; what is not leaves nothing; one process writes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod faults;
mod find;
mod record;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::scratch::Scratch;
use counterpart::store::{
    Actor, Append, Batch, Body, ByToken, DATABASE_FILE, EntryKey, Erasure, Fault, LOCK_FILE, LateBody, LogKey, Reader,
    Store, StoreError, ThingRef,
};
use record::{LINE, OURS, THEIRS, append, appending, begin, head, line, sizes};
use rusqlite::Connection;

#[test]
fn what_is_committed_is_read_back_as_it_was() {
    let (scratch, mut store) = begin("read-back");
    let mut batch = appending(OURS, 0, 2);
    batch.now = 1_360_627_200_123;
    batch.appends[1].thing = Some(ThingRef { party: 0, index: 0 });
    batch.appends[1].actor = Some(Actor { user: "anna".into(), token: None, command: None });

    store.commit(&batch).unwrap();
    drop(store);

    let reader = Reader::open(scratch.path()).unwrap();
    let second = reader.entry(batch.appends[1].key).unwrap().unwrap();
    assert_eq!((&second.bytes, second.kind), (&batch.appends[1].bytes, batch.appends[1].kind));
    assert_eq!((second.thing, second.stored), (batch.appends[1].thing, batch.now));
    assert_eq!((second.claimed, second.seq), (batch.appends[1].claimed, 1));
    assert_eq!(reader.body(batch.appends[0].key).unwrap(), Body::Held(batch.appends[0].body.clone().unwrap()));
    assert_eq!(reader.actor(second.key).unwrap(), batch.appends[1].actor);
    let log = &reader.logs(LINE).unwrap()[0];
    assert_eq!((log.key, log.size, &log.edge, log.root), (OURS, 2, &batch.heads[0].edge, batch.heads[0].root));
    assert_eq!(reader.lines().unwrap()[0].charter, line().charter);
    assert_eq!(reader.check().unwrap(), []);
}

#[test]
fn a_body_that_comes_late_is_kept_once_and_only_with_its_entry() {
    let (_scratch, mut store) = begin("late-body");
    let mut first = appending(OURS, 0, 3);
    first.appends[1].body = None;
    store.commit(&first).unwrap();
    let late = |at: usize, bytes: &[u8]| {
        let (key, bytes) = (first.appends[at].key, bytes.to_vec());
        Batch { bodies: vec![LateBody { key, bytes, body: b"late".to_vec() }], ..Batch::default() }
    };

    for batch in [late(0, &first.appends[0].bytes), late(1, b"another entry"), late(2, &first.appends[1].bytes)] {
        store.commit(&batch).unwrap();
    }
    let reader = store.reader().unwrap();
    let body = |at: usize| reader.body(first.appends[at].key).unwrap();
    let before = [0, 2].map(|at| Body::Held(first.appends[at].body.clone().unwrap()));
    assert_eq!(([body(0), body(2)], body(1)), (before, Body::None));
    assert!(reader.lacks_body(first.appends[1].key, &first.appends[1].bytes).unwrap());

    store.commit(&late(1, &first.appends[1].bytes)).unwrap();

    assert_eq!(body(1), Body::Held(b"late".to_vec()));
    assert!(!reader.lacks_body(first.appends[1].key, &first.appends[1].bytes).unwrap());
}

#[test]
fn a_stale_append_is_refused_and_leaves_nothing() {
    let (_scratch, mut store) = begin("stale-append");
    store.commit(&appending(OURS, 0, 2)).unwrap();
    let reader = store.reader().unwrap();

    let again = store.commit(&appending(OURS, 1, 1));
    let ahead = store.commit(&appending(OURS, 3, 1));

    assert_eq!(again, Err(StoreError::Stale { log: OURS, expected: 1, held: 2 }));
    assert_eq!(ahead, Err(StoreError::Stale { log: OURS, expected: 3, held: 2 }));
    assert_eq!(sizes(&reader), [2, 0]);
    assert_eq!(reader.entries(OURS, 0, 10).unwrap().len(), 2);
}

#[test]
fn a_batch_decided_on_an_older_size_of_the_peers_log_leaves_nothing() {
    let (_scratch, mut store) = begin("stale-peer");
    store.commit(&appending(THEIRS, 0, 1)).unwrap();
    let mut decided_before = appending(OURS, 0, 1);
    decided_before.expects = vec![(OURS, 0), (THEIRS, 0)];
    decided_before.settings = vec![("key".into(), Some(b"value".to_vec()))];
    decided_before.evidence = vec![record::evidence(1)];

    let stale = store.commit(&decided_before);

    let reader = store.reader().unwrap();
    assert_eq!(stale, Err(StoreError::Stale { log: THEIRS, expected: 0, held: 1 }));
    assert_eq!((sizes(&reader), reader.setting("key").unwrap()), ([0, 1], None));
    assert_eq!(reader.evidence(LINE, 10).unwrap(), []);
    decided_before.expects[1].1 = 1;
    assert_eq!(store.commit(&decided_before), Ok(()));
}

#[test]
fn a_token_stands_for_one_entry_and_finds_it() {
    let (_scratch, mut store) = begin("token");
    let reader = store.reader().unwrap();
    let with_token = |index| {
        let mut batch = appending(OURS, index, 1);
        batch.appends[0].actor = Some(Actor { user: "anna".into(), token: Some("t-1".into()), command: Some([3; 32]) });
        batch
    };
    store.commit(&with_token(0)).unwrap();

    let twice = store.commit(&with_token(1));

    assert_eq!(twice, Err(StoreError::TokenUsed { token: "t-1".into() }));
    assert_eq!(sizes(&reader), [1, 0]);
    assert_eq!(
        reader.by_token("t-1").unwrap(),
        Some(ByToken { key: EntryKey { log: OURS, index: 0 }, command: Some([3; 32]) })
    );
    assert_eq!(reader.by_token("t-2").unwrap(), None);
}

#[test]
fn an_erased_body_leaves_the_entry_and_no_bytes_on_disk() {
    let (scratch, mut store) = begin("erase");
    let mut batch = appending(OURS, 0, 3);
    batch.appends[1].body = Some(b"the minister's words ".repeat(800));
    store.commit(&batch).unwrap();
    let key = batch.appends[1].key;
    let on_disk = || {
        let files = fs::read_dir(scratch.path()).unwrap().map(|f| fs::read(f.unwrap().path()).unwrap());
        files.flatten().collect::<Vec<u8>>().windows(12).filter(|w| w == b"the minister").count()
    };
    assert!(on_disk() > 0);

    let erased = store.erase_body(key, 99).unwrap();

    let reader = store.reader().unwrap();
    assert_eq!((erased, on_disk()), (Erasure::Done, 0));
    assert_eq!(reader.body(key).unwrap(), Body::Erased { at: 99 });
    assert_eq!(reader.entry(key).unwrap().unwrap().bytes, batch.appends[1].bytes);
    assert_eq!(reader.check().unwrap(), []);
    assert_eq!(store.erase_body(key, 100).unwrap(), Erasure::Nothing);
    assert_eq!(reader.body(key).unwrap(), Body::Erased { at: 99 });
}

#[test]
fn a_body_that_was_erased_had_come_and_one_that_never_came_had_not() {
    let (_scratch, mut store) = begin("had");
    let mut batch = appending(OURS, 0, 2);
    batch.appends[1].body = None;
    store.commit(&batch).unwrap();

    store.erase_body(batch.appends[0].key, 99).unwrap();

    let had = batch.appends.iter().map(|row| store.reader().unwrap().had_body(row.key).unwrap());
    assert_eq!(had.collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_second_process_is_refused_and_told_who_serves() {
    let (scratch, store) = begin("second");

    let error = Store::open(scratch.path()).err().unwrap();

    let path = scratch.path().join(LOCK_FILE);
    assert_eq!(error, StoreError::Locked { path, pid: Some(std::process::id()) });
    assert!(error.to_string().contains(&format!("Process {} keeps this record", std::process::id())));
    drop(store);
    assert!(Store::open(scratch.path()).is_ok());
}

#[test]
fn a_newer_database_is_refused_naming_both_versions() {
    let (scratch, store) = begin("newer");
    drop(store);
    set_version(scratch.path(), 99);

    let served = Store::open(scratch.path()).err().unwrap();
    let read = Reader::open(scratch.path()).err().unwrap();

    let StoreError::Newer { found: 99, known, .. } = served else { unreachable!("{served}") };
    assert_eq!(served, read);
    let said = format!("its schema has version 99, and this program knows up to {known}");
    assert!(served.to_string().contains(&said));
}

#[test]
fn an_older_database_is_not_read_before_it_is_brought_up() {
    let (scratch, store) = begin("older");
    drop(store);
    set_version(scratch.path(), 0);

    let error = Reader::open(scratch.path()).err().unwrap();

    assert!(matches!(error, StoreError::Older { found: 0, known: 1.., .. }));
    assert!(error.to_string().contains("Start the station once"));
}

fn set_version(data: &Path, version: u32) {
    let connection = Connection::open(data.join(DATABASE_FILE)).unwrap();
    connection.execute("UPDATE meta SET value = ?1 WHERE key = 'schema_version'", [version]).unwrap();
}

#[test]
fn no_record_is_begun_where_none_is_and_none_is_overwritten() {
    let scratch = Scratch::new("missing");

    let missing = Store::open(scratch.path()).err().unwrap();
    let unread = Reader::open(scratch.path()).err().unwrap();
    Store::create(scratch.path()).unwrap();
    let twice = Store::create(scratch.path()).err().unwrap();

    assert!(missing.to_string().contains("counterpart init"));
    assert!(matches!(
        (missing, unread, twice),
        (StoreError::Place { .. }, StoreError::Place { .. }, StoreError::Place { .. })
    ));
}

#[test]
fn another_programs_database_or_damage_is_named_as_such() {
    let scratch = Scratch::new("foreign");
    let path = scratch.path().join(DATABASE_FILE);
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();

    let foreign = Store::open(scratch.path()).err().unwrap();
    fs::write(&path, [0x55; 8_192]).unwrap();
    let damaged = Store::open(scratch.path()).err().unwrap();

    assert!(foreign.to_string().contains("is no record of Counterpart"), "{foreign}");
    assert!(matches!(damaged, StoreError::Corrupt { .. }), "{damaged}");
    assert!(damaged.to_string().contains("restore a backup"));
}

#[test]
fn a_reader_opens_while_the_record_is_served_and_sees_each_commit() {
    let (scratch, mut store) = begin("read-only");
    let reader = Reader::open(scratch.path()).unwrap();

    let before = sizes(&reader);
    store.commit(&appending(OURS, 0, 64)).unwrap();

    assert_eq!((before, sizes(&reader)), ([0, 0], [64, 0]));
}

#[test]
fn more_readers_than_connections_all_read() {
    let (_scratch, mut store) = begin("many-readers");
    store.commit(&appending(OURS, 0, 64)).unwrap();
    let reader = store.reader().unwrap();

    let threads: Vec<_> = (0..16)
        .map(|_| {
            let reader = reader.clone();
            std::thread::spawn(move || (0..50).map(|_| reader.entries(OURS, 0, 64).unwrap().len()).sum::<usize>())
        })
        .collect();

    for thread in threads {
        assert_eq!(thread.join().unwrap(), 50 * 64);
    }
}

#[test]
fn files_of_the_record_are_for_the_owner_alone() {
    let (scratch, mut store) = begin("modes");
    store.commit(&appending(OURS, 0, 1)).unwrap();

    for file in fs::read_dir(scratch.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[test]
fn the_check_finds_a_lost_entry_and_a_body_without_one() {
    let (scratch, mut store) = begin("check");
    store.commit(&appending(OURS, 0, 5)).unwrap();
    drop(store);
    let connection = Connection::open(scratch.path().join(DATABASE_FILE)).unwrap();
    connection.execute("DELETE FROM entry WHERE seq = 2", []).unwrap();

    let faults = Reader::open(scratch.path()).unwrap().check().unwrap();

    let lost = Fault::Size { log: OURS, head: 5, entries: 4 };
    assert_eq!(faults, [lost, Fault::Orphans { table: "body", count: 1 }]);
    assert!(faults[0].to_string().contains("has 4 entries, and its head names 5"));
}

#[test]
fn a_log_of_no_party_is_refused() {
    let (_scratch, mut store) = begin("party");
    let nobody = LogKey { party: 2, ..OURS };
    let appends: Vec<Append> = vec![append(nobody, 0)];

    let refused = store.commit(&Batch { appends, heads: vec![head(nobody, 1)], ..Batch::default() });

    assert!(matches!(refused, Err(StoreError::Other { .. })));
}
