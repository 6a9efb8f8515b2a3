//! A station that is killed in the middle of a call.

use super::{THEM, TONES, answered, browsers, has_joined, hears_nothing, hears_the_other_alone};
use super::{join, level_of, page_of, press, talk};
use crate::Desk;
use crate::processes::wait;
use crate::scratch::Scratch;

#[test]
fn a_talk_in_which_a_station_was_killed_is_ended_once_by_it_when_nobody_comes_back_within_twenty_seconds() {
    let scratch = Scratch::new("desk-talk-killed");
    let mut desks = Desk::two(&scratch);
    let page = page_of(&answered(&desks));
    let mut browsers = browsers(&desks, (scratch.path(), &page));
    browsers.iter_mut().for_each(|browser| join(browser, "principal"));
    browsers.iter_mut().for_each(|browser| press(browser, "through"));
    browsers.iter_mut().enumerate().for_each(|(at, browser)| hears_the_other_alone(browser, at));
    desks.iter().for_each(has_joined);

    browsers[1].look(&format!(
        "setInterval(() => {{ if ({} > -70) window.heardLast = Date.now(); }}, 20)",
        level_of(THEM, TONES[0])
    ));
    browsers[1].until("window.heardLast > 0");
    desks[0].station.kill();
    let killed = counterpart::clock::Clock::system().now();
    hears_nothing(&mut browsers[1], 1);
    let [came_ms, vanished_ms] = ["captured.last.played", "window.heardLast"]
        .map(|last| (browsers[1].look(last).as_f64().unwrap() as u64).saturating_sub(killed));
    println!(
        "a packet came last {came_ms} ms, and was heard last {vanished_ms} ms, after the other station was killed"
    );
    // By the clock of the page that plays it, whatever the browser is then asked, and when.
    assert!(came_ms < 1_000 && vanished_ms < 1_000, "{came_ms} {vanished_ms}");
    browsers[1].until("document.querySelector('.explained b')?.textContent === 'The link is down.'");
    desks[0].station.serve();
    // Whoever looks is told that it is on them to come back, and by when.
    browsers[0].until("document.querySelector('[role=alert] h1')?.textContent.startsWith('We were in this talk')");

    for desk in &desks {
        wait("TALKED", || (talk(desk)["state"] == "TALKED").then_some(()));
    }
    browsers[0].until("document.querySelector('#main h1').textContent.includes('Nobody of ours came back')");
    browsers[1].until("document.querySelector('#main h1').textContent.includes('Nobody of Northland came back')");
    let view = desks[0].station.get("/record").unwrap();
    let entries = view["record"]["entries"].as_array().unwrap();
    let ended: Vec<_> = entries.iter().filter(|entry| entry["kind"] == "ended" && entry["side"] == "ours").collect();
    assert_eq!(ended.len(), 1, "{ended:?}");
}
