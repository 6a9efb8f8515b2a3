//! The ring: heard in the page's own audio graph, counted only if it sounds, stopped everywhere by the first who acknowledges it.

use serde_json::json;

use crate::browser::Browser;
use crate::door::Client;
use crate::pictures::stage::{MINUTE, Stage};
use crate::processes::wait;
use crate::scratch::Scratch;
use crate::{Desk, arm, heading, profile};

/// What a page is asked for the loudest of these pitches in what leaves it, in decibels.
fn pitch(hz: &[u32]) -> String {
    format!(
        "(() => {{ const b = window.counterpartBell, bins = new Float32Array(b.analyser.frequencyBinCount);
           b.analyser.getFloatFrequencyData(bins);
           const bin = (hz) => Math.round(hz * b.analyser.fftSize / b.audio.sampleRate);
           return Math.max(-1000, ...{hz:?}.map((hz) => Math.max(bins[bin(hz) - 1], bins[bin(hz)], bins[bin(hz) + 1]))); }})()"
    )
}

/// The loudest of them now.
fn loudest(browser: &mut Browser, hz: &[u32]) -> f64 {
    browser.look(&pitch(hz)).as_f64().unwrap_or(-1000.0)
}

/// From now on the page notes by itself that it rings over everything, and the loudest of these pitches: what rings once may be over
/// before it is looked at.
fn notes_rings(browser: &mut Browser, hz: &[u32]) {
    let stands = "document.getElementById('bell-dialog').open && !!document.querySelector('.ring:not(.quiet)')";
    let pitch = pitch(hz);
    browser.look(&format!(
        "window.stood = false, window.heard = -1000, setInterval(() => {{ stood ||= {stands}; heard = Math.max(heard, {pitch}); }}, 20)"
    ));
}

/// A tone stands at about -20 dB; the clicks with which tones begin and end lie far below.
const LOUD: f64 = -35.0;

/// Whether one of these pitches is heard within a while.
fn hears(browser: &mut Browser, hz: &[u32]) -> bool {
    (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(30));
        loudest(browser, hz) > LOUD
    })
}

/// It rings and is drawn: what is told from the stream alone, when the drawing is late, has no key of the ring.
pub const RINGS: &str =
    "document.getElementById('bell-dialog').open && !!document.querySelector('.ring:not(.quiet) .who4')";
const OPERATION: [u32; 2] = [660, 880];
const EXERCISE: [u32; 1] = [330];

pub fn ask(desk: &Desk, mark: &str) {
    let words = json!({"text": "Tanker adrift off Cape Orr"});
    let form = json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "IMMEDIATE", "mark": mark, "words": words});
    let (status, told) = desk.station.post("/acts", &form).unwrap();
    assert_eq!(status, 200, "{told}");
}

fn rung(desk: &Desk, request: &str) -> String {
    let view = desk.station.get(&format!("/requests/{}", request.replace(' ', "%20"))).unwrap();
    view["reached"]["rung"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_ring_fills_both_desks_and_sounds_and_the_first_who_has_seen_it_stops_both() {
    let scratch = Scratch::new("desk-ring");
    let [north, south] = Desk::two(&scratch);
    let [mut first, mut second] = [south.browser("Duty officer 1"), south.browser("Duty officer 2")];
    assert!(!hears(&mut first, &[1_500]), "nothing sounds that is not played");

    ask(&north, "OPERATION");

    for page in [&mut first, &mut second] {
        page.until(RINGS);
        assert!(hears(page, &OPERATION), "the ring is heard");
        assert_eq!(
            page.look("window.counterpartBell.gain.gain.value > 0 && window.counterpartBell.audio.state"),
            json!("running")
        );
        page.until("document.title.startsWith('Rings: OPERATION IMMEDIATE')");
    }
    crate::processes::wait("ALERTING", || (rung(&north, "Northland 1") == "ALERTING").then_some(()));
    let view = north.station.get("/record").unwrap();
    let entries = view["record"]["entries"].as_array().unwrap();
    let alerting: Vec<_> = entries.iter().filter(|e| e["kind"] == "alerting").collect();
    assert_eq!((alerting.len(), &alerting[0]["args"]["channel"]), (1, &json!("desk")), "once, whoever rang first");
    first.picture("ring", 1280, "light");
    second.picture("ring", 390, "dark");

    first.press_at_ring("s");

    first.until("location.pathname.includes('/requests/')");
    second.until("!!document.querySelector('.ring.quiet')");
    second.until("document.querySelector('.ring h1').textContent.includes('Seen by Duty officer 1')");
    second.picture("ring-seen", 1280, "light");
    for page in [&mut first, &mut second] {
        page.until("window.counterpartBell && !document.title.startsWith('Rings')");
        // A tone that had begun may still be in the window of the measure.
        std::thread::sleep(std::time::Duration::from_millis(700));
        wait("silence", || (loudest(page, &OPERATION) <= LOUD).then_some(()));
        assert!(!hears(page, &OPERATION), "it is silent");
    }
    second.press_at_ring("b");
    second.until("!document.getElementById('bell-dialog').open && location.pathname === '/lines'");
    assert_eq!([first.complaints.clone(), second.complaints.clone()].concat(), Vec::<String>::new());
}

#[test]
fn a_bell_that_is_not_armed_shows_the_ring_silent_and_does_not_count_until_it_sounds() {
    let scratch = Scratch::new("desk-silent");
    let [north, south] = Desk::two(&scratch);
    let mut page = south.silent_browser("Duty officer 1");
    page.until("document.querySelector('[data-bell]').textContent === 'Bell not armed' && !document.getElementById('bell-strip').hidden");
    page.picture("lines-unarmed", 1280, "light");

    ask(&north, "EXERCISE");

    page.until(RINGS);
    assert_eq!(page.look("document.querySelector('.ring').classList.contains('ex')"), json!(true));
    page.until("document.querySelector('[data-ringstate]').textContent.includes('silent')");
    wait("DELIVERED", || (rung(&north, "Northland 1") == "DELIVERED").then_some(()));
    // Beats enough for a report to have gone out.
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(rung(&north, "Northland 1"), "DELIVERED", "no device of theirs has confirmed that it rings");
    page.picture("ring-exercise", 1280, "light");
    // A page that was held up while it was looked at takes its station for lost until it hears it again.
    page.until(RINGS);
    assert_eq!(page.ring_out_of_sight(), "");
    page.picture("ring-exercise", 900, "dark");
    page.picture("ring-exercise", 390, "dark");
    page.until(RINGS);

    page.press("x");

    crate::processes::wait("ALERTING", || (rung(&north, "Northland 1") == "ALERTING").then_some(()));
    assert!(hears(&mut page, &EXERCISE));
    assert!(!hears(&mut page, &OPERATION), "an EXERCISE never rings as OPERATION");
    page.until("document.querySelector('[data-ringstate]').textContent.includes('has said so')");
    let codes = "[...document.querySelectorAll('.ring .codes button b')].map((e) => e.textContent)";
    let codes = page.look(codes);
    assert_eq!(
        (codes.as_array().unwrap().len(), &codes[0], &codes[2]),
        (13, &json!("AWAITING-INSTRUCTIONS"), &json!("ENGAGED"))
    );
    // Declining takes two keys, and it rings on between them.
    page.press_at_ring("d");
    page.until("document.querySelectorAll('.ring .second .codes button').length === 14 && document.querySelector('.ring h1').textContent.includes('Decline closes it')");
    assert!(hears(&mut page, &EXERCISE));
    page.picture("ring-decline", 1280, "light");
    assert_eq!(page.ring_out_of_sight(), "");
    page.until("document.activeElement.dataset.step === ''");
    page.press_at_ring("b");
    page.until(
        "!document.querySelector('.ring .second') && document.querySelectorAll('.ring .codes button').length === 13",
    );
    // Not now, with one key.
    page.press_at_ring("1");
    page.until("location.pathname.includes('/requests/') && !!document.querySelector('.unsigned form')");
    // The five seconds are in sight, however long the page is.
    let is_longer = "document.documentElement.scrollHeight > innerHeight";
    assert_eq!((page.look(is_longer), page.out_of_sight(&[".unsigned form"])), (json!(true), String::new()));
    page.until(&heading("Deferred"));

    // What is meant looks meant, also over a page of an EXERCISE.
    assert_eq!(page.look("document.body.classList.contains('ex')"), json!(true));
    ask(&north, "OPERATION");
    page.until(&format!("{RINGS} && document.querySelector('.ring .mark').textContent === 'OPERATION'"));
    let edges =
        "[...document.querySelectorAll('.ring .seen, .ring .mark')].map((e) => getComputedStyle(e).borderTopStyle)";
    assert_eq!(page.look(edges), json!(["solid", "solid"]));
}

#[test]
fn a_ring_whose_drawing_does_not_come_sounds_is_told_from_the_stream_and_counts() {
    let scratch = Scratch::new("desk-bare");
    let [north, south] = Desk::two(&scratch);
    let mut page = south.browser("Duty officer 1");
    page.look(
        "(() => { window.kept = window.fetch;
            window.fetch = (to, ...rest) => String(to).includes('/ring/') ? Promise.reject(new TypeError('no')) : window.kept(to, ...rest); })()",
    );

    ask(&north, "OPERATION");

    page.until("document.getElementById('bell-dialog').open && document.querySelector('.ring h1').textContent === 'Rings: OPERATION IMMEDIATE'");
    assert!(hears(&mut page, &OPERATION));
    crate::processes::wait("ALERTING", || (rung(&north, "Northland 1") == "ALERTING").then_some(()));
    page.picture("ring-bare", 1280, "light");
    page.picture("ring-bare", 390, "dark");
    page.look("window.fetch = window.kept; true");
    page.until(&format!("{RINGS} && document.querySelectorAll('.ring .codes button').length === 13"));
}

#[test]
fn a_ring_on_the_page_of_its_own_matter_is_drawn_there_and_counts_once_it_sounds() {
    let scratch = Scratch::new("desk-own");
    let [north, south] = Desk::two(&scratch);
    let mut page = south.silent_browser("Duty officer 1");
    ask(&north, "OPERATION");
    page.until(RINGS);
    page.look("document.querySelector('.ring .note a').click()");
    page.until("location.pathname.includes('/requests/') && !!document.querySelector('.strip.rings')");

    page.until("document.querySelector('.strip.rings').textContent.includes('Rings: OPERATION IMMEDIATE')");
    // What rings, by whom, and which key ends it.
    for told in ["Northland asks to talk.", "Ends with Seen (S)"] {
        page.until(&format!("document.querySelector('.strip.rings').textContent.includes('{told}')"));
    }
    assert_eq!(page.look("document.getElementById('bell-dialog').open"), json!(false), "it covers nothing");
    wait("DELIVERED", || (rung(&north, "Northland 1") == "DELIVERED").then_some(()));
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(rung(&north, "Northland 1"), "DELIVERED", "it is drawn, and silent");
    assert!(page.look("document.querySelector('.strip.rings').textContent").as_str().unwrap().contains("silent"));
    page.picture("request-rings", 1280, "light");
    page.until("!!document.querySelector('.strip.rings')");
    page.press("x");

    crate::processes::wait("ALERTING", || (rung(&north, "Northland 1") == "ALERTING").then_some(()));
    assert!(hears(&mut page, &OPERATION));
    page.until("document.querySelector('.strip.rings').textContent.includes('has said so')");
    page.picture("request-rings", 390, "dark");
    page.tab_to("button[data-key^='act=seen']");
    page.press("Enter");
    page.until(&heading("Seen"));
    page.until("!document.querySelector('.strip.rings') && !document.title.startsWith('Rings')");
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn a_deferral_rings_once_at_whoever_asked_and_stays_to_be_read() {
    let scratch = Scratch::new("desk-briefly");
    let [north, south] = Desk::two(&scratch);
    ask(&north, "EXERCISE");
    crate::processes::wait("the ask", || south.station.get("/requests/Northland%201"));
    let mut page = north.browser("Duty officer 1");
    notes_rings(&mut page, &EXERCISE);
    let defer = json!({"act": "defer", "on": "Northland 1", "code": "TRAVELLING"});
    assert_eq!(south.station.post("/acts", &defer).unwrap().0, 200);

    page.until(&format!("stood && heard > {LOUD}"));
    page.until("!!document.querySelector('.ring.quiet')");
    page.until("document.querySelector('.ring h1').textContent.includes('defers Northland 1')");
    page.picture("ring-briefly", 1280, "light");
    page.press_at_ring("b");
    page.until("!document.getElementById('bell-dialog').open");
    page.open(&format!("http://{}/lines", north.address));
    arm(&mut page);
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(page.look("document.getElementById('bell-dialog').open"), json!(false), "it has been told");
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn why_no_device_here_confirmed_that_it_rings_is_said_at_this_desk_and_not_at_the_other() {
    let stage = Stage::new("desk-unheard");
    let ask = stage.ask("Tanker adrift off Cape Orr", json!({"precedence": "FLASH"}));
    let path = format!("/lines/{}/requests/{ask}", stage.line);
    let alerting = |side: usize, name: &str| {
        let page = Client::signed_in(&stage.desks[side], name, "auditor").get(&path).body;
        page.split(">ALERTING</p>").nth(1).unwrap().split("</div>").next().unwrap().to_owned()
    };
    stage.pass(5 * MINUTE);
    let nobody = alerting(1, "Inspector 1");
    assert!(nobody.contains("No device here has confirmed that it rings. No page of this desk was open."), "{nobody}");

    let mut page = stage.desks[1].silent_browser("Duty officer 1");
    page.until("document.getElementById('bell-dialog').open");
    stage.pass(5 * MINUTE);
    let silent = alerting(1, "Inspector 2");
    for part in ["No page of this desk was open until ", "03:10:04", "No bell of an open page was armed."] {
        assert!(silent.contains(part), "{part}: {silent}");
    }
    page.until("document.getElementById('bell-dialog').open");
    page.press("x");
    crate::processes::wait("ALERTING", || (rung(&stage.desks[1], "Northland 1") == "ALERTING").then_some(()));
    let late = alerting(1, "Inspector 3");
    // That it has rung is not that it rings.
    assert!(late.contains("A device here has confirmed that it rings."), "{late}");
    assert!(late.contains("No bell of an open page was armed until ") && late.contains("03:15:04"), "{late}");

    stage.rest();
    let theirs = alerting(0, "Their inspector");
    assert!(!theirs.contains("this desk") && theirs.contains("after "), "they read that it rang, and when: {theirs}");
}

#[test]
fn what_was_seen_late_and_put_off_says_so_with_its_entries_and_wants_an_answer_first() {
    let stage = Stage::new("desk-put-off");
    let ask = stage.ask("Tanker adrift off Cape Orr", json!({"precedence": "FLASH"}));
    stage.pass(6 * MINUTE);
    let path = format!("/lines/{}/requests/{ask}", stage.line);
    let page =
        |side: usize, name: &str, path: &str| Client::signed_in(&stage.desks[side], name, "watch").get(path).body;
    let rung = |page: &str, name: &str| {
        let row = page.split(&format!("<p class=\"name\">{name}</p>")).next().unwrap().rsplit("<li class=\"").next();
        let bar = page.split(&format!("<p class=\"name\">{name}</p>")).nth(1).unwrap().split("</li>").next().unwrap();
        (row.unwrap().split('"').next().unwrap().to_owned(), bar.to_owned())
    };
    let waits = rung(&page(1, "Officer 1", &path), "SEEN");
    assert!(!waits.0.contains("late") && waits.1.contains("time over, noted in"), "{waits:?}");

    stage.on(1, "seen", &ask);
    let until = stage.at(9 * 60 * MINUTE);
    stage.act(1, json!({"act": "defer", "on": ask, "code": "TRAVELLING", "until": until}));

    let record = stage.desks[0].station.get("/record").unwrap();
    let entries = record["record"]["entries"].as_array().unwrap();
    let overdue = entries.iter().find(|e| e["kind"] == "overdue").unwrap()["entry"]["at"].as_str().unwrap().to_owned();

    for (side, name) in [(0, "Their officer"), (1, "Officer 2")] {
        let page = page(side, name, &path);
        let seen = rung(&page, "SEEN");
        assert!(seen.0.contains("late") && seen.1.contains("late, noted in"), "{seen:?}");
        let link = format!("#e{}\"", overdue.replace(':', "-"));
        assert!(seen.1.contains(&link), "the OVERDUE that Northland wrote ({overdue}): {seen:?}");
        assert!(!rung(&page, "DELIVERED").1.contains("late"), "what came in time is not late");
    }
    let ours = page(1, "Officer 3", &path);
    // 12:14 of this day in Seoul is 22:14 of the day before in New York.
    let promised = "we said: until 12:14 Sundmark, Tue 12 Feb 22:14 Northland";
    assert!(ours.contains(promised), "{ours}");
    assert!(page(1, "Officer 4", "/lines").contains(promised), "the page of the lines says it too");
    assert!(page(0, "Their officer 2", &path).contains("they said: until"));
    let keys: Vec<&str> = ours.split("data-key=\"act=").skip(1).map(|key| key.split('&').next().unwrap()).collect();
    assert_eq!(keys.first(), Some(&"answer"), "{keys:?}");
    let done = ours.split("<p class=\"dashed\"><b>Seen</b>").nth(1).unwrap();
    assert!(done.starts_with("It has been done, by Sundmark #"), "{done}");
    assert!(!ours.contains("id=\"codes-defer\" open"), "what is put off is put off again only by a second step");
}

#[test]
fn the_ring_of_an_answer_that_crossed_our_withdrawal_says_that_nothing_is_agreed() {
    let mut stage = Stage::new("desk-ring-crossed");
    let ask = stage.ask("Interpreters for Thursday", json!({}));
    stage.part();
    stage.alone(0, json!({"act": "withdraw", "on": ask}));
    let answer = stage.alone(1, json!({"act": "answer", "on": ask}));
    stage.meet();

    let page =
        Client::signed_in(&stage.desks[0], "Officer 1", "watch").get(&format!("/lines/{}/ring/{answer}", stage.line));

    let headline = page.body.split("<h1").nth(1).unwrap().split("</h1>").next().unwrap();
    assert!(headline.contains("Sundmark answers Northland 1") && headline.contains("nothing is agreed"), "{headline}");
}

/// The ringback of a telephone, and the pips before it.
const RINGING: [u32; 1] = [425];
const TRYING: [u32; 1] = [620];

#[test]
fn whoever_asked_hears_pips_until_a_device_of_theirs_has_confirmed_that_it_rings_and_then_that_it_rings() {
    let scratch = Scratch::new("desk-ringback");
    let [north, south] = Desk::two(&scratch);
    let mut asker = north.browser("Duty officer 1");
    // It starts before the ask: what one hears who asked ends two minutes after it.
    let other = Browser::start(&profile("Duty officer 2"));
    let words = json!({"text": "Tanker adrift off Cape Orr"});
    let form = json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "PRIORITY", "words": words});
    let (_, told) = north.station.post("/acts", &form).unwrap();
    let view = north.station.get("/requests/Northland%201").unwrap();
    asker.open(&format!(
        "http://{}/lines/{}/requests/{}",
        north.address,
        view["line"].as_str().unwrap(),
        told["entry"]["at"].as_str().unwrap()
    ));
    arm(&mut asker);
    asker.until("document.querySelector('[data-progress=trying]:not([hidden])')?.textContent.startsWith('The pips that you hear')");
    assert!(hears(&mut asker, &TRYING));
    assert!(!hears(&mut asker, &RINGING), "nothing rings there yet");
    wait("DELIVERED", || (rung(&north, "Northland 1") == "DELIVERED").then_some(()));

    // Their desk opens, and its bell is armed.
    let mut other = south.signed_in("Duty officer 2", other);
    arm(&mut other);
    other.until(RINGS);
    asker.until("!!document.querySelector('[data-progress=ringing]:not([hidden])')");
    assert_eq!(rung(&north, "Northland 1"), "ALERTING");
    assert!(hears(&mut asker, &RINGING));
    assert!(!hears(&mut asker, &TRYING), "it says one thing at a time");
    // It rang before that bell was armed; the tone of arming is over by now.
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(hears(&mut other, &OPERATION), "what it says that it rings is heard");

    // A person can stop it; what was seen rings no more in any case.
    asker.look("document.querySelector('[data-hush]').click()");
    asker.until("!document.querySelector('[data-progress]:not([hidden])')");
    assert_eq!(south.station.post("/acts", &json!({"act": "seen", "on": "Northland 1"})).unwrap().0, 200);
    asker.until("!document.querySelector('[data-progress]')");
    assert!(!hears(&mut asker, &RINGING));
}

/// From now on what is fetched of a ring comes to the page when the test lets it.
const HELD: &str = "(() => { const get = window.fetch; window.held = []; \
                    window.fetch = async (to, how) => { const reply = await get(to, how); \
                    if (String(to).includes('/ring/')) await new Promise((done) => window.held.push(done)); return reply; }; })()";

#[test]
fn a_ring_that_stops_while_its_drawing_is_on_its_way_is_drawn_as_it_stands_then() {
    let stage = Stage::new("desk-ring-late");
    let mut page = stage.desks[1].browser("Duty officer");
    let ask = stage.ask("Tanker adrift off Cape Orr", json!({}));
    page.until("!!document.querySelector('#bell-dialog[open] .ring:not(.quiet)')");

    // Something else moves the record while it rings, and it is drawn anew; meanwhile a colleague answers.
    page.look(HELD);
    stage.act(1, json!({"act": "memo", "words": {"text": "The pilot has been told."}}));
    page.until("held.length > 0");
    stage.act(1, json!({"act": "answer", "on": ask}));
    page.until("counterpartBell.now() === null");
    page.look("held.forEach((done) => done()); window.held = { push: (done) => done() }; true");

    page.until("!!document.querySelector('#bell-dialog[open] .ring.quiet')");
    assert_eq!(page.complaints, Vec::<String>::new());
}
