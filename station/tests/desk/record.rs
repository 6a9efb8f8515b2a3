//! The record as a page: both logs side by side, what crossed, what is looked for, and an entry as it was signed.

use serde_json::{Value, json};

use crate::Desk;
use crate::processes::wait;
use crate::scratch::Scratch;
use crate::station::browser;

/// An act by the command socket; the name of its entry.
fn act(desk: &Desk, form: &Value) -> String {
    let (status, done) = desk.station.post("/acts", form).unwrap();
    assert_eq!(status, 200, "{done}");
    done["entry"]["at"].as_str().unwrap().to_owned()
}

fn sizes(desk: &Desk) -> Vec<u64> {
    let lines = desk.station.get("/lines").unwrap();
    lines[0]["logs"].as_array().unwrap().iter().map(|log| log["size"].as_u64().unwrap()).collect()
}

/// Both hold the same.
fn even(desks: &[Desk; 2]) {
    let [north, south] = desks;
    wait("even records", || (sizes(north) == sizes(south)).then_some(()));
}

/// A line on which an ask was seen, another was withdrawn and answered at the same time, and texts were written.
fn story(scratch: &Scratch) -> [Desk; 2] {
    let mut desks = Desk::two(scratch);
    let [north, south] = &desks;
    let ask = |subject: &str| {
        let words = json!({"text": subject});
        json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "IMMEDIATE", "words": words})
    };
    act(north, &ask("Tanker adrift off Cape Orr"));
    wait("the ask", || south.station.get("/requests/Northland%201"));
    act(south, &json!({"act": "seen", "on": "Northland 1"}));
    let words = json!({"text": "Nineteen people on board, <none> injured"});
    act(south, &json!({"act": "text", "from": "minister", "to": "minister", "words": words}));
    act(north, &ask("Interpreters for Thursday"));
    wait("the second ask", || south.station.get("/requests/Northland%202"));
    even(&desks);
    // Neither hears of what the other does on the second.
    let [north, south] = &mut desks;
    south.station.kill();
    act(north, &json!({"act": "withdraw", "on": "Northland 2"}));
    north.station.kill();
    south.station.serve();
    act(south, &json!({"act": "answer", "on": "Northland 2"}));
    north.station.serve();
    wait("CROSSED", || {
        let view = north.station.get("/requests/Northland%202")?;
        (view["outcome"] == "CROSSED").then_some(())
    });
    even(&desks);
    desks
}

#[test]
fn both_logs_stand_side_by_side_with_what_each_entry_had_seen_and_an_entry_opens_as_it_was_signed() {
    let scratch = Scratch::new("desk-record");
    let [north, _south] = story(&scratch);
    let mut page = browser(&north, "Inspector", "auditor");
    page.tab_to("nav a[href$='/record']");
    page.press("Enter");

    page.until("document.querySelectorAll('.rec.us').length > 2 && document.querySelectorAll('.rec.them').length > 2");
    // Every entry of both logs is drawn once; the page may be drawn anew while the last receipts come.
    let all = || sizes(&north).iter().sum::<u64>();
    let crossing = "[...document.querySelectorAll('.crossed')].find(e => e.innerText.includes('WITHDRAW'))";
    let crossed = wait("what crossed", || {
        let all = format!("document.querySelectorAll('.ent').length === {} ? {crossing}?.innerText : null", all());
        page.glance(&all).as_str().map(str::to_owned)
    });
    for part in ["WITHDRAW", "ANSWER", "Neither side had seen the other’s entry", "nothing is agreed", "To the request"]
    {
        assert!(crossed.contains(part), "{part}: {crossed}");
    }
    let seen = "[...document.querySelectorAll('.rec.them')].find(e => e.querySelector('.typ')?.textContent === 'SEEN')?.innerText";
    let seen = wait("what was seen", || page.glance(seen).as_str().map(str::to_owned));
    assert!(seen.contains("had seen up to Northland 1"), "{seen}");
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")] {
        page.picture("record", width, scheme);
    }

    page.look("[...document.querySelectorAll('.ent')].find(e => e.querySelector('.typ').textContent === 'TEXT').querySelector('.eh a').focus()");
    page.press("Enter");
    page.until("location.pathname.includes('/entries/') && document.querySelector('.ok').textContent === 'The signature holds.'");
    let text = page.look("document.querySelector('main').innerText").as_str().unwrap().to_owned();
    assert!(text.contains("Attested: the digest") && text.contains("<none> injured"), "{text}");
    for (width, scheme) in [(1280, "light"), (390, "dark")] {
        page.picture("entry", width, scheme);
    }
    let at = page.look("location.pathname.split('/').pop()").as_str().unwrap().to_owned();
    let bytes = page.look(
        "fetch(document.querySelector('a[download]').href).then(r => r.arrayBuffer()).then(b => [...new Uint8Array(b)])",
    );
    let bytes: Vec<u8> = serde_json::from_value(bytes).unwrap();
    let store = rusqlite::Connection::open(north.station.data.join("counterpart.db")).unwrap();
    let (party, index) = at.split_once(':').unwrap();
    let sql =
        "SELECT bytes FROM entry JOIN log ON log.no = place >> 40 WHERE party = ?1 AND place & 1099511627775 = ?2";
    let stored: Vec<u8> =
        store.query_row(sql, [party.parse::<i64>().unwrap(), index.parse::<i64>().unwrap()], |row| row.get(0)).unwrap();
    assert_eq!(bytes, stored, "what is downloaded is what was signed");
    page.tab_to("a[accesskey=e]");
    page.press("Enter");
    page.until(&format!("!location.pathname.endsWith('{at}') && !!document.querySelector('.ok')"));
    assert_eq!(page.complaints, Vec::<String>::new());
}

#[test]
fn the_record_is_narrowed_by_type_side_request_time_and_words_without_a_script() {
    let scratch = Scratch::new("desk-narrow");
    let [north, _south] = story(&scratch);
    let mut page = crate::Browser::start("browser-narrow");
    page.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    page.take_link(&north.link("Inspector", "auditor"));
    page.until("location.pathname === '/lines'");
    let record = page.look("document.querySelector('.board .peer a').href").as_str().unwrap().to_owned();
    let mut kinds = |query: &str| -> Vec<String> {
        page.open(&format!("{record}?{query}"));
        let kinds = page.look("[...document.querySelectorAll('.typ')].map(e => e.textContent)");
        serde_json::from_value(kinds).unwrap()
    };

    assert_eq!(kinds("kind=ask&matter="), ["ASK", "ASK"]);
    assert_eq!(kinds("kind=ask&side=theirs"), Vec::<String>::new());
    assert_eq!(kinds("q=INTERPRETERS"), ["ASK"], "words are found whatever the size of their letters");
    assert_eq!(kinds("q=%3Cnone%3E"), ["TEXT"]);
    assert_eq!(kinds("q=submarine"), Vec::<String>::new());
    assert_eq!(kinds("matter=Northland+1"), ["ASK", "SEEN"]);
    assert_eq!(kinds("matter=Northland+2"), ["ASK", "WITHDRAW", "ANSWER"]);
    assert_eq!(kinds("standing=void"), Vec::<String>::new());
    assert_eq!(kinds("since=2020-01-01&kind=seen"), ["SEEN"]);
    assert_eq!(kinds("until=2020-01-01"), Vec::<String>::new());
    // A program is answered the same.
    let program = crate::programs::Program::new(&north, "Archive", "auditor");
    let found = |query: &str| {
        let answer = program.get(&format!("/record/find?{query}"));
        let entries = answer.body["entries"].as_array().cloned().unwrap_or_default();
        let kinds: Vec<String> = entries.iter().map(|e| e["kind"].as_str().unwrap().to_uppercase()).collect();
        (answer.status, kinds, answer.body)
    };
    for query in ["kind=ask", "q=INTERPRETERS", "matter=Northland+2", "standing=void", "since=2020-01-01&kind=seen"] {
        let (status, found, _) = found(query);
        assert_eq!((status, found), (200, kinds(query)), "{query}");
    }
    let (_, first, answer) = found("limit=1&kind=ask");
    assert_eq!((first.len(), answer["later"].is_null()), (1, true), "the latest: {answer}");
    let (_, next, _) = found(&format!("limit=1&kind=ask&before={}", answer["earlier"]));
    assert_eq!(next, ["ASK"]);
    assert_eq!(found("kind=asks").2["error"]["code"], "unknown-word");
    let (_, _, answer) = found("q=%3Cnone%3E&words=true");
    assert!(answer["entries"][0]["said"]["text"].as_str().unwrap().contains("<none>"), "{answer}");
    // What is typed into the form leads to the same.
    page.open(&record);
    page.look("document.querySelector('[name=q]').focus()");
    page.write("Nineteen people");
    page.press("Enter");
    page.until("location.search.includes('Nineteen') && document.querySelectorAll('.ent').length === 1");
    page.until("document.querySelector('.counted').textContent === 'One entry on this page.'");
    // What cannot be read is said beside the form, which keeps all that was typed.
    page.open(&format!("{record}?since=neither&q=Nineteen"));
    page.until("!!document.querySelector('.err') && document.querySelector('.err').innerText.includes('neither')");
    let typed = page.look("['since', 'q'].map((name) => document.querySelector(`[name=${name}]`).value)");
    assert_eq!(typed, json!(["neither", "Nineteen"]));
}
