//! Commits a second: `cargo bench -p counterpart --bench store [-- FOLDER]`. FOLDER says which disk; it must be new.
//!
//! Beside each figure stands the floor of the same disk in the same run: a file of its own, as many bytes written and
//! synced once a commit.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use counterpart::clock::Clock;
use counterpart::store::{Append, Batch, EntryKey, EpochKey, HeadUpdate, LineUpdate, LogKey, Store};

const ENTRY_BYTES: usize = 400;
const RUN_MS: u64 = 4_000;
const LOG: LogKey = LogKey { line: [1; 16], epoch: EpochKey { number: 0, id: [0; 8] }, party: 0 };

fn main() -> Result<(), Box<dyn Error>> {
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = named.map_or_else(|| PathBuf::from("store-bench-data"), PathBuf::from);
    fs::create_dir(&folder)?;
    let measured = measure(&folder);
    fs::remove_dir_all(&folder)?;
    measured
}

fn measure(folder: &Path) -> Result<(), Box<dyn Error>> {
    Store::create(folder)?;
    let mut store = Store::open(folder)?;
    let line = LineUpdate { id: LOG.line, state: 1, me: 0, charter: vec![0; 500], added: 0 };
    store.commit(&Batch { lines: vec![line], ..Batch::default() })?;
    let mut size = 0;
    for group in [1, 8, 64] {
        let mut file = File::create(folder.join("floor"))?;
        let floor = run("write and sync", group, || {
            file.write_all(&vec![7; ENTRY_BYTES * usize::try_from(group)?])?;
            Ok(file.sync_data()?)
        })?;
        let ours = run("commit", group, || {
            store.commit(&batch(size, group))?;
            size += group;
            Ok(())
        })?;
        println!("group {group:>2}: {:.2} of the floor", ours / floor);
    }
    let bytes = fs::metadata(folder.join(counterpart::store::DATABASE_FILE))?.len();
    println!("{size} entries of {ENTRY_BYTES} bytes take {} bytes each", bytes / size.max(1));
    Ok(())
}

/// Repeats `commit` for `RUN_MS`, prints its rate and how long it took, and answers the rate.
fn run(name: &str, group: u64, mut commit: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let clock = Clock::system();
    let start = clock.moment();
    let mut took_us = Vec::new();
    while clock.moment().ms_since(start) < RUN_MS {
        let before = clock.moment();
        commit()?;
        took_us.push(clock.moment().us_since(before));
    }
    let total_us: u64 = took_us.iter().sum();
    took_us.sort_unstable();
    let at = |share: usize| took_us.get(took_us.len() * share / 1_000).copied().unwrap_or(0);
    let rate = took_us.len() as f64 * 1e6 / total_us.max(1) as f64;
    let (entries, p50, p99, worst) = (rate * group as f64, at(500), at(990), at(999));
    println!("group {group:>2}: {name}: {rate:.0}/s ({entries:.0} entries/s), µs p50 {p50} p99 {p99} p999 {worst}");
    Ok(rate)
}

fn batch(from: u64, count: u64) -> Batch {
    let append = |index| Append {
        key: EntryKey { log: LOG, index },
        bytes: vec![7; ENTRY_BYTES],
        body: None,
        kind: 1,
        thing: None,
        claimed: 0,
        actor: None,
    };
    let head = HeadUpdate { log: LOG, size: from + count, edge: vec![1; 640], root: [1; 32] };
    let expects = vec![(LOG, from), (LogKey { party: 1, ..LOG }, 0)];
    let appends = (from..from + count).map(append).collect();
    Batch { now: 1, expects, appends, heads: vec![head], ..Batch::default() }
}
