//! What rings while somebody is in a call: it covers nothing, and everything about it is done without leaving the call.

use serde_json::json;

use super::{THEM, answered, browser, join, page_of};
use crate::processes::wait;
use crate::ring::{RINGS, ask};
use crate::scratch::Scratch;
use crate::{Desk, arm};

#[test]
fn what_rings_during_a_call_stands_beside_it_until_its_person_opens_it_and_flash_alone_covers_it() {
    let scratch = Scratch::new("desk-talk-aside");
    let desks = Desk::two(&scratch);
    let page = page_of(&answered(&desks));
    let mut person = browser(&desks[0], "Duty officer", 440, (scratch.path(), &page));
    arm(&mut person);
    join(&mut person, "watch");
    person.look("window.same = true");
    let rung = |name: &str| {
        let view = desks[0].station.get(&format!("/requests/{name}"))?;
        Some(view["reached"]["rung"].as_str().unwrap_or_default().to_owned())
    };
    let strip = "!document.getElementById('bell-dialog').open && document.querySelector('.strip.rings[data-aside]')?.checkVisibility()";

    ask(&desks[1], "OPERATION");

    person.until(strip);
    person.until("document.querySelector('.strip [data-told-what]').textContent === 'Southland asks to talk.'");
    wait("ALERTING", || (rung("Southland%201")? == "ALERTING").then_some(()));
    person.picture("call-aside", 1280, "light");
    person.picture("call-aside", 390, "dark");
    let gain = "window.counterpartBell.gain.gain.value";
    assert!(person.look(gain).as_f64().unwrap() < 0.1, "who talks hears the other side");
    person.press_access("l");
    person.until(RINGS);
    person.press("Escape");
    person.until(strip);
    person.press_access("l");
    person.press_at_ring("s");
    wait("SEEN", || (rung("Southland%201")? == "SEEN").then_some(()));
    person.until("!document.getElementById('bell-dialog').open && !document.querySelector('.strip.rings')");

    let flash = json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "FLASH"});
    let (status, told) = desks[1].station.post("/acts", &flash).unwrap();
    assert_eq!(status, 200, "{told}");
    person.until(RINGS);
    assert!(person.look(gain).as_f64().unwrap() > 0.2);
    person.press("Escape");
    person.until(strip);

    // All the while the call went on: nothing was loaded anew.
    let goes_on =
        format!("window.same && counterpartEars().length > {THEM} && !!document.querySelector('[data-call]')");
    assert_eq!(person.look(&goes_on), json!(true));
    assert_eq!(person.complaints, Vec::<String>::new());
}
