//! Somebody changes the store from outside. What was signed is shown as signed, nothing else is, and the doctor names the entry.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::path::Path;
use std::process::{Command, Stdio};

use super::processes::{Process, paired, wait};
use super::scratch::Scratch;
use rusqlite::Connection;
use serde_json::{Value, json};

/// The end of a command, and all that it says.
fn command(data: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
    command.arg("--data").arg(data).args(args).env("LC_ALL", "C").stdin(Stdio::null());
    let ended = command.output().unwrap();
    (ended.status.code(), String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap())
}

/// Two stations on whose line Northland has asked and Southland has written, and the places of both entries; Northland serves no more.
fn written(scratch: &Scratch) -> ([Process; 2], [String; 2]) {
    let [mut north, south] = paired(scratch.path());
    let words = json!({ "text": "no token was found" });
    let ask = json!({ "act": "ask", "from": "minister", "to": "minister", "mark": "TEST", "words": words });
    let (status, asked) = north.post("/acts", &ask).unwrap();
    assert_eq!(status, 200, "{asked}");
    let text = json!({ "act": "text", "from": "minister", "to": "minister", "mark": "TEST", "words": words });
    let (status, said) = south.post("/acts", &text).unwrap();
    assert_eq!(status, 200, "{said}");
    let holds = |entry: &&Value| entry["kind"] == "text" && entry["words"] == "held";
    wait("the text, and a receipt for it", || {
        let page = north.get("/record?words=true")?;
        let entries = page["record"]["entries"].as_array()?.clone();
        let text = entries.iter().find(holds)?["index"].as_u64()?;
        entries.iter().find(|entry| entry["side"] == "ours" && entry["saw"].as_u64() > Some(text)).map(drop)
    });
    north.kill();
    ([north, south], [asked, said].map(|done| done["entry"]["at"].as_str().unwrap().to_owned()))
}

/// Runs one statement on a store that nobody serves; how many rows it changed.
fn change(data: &Path, sql: &str) -> usize {
    Connection::open(data.join("counterpart.db")).unwrap().execute(sql, []).unwrap()
}

/// Other letters in the words of every entry, none more and none fewer.
fn change_words(data: &Path) {
    let store = Connection::open(data.join("counterpart.db")).unwrap();
    let mut statement = store.prepare("SELECT place, bytes FROM body").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
    let rows: Vec<(i64, Vec<u8>)> = rows.map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    for (place, mut bytes) in rows {
        let at = bytes.windows(8).position(|part| part == b"no token").unwrap();
        bytes[at..at + 8].copy_from_slice(b"NO TOKEN");
        store.execute("UPDATE body SET bytes = ?2 WHERE place = ?1", rusqlite::params![place, bytes]).unwrap();
    }
}

#[test]
fn words_that_were_changed_in_the_store_are_shown_as_nobodys_and_the_doctor_names_the_entry() {
    let scratch = Scratch::new("changed-words");
    let ([mut north, _south], [ask, text]) = written(&scratch);
    let changed = "The words kept here are not those that were signed.";
    let looks = |data: &Path, what: &str| {
        for args in [["status", "Northland 1"].as_slice(), &["record", "--words"], &["--json", "record", "--words"]] {
            let (code, told) = command(data, args);
            assert!(code == Some(0) && told.contains(what) && !told.contains("NO TOKEN"), "{args:?}: {told}");
        }
    };
    looks(&north.data, "no token was found");
    assert_eq!(command(&north.data, &["doctor"]).0, Some(0));

    change_words(&north.data);

    looks(&north.data, changed);
    let (code, told) = command(&north.data, &["doctor"]);
    assert_eq!(code, Some(3), "{told}");
    for entry in [format!("Northland 1 ({ask}, epoch 0)"), format!("Southland 1 ({text}, epoch 0)")] {
        assert!(told.contains(&format!("the words kept of {entry} are not those that were signed")), "{told}");
    }
    north.serve();
    looks(&north.data, changed);
    let entries = north.get("/record?words=true").unwrap()["record"]["entries"].as_array().unwrap().clone();
    let of = |kind: &str| entries.iter().find(|entry| entry["kind"] == kind).unwrap().clone();
    for kind in ["ask", "text"] {
        let entry = of(kind);
        assert_eq!((&entry["words"], &entry["said"]["changed"]), (&json!("changed"), &json!(true)), "{entry}");
    }
    let rings = north.get("/lines").unwrap().to_string() + &north.get("/requests").unwrap().to_string();
    assert!(!rings.contains("NO TOKEN"), "{rings}");
}

#[test]
fn the_doctor_names_an_entry_whose_words_are_gone_or_that_is_filed_as_something_else() {
    let scratch = Scratch::new("changed-columns");
    let ([north, _south], [ask, text]) = written(&scratch);
    let kept = scratch.path().join("kept.db");
    // One file holds it all, so that it can be put back.
    let whole = Connection::open(north.data.join("counterpart.db")).unwrap();
    whole.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(whole);
    std::fs::copy(north.data.join("counterpart.db"), &kept).unwrap();

    let gone = |sign: &str, at: &str| format!("the words of {sign} 1 ({at}, epoch 0) were kept here and are gone");
    let says =
        |what: &str| format!("Northland 1 ({ask}, epoch 0) the store says something else than the entry: {what}");
    let place = |at: &str| {
        let (party, index) = at.split_once(':').unwrap();
        format!("place = (SELECT no << 40 | {index} FROM log WHERE party = {party})")
    };
    let (ours, theirs) = (place(&ask), place(&text));
    for (sql, told) in [
        (format!("DELETE FROM body WHERE {ours}"), gone("Northland", &ask)),
        (format!("DELETE FROM body WHERE {theirs}"), gone("Southland", &text)),
        (format!("UPDATE body SET bytes = NULL WHERE {ours}"), gone("Northland", &ask)),
        (format!("UPDATE entry SET kind = 30 WHERE {ours}"), says("its type")),
        (format!("UPDATE entry SET thing = NULL WHERE {ours}"), says("what it belongs to")),
        (format!("UPDATE entry SET claimed = claimed + 1 WHERE {ours}"), says("the time that it claims")),
        (format!("UPDATE entry SET seq = 0 WHERE {ours}"), says("when it arrived")),
        ("UPDATE entry SET seq = seq + 1".to_owned(), "numbers of arrival".to_owned()),
    ] {
        assert!(change(&north.data, &sql) > 0, "{sql}");
        let (code, said) = command(&north.data, &["doctor"]);
        assert!(code == Some(3) && said.contains(&told), "{sql}: “{told}” is not in: {said}");
        for file in ["counterpart.db-wal", "counterpart.db-shm"] {
            drop(std::fs::remove_file(north.data.join(file)));
        }
        std::fs::copy(&kept, north.data.join("counterpart.db")).unwrap();
    }

    change(&north.data, &format!("UPDATE body SET bytes = NULL, erased = 5 WHERE {ours}"));
    let (code, said) = command(&north.data, &["doctor"]);
    assert!(code == Some(0) && said.contains("the words of one entry were erased here"), "{said}");
}

#[test]
fn an_entry_that_can_no_longer_be_read_stops_its_own_line_and_not_the_station() {
    let scratch = Scratch::new("changed-unreadable");
    let ([mut north, _south], _) = written(&scratch);
    assert!(change(&north.data, "UPDATE entry SET bytes = x'00' WHERE kind = 9") > 0);
    let found = "of epoch 0/0000000000000000: bad-signature";

    let (code, said) = command(&north.data, &["doctor"]);
    assert!(
        code == Some(3) && said.contains("What is kept of the line with Southland") && said.contains(found),
        "{said}"
    );
    let (_, said) = command(&north.data, &["lines"]);
    assert!(said.contains("so that line is not served") && said.contains(found), "{said}");

    north.serve();
    let unread = north.get("/lines/unread").unwrap().to_string();
    assert!(unread.contains(found), "{unread}");
}
