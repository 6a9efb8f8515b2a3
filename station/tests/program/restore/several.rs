//! A station with several lines: what fails on one stops no other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use counterpart::store::DATABASE_FILE;
use serde_json::{Value, json};

use super::{Story, command, init};
use crate::processes::{Process, pair, wait};

/// Northland has a line with Eastland too, which is in the backup.
fn three(name: &str) -> (Story, Process) {
    let story = Story::new(name);
    let mut east = init(&story.scratch, "east", None, 0);
    east.serve();
    pair(&story.north, &east);
    ask_on(&story.north, "Eastland");
    wait("records that are equal", || {
        let size = |station: &Process| station.get("/record?line=Eastland").or_else(|| station.get("/record"));
        (size(&story.north)?["heads"] == size(&east)?["heads"]).then_some(())
    });
    std::fs::remove_dir_all(&story.copy).unwrap();
    story.back_up();
    (story, east)
}

fn ask_on(station: &Process, line: &str) {
    let act = json!({ "act": "ask", "line": line, "from": "duty-officer", "to": "duty-officer" });
    let (status, told) = station.post("/acts", &act).unwrap();
    assert_eq!(status, 200, "{told}");
}

fn of(station: &Process, peer: &str) -> Value {
    station.get(&format!("/restore?line={peer}")).unwrap()[0].clone()
}

#[test]
fn of_several_lines_one_that_cannot_be_opened_stops_no_other() {
    let (mut story, mut east) = three("restore-several");
    story.north.kill();
    east.kill();
    story.restore();
    wait("that Southland is heard", || (of(&story.north, "Southland")["waits"] == "restored").then_some(()));
    assert_eq!(of(&story.north, "Eastland")["waits"], json!("peer"));
    let (code, _, err) = story.open(&["--peer-is-dark"]);
    assert!(code == 2 && err.contains("Say which with --line"), "{code} {err}");

    // No backup is made into a folder that is there: what is known of the other line is said all the same.
    let (root, there) = (story.root_key.to_str().unwrap(), story.copy.to_str().unwrap());
    let args = ["restore", "--open", "--root-key", root, "--backup", there];
    let (code, out, err) = command(&story.north.data, &args);
    assert!(code == 3 && out.is_empty(), "{code} {out}{err}");
    assert!(err.matches("no epoch was opened.").count() == 2 && err.contains("--peer-is-dark"), "{err}");

    let (code, out, err) = story.open(&[]);

    assert!(code == 1 && out.contains("Southland: epoch 1 is open"), "{code} {out}{err}");
    assert!(err.contains("Eastland: no epoch was opened.") && err.contains("--peer-is-dark"), "{err}");
    ask_on(&story.north, "Southland");
    story.kill_and_serve();
    let epochs = ["Southland", "Eastland"].map(|peer| of(&story.north, peer)["epoch"].clone());
    assert_eq!(epochs, [json!(1), json!(0)]);

    let (code, out, err) = story.open(&["--line", "Eastland", "--peer-is-dark"]);

    assert!(code == 0 && out.contains("Eastland: epoch 1 is open"), "{code} {out}{err}");
    ask_on(&story.north, "Eastland");
    east.serve();
    wait("records that are equal", || {
        let (here, there) = (story.north.get("/record?line=Eastland&epoch=1")?, east.get("/record?epoch=1")?);
        (here["heads"] == there["heads"] && here["heads"][0]["size"].as_u64()? >= 2).then_some(())
    });
}

#[test]
fn a_line_whose_record_is_damaged_is_named_and_the_others_are_served() {
    let (mut story, _east) = three("restore-damaged");
    let line = of(&story.north, "Southland")["line"].as_str().unwrap().to_owned();
    story.north.kill();
    let store = rusqlite::Connection::open(story.north.data.join(DATABASE_FILE)).unwrap();
    let id: Vec<u8> = counterpart_core::ids::unhex::<16>(&line).unwrap().to_vec();
    store.execute("INSERT INTO shown (line, bytes, at) VALUES (?1, x'00', 0)", [id]).unwrap();
    drop(store);

    story.north.serve();

    ask_on(&story.north, "Eastland");
    let named = format!("the line with Southland ({line}) cannot be read");
    for (args, exit) in [(["lines"].as_slice(), 3), (&["restore"], 0), (&["doctor"], 3)] {
        let (code, out, err) = command(&story.north.data, args);
        assert!(
            code == exit && out.contains(&named) && out.contains("restore a backup"),
            "{args:?}: {code} {out}{err}"
        );
    }
    let (code, out, err) = command(&story.north.data, &["check", "--line", "Southland"]);
    assert!(code == 3 && err.contains(&named), "{code} {out}{err}");
    assert_eq!(story.north.get("/health").unwrap()["lines_unread"], json!(1));
    // Also without a station.
    story.north.kill();
    let (code, out, err) = command(&story.north.data, &["lines"]);
    assert!(code == 3 && out.contains(&named) && out.contains("Eastland"), "{code} {out}{err}");
}
