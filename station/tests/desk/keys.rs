//! Access keys: with Alt each does what is printed on it, and of one page no two are alike.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::scratch::Scratch;
use crate::{Desk, ask, heading, mark};

/// Of everything on the page, or on what fills the screen, that has an access key: the letter, what is printed, and the words.
const KEYS: &str = "[...(document.querySelector('dialog[open]') || document).querySelectorAll('[accesskey]')].filter((e) => e.checkVisibility())
    .map((e) => [e.accessKey.toLowerCase(), e.querySelector('kbd')?.textContent.toLowerCase() ?? '', e.innerText.replace(/\\s+/g, ' ')])";

/// Each letter is printed on its key, and stands on one alone. The letters.
fn letters(page: &mut Browser) -> BTreeSet<String> {
    let keys: Vec<[String; 3]> = serde_json::from_value(page.look(KEYS)).unwrap();
    let at = page.look("location.pathname");
    let mut known = BTreeSet::new();
    for [letter, printed, words] in keys {
        assert_eq!(letter, printed, "{at}: “{words}” has another letter printed on it");
        assert!(known.insert(letter.clone()), "{at}: two keys have the letter {letter}, one of them “{words}”");
    }
    known
}

fn has(page: &mut Browser, wanted: &[&str]) {
    let known = letters(page);
    assert!(wanted.iter().all(|letter| known.contains(*letter)), "{known:?} of {wanted:?}");
}

/// Presses it, and waits for what it does.
fn press(page: &mut Browser, letter: &str, then: &str) {
    page.press_access(letter);
    page.until(then);
}

/// The same of a key that sends something: the page that is sent from may show what was done before the next takes its place, and
/// what comes is pressed on that.
fn sends(page: &mut Browser, letter: &str, then: &str) {
    mark(page);
    press(page, letter, &format!("!window.same && ({then})"));
}

/// The same of a key that sends nothing and stays on the page: pressed while the page is being drawn anew it does nothing, or what it
/// did is gone, and it is pressed again, as a person does.
fn leads(page: &mut Browser, letter: &str, to: &str) {
    for _ in 0..40 {
        page.press_access(letter);
        if page.glance(to) == json!(true) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    panic!("{letter} does not lead to {to}");
}

fn opened(details: &str) -> String {
    format!("document.getElementById('codes-{details}').open")
}

/// The lines, and asking.
fn asked(asks: &mut Browser) {
    has(asks, &["n"]);
    press(asks, "n", "location.pathname === '/asks/new' && document.activeElement.name === 'subject'");
    has(asks, &["s", "v", "l"]);
    press(asks, "l", "location.pathname === '/lines'");
    press(asks, "n", "location.pathname === '/asks/new' && document.activeElement.name === 'subject'");
    asks.write("Buoy adrift");
    press(
        asks,
        "v",
        "location.pathname === '/asks' && document.querySelector('.willread').textContent.includes('Buoy adrift')",
    );
    press(asks, "s", "location.pathname.includes('/requests/')");
}

/// The ring, over a page that has keys of its own.
fn rung(rings: &mut Browser, south: &Desk) {
    let stands = "document.getElementById('bell-dialog').open && !!document.querySelector('.ring .who4') \
        && !('early' in document.getElementById('bell-dialog').dataset)";
    rings.until(stands);
    has(rings, &["s", "f", "a", "r", "n", "d", "1"]);
    press(rings, "d", "!!document.querySelector('.ring .second')");
    letters(rings);
    rings.until(stands);
    press(rings, "b", "!!document.querySelector('.ring') && !document.querySelector('.ring .second')");
    rings.until(stands);
    press(rings, "n", "location.pathname.endsWith('/offer')");
    rings.open(&format!("http://{}/lines", south.address));
    rings.until(stands);
    press(
        rings,
        "s",
        "location.pathname.includes('/requests/') && document.querySelector('h1').textContent.includes('Seen')",
    );
}

/// The request, at the side that is asked.
fn looked_at(rings: &mut Browser) {
    has(rings, &["f", "a", "r", "n", "t", "d", "c", "o"]);
    for (letter, codes) in [("n", "defer"), ("d", "decline")] {
        let was = rings.look(&opened(codes));
        press(rings, letter, &format!("{} !== {was}", opened(codes)));
    }
    // A browser that lets no page copy: then the lines are chosen, which is said.
    rings.look("Object.defineProperty(navigator, 'clipboard', { configurable: true, value: undefined })");
    leads(rings, "c", "document.querySelector('[data-copied]').textContent !== ''");
    rings.look("window.print = () => { window.isPrinted = true; }");
    press(rings, "o", "window.isPrinted === true");
    sends(rings, "f", &heading("Referred"));
    press(rings, "t", "location.pathname.endsWith('/offer')");
    has(rings, &["v", "w", "s"]);
    press(rings, "w", "!!document.querySelector('[name=from-3]')");
    rings.look("document.querySelector('[name=from-1]').value = '12:00'");
    press(rings, "v", "document.querySelector('[name=from-1]').value === '12:00' && !!document.querySelector('.err')");
}

#[test]
fn with_alt_each_key_of_the_lines_the_asking_the_ring_and_the_request_does_what_is_printed_on_it() {
    let scratch = Scratch::new("desk-access-keys");
    let [north, south] = Desk::two(&scratch);
    let [mut asks, mut rings] = [north.browser("Duty officer 1"), south.browser("Duty officer 2")];

    asked(&mut asks);
    rung(&mut rings, &south);
    asks.until(&heading("Seen"));
    looked_at(&mut rings);

    // The same at the side that asks: what closes can be taken back.
    asks.until(&heading("Referred"));
    has(&mut asks, &["e", "p", "w"]);
    sends(&mut asks, "p", "!!document.querySelector('button[data-key^=\"act=resume\"]')");
    sends(&mut asks, "p", "!!document.querySelector('button[data-key^=\"act=suspend\"]')");
    sends(&mut asks, "e", "document.querySelectorAll('table.att tbody tr').length === 2");
    sends(&mut asks, "w", "!!document.querySelector('.takeback [accesskey=u]')");
    sends(&mut asks, "u", "!document.querySelector('.takeback')");
    assert_eq!(asks.look("document.querySelector('h1').textContent.includes('Withdrawn')"), json!(false));

    // Answered: the talk is what comes next, or asking again.
    rings.open(&format!("http://{}{}", south.address, request(&south)));
    rings.until("document.querySelector('[data-live]').textContent === 'live'");
    sends(&mut rings, "a", &heading("Answered"));
    leads(&mut rings, "h", "location.hash === '#held'");
    assert_eq!(rings.out_of_sight(&["form[action$='/talk#held'] button"]), "", "the form that says so is gone to");
    asks.until(&heading("Answered"));
    press(&mut asks, "n", "location.pathname === '/asks/new'");
    assert_eq!([asks.complaints.clone(), rings.complaints.clone()].concat(), Vec::<String>::new());
}

/// The page of the only request.
fn request(desk: &Desk) -> String {
    let view = desk.station.get("/requests/Northland%201").unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    format!("/lines/{}/requests/{}", text(&view["line"]), text(&view["request"]["at"]))
}

/// The door has no stream that would say anew what time it is.
#[test]
fn the_date_of_a_page_that_stays_open_goes_on_at_midnight() {
    let scratch = Scratch::new("desk-midnight");
    let mut north = Desk::init(scratch.path(), "north", "Northland");
    north.station.serve();
    let mut page = Browser::start("browser-midnight");
    page.open(&format!("http://{}/sign-in", north.address));
    let dates = page.look("document.querySelector('[data-days]').dataset.days.split('|').slice(1)");
    let shown = "document.querySelector('[data-days]').textContent";
    assert_eq!(page.look(shown), dates[0]);

    page.look("document.body.dataset.told = '', document.body.dataset.now = new Date(Date.parse(document.body.dataset.now) + 864e5).toISOString()");

    page.until(&format!("{shown} === {}", dates[1]));
}

#[test]
fn of_no_page_two_access_keys_are_alike_and_each_is_printed_on_its_key() {
    let scratch = Scratch::new("desk-letters");
    let [north, _south] = Desk::two(&scratch);
    let mut page = Browser::start("browser-letters");
    page.open(&north.link("Head of watch", "admin"));
    letters(&mut page);
    page.look("document.querySelector('button.main').click()");
    page.until("location.pathname === '/lines'");
    ask(&mut page, "Buoy adrift");
    let own = request(&north);
    let line = own.split("/requests/").next().unwrap().to_owned();

    let of_line = ["record", "texts", "entries/0:0", "entries/0:1"].map(|rest| format!("{line}/{rest}"));
    let others =
        ["/morning", "/settings", "/users", "/tokens", "/pairing", "/rounds", "/rounds/new", "/asks/new", "/nothing"];
    let mut seen = 0;
    for path in of_line.iter().map(String::as_str).chain(others).chain([own.as_str()]) {
        page.open(&format!("http://{}{path}", north.address));
        seen += letters(&mut page).len();
    }

    assert!(seen > 25, "{seen} keys: the script that finds them has failed");
}
