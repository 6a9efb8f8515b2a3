//! Who is not signed in and is let into a call by a link: what they can do there, and that they can do nothing else.

use serde_json::{Value, json};

use super::{THEM_TOO, THIRD, TONES, answered, browser, join, level, mute, page_of, press, until, with_tone};
use crate::Desk;
use crate::browser::Browser;
use crate::door::{Answer, Client};
use crate::processes::wait;
use crate::programs::Program;
use crate::scratch::Scratch;

/// Every address of the desk, as its router has them.
const ROUTER: &str = include_str!("../../../src/web/router.rs");
/// Those that are open to whoever calls, and those of a place itself.
const OPEN: [&str; 8] = [
    "/",
    "/sign-in",
    "/link/{token}",
    "/let-in/{token}",
    "/place",
    "/place/offer",
    "/place/live",
    "/static/{version}/{name}",
];

/// The link that the page shows on which it was made.
fn link_on(page: &str) -> String {
    let shown = page.split("data-key=\"link\">").nth(1).unwrap_or_else(|| panic!("no link: {page}"));
    shown.split('<').next().unwrap().to_owned()
}

/// Makes a link on the page of the call, as the form there does, and stays on it.
pub fn link_for(watch: &mut Browser, part: &str) -> String {
    let key = format!("document.querySelector('[data-key=let-in-{part}]')");
    watch.until(&format!("!!{key}"));
    let made = format!(
        "fetch({key}.form.action, {{ method: 'POST', body: new URLSearchParams(new FormData({key}.form, {key})) }}).then((r) => r.text())"
    );
    link_on(watch.look(&made).as_str().unwrap())
}

/// Opens the link and presses its one button.
pub fn come_by(guest: &mut Browser, link: &str) {
    guest.open(link);
    guest.look("document.querySelector('button.main').click()");
    guest.until("location.pathname === '/place' && !!document.querySelector('[data-key=join]')");
}

#[test]
fn a_principal_without_an_account_comes_by_a_link_is_held_until_the_watch_moves_them_and_is_taken_out() {
    let scratch = Scratch::new("desk-talk-guest");
    let desks = Desk::two(&scratch);
    let page = page_of(&answered(&desks));
    let mut watch = browser(&desks[0], "Duty officer", TONES[0], (scratch.path(), &page));
    let mut them = browser(&desks[1], "Duty officer", TONES[1], (scratch.path(), &page));
    join(&mut watch, "watch");
    join(&mut them, "principal");
    press(&mut watch, "through");
    press(&mut them, "through");
    watch.until("document.querySelectorAll('.hold').length === 2 && !!document.querySelector('.dur [data-since]')");

    // The key opens the link in a tab of its own: the call goes on, and shows that one waits.
    watch.look("window.same = true");
    press(&mut watch, "let-in-interpreter");
    watch.until("window.same && document.querySelectorAll('.waiting li').length === 1");
    watch.touch("document.querySelector('.waiting button').click()");
    watch.until("window.same && !document.querySelector('.waiting') && !!document.querySelector('[data-call]')");

    let link = link_for(&mut watch, "principal");
    let mut guest = with_tone(THIRD, scratch.path());
    come_by(&mut guest, &link);
    guest.look("document.querySelector('[data-echo]:checked')?.click()");
    press(&mut guest, "join");
    guest.until("document.querySelector('[data-sound]').textContent.startsWith('Sound goes both ways')");
    let heard = |browser: &mut Browser| level(browser, THEM_TOO, THIRD);
    guest.until("document.querySelector('h1').textContent.includes('You are on hold')");
    watch.until("document.querySelector('[data-key=hold-1]')?.disabled");
    assert!(heard(&mut them) < -70.0, "on hold nobody hears them, though both sides are through");

    press(&mut watch, "line-1");
    until("the guest, by the other side", &mut them, |them| heard(them) > -45.0);
    until("the other side, by the guest", &mut guest, |guest| level(guest, super::THEM, TONES[1]) > -45.0);
    guest.until("document.querySelector('h1').textContent.includes('You are through')");
    guest.reload();
    guest.until("document.querySelector('[data-sound]')?.textContent.startsWith('Sound goes both ways')");
    until("the guest, by the other side, after a reload", &mut them, |them| heard(them) > -45.0);
    mute(&mut guest, true);
    until("the guest, muted", &mut them, |them| heard(them) < -70.0);

    press(&mut watch, "remove-1");
    guest.until("document.querySelector('main h2')?.textContent === 'The watch has taken your place back'");
    guest.until("!document.querySelector('[data-call]') && !document.body.dataset.position");
    assert_eq!(guest.look("document.querySelectorAll('nav, a[href^=\"/lines\"], main a').length"), json!(0));
    for browser in [&watch, &them, &guest] {
        assert_eq!(browser.complaints, Vec::<String>::new());
    }
}

/// A call in which a watch is, without any browser, and one who came by a link.
struct Held<'a> {
    desks: &'a [Desk; 2],
    page: String,
}

impl Held<'_> {
    /// Somebody of ours comes in, for the 20 s that their browser may take: so the call stays.
    fn hold(&self) {
        let form = json!({"on": "Northland 1", "part": "watch"});
        self.desks[0].station.post("/talks/let-in", &form).unwrap();
    }

    fn people(&self) -> Value {
        self.desks[0].station.get("/talks?on=Northland%201").unwrap()
    }

    fn link(&self, watch: &mut Client<'_>, part: &str) -> Answer {
        let form = watch.get(&self.page).field("form");
        watch.post(&self.page, &[("form", &form), ("act", "let-in"), ("part", part)])
    }
}

/// The addresses of the desk that are neither open nor of a place, with something in each gap.
fn others(page: &str) -> Vec<String> {
    let (line, request) = page.split_once("/calls/").map(|(line, request)| (&line[7..], request)).unwrap();
    let all: Vec<&str> = ROUTER.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(all.len() > 40 && OPEN.iter().all(|open| all.contains(open)), "{all:?}");
    let filled = |path: &&str| {
        let filled = path.replace("{line}", line).replace("{request}", request).replace("{entry}", "0:1");
        filled.replace("{round}", "1").replace("{number}", "1")
    };
    all.iter().filter(|path| !OPEN.contains(path)).map(filled).collect()
}

/// The calls of programs, as the document has them; it is read by whoever calls.
fn calls(guest: &mut Client<'_>) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&guest.get("/api/v1/openapi.json").body).unwrap();
    let methods = |(path, methods): (&String, &Value)| {
        let closed = |(_, call): &(&String, &Value)| call["security"] != json!([]);
        let methods = methods.as_object().unwrap().iter().filter(closed);
        methods.map(|(method, _)| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
    };
    document["paths"].as_object().unwrap().iter().flat_map(methods).collect()
}

/// The cookie of a place, under either name, opens nothing but the place, and is no token.
fn opens_nothing_else(held: &Held<'_>, guest: &mut Client<'_>, form: &str) {
    let desk = &held.desks[0];
    let port = desk.address.rsplit(':').next().unwrap();
    let secret = guest.cookies().split(&format!("counterpart-{port}-place=")).nth(1).unwrap()[..64].to_owned();
    let session = format!("counterpart-{port}={secret}");
    let (bearer, origin) = (format!("Bearer {secret}"), format!("http://{}", desk.address));
    let headers = [("cookie", session.as_str()), ("authorization", &bearer), ("origin", &origin)];
    let body = serde_urlencoded::to_string([("form", form), ("act", "end")]).unwrap();
    for path in others(&held.page) {
        held.hold();
        for method in ["GET", "POST"] {
            let answer = guest.send(method, &path, &body, &headers);
            let to = answer.header("location").unwrap_or_default().to_owned();
            let is_door = answer.status == 303 && to.starts_with("/sign-in");
            // The live stream alone has an address that takes no form at all.
            let is_shut = [401, 403].contains(&answer.status) || (answer.status, answer.body.as_str()) == (405, "");
            // A stream says only that whoever asks for it has no session.
            let is_over =
                path == "/live" && answer.body.contains("\"ended\":true") && !answer.body.contains("position");
            assert!(is_door || is_shut || is_over, "{method} {path}: {} {to}", answer.status);
        }
    }
    let calls = calls(guest);
    assert!(calls.len() > 30, "{calls:?}");
    for (method, path) in calls {
        held.hold();
        let answer = guest.send(&method, &format!("/api/v1{path}"), "{}", &headers);
        assert!([401, 403, 429].contains(&answer.status), "{method} {path}: {}", answer.status);
    }
    assert_eq!(guest.get("/place").status, 200, "the place is as it was");
}

#[test]
fn who_was_let_in_by_a_link_can_do_nothing_but_come_in_be_muted_and_leave_and_opens_no_other_page() {
    let scratch = Scratch::new("desk-talk-place");
    let desks = Desk::two(&scratch);
    let held = Held { desks: &desks, page: page_of(&answered(&desks)) };
    held.hold();
    let mut watch = Client::signed_in(&desks[0], "Duty officer", "watch");
    let mut auditor = Client::signed_in(&desks[0], "Inspector", "auditor");
    assert_eq!(held.link(&mut auditor, "principal").status, 403);
    assert_eq!(held.link(&mut watch, "watch").status, 400);
    let link = link_on(&held.link(&mut watch, "principal").body);
    let path = link.split(&desks[0].address).nth(1).unwrap().to_owned();
    let [mut guest, mut other] = [(); 2].map(|()| Client::new(&desks[0]));

    // No GET takes it, nor a form of elsewhere; it is taken once.
    assert_eq!([guest.get(&path).status, other.get(&path).status, guest.get("/place").status], [200, 200, 410]);
    assert_eq!(guest.post(&path, &[("form", "00")]).status, 403);
    guest.enter(&link);
    let form = other.get("/sign-in").field("form");
    assert_eq!([other.post(&path, &[("form", &form)]).status, other.get("/place").status], [410, 410]);
    let place = guest.get("/place");
    let tells = ["Northland 1<", "/lines", "Duty officer"].iter().any(|told| place.body.contains(told));
    assert!(place.status == 200 && !tells, "{}", place.body);
    let form = place.field("form");
    opens_nothing_else(&held, &mut guest, &form);

    // Each act of a place, and none of the watch. Whoever held the call meanwhile has every seat until their twenty seconds are over.
    let has_free = || (held.people()["ours"].as_array()?.len() < 4).then_some(());
    wait("a free seat", has_free);
    // The others' time is over within a second too: one more holds the call while the guest comes in and is in it.
    held.hold();
    wait("another free seat", has_free);
    assert_eq!(guest.post("/place", &[("act", "join")]).status, 403, "without the token of its forms");
    assert_eq!(guest.post("/place", &[("form", &form), ("act", "join")]).status, 303);
    let before = held.people();
    for act in ["through", "end", "remove 0", "hold 0", "line 1", "aside 0", "let-in", "take-back 1"] {
        let answer = guest.post("/place", &[("form", &form), ("act", act), ("part", "principal"), ("person", "0")]);
        assert_eq!(answer.status, 400, "{act}: {}", answer.body);
    }
    let after = held.people();
    let is_there = |people: &Value| people["ours"].as_array().unwrap().iter().any(|one| one["part"] == "principal");
    assert!(after["through"] == json!([false, false]) && after["standing"] == "open", "{after}");
    assert!(is_there(&before) && is_there(&after), "{before} {after}");
    guest.post("/place", &[("form", &form), ("act", "leave")]);
    assert!(guest.get("/place").body.contains("You have left the call"));
    assert_eq!(guest.post("/place", &[("form", &form), ("act", "join")]).status, 410, "a new link is needed");
}

#[test]
fn who_came_into_a_call_by_a_token_is_taken_out_of_it_when_that_is_revoked() {
    let scratch = Scratch::new("desk-talk-token");
    let desks = Desk::two(&scratch);
    let held = Held { desks: &desks, page: page_of(&answered(&desks)) };
    held.hold();
    let program = Program::new(&desks[0], "Dispatch", "watch");
    let came = program.post("/talks/let-in", &json!({"on": "Northland 1", "part": "interpreter"}));
    assert_eq!((came.status, held.people()["ours"].as_array().unwrap().len()), (200, 2), "{:?}", came.body);

    let clock = counterpart::clock::Clock::system();
    let begun = clock.moment();
    assert_eq!(desks[0].station.post("/tokens/revoke", &json!({"name": "Dispatch"})).unwrap().0, 200);
    wait("the owner's alone", || (held.people()["ours"].as_array()?.len() == 1).then_some(()));

    // Who does not come for another reason is taken out after twenty seconds.
    assert!(clock.moment().ms_since(begun) < 15_000);
}
