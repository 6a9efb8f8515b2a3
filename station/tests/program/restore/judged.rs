//! A person takes or leaves what the other side shows, beside root's list, before an epoch is opened or with it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use counterpart::keys::Granted;
use serde_json::{Value, json};

use super::{Story, ask, command, even, heads, sets, waits};
use crate::processes::wait;

/// Northland, restored, and shown by Southland what it wrote after the backup. With `ended`, root's list has a later key than the one
/// under which Southland shows it. The size that is shown.
fn shown(name: &str, ended: bool) -> (Story, Value) {
    let mut story = Story::new(name);
    ask(&story.north, "after the backup");
    even([&story.north, &story.south], 0, [4, 2]);
    let line = story.line();
    story.north.kill();
    if ended {
        Granted { line: Some(line), epoch: 1, station: [9; 32] }.append(&story.list()).unwrap();
    }
    story.restore();
    let size = heads(&story.south, 0).unwrap()[0]["size"].clone();
    wait("all that is shown", || {
        Some(()).filter(|()| waits(&story.north, "judgement")["shown"][0]["part"]["to"] == size)
    });
    (story, size)
}

fn name(story: &Story) -> String {
    waits(&story.north, "judgement")["shown"][0]["name"].as_str().unwrap().to_owned()
}

#[test]
fn what_an_ended_key_could_have_made_is_not_taken_before_a_person_says_so_and_what_they_leave_never_is() {
    let (mut story, _) = shown("restore-ended", true);
    let held = heads(&story.north, 0).unwrap()[0]["size"].clone();
    let (code, _, err) = story.open(&[]);
    assert!(code == 1 && err.contains("nobody has said yet whether it is taken"), "{code} {err}");
    assert_eq!(sets(&story.north.data), 1, "nothing was drawn");
    let part = name(&story);

    let (code, out, err) = story.judge(&["--refuse", "--part", &part]);

    assert!(code == 0 && out.contains("One part was not taken"), "{out}{err}");
    story.kill_and_serve();
    waits(&story.north, "restored");
    let (code, _, err) = story.judge(&["--take", "--part", &part]);
    assert!(code == 1 && err.contains("waits for a person"), "{code} {err}");
    let (code, out, err) = story.open(&[]);
    assert!(code == 0 && out.contains("Nothing was taken back.") && out.contains("Make a backup now"), "{out}{err}");
    even([&story.north, &story.south], 1, [1, 1]);
    assert_eq!(heads(&story.north, 0).unwrap()[0]["size"], held);
    let (_, out, _) = command(&story.north.data, &["restore"]);
    assert!(out.contains("nothing to restore") && out.contains("was not taken, and is kept"), "{out}");
    ask(&story.north, "it goes on");
    even([&story.north, &story.south], 1, [2, 1]);
}

#[test]
fn what_is_taken_before_an_epoch_is_opened_is_in_our_log_after_a_kill() {
    let (mut story, size) = shown("restore-take", false);
    let (code, out, err) = story.judge(&[]);
    assert!(code == 0 && out.contains("has its key last, so nobody else had it"), "{out}{err}");
    let part = name(&story);
    // What is not named, or by no name of a part that waits, is not taken.
    let digits = part.split_once('-').unwrap().1.len();
    assert_eq!(digits, 20, "{part}");
    let short = &part[..part.len() - 13];
    for named in [&["--take"][..], &["--take", "--part", "3-00000000"], &["--refuse", "--part", short]] {
        let (code, _, err) = story.judge(named);
        assert!(code == 2 && err.contains(&part) && err.contains("#3 to #"), "{named:?}: {code} {err}");
    }
    let form = json!({ "line": story.line().to_string(), "granted": [], "take": null });
    assert_eq!(story.north.post("/restore/judge", &form).unwrap().0, 400);
    let form = json!({ "line": story.line().to_string(), "granted": [] });
    let (status, told) = story.north.post("/restore/judge", &form).unwrap();
    assert_eq!((status, told["error"]["code"].as_str()), (400, Some("restore-part-which")), "{told}");
    assert!(told["error"]["what"].as_str().unwrap().contains(&part), "{told}");

    // The begin of its name is enough, if no other begins so.
    let (code, out, err) = story.judge(&["--take", "--part", &part[..part.len() - 12]]);

    assert!(code == 0 && out.contains("taken into our log") && out.contains("restore --open"), "{out}{err}");
    story.kill_and_serve();
    assert_eq!(heads(&story.north, 0).unwrap()[0]["size"], size);
    waits(&story.north, "restored");
    let (status, told) = story.north.post("/acts", &json!({ "act": "memo", "words": { "text": "no" } })).unwrap();
    assert_eq!((status, told["error"]["code"].as_str()), (409, Some("restored")), "{told}");
    let (code, out, err) = story.open(&[]);
    assert!(code == 0 && out.contains("Nothing was taken back."), "{out}{err}");
    even([&story.north, &story.south], 0, [size.as_u64().unwrap(), 2]);
    ask(&story.north, "it goes on");
    even([&story.north, &story.south], 1, [2, 1]);
}

#[test]
fn a_list_that_lacks_our_key_takes_nothing() {
    let (story, _) = shown("restore-list", false);
    let part = name(&story);
    let other = story.scratch.path().join("south.root-key.granted");
    let other = other.to_str().unwrap();
    for args in [["--keys-list", other].as_slice(), &[]] {
        let (code, _, err) =
            command(&story.north.data, &[["restore", "--take", "--part", &part].as_slice(), args].concat());
        let said = if args.len() > 1 { "nowhere: it is the list of another station" } else { "Add --keys-list FILE" };
        assert!(code == 2 && err.contains(said), "{code} {err}");
    }
    let (code, _, err) = story.open(&["--keys-list", other]);
    assert!(code == 2 && err.contains("nowhere"), "{code} {err}");
    assert_eq!(sets(&story.north.data), 1);

    // Nor is it taken from a program.
    let line = story.line().to_string();
    let shown = waits(&story.north, "judgement")["shown"][0]["part"].clone();
    let form = json!({ "line": line, "granted": ["09".repeat(32)], "take": [shown] });
    let (status, told) = story.north.post("/restore/judge", &form).unwrap();

    assert_eq!((status, told["error"]["code"].as_str()), (400, Some("restore-not-listed")), "{told}");
    waits(&story.north, "judgement");
}
