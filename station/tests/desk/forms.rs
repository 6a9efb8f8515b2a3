//! What a form cannot read stays in its fields, with what is wrong and what to do: over plain HTTP.

use serde_json::json;

use crate::Desk;
use crate::door::{Answer, Client};
use crate::pictures::stage::Stage;
use crate::processes::wait;
use crate::scratch::Scratch;

/// A line on which a request of the first desk was answered by the second, and one stands.
fn story(scratch: &Scratch) -> ([Desk; 2], String) {
    let desks = Desk::two(scratch);
    let [north, south] = &desks;
    for (name, act) in [("Northland%201", "answer"), ("Northland%202", "seen")] {
        let form = json!({"act": "ask", "from": "minister", "to": "minister", "mark": "EXERCISE"});
        assert_eq!(north.station.post("/acts", &form).unwrap().0, 200);
        let view = wait("the ask", || south.station.get(&format!("/requests/{name}")));
        let form = json!({"act": act, "on": view["request"]["at"]});
        assert_eq!(south.station.post("/acts", &form).unwrap().0, 200);
    }
    let line = south.station.get("/lines").unwrap()[0]["line"].as_str().unwrap().to_owned();
    (desks, line)
}

/// Sends a form of a page of this request, with the fields that every form has.
fn send(client: &mut Client<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    let shown = client.get(path);
    let own = [("form", shown.field("form")), ("once", shown.field("once")), ("epoch", "0".to_owned())];
    let own: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    client.post(path, &[own.as_slice(), fields].concat())
}

#[test]
fn a_window_over_midnight_is_offered_and_what_is_no_time_stays_where_it_was_typed() {
    let scratch = Scratch::new("forms-times");
    let ([north, south], line) = story(&scratch);
    let mut client = Client::signed_in(&south, "Duty officer", "watch");
    let path = |name: &str, rest: &str| {
        let view = south.station.get(&format!("/requests/Northland%20{name}")).unwrap();
        format!("/lines/{line}/requests/{}/{rest}", view["request"]["at"].as_str().unwrap())
    };
    let offer = path("2", "offer");
    let day = client.get(&offer).body.split("<option value=\"").nth(3).unwrap().split('"').next().unwrap().to_owned();
    let fields = [
        ("act", "offer"),
        ("day-1", &day),
        ("from-1", "23:30"),
        ("until-1", "0:30"),
        ("by-day", &day),
        ("by-time", "12:00"),
        ("on_silence", "lapses"),
    ];

    let answer = send(&mut client, &offer, &fields);

    assert_eq!(answer.status, 303, "{}", answer.body);
    let view = wait("the offer", || {
        let view = north.station.get("/requests/Northland%202")?;
        (!view["offers"].as_array()?.is_empty()).then_some(view)
    });
    let window = &view["offers"][0]["windows"][0];
    let (start, end) = (window["start"].as_str().unwrap(), window["end"].as_str().unwrap());
    assert!(start.contains("T23:30") && end.contains("T00:30"), "{window}");

    let talk = path("1", "talk");
    let fields = [("day", day.as_str()), ("from", "nine"), ("until", "9:30"), ("instrument", "telephone")];
    let refused = send(&mut client, &talk, &fields);
    assert_eq!(refused.status, 400);
    for part in ["name=\"from\" value=\"nine\"", "name=\"until\" value=\"9:30\"", "data-typed", "is not a time"] {
        assert!(refused.body.contains(part), "{part}: {}", refused.body);
    }
    assert_eq!(client.get(&talk).status, 200, "its address can be opened, and drawn anew");
}

#[test]
fn an_offer_begins_with_two_windows_and_its_band_and_says_whose_clock_and_whose_night_and_what_they_read_on_theirs() {
    let stage = Stage::new("forms-offer");
    let ask = stage.ask("Tanker adrift", json!({}));
    let mut client = Client::signed_in(&stage.desks[1], "Duty officer", "watch");
    let path = format!("/lines/{}/requests/{ask}/offer", stage.line);

    let shown = client.get(&path).body;
    let rows = |body: &str| body.matches("name=\"from-").count();
    assert_eq!((rows(&shown), shown.contains("class=\"band\"")), (2, true), "{shown}");
    for part in ["From, Sundmark", "Until, Sundmark", "name=\"day-1\" autofocus"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let more = send(&mut client, &path, &[("act", "more"), ("rows", "2")]).body;
    assert!(
        rows(&more) == 3 && more.contains("name=\"day-3\" autofocus") && !more.contains("name=\"day-1\" autofocus")
    );
    let full = send(&mut client, &path, &[("act", "more"), ("rows", "8")]).body;
    assert!(rows(&full) == 8 && !full.contains("value=\"more\""), "eight at most");

    // Ten in the morning there is eight in the evening of the day before in Northland.
    let window = [("act", "show"), ("day-1", "2013-02-14"), ("from-1", "10:00"), ("until-1", "10:30")];
    let told = send(&mut client, &path, &window).body;
    let read = told.split("id=\"they-read\"").nth(1).unwrap().split("</span>").next().unwrap();
    assert!(read.contains(": Wed 13 Feb 20:00–20:30 Northland, Thu 14 Feb 10:00–10:30 Sundmark."), "{read}");
    assert!(told.contains("<small>night in Northland</small>") && !told.contains("night in Sundmark"), "{told}");
}

#[test]
fn what_is_put_off_until_a_time_that_has_passed_is_said_to_be_and_chosen_again_with_the_words_kept() {
    let stage = Stage::new("forms-put-off");
    let ask = stage.ask("Tanker adrift", json!({}));
    let mut client = Client::signed_in(&stage.desks[1], "Duty officer", "watch");
    let page = format!("/lines/{}/requests/{ask}", stage.line);
    let offered = client.get(&page).body;
    // It is 03:05 in Sundmark.
    let first = offered.split("<option value=\"03:30\">").nth(1).unwrap().split('<').next().unwrap();
    assert_eq!(first, "03:30 Sundmark, 13:30 Northland (the day before)");
    let days = offered.split("name=\"until-day\"").nth(1).unwrap().split("</select>").next().unwrap();
    assert!(days.contains("<option value=\"\">today or tomorrow</option>") && !days.contains("2013-02-13"));

    let act = format!("/lines/{}/acts", stage.line);
    let shown = client.get(&page);
    let (form, once, on) = (shown.field("form"), shown.field("once"), ask.as_str());
    let mut put_off = |day: &str| {
        let fields = [
            ("form", form.as_str()),
            ("once", once.as_str()),
            ("epoch", "0"),
            ("act", "defer"),
            ("on", on),
            ("code", "TRAVELLING"),
            ("until-day", day),
            ("until-time", "02:00"),
            ("words", "He is in the air."),
        ];
        client.post(&act, &fields)
    };
    let passed = put_off("2013-02-13");
    assert_eq!(passed.status, 409, "{}", passed.body);
    for part in
        ["has passed.", ">He is in the air.</textarea>", "name=\"until-time\"", "name=\"code\" value=\"TRAVELLING\""]
    {
        assert!(passed.body.contains(part), "{part}: {}", passed.body);
    }
    assert!(!passed.body.contains("value=\"2013-02-13\""), "what has passed is not sent again");
    assert_eq!(put_off("").status, 303, "the next time of that kind is tomorrow");
    let until = client.get(&page).body;
    assert!(until.contains("until Thu 14 Feb 02:00 Sundmark, Wed 13 Feb 12:00 Northland"), "{until}");
}

#[test]
fn until_when_an_ask_stands_is_asked_about_where_the_clocks_show_a_time_twice_or_never() {
    let stage = Stage::new("forms-twice");
    let mut client = Client::signed_in(&stage.desks[0], "Duty officer", "watch");
    let line = stage.line.to_string();
    let to = format!("to-{line}");
    let mut send = |day: &str, time: &str, act: (&str, &str)| {
        let shown = client.get("/asks/new");
        let fields = [
            ("form", shown.field("form")),
            ("once", shown.field("once")),
            (act.0, act.1.into()),
            ("line", line.clone()),
            (&to, "minister".into()),
            ("from", "minister".into()),
            ("precedence", "ROUTINE".into()),
            ("mode", "voice".into()),
            ("mark", "EXERCISE".into()),
            ("until", "at".into()),
            ("day", day.into()),
            ("time", time.into()),
        ];
        client.post("/asks", &fields.each_ref().map(|(name, value)| (*name, value.as_str())))
    };

    // Northland's clocks are those of New York, in February.
    let skipped = send("2013-03-10", "02:30", ("act", "ask"));
    let twice = send("2013-11-03", "01:30", ("act", "ask"));

    assert_eq!((skipped.status, twice.status), (400, 400));
    for (told, keys) in [(&skipped, ["01:30", "03:30"]), (&twice, ["01:30-04:00", "01:30-05:00"])] {
        for key in keys {
            assert!(told.body.contains(&format!("\">{key}</button>")), "{key}: {}", told.body);
        }
        assert!(
            !told.body.contains("2013-03-10T") && !told.body.contains("2013-11-03T"),
            "no advice that does not fit"
        );
    }
    let key =
        twice.body.split("name=\"key\" value=\"").nth(2).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let chosen = send("2013-11-03", "01:30", ("key", &key));
    assert!(chosen.body.contains("value=\"01:30-05:00\"") && chosen.body.contains("The ask stands until"), "{key}");
    assert_eq!(send("2013-11-03", "01:30-05:00", ("act", "ask")).status, 303);
    let asked = stage.desks[0].station.get("/requests/Northland%201").unwrap();
    assert_eq!(asked["valid_until"], "2013-11-03T06:30:00.000Z");
}

#[test]
fn what_the_record_is_not_searched_by_is_said_above_the_fields_in_which_it_stands() {
    let scratch = Scratch::new("forms-record");
    let ([_north, south], line) = story(&scratch);
    let mut client = Client::signed_in(&south, "Inspector", "auditor");
    for (query, status, typed) in [
        ("since=tomorow&q=hello&kind=ask", 400, "value=\"tomorow\""),
        ("kind=asks&q=hello", 400, "“asks”"),
        ("side=mine", 400, "“mine”"),
        ("standing=odd", 400, "“odd”"),
        ("kind=ask&side=theirs", 200, "class=\"typ\">ASK"),
    ] {
        let shown = client.get(&format!("/lines/{line}/record?{query}"));
        assert!(shown.status == status && shown.body.contains(typed), "{query}: {} {}", shown.status, shown.body);
        assert_eq!(shown.body.contains("Nothing was looked for."), status == 400, "{query}");
        assert_eq!(shown.body.contains("class=\"ent\""), status == 200, "nothing is shown as if it had been found");
        assert_eq!(shown.body.contains("value=\"hello\""), query.contains("hello"), "{query}");
    }
}

#[test]
fn an_address_that_cannot_be_read_is_answered_by_a_page() {
    let scratch = Scratch::new("forms-addresses");
    let mut north = Desk::init(scratch.path(), "north", "Northland");
    north.station.serve();
    let mut client = Client::signed_in(&north, "Duty officer", "watch");
    let form = client.get("/lines").field("form");
    let answers = [
        client.get("/lines/%ff/record"),
        client.get("/asks/new?line=a&line=b"),
        client.post("/unsigned/abc", &[("form", &form)]),
    ];
    for told in &answers {
        assert!((400..500).contains(&told.status), "{}", told.status);
        assert!(told.body.contains("What to do") && told.body.contains("To the lines"), "{}", told.body);
        // Whose desk it is, and its tabs, stay.
        assert!(told.body.contains("Northland</b>") && told.body.contains("href=\"/morning\""), "{}", told.body);
    }
    assert!(answers[1].body.contains("What stands after “?” in this address of /asks/new cannot be read"));
    let stranger = Client::new(&north).get("/asks/new?line=a&line=b");
    assert!(!stranger.body.contains("href=\"/morning\""), "whoever is not signed in sees no desk: {}", stranger.body);
}

#[test]
fn a_line_that_is_not_there_is_answered_with_the_names_of_those_that_are() {
    let scratch = Scratch::new("forms-lines");
    let [north, _south] = Desk::two(&scratch);
    let mut client = Client::signed_in(&north, "Duty officer", "watch");

    let told = client.get("/lines/00000000000000000000000000000000/record");

    let known = told.body.split("Take one of those there are: ").nth(1).unwrap().split("</p>").next().unwrap();
    assert!(known.starts_with("Southland (") && told.status == 404, "{known}");
    assert!(!known.split(|c: char| !c.is_ascii_hexdigit()).any(|run| run.len() >= 32), "{known}");
}

#[test]
fn the_morning_sheet_says_of_each_line_what_is_an_exercise() {
    let scratch = Scratch::new("forms-morning");
    let ([_north, south], _line) = story(&scratch);
    // Who only reads is not called upon: what waits needs the watch.
    let lines = Client::signed_in(&south, "Inspector", "auditor").get("/lines").body;
    assert!(lines.contains("Needs the watch") && lines.contains("class=\"calm\""), "{lines}");
    assert!(!lines.contains("class=\"needs\""), "{lines}");
    let sheet = Client::signed_in(&south, "Head of watch", "watch").get("/morning").body;

    let written = sheet.split("id=\"wr\"").nth(1).unwrap().split("</section>").next().unwrap();
    let lines: Vec<&str> = written.split("<li>").skip(1).collect();
    assert!(lines.len() >= 3 && lines.iter().all(|line| line.contains("</b></a> EXERCISE: ")), "{written}");
    let owed = sheet.split("id=\"ow\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(owed.contains("EXERCISE: Northland 2"), "{owed}");
    assert!(sheet.contains("What is marked OPERATION, and no other") && sheet.contains("class=\"four\""), "{sheet}");
    assert!(!sheet.contains("class=\"pt\""), "no request that was seen was meant");
}
