//! What a person left beside our log, and the other side's charter names, is sent to the other side when that has lost it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use counterpart::keys::granted_file;
use serde_json::json;

use super::{Story, ask, command, even, heads, restore, waits};
use crate::processes::{Process, wait};

#[test]
fn what_a_person_left_and_a_charter_names_goes_to_a_peer_that_was_put_back_to_before_it_came() {
    let mut story = Story::new("restore-beside");
    let back = story.scratch.path().join("south-copy");
    let (code, out, err) = command(&story.south.data, &["backup", back.to_str().unwrap()]);
    assert_eq!(code, 0, "{out}{err}");
    ask(&story.north, "after the backups");
    even([&story.north, &story.south], 0, [4, 2]);
    let size = heads(&story.south, 0).unwrap()[0]["size"].as_u64().unwrap();
    story.north.kill();
    story.restore();
    let view = waits(&story.north, "judgement");
    let (code, out, err) = story.judge(&["--refuse", "--part", view["shown"][0]["name"].as_str().unwrap()]);
    assert_eq!(code, 0, "{out}{err}");
    let (code, out, err) = story.open(&[]);
    assert_eq!(code, 0, "{out}{err}");
    even([&story.north, &story.south], 1, [1, 1]);

    // Southland loses all that, takes back what it has written since, and opens an epoch.
    story.south.kill();
    let environment = story.south.environment.clone();
    story.south = Process::at(&back, story.scratch.path().join("south-copy.mark"));
    story.south.environment = environment;
    story.south.serve();
    assert_eq!(heads(&story.south, 0).unwrap()[0]["size"], json!(3));
    let view = wait("its log of both epochs", || {
        let view = restore(&story.south);
        let shown = view["shown"].as_array()?.iter().any(|shown| shown["part"]["epoch"] == 1);
        (shown && view["waits"] == "judgement").then_some(view)
    });
    let [root, more] = ["south.root-key", "south-more"].map(|name| story.scratch.path().join(name));
    let list = granted_file(&root);
    let parts = view["shown"].as_array().unwrap().iter().flat_map(|shown| ["--part", shown["name"].as_str().unwrap()]);
    let take = ["restore", "--take", "--keys-list", list.to_str().unwrap()].into_iter().chain(parts);
    let open = ["restore", "--open", "--root-key", root.to_str().unwrap(), "--backup", more.to_str().unwrap()];
    for args in [take.collect::<Vec<_>>(), open.to_vec()] {
        let (code, out, err) = command(&story.south.data, &args);
        assert_eq!(code, 0, "{out}{err}");
    }
    even([&story.north, &story.south], 2, [1, 1]);

    wait("what Northland keeps beside its log", || (heads(&story.south, 0)?[0]["size"] == json!(size)).then_some(()));
    assert_eq!(heads(&story.north, 0).unwrap()[0]["size"], json!(3));
    let request = story.south.get("/requests/Northland%202?epoch=0").unwrap();
    let told = (&request["shown"], &request["subject"]["text"]);
    assert_eq!(told, (&json!("BROKEN OFF"), &json!("after the backups")), "its words came with it");
}
