//! What the other side shows is read entry by entry, and taken as far as a person says.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use counterpart::keys::Granted;
use serde_json::json;

use super::{Story, command, even, heads, waits};
use crate::processes::wait;

/// Northland has noted this much after its backup, more than is told at once, and root's list has a later key than the one that signed
/// it. The name of the part.
fn noted(name: &str, notes: usize, first: &str) -> (Story, String) {
    let mut story = Story::new(name);
    for at in 0..notes {
        let text = if at == 0 { first.to_owned() } else { format!("note {at}.") };
        let (status, told) = story.north.post("/acts", &json!({ "act": "memo", "words": { "text": text } })).unwrap();
        assert_eq!(status, 200, "{told}");
    }
    even([&story.north, &story.south], 0, [3 + notes as u64, 2]);
    let line = story.line();
    story.north.kill();
    Granted { line: Some(line), epoch: 1, station: [9; 32] }.append(&story.list()).unwrap();
    story.restore();
    let size = heads(&story.south, 0).unwrap()[0]["size"].clone();
    let view = wait("all that is shown", || {
        Some(waits(&story.north, "judgement")).filter(|view| view["shown"][0]["part"]["to"] == size)
    });
    let name = view["shown"][0]["name"].as_str().unwrap().to_owned();
    (story, name)
}

#[test]
fn every_entry_of_a_part_is_read_before_it_is_taken_and_it_is_taken_up_to_one_of_them() {
    let long = "A very long note. ".repeat(20);
    let (mut story, part) = noted("restore-parts", 110, &long);
    let show = |more: &[&str]| {
        let (code, out, err) = command(&story.north.data, &[&["restore"], more].concat());
        assert_eq!(code, 0, "{out}{err}");
        out
    };
    let from: u64 = waits(&story.north, "judgement")["shown"][0]["from"].as_u64().unwrap();
    let (last, next) = (from + 109, from + 100);

    // Some of it is told at first; then all.
    let overview = show(&[]);
    assert!(overview.contains(&format!("--part {part}")) && overview.contains("note 109."), "{overview}");
    assert!(!overview.contains("note 89.") && !overview.contains(long.trim_end()), "{overview}");
    let page = show(&["--part", &part]);
    assert!(page.contains(long.trim_end()) && page.contains("note 99.") && !page.contains("note 100."), "{page}");
    assert!(page.contains(&format!("--from {next}")), "{page}");
    let rest = show(&["--part", &part, "--from", &next.to_string()]);
    assert!(rest.contains("note 100.") && rest.contains("note 109.") && !rest.contains("note 99."), "{rest}");
    assert!(!rest.contains("--from"), "{rest}");

    // An entry behind our own is cut off.
    for outside in [last + 1, from - 1] {
        let (code, _, err) = story.judge(&["--take", "--part", &part, "--up-to", &outside.to_string()]);
        assert!(code == 2 && err.contains("does not say where to cut"), "{outside}: {code} {err}");
    }
    let (code, out, err) = story.judge(&["--take", "--part", &part, "--up-to", &(last - 1).to_string()]);
    assert!(code == 0 && out.contains("109 entries were taken into our log"), "{code} {out}{err}");
    assert_eq!(heads(&story.north, 0).unwrap()[0]["size"], json!(last));
    let view = waits(&story.north, "judgement");
    assert_eq!((&view["shown"][0]["name"], &view["shown"][0]["from"]), (&json!(part), &json!(last)), "{view}");
    let (code, out, err) = story.judge(&["--refuse", "--part", &part]);
    assert!(code == 0 && out.contains("One part was not taken"), "{code} {out}{err}");

    story.kill_and_serve();
    assert_eq!(heads(&story.north, 0).unwrap()[0]["size"], json!(last));
    waits(&story.north, "restored");
    let (code, out, err) = story.open(&[]);
    assert!(code == 0 && out.contains("Nothing was taken back."), "{out}{err}");
    even([&story.north, &story.south], 1, [1, 1]);
}
