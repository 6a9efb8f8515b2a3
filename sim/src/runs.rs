//! One seed, or many on every core.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::counts::Counts;
use crate::fault::Fault;
use crate::plan::Plan;
use crate::promises::{Broken, Held, Promise};
use crate::world::World;

/// What became of a seed.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// The promise that did not hold, if one did not.
    pub held: Held,
    /// What arose.
    pub counts: Counts,
    /// What happened, if it was to be told.
    pub story: Vec<String>,
}

/// Runs one seed. Nothing that happens in it stops the caller.
pub fn seed(seed: u64, fault: Option<Fault>, told: bool) -> Run {
    let mut world = World::new(Plan::new(seed, fault), told);
    let held = catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).into()));
        Err(Broken { promise: Promise::NothingPanics, seen: text.unwrap_or_default() })
    });
    world.tell_ends();
    let mut counts = world.counts().clone();
    counts.add("acts", world.acts());
    counts.note("seeds");
    if world.ed25519() {
        counts.note("seeds signed with Ed25519");
    }
    Run { seed, held, counts, story: world.story().to_vec() }
}

/// Runs many seeds on every core and gives each run to `with` as it ends, in no order; stops early when that says so.
pub fn seeds(from: u64, to: u64, fault: Option<Fault>, with: impl FnMut(Run) -> bool + Send) {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, with) = (AtomicU64::new(from), Mutex::new(with));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= to {
                        return;
                    }
                    let run = seed(number, fault, false);
                    let mut with = with.lock().unwrap_or_else(PoisonError::into_inner);
                    if !with(run) {
                        next.store(to, Ordering::Relaxed);
                        return;
                    }
                }
            });
        }
    });
}
