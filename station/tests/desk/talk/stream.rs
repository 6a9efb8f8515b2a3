//! The same where only TCP passes: a record that cannot commit, a cut path and a closed line, each in the middle of a talk.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::cable::Cable;
use super::{answer, answered, browsers, hears_nothing, hears_the_other_alone, join, mute, page_of, press, talk};
use crate::Desk;
use crate::browser::Browser;
use crate::processes::{Process, free_address, pair, wait};
use crate::scratch::Scratch;

/// A desk whose station the other one reaches by a cable.
pub fn behind(scratch: &Scratch, name: &str, call_sign: &str) -> (Desk, Cable) {
    let listen = free_address();
    let cable = Cable::to(listen);
    let mut desk = Desk::of(Process::init_behind(scratch.path(), name, call_sign, 50, listen, cable.address));
    desk.station.serve();
    (desk, cable)
}

/// Doctor says that another program holds the database.
fn is_held_for_doctor(desk: &Desk) -> bool {
    let report = desk.station.get("/doctor").unwrap();
    let findings = report["findings"].as_array().unwrap();
    findings.iter().any(|found| found["subject"] == "database" && found["well"] == json!(false))
}

/// The talk of the second request.
fn second(desk: &Desk) -> Value {
    desk.station.get("/requests/Northland%202").unwrap()["talk"].clone()
}

/// A talk that begins and ends while nothing can be written at the one station, for more than a minute.
fn unwritten(desks: &[Desk; 2], browsers: &mut [Browser; 2]) {
    // Nothing can be written here while the talk begins. The people hear each other, and it is written afterwards.
    let held = Connection::open(desks[0].station.data.join("counterpart.db")).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    press(&mut browsers[1], "through");
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));
    wait("the word of the one that can", || (talk(&desks[1])["ours"] == "joined").then_some(()));
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));
    // A commit that fails ends no session: what came is given to the record again.
    let still =
        |desk: &Desk| desk.station.get("/talks?on=Northland%201").is_some_and(|call| call["linked"] == json!(true));
    // A minute and some seconds.
    for _ in 0..300 {
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(still(&desks[1]), "the session ended");
        assert_eq!(browsers[0].look("document.querySelector('[data-live]').textContent"), "live");
    }
    // The page is live, and says that nothing of theirs comes and nothing of ours is written.
    browsers[0].until("document.querySelector('#shut h2')?.textContent.includes('Nothing can be written here since')");
    assert!(desks[0].station.get("/health").unwrap()["held_since"].is_string());
    assert!(is_held_for_doctor(&desks[0]));
    browsers[0].picture("call-unwritten", 1280, "light");
    browsers[0].look("document.querySelector('#shut').isTheFirst = true");
    // What is done in the call is no entry: it is done meanwhile.
    mute(&mut browsers[0], true);
    hears_nothing(&mut browsers[1], 1);
    mute(&mut browsers[0], false);
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));
    assert_ne!(talk(&desks[1])["theirs"], "joined");
    assert_eq!(browsers[0].look("document.querySelector('#shut').isTheFirst"), json!(true), "it is read out once");
    // It is over before anything could be written of it.
    browsers[1].look("document.getElementById('ending').open = true");
    press(&mut browsers[1], "end");
    browsers[0].until("document.querySelector('#main h1').textContent.includes('still to be written')");
    assert_eq!(talk(&desks[0])["state"], "PLANNED");
    drop(held);
    desks.iter().for_each(|desk| wait("TALKED", || (talk(desk)["state"] == "TALKED").then_some(())));
    browsers[0].until("document.querySelector('#main h1').textContent.startsWith('The talk is over.')");
    browsers[0].until("!document.querySelector('#shut h2')");
    assert!(desks[0].station.get("/health").unwrap().get("held_since").is_none());
    assert!(!is_held_for_doctor(&desks[0]));
}

/// Both talk once more, on another request.
fn once_more(desks: &[Desk; 2], browsers: &mut [Browser; 2]) {
    let again = page_of(&answer(desks, "Northland 2"));
    for (browser, desk) in browsers.iter_mut().zip(desks) {
        browser.open(&format!("http://{}{again}", desk.address));
        browser.until("!!document.querySelector('[data-key=join]')");
        // What cleans speech is off as it was.
        browser.look("document.querySelector('[value=principal]').click()");
        press(browser, "join");
        browser.until("document.querySelector('[data-sound]').textContent.startsWith('Sound goes both ways')");
        press(browser, "through");
    }
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));
    desks.iter().for_each(|desk| wait("JOINED", || (second(desk)["state"] == "JOINED").then_some(())));
}

#[test]
fn where_only_tcp_passes_a_talk_goes_on_over_a_record_that_cannot_commit_for_a_minute_and_a_cut_path_until_the_line_is_closed()
 {
    let scratch = Scratch::new("desk-talk-stream");
    let [(north, to_north), (south, to_south)] =
        [("north", "Northland"), ("south", "Southland")].map(|(name, sign)| behind(&scratch, name, sign));
    let desks = [north, south];
    pair(&desks[0].station, &desks[1].station);
    let page = page_of(&answered(&desks));
    let mut browsers = browsers(&desks, (scratch.path(), &page));
    browsers.iter_mut().for_each(|browser| join(browser, "principal"));
    browsers
        .iter_mut()
        .for_each(|browser| browser.until("document.querySelector('.explained b')?.textContent === 'Degraded:'"));
    browsers[0].picture("call-degraded", 1280, "light");
    press(&mut browsers[0], "through");
    browsers[1].until("document.querySelectorAll('.hold').length === 1");

    unwritten(&desks, &mut browsers);
    once_more(&desks, &mut browsers);

    // The path is cut: the people are told, and are still in the call when it is there again.
    [&to_north, &to_south].into_iter().for_each(|cable| cable.set(false));
    for (at, browser) in browsers.iter_mut().enumerate() {
        hears_nothing(browser, at);
        browser.until("document.querySelector('.explained b')?.textContent === 'The link is down.'");
        browser.until("document.querySelector('#main h1').textContent.startsWith('You are in the call.')");
    }
    [&to_north, &to_south].into_iter().for_each(|cable| cable.set(true));
    for (at, browser) in browsers.iter_mut().enumerate() {
        hears_the_other_alone(browser, at);
        browser.until("document.querySelector('.explained b')?.textContent === 'Degraded:'");
    }
    assert_eq!(second(&desks[1])["state"], "JOINED", "a path that is cut ends no talk");

    // The line is closed: nothing more can be written of the talk, and nobody is left in it.
    let form = json!({"act": "state", "state": "closed", "for_good": true});
    let (status, told) = desks[0].station.post("/acts", &form).unwrap();
    assert_eq!(status, 200, "{told}");
    for browser in &mut browsers {
        browser.until("document.querySelector('#main h1').textContent.includes('It broke off')");
        browser.until("counterpartEars().length === 0");
    }
    assert!(desks.iter().all(|desk| second(desk)["state"] == "JOINED"));
}
