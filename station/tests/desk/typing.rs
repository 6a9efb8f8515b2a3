//! What somebody is writing: no ring, no outage and no end of a session signs with it or takes it away.

use serde_json::json;

use crate::browser::Browser;
use crate::door::Client;
use crate::processes::wait;
use crate::ring::{RINGS, ask};
use crate::scratch::Scratch;
use crate::{Desk, is_dead};

/// The pause that a key needs is over when the test says so: the machine may be slow, and a person is not.
const HOLD: &str = "(() => { window.kept = window.setTimeout; window.waits = 0;
    window.setTimeout = (then, ms, ...rest) => { if (ms !== 1000) return window.kept(then, ms, ...rest); window.waits += 1; window.paused = then; return 0; }; })()";
const TOLD: &str = "document.querySelector('.ring [data-told]')";
const WORDS: &str = "document.querySelector('.page textarea[name=words]')";

/// A page of this line, live.
fn open(desk: &Desk, browser: &mut Browser, page: &str) {
    let line = desk.station.get("/lines").unwrap()[0]["line"].as_str().unwrap().to_owned();
    browser.open(&format!("http://{}/lines/{line}/{page}", desk.address));
    browser.until("document.querySelector('[data-live]').textContent === 'live'");
}

fn write(browser: &mut Browser, words: &str) {
    browser.look(&format!("{WORDS}.focus()"));
    browser.write(words);
}

fn is_kept(browser: &mut Browser, page: &str, words: &str) {
    browser.until(&format!("location.pathname.endsWith('{page}') && {WORDS}.value === '{words}'"));
}

#[test]
fn who_types_on_when_it_begins_to_ring_signs_nothing_and_goes_on_with_what_was_typed() {
    let scratch = Scratch::new("typing-ring");
    let [north, south] = Desk::two(&scratch);
    let mut page = south.browser("Duty officer 1");
    open(&south, &mut page, "texts");
    write(&mut page, "the cable ");
    page.look(HOLD);
    ask(&north, "OPERATION");
    page.until(RINGS);

    let typed = ["s", "h", "i", "p", " ", "a", "a", "Enter", "f", "r", "1", "3", "0", "d"];
    typed.iter().for_each(|key| page.press(key));

    let told = format!("{TOLD}.textContent.includes('did not count') && !{TOLD}.hidden && {RINGS}");
    page.until(&told);
    // It is still said where the ring is drawn anew.
    page.look("window.ring = document.querySelector('.ring')");
    assert_eq!(south.station.post("/banner", &json!({"banner": "SOUTHLAND · SECRET"})).unwrap().0, 200);
    page.until("document.querySelector('.ring') !== window.ring");
    page.until(&told);
    assert!(page.look("window.waits").as_u64().unwrap() > typed.len() as u64, "each key makes the pause begin anew");
    assert_eq!(page.look("document.querySelector('.ring .second')"), json!(null), "nor is declining near");
    // A pause, and the letter of what goes over the line at once: it is asked for once more.
    page.look("window.paused()");
    page.press("a");
    page.until(&format!("{TOLD}.textContent.includes('Press A once more')"));
    page.picture("ring-twice", 1280, "light");
    page.picture("ring-twice", 390, "dark");
    assert_eq!((south.actors(), is_kept(&mut page, "/texts", "the cable ")), (vec![], ()));
    std::thread::sleep(std::time::Duration::from_millis(600));
    page.press("a");

    page.until("!!document.querySelector('.ring.quiet')");
    assert_eq!(south.actors(), ["Duty officer 1"]);
    page.look("window.setTimeout = window.kept; window.paused()");
    page.press("b");
    page.until("!document.getElementById('bell-dialog').open");
    is_kept(&mut page, "/texts", "the cable ");
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn what_is_put_off_at_a_ring_is_taken_back_on_the_page_where_somebody_writes() {
    let scratch = Scratch::new("typing-undo");
    let [north, south] = Desk::two(&scratch);
    let mut page = south.browser("Duty officer 1");
    open(&south, &mut page, "texts");
    write(&mut page, "the cable ");
    ask(&north, "OPERATION");
    page.until(RINGS);
    page.press_at_ring("3");
    page.until("!document.getElementById('bell-dialog').open && document.querySelector('.page > .unsigned').textContent.includes('ENGAGED')");

    page.look("document.querySelector('.page > .unsigned button').click()");

    page.until(&format!("{RINGS} && !document.querySelector('.page > .unsigned form')"));
    is_kept(&mut page, "/texts", "the cable ");
    assert_eq!(south.actors(), Vec::<String>::new());
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn a_page_that_answers_a_form_goes_on_after_an_outage_as_it_was() {
    let scratch = Scratch::new("typing-answer");
    let [north, mut south] = Desk::two(&scratch);
    ask(&north, "OPERATION");
    wait("the ask", || south.station.get("/requests/Northland%201"));
    let mut page = south.browser("Duty officer 1");
    let at = south.station.get("/requests/Northland%201").unwrap()["request"]["at"].as_str().unwrap().to_owned();
    open(&south, &mut page, &format!("requests/{at}"));
    write(&mut page, "half an hour");
    page.look("(key => { key.value = 'act=accept&on=1:77&epoch=0'; key.click(); })(document.querySelector('form.acts button[name=key]'))");
    page.until("document.querySelector('.page > main h1').textContent === 'Not signed.'");
    assert_eq!(page.look("document.querySelector('#k').value"), json!("half an hour"));
    // It has heard its station. That it rang, or that the other side holds that, may be written before or after it was drawn.
    page.until("['live', document.body.dataset.changed].includes(document.querySelector('[data-live]').textContent)");

    south.station.kill();
    is_dead(&mut page);
    south.station.serve();

    page.until("!document.body.classList.contains('dead') && !document.querySelector('.strip.dead')");
    page.until("document.querySelector('.page > main h1').textContent === 'Not signed.'");
    assert_eq!(page.look("document.querySelector('#k').value"), json!("half an hour"));
    assert_eq!(page.look("document.querySelector('form.kept button').disabled"), json!(false));
    assert_eq!(page.look("document.querySelector('.page > main a.key').getAttribute('href')"), json!("/lines"));
}

#[test]
fn words_outlive_the_session_in_which_they_were_written() {
    let scratch = Scratch::new("typing-ended");
    let [north, _south] = Desk::two(&scratch);
    let mut page = north.browser_of_tabs("Duty officer 1");
    open(&north, &mut page, "texts");
    write(&mut page, "half an hour");
    // What would be sent has been shown: while it is awaited it is pale.
    page.until("!document.querySelector('[data-reads][aria-busy]')");
    let officer = json!({"name": "Duty officer 1"});
    assert_eq!(north.station.post("/users/sign-out", &officer).unwrap().0, 200);

    page.until(
        "!!document.querySelector('.strip.dead a[href=\"/sign-in\"]') && document.body.classList.contains('dead')",
    );
    is_kept(&mut page, "/texts", "half an hour");
    page.picture("session-ended", 1280, "light");
    page.picture("session-ended", 390, "dark");
    // Signed in again elsewhere in this browser, the page goes on, with a form of the new session.
    let (_, link) = north.station.post("/users/link", &officer).unwrap();
    page.tab();
    page.take_link(link["url"].as_str().unwrap());
    page.until("location.pathname === '/lines'");
    page.look_at(0);
    page.front();
    page.until("!document.body.classList.contains('dead') && !document.querySelector('.strip.dead')");
    is_kept(&mut page, "/texts", "half an hour");
    page.tab_to("button[value=text]");
    page.press("Enter");
    page.until(
        "!document.querySelector('.err') && document.querySelector('.thread').textContent.includes('half an hour')",
    );
}

#[test]
fn what_is_taken_back_from_a_page_without_an_address_leads_to_one_that_can_be_read() {
    let scratch = Scratch::new("typing-back");
    let [north, south] = Desk::two(&scratch);
    ask(&north, "OPERATION");
    let view = wait("the ask", || south.station.get("/requests/Northland%201"));
    let (line, on) = (view["line"].as_str().unwrap(), view["request"]["at"].as_str().unwrap());
    let mut client = Client::signed_in(&south, "Duty officer", "watch");
    let shown = client.get(&format!("/lines/{line}/requests/{on}"));
    let (form, once, acts) = (shown.field("form"), shown.field("once"), format!("/lines/{line}/acts"));
    let mut post = |key: String| client.post(&acts, &[("form", &form), ("once", &once), ("key", &key)]);
    assert_eq!(post(format!("act=defer&on={on}&epoch=0&code=ENGAGED")).status, 303);

    let refused = post(format!("act=accept&on={on}&epoch=0&window=7"));

    let number = refused.body.split("/unsigned/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let undone = client.post(&format!("/unsigned/{number}"), &[("form", &form), ("to", &refused.field("to"))]);
    assert_eq!((undone.status, undone.header("location")), (303, Some("/lines")));
    assert_eq!(client.get("/lines").status, 200);
}
