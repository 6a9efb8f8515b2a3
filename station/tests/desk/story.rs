//! A story that is played slowly, and read on both desks while it is.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::Desk;
use crate::browser::Browser;
use crate::door::Client;
use crate::processes::{Process, wait};
use crate::ring::RINGS;
use crate::scratch::Scratch;
use crate::talk;

/// The story of an offer that lapses, a second an act; what it prints, a line at a time.
fn start(home: &Path) -> (Child, impl Iterator<Item = Value> + use<>) {
    start_of("offer-lapses", home)
}

/// The same of another story.
fn start_of(story: &str, home: &Path) -> (Child, impl Iterator<Item = Value> + use<>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
    command.args(["--json", "demo", "--story", story, "--pace", "1"]).env("TMPDIR", home);
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
    page.take_link(&north);
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

/// The end of february-2013, as it ships: nothing before it takes part in the talk.
fn last_of_february() -> String {
    let story = include_str!("../../src/story/february-2013.story");
    let begins = story.find("2013-02-15 18:00 washington ask").unwrap();
    let is_set =
        |line: &&str| ["story", "side", "terms"].iter().any(|word| line.starts_with(word)) || line.contains(" bell ");
    let sides = story.lines().filter(is_set);
    let head: Vec<&str> = sides.collect();
    // Of the two things that each side has opened before, none is named by another than it would be here.
    let tail =
        story[begins..].replace("again=\"Washington 2\" ", "").replace("    expect \"Washington 2\" DECLINED\n", "");
    let tail = tail.replace("Washington 4", "Washington 1").replace("Moscow 4", "Moscow 1");
    [head.join("\n"), tail].join("\n")
}

#[test]
fn february_2013_ends_before_spectators_in_a_call_that_both_desks_can_join() {
    let scratch = Scratch::new("desk-story-call");
    let file = scratch.path().join("last.story");
    std::fs::write(&file, last_of_february()).unwrap();
    let home = scratch.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let (mut story, mut told) = start_of(file.to_str().unwrap(), &home);
    let called: Vec<Value> = told.by_ref().take_while(|told| told["event"] != "call").collect();
    let links: Vec<&Value> = called.iter().filter(|told| told["event"] == "station").collect();
    assert_eq!(links.len(), 4, "two to look on, two to talk: {called:?}");
    // Whoever signs in hears at once that it is time, and goes from there into the call.
    let mut browsers = [0, 1].map(|at| {
        let link = links[2 + at]["link"].as_str().unwrap();
        let mut browser = talk::with_tone(talk::TONES[at], scratch.path());
        browser.open(link);
        browser.look("document.querySelector('button.main').click()");
        browser.until("location.pathname === '/lines'");
        browser.until(RINGS);
        browser.press_at_ring("j");
        browser.until("!!document.querySelector('[data-key=join]')");
        assert!(browser.look("document.body.dataset.now").as_str().unwrap().starts_with("2013-02-17T14:"), "{at}");
        talk::join(&mut browser, "principal");
        browser
    });
    browsers.iter_mut().for_each(|browser| talk::press(browser, "through"));
    browsers.iter_mut().enumerate().for_each(|(at, browser)| talk::hears_the_other_alone(browser, at));
    let line = browsers[0].look("location.pathname.split('/')[2]").as_str().unwrap().to_owned();
    let looked = [0, 1].map(|at| desk(links[at]));
    let mut readers = looked.each_ref().map(|(desk, link)| Client::by_link(desk, link));
    let mut both_say = |kind: &str| {
        let typed = format!("class=\"typ\">{}", kind.to_uppercase());
        for reader in &mut readers {
            let record = format!("/lines/{line}/record?kind={kind}");
            wait(kind, || (reader.get(&record).body.matches(&typed).count() == 2).then_some(()));
        }
    };
    both_say("joined");
    browsers[0].look("document.getElementById('ending').open = true");
    talk::press(&mut browsers[0], "end");
    both_say("ended");
    for browser in &mut browsers {
        browser.until("document.querySelector('#main h1').textContent.includes('The talk is over')");
        browser.look("document.querySelector('[accesskey=o]').click()");
        browser.until(
            "location.pathname.includes('/requests/') && document.querySelector('main').innerText.includes('TALKED')",
        );
    }
    let interrupt = Command::new("kill").args(["-INT", &story.id().to_string()]).status().unwrap();
    assert!(interrupt.success() && story.wait().unwrap().success());
}
