//! The desk in a browser, as a person sees it: `cargo bench -p counterpart --bench desk [-- ROW…]`. Needs Chromium. It judges nothing by
//! time: a missed aim is printed, and never fails.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and says its figures; it uses a part of what the tests and the other benchmarks share"
)]

#[path = "../../tests/desk/browser.rs"]
mod browser;
#[path = "../../tests/desk/certificates.rs"]
mod certificates;
#[path = "../line/floor.rs"]
mod floor;
#[path = "../line/home.rs"]
mod home;
#[path = "../line/link.rs"]
mod link;
mod load;
#[path = "../../tests/processes/mod.rs"]
mod processes;
#[path = "../line/report.rs"]
mod report;
mod ring;
#[path = "../../tests/scratch/mod.rs"]
mod scratch;

use browser::Browser;
use processes::Process;
use report::Row;
use serde_json::json;

/// The rows by the name under which they are asked for.
const ROWS: &[Row] = &[("ring", ring::measure), ("load", load::measure)];

fn main() {
    report::measured(ROWS, "bench-desk.json");
}

/// Adds a desk to the configuration of a station that is not served yet.
fn with_desk(station: &Process, desk: &str) {
    let file = station.data.join("counterpart.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n[desk]\n{desk}")).unwrap();
}

/// A link that signs a user in once; the user is made if there is none.
fn link_of(station: &Process, name: &str) -> String {
    let (status, told) = station.post("/users", &json!({"name": name, "role": "watch"})).unwrap();
    assert_eq!(status, 200, "{told}");
    let (_, link) = station.post("/users/link", &json!({ "name": name })).unwrap();
    link["url"].as_str().unwrap().to_owned()
}

/// Whether a page is live, as an expression of it.
const LIVE: &str = "location.pathname === '/lines' && document.querySelector('[data-live]').textContent === 'live'";

/// Signs in by a link, with its one button.
fn enter(browser: &mut Browser, link: &str) {
    browser.open(link);
    browser.look("document.querySelector('button.main').click()");
    browser.until(LIVE);
}
