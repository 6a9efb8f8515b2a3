//! The qualities of DESIGN.md §11 that exist by now, each beside what this machine itself allows in the same run:
//! `cargo bench -p counterpart --bench line [-- ROW…]`. Writes `target/bench.json`. It judges nothing by time: a missed aim is
//! printed, and never fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and says its figures"
)]

mod ask;
mod bytes;
mod floor;
mod home;
mod link;
mod memory;
#[path = "../../tests/processes/mod.rs"]
mod processes;
mod report;
mod start;
mod talker;
mod texts;
mod thin;
mod voice;

use report::Row;

/// The rows by the name under which they are asked for.
const ROWS: &[Row] = &[
    ("ask", ask::measure),
    ("ask-beside-compilers", ask::measure_beside),
    ("texts", texts::measure),
    ("bytes", bytes::measure),
    ("start", start::measure),
    ("memory", memory::measure),
    ("thin", thin::measure),
    ("voice", voice::measure),
];

fn main() {
    report::measured(ROWS, "bench.json");
}
