//! The store: what was kept is found again, in its order and within its bounds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use super::record::{LINE, OURS, THEIRS, appending, begin, evidence, line};
use counterpart::store::{
    Batch, DATABASE_FILE, EVIDENCE_BYTES_MAX, EVIDENCE_MAX, EntryKey, EntryRow, Evidence, ThingRef,
};
use rusqlite::Connection;

#[test]
fn a_thing_is_found_with_what_both_parties_wrote_of_it_in_order_of_arrival() {
    let (_scratch, mut store) = begin("thing");
    let of_first = |mut batch: Batch| {
        batch.appends[0].thing = Some(ThingRef { party: 0, index: 0 });
        batch
    };
    let impossible = |mut batch: Batch| {
        batch.appends[0].thing = Some(ThingRef { party: 1, index: u64::MAX });
        batch
    };
    store.commit(&appending(OURS, 0, 1)).unwrap();
    store.commit(&of_first(appending(THEIRS, 0, 1))).unwrap();
    store.commit(&impossible(appending(OURS, 1, 1))).unwrap();
    store.commit(&of_first(appending(OURS, 2, 1))).unwrap();
    let reader = store.reader().unwrap();
    let opener = EntryKey { log: OURS, index: 0 };

    let all = reader.thing(opener, 0, 10).unwrap();
    let later = reader.thing(opener, all[1].seq, 1).unwrap();

    let places = |rows: &[EntryRow]| rows.iter().map(|r| (r.key.log.party, r.key.index)).collect::<Vec<_>>();
    assert_eq!(places(&all), [(0, 0), (1, 0), (0, 2)]);
    assert_eq!(all[1].thing, Some(ThingRef { party: 0, index: 0 }));
    assert_eq!(places(&later), [(1, 0)]);
    assert_eq!(reader.entry(EntryKey { log: OURS, index: 1 }).unwrap().unwrap().thing, None);
}

#[test]
fn pages_show_both_logs_newest_first_and_each_entry_once() {
    let (_scratch, mut store) = begin("pages");
    let (mut ours, mut theirs) = (0, 0);
    for turn in 0..30 {
        let (log, at) = if turn % 3 == 0 { (OURS, &mut ours) } else { (THEIRS, &mut theirs) };
        store.commit(&appending(log, *at, 1)).unwrap();
        *at += 1;
    }
    let reader = store.reader().unwrap();

    let mut seen = Vec::new();
    let mut before = Some([u64::MAX; 2]);
    while let Some(at) = before {
        let page = reader.page(LINE, OURS.epoch, at, 7).unwrap();
        seen.extend(page.rows.iter().map(|row| row.seq));
        before = page.next;
    }

    assert_eq!(seen, (0..30).rev().collect::<Vec<u64>>());
}

#[test]
fn an_epoch_has_logs_of_its_own_in_order() {
    let (_scratch, mut store) = begin("epochs");
    let mut next = OURS;
    next.epoch.number = 1;
    next.epoch.id = [9; 8];
    store.commit(&appending(OURS, 0, 2)).unwrap();

    store.commit(&appending(next, 0, 1)).unwrap();

    let logs = store.reader().unwrap().logs(LINE).unwrap();
    let shape: Vec<_> = logs.iter().map(|l| (l.key.epoch.number, l.key.party, l.size)).collect();
    assert_eq!(shape, [(0, 0, 2), (0, 1, 0), (1, 0, 1), (1, 1, 0)]);
    assert_eq!(logs[1].root[..4], [0xe3, 0xb0, 0xc4, 0x42]);
}

#[test]
fn evidence_is_bounded_and_the_newest_stays() {
    let (scratch, mut store) = begin("evidence");
    let small = |at| Evidence { bytes: vec![1], ..evidence(at) };
    let other = Evidence { line: [0; 16], ..small(1) };
    let many = (0..u64::from(EVIDENCE_MAX) + 10).map(small);

    store.commit(&Batch { evidence: many.chain([other.clone()]).collect(), ..Batch::default() }).unwrap();
    store.commit(&Batch { evidence: vec![evidence(5_000)], ..Batch::default() }).unwrap();

    let reader = store.reader().unwrap();
    let newest = reader.evidence(LINE, 2).unwrap();
    assert_eq!((newest[0].at, newest[0].bytes.len(), newest[1].at), (5_000, EVIDENCE_BYTES_MAX, 73));
    assert_eq!(reader.evidence([0; 16], 10).unwrap(), [other]);
    drop((reader, store));
    let connection = Connection::open(scratch.path().join(DATABASE_FILE)).unwrap();
    let sql = "SELECT COUNT(*), MIN(at) FROM evidence WHERE line = ?1";
    let kept: (u32, i64) = connection.query_row(sql, [LINE], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(kept, (EVIDENCE_MAX, 11));
}

#[test]
fn what_a_peer_repeats_does_not_push_out_the_evidence_of_what_it_did_once() {
    let (_scratch, mut store) = begin("evidence-kinds");
    let fork = Evidence { kind: "fork".into(), ..evidence(1) };
    let frame = |at| Evidence { kind: "bad-frame".into(), bytes: vec![1], ..evidence(at) };
    store.commit(&Batch { evidence: vec![fork.clone()], ..Batch::default() }).unwrap();

    for at in 2..2_000 {
        store.commit(&Batch { evidence: vec![frame(at)], ..Batch::default() }).unwrap();
    }

    let kept = store.reader().unwrap().evidence(LINE, 1_000).unwrap();
    assert_eq!(kept.len(), EVIDENCE_MAX as usize + 1);
    assert!(kept.iter().any(|kept| kept.kind == "fork" && kept.at == fork.at));
}

#[test]
fn pairings_settings_and_lines_are_replaced_and_removed() {
    let (_scratch, mut store) = begin("small-tables");
    let reader = store.reader().unwrap();
    let batch = |value: Option<&[u8]>| Batch {
        pairings: vec![(LINE, value.map(<[u8]>::to_vec))],
        settings: vec![("k".into(), value.map(<[u8]>::to_vec))],
        ..Batch::default()
    };
    let mut changed = line();
    (changed.state, changed.added) = (4, 999);

    store.commit(&batch(Some(b"one"))).unwrap();
    store.commit(&batch(Some(b"two"))).unwrap();
    store.commit(&Batch { lines: vec![changed], ..Batch::default() }).unwrap();

    assert_eq!(reader.pairings().unwrap(), [(LINE, b"two".to_vec())]);
    assert_eq!(reader.setting("k").unwrap(), Some(b"two".to_vec()));
    let row = &reader.lines().unwrap()[0];
    assert_eq!((row.state, row.added), (4, line().added));
    store.commit(&batch(None)).unwrap();
    assert_eq!((reader.pairings().unwrap(), reader.setting("k").unwrap()), (vec![], None));
}
