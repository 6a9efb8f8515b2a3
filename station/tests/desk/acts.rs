//! Acts that have a page of their own: offering times, texts.

use serde_json::json;

use crate::browser::Browser;
use crate::door::{Client, entries};
use crate::processes::wait;
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
    let form = json!({"act": "ask", "from": "minister", "to": "duty-officer", "mark": "EXERCISE", "words": words});
    assert_eq!(north.station.post("/acts", &form).unwrap().0, 200);
    let mut offers = south.browser("Duty officer 2");
    offers.until("document.getElementById('bell-dialog').open && !!document.querySelector('.ring [accesskey=n]')");
    offers.press_at_ring("s");
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
    // Nobody has asked to be shown it: what they will read, and the band, follow what is typed.
    offers.until("document.querySelectorAll('.wide .band .win').length === 2 && document.querySelectorAll('.wn:not(.off)').length === 2");
    let read = "document.getElementById('they-read').textContent";
    assert!(offers.look(read).as_str().unwrap().contains("offers 2 times"), "{}", offers.look(read));
    offers.picture("offer", 1280, "light");
    offers.picture("offer", 390, "dark");
    assert_eq!(north.station.get("/requests/Northland%201").unwrap()["offers"], json!([]), "showing signs nothing");
    offers.tab_to("button[value=offer]");
    offers.press("Enter");
    offers.until("location.pathname.includes('/requests/') && !location.pathname.endsWith('/offer')");
    offers.until(&heading("We offer 2 times"));

    let mut takes = north.browser("Duty officer 1");
    let rings = "document.getElementById('bell-dialog').open && !!document.querySelector('.ring [accesskey=\"2\"]')";
    takes.until(rings);
    takes.picture("ring-offer", 1280, "light");
    // A page that was held up while it was looked at takes its station for lost until it hears it again.
    takes.until(rings);
    let posts = "[...document.querySelectorAll('.who4 dd')].slice(0, 2).map((e) => e.firstChild.textContent)";
    assert_eq!(takes.look(posts), json!(["duty-officer", "minister"]), "from their post to ours, whoever asked");
    let keys =
        "[...document.querySelectorAll('.ring .primary button')].map((e) => new URLSearchParams(e.value).get('act'))";
    assert_eq!(takes.look(keys), json!(["seen", "refer", "accept", "accept"]), "what meets the offer, and no more");
    // None of them: a code, in a second step, and back.
    takes.press_at_ring("0");
    takes.until("document.querySelectorAll('.ring .second .codes button').length === 14 && document.querySelector('.ring h1').textContent.includes('None of these times')");
    let on = north.station.get("/requests/Northland%201").unwrap()["offers"][0]["offer"]["at"].clone();
    let all = "[...document.querySelectorAll('.ring .second .codes button')].every((e) => new URLSearchParams(e.value).get('on') === ";
    assert_eq!(takes.look(&format!("{all}{on})")), json!(true), "they decline the offer and not the request");
    takes.picture("ring-decline-offer", 1280, "light");
    takes.picture("ring-decline-offer", 390, "dark");
    takes.press_at_ring("b");
    takes.until("!document.querySelector('.ring .second') && !!document.querySelector('.ring [accesskey=\"2\"]')");
    // What agrees is signed by its second press.
    takes.press_at_ring("2");
    takes.until("!document.querySelector('[data-told]').hidden && document.querySelector('[data-told]').textContent.includes('Press 2 once more')");
    takes.press_at_ring("2");
    takes.until("location.pathname.includes('/requests/')");

    takes.until(&heading("Agreed"));
    offers.until(&heading("Agreed"));
    takes.picture("request-agreed", 390, "light");
    assert_eq!([takes.complaints.clone(), offers.complaints.clone()].concat(), Vec::<String>::new());
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

#[test]
fn what_they_will_read_follows_every_choice_before_it_is_signed() {
    let scratch = Scratch::new("desk-reads");
    let [north, _south] = Desk::two(&scratch);
    let mut page = north.browser("Duty officer 1");
    let reads = |text: &str| {
        format!(
            "document.getElementById('they-read').textContent.includes(`{text}`) && !document.querySelector('[data-reads][aria-busy]')"
        )
    };
    page.open(&format!("http://{}/asks/new", north.address));
    page.until(&reads("PRIORITY. Northland’s duty-officer asks to talk with your duty-officer"));
    page.tab_to("[name=subject]");
    page.write("Ice on the runway");
    page.until(&reads("Subject: “Ice on the runway”"));
    page.look("document.querySelector('[name=precedence][value=FLASH]').click()");
    page.look("document.querySelector('[name=mark][value=EXERCISE]').click()");
    fill(&mut page, "from", "minister");
    page.until(&reads("EXERCISE. FLASH. Northland’s minister asks to talk with your duty-officer"));
    let framed = "document.body.classList.contains('ex') && document.querySelector('.four .markcell b').textContent === 'EXERCISE'";
    assert_eq!(page.look(framed), json!(true), "the frame and the mark of the page are those that are chosen");
    assert_eq!(page.look("document.querySelector('[name=subject]').value"), json!("Ice on the runway"));
    page.until(&reads("The ask stands until someone ends it."));
    page.look("document.querySelector('[name=until][value=at]').click()");
    page.until(&reads("Until when it stands cannot be read yet."));
    fill(&mut page, "time", "23:59");
    page.until(&reads("The ask stands until "));
    page.until(&reads("23:59"));
    page.picture("ask", 1280, "light");
    page.picture("ask", 390, "dark");

    page.open(&format!("http://{}/lines", north.address));
    page.tab_to("nav a[href$='/texts']");
    page.press("Enter");
    page.until("location.pathname.endsWith('/texts')");
    page.until(&reads("ROUTINE. Northland’s duty-officer to your duty-officer"));
    fill(&mut page, "to", "minister");
    page.look("document.querySelector('[name=precedence][value=IMMEDIATE]').click()");
    page.until(&reads("IMMEDIATE. Northland’s duty-officer to your minister"));
    assert_eq!(north.station.get("/requests?all=true").unwrap()[0]["ours"], json!([]), "showing signs nothing");
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn after_an_answer_the_first_keys_are_the_call_and_that_we_talked_and_that_they_did_not_come_is_the_last() {
    let scratch = Scratch::new("desk-answered");
    let [north, south] = Desk::two(&scratch);
    let form = json!({"act": "ask", "from": "minister", "to": "minister", "mark": "EXERCISE"});
    assert_eq!(north.station.post("/acts", &form).unwrap().0, 200);
    crate::processes::wait("the ask", || south.station.get("/requests/Northland%201"));
    let (status, told) = south.station.post("/acts", &json!({"act": "answer", "on": "Northland 1"})).unwrap();
    assert_eq!(status, 200, "{told}");
    let mut page = north.browser("Duty officer 1");

    // What they did rings until a person here takes note; it names what they did, and asks nothing.
    page.until("document.getElementById('bell-dialog').open && document.querySelector('.ring h1').textContent.includes('they talk at once')");
    page.picture("ring-told", 1280, "light");
    let keys = "[...document.querySelectorAll('.ring .primary :is(button, a)')].map((e) => e.accessKey)";
    assert_eq!(page.look(keys), json!(["k", "j", "g"]), "to take note, to talk here, or to ask again");
    page.press_at_ring("k");
    page.until(&format!("location.pathname.includes('/requests/') && {}", heading("Answered")));
    page.until("!document.querySelector('.strip.rings') && !document.title.startsWith('Rings')");
    let order =
        "[...document.querySelectorAll('.dueacts > :is(button, a, details)')].map((e) => e.dataset.key || e.id)";
    let order = page.look(order);
    let order: Vec<&str> = order.as_array().unwrap().iter().filter_map(|key| key.as_str()).collect();
    assert_eq!(order[..2], ["call", "held"], "{order:?}");
    let missed = order.iter().position(|key| key.starts_with("act=missed"));
    let cancel = order.iter().position(|key| *key == "codes-cancel");
    assert!(missed > cancel && cancel.is_some(), "{order:?}");
    page.picture("request-told", 1280, "dark");
    let view = north.station.get("/record").unwrap();
    let kinds: Vec<&str> =
        view["record"]["entries"].as_array().unwrap().iter().filter_map(|e| e["kind"].as_str()).collect();
    assert!(!kinds.contains(&"seen"), "taking note writes nothing: {kinds:?}");
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn a_translation_of_a_text_of_theirs_stands_beside_it_here_alone_and_signs_nothing() {
    let scratch = Scratch::new("desk-translation");
    let [north, south] = Desk::two(&scratch);
    let words = json!({"text": "Танкер дрейфует", "language": "ru"});
    let form = json!({"act": "text", "from": "minister", "to": "minister", "words": words});
    let (_, done) = south.station.post("/acts", &form).unwrap();
    let at = done["entry"]["at"].as_str().unwrap().to_owned();
    crate::processes::wait("the text", || north.station.get("/record").filter(|r| r.to_string().contains(&at)));
    let line = north.station.get("/lines").unwrap()[0]["line"].as_str().unwrap().to_owned();
    let before = entries(&north);
    let mut watch = Client::signed_in(&north, "Duty officer", "watch");
    let form = watch.get("/lines").field("form");
    let path = format!("/lines/{line}/texts/translation");
    let attach = |client: &mut Client<'_>, form: &str, on: &str, language: &str, words: &str| {
        client.post(&path, &[("form", form), ("on", on), ("language", language), ("words", words)]).status
    };

    assert_eq!(attach(&mut watch, &form, &at, "en", "The tanker is drifting <quickly>"), 303);
    assert_eq!(attach(&mut watch, &form, &at, "en", "The tanker drifts"), 303);

    let page = watch.get(&format!("/lines/{line}/texts")).body;
    assert!(page.contains("Танкер дрейфует") && page.contains("The tanker drifts"), "{page}");
    assert!(page.contains("by Duty officer") && page.contains("not part of what they signed"));
    assert!(!page.contains("quickly"), "of one language there is one");
    let mut there = Client::signed_in(&south, "Their officer", "watch");
    assert!(!there.get(&format!("/lines/{line}/texts")).body.contains("drifts"), "nothing of it leaves");
    assert_eq!(entries(&north), before, "nothing is signed");
    let mut reads = Client::signed_in(&north, "Inspector", "auditor");
    assert!(reads.get(&format!("/lines/{line}/texts")).body.contains("The tanker drifts"));
    let auditors = reads.get("/lines").field("form");
    assert_eq!(attach(&mut reads, &auditors, &at, "en", "x"), 403);
    for (on, language, words) in
        [(at.as_str(), "xx", "x"), (at.as_str(), "en", " "), ("0:0", "en", "x"), ("9:9", "en", "x")]
    {
        let status = attach(&mut watch, &form, on, language, words);
        assert!((400..500).contains(&status), "{on} {language} {words}: {status}");
    }
}

/// The value of the first thing on a page that begins so, as a browser reads it.
fn value(html: &str, begins: &str) -> String {
    let rest = html.split(&format!("value=\"{begins}")).nth(1).unwrap_or_else(|| panic!("no {begins}: {html}"));
    format!("{begins}{}", rest.split('"').next().unwrap().replace("&#38;", "&"))
}

#[test]
fn a_deferral_says_until_when_if_that_was_chosen_and_an_offer_is_to_be_answered_before_its_first_window() {
    let scratch = Scratch::new("acts-until");
    let [north, south] = Desk::two(&scratch);
    let ask = json!({"act": "ask", "from": "minister", "to": "minister"});
    assert_eq!(north.station.post("/acts", &ask).unwrap().0, 200);
    let view = wait("the ask", || south.station.get("/requests/Northland%201"));
    let line = format!("/lines/{}", view["line"].as_str().unwrap());
    let page = format!("{line}/requests/{}", view["request"]["at"].as_str().unwrap());
    let mut officer = Client::signed_in(&south, "Duty officer", "watch");
    let shown = officer.get(&page);
    let days = shown.body.split("name=\"until-day\"").nth(1).unwrap();
    let tomorrow = days.split("<option value=\"").nth(2).unwrap().split('"').next().unwrap().to_owned();
    let key = value(&shown.body, "act=defer");
    let fields = [
        ("form", shown.field("form")),
        ("once", shown.field("once")),
        ("key", key),
        ("until-day", tomorrow.clone()),
        ("until-time", "10:30".to_owned()),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();

    let deferred = officer.post(&format!("{line}/acts"), &fields);

    assert_eq!(deferred.status, 303, "{}", deferred.body);
    assert!(officer.get(&page).body.contains(", until "), "what waits to be signed says until when");
    let put_off = wait("the deferral", || {
        let view = north.station.get("/requests/Northland%201")?;
        view["deferrals"][0]["until"].as_str().map(str::to_owned)
    });
    assert_eq!(put_off, format!("{tomorrow}T10:30:00.000Z"));
    let offer = officer.get(&format!("{page}/offer"));
    let (form, once, epoch) = (offer.field("form"), offer.field("once"), offer.field("epoch"));
    let window = [
        ("day-1", tomorrow.as_str()),
        ("from-1", "12:00"),
        ("until-1", "12:30"),
        ("on_silence", "lapses"),
        ("words", "By voice"),
    ];
    let all = [&[("form", form.as_str()), ("once", &once), ("epoch", &epoch), ("act", "offer")][..], &window].concat();
    assert_eq!(officer.post(&format!("{page}/offer"), &all).status, 303);
    let answer_by = wait("the offer", || {
        let view = north.station.get("/requests/Northland%201")?;
        view["offers"][0]["answer_by"].as_str().map(str::to_owned)
    });
    assert_eq!(answer_by, format!("{tomorrow}T12:00:00.000Z"));
    let record = north.station.get("/record?words=true").unwrap();
    let offer = record["record"]["entries"].as_array().unwrap().iter().find(|entry| entry["kind"] == "offer").unwrap();
    assert_eq!(offer["said"]["text"], "By voice");
}

#[test]
fn a_time_that_cannot_be_read_is_answered_beside_its_field_as_people_write_it() {
    let scratch = Scratch::new("desk-time");
    let [north, _south] = Desk::two(&scratch);
    let ask = json!({"act": "ask", "from": "minister", "to": "duty-officer"});
    assert_eq!(north.station.post("/acts", &ask).unwrap().0, 200);
    let view = north.station.get("/requests/Northland%201").unwrap();
    let [line, at] = [&view["line"], &view["request"]["at"]].map(|text| text.as_str().unwrap());
    let page = format!("/lines/{line}/requests/{at}");
    let mut officer = Client::signed_in(&north, "Duty officer 1", "watch");
    let drawn = officer.get(&page);
    let [form, once] = ["form", "once"].map(|name| drawn.field(name));
    let typed = [("day", "today"), ("from", "5:70"), ("until", "06:00"), ("epoch", "0")];
    let fields = [[("form", form.as_str()), ("once", &once)].as_slice(), &typed].concat();

    let wrong = officer.post(&format!("{page}/talk"), &fields).body;

    assert!(wrong.contains("Write the hour and the minute") && !wrong.contains("T12:00:00Z"), "{wrong}");
    let field = wrong.split("name=\"from\" value=\"5:70\"").nth(1).unwrap();
    assert!(field.split('>').next().unwrap().contains("autofocus"), "the pen is where it is wrong");
    assert!(wrong.contains(&format!("action=\"{page}/talk#held\"")), "and so is the page");
    let sought = officer.get(&format!("/lines/{line}/record?since=soon")).body;
    assert!(sought.contains("Write a day, such as") && !sought.contains("T12:00:00Z"), "{sought}");
}
