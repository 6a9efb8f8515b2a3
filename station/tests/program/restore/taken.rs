//! What was lost is taken back from the other side, and the line goes on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use counterpart::keys::Keys;
use serde_json::json;

use super::{Story, ask, command, even, heads, root, sets, waits};
use crate::processes::wait;

#[test]
fn a_restored_station_takes_back_what_it_had_lost_and_goes_on_in_a_new_epoch() {
    let mut story = Story::new("restore-whole");
    ask(&story.north, "after the backup");
    even([&story.north, &story.south], 0, [4, 3]);
    story.north.kill();

    story.restore();
    let held = heads(&story.north, 0).unwrap()[0]["size"].clone();
    let (status, told) = story.north.post("/acts", &json!({ "act": "memo", "words": { "text": "no" } })).unwrap();
    assert_eq!((status, told["error"]["code"].as_str()), (409, Some("restored")), "{told}");
    let view = waits(&story.north, "judgement");
    let shown = &view["shown"][0];
    assert_eq!((&shown["from"], &shown["branch"]), (&held, &json!(false)), "{view}");
    assert!(shown["entries"].as_array().unwrap().iter().any(|entry| entry["kind"] == "ask"), "{view}");
    let (code, out, _) = command(&story.north.data, &["restore"]);
    assert!(code == 0 && out.contains(&format!("they show our entries #{held}")), "{out}");

    // Whoever has the key that is last on the list could have made it too: nothing is taken that nobody has named.
    let part = shown["name"].as_str().unwrap();
    let (code, out, err) = story.open(&[]);
    assert!(
        code == 1 && out.is_empty() && err.contains("once for each part") && err.contains(part),
        "{code} {out}{err}"
    );
    assert_eq!((sets(&story.north.data), story.granted().len()), (1, 1), "nothing was drawn or granted");

    let (code, out, err) = story.open(&["--part", part]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("epoch 1 is open") && out.contains("taken back"), "{out}");

    even([&story.north, &story.south], 1, [1, 1]);
    even([&story.north, &story.south], 0, [4, 3]);
    for station in [&story.north, &story.south] {
        let request = station.get("/requests/Northland%202?epoch=0").unwrap();
        assert_eq!(
            (&request["shown"], &request["subject"]["text"]),
            (&json!("BROKEN OFF"), &json!("after the backup"))
        );
        assert_eq!(station.get("/lines").unwrap()[0]["epoch"], json!(1));
    }
    let again = ask(&story.north, "asked again");
    assert_eq!(again["entry"]["name"], json!("Northland 1"), "numbers begin anew");
    wait("a delivery", || {
        let request = story.north.get("/requests/Northland%201")?;
        (request["reached"]["rung"] != json!("SENT")).then_some(())
    });
    assert_eq!(story.granted().len(), 2, "init's, and the one that serves now");

    // Killed and started again, both know every epoch; a backup made with the new keys holds them.
    story.north.kill();
    story.south.kill();
    story.north.serve();
    story.south.serve();
    ask(&story.south, "after another start");
    even([&story.north, &story.south], 1, [2, 2]);
    for station in [&story.north, &story.south] {
        let (code, out, err) = command(&station.data, &["doctor"]);
        assert_eq!(code, 0, "{out}{err}");
    }
    assert_eq!(Keys::load(&story.scratch.path().join("backup-2")).unwrap().public().root, root(&story.copy));
}
