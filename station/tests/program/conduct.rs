//! What a peer broke, as it is kept: who asks for a person because of it, and how it is taken out with the record.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::processes::{Process, paired, wait};
use super::scratch::Scratch;
use counterpart_core::fault::Misconduct;
use rusqlite::Connection;
use serde_json::{Value, json};

fn command(data: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
    command.arg("--data").arg(data).args(args).env("LC_ALL", "C").stdin(Stdio::null());
    let ended = command.output().unwrap();
    (ended.status.code(), String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap())
}

/// A breach, as the record thread keeps one.
fn breach(data: &Path) {
    let sql = "INSERT INTO evidence (line, at, kind, detail, bytes)
               SELECT id, 5, 'bad-frame', 'epoch 0/0000000000000000', x'c0ffee' FROM line";
    assert_eq!(Connection::open(data.join("counterpart.db")).unwrap().execute(sql, []).unwrap(), 1);
}

#[test]
fn a_breach_colours_the_doctor_until_somebody_takes_note_and_a_halted_log_without_evidence_is_named() {
    let scratch = Scratch::new("conduct");
    let [mut north, _south] = paired(scratch.path());
    let doctor = |station: &Process, code: i32, part: &str| {
        let (ended, told) = command(&station.data, &["doctor"]);
        assert!(ended == Some(code) && told.contains(part), "{code} “{part}”: {ended:?} {told}");
    };
    doctor(&north, 0, "entries built again");
    north.kill();
    breach(&north.data);
    north.serve();
    doctor(
        &north,
        3,
        "Southland: one breach of the protocol by the other station kept as evidence, the last “bad-frame”",
    );

    let (code, told) = command(&north.data, &["noted", "--conduct"]);

    assert_eq!((code, told.as_str()), (Some(0), "One breach is noted. The evidence stays.\n"));
    doctor(&north, 0, "+ Southland: one breach of the protocol by the other station kept as evidence");
    assert!(command(&north.data, &["noted", "--conduct"]).1.contains("nothing of which nobody has taken note"));
    north.kill();
    breach(&north.data);
    doctor(&north, 3, "! Southland: one breach");
    let halted = format!("UPDATE log SET halted = {} WHERE party = 1", Misconduct::Fork.number());
    Connection::open(north.data.join("counterpart.db")).unwrap().execute(&halted, []).unwrap();
    doctor(&north, 4, "because of “fork”, and no evidence of that is kept");
}

#[test]
fn a_line_is_taken_out_with_its_words_and_the_evidence_whether_it_is_served_or_not() {
    let scratch = Scratch::new("taken-out");
    let [mut north, south] = paired(scratch.path());
    let words = json!({ "text": "the tanker adrift" });
    let text = json!({ "act": "text", "from": "minister", "to": "minister", "mark": "TEST", "words": words });
    assert_eq!(south.post("/acts", &text).unwrap().0, 200);
    wait("the text and its receipt", || {
        let page = north.get("/record")?;
        let receipt = |entry: &&Value| entry["side"] == "ours" && entry["saw"].as_u64() > Some(1);
        page["record"]["entries"].as_array()?.iter().find(receipt).map(drop)
    });
    north.kill();
    breach(&north.data);
    let files = ["unserved.jsonl", "served.jsonl"].map(|name| scratch.path().join(name));
    let data = north.data.clone();
    let take = |file: &Path| command(&data, &["record", "--line", "Southland", "--entries", file.to_str().unwrap()]);

    let (code, told) = take(&files[0]);

    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("entries and the evidence of one breach written to"), "{told}");
    assert_eq!(std::fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&files[0]).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let entries: Vec<&Value> = lines.iter().filter(|line| line.get("index").is_some()).collect();
    assert_eq!(lines.first().unwrap()["me"], 0);
    assert_eq!(lines.last().unwrap()["end"], json!({ "entries": entries.len(), "misconduct": 1, "shown": 0 }));
    assert_eq!(entries.iter().filter(|entry| entry.get("body").is_some()).count(), 1);
    assert!(lines.iter().any(|line| line["misconduct"] == "bad-frame" && line["bytes"] == "c0ffee"), "{text}");
    let (code, told) = take(&files[0]);
    assert!(code != Some(0) && told.contains("exists"), "what is there is left: {told}");

    // Without its peer nothing is added.
    drop(south);
    north.serve();
    assert_eq!(take(&files[1]).0, Some(0));
    assert_eq!(std::fs::read_to_string(&files[1]).unwrap(), text, "the same from the station that serves");
}

#[test]
fn a_token_that_comes_again_with_another_act_is_refused_by_name() {
    let scratch = Scratch::new("token-twice");
    let [north, _south] = paired(scratch.path());
    let text = |words: &str| {
        json!({ "act": "text", "from": "minister", "to": "minister", "mark": "TEST", "token": "t-1",
                "words": { "text": words } })
    };
    let (_, first) = north.post("/acts", &text("as agreed")).unwrap();

    let (again, repeated) = north.post("/acts", &text("as agreed")).unwrap();
    let (status, told) = north.post("/acts", &text("not as agreed")).unwrap();

    assert_eq!((again, &repeated["repeated"], &repeated["entry"]), (200, &json!(true), &first["entry"]));
    assert_eq!((status, &told["error"]["code"]), (409, &json!("token-of-another")), "{told}");
    let at = first["entry"]["at"].as_str().unwrap();
    assert!(told["error"]["what"].as_str().unwrap().contains(at), "{told}");
}

#[test]
fn a_station_that_is_stopped_leaves_its_record_in_one_file_and_no_colours_in_its_log() {
    let scratch = Scratch::new("stopped");
    let [north, _south] = paired(scratch.path());
    let pid = north.pid().unwrap().to_string();
    let log = || std::fs::read_to_string(north.data.join("test.log")).unwrap();

    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    wait("its end", || counterpart::store::served_by(&north.data).is_none().then_some(()));

    let journal = std::fs::metadata(north.data.join("counterpart.db-wal")).map_or(0, |file| file.len());
    assert_eq!(journal, 0, "the journal is folded");
    let alone = scratch.path().join("alone.db");
    std::fs::copy(north.data.join("counterpart.db"), &alone).unwrap();
    let count = |sql: &str| Connection::open(&alone).unwrap().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert!(count("SELECT COUNT(*) FROM entry") > 1);
    assert!(log().contains("the station stops") && !log().contains('\u{1b}'), "{}", log());
}
