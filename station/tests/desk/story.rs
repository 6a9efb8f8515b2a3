//! A story that is played slowly, and read on both desks while it is.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::Desk;
use crate::browser::Browser;
use crate::door::Client;
use crate::processes::{Process, wait};
use crate::scratch::Scratch;

/// The story of an offer that lapses, a second an act; what it prints, a line at a time.
fn start(home: &Path) -> (Child, impl Iterator<Item = Value> + use<>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
    command.args(["--json", "demo", "--story", "offer-lapses", "--pace", "1"]).env("TMPDIR", home);
    let mut story = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(story.stdout.take().unwrap()).lines();
    (story, lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok()))
}

/// The desk behind a link.
fn desk(told: &Value) -> (Desk, String) {
    let link = told["link"].as_str().unwrap().to_owned();
    let address = link.split('/').nth(2).unwrap().to_owned();
    let data = told["data"].as_str().unwrap();
    (Desk { station: Process::at(Path::new(data), "mark".into()), address }, link)
}

fn left(home: &Path) -> usize {
    std::fs::read_dir(home).unwrap().count()
}

#[test]
fn a_story_goes_on_before_spectators_at_both_desks_who_do_nothing_and_ctrl_c_ends_it_cleanly() {
    let scratch = Scratch::new("desk-story");
    let (mut story, mut told) = start(scratch.path());
    let [(_, north), (south_desk, south)] = [told.next(), told.next()].map(|told| desk(&told.unwrap()));
    let mut page = Browser::start("browser-story");
    page.open(&north);
    page.press("Enter");
    page.until("location.pathname === '/lines' && document.querySelector('[data-live]').textContent === 'live'");
    page.look("window.same = true");
    let mut reads = Client::by_link(&south_desk, &south);

    // Nobody touches either: the story does.
    let asks = "document.querySelector('main').innerText.includes('Northland 1')";
    page.until(asks);
    wait("the ask on the other desk", || reads.get("/lines").body.contains("Northland 1").then_some(()));
    assert_eq!(page.look("window.same"), json!(true), "it was drawn anew and not loaded");
    let clock = "document.querySelector('[data-clock]').textContent";
    let [first, second] = [0, 1].map(|_| page.look(&format!("document.body.dataset.now + {clock}")));
    assert!(first.as_str().unwrap().starts_with("2025-") && second.as_str().unwrap().starts_with("2025-"));
    assert_eq!(page.look("document.querySelectorAll('.dueacts, #bell-dialog').length"), json!(0), "they read");
    let form = reads.get("/lines").field("form");
    assert_eq!(reads.post("/asks", &[("form", &form), ("act", "ask")]).status, 403);

    // When it is told, both desks can be read on.
    assert!(told.any(|told| told["event"] == "played"));
    assert_eq!(reads.get("/lines").status, 200);
    assert_eq!(left(scratch.path()), 1);
    let interrupt = Command::new("kill").args(["-INT", &story.id().to_string()]).status().unwrap();
    assert!(interrupt.success() && story.wait().unwrap().success());
    assert_eq!(left(scratch.path()), 0, "nothing of it stays");
    assert!(std::net::TcpStream::connect(&south_desk.address).is_err(), "and nothing is served");
}

#[test]
fn a_story_that_is_left_in_the_middle_ends_cleanly_too() {
    let scratch = Scratch::new("desk-story-left");
    let (mut story, mut told) = start(scratch.path());
    let (_, link) = desk(&told.next().unwrap());
    assert!(link.contains("/link/"));
    told.next().unwrap();

    let interrupt = Command::new("kill").args(["-INT", &story.id().to_string()]).status().unwrap();

    assert!(interrupt.success() && story.wait().unwrap().success());
    assert_eq!((left(scratch.path()), told.next()), (0, None));
}
