//! What bars a person from hearing or being heard, and what mends it: a page without a microphone that was loaded anew, a microphone that
//! was refused, a second tab; and who may not be there any more.

use serde_json::json;

use super::{FLAGS, TONES, answered, browsers, hears_the_other_alone, join, page_of, press};
use crate::Desk;
use crate::browser::Browser;
use crate::door::Client;
use crate::processes::wait;
use crate::scratch::Scratch;

const SOUND: &str = "document.querySelector('[data-sound]').textContent";

fn says(browser: &mut Browser, sentence: &str) {
    browser.until(&format!("{SOUND}.startsWith({sentence:?})"));
}

#[test]
fn who_only_listens_hears_again_after_a_reload_with_the_first_key_and_the_page_says_so() {
    let scratch = Scratch::new("desk-talk-listens");
    let desks = Desk::two(&scratch);
    let page = page_of(&answered(&desks));
    let mut browsers = browsers(&desks, (scratch.path(), &page));
    join(&mut browsers[0], "watch");
    let listener = &mut browsers[1];
    listener.look("document.querySelector('[value=note-taker]').click()");
    press(listener, "join");
    says(listener, "You hear the others; nothing is sent");
    press(&mut browsers[0], "through");
    press(&mut browsers[1], "through");
    let listener = &mut browsers[1];
    listener.until("document.querySelectorAll('.hold').length === 2");

    // As a person loads it anew: nothing has been touched since.
    listener.open(&format!("http://{}{page}", desks[1].address));
    says(listener, "This browser lets nothing sound");
    listener.press("Tab");
    says(listener, "You hear the others; nothing is sent");
    super::until("the other's tone", listener, |browser| super::level(browser, super::THEM, TONES[0]) > -45.0);
}

#[test]
fn what_is_chosen_before_a_call_keeps_no_page_from_being_drawn_and_a_second_tab_leaves_the_call_to_the_last() {
    let scratch = Scratch::new("desk-talk-tabs");
    let desks = Desk::two(&scratch);
    let page = page_of(&answered(&desks));
    let mut browsers = browsers(&desks, (scratch.path(), &page));
    browsers[0].look("['[value=interpreter]', '[data-echo]'].forEach((one) => document.querySelector(one).click())");
    join(&mut browsers[1], "watch");
    browsers[0].until("document.querySelector('#main h1').textContent.includes('Southland is in the call')");
    let chosen =
        "[document.querySelector('[value=interpreter]').checked, document.querySelector('[data-echo]').checked]";
    assert_eq!(browsers[0].look(chosen), json!([true, false]));
    // The page is open twice before it is joined: the call is in the tab in which that is pressed.
    browsers[0].tab();
    browsers[0].open(&format!("http://{}{page}", desks[0].address));
    browsers[0].until("!!document.querySelector('[data-key=join]')");
    browsers[0].look_at(0);
    browsers[0].front();
    join(&mut browsers[0], "watch");
    browsers[0].look_at(1);
    browsers[0].until("!!document.querySelector('[data-call]')");
    assert_eq!(browsers[0].look("document.hidden"), json!(true));
    browsers[0].look_at(0);
    hears_the_other_alone(&mut browsers[0], 0);
    browsers[0].until("!!document.querySelector('.callacts.led')");
    assert_eq!(browsers[0].look("!document.querySelector('.callacts.alone')"), json!(true), "they are there");

    // Whoever turns to the other tab has it there.
    browsers[0].look_at(1);
    browsers[0].front();
    says(&mut browsers[0], "Sound goes both ways");
    browsers[0].look_at(0);
    says(&mut browsers[0], "This call goes on in another tab");
    browsers[0].look_at(1);
    hears_the_other_alone(&mut browsers[0], 0);

    // When that other is closed the first has it again.
    browsers[0].call("Page.navigate", json!({"url": "about:blank"}));
    browsers[0].look_at(0);
    hears_the_other_alone(&mut browsers[0], 0);
}

#[test]
fn a_microphone_that_was_refused_and_then_let_in_is_heard() {
    let scratch = Scratch::new("desk-talk-refused");
    let desks = Desk::two(&scratch);
    let page = page_of(&answered(&desks));
    let mut other = super::browser(&desks[1], "Duty officer", TONES[1], (scratch.path(), &page));
    join(&mut other, "watch");
    let flags = [FLAGS[0], FLAGS[2]].map(String::from);
    let mut browser = Browser::start_whole("talk-refused", &flags, &[]);
    let origin = format!("http://{}", desks[0].address);
    let lets = |browser: &mut Browser, setting: &str| {
        let permission = json!({"permission": {"name": "microphone"}, "setting": setting, "origin": origin});
        browser.call("Browser.setPermission", permission);
    };
    browser.take_link(&desks[0].link("Duty officer", "watch"));
    browser.until("location.pathname === '/lines'");
    lets(&mut browser, "denied");
    browser.open(&format!("{origin}{page}"));
    press(&mut browser, "join");
    browser.until("!!document.querySelector('[data-call]')");
    browser.until(&format!("{SOUND}.length > 20 && !{SOUND}.startsWith('Sound')"));

    lets(&mut browser, "granted");
    press(&mut browser, "leave");
    browser.until("!!document.querySelector('[data-key=join]')");
    press(&mut browser, "join");

    says(&mut browser, "Sound goes both ways");
}

#[test]
fn whoever_is_signed_out_is_taken_out_of_the_call() {
    let scratch = Scratch::new("desk-talk-signed-out");
    let desks = Desk::two(&scratch);
    let page = page_of(&answered(&desks));
    let mut other = super::browser(&desks[1], "Duty officer", TONES[1], (scratch.path(), &page));
    join(&mut other, "watch");
    let mut officer = Client::signed_in(&desks[0], "Duty officer 3", "watch");
    let before = officer.get(&page);
    // Whose browser runs no scripts can be in it for as long, and hears nothing.
    assert!(
        before.body.split("<noscript>").any(|part| part
            .split("</noscript>")
            .next()
            .unwrap()
            .contains("Sound needs a script"))
    );
    let form = before.field("form");
    let early = officer.post(&page, &[("form", &form), ("act", "mute")]);
    let why = "This browser has no place in the call";
    assert!(
        early.status == 409 && [why, "Look at the call"].iter().all(|told| early.body.contains(told)),
        "{}",
        early.body
    );
    let said = officer.post(&page, &[("form", &form), ("act", "join"), ("part", "watch")]);
    assert_eq!(said.status, 303, "{}", said.body);
    let ours = || desks[0].station.get("/talks?on=Northland%201").unwrap()["ours"].as_array().unwrap().len();
    wait("the officer", || (ours() == 1).then_some(()));

    let clock = counterpart::clock::Clock::system();
    let begun = clock.moment();
    assert_eq!(officer.post("/sign-out", &[("form", &form)]).status, 303);
    wait("nobody", || (ours() == 0).then_some(()));

    // Who does not come back for another reason is taken out after twenty seconds.
    assert!(clock.moment().ms_since(begun) < 15_000);
}
