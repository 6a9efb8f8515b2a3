//! `counterpart-sim SEED` tells a seed; `counterpart-sim --seeds A..B` runs many. `--fault NAME` switches a known fault on.

use std::process::ExitCode;

use counterpart_sim::counts::{self, Counts};
use counterpart_sim::fault::Fault;
use counterpart_sim::plan::Kind;
use counterpart_sim::runs::{self, Run};

const USAGE: &str = "\
counterpart-sim SEED [--fault NAME]          tells the story of a seed
counterpart-sim --seeds A..B [--fault NAME]  runs the seeds from A up to, not including, B
from 1000000 on stations are put back to backups; from 2000000 on a station has two live copies
faults: head-named-before-commit ring-before-commit lapse-by-the-wrong-side lost-resend reordered-apply accepted-fork
        copy-signs late-let-go";

enum Asked {
    One(u64),
    Many(u64, u64),
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match parse(&words) {
        Some((Asked::One(seed), fault)) => one(seed, fault),
        Some((Asked::Many(from, to), fault)) => many(from, to, fault),
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(words: &[&str]) -> Option<(Asked, Option<Fault>)> {
    let (words, fault) = match words {
        [words @ .., "--fault", name] => (words, Some(Fault::parse(name)?)),
        words => (words, None),
    };
    let asked = match words {
        [seed] => Asked::One(seed.parse().ok()?),
        ["--seeds", range] => {
            let (from, to) = range.split_once("..")?;
            let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
            // A run of none would say that none failed.
            (from < to).then_some(Asked::Many(from, to))?
        }
        _ => return None,
    };
    Some((asked, fault))
}

fn one(seed: u64, fault: Option<Fault>) -> ExitCode {
    let run = runs::seed(seed, fault, true);
    run.story.iter().for_each(|line| println!("{line}"));
    report(&run, fault)
}

fn report(run: &Run, fault: Option<Fault>) -> ExitCode {
    let Err(broken) = &run.held else {
        println!("seed {}: every promise held", run.seed);
        return ExitCode::SUCCESS;
    };
    let fault = fault.map_or(String::new(), |fault| format!(" --fault {}", fault.word()));
    println!("seed {}: {:?}: {}\n  {}", run.seed, broken.promise, broken.promise.says(), broken.seen);
    println!("  replay: cargo run --release -p counterpart-sim -- {}{fault}", run.seed);
    ExitCode::FAILURE
}

fn many(from: u64, to: u64, fault: Option<Fault>) -> ExitCode {
    let mut all = Counts::default();
    let mut failed = Vec::new();
    runs::seeds(from, to, fault, |run| {
        all.merge(&run.counts);
        if run.held.is_err() {
            report(&run, fault);
            failed.push(run.seed);
        }
        failed.len() < 20
    });
    all.iter().for_each(|(what, times)| println!("{times:>12}  {what}"));
    let missing = all.missing(Kind::of(from));
    println!("never arose: {missing:?}");
    for (list, what) in [
        (counts::NEVER_REFUSED.as_slice(), "refused to people"),
        (counts::NEVER_VOID.as_slice(), "void"),
        (counts::NEVER_NAMED.as_slice(), "named"),
    ] {
        list.iter().for_each(|(name, why)| println!("cannot be {what} yet: {name}: {why}"));
    }
    println!("{} of {} seeds failed", failed.len(), all.of("seeds"));
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_without_a_seed_is_no_run() {
        assert!(parse(&["--seeds", "3..4"]).is_some());
        assert!(parse(&["--seeds", "3..3"]).is_none());
        assert!(parse(&["--seeds", "5..2"]).is_none());
    }
}
