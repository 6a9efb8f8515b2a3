//! Every seed that ever failed, with what it found; two thousand that keep every promise; two hundred and twenty-five in which stations are put back
//! to backups; and eighty in which two copies of a station live at once.

use std::collections::BTreeMap;
use std::ops::Range;

use counterpart_sim::counts::Counts;
use counterpart_sim::fault::Fault;
use counterpart_sim::plan::{COPIES_FROM, Kind, TWINS_FROM};
use counterpart_sim::runs::{self, Run};

/// Seeds in `./test`; `just sim-long` runs tens of thousands, and `./test --quick` these few, in which not all arises.
const SEEDS: u64 = 2_000;
const SEEDS_QUICK: u64 = 100;
/// The same of seeds in which stations are put back to backups.
const COPIES: u64 = 225;
const COPIES_QUICK: u64 = 20;
/// The same of seeds in which two copies of a station live at once.
const TWINS: u64 = 80;
const TWINS_QUICK: u64 = 10;
/// Each known fault must be found within so many.
const FAULT_SEEDS: u64 = 1_000;

/// Seeds that failed, each with the promise and what was wrong. A change of the simulated world makes another story of a
/// seed; the shortest story of each stands in `core/tests/found_by_simulation.rs`, of a session in `core/tests/link/`, of epochs in
/// `core/tests/restore/`.
const FAILED: [(u64, &str); 13] = [
    (1_016, "CommittedArrives: a claim was taken as agreed to because our log grew past it"),
    (3_958, "AppliedInOrder: the simulated station went on reading a connection that had fed a commit which failed"),
    (1_000_065, "AppliedInOrder: a joining was pushed before the older epochs from which its key is learnt"),
    (1_000_182, "TakenBack: a part that its author refused was owed to a reader that was put back to before it"),
    (1_000_279, "BothSeeTheSame: charters that knew nothing of an epoch closed it for one side"),
    (1_000_289, "OrderDoesNotMatter: late entries of an ended epoch that a copy has forked waited until a start"),
    (1_000_324, "BothSeeTheSame: the same, with three stations"),
    (1_000_333, "BothSeeTheSame: the same, of an epoch of the peer's"),
    (1_001_049, "LinesAreApart: of entries that name what both stations have lost it was promised that they arrive"),
    (1_001_322, "EvenIsSaid: the simulator read a log as parted by an opening that was not committed yet"),
    (1_001_345, "LinesAreApart: what names a head that a copy has lost never came in an ended epoch"),
    (1_500_062, "BothSeeTheSame: what counts beside its author's log came to no peer that had lost it"),
    (
        1_640_273,
        "NoForkIsTaken: the simulator took what was let go at a place for a fork of what the same turn took there",
    ),
];

/// Takes what others leave of the processors: tests beside it wait for browsers, and for people's patience.
fn yields() {
    // This thread, and those that it begins.
    let Some(thread) =
        std::fs::read_link("/proc/thread-self").ok().and_then(|at| at.file_name().map(ToOwned::to_owned))
    else {
        return;
    };
    // Where it cannot be done they are slower, and no less true.
    drop(std::process::Command::new("renice").args(["-n", "19", "-p"]).arg(thread).output());
}

fn told(run: &Run) -> String {
    let broken = run.held.as_ref().err();
    broken.map_or(String::new(), |b| {
        format!(
            "seed {}: {:?}: {}\n  replay: cargo run --release -p counterpart-sim -- {}",
            run.seed, b.promise, b.seen, run.seed
        )
    })
}

#[test]
fn every_seed_that_ever_failed_keeps_every_promise() {
    for (seed, found) in FAILED {
        let run = runs::seed(seed, None, false);

        assert!(run.held.is_ok(), "found {found} before, and now: {}", told(&run));
    }
}

#[test]
fn a_seed_is_the_same_story_each_time() {
    let [one, other] = [(); 2].map(|()| runs::seed(7, None, true));

    assert!(!one.story.is_empty());
    assert_eq!((one.story, one.counts), (other.story, other.counts));
}

/// Runs these seeds; what arose in them, if every promise held.
fn kept(seeds: Range<u64>) -> Counts {
    let (mut counts, mut failed) = (Counts::default(), Vec::new());

    runs::seeds(seeds.start, seeds.end, None, |run| {
        counts.merge(&run.counts);
        if run.held.is_err() {
            failed.push(told(&run));
        }
        failed.len() < 10
    });

    counts.iter().for_each(|(what, times)| println!("{times:>12}  {what}"));
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    counts
}

fn is_quick() -> bool {
    std::env::var_os("COUNTERPART_QUICK").is_some()
}

#[test]
fn two_thousand_seeds_keep_every_promise_and_all_that_can_arise_does() {
    yields();
    let seeds = if is_quick() { SEEDS_QUICK } else { SEEDS };

    let counts = kept(0..seeds);

    assert!(
        is_quick() || counts.missing(Kind::Ordinary).is_empty(),
        "never arose: {:?}",
        counts.missing(Kind::Ordinary)
    );
}

#[test]
fn stations_that_are_put_back_to_backups_keep_every_promise_and_all_that_can_arise_does() {
    yields();
    let seeds = if is_quick() { COPIES_QUICK } else { COPIES };

    let counts = kept(COPIES_FROM..COPIES_FROM + seeds);

    assert!(
        is_quick() || counts.missing(Kind::Restored).is_empty(),
        "never arose: {:?}",
        counts.missing(Kind::Restored)
    );
}

#[test]
fn two_copies_that_live_at_once_are_found_and_neither_end_shows_or_loses_what_it_may_not() {
    yields();
    let seeds = if is_quick() { TWINS_QUICK } else { TWINS };

    let counts = kept(TWINS_FROM..TWINS_FROM + seeds);

    assert!(is_quick() || counts.missing(Kind::Twins).is_empty(), "never arose: {:?}", counts.missing(Kind::Twins));
}

#[test]
fn a_fork_by_two_copies_that_nobody_finds_is_found_by_the_promise_named_for_it() {
    let (fault, mut found) = (Fault::AcceptedFork, None);

    runs::seeds(TWINS_FROM, TWINS_FROM + FAULT_SEEDS, Some(fault), |run| {
        let by = run.held.as_ref().err().map(|broken| broken.promise);
        found = found.or((by == Some(fault.breaks())).then_some(run.seed));
        found.is_none()
    });

    println!("{}: {:?} at seed {found:?}", fault.word(), fault.breaks());
    assert!(found.is_some(), "{} was not found", fault.word());
}

#[test]
fn each_known_fault_is_found_by_the_promise_named_for_it() {
    for fault in Fault::ALL {
        let (mut found, mut others) = (None, BTreeMap::new());

        runs::seeds(0, FAULT_SEEDS, Some(fault), |run| {
            if let Err(broken) = &run.held {
                *others.entry(broken.promise).or_insert(0) += 1;
                if broken.promise == fault.breaks() {
                    found = Some(run.seed);
                }
            }
            found.is_none()
        });

        println!("{}: {:?} at seed {found:?}; first broken until then: {others:?}", fault.word(), fault.breaks());
        assert!(found.is_some(), "{} was not found", fault.word());
    }
}
