//! From a command on the caller's socket to the peer's ALERTING in the caller's own store.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::floor::Floor;
use crate::home::{Caller, Folder, Home, RATE, bell};
use crate::report::{Aim, Report, Samples};

const ASKS: usize = 100;
/// Before each ask, and before the floor's steps, nothing happens for so long: receipts of what came last (250 ms) are written, and
/// the bell, which looks at the record ten times a second at most, has saved up the looks of the next.
const QUIET: Duration = Duration::from_millis(600);
/// Asks before any is measured: the first commits of a new file are dearer.
const WARM: usize = 20;
/// Compilers that run beside the last of them.
const COMPILERS: usize = 2;

pub fn measure(report: &mut Report) {
    let folder = Folder::new("ask");
    let home = Home::paired(&folder);
    bell(&home.stations[1].data);
    let mut caller = Caller::of(&home.stations[0].data);
    for number in 0..WARM {
        home.ring(&mut caller, &format!("warm-{number}"));
    }
    let sizes = home.sizes();
    let (asks, floor) = run(&folder, &home, &mut caller, "alone");
    report.note(&format!(
        "{ASKS} asks, each {} ms after the last thing that happened, as are the floor's steps; entries of {} and {} bytes; rate limits raised from 50 to {RATE}/s",
        QUIET.as_millis(),
        sizes[0],
        sizes[1],
    ));
    let least = floor.whole.at(500);
    report.figure("p50: ask → ALERTING in the caller's store", "µs", asks.at(500), Some(least), Aim::Times(2.0));
    report.figure("p99", "µs", asks.at(990), Some(least), Aim::Times(10.0));
    report.figure("the floor's own p99", "µs", floor.whole.at(990), None, Aim::None);
    for (what, samples) in [
        ("commit", &floor.commit),
        ("signature", &floor.sign),
        ("verification", &floor.verify),
        ("round trip", &floor.round_trip),
    ] {
        report.figure(&format!("floor: one {what}, p50"), "µs", samples.at(500), None, Aim::None);
    }
}

/// The same beside compilers: what a disk and a processor that are busy do to it.
pub fn measure_beside(report: &mut Report) {
    let folder = Folder::new("ask");
    let home = Home::paired(&folder);
    bell(&home.stations[1].data);
    let mut caller = Caller::of(&home.stations[0].data);
    home.ring(&mut caller, "warm");
    if let Some((asks, floor)) = beside_compilers(&folder, || run(&folder, &home, &mut caller, "beside")) {
        let least = floor.whole.at(500);
        report.figure(&format!("p50 beside {COMPILERS} compilers"), "µs", asks.at(500), Some(least), Aim::None);
        report.figure("p99 beside them", "µs", asks.at(990), Some(least), Aim::None);
        report.figure("the floor's own p99 beside them", "µs", floor.whole.at(990), None, Aim::None);
    }
}

fn run(folder: &Folder, home: &Home, caller: &mut Caller, name: &str) -> (Samples, Floor) {
    let folder = folder.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    let mut floor = Floor::new(&folder, home.sizes());
    let mut asks = Samples::default();
    for number in 0..ASKS {
        std::thread::sleep(QUIET);
        asks.add(home.ring(caller, &format!("{name}-{number}")));
        std::thread::sleep(QUIET);
        floor.run();
    }
    (asks, floor)
}

/// Measures while compilers compile, again and again; `None` without one.
fn beside_compilers<T>(folder: &Folder, measure: impl FnOnce() -> T) -> Option<T> {
    let source = folder.path().join("load.c");
    let function =
        |n: usize| format!("int f{n}(int x) {{ for (int i = 0; i < x; i++) x ^= (x << {}) + i; return x; }}\n", n % 13);
    std::fs::write(&source, (0..3_000).map(function).collect::<String>()).unwrap();
    let compile = |source: &Path| {
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-c", "-o", "/dev/null"]).arg(source).stdout(Stdio::null()).stderr(Stdio::null());
        cc.status().is_ok_and(|status| status.success())
    };
    let stop = AtomicBool::new(false);
    if !compile(&source) {
        return None;
    }
    let compiling = || {
        while !stop.load(Ordering::Relaxed) {
            compile(&source);
        }
    };
    std::thread::scope(|scope| {
        (0..COMPILERS).for_each(|_| drop(scope.spawn(compiling)));
        let measured = measure();
        stop.store(true, Ordering::Relaxed);
        Some(measured)
    })
}
