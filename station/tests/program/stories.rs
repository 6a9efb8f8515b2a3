//! `demo --story`: stories are played on two real stations and told from the stores of both.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::scratch::Scratch;
use counterpart::story::{Account, Script};
use counterpart::words::Words;
use serde_json::Value;

/// Exit code, standard output, standard error.
fn run(args: &[&str], columns: &str) -> (Option<i32>, String, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_counterpart")).env("COLUMNS", columns).args(args).output().unwrap();
    (run.status.code(), String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap())
}

fn json(args: &[&str]) -> Value {
    let (code, out, err) = run(&[args, &["--json"]].concat(), "100");
    assert_eq!(code, Some(0), "{args:?}: {out}{err}");
    serde_json::from_str(&out).unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

/// The whole record of a directory that no station serves.
fn record(data: &Path) -> Value {
    json(&["--data", data.to_str().unwrap(), "record", "--offset", "0", "--limit", "1000", "--words"])
}

fn places<'a>(entries: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    entries.map(|entry| entry["at"].as_str().unwrap().to_owned()).collect()
}

fn rows(account: &Value) -> impl Iterator<Item = &Value> {
    list(&account["sections"]).iter().flat_map(|section| list(&section["course"]))
}

/// Plays a story that ships and keeps both sides; what was told, and the directories.
fn played(scratch: &Scratch, story: &str, sides: [&str; 2]) -> (Value, [std::path::PathBuf; 2]) {
    let out = scratch.path().join("out");
    let told = json(&["demo", "--story", story, "--out", out.to_str().unwrap()]);
    (told, sides.map(|side| out.join(side)))
}

#[test]
fn february_2013_is_told_by_both_sides_alike_and_every_sentence_rests_on_an_entry_that_both_hold() {
    let scratch = Scratch::new("story-february");
    let (told, data) = played(&scratch, "february-2013", ["washington", "moscow"]);

    let records = data.each_ref().map(|data| record(data));
    let accounts = list(&told["accounts"]);
    let [ours, theirs] = records.each_ref().map(|r| places(list(&r["record"]["entries"]).iter().map(|e| &e["entry"])));
    assert_eq!(ours, theirs, "both hold the same entries");
    assert_eq!(records[0]["heads"], records[1]["heads"]);
    for (account, record) in accounts.iter().zip(&records) {
        assert_eq!(account["heads"], record["heads"], "what was printed is what is kept");
        let rested = places(rows(account));
        assert!(rested.len() > 30 && rested.is_subset(&ours), "{rested:?}");
        let untold = ours.len() - rested.len();
        assert_eq!(account["receipts"], untold, "what is not told is a receipt and nothing else");
        for section in list(&account["sections"]) {
            assert!(list(&section["opening"]).len() <= 12);
            assert!(list(&section["course"]).iter().all(|row| {
                let sentence = row["sentence"].as_str().unwrap();
                sentence.contains(row["entry"].as_str().unwrap()) && sentence.contains("201")
            }));
        }
    }
    let kinds = |entry: &&Value| (entry["kind"].as_str().unwrap() != "received").then_some(()).is_some();
    let told_kinds = list(&records[0]["record"]["entries"]).iter().filter(kinds).map(|e| &e["entry"]);
    assert!(places(told_kinds).is_subset(&places(rows(&accounts[0]))), "only receipts are left out");
    let [washington, moscow] = [0, 1].map(|n| rows(&accounts[n]).map(|r| r["at"].clone()).collect::<Vec<_>>());
    assert_eq!(washington, moscow, "in one order");
}

#[test]
fn february_2013_holds_what_both_published_and_figures_of_the_year_before() {
    let scratch = Scratch::new("story-published");
    let (told, data) = played(&scratch, "february-2013", ["washington", "moscow"]);

    let said: String = list(&told["said"]).iter().map(|line| line.as_str().unwrap()).collect();
    assert!(said.contains("both published accounts") && said.contains("does not say who was right"), "{said}");
    let with_words =
        |row: &Value| format!("{} {}", row["sentence"].as_str().unwrap(), row["said"]["text"].as_str().unwrap_or(""));
    let moscow: Vec<String> = rows(&told["accounts"][1]).map(with_words).collect();
    let has = |words: &[&str]| moscow.iter().any(|sentence| words.iter().all(|word| sentence.contains(word)));
    assert!(has(&["12 Feb", "Washington’s minister asks to talk"]));
    assert!(has(&["Wed 13 Feb 2013", "Washington renews Washington 2: it still stands"]));
    assert!(has(&["Wed 13 Feb 2013", "Moscow defers Washington 2", "TRAVELLING"]));
    assert!(has(&["Thu 14 Feb 2013", "Moscow offers a time for Washington 2"]));
    assert!(has(&["19:01 Moscow", "the time to answer Moscow 3 has passed", "the request is not ended by that"]));
    assert!(has(&["Thu 14 Feb 2013", "Moscow declines Washington 2", "NO-CONFIRMATION"]));
    assert!(has(&["Fri 15 Feb 2013", "asks again after Washington 2", "still stands"]));
    for side in ["Washington", "Moscow"] {
        assert!(has(&["Sun 17 Feb 2013", &format!("{side} states that they talked on Washington 4 by telephone")]));
    }
    let scripted = |sentence: &String| sentence.contains("rings for") && !sentence.contains("no device rang");
    assert!(!moscow.iter().any(scripted), "a scripted bell is shown as one");
    let year = json(&["--data", data[0].to_str().unwrap(), "lines", "--figures", "--year", "2012"]);
    let line = year.as_object().unwrap().values().next().unwrap();
    let row = &line["directions"][0]["rows"][0];
    assert_eq!((row["count"].as_u64(), row["talked"].as_u64()), (Some(1), Some(1)), "{line}");
    assert_eq!(row["first_answer"]["median_ms"], 36 * 3_600_000 + 1_800_000, "from 29 January 17:00 to the 31st 05:30");
}

#[test]
fn an_account_is_read_from_the_store_and_not_from_the_story() {
    let scratch = Scratch::new("story-store");
    let (told, data) = played(&scratch, "offer-lapses", ["northland", "southland"]);

    let other = "story \"Another\"\nside a \"A\" \"A\" zone=UTC\nside b \"B\" \"B\" zone=UTC\n2001-01-01 00:00 wait\n";
    let other = Script::read(other.as_bytes(), &Words::english()).unwrap();
    for (side, data) in data.iter().enumerate() {
        let account = Account::read(&other, data, &Words::english()).unwrap();
        assert_eq!(serde_json::to_value(account).unwrap(), told["accounts"][side]);
    }
    let entries = record(&data[0]);
    let claimed = |kind: &str| -> Vec<String> {
        let entries = list(&entries["record"]["entries"]).iter().filter(|e| e["kind"] == kind);
        entries.map(|e| e["time"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(claimed("check"), ["2025-03-03T09:00:00.000Z"; 2], "what the schedule wants comes at its own time");
    assert_eq!(claimed("overdue"), ["2025-03-03T09:10:00.000Z"]);
    assert_eq!(claimed("lapse"), ["2025-03-03T12:01:00.000Z"]);
    assert_eq!(claimed("alerting"), [""; 0], "no bell is set, so nothing says that a device rings");
}

#[test]
fn accounts_stand_side_by_side_where_that_fits_and_else_one_below_the_other() {
    let wide = run(&["demo", "--story", "crossed"], "120");
    let narrow = run(&["demo", "--story", "crossed"], "72");

    for (code, out, err) in [&wide, &narrow] {
        assert_eq!(*code, Some(0), "{out}{err}");
        assert!(out.starts_with("EXERCISE") && out.trim_end().ends_with("EXERCISE"), "{out}");
        assert!(out.contains("Both stores hold the same two logs"), "{out}");
    }
    let row = |line: &&str| {
        line.contains("Northland’s account") && line.contains("│") && line.contains("Southland’s account")
    };
    assert_eq!(wide.1.lines().filter(row).count(), 1, "{}", wide.1);
    assert_eq!(narrow.1.lines().filter(row).count(), 0, "{}", narrow.1);
    let quoted = |line: &&str| line.trim_start() == "│ (en) North Sea cable";
    assert_eq!(narrow.1.lines().filter(quoted).count(), 4, "words of either side stand behind a bar: {}", narrow.1);
    let flat = narrow.1.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("Southland takes Southland 1 back. It crossed Northland #4: neither had seen the other."),
        "{flat}"
    );
    assert!(wide.1.lines().all(|line| line.chars().count() <= 120));
    let accounts = narrow.1.split("Times to answer").next().unwrap();
    let roots = |line: &&str| !line.trim_start().starts_with(|c: char| c.is_ascii_hexdigit());
    assert!(accounts.lines().filter(roots).all(|line| line.chars().count() <= 72), "{accounts}");
}

const HEAD: &str = "story \"A\"\nside north \"North\" \"Ministry N\" zone=Europe/Helsinki\nside south \"South\" \"Ministry S\" zone=America/Santiago\n";

fn file(scratch: &Scratch, bytes: &[u8]) -> String {
    let path = scratch.path().join("a.story");
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_wrong_expectation_exits_1_and_names_its_line_with_what_stands_there() {
    let scratch = Scratch::new("story-wrong");
    let ask = "2013-02-12 22:30 north ask from=minister to=minister \"x\"\n";

    for (line, column, lines, said) in [
        (
            5,
            5,
            "    expect \"North 1\" AGREED\n",
            "“North 1” was expected to be AGREED in North’s store; there it is OPEN DELIVERED.",
        ),
        (5, 1, "expect \"North 7\" OPEN\n", "North 7 is not in the record."),
        (5, 1, "expect not-done closed\n", "was expected not to be done (closed); what became of it: done"),
        (5, 1, "2013-02-12 22:40 north answer \"North 1\"\n", "was opened by this side"),
        (6, 1, "2013-02-12 22:40 north answer \"North 1\"\nexpect not-done closed\n", "what became of it: own-thing"),
    ] {
        let path = file(&scratch, format!("{HEAD}{ask}{lines}").as_bytes());
        let (code, out, err) = run(&["demo", "--story", &path], "100");
        assert_eq!(code, Some(1), "{out}{err}");
        assert!(err.starts_with(&format!("{path}, line {line}, column {column}: ")) && err.contains(said), "{err}");
        assert!(err.lines().count() == 2 && out.is_empty(), "{out}{err}");
    }
}

#[test]
fn what_is_no_story_exits_1_and_names_its_line_and_a_story_that_is_not_there_exits_2() {
    let scratch = Scratch::new("story-malformed");
    let long = format!("story \"A\"\n{}", "# long\n".repeat(10_000));
    let with = |lines: &str| format!("{HEAD}{lines}\n").into_bytes();

    for (bytes, line, said) in [
        (b"story \"A\"\n\xff\n".to_vec(), 2, "UTF-8"),
        (long.into_bytes(), 9_362, "at most 65536 bytes"),
        (with("2013-02-12 22:30 north shout \"x\""), 4, "one of the acts ask, seen"),
        (with("2013-02-12 22:30 wait\n2013-02-12 22:29 wait"), 5, "before the step before it"),
        (with("2013-02-12 22:30 east wait"), 4, "north, south"),
    ] {
        let path = file(&scratch, &bytes);
        let (code, out, err) = run(&["demo", "--story", &path], "100");
        assert!(code == Some(1) && err.starts_with(&format!("{path}, line {line}, column")), "{code:?} {out}{err}");
        assert!(err.contains(said) && err.lines().count() == 2, "{err}");
        let (_, out, _) = run(&["--json", "demo", "--story", &path], "100");
        let told: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&told["error"]["code"], &told["error"]["fault"]), (&"story".into(), &"refusal".into()));
    }
    let (code, _, err) = run(&["demo", "--story", "no-such-story"], "100");
    assert!(code == Some(2) && err.contains("february-2013, offer-lapses, crossed"), "{err}");
}

#[test]
fn a_story_is_not_played_over_one_that_is_kept() {
    let scratch = Scratch::new("story-kept");
    let path = file(&scratch, format!("{HEAD}2013-02-12 22:30 wait\n").as_bytes());
    let out = scratch.path().join("kept");
    let play = || run(&["demo", "--story", &path, "--out", out.to_str().unwrap()], "100");
    assert_eq!(play().0, Some(0));
    let before = [out.join("north"), out.join("south")].map(|data| record(&data));

    let (code, _, err) = play();

    assert!(code == Some(2) && err.contains("exists"), "{err}");
    assert_eq!([out.join("north"), out.join("south")].map(|data| record(&data)), before);
}
