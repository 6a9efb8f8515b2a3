//! Every page, and what is said when something is not as it should be.

use counterpart_core::pairing::{End, Standing};
use serde_json::{Value, json};

use super::restored::{self, Pair};
use super::stage::{HOUR, MINUTE, Stage};
use super::viewer::{Scope, Shot, Viewer};
use super::{State, done, file_name, forged, look, look_as, look_in_turn, requests};
use crate::Desk;
use crate::door::Client;
use crate::processes::wait;

type Make = fn(&mut Ceremony) -> usize;

/// Two stations that have no line yet.
pub struct Ceremony {
    pair: Pair,
    invitation: String,
}

impl Ceremony {
    fn desk(&self, side: usize) -> &Desk {
        &self.pair.desks[side]
    }

    fn post(&self, side: usize, path: &str, form: &Value) {
        let (status, told) = self.desk(side).station.post(path, form).unwrap();
        assert_eq!(status, 200, "{path}: {told}");
    }

    fn invite(&mut self) -> usize {
        let (_, told) = self.desk(0).station.post("/pairings/invite", &json!({})).unwrap();
        self.invitation = told["invitation"].as_str().unwrap().into();
        0
    }

    /// Both have digits to compare.
    fn join(&mut self) -> usize {
        self.invite();
        self.post(1, "/pairings/join", &json!({"invitation": self.invitation}));
        [1, 0].into_iter().for_each(|side| drop(self.digits(side)));
        0
    }

    fn digits(&self, side: usize) -> String {
        wait("digits to compare", || {
            let pairings = self.desk(side).station.get("/pairings")?;
            pairings[0]["candidates"][0]["digits"].as_str().map(str::to_owned)
        })
    }

    fn confirm(&self, side: usize) -> usize {
        self.post(side, "/pairings/confirm", &json!({"digits": self.digits(side)}));
        side
    }

    /// The inviter gives it up, and both know.
    fn abandon(&mut self) {
        self.join();
        self.post(0, "/pairings/abandon", &json!({}));
        for side in [0, 1] {
            self.until(side, "ended");
        }
    }

    fn standing(&self, side: usize) -> Value {
        self.desk(side).station.get("/pairings").map_or(Value::Null, |all| all[0]["standing"].clone())
    }

    fn until(&self, side: usize, word: &str) {
        wait(word, || (self.standing(side) == word).then_some(()));
    }
}

// Which of the two desks shows it.
states! { pairings: Standing, Make;
    Standing::Waiting => "waiting", Ceremony::invite;
    Standing::Comparing => "comparing", Ceremony::join;
    Standing::Confirmed => "confirmed", |c| {
        c.join();
        c.confirm(1)
    };
    Standing::Countersigned => "countersigned", |c| {
        c.join();
        c.confirm(1);
        wait("their signature", || {
            let view = c.desk(0).station.get("/pairings")?;
            (view[0]["candidates"][0]["they_confirmed"] == json!(true)).then_some(())
        });
        // The joiner is gone before it can write its index 0.
        c.pair.desks[1].station.kill();
        c.confirm(0)
    };
    Standing::Open => "open", |c| {
        c.join();
        c.confirm(1);
        c.confirm(0)
    };
    Standing::Ended(End::Ours) => "ended", |c| {
        c.abandon();
        0
    };
    Standing::Ended(End::Theirs) => "ended by them", |c| {
        c.abandon();
        1
    };
    Standing::Ended(End::Restored) => "ended by a restore", |c| {
        c.invite();
        c.pair.back_up(0);
        c.pair.desks[0].station.kill();
        c.pair.restore(0);
        0
    };
}

#[test]
fn every_state_of_a_pairing_has_its_picture() {
    let mut viewers = Viewer::all(Scope::asked());
    for (turn, state) in pairings().into_iter().enumerate() {
        let pair = Pair::without_line("pictures-pairing");
        let mut ceremony = Ceremony { pair, invitation: String::new() };
        let side = (state.make)(&mut ceremony);
        let word = state.word.split(' ').next().unwrap();
        if word != "open" {
            ceremony.until(side, word);
        }
        let shot = Shot::of(&file_name("pairing", state.word), "/pairing");
        look_in_turn(&mut viewers, turn, ceremony.desk(side), "admin", &shot);
    }
    done(&viewers);
}

#[test]
fn every_state_of_a_restore_has_its_picture() {
    let mut viewers = Viewer::all(Scope::asked());
    for (turn, state) in restored::waits().into_iter().enumerate() {
        let mut pair = Pair::new("pictures-restored");
        let side = (state.make)(&mut pair);
        pair.until(side, state.word);
        let shot = Shot::of(&file_name("restore", state.word), "/lines");
        look_in_turn(&mut viewers, turn, &pair.desks[side], "watch", &shot);
        if state.word == "judgement" {
            let record = format!("/lines/{}/record", pair.line().as_str().unwrap());
            let mut client = Client::signed_in(&pair.desks[side], "Inspector", "auditor");
            let told = wait("what waits", || {
                let page = client.get(&record).body;
                page.contains("waits for what its author had seen").then_some(page)
            });
            // What they hold of our log and we do not is not called equal.
            assert!(told.contains("the other side may hold more of our log"), "{told}");
            assert!(!told.contains("Equal, entry for entry") && !told.contains("; not that its"), "{told}");
            look(&mut viewers, &pair.desks[side], &Shot::of("record-waits", &record));
        }
    }
    done(&viewers);
}

#[test]
fn a_line_that_cannot_be_read_has_its_picture_and_says_what_to_do() {
    let mut viewers = Viewer::all(Scope::asked());
    let mut pair = Pair::new("pictures-unread");
    pair.damage(0);
    for (name, path) in [("lines", "/lines"), ("morning", "/morning")] {
        look(&mut viewers, &pair.desks[0], &Shot::of(&format!("unread-{name}"), path));
    }
    let browser = &mut viewers[0].browser;
    browser.open(&format!("http://{}/lines", pair.desks[0].address));
    let told = browser.look("document.querySelector('.strip.unread').innerText").as_str().unwrap().to_owned();
    assert!(told.contains("the line with Sundmark") && told.contains("restore a backup"), "{told}");
    let four = browser.look("document.querySelector('.four').innerText").as_str().unwrap().to_owned();
    for part in ["One line cannot be read", "Mend what cannot be read", "Not known"] {
        assert!(four.contains(part), "{part}: {four}");
    }
    let sheet = Client::signed_in(&pair.desks[0], "Inspector", "auditor").get("/morning").body;
    assert!(sheet.contains("One matter waits for this desk: Mend what cannot be read.<"), "{sheet}");
    done(&viewers);
}

/// A round of one ask, as its page sends it.
fn begins_round(stage: &Stage) {
    let mut officer = Client::signed_in(&stage.desks[0], "Duty officer 3", "watch");
    let shown = officer.get("/rounds/new");
    let line = stage.line.to_string();
    let (form, once, to) = (shown.field("form"), shown.field("once"), format!("to-{line}"));
    let fields = [
        ("form", form.as_str()),
        ("once", &once),
        ("act", "ask"),
        ("line", &line),
        (&to, "minister"),
        ("from", "minister"),
        ("subject", "Sightings of drifting mines"),
    ];
    let begun = officer.post("/rounds", &fields);
    assert_eq!(begun.status, 303, "{}", begun.body);
    stage.rest();
    stage.quiet(1);
    stage.rest();
}

#[test]
fn what_an_epoch_broke_off_has_its_pictures_at_the_end_that_restored_nothing() {
    let mut viewers = Viewer::all(Scope::asked());
    let mut pair = Pair::new("pictures-broken");
    pair.ask(0, "Tanker adrift off Cape Orr: a joint tow");
    pair.ask(0, "Notice of a test launch on Thursday");
    pair.restore_and_open();
    let record = format!("/lines/{}/record?epoch=0", pair.line().as_str().unwrap());
    for (turn, (name, path, rings)) in
        [("broken-lines", "/lines", false), ("broken-record", &record, false), ("broken-ring", "/settings", true)]
            .into_iter()
            .enumerate()
    {
        look_in_turn(&mut viewers, turn, &pair.desks[1], "watch", &Shot { rings, ..Shot::of(name, path) });
    }
    done(&viewers);
}

#[test]
fn a_ring_of_every_mark_and_precedence_has_its_picture() {
    let stage = &mut Stage::new("pictures-rings");
    let mut viewers = Viewer::all(Scope::asked());
    let states = requests::marks().into_iter().chain(requests::precedences()).chain([requests::offered_there()]);
    for (turn, state) in states.enumerate() {
        (state.make)(stage);
        let shot = Shot { rings: true, ..Shot::of(&file_name("ring", state.word), "/settings") };
        look_in_turn(&mut viewers, turn, &stage.desks[1], "watch", &shot);
        stage.quiet(1);
    }
    done(&viewers);
}

/// The evening of a duty officer at Northland: matters of both sides in several states, a text, a check.
fn office(name: &str) -> (Stage, String) {
    let mut stage = Stage::new(name);
    let tanker =
        stage.ask("Tanker adrift off Cape Orr: a joint tow", json!({"precedence": "IMMEDIATE", "mode": "voice"}));
    stage.rings(1);
    stage.pass(4 * MINUTE);
    stage.on(1, "seen", &tanker);
    stage.pass(9 * MINUTE);
    stage.act(1, json!({"act": "defer", "on": tanker, "code": "AWAITING-INSTRUCTIONS", "until": stage.at(HOUR)}));
    let launch = stage.asked_by(1, "Notice of a test launch on Thursday", json!({"valid_until": stage.at(20 * HOUR)}));
    stage.on(0, "seen", &launch);
    stage.pass(3 * MINUTE);
    stage.ask("Collision drill", json!({"mark": "EXERCISE"}));
    let words = json!({"text": "Position at 09:40: 54°12′ N, 008°03′ E. Nineteen people on board, none injured.", "language": "en"});
    stage.act(
        1,
        json!({"act": "text", "from": "duty-officer", "to": "duty-officer", "precedence": "PRIORITY", "words": words}),
    );
    stage.act(0, json!({"act": "check", "precedence": "ROUTINE", "mark": "TEST"}));
    stage.pass(2 * MINUTE);
    stage.part();
    stage.alone(0, json!({"act": "withdraw", "on": tanker}));
    stage.alone(1, json!({"act": "answer", "on": tanker}));
    stage.meet();
    stage.quiet(0);
    let words = json!({"text": "Учебный район закрыт до полудня.", "language": "ru"});
    stage.act(
        1,
        json!({"act": "text", "from": "duty-officer", "to": "duty-officer", "precedence": "ROUTINE", "mark": "EXERCISE", "words": words}),
    );
    (stage, launch)
}

/// A page whose stream can be made to say nothing more, as if its station were gone.
const FALLS_SILENT: &str = "window.EventSource = class extends EventSource { constructor(url) { super(url); addEventListener('cut', () => this.close()); } }";

#[test]
fn a_page_that_has_lost_its_station_has_its_picture() {
    let stage = Stage::new("pictures-lost");
    let ask = stage.ask("Tanker adrift off Cape Orr: a joint tow", json!({"precedence": "IMMEDIATE"}));
    let mut viewers = Viewer::all(Scope::asked());
    let pages =
        [("lost-lines", "/lines".to_owned()), ("lost-request", format!("/lines/{}/requests/{ask}", stage.line))];
    std::thread::scope(|scope| {
        for viewer in &mut viewers {
            let (stage, pages) = (&stage, &pages);
            scope.spawn(move || {
                viewer.enter(&stage.desks[0], "watch");
                viewer.browser.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": FALLS_SILENT}));
                for (name, path) in pages {
                    viewer.browser.open(&format!("http://{}{path}", stage.desks[0].address));
                    viewer.browser.look("dispatchEvent(new Event('cut'))");
                    viewer.browser.until("document.body.classList.contains('dead')");
                    viewer.keep(&Shot::of(name, path));
                }
            });
        }
    });
    done(&viewers);
}

#[test]
fn every_page_has_its_picture() {
    let (stage, launch) = office("pictures-pages");
    begins_round(&stage);
    let mut viewers = Viewer::all(Scope::asked());
    let desk = &stage.desks[0];
    let line = format!("/lines/{}", stage.line);
    let pages = [
        ("lines", "/lines".to_owned()),
        ("morning", "/morning".into()),
        ("ask", "/asks/new".into()),
        ("rounds", "/rounds".into()),
        ("round-new", "/rounds/new".into()),
        ("round", "/rounds/1".into()),
        ("offer", format!("{line}/requests/{launch}/offer")),
        ("request", format!("{line}/requests/{launch}")),
        ("texts", format!("{line}/texts")),
        ("record", format!("{line}/record")),
        ("record-narrowed", format!("{line}/record?kind=text&q=people")),
        ("record-nothing", format!("{line}/record?q=submarine")),
        ("entry", format!("{line}/entries/{launch}")),
        ("settings", "/settings".into()),
        ("not-for-this-role", "/users".into()),
        ("no-such-page", "/nowhere".into()),
        ("no-such-line", "/lines/nowhere/record".into()),
    ];
    for (name, path) in pages {
        look(&mut viewers, desk, &Shot::of(&format!("page-{name}"), &path));
    }
    let (_, made) = desk.station.post("/tokens", &json!({"name": "Dispatch", "role": "watch"})).unwrap();
    assert!(made["token"].is_string(), "{made}");
    for (name, path) in
        [("users", "/users"), ("tokens", "/tokens"), ("settings-admin", "/settings"), ("pairing", "/pairing")]
    {
        look_as(&mut viewers, desk, "admin", &Shot::of(&format!("page-{name}"), path));
    }
    look_as(&mut viewers, desk, "auditor", &Shot::of("page-request-auditor", &format!("{line}/requests/{launch}")));
    look_as(&mut viewers, desk, "", &Shot::of("page-sign-in", "/sign-in"));
    done(&viewers);
}

#[test]
fn where_a_person_has_set_their_own_colours_every_state_is_told_by_its_shape() {
    let (stage, launch) = office("pictures-forced");
    let mut viewers = Viewer::all(Scope::Three);
    let viewer = &mut viewers[0];
    viewer.combinations = vec![(1280, "forced"), (390, "forced")];
    viewer.enter(&stage.desks[0], "watch");
    let line = format!("/lines/{}", stage.line);
    let pages = [
        ("lines", "/lines".to_owned()),
        ("request", format!("{line}/requests/{launch}")),
        ("record", format!("{line}/record")),
        ("ask", "/asks/new".into()),
    ];
    for (name, path) in pages {
        viewer.picture(&stage.desks[0], &Shot::of(&format!("forced-{name}"), &path));
    }
    let differs = |one: &str, other: &str, what: &str, of: Option<&str>| {
        let style = |selector: &str| {
            format!(
                "getComputedStyle(document.querySelector(`{selector}`), {}).{what}",
                of.map_or("null".into(), |of| format!("'{of}'"))
            )
        };
        format!("matchMedia('(forced-colors: active)').matches && {} !== {}", style(one), style(other))
    };
    let browser = &mut viewer.browser;
    browser.open(&format!("http://{}{line}/requests/{launch}", stage.desks[0].address));
    for (one, other, what, of) in [
        (".head .prec i.on", ".head .prec i:not(.on)", "backgroundColor", None),
        (".rung.top .bar", ".rung:not(.top) .bar", "backgroundColor", None),
        ("button.main", ".dueacts button:not(.main)", "backgroundColor", None),
    ] {
        assert_eq!(browser.look(&differs(one, other, what, of)), json!(true), "{one} {other} {what}");
    }
    browser.open(&format!("http://{}/lines", stage.desks[0].address));
    for (one, other, what, of) in [
        (".key-line .open .lg", ".key-line .silent .lg", "backgroundColor", Some("::after")),
        (".key-line .open .lg", ".key-line .down .lg", "borderTopLeftRadius", Some("::after")),
        (".four .needs", ".four > div:last-child", "borderTopStyle", None),
    ] {
        assert_eq!(browser.look(&differs(one, other, what, of)), json!(true), "{one} {other} {what}");
    }
    done(&viewers);
}

/// The types of the entries that a page of the record shows.
fn kinds(page: &str) -> Vec<&str> {
    page.split("class=\"typ\">").skip(1).filter_map(|rest| rest.split('<').next()).collect()
}

#[test]
fn what_is_void_or_unknown_is_found_and_a_halted_log_is_said_on_the_page_of_its_record() {
    let mut stage = Stage::new("pictures-record");
    let ask = stage.ask("Tanker adrift off Cape Orr: a joint tow", json!({}));
    stage.on(1, "seen", &ask);
    stage.part();
    let mut viewers = Viewer::all(Scope::asked());
    let record = format!("/lines/{}/record", stage.line);
    let made = std::cell::Cell::new(0);
    let page = |query: &str| {
        made.set(made.get() + 1);
        let mut client = Client::signed_in(&stage.desks[0], &format!("Inspector {}", made.get()), "auditor");
        client.get(&format!("{record}?{query}")).body
    };
    assert_eq!((kinds(&page("standing=void")), kinds(&page("standing=unknown"))), (vec![], vec![]));

    let void = forged::sees_again(&stage, &ask);
    forged::says_what_is_unknown(&stage);

    let (found, unknown) = (page("standing=void"), page("standing=unknown"));
    assert_eq!((kinds(&found), kinds(&unknown)), (vec!["SEEN"], vec!["UNKNOWN 77"]));
    assert!(
        found.contains(&format!("id=\"e{}\"", void.to_string().replace(':', "-"))),
        "the second, not the first: {found}"
    );
    assert!(found.contains("It has been done, by"), "why it is void: {found}");
    let halted = "Their station signed two histories of one log";
    assert!(!page("").contains(halted));
    for (name, query) in [("void", "standing=void"), ("unknown", "standing=unknown")] {
        look(&mut viewers, &stage.desks[0], &Shot::of(&format!("record-{name}"), &format!("{record}?{query}")));
    }

    forged::forks(&stage, &ask);

    let told = page("");
    assert!(told.contains("id=\"halted\"") && told.contains(halted), "{told}");
    assert!(told.contains("Speak with them by another channel"), "a person must, so the desk asks for it: {told}");
    look(&mut viewers, &stage.desks[0], &Shot::of("record-halted", &record));
    look(&mut viewers, &stage.desks[0], &Shot::of("lines-halted", "/lines"));
    done(&viewers);
}
