//! An epoch has ended: the people at both ends are told, most of all at the end that did not restore anything.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use serde_json::{Value, json};

use super::{Story, ask, command, even, waits};
use crate::processes::{Process, call_for_text, wait};

fn act(station: &Process, form: &Value) -> Value {
    let (status, told) = station.post("/acts", form).unwrap();
    assert_eq!(status, 200, "{told}");
    told
}

/// South names an hour of tomorrow for North's request, and North takes it.
fn agrees(story: &Story, request: &str) {
    wait("the request", || story.south.get(&format!("/requests/{request}")));
    let window = "2099-01-02T10:00:00Z/2099-01-02T11:00:00Z";
    let offer = json!({
        "act": "offer", "on": request, "epoch": "0", "windows": [window], "answer_by": "2099-01-01T10:00:00Z",
        "on_silence": "stands"
    });
    let offer = act(&story.south, &offer)["entry"]["at"].clone();
    wait("the offer", || {
        let view = story.north.get(&format!("/requests/{request}"))?;
        view["offers"].as_array()?.iter().any(|held| held["offer"]["at"] == offer).then_some(())
    });
    act(&story.north, &json!({ "act": "accept", "on": offer, "epoch": "0", "window": window }));
    wait("a settled time", || {
        let view = story.south.get(&format!("/requests/{request}"))?;
        (view["outcome"] == "AGREED" && view["settled"] == true).then_some(())
    });
}

/// What a station tells its people of the epoch that ended, until they take note. `asked`: the direction in which Northland asks.
fn is_told_until_noted(station: &Process, asked: usize) {
    let data = &station.data;
    let told = |args: &[&str]| {
        let (code, out, err) = command(data, args);
        assert_eq!(code, 0, "{args:?} {out}{err}");
        // As words, however they are broken into lines.
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let lines = told(&["lines"]);
    assert!(lines.contains("Epoch 1 of this line serves: Northland opened it"), "{lines}");
    for (name, of) in [("Northland 1", "It was open"), ("Northland 2", "A talk was agreed for")] {
        assert!(lines.contains(&format!("Broken off: {name} of epoch 0")) && lines.contains(of), "{lines}");
    }
    let status = told(&["status"]);
    assert!(status.contains("No open request.") && status.contains("Broken off: Northland 2 of epoch 0"), "{status}");
    let bell = told(&["bell", "--once"]);
    assert!(
        bell.contains("Northland opened epoch 1 of this line") && bell.contains("Northland 2 of epoch 0"),
        "{bell}"
    );
    let before = told(&["status", "--epoch", "0"]);
    assert!(
        before.contains("Northland 1") && before.contains("Northland 2") && before.contains("The talk broke off"),
        "{before}"
    );

    let (code, _, err) = command(data, &["answer", "Northland 2"]);
    assert!(code != 0 && err.contains("Northland 2 is of epoch 0, which has ended"), "{err}");
    let figures = station.get("/figures").unwrap();
    let by_line = figures.as_object().unwrap().values().next().unwrap();
    let row = &by_line["directions"][asked]["rows"][0];
    assert_eq!(
        (&row["count"], &row["open"], &row["broken_off"], &row["agreed"]),
        (&json!(2), &json!(0), &json!(1), &json!(1))
    );
    let (_, calendar) = call_for_text(data, "GET", "/calendar.ics", None).unwrap();
    assert!(calendar.contains("STATUS:CANCELLED") && calendar.contains("DTSTART:20990102T100000Z"), "{calendar}");

    let tally = station.get("/lines").unwrap()[0]["began"]["tally"].as_str().unwrap().to_owned();
    assert!(lines.contains(&format!("noted 0:0 --tally {tally}")) && bell.contains(&tally), "{lines} {bell}");
    let (code, _, err) = command(data, &["noted", "0:0", "--epoch", "1"]);
    assert!(code != 0 && err.contains("is not what was told with this"), "{err}");
    let noted = told(&["noted", "0:0", "--epoch", "1", "--tally", &tally]);
    assert!(noted.contains("rings no more"), "{noted}");
    for args in [["lines", "--figures"].as_slice(), &["lines"], &["status"]] {
        assert!(!told(args).contains("Broken off: "), "{args:?}");
    }
    assert_eq!(told(&["bell", "--once"]), "The bell is set. Nothing rings.");
}

#[test]
fn after_a_restore_both_ends_are_told_what_broke_off_until_they_take_note_and_nothing_is_lost_from_sight() {
    let mut story = Story::new("restore-told");
    let asked = ask(&story.north, "a talk tomorrow");
    agrees(&story, asked["entry"]["at"].as_str().unwrap());
    story.north.kill();
    story.restore();
    let part = waits(&story.north, "judgement")["shown"][0]["name"].as_str().unwrap().to_owned();
    let (code, out, err) = story.open(&["--part", &part]);
    assert_eq!(code, 0, "{out}{err}");
    even([&story.north, &story.south], 1, [1, 1]);
    even([&story.north, &story.south], 0, [5, 3]);

    is_told_until_noted(&story.north, 0);
    is_told_until_noted(&story.south, 1);

    // A name of the epoch that serves, where the one that has ended is looked at.
    ask(&story.south, "asked anew");
    ask(&story.south, "and once more");
    let (code, _, err) = command(&story.south.data, &["status", "Southland 2", "--epoch", "0"]);
    assert!(code != 0 && err.contains("It is of epoch 1, which serves"), "{err}");

    // What was noted is known after a start, also where nothing was restored.
    story.south.kill();
    story.south.serve();
    let (_, bell, _) = command(&story.south.data, &["bell", "--once"]);
    assert!(bell.contains("Nothing rings"), "{bell}");
    let (_, lines, _) = command(&story.south.data, &["lines"]);
    assert!(lines.contains("Epoch 1 of this line serves"), "{lines}");
}
