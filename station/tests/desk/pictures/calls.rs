//! Every state of a talk over the line: before it, in it, and when it is over.

use serde_json::{Value, json};

use super::done;
use super::stage::{HOUR, MINUTE, Stage};
use super::viewer::{Scope, Shot, Viewer};
use crate::Desk;
use crate::browser::Browser;
use crate::processes::pair;
use crate::scratch::Scratch;
use crate::talk::guest::link_for;
use crate::talk::stream::behind;
use crate::talk::{FLAGS, answered, page_of, with_tone};
use crate::tone;

/// A browser that lets no page have its microphone, and one that came by plain HTTP, in so far as a page can know: the browsers of this
/// test reach the desk on the machine itself, where every microphone is let in.
const BARRED: [(&str, &str); 2] = [
    ("refused", "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))"),
    ("no-https", "Object.defineProperty(Navigator.prototype, 'mediaDevices', { value: undefined })"),
];

/// As what each of the three is there.
const PARTS: [&str; 3] = ["watch", "interpreter", "principal"];
const SOUNDS: &str = "document.querySelector('[data-sound]').textContent.length > 20";

pub struct Call {
    pub viewers: [Viewer; 3],
    page: String,
}

impl Call {
    /// Three viewers, each with a tone for a microphone, of which none has opened the page.
    pub fn new(scratch: &Scratch, page: String) -> Call {
        let microphone = scratch.path().join("microphone.wav");
        tone::write(&microphone, 440);
        let mut flags: Vec<String> = FLAGS[..2].iter().map(|flag| String::from(*flag)).collect();
        flags.push(format!("--use-file-for-fake-audio-capture={}", microphone.display()));
        let mut viewers = Viewer::at(Scope::asked(), &flags);
        // A page on which nothing moves would not be laid out anew when its bar is taken away.
        let hidden = json!({"hidden": true});
        viewers
            .iter_mut()
            .for_each(|viewer| drop(viewer.browser.call("Emulation.setScrollbarsHidden", hidden.clone())));
        Call { viewers, page }
    }

    /// All three at the same time.
    pub fn each(&mut self, act: impl Fn(usize, &mut Viewer, &str) + Sync) {
        std::thread::scope(|scope| {
            for (at, viewer) in self.viewers.iter_mut().enumerate() {
                let (act, page) = (&act, self.page.as_str());
                scope.spawn(move || act(at, viewer, page));
            }
        });
    }

    pub fn open(&mut self, desk: &Desk) {
        self.viewers.iter_mut().for_each(|viewer| viewer.enter(desk, "watch"));
        self.each(|_, viewer, page| viewer.browser.open(&format!("http://{}{page}", desk.address)));
    }

    fn join(&mut self) {
        self.each(|at, viewer, _| {
            let page = &mut viewer.browser;
            page.until("!!document.querySelector('[data-key=join]')");
            page.look(&format!("document.querySelector('[value={}]').click()", PARTS[at]));
            page.touch("document.querySelector('[data-key=join]').click()");
            page.until(&format!("!!document.querySelector('[data-call]') && {SOUNDS}"));
        });
        self.until("document.querySelectorAll('.pers.away').length === 0");
    }

    pub fn until(&mut self, is: &str) {
        self.each(|_, viewer, _| viewer.browser.until(is));
    }

    /// Pictures the page as it is open before all three.
    fn keep(&mut self, name: &str) {
        self.each(|_, viewer, page| viewer.keep(&Shot::of(&format!("call-{name}"), page)));
    }
}

pub fn press(page: &mut Browser, key: &str) {
    page.until(&format!("!!document.querySelector('[data-key={key}]:not(:disabled)')"));
    page.touch(&format!("document.querySelector('[data-key={key}]').click()"));
}

/// Our principal is moved to another room.
fn move_principal(page: &mut Browser, room: &str) {
    let row = "[...document.querySelectorAll('.pers:has(.pact)')].find((row) => row.querySelector('b').textContent === 'Principal')";
    page.touch(&format!("{row}.querySelector('[data-key^={room}-]').click()"));
}

/// A time is agreed, and comes in a few minutes.
pub fn agreed(stage: &Stage) -> String {
    let ask = stage.ask("Tanker adrift off Cape Orr: a joint tow", json!({"precedence": "IMMEDIATE"}));
    let window = format!("{}/{}", stage.at(HOUR), stage.at(2 * HOUR));
    let offer = json!({"act": "offer", "on": ask, "windows": [window], "answer_by": stage.at(HOUR / 2)});
    let offer = stage.act(1, offer);
    stage.act(0, json!({"act": "accept", "on": offer, "window": "1"}));
    stage.quiet(1);
    stage.pass(HOUR - 12 * MINUTE);
    ask
}

/// Somebody with this tone, on the page of the call at their desk.
pub fn person(desk: &Desk, hz: u32, page: &str, scratch: &Scratch) -> Browser {
    let mut person = with_tone(hz, scratch.path());
    person.open(&desk.link("Duty officer", "watch"));
    person.look("document.querySelector('button.main').click()");
    person.until("location.pathname === '/lines'");
    person.open(&format!("http://{}{page}", desk.address));
    person
}

#[test]
fn every_state_of_a_talk_over_the_line_has_its_picture() {
    let (stage, scratch) = (Stage::new("pictures-calls"), Scratch::new("pictures-calls-sound"));
    let page = format!("/lines/{}/calls/{}", stage.line, agreed(&stage));
    let mut call = Call::new(&scratch, page.clone());
    call.open(&stage.desks[0]);
    call.keep("lobby");
    for (name, script) in BARRED {
        let source = json!({ "source": script });
        let ids: Vec<Value> = call
            .viewers
            .iter_mut()
            .map(|v| v.browser.call("Page.addScriptToEvaluateOnNewDocument", source.clone()))
            .collect();
        call.open(&stage.desks[0]);
        if name == "refused" {
            call.each(|_, viewer, _| viewer.browser.touch("document.querySelector('[data-test]').click()"));
        }
        call.until("!!document.querySelector('[data-mend]:not([hidden])')");
        call.keep(name);
        for (viewer, id) in call.viewers.iter_mut().zip(&ids) {
            viewer.browser.call("Page.removeScriptToEvaluateOnNewDocument", id.clone());
        }
    }

    let mut them = person(&stage.desks[1], 1_170, &page, &scratch);
    them.until("!!document.querySelector('[data-key=join]')");
    them.look("document.querySelector('[value=principal]').click()");
    press(&mut them, "join");
    them.until("!!document.querySelector('[data-call]')");
    call.open(&stage.desks[0]);
    call.until("!!document.querySelector('.far .pers b')");
    call.keep("they-wait");
    call.join();
    press(&mut them, "through");
    call.until("document.querySelectorAll('.hold').length === 1");
    call.keep("to-be-put-through");

    let link = link_for(&mut call.viewers[0].browser, "interpreter");
    call.until("document.querySelectorAll('.waiting li').length === 1");
    call.keep("let-in");
    assert!(link.contains("/let-in/"));
    press(&mut call.viewers[0].browser, "take-back-1");

    press(&mut call.viewers[0].browser, "through");
    call.until(
        "document.querySelectorAll('.hold').length === 2 && document.querySelectorAll('.far meter').length === 1",
    );
    // Until the plots have something to show.
    std::thread::sleep(std::time::Duration::from_secs(12));
    call.keep("through");
    move_principal(&mut call.viewers[0].browser, "hold");
    call.until("document.querySelectorAll('section:not(.far) > ul .muted').length === 1");
    call.keep("held");
    move_principal(&mut call.viewers[0].browser, "line");

    them.call("Page.navigate", json!({"url": "about:blank"}));
    call.until("!!document.querySelector('.far .pers.away')");
    call.keep("peer-away");
    call.viewers[0].browser.look("document.getElementById('ending').open = true");
    press(&mut call.viewers[0].browser, "end");
    call.until("!document.querySelector('[data-call]')");
    call.keep("over");
    done(&call.viewers);
}

#[test]
fn a_talk_where_only_tcp_passes_has_its_picture() {
    let scratch = Scratch::new("pictures-calls-stream");
    let [(north, _to_north), (south, _to_south)] =
        [("north", "Northland"), ("south", "Sundmark")].map(|(name, sign)| behind(&scratch, name, sign));
    let desks = [north, south];
    pair(&desks[0].station, &desks[1].station);
    let mut call = Call::new(&scratch, page_of(&answered(&desks)));
    call.open(&desks[0]);
    call.join();
    call.until("!!document.querySelector('.explained:not([hidden]) b.attn')");
    std::thread::sleep(std::time::Duration::from_secs(5));
    call.keep("degraded");
    done(&call.viewers);
}
