//! A log that is halted stays so after a kill, until its author opens a new epoch.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::{Story, ask, command, even, waits};
use crate::processes::{Process, wait};

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn standing(station: &Process) -> serde_json::Value {
    station.get("/lines").unwrap()[0]["status"].clone()
}

/// Southland's disk is set back, which no station can know, and it writes on: two histories, both signed.
#[test]
fn a_fork_halts_the_log_also_after_a_kill_and_until_a_new_epoch() {
    let mut story = Story::new("restore-halted");
    story.south.kill();
    let earlier = story.scratch.path().join("earlier");
    copy(&story.south.data, &earlier);
    story.south.serve();
    ask(&story.south, "the first history");
    even([&story.north, &story.south], 0, [4, 3]);
    story.south.kill();
    story.north.kill();
    story.south = Process::at(&earlier, story.scratch.path().join("earlier.mark"));
    story.south.serve();
    for _ in 0..3 {
        ask(&story.south, "the second history");
    }
    story.north.serve();
    wait("a log that is halted", || (standing(&story.north) == "halted").then_some(()));
    // What the other side shows tells the set-back station that it is a copy: it signs no more.
    waits(&story.south, "branch");
    let (status, told) = story.south.post("/acts", &json!({ "act": "memo", "words": { "text": "no" } })).unwrap();
    assert_eq!((status, told["error"]["code"].as_str()), (409, Some("restored")), "{told}");

    story.kill_and_serve();

    assert_eq!(standing(&story.north), json!("halted"));
    let (code, out, _) = command(&story.north.data, &["lines"]);
    assert!(code == 4 && out.contains("taken no further"), "{code} {out}");
    let root = story.scratch.path().join("south.root-key");
    let backup = story.scratch.path().join("south-backup");
    let args = [
        "restore",
        "--open",
        "--root-key",
        root.to_str().unwrap(),
        "--backup",
        backup.to_str().unwrap(),
        "--line",
        "Northland",
    ];
    let (code, out, err) = command(&story.south.data, &args);
    assert_eq!(code, 0, "{out}{err}");
    wait("a line that is open", || (standing(&story.north) == "open").then_some(()));
    even([&story.north, &story.south], 1, [1, 1]);
    ask(&story.north, "in the new epoch");
}

/// Northland's disk is set back, it writes nothing, and nobody there takes what it is shown of its own log.
#[test]
fn a_set_back_station_signs_nothing_beside_what_was_not_taken() {
    let mut story = Story::new("restore-set-back");
    story.north.kill();
    let earlier = story.scratch.path().join("earlier");
    copy(&story.north.data, &earlier);
    story.north.serve();
    ask(&story.north, "after the disk was copied");
    even([&story.north, &story.south], 0, [4, 2]);
    let line = story.line();
    story.north.kill();
    story.north = Process::at(&earlier, story.scratch.path().join("earlier.mark"));
    story.north.serve();
    let part = waits(&story.north, "judgement")["shown"][0]["name"].as_str().unwrap().to_owned();

    let (code, out, err) = story.judge(&["--refuse", "--part", &part]);

    assert!(
        code == 0 && out.contains("One part was not taken") && out.contains("whoever made them has it"),
        "{out}{err}"
    );
    story.kill_and_serve();
    waits(&story.north, "branch");
    let (status, told) = story.north.post("/acts", &json!({ "act": "memo", "words": { "text": "no" } })).unwrap();
    assert_eq!((status, told["error"]["code"].as_str()), (409, Some("restored")), "{told}");
    let (code, out, err) = story.open(&["--line", &line.to_string()]);
    assert!(code == 0 && out.contains("epoch 1 is open"), "{code} {out}{err}");
    ask(&story.north, "it goes on");
    even([&story.north, &story.south], 1, [2, 1]);
}
