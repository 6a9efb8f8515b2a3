//! The desk in a browser, against two real stations that are processes of their own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod acts;
mod browser;
mod certificates;
#[path = "../denied/mod.rs"]
mod denied;
mod door;
mod ended;
mod epochs;
mod events;
mod forms;
mod hooks;
mod hostile;
mod https;
mod keys;
mod languages;
mod load;
#[path = "../program/moved_clock.rs"]
mod moved_clock;
#[path = "../program/namespaces.rs"]
mod namespaces;
#[path = "../pairs/mod.rs"]
mod pairs;
mod pictures;
#[path = "../processes/mod.rs"]
mod processes;
mod programs;
mod proxy;
mod quiet;
mod record;
mod returned;
mod ring;
mod rounds;
#[path = "../scratch/mod.rs"]
mod scratch;
mod sheet;
mod station;
mod story;
mod tabs;
mod talk;
mod terms;
mod tokens;
#[path = "../../../voice/tests/talk/tone.rs"]
mod tone;
mod typing;
mod untold;
mod upkeep;
mod waiting;
mod wide;

use std::path::Path;

use browser::Browser;
use processes::{Process, free_address, pair};
use scratch::Scratch;
use serde_json::{Value, json};

/// A station with a desk.
struct Desk {
    station: Process,
    address: String,
}

impl Desk {
    fn init(parent: &Path, name: &str, call_sign: &str) -> Desk {
        Desk::of(Process::init(parent, name, call_sign, 50))
    }

    /// The desk of a new station.
    fn of(station: Process) -> Desk {
        let address = free_address().to_string();
        let file = station.data.join("counterpart.toml");
        let banner = std::fs::read_to_string(&file).unwrap().replace("banner = \"\"", "banner = \"FOR OFFICIAL USE\"");
        std::fs::write(&file, format!("{banner}\n[desk]\nlisten = \"{address}\"\n")).unwrap();
        Desk { station, address }
    }

    /// Two desks that have no line.
    fn unpaired(scratch: &Scratch) -> [Desk; 2] {
        let mut desks =
            [("north", "Northland"), ("south", "Southland")].map(|(n, sign)| Desk::init(scratch.path(), n, sign));
        desks.iter_mut().for_each(|desk| desk.station.serve());
        desks
    }

    /// Two desks on one line.
    fn two(scratch: &Scratch) -> [Desk; 2] {
        let desks = Desk::unpaired(scratch);
        let [north, south] = &desks;
        pair(&north.station, &south.station);
        desks
    }

    /// A link that signs a new user in once.
    fn link(&self, name: &str, role: &str) -> String {
        let (status, made) = self.station.post("/users", &json!({"name": name, "role": role})).unwrap();
        assert!(status == 200 || made["error"]["code"] == "user-there", "{made}");
        let (_, link) = self.station.post("/users/link", &json!({ "name": name })).unwrap();
        link["url"].as_str().unwrap().to_owned()
    }

    /// A browser in which this user is signed in, by one key.
    fn browser(&self, name: &str) -> Browser {
        let mut browser = self.silent_browser(name);
        arm(&mut browser);
        browser
    }

    /// The same in a whole browser, in which one tab is seen and the others are not.
    fn browser_of_tabs(&self, name: &str) -> Browser {
        let mut browser = self.signed_in(name, Browser::start_whole(&profile(name), &[], &[]));
        arm(&mut browser);
        browser
    }

    /// A browser in which this user is signed in, but nobody has touched the page yet.
    fn silent_browser(&self, name: &str) -> Browser {
        self.signed_in(name, Browser::start(&profile(name)))
    }

    fn signed_in(&self, name: &str, mut browser: Browser) -> Browser {
        browser.open(&self.link(name, "watch"));
        browser.look("document.querySelector('button.main').click()");
        browser.until("location.pathname === '/lines' && document.querySelector('[data-live]').textContent === 'live'");
        browser
    }

    /// Who did the acts of this station, oldest first. All sign in by links of the owner's, and the record says so.
    fn actors(&self) -> Vec<String> {
        let store = rusqlite::Connection::open(self.station.data.join("counterpart.db")).unwrap();
        let mut query = store.prepare("SELECT user FROM actor ORDER BY place").unwrap();
        let actors = query.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
        let owner = format!(" (link by uid {})", rustix::process::geteuid().as_raw());
        let bare = |actor: String| match actor.strip_suffix(&owner) {
            Some(user) => user.to_owned(),
            None if actor.starts_with("token ") => actor,
            None => panic!("{actor} does not say by whose link"),
        };
        actors.map(bare).collect()
    }
}

fn profile(user: &str) -> String {
    format!("browser-{}", user.replace(' ', "-"))
}

/// Arms the bell, if it is not armed.
fn arm(browser: &mut Browser) {
    browser.until("document.querySelector('[data-bell]').textContent !== ''");
    browser.touch("document.querySelector('[data-arm]').click()");
    browser.until("window.counterpartBell.audio.state === 'running' && document.querySelector('[data-bell]').textContent === 'Bell armed'");
}

/// Marks the page: the mark is gone if it is loaded anew.
fn mark(browser: &mut Browser) {
    browser.look("window.same = true");
}

/// The invitation that a page shows, in the field which has the focus.
fn invitation(page: &str) -> String {
    let text = page.split("autofocus data-key=\"invitation\">").nth(1).unwrap().split("</textarea>").next().unwrap();
    text.replace("&#38;", "&").replace("&#60;", "<").replace("&#62;", ">")
}

fn heading(contains: &str) -> String {
    format!("document.querySelector('.page > main h1').textContent.includes(`{contains}`)")
}

/// Asks from the lines with the keyboard alone; ends on the page of the request.
fn ask(browser: &mut Browser, subject: &str) {
    browser.tab_to("a[href='/asks/new']");
    browser.press("Enter");
    browser.until("location.pathname === '/asks/new' && document.activeElement.name === 'subject'");
    browser.write(subject);
    browser.tab_to("button[value=ask]");
    browser.press("Enter");
    browser.until("location.pathname.includes('/requests/')");
}

#[test]
fn what_one_desk_asks_appears_on_the_other_and_is_answered_with_the_keyboard_without_a_reload() {
    let scratch = Scratch::new("desk-ask");
    let [north, south] = Desk::two(&scratch);
    let [mut asks, mut answers] = [north.browser("Duty officer 1"), south.browser("Duty officer 2")];
    mark(&mut answers);

    ask(&mut asks, "Tanker adrift off Cape Orr: a joint tow");
    mark(&mut asks);

    answers.until(&heading("One matter needs this desk"));
    answers.until("document.querySelector('.matter').textContent.includes('Tanker adrift off Cape Orr')");
    assert_eq!(answers.look("window.same"), json!(true), "it drew itself anew and was not loaded");
    for (width, scheme) in [(1280, "light"), (390, "dark")] {
        asks.picture("request-delivered", width, scheme);
    }
    answers.until(
        "document.getElementById('bell-dialog').open && document.activeElement.dataset.key.startsWith('act=seen')",
    );
    answers.press_at_ring("Enter");
    asks.until(&heading("Seen"));
    answers
        .until("location.pathname.includes('/requests/') && document.querySelector('h1').textContent.includes('Seen')");
    answers.picture("request-seen", 1280, "dark");
    answers.picture("request-seen", 390, "light");
    answers.tab_to("nav a[href='/lines']");
    answers.press("Enter");
    answers.until("location.pathname === '/lines'");
    for (width, scheme) in [(1280, "light"), (390, "dark")] {
        answers.picture("lines", width, scheme);
    }
    answers.tab_to(".matter a");
    answers.press("Enter");
    answers.until("location.pathname.includes('/requests/')");
    answers.tab_to("button[data-key^='act=answer']");
    answers.press("Enter");

    asks.until(&heading("Answered"));
    assert_eq!(asks.look("window.same"), json!(true), "the asking page has changed without a reload");
    answers.until(&heading("Answered"));
    asks.picture("request-answered", 1280, "light");
    assert_eq!((north.actors(), south.actors().len()), (vec!["Duty officer 1".to_owned()], 2));
    assert!(south.actors().iter().all(|user| user == "Duty officer 2"));
    assert_eq!([asks.complaints.clone(), answers.complaints.clone()].concat(), Vec::<String>::new());
}

/// From now on the page notes how late its own timers are: on a machine that is held up it can say nothing sooner.
fn notes_lateness(browser: &mut Browser) {
    browser.look("window.late = 0, window.beat = Date.now(), setInterval(() => { const at = Date.now(); late = Math.max(late, at - beat - 100); beat = at; }, 100)");
}

/// What the page says once its station does not answer.
fn is_dead(browser: &mut Browser) {
    browser.until("document.body.classList.contains('dead')");
    let after = browser.look("+document.body.dataset.lostAfter");
    let late = browser.look("window.late ?? 0").as_f64().unwrap();
    let told = format!("it said so {after} ms after it last heard of its station, its timers {late} ms late");
    assert!(after.as_f64().unwrap() < 5_000.0 + late, "{told}");
    assert_eq!(browser.look("[...document.querySelectorAll('main button')].every((b) => b.disabled)"), json!(true));
    // It is as it was when it last heard, not when it noticed.
    let seconds = |of: &str| {
        format!("document.querySelector('{of}').textContent.split(':').reduce((all, n) => all * 60 + +n, 0)")
    };
    let ago =
        browser.look(&format!("({} - {} + 86400) % 86400", seconds(".clock time"), seconds(".strip.dead [data-at]")));
    assert!(ago.as_f64().unwrap() * 1_000.0 > after.as_f64().unwrap() - 1_600.0, "{ago} s ago, after {after} ms");
    assert_eq!(browser.look("document.querySelector('.strip.dead').getAttribute('role')"), json!("alert"));
    let told = browser.look("[document.querySelector('.page > main h1').textContent, document.querySelector('.needs dd, .calm dd').firstChild.textContent]");
    let [heading, needs] = [0, 1].map(|n| told[n].as_str().unwrap().to_owned());
    assert!(heading.starts_with("Not live since") && needs == "Not known", "{told}");
    assert_eq!(browser.look("document.querySelectorAll('main a.key[href]').length"), json!(0), "no key acts");
    let over = "[...document.querySelectorAll('.four > div')].some((cell) => [...cell.querySelectorAll('*')].some((e) => e.getBoundingClientRect().right > cell.getBoundingClientRect().right + 1))";
    assert_eq!(browser.look(over), json!(false), "what one cell says lies over another");
}

#[test]
fn a_page_that_has_lost_its_station_says_so_within_five_seconds_and_goes_on_when_it_is_back() {
    let scratch = Scratch::new("desk-lost");
    let [mut north, south] = Desk::two(&scratch);
    let mut page = north.browser("Duty officer 1");
    ask(&mut page, "Planned ramp on the submarine link");
    page.until(&heading("Delivered"));
    mark(&mut page);
    assert!(page.look("document.querySelectorAll('main a.key[href]').length").as_u64().unwrap() > 0);

    // Killed: the connection breaks.
    north.station.kill();
    is_dead(&mut page);
    page.picture("not-live", 1280, "light");
    let (status, told) = south.station.post("/acts", &json!({"act": "seen", "on": "Northland 1"})).unwrap();
    assert_eq!(status, 200, "{told}");
    north.station.serve();

    page.until(&heading("Seen"));
    page.until("!document.body.classList.contains('dead') && !document.querySelector('.strip.dead')");
    assert_eq!(page.look("window.same"), json!(true), "the page goes on where it was");
    assert_eq!(page.look("[...document.querySelectorAll('main button')].some((b) => !b.disabled)"), json!(true));

    // Stopped without a word: the connection stands, and nothing comes over it.
    let pid = north.station.pid().unwrap().to_string();
    let signal =
        |name: &str| assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    notes_lateness(&mut page);
    signal("-STOP");
    is_dead(&mut page);
    signal("-CONT");
    page.until("!document.body.classList.contains('dead')");
    page.until(&heading("Seen"));
    assert_eq!(page.look("window.same"), json!(true));
}

#[test]
fn an_answer_that_comes_after_its_station_was_lost_makes_no_page_live() {
    let scratch = Scratch::new("desk-late");
    let [mut north, _south] = Desk::two(&scratch);
    let mut page = north.browser("Duty officer 1");
    // The page that it is about to draw has come as a whole, and is handed to it later.
    page.look("(() => { const kept = window.fetch; window.fetch = async (...of) => { const reply = await kept(...of); \
        if (!window.give && of[1]?.headers?.accept === 'text/html') { await reply.clone().text(); await new Promise((then) => { window.give = then; }); } \
        return reply; }; })()");
    assert_eq!(north.station.post("/banner", &json!({"banner": "NORTHLAND · SECRET"})).unwrap().0, 200);
    page.until("!!window.give");

    north.station.kill();
    is_dead(&mut page);
    page.look("(window.give(), new Promise((then) => setTimeout(then, 200)))");

    is_dead(&mut page);
    north.station.serve();
    page.until("!document.body.classList.contains('dead') && !document.querySelector('.strip.dead')");
    page.until("document.querySelector('.page .banner').textContent === 'NORTHLAND · SECRET'");
}

#[test]
fn what_waits_when_its_station_is_killed_is_not_known_and_then_said_not_to_be_sent() {
    let scratch = Scratch::new("desk-unsent");
    let [mut north, _south] = Desk::two(&scratch);
    let mut page = north.browser("Duty officer 1");
    ask(&mut page, "Buoy adrift in the strait");
    page.until(&heading("Delivered"));
    page.press_access("w");
    let bar = |told: &str| format!("document.querySelector('.page > .unsigned').innerText.includes({told:?})");
    page.until(&bar("Withdrawal of Northland 1: not signed yet"));

    north.station.kill();
    page.until(&bar("Withdrawal of Northland 1. It is not known whether this was signed."));
    assert_eq!(page.look(&bar("It is signed at")), json!(false), "nobody vouches for that");
    north.station.serve();

    page.until(&bar("Not signed and not sent: Withdrawal of Northland 1"));
    page.until(&heading("Delivered"));
}

#[test]
fn after_an_outage_a_page_with_typed_words_shows_what_stands_now_and_keeps_the_words() {
    let scratch = Scratch::new("desk-typed");
    let [mut north, south] = Desk::two(&scratch);
    let mut page = north.browser("Duty officer 1");
    ask(&mut page, "Dredger at the lock");
    page.until(&heading("Delivered"));
    page.tab_to("textarea[name=words]");
    page.write("Half a sentence");
    // A page that is written on is drawn as a whole once, when it is back: it hears its station when that holds what stands now.
    page.look("window.kept = EventSource; window.EventSource = class { constructor() { setTimeout(() => this.onerror(), 0); } addEventListener() {} close() {} }; true");
    north.station.kill();
    is_dead(&mut page);
    let (status, told) = south.station.post("/acts", &json!({"act": "seen", "on": "Northland 1"})).unwrap();
    assert_eq!(status, 200, "{told}");
    north.station.serve();
    let rung = || north.station.get("/requests/Northland%201").map(|view| view["reached"]["rung"].clone());
    processes::wait("SEEN", || (rung()? == "SEEN").then_some(()));
    page.look("window.EventSource = window.kept; true");

    page.until("!document.body.classList.contains('dead')");
    page.until(&heading("Seen"));
    let field = "document.querySelector('textarea[name=words]')";
    assert_eq!(page.look(&format!("{field}.value")), json!("Half a sentence"));
    assert_eq!(page.look(&format!("document.activeElement === {field} && {field}.selectionStart")), json!(15));
    assert_eq!(page.complaints.iter().filter(|line| !line.contains("ERR_")).count(), 0, "{:?}", page.complaints);
}

#[test]
fn without_a_script_every_page_reads_and_acts() {
    let scratch = Scratch::new("desk-plain");
    let [north, south] = Desk::two(&scratch);
    let (status, _) = north
        .station
        .post(
            "/acts",
            &json!({"act": "ask", "from": "minister", "to": "minister", "words": {"text": "Fog at the river mouth"}}),
        )
        .unwrap();
    assert_eq!(status, 200);
    let mut page = Browser::start("browser-plain");
    page.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    page.take_link(&south.link("Duty officer 2", "watch"));
    let text = "document.querySelector('main').innerText";
    page.until(&format!("location.pathname === '/lines' && {text}.includes('Northland asks to talk')"));
    assert_eq!(page.look("document.body.classList.contains('scripted')"), json!(false));
    let href = page.look("document.querySelector('.matter a').href");
    page.open(href.as_str().unwrap());

    // The code of a deferral is one key.
    assert_eq!(
        page.look("document.querySelector('meta[http-equiv=refresh]')"),
        json!(null),
        "words are not taken away"
    );
    page.tab_to("button[data-key*='code=ENGAGED']");
    page.press("Enter");

    // It waits five seconds to be signed, which the page says; without a script nothing draws it anew.
    page.until("document.body.innerText.includes('Deferral of Northland 1, ENGAGED: not signed yet')");
    processes::wait("the deferral", || {
        let view = south.station.get("/requests/Northland%201")?;
        (!view["deferrals"].as_array()?.is_empty()).then_some(())
    });
    page.open(href.as_str().unwrap());
    page.until("document.querySelector('h1').textContent.includes('Deferred')");
    let seen: Value = north.station.get("/requests/Northland%201").unwrap();
    assert_eq!(seen["subject"]["text"], "Fog at the river mouth");
}
