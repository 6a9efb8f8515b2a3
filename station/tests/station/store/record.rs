//! A record to test with: one line, and entries that say where they stand.

#![allow(dead_code, clippy::unwrap_used, reason = "each test program uses its part; tests fail by panicking")]

use counterpart::store::{
    Append, Batch, EVIDENCE_BYTES_MAX, EntryKey, EpochKey, Evidence, HeadUpdate, LineUpdate, LogKey, Reader, Store,
};

use crate::scratch::Scratch;

/// The line.
pub const LINE: [u8; 16] = [0x11; 16];
/// Our log of it.
pub const OURS: LogKey = LogKey { line: LINE, epoch: EpochKey { number: 0, id: [0; 8] }, party: 0 };
/// The peer's.
pub const THEIRS: LogKey = LogKey { party: 1, ..OURS };

/// A record with the line and nothing on it.
pub fn begin(name: &str) -> (Scratch, Store) {
    let scratch = Scratch::new(name);
    Store::create(scratch.path()).unwrap();
    let mut store = Store::open(scratch.path()).unwrap();
    store.commit(&Batch { lines: vec![line()], ..Batch::default() }).unwrap();
    (scratch, store)
}

/// The line as committed by `begin`.
pub fn line() -> LineUpdate {
    LineUpdate { id: LINE, state: 1, me: 0, charter: b"the charter".to_vec(), added: 1_000 }
}

/// An entry of 400 bytes with a body of 100, both of which say where it stands.
pub fn append(log: LogKey, index: u64) -> Append {
    let mut bytes = vec![log.party; 400];
    bytes[..8].copy_from_slice(&index.to_be_bytes());
    let body = Some(bytes[..100].to_vec());
    let key = EntryKey { log, index };
    Append { key, bytes, body, kind: 7, thing: None, claimed: 2_000 + index, actor: None }
}

/// A head whose edge and root say its size.
pub fn head(log: LogKey, size: u64) -> HeadUpdate {
    let mut root = [log.party; 32];
    root[..8].copy_from_slice(&size.to_be_bytes());
    HeadUpdate { log, size, edge: root[..16].to_vec(), root }
}

/// A batch that appends `count` entries from index `from` on.
pub fn appending(log: LogKey, from: u64, count: u64) -> Batch {
    let appends = (from..from + count).map(|index| append(log, index)).collect();
    Batch { now: 3_000, appends, heads: vec![head(log, from + count)], ..Batch::default() }
}

/// The sizes of both logs in the first epoch.
pub fn sizes(reader: &Reader) -> [u64; 2] {
    let logs = reader.logs(LINE).unwrap();
    let size = |party| logs.iter().find(|l| l.key.party == party && l.key.epoch.number == 0).map_or(0, |l| l.size);
    [size(0), size(1)]
}

/// Misconduct with more bytes than are kept.
pub fn evidence(at: u64) -> Evidence {
    let bytes = vec![7; EVIDENCE_BYTES_MAX + 5];
    Evidence { line: LINE, at, kind: "bad-frame".into(), detail: "a frame of 0 bytes".into(), bytes }
}
