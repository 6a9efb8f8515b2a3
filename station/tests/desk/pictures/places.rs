//! Every state of a place in a call that somebody has by a link.

use serde_json::json;

use super::calls::{Call, agreed, person, press};
use super::done;
use super::stage::Stage;
use super::viewer::Shot;
use crate::browser::Browser;
use crate::scratch::Scratch;
use crate::talk::guest::{come_by, link_for};

const PARTS: [&str; 3] = ["principal", "interpreter", "note-taker"];

/// The three make a link each, on the page of a call that they are not in, and are shown it.
fn made(call: &mut Call, stage: &Stage) -> [String; 3] {
    call.open(&stage.desks[0]);
    call.each(|at, viewer, page| {
        let fields = format!("{{ form: document.body.dataset.form, act: 'let-in', part: '{}' }}", PARTS[at]);
        viewer.browser.look(&format!(
            "(() => {{ const form = document.createElement('form'); form.method = 'post'; form.action = '{page}'; \
             for (const [name, value] of Object.entries({fields})) {{ const e = document.createElement('input'); \
             [e.type, e.name, e.value] = ['hidden', name, value]; form.append(e); }} document.body.append(form); form.submit(); }})()"
        ));
        viewer.browser.until("!!document.querySelector('[data-key=link]')");
        viewer.keep(&Shot::of("page-let-in", page));
    });
    let link = "document.querySelector('[data-key=link]').value";
    call.viewers.each_mut().map(|viewer| viewer.browser.look(link).as_str().unwrap().to_owned())
}

fn keep(call: &mut Call, name: &str) {
    call.each(|_, viewer, page| viewer.keep(&Shot::of(name, page)));
}

fn of_watch(watch: &mut Browser, keys: [&str; 3]) {
    keys.iter().for_each(|key| press(watch, key));
}

#[test]
fn every_state_of_a_place_in_a_call_has_its_picture() {
    let (stage, scratch) = (Stage::new("pictures-places"), Scratch::new("pictures-places-sound"));
    let page = format!("/lines/{}/calls/{}", stage.line, agreed(&stage));
    let [mut watch, mut them] = [0, 1].map(|at| person(&stage.desks[at], [440, 1_170][at], &page, &scratch));
    for (browser, part) in [(&mut watch, "watch"), (&mut them, "principal")] {
        browser.until("!!document.querySelector('[data-key=join]')");
        browser.look(&format!("document.querySelector('[value={part}]').click()"));
        press(browser, "join");
        browser.until("!!document.querySelector('[data-call]')");
    }
    let mut call = Call::new(&scratch, page.clone());
    let links = made(&mut call, &stage);

    call.each(|at, viewer, _| {
        viewer.browser.call("Network.clearBrowserCookies", json!({}));
        viewer.browser.open(&links[at]);
    });
    keep(&mut call, "page-place-link");
    call.each(|at, viewer, _| come_by(&mut viewer.browser, &links[at]));
    keep(&mut call, "page-place-lobby");
    call.each(|_, viewer, _| {
        press(&mut viewer.browser, "join");
        viewer.browser.until("!!document.querySelector('[data-call]')");
    });
    call.until("document.querySelectorAll('.pers.away').length === 0");
    keep(&mut call, "page-place-held");
    press(&mut watch, "through");
    press(&mut them, "through");
    call.until("document.querySelectorAll('.hold').length === 2 && !!document.querySelector('[data-since]')");
    keep(&mut call, "page-place-through");
    call.until("!!document.querySelector('[data-call]')");

    of_watch(&mut watch, ["remove-1", "remove-2", "remove-3"]);
    call.until("!document.body.dataset.position && !!document.querySelector('.inform h2')");
    keep(&mut call, "page-place-removed");
    call.each(|at, viewer, _| viewer.browser.open(&links[at]));
    keep(&mut call, "page-no-place-link");
    let again = PARTS.map(|part| link_for(&mut watch, part));
    call.each(|at, viewer, _| come_by(&mut viewer.browser, &again[at]));
    watch.look("document.getElementById('ending').open = true");
    press(&mut watch, "end");
    call.until("!document.body.dataset.position && document.querySelectorAll('.inform h2').length === 1");
    keep(&mut call, "page-place-over");
    call.each(|_, viewer, _| {
        viewer.browser.call("Network.clearBrowserCookies", json!({}));
        viewer.browser.open(&format!("http://{}/place", stage.desks[0].address));
    });
    keep(&mut call, "page-no-place");
    done(&call.viewers);
}
