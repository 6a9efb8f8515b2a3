//! Acts that have a page of their own: offering times, texts.

use serde_json::json;

use crate::browser::Browser;
use crate::scratch::Scratch;
use crate::{Desk, heading};

/// Puts a value into a field of a form, as a person would by any means.
fn fill(page: &mut Browser, name: &str, value: &str) {
    // As a person's hand does, so that the page knows that something is being typed.
    page.look(&format!(
        "(field => {{ field.value = `{value}`; field.dispatchEvent(new Event('input', {{ bubbles: true }})); }})(document.querySelector('[name=\"{name}\"]'))"
    ));
}

#[test]
fn two_times_are_offered_shown_on_both_clocks_and_one_is_taken() {
    let scratch = Scratch::new("desk-offer");
    let [north, south] = Desk::two(&scratch);
    let words = json!({"text": "Interpreters for Thursday"});
    let form = json!({"act": "ask", "from": "minister", "to": "minister", "mark": "EXERCISE", "words": words});
    assert_eq!(north.station.post("/acts", &form).unwrap().0, 200);
    let mut offers = south.browser("Duty officer 2");
    offers.until("document.getElementById('bell-dialog').open && !!document.querySelector('.ring [accesskey=n]')");
    offers.press("s");
    offers.until(&format!("location.pathname.includes('/requests/') && {}", heading("Seen")));
    offers.tab_to("a[href$='/offer']");
    offers.press("Enter");
    offers.until("location.pathname.endsWith('/offer')");
    let later = |n: usize| format!("document.querySelector('[name=day-1]').options[{n}].value");
    for (row, from, until) in [(1, "10:00", "10:30"), (2, "15:00", "15:30")] {
        let day = offers.look(&later(2)).as_str().unwrap().to_owned();
        fill(&mut offers, &format!("day-{row}"), &day);
        fill(&mut offers, &format!("from-{row}"), from);
        fill(&mut offers, &format!("until-{row}"), until);
    }
    let by = offers.look(&later(1)).as_str().unwrap().to_owned();
    fill(&mut offers, "by-day", &by);
    fill(&mut offers, "by-time", "18:00");
    offers.look("document.querySelector('button[value=show]').focus()");
    offers.press("Enter");
    offers.until("document.querySelectorAll('.band .win').length === 2 && document.querySelectorAll('.wn:not(.off)').length === 2");
    offers.picture("offer", 1280, "light");
    offers.picture("offer", 390, "dark");
    assert_eq!(north.station.get("/requests/Northland%201").unwrap()["offers"], json!([]), "showing signs nothing");
    offers.tab_to("button[value=offer]");
    offers.press("Enter");
    offers.until("location.pathname.includes('/requests/') && !location.pathname.endsWith('/offer')");
    offers.until(&heading("We offer 2 times"));

    let mut takes = north.browser("Duty officer 1");
    takes.until("document.getElementById('bell-dialog').open && !!document.querySelector('.ring [accesskey=\"2\"]')");
    takes.picture("ring-offer", 1280, "light");
    takes.press("2");
    takes.until("location.pathname.includes('/requests/')");

    takes.until(&heading("Agreed"));
    offers.until(&heading("Agreed"));
    takes.picture("request-agreed", 390, "light");
    // A ring that ends while its page reports it is no longer one: the station answers 409, and the browser says so.
    let mut complaints = [takes.complaints.clone(), offers.complaints.clone()].concat();
    complaints.retain(|line| !(line.contains("/rang") && line.contains("409")));
    assert_eq!(complaints, Vec::<String>::new());
}

#[test]
fn a_text_is_written_on_one_desk_and_read_on_the_other_by_a_key() {
    let scratch = Scratch::new("desk-text");
    let [north, south] = Desk::two(&scratch);
    let [mut writes, mut reads] = [north.browser("Duty officer 1"), south.browser("Duty officer 2")];
    for page in [&mut writes, &mut reads] {
        page.tab_to("nav a[href$='/texts']");
        page.press("Enter");
        page.until("location.pathname.endsWith('/texts')");
    }
    writes.tab_to("textarea[name=words]");
    writes.write("Position at 09:40: 54\u{b0}12\u{2032} N. Nineteen people on board, <none> injured.");
    writes.tab_to("button[value=text]");
    writes.press("Enter");

    reads.until("document.querySelector('h1').textContent === 'One text to read.'");
    reads.until("document.querySelector('.msg .body').textContent.includes('<none> injured')");
    writes.until("document.querySelector('.msg') && document.querySelector('.msg').textContent.includes('not read')");
    reads.picture("texts", 1280, "light");
    reads.picture("texts", 390, "dark");
    reads.tab_to("button[data-key^=read]");
    reads.press("Enter");

    writes.until("document.querySelector('.msg').textContent.includes('Read by their side')");
    reads.until("document.querySelector('h1').textContent.includes('Nothing waits to be read')");
    assert_eq!([writes.complaints.clone(), reads.complaints.clone()].concat(), Vec::<String>::new());
}
