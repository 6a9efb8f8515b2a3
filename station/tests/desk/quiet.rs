//! What waits without ringing, what a form that may not be sent keeps, and what is declared until a time: over plain HTTP.

use serde_json::{Value, json};

use crate::Desk;
use crate::door::Client;
use crate::processes::wait;
use crate::programs::Program;
use crate::scratch::Scratch;

fn act(desk: &Desk, form: &Value) -> String {
    let (status, done) = desk.station.post("/acts", form).unwrap();
    assert_eq!(status, 200, "{done}");
    done["entry"]["at"].as_str().unwrap().to_owned()
}

/// The line of a station that has one.
fn line(desk: &Desk) -> String {
    desk.station.get("/lines").unwrap()[0]["line"].as_str().unwrap().to_owned()
}

#[test]
fn a_text_that_does_not_ring_is_told_at_its_tab_and_after_everything_that_does_until_it_is_read() {
    let scratch = Scratch::new("quiet-text");
    let [north, south] = Desk::two(&scratch);
    let posts = json!({"from": "minister", "to": "minister", "mark": "OPERATION", "words": {"text": "Good morning"}});
    let form = |act: &str, more: Value| {
        let mut form = posts.clone();
        form["act"] = json!(act);
        form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        form
    };
    let text = act(&north, &form("text", json!({"precedence": "ROUTINE", "mark": "EXERCISE"})));
    wait("the text", || {
        let record = south.station.get("/record")?;
        record["record"]["entries"].as_array()?.iter().any(|entry| entry["kind"] == "text").then_some(())
    });
    let mut officer = Client::signed_in(&south, "Duty officer", "watch");

    let alone = officer.get("/lines").body;

    let told =
        ["One matter needs this desk.", "Northland has written", "Read one text", " 1<span class=\"vh\"> not read"];
    for part in told {
        assert!(alone.contains(part), "{part}: {alone}");
    }
    let texts = format!("/lines/{}/texts", line(&south));
    assert!(alone.contains(&format!("<a href=\"{texts}\">Read one text</a>")), "the answer leads to it: {alone}");
    let row = alone.split("matter quiet").nth(1).unwrap().split("</li>").next().unwrap();
    assert!(row.contains("<span class=\"mark ex\">EXERCISE"), "it says what it is for: {row}");
    assert_eq!(south.station.get("/lines").unwrap()[0]["quiet"], 1, "a command counts it too");
    assert!(officer.get("/morning").body.contains("Northland: Read one text"));
    let exercise = act(&north, &form("ask", json!({"mark": "EXERCISE", "precedence": "FLASH"})));
    wait("the ask", || south.station.get("/requests/Northland%202"));
    act(&south, &form("ask", json!({"precedence": "ROUTINE"})));
    let both = officer.get("/lines").body;
    let row = format!("requests/{exercise}\" data-key");
    let order = [row.as_str(), "matter quiet", "One matter stands with the other side.", "We ask Northland to talk"];
    let found = order.map(|part| both.find(part));
    let is_apart = found.is_sorted() && found[0].is_some();
    assert!(both.contains("2 matters need this desk.") && is_apart, "what stands with the other side is apart: {both}");

    act(&south, &json!({"act": "read", "on": text}));
    let read = officer.get("/lines").body;
    assert!(!read.contains("has written") && !read.contains("not read</span>"), "{read}");
}

#[test]
fn words_stay_with_who_may_not_send_them_and_who_is_signed_in_no_more_is_led_to_the_door_and_back() {
    let scratch = Scratch::new("quiet-kept");
    let [north, _south] = Desk::two(&scratch);
    let line = line(&north);
    let mut reads = Client::signed_in(&north, "Inspector", "auditor");
    let form = reads.get("/lines").field("form");
    let posts = [
        (format!("/lines/{line}/texts"), "words"),
        ("/settings/banner".to_owned(), "banner"),
        ("/pairing/join".to_owned(), "invitation"),
    ];

    for (path, name) in &posts {
        let told = reads.post(path, &[("form", &form), ("act", "text"), (name, "Nineteen people on board")]);
        assert_eq!(told.status, 403, "{path}");
        assert!(told.body.contains("Nineteen people on board</textarea>"), "{path}: {}", told.body);
        assert!(!told.body.contains("Send it again"), "{path}: who may not send it cannot again");
    }
    assert_eq!(north.station.post("/users/sign-out", &json!({"name": "Inspector"})).unwrap().0, 200);
    let out = reads.post(&posts[0].0, &[("form", &form), ("act", "text"), ("words", "Nineteen people on board")]);
    for part in
        ["Nineteen people on board</textarea>", "href=\"/sign-in?to=%2Flines\" target=\"_blank\"", "In another tab"]
    {
        assert!(out.status >= 400 && out.body.contains(part), "{part}: {}", out.body);
    }
}

#[test]
fn what_is_declared_holds_until_a_time_if_one_is_chosen_and_who_has_no_password_is_told_so() {
    let scratch = Scratch::new("quiet-state");
    let [north, south] = Desk::two(&scratch);
    let line = line(&south);
    let mut officer = Client::signed_in(&south, "Duty officer", "watch");
    let page = officer.get(&format!("/lines/{line}/texts"));
    assert!(page.body.contains("Southland declares the state that is chosen here, and until when"), "{}", page.body);
    let (form, once) = (page.field("form"), page.field("once"));
    let fields = [("act", "state"), ("state", "maintenance"), ("until-day", ""), ("until-time", "23:30")];

    let all = [&[("form", form.as_str()), ("once", &once)][..], &fields].concat();

    let declared = officer.post(&format!("/lines/{line}/acts"), &all);

    assert_eq!(declared.status, 303, "{}", declared.body);
    let theirs = wait("what is declared", || {
        let view = north.station.get("/lines")?[0]["theirs"].clone();
        (view["declared"] == "maintenance").then_some(view)
    });
    assert!(theirs["declared_until"].as_str().unwrap().ends_with("T23:30:00.000Z"), "{theirs}");

    let settings = officer.get("/settings").body;
    assert!(settings.contains("You have no password: links sign you in.") && !settings.contains("name=\"old\""));
    let tried = [("form", form.as_str()), ("old", "x"), ("new", "correct horse battery")];
    let told = officer.post("/settings/password", &tried);
    assert!(told.status == 409 && !told.body.contains("Write it as you signed in"), "{}", told.body);
}

#[test]
fn a_program_begins_a_round_once_and_reads_how_far_each_of_its_asks_has_come() {
    let scratch = Scratch::new("quiet-round");
    let [north, south] = Desk::two(&scratch);
    let [watch, reads] = ["watch", "auditor"].map(|role| Program::new(&north, role, role));
    let form = |token: &str, to: &str| {
        let asks = json!([{"line": "Southland", "to": to}]);
        json!({"token": token, "from": "minister", "asks": asks, "words": {"text": "A joint tow"}})
    };
    assert_eq!(reads.post("/rounds", &form("a", "minister")).status, 403);
    let refused = watch.post("/rounds", &form("a", "nobody"));
    assert_eq!((refused.status, reads.get("/rounds").body), (409, json!([])), "nothing was kept: {}", refused.text);
    assert_eq!(watch.post("/rounds", &json!({"from": "minister", "asks": []})).body["error"]["code"], "round-no-line");

    let begun = watch.post("/rounds", &form("a", "minister"));
    let again = watch.post("/rounds", &form("a", "minister"));

    assert_eq!((begun.status, again.status), (200, 200), "{} {}", begun.text, again.text);
    let view = &begun.body;
    assert_eq!((&view["round"], &view["asks"][0]["call_sign"]), (&json!(1), &json!("Southland")), "{view}");
    assert_eq!((&view["subject"]["text"], &again.body["round"]), (&json!("A joint tow"), &json!(1)));
    let asked = wait("the ask", || {
        let theirs = south.station.get("/requests?all=true")?[0]["theirs"].as_array()?.len();
        (theirs > 0).then_some(theirs)
    });
    assert_eq!(asked, 1, "it was asked once");
    act(&south, &json!({"act": "answer", "on": "Northland 1"}));
    wait("the answer", || (reads.get("/rounds/1").body["asks"][0]["request"]["outcome"] == "ANSWERED").then_some(()));
    let row = &reads.get("/rounds").body[0];
    assert_eq!((&row["round"], &row["lines"], &row["user"]), (&json!(1), &json!(1), &view["user"]), "{row}");
    assert_eq!(reads.get("/rounds/7").body["error"]["code"], "round-none");
    let typed = watch.get("/record?limit=x");
    assert!(typed.status == 400 && typed.text.contains("invalid digit"), "{}", typed.text);
    assert_eq!(typed.body["error"]["code"], "query-unreadable");
}
