//! Several tabs of one officer: which of them are live, and that what is done in one is known in all.

use serde_json::json;

use crate::Desk;
use crate::ring::RINGS;
use crate::scratch::Scratch;

const LIVE: &str = "document.readyState === 'complete' && document.querySelector('[data-live]').textContent === 'live'";

#[test]
fn of_many_tabs_the_newest_are_live_the_others_say_that_they_are_not_and_none_starves() {
    let scratch = Scratch::new("desk-tabs");
    let [north, _south] = Desk::two(&scratch);
    let mut browser = north.browser_of_tabs("Duty officer 1");
    let lines = format!("http://{}/lines", north.address);
    for _ in 1..8 {
        browser.tab();
        browser.open(&lines);
        browser.until(LIVE);
    }

    // Eight tabs and six connections: a page is still drawn, and the first says what it is.
    browser.look_at(0);
    browser.until("document.body.classList.contains('dead') && document.querySelector('.strip.dead h2').textContent === 'This page is not live.'");
    let board = "[...document.querySelectorAll('.board .state')].map((e) => e.textContent)";
    assert_eq!(browser.look(board), json!(["Not known"]), "the board says OPEN of no line");
    browser.picture("not-live-tab", 1280, "light");
    browser.picture("not-live-tab", 390, "dark");
    // A live one that was held up says for a moment that it is lost; one that gave way stays so.
    for tab in 4..8 {
        browser.look_at(tab);
        browser.until("!document.body.classList.contains('dead')");
    }
    for tab in 0..4 {
        browser.look_at(tab);
        assert_eq!(browser.look("document.body.classList.contains('dead')"), json!(true), "{tab}");
    }

    // Come back to, the first is live again, and the oldest of the others gives way.
    browser.look_at(0);
    browser.front();
    browser.until(&format!(
        "{LIVE} && !document.body.classList.contains('dead') && !document.querySelector('.strip.dead')"
    ));
    browser.look_at(4);
    browser.until("document.body.classList.contains('dead')");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn what_is_put_off_in_one_tab_rings_in_no_other_tab_of_that_officer() {
    let scratch = Scratch::new("desk-tabs-defer");
    let [north, south] = Desk::two(&scratch);
    let mut browser = south.browser_of_tabs("Duty officer 2");
    browser.tab();
    browser.open(&format!("http://{}/lines", south.address));
    browser.until(LIVE);
    let form = json!({"act": "ask", "from": "minister", "to": "minister"});
    assert_eq!(north.station.post("/acts", &form).unwrap().0, 200);
    for tab in [0, 1] {
        browser.look_at(tab);
        browser.until(RINGS);
    }

    browser.look_at(0);
    browser.until(
        "(key => key ? (key.click(), true) : false)(document.querySelector('.ring [data-key*=\"code=ENGAGED\"]'))",
    );

    browser.look_at(1);
    browser.until("!!document.querySelector('.ring.quiet') && document.querySelector('.ring h1').textContent.includes('not signed yet')");
    assert_eq!(browser.look("document.querySelectorAll('.ring .codes button').length"), json!(0));
    browser.picture("ring-put-off", 1280, "light");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn words_that_have_lost_their_form_stay_to_be_copied_on_a_page_that_says_it_is_not_live() {
    let scratch = Scratch::new("desk-tabs-kept");
    let [north, _south] = Desk::two(&scratch);
    let form = json!({"act": "ask", "from": "minister", "to": "minister"});
    assert_eq!(north.station.post("/acts", &form).unwrap().0, 200);
    let mut browser = north.browser_of_tabs("Duty officer 1");
    browser.until("!!document.querySelector('.matter a')");
    let href = browser.look("document.querySelector('.matter a').href").as_str().unwrap().to_owned();
    browser.open(&href);
    browser.until(LIVE);
    browser.tab_to("textarea[name=words]");
    browser.write("Half a sentence");
    for _ in 0..4 {
        browser.tab();
        browser.open(&format!("http://{}/lines", north.address));
        browser.until(LIVE);
    }
    browser.look_at(0);
    browser.until("document.body.classList.contains('dead')");
    let (status, told) = north.station.post("/acts", &json!({"act": "withdraw", "on": "Northland 1"})).unwrap();
    assert_eq!(status, 200, "{told}");

    browser.front();

    browser.until("!!document.querySelector('.strip.dead') && document.querySelector('.strip.dead').textContent.includes('stays here to be copied')");
    assert_eq!(browser.look("document.querySelector('textarea[name=words]').value"), json!("Half a sentence"));
    let dead = "document.body.classList.contains('dead') && document.querySelector('h1').textContent.startsWith('Not live since')";
    assert_eq!(browser.look(dead), json!(true), "nothing old is shown as live");
    browser.picture("not-live-kept", 1280, "light");
}

#[test]
fn an_open_page_follows_what_others_do_and_the_answer_to_a_form_is_never_called_old() {
    let scratch = Scratch::new("desk-tabs-others");
    let [north, south] = Desk::two(&scratch);
    let act = |desk: &Desk, form: serde_json::Value| {
        let (status, told) = desk.station.post("/acts", &form).unwrap();
        assert_eq!(status, 200, "{told}");
    };
    act(&north, json!({"act": "ask", "from": "minister", "to": "minister"}));
    let mut browser = south.browser("Duty officer 2");
    browser.until("!!document.querySelector('.matter a')");
    let href = browser.look("document.querySelector('.matter a').href").as_str().unwrap().to_owned();
    browser.open(&href);
    browser.until(LIVE);
    browser.look("window.same = true");

    assert_eq!(south.station.post("/banner", &json!({"banner": "SOUTHLAND · SECRET"})).unwrap().0, 200);

    let banners = "[...document.querySelectorAll('.page .banner')].map((e) => e.textContent).join() === 'SOUTHLAND · SECRET,SOUTHLAND · SECRET'";
    browser.until(banners);
    assert_eq!(browser.look("window.same"), json!(true), "set by another session, and drawn without a reload");

    // Half-written words keep the page as it is, and its key is pressed after a colleague's.
    browser.tab_to("textarea[name=words]");
    browser.write("By telephone");
    act(&south, json!({"act": "answer", "on": "Northland 1"}));
    browser.until("document.querySelector('[data-live]').classList.contains('stale')");
    browser.until("(key => key && !key.disabled ? (key.click(), true) : false)(document.querySelector('[data-key^=\"act=answer\"]'))");
    browser.until("document.querySelector('main h1')?.textContent === 'Not signed.' && document.querySelector('main textarea')?.value === 'By telephone'");
    act(&north, json!({"act": "text", "from": "minister", "to": "minister", "words": {"text": "Thank you"}}));
    browser.until("document.querySelector('.four').textContent.includes('text')");
    let head = "[document.querySelector('[data-live]').textContent, document.querySelector('[data-live]').className, document.querySelector('main h1').textContent]";
    browser.until(LIVE);
    assert_eq!(
        browser.look(head),
        json!(["live", "", "Not signed."]),
        "what was not done stays so, and is no old page"
    );
    browser.complaints.retain(|line| !line.contains("status of 409"));
    assert_eq!(browser.complaints, Vec::<String>::new());
}
