//! A peer that cannot be reached: what it holds of our own log comes late, after a new epoch was opened on a person's word.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use serde_json::{Value, json};

use super::{Story, ask, command, even, heads, restore, sets, waits};
use crate::processes::wait;

#[test]
fn with_a_dark_peer_it_waits_for_a_persons_word_and_keeps_what_comes_late() {
    let mut story = Story::new("restore-dark");
    ask(&story.south, "it will come late");
    even([&story.north, &story.south], 0, [4, 3]);
    story.north.kill();
    story.south.kill();

    story.restore();
    assert_eq!(restore(&story.north)["waits"], json!("peer"));
    let (code, _, err) = story.open(&[]);
    assert!(code == 1 && err.contains("--peer-is-dark"), "{code} {err}");
    let (code, out, err) = story.open(&["--peer-is-dark"]);
    assert_eq!(code, 0, "{out}{err}");
    ask(&story.north, "in the new epoch");
    assert_eq!(heads(&story.north, 0).unwrap()[1]["size"], json!(2), "what Southland asked is not here yet");

    story.south.serve();
    even([&story.north, &story.south], 1, [2, 1]);
    let late = wait("the late entry", || {
        story.north.get("/requests/Southland%201?epoch=0").filter(|request| request["subject"].is_object())
    });
    assert_eq!((&late["shown"], &late["subject"]["text"]), (&json!("BROKEN OFF"), &json!("it will come late")));
    assert_eq!(restore(&story.north)["waits"], json!("nothing"), "what came late stops nothing");
}

/// What the other side shows, once it has shown all of our log that it holds.
fn shown_to(story: &Story, size: &Value) -> Value {
    wait("all that is shown", || {
        let view = restore(&story.north);
        (view["shown"][0]["part"]["to"] == *size).then_some(view)
    })
}

/// Northland is restored without the last of its entries while Southland, which holds it, is dark; on a person's word it opens a new
/// epoch, and then Southland returns. The size of Northland's log that Southland holds.
fn returns(name: &str) -> (Story, Value) {
    let mut story = Story::new(name);
    ask(&story.north, "after the backup");
    even([&story.north, &story.south], 0, [4, 2]);
    story.north.kill();
    let size = heads(&story.south, 0).unwrap()[0]["size"].clone();
    story.south.kill();
    story.restore();
    let (code, out, err) = story.open(&["--peer-is-dark"]);
    assert_eq!(code, 0, "{out}{err}");
    ask(&story.north, "in the new epoch");
    story.south.serve();
    even([&story.north, &story.south], 1, [2, 1]);
    let view = shown_to(&story, &size);
    assert_eq!((&view["waits"], &view["judges"]), (&json!("nothing"), &json!(true)), "{view}");
    (story, size)
}

#[test]
fn what_a_dark_peer_shows_of_an_ended_epoch_is_taken_without_opening_another() {
    let (mut story, size) = returns("restore-late");
    ask(&story.north, "it signs while a person thinks");
    story.kill_and_serve();
    let view = shown_to(&story, &size);
    let (code, out, err) = story.judge(&[]);
    assert!(code == 0 && out.contains("of an epoch that has ended"), "{out}{err}");
    assert!(out.contains("root's list has a later key") && out.contains("--take --part"), "{out}");
    assert!(out.contains("“after the backup”"), "{out}");
    for (args, exit) in [("lines", 0), ("doctor", 3)] {
        let (code, out, err) = command(&story.north.data, &[args]);
        assert!(code == exit && out.contains("of an epoch that has ended"), "{code} {out}{err}");
    }

    let (code, out, err) = story.judge(&["--take", "--part", view["shown"][0]["name"].as_str().unwrap()]);

    assert!(code == 0 && out.contains("taken into our log") && out.contains("nothing to restore"), "{out}{err}");
    story.kill_and_serve();
    even([&story.north, &story.south], 0, [size.as_u64().unwrap(), 2]);
    even([&story.north, &story.south], 1, [3, 1]);
    let request = story.north.get("/requests/Northland%202?epoch=0").unwrap();
    assert_eq!((&request["shown"], &request["subject"]["text"]), (&json!("BROKEN OFF"), &json!("after the backup")));
    let (_, out, _) = command(&story.north.data, &["record", "--epoch", "0"]);
    assert!(out.contains("Northland 2"), "{out}");
    let view = restore(&story.north);
    assert_eq!((&view["waits"], &view["judges"], &view["epoch"]), (&json!("nothing"), &json!(false), &json!(1)));
    ask(&story.north, "it goes on");
    let (code, out, err) = command(&story.north.data, &["doctor"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn what_a_dark_peer_shows_of_an_ended_epoch_and_nobody_takes_is_kept_and_never_asked_about_again() {
    let (mut story, size) = returns("restore-late-left");

    let part = restore(&story.north)["shown"][0]["name"].as_str().unwrap().to_owned();
    let (code, out, err) = story.judge(&["--refuse", "--part", &part]);

    assert!(code == 0 && out.contains("One part was not taken"), "{out}{err}");
    // The charter with which Southland went on names it all the same, and so it counts there; that is said wherever it shows.
    for (args, told) in [
        (&["restore"][..], format!("Part {part} was not taken here, and counts in epoch 0 up to #3 all the same")),
        (&["record", "--epoch", "0"], "was not taken here, and counts in epoch 0 up to #3".into()),
        (&["record", "--epoch", "0", "--words"], "was not taken here, and counts in epoch 0 up to #3".into()),
        (&["status", "Northland 2", "--epoch", "0"], "Not in our log, and counted all the same, because the charter with which the other side went on to the next epoch names it: Northland 2.".into()),
        (&["lines"], "Broken off: Northland 2 of epoch 0, ROUTINE, duty-officer → duty-officer. It was open when the epoch ended. It is not in our log: their charter alone counts it.".into()),
    ] {
        let (code, out, err) = command(&story.north.data, args);
        let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(code == 0 && out.contains(&told), "{args:?}: {code} {out}{err}");
    }
    let tally = story.north.get("/lines").unwrap()[0]["began"]["tally"].as_str().unwrap().to_owned();
    let (code, out, err) = command(&story.north.data, &["noted", "0:0", "--tally", &tally]);
    assert_eq!(code, 0, "{out}{err}");
    for _ in 0..2 {
        let (_, out, _) = command(&story.north.data, &["lines"]);
        assert!(
            out.contains("Epoch 1 of this line serves") && !out.contains("Broken off:"),
            "also after a start: {out}"
        );
        let view = shown_to(&story, &size);
        assert_eq!((&view["judges"], &view["shown"][0]["refused"]), (&json!(false), &json!(true)), "{view}");
        let (code, out, err) = story.judge(&["--take", "--part", &part]);
        assert!(code == 1 && err.contains("waits for a person"), "{code} {out}{err}");
        story.kill_and_serve();
    }
    ask(&story.north, "it goes on");
}

#[test]
fn a_peer_that_is_connected_is_not_dark() {
    let mut story = Story::new("restore-up");
    story.north.kill();
    story.restore();
    waits(&story.north, "restored");

    let (code, out, err) = story.open(&["--peer-is-dark"]);

    assert!(code == 1 && err.contains("is up: the other side is not dark"), "{code} {out}{err}");
    assert_eq!((sets(&story.north.data), story.granted().len()), (1, 1), "nothing was drawn or granted");
    // Nor is its word taken from a program.
    let line = restore(&story.north)["line"].clone();
    let backup = story.scratch.path().join("drawn");
    let (status, keys) = story.north.post("/restore/keys", &json!({ "lines": [line], "backup": backup })).unwrap();
    assert_eq!(status, 200, "{keys}");
    let form = json!({ "line": line, "station": keys["station"], "peer_is_dark": true });
    let (status, told) = story.north.post("/restore/draft", &form).unwrap();
    assert_eq!((status, told["error"]["code"].as_str()), (409, Some("restore-peer-up")), "{told}");
}
