//! Call sheets, over plain HTTP: one side states, the other reads it and states the same, or something else.

use serde_json::{Value, json};

use crate::door::{Answer, Client};
use crate::pictures::stage::{HOUR, MINUTE, Stage};

/// A request of Northland's that Sundmark answered; the talk was an hour later, and both have said so.
fn talked(stage: &Stage) -> String {
    let ask = stage.ask("Tanker adrift off Cape Orr: a joint tow", json!({}));
    stage.on(1, "answer", &ask);
    stage.pass(HOUR);
    // At 14:10 in Northland, 04:10 in Sundmark, for twenty minutes.
    let whole = stage.now() - stage.now() % MINUTE;
    let [from, until] = [50, 30].map(|minutes| stage.ago(stage.now() - whole + minutes * MINUTE));
    for side in [1, 0] {
        let form = json!({"act": "talk", "on": ask, "when": format!("{from}/{until}"), "instrument": "telephone"});
        stage.act(side, form);
    }
    ask
}

fn path(stage: &Stage, ask: &str) -> String {
    format!("/lines/{}/requests/{ask}/sheet", stage.line)
}

/// What stands in a field of a page.
fn value(page: &Answer, name: &str) -> String {
    page.field(name)
}

/// What stands in a field of several lines.
fn lines(page: &Answer, name: &str) -> String {
    let after = page.body.split(&format!("<textarea class=\"long\" name=\"{name}\"")).nth(1).unwrap();
    after.split_once('>').unwrap().1.split("</textarea>").next().unwrap().to_owned()
}

/// The fields of a page as they stand there, and then these.
fn press(client: &mut Client<'_>, path: &str, shown: &Answer, others: &[(&str, &str)]) -> Answer {
    let day = shown.body.split("\" selected>").next().unwrap().rsplit("value=\"").next().unwrap().to_owned();
    let mut own = vec![("day", day), ("ours", lines(shown, "ours")), ("theirs", lines(shown, "theirs"))];
    for name in ["form", "once", "epoch", "from", "until", "languages"] {
        own.push((name, value(shown, name)));
    }
    own.push(("act", "sheet".to_owned()));
    let is_other = |name: &str| others.iter().any(|(other, _)| *other == name);
    let own = own.iter().map(|(name, value)| (*name, value.as_str())).filter(|(name, _)| !is_other(name));
    client.post(path, &own.chain(others.iter().copied()).collect::<Vec<_>>())
}

fn sheets(stage: &Stage, side: usize, ask: &str) -> Value {
    stage.desks[side].station.get(&format!("/requests/{ask}")).unwrap()["sheets"].clone()
}

#[test]
fn what_one_side_states_the_other_states_too_by_a_key_and_it_is_agreed_at_both_and_what_differs_stands_side_by_side() {
    let stage = Stage::new("sheet-both");
    let ask = talked(&stage);
    let path = path(&stage, &ask);
    let request = format!("/lines/{}/requests/{ask}", stage.line);
    let [mut north, mut south] = [0, 1].map(|side| Client::signed_in(&stage.desks[side], "Duty officer", "watch"));
    assert!(north.get(&request).body.contains("Write our call sheet"));
    let shown = north.get(&path);
    // The times are those that were said of the talk, on the clock of this desk.
    assert!(shown.body.contains("The times are filled in from what was said of the talk."), "{}", shown.body);
    let topics = "the tow\r\nwho pays for the tug";
    let fields =
        [("posts", "minister"), ("languages", "en, ru"), ("ours", topics), ("theirs", "ice at the pier & the mole")];
    let signed = press(&mut north, &path, &shown, &fields);
    assert_eq!(signed.status, 303, "{}", signed.body);
    assert_eq!(signed.header("location").unwrap(), format!("{request}#sheet"));
    stage.rest();
    assert_eq!(sheets(&stage, 1, &ask)["state"], "alone");

    // Sundmark reads it where it stands already, and presses the key.
    let read = south.get(&path);
    assert!(read.body.contains("Filled in from their sheet"), "{}", read.body);
    assert_eq!(lines(&read, "theirs"), "the tow\nwho pays for the tug");
    let wrote = press(&mut south, &path, &read, &[("posts", "duty-officer"), ("ours", "ice at the pier & the mole")]);
    assert_eq!(wrote.status, 303, "{}", wrote.body);
    stage.rest();

    for (side, client) in [&mut north, &mut south].into_iter().enumerate() {
        let view = sheets(&stage, side, &ask);
        assert_eq!((&view["state"], &view["differ"]), (&json!("agreed"), &json!([])), "{view}");
        let own = if side == 0 { "ours" } else { "theirs" };
        let text = "Northland: the tow\nNorthland: who pays for the tug\nSundmark: ice at the pier & the mole";
        assert_eq!((&view[own]["said"]["text"], &view[own]["posts"]), (&json!(text), &json!(["minister"])));
        let page = client.get(&request).body;
        assert!(page.contains("Agreed: both sheets say the same.") && page.contains("<h3>Both state</h3>"), "{page}");
        assert!(page.matches("class=\"sheetof\"").count() == 1 && !page.contains("differs</b>"), "{page}");
        assert!(page.contains("<bdi>minister</bdi>") && page.contains("<bdi>duty-officer</bdi>"), "{page}");
    }

    // Another statement of the same side takes the place of the first, which stays named.
    let again = south.get(&path);
    let fields = [("theirs", "the tow"), ("ours", "ice at the pier & the mole"), ("languages", "ru")];
    assert_eq!(press(&mut south, &path, &again, &fields).status, 303);
    stage.rest();
    for (side, client) in [&mut north, &mut south].into_iter().enumerate() {
        let view = sheets(&stage, side, &ask);
        assert_eq!((&view["state"], &view["differ"]), (&json!("differ"), &json!(["languages", "topics"])), "{view}");
        assert_eq!(view["earlier"].as_array().unwrap().len(), 1, "{view}");
        let page = client.get(&request).body;
        assert!(page.contains("The two sheets differ: languages, topics."), "{page}");
        assert!(page.matches("class=\"sheetof\"").count() == 2 && page.matches("differs</b>").count() == 4, "{page}");
    }
}

#[test]
fn what_a_sheet_cannot_say_is_told_with_what_to_do_and_what_was_typed_stays() {
    let stage = Stage::new("sheet-unfit");
    let ask = talked(&stage);
    let path = path(&stage, &ask);
    let mut client = Client::signed_in(&stage.desks[0], "Duty officer", "watch");
    let many = "a topic\r\n".repeat(33);
    let posts = [("posts", "minister"); 33];
    // As much as a form of the desk can bring.
    let long = "x".repeat(300 * 1024);
    let cases: [(&[(&str, &str)], &str); 9] = [
        (&[("ours", &many)], "More than 32 topics of one side are named."),
        (&[("ours", "the \u{202e}ice")], "A topic has a character that shows nothing"),
        (&[("theirs", "the \u{0}ice")], "A topic has a character that shows nothing"),
        (&[("languages", "en, 12")], "“12” is no tag of a language."),
        (&[("from", "14:20"), ("until", "14:10")], "does not end after it starts"),
        (&[("from", "nine")], "is not a time"),
        (&[("ours", &long)], "It is too long: the most is 49152 bytes."),
        (&posts, "More than 32 posts are named."),
        (&[("posts", "the minister of war")], "cannot be the name of a post"),
    ];
    for (fields, what) in cases {
        let shown = client.get(&path);
        let kept = [("languages", "en-GB"), ("ours", "kept as it was typed")];
        let is_other = |name: &str| fields.iter().any(|(other, _)| *other == name);
        let all: Vec<_> = kept.into_iter().filter(|(name, _)| !is_other(name)).chain(fields.iter().copied()).collect();
        let refused = press(&mut client, &path, &shown, &all);

        assert!((400..500).contains(&refused.status), "{what}: {}", refused.status);
        let told = refused
            .body
            .split("class=\"err\" role=\"alert\"")
            .nth(1)
            .unwrap_or_else(|| panic!("{what}: {}", refused.body));
        let told = told.split("</div>").next().unwrap();
        assert!(told.contains(what) && told.contains("Not signed."), "{what}: {told}");
        for (name, typed) in all {
            let typed = typed.replace("\r\n", "\n");
            let is_there = name == "posts" || refused.body.contains(typed.trim_end());
            assert!(is_there && refused.body.contains("data-typed"), "{what}: {name}");
        }
    }
    assert_eq!(sheets(&stage, 0, &ask), Value::Null, "nothing of it was signed");
}

#[test]
fn a_sheet_of_a_talk_of_which_we_have_not_said_that_it_was_held_is_not_offered_and_its_page_says_why() {
    let stage = Stage::new("sheet-not-now");
    let ask = stage.ask("Ice on the approach", json!({}));
    let mut client = Client::signed_in(&stage.desks[0], "Duty officer", "watch");
    let request = client.get(&format!("/lines/{}/requests/{ask}", stage.line)).body;
    assert!(!request.contains("id=\"sheet\""), "{request}");

    let page = client.get(&path(&stage, &ask)).body;

    assert!(page.contains("this side has not said that it was held") && !page.contains("value=\"sheet\""), "{page}");
    let form = json!({"act": "sheet", "on": ask, "when": format!("{}/{}", stage.ago(HOUR), stage.ago(MINUTE))});
    let (status, told) = stage.desks[0].station.post("/acts", &form).unwrap();
    assert_eq!((status, &told["error"]["code"]), (409, &json!("no-talk")));
    let mut reader = Client::signed_in(&stage.desks[0], "Inspector", "auditor");
    assert!(!reader.get(&path(&stage, &ask)).body.contains("value=\"sheet\""));
}
